//! Sign-in attempts, and the parties that share turns in the password queue.

use std::net::IpAddr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::Mac;

use crate::domain::network::{Group, Network, SIZES};
use crate::domain::pepper::Peppers;
use crate::domain::text::fold;
use crate::queue;

/// A sign-in attempt: the name that was tried, and the network it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// Case-folded and cut to the length of a user name. The user may not exist.
    pub(super) name: String,
    /// The network that the attempt came from.
    pub(super) network: Network,
    /// A keyed hash of name and network, stored once the user has signed in from there.
    pub(super) mark: Arc<str>,
}

impl Attempt {
    /// An attempt with this name from this address.
    #[must_use]
    pub fn new(username: &str, address: Option<IpAddr>, peppers: &Peppers) -> Self {
        let name: String = fold(username).chars().take(100).collect();
        let network = Network::of(address);
        let mut keyed = peppers.derive("familiar network");
        keyed.update(format!("{name}\0{network}").as_bytes());
        Self { name, network, mark: HEXLOWER.encode(&keyed.finalize().into_bytes()).into() }
    }
}

/// The source that an attempt counts for in the queue for checking passwords: the [`queue::Party`] of sign-ins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignInSource {
    /// A name on a network from which it has signed in before.
    Familiar(Attempt),
    /// All other attempts from a network.
    Strangers(Network),
}

/// The key under which running password checks are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// A name on a network that is familiar with it.
    Attempt(Attempt),
    /// A group of networks.
    Group(Group),
}

impl queue::Party for SignInSource {
    type Group = GroupKey;

    fn groups(&self) -> [GroupKey; SIZES] {
        match self {
            Self::Familiar(attempt) => std::array::from_fn(|_| GroupKey::Attempt(attempt.clone())),
            Self::Strangers(network) => network.groups().map(GroupKey::Group),
        }
    }

    fn is_preferred(&self) -> bool {
        matches!(self, Self::Familiar(_))
    }
}
