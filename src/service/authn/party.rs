//! Who tries a name, and who shares turns with whom.

use std::net::IpAddr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::Mac;

use crate::domain::network::Network;
use crate::domain::pepper::Peppers;
use crate::domain::text::fold;

/// A name as it was tried, from a network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trial {
    /// Folded, and cut to the length of a name: its bearer may or may not exist.
    pub(super) name: String,
    /// Whence.
    pub(super) network: Network,
    /// What is kept of both once the name has signed in from there.
    pub(super) mark: Arc<str>,
}

impl Trial {
    /// That name from that address.
    #[must_use]
    pub fn new(username: &str, address: Option<IpAddr>, peppers: &Peppers) -> Self {
        let name: String = fold(username).chars().take(100).collect();
        let network = Network::of(address);
        let mut keyed = peppers.derive("familiar network");
        keyed.update(format!("{name}\0{network}").as_bytes());
        Self { name, network, mark: HEXLOWER.encode(&keyed.finalize().into_bytes()).into() }
    }
}

/// Who shares a turn in the queue for checking passwords.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// A name on a network that is familiar with it.
    Familiar(Trial),
    /// Everybody else of a network.
    Strangers(Network),
}
