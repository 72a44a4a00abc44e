//! Rate limiters, kept while the records they belong to are evicted and read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::domain::error::{Error, Result};
use crate::domain::ids::PrincipalId;
use crate::domain::limits::{Allowance, RateLimit};

/// The rate limiter (GCRA) of one key.
pub(super) struct Limiter {
    limit: RateLimit,
    cell: RateLimiter<NotKeyed, InMemoryState, Clock, StateInformationMiddleware>,
}

impl Limiter {
    fn new(limit: RateLimit, clock: &Clock) -> Self {
        let each = Duration::from_secs(limit.seconds.get().into()) / limit.requests.get();
        // A period is never zero: at least a second, over at most 2^32 requests, and governor counts nanoseconds.
        let quota = Quota::with_period(each.max(Duration::from_nanos(1)))
            .unwrap_or_else(|| Quota::per_second(limit.requests))
            .allow_burst(limit.requests);
        Self { limit, cell: RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware() }
    }

    /// Takes one request from the limit.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when none is left.
    pub(super) fn take(&self) -> Result<Allowance> {
        match self.cell.check() {
            Ok(snapshot) => Ok(Allowance { limit: self.limit, remaining: snapshot.remaining_burst_capacity() }),
            Err(refused) => {
                let wait = refused.wait_time_from(governor::clock::Clock::now(self.cell.clock()));
                Err(Error::RateLimited { retry_after: wait.as_secs() + u64::from(wait.subsec_nanos() > 0) })
            }
        }
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Nanos;

    /// Uses the monotonic clock, so that setting the date changes no rate.
    fn now(&self) -> Nanos {
        Nanos::new(u64::try_from(self.uptime()).unwrap_or(0).saturating_mul(1_000_000))
    }
}

/// The limiters of all rate-limited keys in use. A key whose record is read again keeps its limiter.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<PrincipalId, Arc<Limiter>>>);

impl Rates {
    /// The limiter of a key with that limit; a changed limit starts a new limiter.
    pub(super) fn limiter(
        &self,
        principal: PrincipalId,
        limit: Option<RateLimit>,
        clock: &Clock,
    ) -> Option<Arc<Limiter>> {
        let limit = limit?;
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = limiters.entry(principal).or_insert_with(|| Arc::new(Limiter::new(limit, clock)));
        if known.limit != limit {
            *known = Arc::new(Limiter::new(limit, clock));
        }
        Some(Arc::clone(known))
    }

    /// Drops the limiters that no record holds.
    pub(super) fn sweep(&self) {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1);
    }
}
