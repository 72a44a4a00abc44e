//! Admission control for passwords, used wherever users sign in or sign up: throttle, queue, counters.

use std::net::IpAddr;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::attempt::{Attempt, SignInParty};
use super::polls::Polls;
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::domain::actor::Request;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::queue::{Permit, Queue, Rules, Urgency};

/// How many attempts of one party wait at most.
const WAITING_OF_ONE: usize = 16;
/// How many attempts wait at most in all, and how many of them are strangers'.
const WAITING: usize = 256;
const WAITING_STRANGERS: usize = 192;
/// Of so many places strangers leave one to familiar networks.
const LEAVE_ONE_OF: usize = 4;
/// How long an attempt waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

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
    queue: Queue<SignInParty>,
    /// Counts wrong user codes of device authorizations.
    pub(super) user_codes: Throttle,
    /// The polls for device authorizations.
    pub(super) polls: Polls,
    /// Counts attempts by outcome.
    pub outcomes: Family<SignInOutcome, Counter>,
}

/// The outcome of an attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SignInOutcome {
    outcome: &'static str,
}

impl SignInOutcome {
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
        let queue = Queue::new(Rules {
            places,
            places_of_one: places.div_ceil(2),
            places_of_others: places - places / LEAVE_ONE_OF,
            waiting: WAITING,
            waiting_of_one: WAITING_OF_ONE,
            waiting_of_others: WAITING_STRANGERS,
            patience: PATIENCE,
        });
        Self {
            throttle: Throttle::default(),
            queue,
            user_codes: Throttle::default(),
            polls: Polls::default(),
            outcomes: Family::default(),
        }
    }

    /// Waits for the turn to check a password for this name.
    ///
    /// # Errors
    /// [`Error::SlowedDown`], [`Error::Busy`]
    pub(super) async fn turn(&self, attempt: &Attempt, clock: &Clock) -> Result<Permit<SignInParty>> {
        let entered = async {
            let admission = self.throttle.admit(attempt, clock.now())?;
            let permit = self.enter(admission.party.clone()).await?;
            self.throttle.confirm(attempt, &admission, clock.now())?;
            Ok(permit)
        };
        entered.await.inspect_err(|error| match error {
            Error::SlowedDown { .. } => self.count(SignInOutcome::SLOWED_DOWN),
            _ => self.count(SignInOutcome::BUSY),
        })
    }

    /// Waits for the turn to hash the password of a new user.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub(in crate::service) async fn turn_of_newcomer(&self, origin: &Origin) -> Result<Permit<SignInParty>> {
        self.enter(SignInParty::Strangers(Network::of(origin.address))).await
    }

    async fn enter(&self, party: SignInParty) -> Result<Permit<SignInParty>> {
        self.queue.enter(party, Urgency::InTurn).await.ok_or(Error::Busy)
    }

    pub(super) fn count(&self, outcome: SignInOutcome) {
        self.outcomes.get_or_create(&outcome).inc();
    }
}
