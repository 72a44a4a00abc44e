//! Admission control for passwords, used wherever users sign in or sign up: throttle, queue, counters.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::attempt::{Attempt, SignInSource};
use super::polls::Polls;
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::domain::actor::Request;
use crate::domain::error::{Error, Result};
use crate::domain::network::Network;
use crate::queue::{Permit, Queue, Rules, Urgency};
use crate::service::Service;

/// Maximum number of waiting attempts of one party.
const WAITING_OF_ONE: usize = 16;
/// Maximum number of waiting attempts in total, and of those from unfamiliar networks.
const WAITING: usize = 256;
const WAITING_STRANGERS: usize = 192;
/// One in this many places is reserved for familiar networks.
const LEAVE_ONE_OF: usize = 4;
/// Maximum waiting time of an attempt.
const MAX_WAIT: Duration = Duration::from_secs(5);

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
    queue: Queue<SignInSource>,
    /// One queue per provider, so that a slow provider does not delay sign-ins with the others.
    at_providers: Mutex<HashMap<String, Queue<SignInSource>>>,
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
    /// Creates the queues and the throttles; at most `places` passwords are checked at once.
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

    /// Admits an attempt to check a password: throttle first, then the queue.
    ///
    /// # Errors
    /// [`Error::SlowedDown`], [`Error::Busy`]
    pub(super) async fn turn(&self, attempt: &Attempt, clock: &Clock) -> Result<Permit<SignInSource>> {
        let entered = async {
            let admission = self.throttle.admit(attempt, clock.now())?;
            let permit = enter(&self.queue, admission.party.clone()).await?;
            self.throttle.confirm(attempt, &admission, clock.now())?;
            Ok(permit)
        };
        entered.await.inspect_err(|error| self.count_refused(error))
    }

    /// Counts an attempt that was not admitted.
    fn count_refused(&self, error: &Error) {
        self.count(match error {
            Error::SlowedDown { .. } => SignInOutcome::SLOWED_DOWN,
            _ => SignInOutcome::BUSY,
        });
    }

    /// Waits in the queue to hash the password of a new user.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub(in crate::service) async fn turn_of_newcomer(&self, origin: &Origin) -> Result<Permit<SignInSource>> {
        enter(&self.queue, SignInSource::Strangers(Network::of(origin.address))).await
    }

    pub(super) fn count(&self, outcome: SignInOutcome) {
        self.outcomes.get_or_create(&outcome).inc();
    }
}

/// Creates a queue with this many places.
fn queue(places: usize) -> Queue<SignInSource> {
    Queue::new(Rules {
        places,
        places_of_one: places.div_ceil(2),
        places_of_others: places - places / LEAVE_ONE_OF,
        waiting: WAITING,
        waiting_of_one: WAITING_OF_ONE,
        waiting_of_others: WAITING_STRANGERS,
        max_wait: MAX_WAIT,
    })
}

async fn enter(queue: &Queue<SignInSource>, party: SignInSource) -> Result<Permit<SignInSource>> {
    queue.enter(party, Urgency::InTurn).await.ok_or(Error::Busy)
}

/// Maximum number of concurrent sign-ins per provider.
const ASKED_AT_ONCE: usize = 8;

/// Admission to exchange a code at a provider. It holds a place in the provider's queue.
pub struct ProviderTurn {
    attempt: Attempt,
    _permit: Permit<SignInSource>,
}

impl Service {
    /// Admission control for callbacks from a provider, because each causes requests to the provider. Failures are
    /// throttled per client network, and never with growing delays: all people of the network share the count.
    ///
    /// # Errors
    /// [`Error::SlowedDown`], [`Error::Busy`]
    pub async fn turn_at_provider(&self, provider: &str, origin: &Origin) -> Result<ProviderTurn> {
        let network = Network::of(origin.address);
        // For the audit trail. Cannot collide with a user name.
        let attempt = Attempt::new(&format!("({provider}) {network}"), origin.address, &self.peppers);
        let sign_ins = &self.sign_ins;
        let queue = {
            let mut queues = sign_ins.at_providers.lock().unwrap_or_else(PoisonError::into_inner);
            queues.entry(provider.to_owned()).or_insert_with(|| queue(ASKED_AT_ONCE)).clone()
        };
        let entered = async {
            sign_ins.throttle.admit_network(&attempt, self.clock.now())?;
            let permit = enter(&queue, SignInSource::Strangers(network)).await?;
            sign_ins.throttle.admit_network(&attempt, self.clock.now())?;
            Ok(permit)
        };
        let permit = entered.await.inspect_err(|error| sign_ins.count_refused(error))?;
        Ok(ProviderTurn { attempt, _permit: permit })
    }

    /// Counts a sign-in that failed because of what the browser sent, and returns whether to record it in the audit
    /// trail.
    #[must_use]
    pub fn failed_at_provider(&self, turn: &ProviderTurn) -> bool {
        self.sign_ins.count(SignInOutcome::WRONG);
        self.sign_ins.throttle.network_failed(&turn.attempt, self.clock.now())
    }

    /// Whether to record in the audit trail that a user of the provider was refused. No sign-in is slowed down by it.
    #[must_use]
    pub fn refused_at_provider(&self, turn: &ProviderTurn) -> bool {
        self.sign_ins.count(SignInOutcome::WRONG);
        self.sign_ins.throttle.is_audited(&turn.attempt, self.clock.now())
    }

    /// Counts a successful sign-in.
    pub fn succeeded_at_provider(&self) {
        self.sign_ins.count(SignInOutcome::SUCCEEDED);
    }
}
