//! Refused attempts to change something, for the audit trail. Their number is bounded, so that no actor can fill the
//! database by asking for what is forbidden. The first attempt of a principal in a minute has room of its own, so that
//! others do not hide it by repeating theirs. What is left out is counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;

use crate::clock::MINUTE;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, ChangeSubject};
use crate::domain::error::Result;
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::state::States;
use crate::service::Service;
use crate::storage::changes;

/// Maximum number of refused attempts of one principal that a process enters in a minute.
pub const OF_ONE: usize = 6;
/// Maximum number of principals whose first refused attempt in a minute a process enters.
pub const PRINCIPALS: usize = 240;
/// Maximum number of further refused attempts, of all principals together, that a process enters in a minute.
pub const REPEATED: usize = 60;

/// The refused attempts that have been entered in this minute.
#[derive(Default)]
pub struct Refused {
    minute: Mutex<Minute>,
    /// Attempts that were not entered, because there were too many or the database failed.
    pub left_out: Counter,
}

#[derive(Default)]
struct Minute {
    /// Minutes of uptime.
    number: i64,
    entered: HashMap<PrincipalId, usize>,
    /// The number of entered attempts beyond the first of each principal.
    repeated: usize,
    /// Whether any was left out.
    is_full: bool,
}

impl Minute {
    fn admits(&mut self, principal: PrincipalId) -> bool {
        let principals = self.entered.len();
        match self.entered.get_mut(&principal) {
            None if principals < PRINCIPALS => self.entered.insert(principal, 1).is_none(),
            Some(entered) if *entered < OF_ONE && self.repeated < REPEATED => {
                *entered += 1;
                self.repeated += 1;
                true
            }
            _ => false,
        }
    }
}

impl Refused {
    fn admits(&self, principal: PrincipalId, uptime: i64) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let number = uptime / MINUTE;
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        let is_admitted = minute.admits(principal);
        if !is_admitted {
            self.left_out.inc();
            if !std::mem::replace(&mut minute.is_full, true) {
                tracing::warn!("refused attempts of this minute are missing in the audit trail: there were too many");
            }
        }
        is_admitted
    }
}

impl Service {
    /// Enters into the audit trail that an operation was refused to an actor, unless there are too many such entries.
    /// Does not wait for the write.
    pub fn enter_refused(&self, actor: Actor, operation: String) {
        if actor.id().uuid().is_nil() || !self.refused.admits(actor.id(), self.clock.uptime()) {
            return;
        }
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.enter(&actor, &operation).await {
                service.refused.left_out.inc();
                tracing::warn!(%error, operation, "a refused attempt is missing in the audit trail");
            }
        });
    }

    async fn enter(&self, actor: &Actor, operation: &str) -> Result<()> {
        let now = self.clock.now();
        let id = Id::<Change>::new(now, self.entropy)?.uuid();
        let subject = ChangeSubject::Principal(actor.id().uuid());
        let change = Change::by(actor, id, now, Action::RequestRefused, subject, operation);
        self.directory.counts.record_own_change(id);
        self.write_upkeep(move |connection| changes::append(connection, &change, &States::default())).await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn attempts_are_bounded_for_one_principal_and_for_all() {
        let refused = Refused::default();
        let principal = |number| PrincipalId::from(Uuid::from_u128(number));
        let entered = |number, times| (0..times).filter(|_| refused.admits(principal(number), 0)).count();
        assert_eq!(entered(1, 100), OF_ONE);
        let others: usize = (2..300).map(|number| entered(number, 100)).sum();
        assert_eq!(OF_ONE + others, PRINCIPALS + REPEATED, "what is refused counts for nobody");
        assert_eq!(refused.left_out.get(), 299 * 100 - (PRINCIPALS + REPEATED) as u64);
        assert!(refused.admits(principal(1), MINUTE));
    }

    #[test]
    fn nobody_hides_the_first_attempt_of_another_by_repeating_their_own() {
        let refused = Refused::default();
        let principal = |number| PrincipalId::from(Uuid::from_u128(number));
        for number in (1..100).cycle().take(10_000) {
            refused.admits(principal(number), 0);
        }
        assert!(refused.admits(principal(500), 0));
        assert!(!refused.admits(principal(500), 0), "all repeat theirs in one share");
    }
}
