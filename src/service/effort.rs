//! The effort of a transaction: how much it may still do, and what it knows already and need not read again. Other writes
//! wait meanwhile, also those that revoke something.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Transaction;
use crate::domain::error::{Error, Result, Violation};
use crate::storage::task::DatabaseTask;

/// How long the transaction of a request may take that is not urgent. Those that are wait 8 seconds.
pub(in crate::service) const LONGEST: Duration = Duration::from_secs(5);
/// How many principals a transaction may add to the people and owners of assets, or remove from them, except for its actor.
/// Each of them takes checks and an entry of the audit trail.
pub(in crate::service) const PEOPLE: usize = 2_000;

/// So many steps a transaction may take at any speed: a request with a few changes gets them done, however slow the database
/// is. One whose time is over has to have sent many.
const STEPS: usize = 20;

/// A check that is made once, when the work of a transaction is done.
pub(in crate::service) type AtEnd = fn(&mut Transaction<'_>) -> Result<()>;

/// The effort of a transaction.
pub(in crate::service) struct Effort<'a> {
    task: &'a DatabaseTask,
    until: Option<Instant>,
    steps: usize,
    people: usize,
    rights: u64,
    known: HashMap<TypeId, Box<dyn Any>>,
    at_end: Vec<AtEnd>,
}

impl<'a> Effort<'a> {
    /// The effort of a transaction of this task that has to end at that moment, if any.
    pub(in crate::service) fn new(task: &'a DatabaseTask, until: Option<Instant>) -> Self {
        Self { task, until, steps: 0, people: 0, rights: 0, known: HashMap::new(), at_end: Vec::new() }
    }

    /// Begins one of the steps of which a request may contain many: an entity, a change.
    ///
    /// # Errors
    /// A violation when the time of the transaction is over; [`Error::TooSlow`] when its request waits no longer.
    pub(in crate::service) fn go_on(&mut self) -> Result<()> {
        if self.task.is_given_up() {
            return Err(Error::TooSlow);
        }
        self.steps += 1;
        if self.steps > STEPS && self.until.is_some_and(|until| until <= Instant::now()) {
            let message = format!(
                "takes the database longer than {} s, and nothing was written: send less in one request",
                LONGEST.as_secs()
            );
            return Err(Violation::new("request", message).into());
        }
        Ok(())
    }

    /// Counts principals that are added to assets or removed from them.
    ///
    /// # Errors
    /// A message when the transaction has changed too many.
    pub(in crate::service) fn change_people(&mut self, count: usize) -> Result<(), String> {
        self.people += count;
        if self.people <= PEOPLE {
            return Ok(());
        }
        Err(format!(
            "one request can change {PEOPLE} members of people lists and owners together, and this one changes more: send \
             several"
        ))
    }

    /// Whether it has changed any people yet.
    pub(in crate::service) fn has_changed_people(&self) -> bool {
        self.people > 0
    }

    /// Notes a change that may decide what the actor itself may do.
    pub(in crate::service) fn change_own_rights(&mut self) {
        self.rights += 1;
    }

    /// How many changes may have decided what the actor itself may do.
    pub(in crate::service) fn own_rights(&self) -> u64 {
        self.rights
    }

    /// What a module knows in this transaction.
    pub(in crate::service) fn known<T: Default + 'static>(&mut self) -> Option<&mut T> {
        self.known.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default()).downcast_mut()
    }

    /// Has a check made when the work is done; once, however often it is asked for.
    pub(in crate::service) fn check_at_end(&mut self, check: AtEnd) {
        if self.at_end.iter().all(|known| !std::ptr::fn_addr_eq(*known, check)) {
            self.at_end.push(check);
        }
    }

    /// The checks to make now.
    pub(in crate::service) fn take_checks(&mut self) -> Vec<AtEnd> {
        std::mem::take(&mut self.at_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_of_many_steps_ends_in_words_with_its_time_or_its_request() {
        let task = DatabaseTask::unbounded();
        let steps = |until, count| {
            let mut effort = Effort::new(&task, until);
            (0..count).try_for_each(|_| effort.go_on())
        };
        steps(None, 2 * STEPS).unwrap();
        steps(Some(Instant::now() + LONGEST), 2 * STEPS).unwrap();
        steps(Some(Instant::now()), STEPS).unwrap();
        let Err(Error::Invalid(violations)) = steps(Some(Instant::now()), STEPS + 1) else { panic!() };
        assert!(violations[0].message.contains("nothing was written"), "{violations:?}");
        let _ = task.give_up();
        assert!(matches!(Effort::new(&task, None).go_on(), Err(Error::TooSlow)));
    }

    #[test]
    fn people_are_counted_over_the_whole_transaction() {
        let task = DatabaseTask::unbounded();
        let mut effort = Effort::new(&task, None);
        effort.change_people(PEOPLE - 1).unwrap();
        effort.change_people(1).unwrap();
        assert!(effort.change_people(1).unwrap_err().contains("2000"));
    }
}
