//! What stands between a request and the checking of a password, for every door at which people sign in or sign up.

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

/// Who asks to sign in or to sign up, as far as it is not about whom they say they are.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// The request, for the audit trail.
    pub request: Request,
}

/// The throttle, the queue and the counters.
pub struct SignIns {
    pub(super) throttle: Throttle,
    queue: Queue,
    /// What came of attempts.
    pub outcomes: Family<Outcome, Counter>,
}

/// What came of an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

impl Outcome {
    /// The password was right, and a session began.
    pub const SUCCEEDED: Self = Self { outcome: "succeeded" };
    /// The name or the password was wrong.
    pub const WRONG: Self = Self { outcome: "wrong" };
    /// Too many wrong ones came before, so none was checked.
    pub const SLOWED_DOWN: Self = Self { outcome: "slowed_down" };
    /// Too many waited already.
    pub const BUSY: Self = Self { outcome: "busy" };
}

impl SignIns {
    /// At most so many passwords are checked at once.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { throttle: Throttle::default(), queue: Queue::new(places), outcomes: Family::default() }
    }

    /// Waits for the turn to check a password for that name.
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

    /// Waits for the turn to hash the password of somebody new.
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
