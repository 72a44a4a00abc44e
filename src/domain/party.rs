//! On whose behalf something scarce is used: those of one party wait for each other, and not others for them.

use super::actor::Actor;
use super::ids::PrincipalId;
use super::network::Network;

/// On whose behalf something scarce is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// Strangers, known by their network alone.
    Network(Network),
    /// An actor.
    Actor(PrincipalId),
    /// Whoever found a token.
    Finder,
    /// The service itself.
    Upkeep,
}

impl Party {
    /// The party of an actor; of those who are nowhere in the database, their network.
    #[must_use]
    pub fn of(actor: &Actor) -> Self {
        if actor.id().uuid().is_nil() { Self::Network(Network::of(actor.address)) } else { Self::Actor(actor.id()) }
    }
}
