//! Children: short-lived tokens derived from a credential. A child carries no more than its parent and ends with it.
//!
//! A child is a JWT (RFC 9068), or the same claims sealed into an opaque token. It is stored nowhere: it names the
//! credentials that must be alive for it, and what it may do is computed from what its parent may do now.

mod claims;

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

pub use self::claims::{ActClaim, Claims, Confirmation};
use super::error::Refusal;
use super::ids::PrincipalId;
use super::jwk::Thumbprint;
use super::oauth_client::Warrant;
use super::permission::{Permission, Permissions};
use super::token::KeyId;
use crate::clock::{HOUR, MINUTE, SECOND};

/// The default lifetime in milliseconds.
pub const USUAL_LIFE: i64 = 10 * MINUTE;
/// The longest lifetime in milliseconds.
pub const LONGEST_LIFE: i64 = HOUR;
/// The most actors in a chain of delegation (RFC 8693, section 4.1).
pub const MOST_ACTORS: usize = 3;
/// The most children that a child may descend from.
pub const MOST_ANCESTORS: usize = 8;
/// The most names in a scope.
pub const MOST_SCOPES: usize = 64;
/// The longest scope, in bytes.
pub const LONGEST_SCOPE: usize = 2_048;
/// The resource type of the tools that a scope names.
pub const TOOL: &str = "tool";
/// The action of calling a tool.
pub const CALL_TOOL: &str = "tools/call";

/// The `client_id` of a child that no client has asked for, only a holder of its parent. No client and no user has that name,
/// because theirs have no colon.
pub const NO_CLIENT: &str = "urn:tessera:no-client";

/// The prefix of a persona's qualified name in a scope.
pub(super) const PERSONA: &str = "persona:";
/// Scopes of OpenID Connect: they carry nothing.
const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What a restricted child carries: permissions, personas, and tools that its parent may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChildScope {
    /// The platform permissions.
    pub permissions: Permissions,
    /// The qualified names of personas.
    pub personas: Vec<String>,
    /// The names of tools.
    pub tools: Vec<String>,
}

impl ChildScope {
    /// Parses names separated by spaces (RFC 6749, section 3.3); `None` without a name. A name is a permission, `persona:` and
    /// a qualified name, or else a tool; those of OpenID Connect carry nothing.
    ///
    /// # Errors
    /// A message about the first name that is none of these.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.len() > LONGEST_SCOPE || text.split(' ').count() > MOST_SCOPES {
            return Err(format!("must have at most {MOST_SCOPES} names and {LONGEST_SCOPE} bytes"));
        }
        let mut scope = Self::default();
        let mut permissions = Vec::new();
        for name in text.split(' ').filter(|name| !name.is_empty() && !OPENID.contains(name)) {
            if !name.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
                return Err("must have names of printable ASCII characters except `\"` and `\\`".to_owned());
            }
            let list = if let Some(permission) = Permission::find(name) {
                permissions.push(permission);
                continue;
            } else if let Some(persona) = name.strip_prefix(PERSONA) {
                (&mut scope.personas, persona)
            } else {
                (&mut scope.tools, name)
            };
            if !list.0.iter().any(|known| known == list.1) {
                list.0.push(list.1.to_owned());
            }
        }
        scope.permissions = permissions.into_iter().collect();
        Ok(if text.split(' ').all(str::is_empty) { None } else { Some(scope) })
    }

    /// Whether everything in it is in `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.permissions.iter().all(|permission| other.permissions.contains(permission))
            && self.personas.iter().all(|persona| other.personas.contains(persona))
            && self.tools.iter().all(|tool| other.tools.contains(tool))
    }
}

impl fmt::Display for ChildScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permissions = self.permissions.iter().map(|permission| permission.name().to_owned());
        let personas = self.personas.iter().map(|persona| format!("{PERSONA}{persona}"));
        let names: Vec<String> = permissions.chain(personas).chain(self.tools.iter().cloned()).collect();
        formatter.write_str(&names.join(" "))
    }
}

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To act as its subject.
    #[default]
    Access,
    /// A client secret: acts as its subject and authenticates it, an API key, as an OAuth client.
    ClientSecret,
}

impl Purpose {
    const CLIENT_SECRET: &str = "client_secret";

    /// The value of its claim; `None` for a token without the claim.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Access => None,
            Self::ClientSecret => Some(Self::CLIENT_SECRET),
        }
    }

    /// The purpose with that claim; `None` if it is unknown.
    fn find(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Access),
            Some(Self::CLIENT_SECRET) => Some(Self::ClientSecret),
            Some(_) => None,
        }
    }
}

/// A principal that acts for the subject of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate {
    /// The principal.
    pub principal: PrincipalId,
    /// The user name of the delegate when the child was made.
    pub username: String,
    /// The credential with which the delegate took the child over; the child ends with it.
    pub credential: KeyId,
    /// The warrant that the delegate proved itself with, if not with a token; the child ends with that, too.
    pub warrant: Option<Warrant>,
}

/// How a request presents a token. It has no `Debug`, so that the token is not logged.
#[derive(Clone, Copy)]
pub struct Presentation<'a> {
    /// The token.
    pub token: &'a str,
    /// The client address, if known.
    pub address: Option<IpAddr>,
    /// The audience that a child must have.
    pub audience: Audience<'a>,
    /// The thumbprint of the key that the request proves (RFC 9449).
    pub proof_key: Option<Thumbprint>,
}

impl<'a> Presentation<'a> {
    /// A bearer token for this server.
    #[must_use]
    pub fn bearer(token: &'a str, address: Option<IpAddr>) -> Self {
        Self { token, address, audience: Audience::Issuer, proof_key: None }
    }
}

/// The audience that a child must have. Tokens that are not children have no audience.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// For the server that issued it.
    Issuer,
    /// For the resource with this URL.
    Named(&'a str),
    /// Any audience: the asking resource server compares it.
    Any,
}

/// A child, as its claims describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its id, the `jti`.
    pub id: Uuid,
    /// The ids of the children that it descends from; it is revoked with any of them.
    pub ancestors: Vec<Uuid>,
    /// The URL of the server that issued it.
    pub issuer: String,
    /// The principal that it authenticates.
    pub subject: PrincipalId,
    /// The id of the client that it was issued to, or [`NO_CLIENT`].
    pub client: String,
    /// The audience: the server or the resource that the child is for.
    pub audience: String,
    /// The credential that it is derived from.
    pub parent: KeyId,
    /// The public key or the trust rule of its parent with which the child was obtained, if not with the parent's
    /// token. The child ends when that is removed.
    pub warrant: Option<Warrant>,
    /// Epoch seconds.
    pub issued_at: i64,
    /// Epoch seconds.
    pub expires_at: i64,
    /// The scope of the child; `None` for everything that its parent may do.
    pub scope: Option<ChildScope>,
    /// The delegates that act for the subject, the latest first.
    pub actors: Vec<Delegate>,
    /// The thumbprint of the key that its requests must prove (RFC 9449).
    pub proof_key: Option<Thumbprint>,
    /// The delegate in `actors` that impersonates the subject: the subject has not handed out a token.
    pub impersonator: Option<PrincipalId>,
    /// Whether the child is an access token or a client secret.
    pub purpose: Purpose,
}

impl Child {
    /// When the child expires, in epoch milliseconds.
    #[must_use]
    pub fn expires_at_millis(&self) -> i64 {
        self.expires_at.saturating_mul(SECOND)
    }

    /// The type of the child's token in answers: how requests present it.
    #[must_use]
    pub fn token_type(&self) -> &'static str {
        if self.proof_key.is_some() { "DPoP" } else { "Bearer" }
    }

    /// Whether the child is for the server that issued it.
    #[must_use]
    pub fn is_for_its_issuer(&self) -> bool {
        self.audience == self.issuer
    }

    /// Checks that a request may use the child.
    ///
    /// # Errors
    /// [`Refusal::OtherAudience`], [`Refusal::Unproved`]
    pub fn check(&self, presented: &Presentation<'_>) -> Result<(), Refusal> {
        let intended = match presented.audience {
            Audience::Issuer => self.is_for_its_issuer(),
            // Without a configured URL, clients choose by `Host` what the issuer is called.
            Audience::Named(audience) => self.audience == audience && !self.is_for_its_issuer(),
            Audience::Any => true,
        };
        if !intended {
            return Err(Refusal::OtherAudience);
        }
        match &self.proof_key {
            Some(bound) if presented.proof_key != Some(*bound) => Err(Refusal::Unproved),
            _ => Ok(()),
        }
    }

    /// The user names of the delegates, the latest first, separated by commas.
    #[must_use]
    pub fn acted_by(&self) -> String {
        self.actors.iter().map(|actor| actor.username.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The warrants that the child needs, each with the API key that must have it.
    pub fn warrants(&self) -> impl Iterator<Item = (PrincipalId, Warrant)> {
        let actors = self.actors.iter().map(|actor| (actor.principal, actor.warrant));
        [(self.subject, self.warrant)].into_iter().chain(actors).filter_map(|(key, warrant)| Some((key, warrant?)))
    }

    /// Every id by which the child may be revoked.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.ancestors.iter().copied().chain([self.id])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        let text = "VERIFY_TOKENS persona:default/abc search docs.fetch";
        let scope = ChildScope::parse(text).unwrap().unwrap();
        assert_eq!(scope.personas, ["default/abc"]);
        assert_eq!(scope.tools, ["search", "docs.fetch"]);
        assert_eq!(scope.to_string(), text);
        assert_eq!(ChildScope::parse("openid  profile").unwrap(), Some(ChildScope::default()));
        assert_eq!(ChildScope::parse(" ").unwrap(), None);
        assert!(ChildScope::parse("a\u{7f}").is_err() && ChildScope::parse(&"a ".repeat(70)).is_err());
    }

    proptest! {
        #[test]
        fn any_scope_is_written_so_that_it_is_read_back(
            names in prop::collection::vec("[!#-\\[\\]-~]{1,20}|persona:[!-~&&[^\"\\\\]]{0,20}|openid|MANAGE_APIKEYS|VERIFY_TOKENS", 0..20),
        ) {
            let scope = ChildScope::parse(&names.join(" ")).unwrap().unwrap_or_default();
            // A scope that carries nothing is written as the empty text: see `Child::read`.
            prop_assert_eq!(ChildScope::parse(&scope.to_string()).unwrap().unwrap_or_default(), scope);
        }
    }
}
