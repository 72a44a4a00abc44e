//! Parties: the units of fair queueing. Work of one party waits for other work of that party, so that it does not delay
//! other parties.

use super::actor::Actor;
use super::ids::PrincipalId;
use super::network::Network;

/// The party on whose behalf a scarce resource is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// Unauthenticated clients, identified by their network.
    Network(Network),
    /// An actor.
    Actor(PrincipalId),
    /// Clients that report a leaked token.
    Finder,
    /// Background work of the service.
    Upkeep,
    /// The acknowledgements of this node, for which other nodes wait.
    Follower,
}

impl Party {
    /// The party of an actor; for an actor that is not in the database, its network.
    #[must_use]
    pub fn of(actor: &Actor) -> Self {
        if actor.id().uuid().is_nil() { Self::Network(Network::of(actor.address)) } else { Self::Actor(actor.id()) }
    }
}
