//! Refused attempts to change something, for the audit trail. Their number is bounded, so that nobody fills the database by
//! asking for what is forbidden.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::MINUTE;
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, ChangeSubject};
use crate::domain::error::Result;
use crate::domain::ids::{Id, PrincipalId};
use crate::domain::state::States;
use crate::service::Service;
use crate::storage::changes;

/// How many refused attempts of one principal a process enters in a minute.
pub const OF_ONE: usize = 6;
/// How many of all principals.
pub const OF_ALL: usize = 60;

/// How many attempts have been entered in this minute.
#[derive(Default)]
pub struct Refused(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    /// Minutes of uptime.
    number: i64,
    entered: HashMap<PrincipalId, usize>,
}

impl Refused {
    fn admits(&self, principal: PrincipalId, uptime: i64) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = uptime / MINUTE;
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        if minute.entered.values().sum::<usize>() >= OF_ALL {
            return false;
        }
        let entered = minute.entered.entry(principal).or_default();
        let is_admitted = *entered < OF_ONE;
        *entered += usize::from(is_admitted);
        is_admitted
    }
}

impl Service {
    /// Enters into the audit trail that an operation was refused to an actor, unless there are too many of that. Does not
    /// wait for it.
    pub fn enter_refused(&self, actor: Actor, operation: String) {
        if actor.id().uuid().is_nil() || !self.refused.admits(actor.id(), self.clock.uptime()) {
            return;
        }
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(error) = service.enter(&actor, &operation).await {
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
        let of_one = (0..100).filter(|_| refused.admits(principal(1), 0)).count();
        let of_others = (2..200).filter(|number| refused.admits(principal(*number), MINUTE - 1)).count();
        assert_eq!((of_one, of_others), (OF_ONE, OF_ALL - OF_ONE), "what is refused counts for nobody");
        assert!(refused.admits(principal(1), MINUTE));
    }
}
