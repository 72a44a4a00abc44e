//! Admission control for passwords, used wherever users sign in or sign up: throttle, queue, counters.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
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
use crate::service::Service;

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
    /// Those in front of each provider: one that is slow keeps nobody from another.
    at_providers: Mutex<HashMap<String, Queue<SignInParty>>>,
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
        Self {
            throttle: Throttle::default(),
            queue: queue(places),
            at_providers: Mutex::default(),
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
        self.turn_in(&self.queue, attempt, clock).await
    }

    async fn turn_in(
        &self,
        queue: &Queue<SignInParty>,
        attempt: &Attempt,
        clock: &Clock,
    ) -> Result<Permit<SignInParty>> {
        let entered = async {
            let admission = self.throttle.admit(attempt, clock.now())?;
            let permit = enter(queue, admission.party.clone()).await?;
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
        enter(&self.queue, SignInParty::Strangers(Network::of(origin.address))).await
    }

    pub(super) fn count(&self, outcome: SignInOutcome) {
        self.outcomes.get_or_create(&outcome).inc();
    }
}

/// A queue for that many places.
fn queue(places: usize) -> Queue<SignInParty> {
    Queue::new(Rules {
        places,
        places_of_one: places.div_ceil(2),
        places_of_others: places - places / LEAVE_ONE_OF,
        waiting: WAITING,
        waiting_of_one: WAITING_OF_ONE,
        waiting_of_others: WAITING_STRANGERS,
        patience: PATIENCE,
    })
}

async fn enter(queue: &Queue<SignInParty>, party: SignInParty) -> Result<Permit<SignInParty>> {
    queue.enter(party, Urgency::InTurn).await.ok_or(Error::Busy)
}

/// How many questions one provider is asked at once.
const ASKED_AT_ONCE: usize = 8;

/// A turn to ask a provider who somebody is.
pub struct ProviderTurn {
    attempt: Attempt,
    _permit: Permit<SignInParty>,
}

impl Service {
    /// Waits for the turn to ask a provider who somebody is. Every question costs the provider one, so those that come to
    /// nothing are counted as wrong passwords are, by the network that they come from; no network slows down others.
    ///
    /// # Errors
    /// [`Error::SlowedDown`], [`Error::Busy`]
    pub async fn turn_at_provider(&self, provider: &str, origin: &Origin) -> Result<ProviderTurn> {
        // No user has such a name.
        let name = format!("({provider}) {}", Network::of(origin.address));
        let attempt = Attempt::new(&name, origin.address, &self.peppers);
        let sign_ins = &self.sign_ins;
        let queue = {
            let mut queues = sign_ins.at_providers.lock().unwrap_or_else(PoisonError::into_inner);
            queues.entry(provider.to_owned()).or_insert_with(|| queue(ASKED_AT_ONCE)).clone()
        };
        let permit = sign_ins.turn_in(&queue, &attempt, &self.clock).await?;
        Ok(ProviderTurn { attempt, _permit: permit })
    }

    /// Counts a question that came to nothing, and tells whether it goes into the audit trail.
    #[must_use]
    pub fn failed_at_provider(&self, turn: &ProviderTurn) -> bool {
        self.sign_ins.count(SignInOutcome::WRONG);
        self.sign_ins.throttle.failed(&turn.attempt, self.clock.now())
    }

    /// Notes that a question told who somebody is.
    pub fn succeeded_at_provider(&self, turn: &ProviderTurn) {
        self.sign_ins.count(SignInOutcome::SUCCEEDED);
        self.sign_ins.throttle.succeeded(&turn.attempt);
    }
}
