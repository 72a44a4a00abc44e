//! Admission control for passwords, used wherever users sign in or sign up: throttle, queue, counters.

use std::net::IpAddr;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::party::{Party, Trial};
use super::queue::{Permit, Queue};
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::domain::actor::Request;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;

/// Where an attempt to sign in or sign up comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// The request, for the audit trail.
    pub request: Request,
}

/// The throttle, the queue and the counters of sign-in attempts.
pub struct SignIns {
    pub(super) throttle: Throttle,
    queue: Queue,
    /// Counts attempts by outcome.
    pub outcomes: Family<Outcome, Counter>,
}

/// The outcome of an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

impl Outcome {
    /// The password was right, and a session was created.
    pub const SUCCEEDED: Self = Self { outcome: "succeeded" };
    /// The name or the password was wrong.
    pub const WRONG: Self = Self { outcome: "wrong" };
    /// Too many wrong passwords came before, so this one was not checked.
    pub const SLOWED_DOWN: Self = Self { outcome: "slowed_down" };
    /// Too many attempts were waiting.
    pub const BUSY: Self = Self { outcome: "busy" };
}

impl SignIns {
    /// Checks at most `places` passwords at once.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { throttle: Throttle::default(), queue: Queue::new(places), outcomes: Family::default() }
    }

    /// Waits for the turn to check a password for this name.
    ///
    /// # Errors
    /// [`Error::SlowedDown`], [`Error::Busy`]
    pub(super) async fn turn(&self, trial: &Trial, clock: &Clock) -> Result<Permit> {
        let entered = async {
            let admission = self.throttle.admit(trial, clock.now())?;
            let permit = self.queue.enter(admission.party.clone()).await?;
            self.throttle.confirm(trial, &admission, clock.now())?;
            Ok(permit)
        };
        entered.await.inspect_err(|error| match error {
            Error::SlowedDown { .. } => self.count(Outcome::SLOWED_DOWN),
            _ => self.count(Outcome::BUSY),
        })
    }

    /// Waits for the turn to hash the password of a new user.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub(in crate::service) async fn turn_of_newcomer(&self, origin: &Origin) -> Result<Permit> {
        self.queue.enter(Party::Strangers(Network::of(origin.address))).await
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.outcomes.get_or_create(&outcome).inc();
    }
}
