//! The messages between edges, which verify next to a gateway, and nodes.
//!
//! An edge keeps whole answers of nodes, never tokens. The node that gives an answer says whether it may be kept, and
//! what ends it: [`Keep`]. Looks say which of the kept answers have ended since: [`Changed`].

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::ids::PrincipalId;
use super::network::Network;
use super::token::KeyId;
use crate::clock::MINUTE;

/// The most edges of one principal.
pub const MOST_EDGES_OF_OWNER: usize = 16;
/// The most edges in all.
pub const MOST_EDGES: usize = 256;
/// How long a server lets a look of an edge wait for a look of its own. The edge waits longer for the answer, or it
/// would never get this error.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(4);
/// How long an edge may keep an answer at most, in milliseconds.
pub const LONGEST_KEPT: i64 = MINUTE;
/// The most uses that an edge reports with one look.
pub const USES_REPORTED: usize = 1_000;
/// The greatest age of a use that an edge reports, in milliseconds: a greater one counts as this. A handle is accepted
/// for twice as long.
pub const OLDEST_USE: i64 = 10 * MINUTE;

/// The request header by which an edge shows that it is an edge: its pass.
pub const EDGE: &str = "tessera-edge";
/// The request header with the secret of an edge. Only the process that registered the edge has it.
pub const EDGE_SECRET: &str = "tessera-edge-secret";
/// The response header with [`Keep`], on answers to edges.
pub const KEEP: &str = "tessera-keep";

/// Stands for all assets in a list of names of principals: the answer depends on assets.
pub const ASSETS: Uuid = Uuid::max();

/// The names of principals in a process's answers to its edges: keyed hashes of their ids. An edge compares the names
/// in the answers that it has kept with those of changed principals; it does not learn the ids of principals whose
/// tokens it has not seen.
#[derive(Clone)]
pub struct Names(Hmac<Sha256>);

impl Names {
    /// The names that the process with the node id `source` uses. They differ between processes, because an edge never
    /// combines the answers of two.
    #[must_use]
    pub fn new(mut keyed: Hmac<Sha256>, source: Uuid) -> Self {
        keyed.update(source.as_bytes());
        Self(keyed)
    }

    /// The name of a principal. [`ASSETS`] keeps its own.
    #[must_use]
    pub fn of(&self, id: Uuid) -> Uuid {
        if id == ASSETS {
            return id;
        }
        let mut keyed = self.0.clone();
        keyed.update(id.as_bytes());
        let hash = keyed.finalize().into_bytes();
        let mut name = [0; 16];
        name.copy_from_slice(&hash[..16]);
        Uuid::from_bytes(name)
    }
}

/// The identity of a look: the node that looked, and the number of the look at that node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookId {
    /// The id under which the process that looked first registered as a node.
    pub source: Uuid,
    /// The number of the look.
    pub look: u64,
}

impl LookId {
    /// Parses what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (source, look) = text.split_once('.')?;
        Some(Self { source: Uuid::parse_str(source).ok()?, look: look.parse().ok()? })
    }
}

impl fmt::Display for LookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.source, self.look)
    }
}

/// The answers that changes since an earlier look may have made wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Any answer may be wrong.
    Everything,
    /// Answers that depend on one of these names may be wrong.
    Only(Vec<Uuid>),
}

impl Default for Changed {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

/// How long an edge may keep an answer, and what the answer depends on. An answer without it may not be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Milliseconds from when the edge sent its request.
    #[serde(rename = "for")]
    pub millis: i64,
    /// The [`Names`] of the principals that the answer depends on, and [`ASSETS`].
    pub on: Vec<Uuid>,
    /// The handles that an edge reports when it gives the answer again, one for each used token.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Milliseconds until the token expires, if the answer states that time.
    #[serde(default)]
    pub left: Option<i64>,
}

/// The token that a use is counted for. A node seals it into a handle, so that an edge can report only uses that a node
/// has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedToken {
    /// The service account whose uses are counted; `None` for the token of a user.
    pub principal: Option<PrincipalId>,
    /// The key id of an access token, whose uses are noted one by one.
    pub access_token: Option<KeyId>,
    /// The network from which the token was used.
    pub network: Network,
    /// When the node gave the answer, in epoch milliseconds.
    pub at: i64,
}

impl UsedToken {
    /// Writes the token as text, for the handle.
    #[must_use]
    pub fn text(&self) -> String {
        let access_token = self.access_token.map(|key_id| key_id.to_string()).unwrap_or_default();
        let principal = self.principal.map(|principal| principal.to_string()).unwrap_or_default();
        format!("{principal}|{access_token}|{}|{}", self.network.name().unwrap_or_default(), self.at)
    }

    /// Parses what [`UsedToken::text`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let mut part = || parts.next();
        let (principal, key_id, network, at) = (part()?, part()?, part()?, part()?);
        let address = network.split('/').next().unwrap_or_default();
        Some(Self {
            principal: if principal.is_empty() { None } else { Some(PrincipalId::parse(principal)?) },
            access_token: if key_id.is_empty() { None } else { Some(KeyId::parse(key_id)?) },
            network: Network::of(if address.is_empty() { None } else { Some(address.parse::<IpAddr>().ok()?) }),
            at: at.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_looks_and_used_tokens_are_read_as_they_are_written() {
        let look = LookId { source: Uuid::from_u128(7), look: 9 };
        assert_eq!(LookId::parse(&look.to_string()), Some(look));
        for damaged in
            ["", "7", "x.1", "00000000-0000-0000-0000-000000000007.", "00000000-0000-0000-0000-000000000007.-1"]
        {
            assert_eq!(LookId::parse(damaged), None, "{damaged}");
        }
        for (access_token, address) in
            [(None, None), (Some(KeyId([3; 16])), Some("2001:db8::1")), (None, Some("192.0.2.1"))]
        {
            let network = Network::of(address.map(|address| address.parse().unwrap()));
            let principal = access_token.is_none().then(|| Uuid::from_u128(5).into());
            let used = UsedToken { principal, access_token, network, at: 12 };
            assert_eq!(UsedToken::parse(&used.text()), Some(used));
        }
        assert_eq!(UsedToken::parse("a|b"), None);
    }
}
