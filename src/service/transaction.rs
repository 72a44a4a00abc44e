//! A transaction that writes on behalf of an actor, with its audit rows and cache invalidations.
//!
//! The access that authorises a write is read again inside its transaction: see `transaction/rights.rs`.

mod rights;

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Instant;

use uuid::Uuid;

use self::rights::{Admitted, OwnChanges};
use super::Service;
use super::effort::{AtEnd, Effort, LONGEST};
use crate::domain::actor::Actor;
use crate::domain::change::{Action, Change, ChangeSubject, Impact, Kept};
use crate::domain::error::{Error, Result};
use crate::domain::ids::Id;
use crate::domain::journal::JournalEntry;
use crate::domain::node::Told;
use crate::domain::state::States;
use crate::queue::Urgency;
use crate::storage::database::AnyConnection;
use crate::storage::{changes, nodes, states};

/// A transaction in progress, on behalf of an actor.
pub(in crate::service) struct Transaction<'a> {
    pub(in crate::service) connection: &'a mut AnyConnection,
    pub(in crate::service) service: &'a Service,
    pub(in crate::service) actor: &'a Actor,
    /// When the transaction began, in epoch milliseconds.
    pub(in crate::service) now: i64,
    /// How much it may still do, and what it knows already.
    pub(in crate::service) effort: Effort<'a>,
    changed: &'a RefCell<Changed>,
    ends_own_credential: bool,
    /// The actor's access as it was read when the transaction began.
    admitted: &'a Admitted,
    own: OwnChanges,
    /// Reads again what its decisions rest on beside what the actor has itself.
    recheck: Option<AtEnd>,
}

/// The changes that a transaction has recorded.
#[derive(Default)]
struct Changed {
    /// The subjects of changes that decide, with those of attempts that were rolled back.
    subjects: Vec<ChangeSubject>,
    /// The last change of this attempt that may take something away.
    taking: Option<Uuid>,
    /// Whether this attempt has recorded anything.
    is_recorded: bool,
    /// Whether this attempt has recorded a change that perhaps repeats one that took something away.
    may_repeat: bool,
    /// The changes that this attempt has recorded.
    recorded: Vec<(Change, Kept)>,
    /// The recorded changes that took something away: they go to the journal.
    taken: Vec<Change>,
}

impl Changed {
    /// Notes a change.
    fn note(&mut self, id: Uuid, action: Action, subject: ChangeSubject) {
        let impact = action.impact();
        self.is_recorded = true;
        self.may_repeat |= impact == Impact::Describes;
        if impact.concerns_records() {
            self.subjects.push(subject);
        }
        if impact == Impact::TakesAway {
            self.taking = Some(id);
        }
    }

    /// The changes that the request waits for after that outcome. A request that found nothing to change, or changed
    /// only a description, waits too: another request may have revoked the same thing just now.
    fn awaited<T>(&self, outcome: &Result<T>) -> Option<nodes::Change> {
        match (outcome, self.taking) {
            (Ok(_), Some(id)) => Some(nodes::Change::Own(id)),
            (Ok(_), None) if self.may_repeat || !self.is_recorded => Some(nodes::Change::AnyUntilNow),
            (Err(Error::NotFound { .. }), _) => Some(nodes::Change::AnyUntilNow),
            _ => None,
        }
    }
}

impl Service {
    /// Writes in one transaction, off the event loop. Before it returns, it invalidates what it changed, and what it took
    /// away is refused by every node. `work` may run again after a conflict with another transaction.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unauthenticated`] when the actor's credential has ended since the request began,
    /// [`Error::Busy`] when the actor's access has changed since then, and [`Error::Contended`] when each of its attempts has
    /// conflicted with others.
    pub(in crate::service) async fn write<T: Send + 'static>(
        &self,
        actor: &Actor,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_with(Urgency::InTurn, actor, work).await
    }

    /// Like [`Service::write`], ahead of writes that are not urgent: for revocations and for signing in.
    ///
    /// # Errors
    /// Those of [`Service::write`].
    pub(in crate::service) async fn write_first<T: Send + 'static>(
        &self,
        actor: &Actor,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_with(Urgency::First, actor, work).await
    }

    async fn write_with<T: Send + 'static>(
        &self,
        urgency: Urgency,
        actor: &Actor,
        work: impl Fn(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (service, actor) = (self.clone(), actor.clone());
        let asking = actor.clone();
        let ((outcome, unanswered, taken), _writing) = self
            .run_write(&asking, urgency, move |database, task| {
                let changed = RefCell::new(Changed::default());
                let committing = Cell::new(Instant::now());
                let is_bounded = urgency == Urgency::InTurn && actor.credential.is_some();
                // Together for all attempts.
                let until = OnceCell::new();
                let mut unanswered = None;
                let outcome = database.write_then(
                    task,
                    |connection| {
                        let until = *until.get_or_init(|| is_bounded.then(|| Instant::now() + LONGEST));
                        let admitted = service.read_access(connection, &actor)?;
                        let effort = Effort::new(task, until);
                        let mut transaction = Transaction::begin(connection, &service, &admitted, &changed, effort);
                        let done = work(&mut transaction)?;
                        for check in transaction.effort.take_checks() {
                            check(&mut transaction)?;
                        }
                        transaction.append_changes()?;
                        transaction.confirm_rights()?;
                        if transaction.affects_all_principals() {
                            service.traffic.admit_global_change(&actor, service.clock.uptime())?;
                        }
                        committing.set(Instant::now());
                        Ok(done)
                    },
                    // Also after a failure: a commit whose answer was lost may have happened.
                    |connection, outcome| {
                        let committed = service.clock.uptime();
                        let changed = changed.borrow();
                        for subject in &changed.subjects {
                            service.directory.forget(*subject);
                        }
                        if outcome.is_ok() && !changed.subjects.is_empty() {
                            service.directory.counts.observe_own_change(committing.get().elapsed());
                        }
                        unanswered = changed.awaited(outcome).map(|change| {
                            let read = nodes::awaited(connection, service.nodes.own(), change);
                            // The edges of this node get the change with its next look.
                            let has_edges =
                                read.as_ref().is_ok_and(|read| read.nodes.iter().any(|node| node.owner.is_some()));
                            if has_edges || matches!(change, nodes::Change::AnyUntilNow) {
                                service.nodes.look();
                            }
                            (change, committed, read)
                        });
                    },
                );
                let taken = if outcome.is_ok() { changed.into_inner().taken } else { Vec::new() };
                match outcome {
                    Err(error) if unanswered.is_none() => Err(error),
                    outcome => Ok((outcome, unanswered, taken)),
                }
            })
            .await?;
        self.keep_taken(taken).await;
        let Some((change, committed, read)) = unanswered else { return outcome };
        let told = &asking.request.acknowledged;
        if !told.is_hurried {
            if let Some(acknowledgement) = self.wait_for_nodes(change, committed, read).await {
                // The answer says nothing about other requests' changes.
                if let nodes::Change::Own(id) = change {
                    told.note(Told::Final(id, acknowledgement));
                }
            }
        } else if let nodes::Change::Own(id) = change {
            told.note(Told::Pending(id));
            self.wait_unanswered(change, committed, read);
        }
        outcome
    }
}

impl<'a> Transaction<'a> {
    /// Begins on behalf of an actor that [`Service::read_access`] has read in the same transaction.
    fn begin(
        connection: &'a mut AnyConnection,
        service: &'a Service,
        admitted: &'a Admitted,
        changed: &'a RefCell<Changed>,
        effort: Effort<'a>,
    ) -> Self {
        let mut rolled_back = changed.borrow_mut();
        *rolled_back = Changed { subjects: std::mem::take(&mut rolled_back.subjects), ..Changed::default() };
        drop(rolled_back);
        Self {
            connection,
            service,
            actor: &admitted.actor,
            now: admitted.now,
            effort,
            changed,
            ends_own_credential: false,
            admitted,
            own: OwnChanges::default(),
            recheck: None,
        }
    }

    /// Notes a change for the audit trail, which gets it at the end of the transaction, and its subject for cache
    /// invalidation.
    pub(in crate::service) fn record(&mut self, action: Action, subject: ChangeSubject, name: &str) -> Result<()> {
        let id = Id::<Change>::new(self.now, self.service.entropy)?.uuid();
        let is_own = match subject {
            ChangeSubject::Asset(_) => false,
            ChangeSubject::Principal(id) => id == self.actor.id().uuid(),
            // What a new policy denies is noted when it is stored.
            ChangeSubject::Policy(_) => action != Action::PolicyCreated,
            ChangeSubject::Persona(_) | ChangeSubject::Role(_) => true,
        };
        if is_own {
            self.effort.change_own_rights();
        }
        self.effort.go_on()?;
        let mut changed = self.changed.borrow_mut();
        changed.note(id, action, subject);
        self.own.note(subject, action);
        changed.recorded.push((Change::by(self.actor, id, self.now, action, subject, name), action.keeps()));
        Ok(())
    }

    /// Writes the audit rows, with the states that the transaction leaves.
    fn append_changes(&mut self) -> Result<()> {
        let recorded = std::mem::take(&mut self.changed.borrow_mut().recorded);
        let mut known: Vec<(ChangeSubject, States)> = Vec::new();
        for (change, kept) in recorded {
            if kept != Kept::None && known.iter().all(|(subject, _)| *subject != change.subject()) {
                known.push((change.subject(), states::of(self.connection, change.subject(), kept)?));
            }
            let found = known.iter().find(|(subject, _)| kept != Kept::None && *subject == change.subject());
            let states = found.map(|(_, states)| states.clone()).unwrap_or_default();
            self.service.directory.counts.record_own_change(change.id);
            changes::append(self.connection, &change, &states)?;
            if JournalEntry::of(&change).is_some() {
                self.changed.borrow_mut().taken.push(change);
            }
        }
        Ok(())
    }

    /// Notes that this transaction itself ends the credential of its request.
    pub(in crate::service) fn ends_own_credential(&mut self) {
        self.ends_own_credential = true;
    }

    /// Like [`Transaction::ends_own_credential`], before a transaction that may write more ends the access of its actor.
    /// Confirms the access a last time, since it cannot be read afterwards: so nothing may be decided by it any more, and the
    /// actor's own principal is written last.
    ///
    /// # Errors
    /// Those of a write whose access was taken away.
    pub(in crate::service) fn ends_own_access(&mut self) -> Result<()> {
        self.confirm_rights()?;
        self.ends_own_credential = true;
        Ok(())
    }

    /// Whether the transaction changed something that may decide the access of any principal.
    fn affects_all_principals(&self) -> bool {
        self.changed.borrow().subjects.iter().any(|subject| subject.affects_all_principals())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_for_the_nodes_if_it_takes_away_or_perhaps_repeats_what_did() {
        let subject = ChangeSubject::Principal(Uuid::nil());
        let waits = |actions: &[Action]| {
            let mut changed = Changed::default();
            for (number, action) in (1..).zip(actions) {
                changed.note(Uuid::from_u128(number), *action, subject);
            }
            changed.awaited(&Ok(()))
        };
        let waits_for_all = |actions: &[Action]| matches!(waits(actions), Some(nodes::Change::AnyUntilNow));
        assert!(waits_for_all(&[]), "it found nothing to change");
        for action in Action::ALL {
            match action.impact() {
                Impact::Nothing | Impact::Gives => assert!(waits(&[action]).is_none(), "{action:?}"),
                Impact::Describes => assert!(waits_for_all(&[action]), "{action:?}"),
                Impact::TakesAway => assert!(matches!(waits(&[action]), Some(nodes::Change::Own(_))), "{action:?}"),
            }
            // Whatever else a request does, it waits for what it takes away, or perhaps repeats.
            for other in Action::ALL {
                let both = [action, other].map(Action::impact);
                let numbered = [Uuid::from_u128(1), Uuid::from_u128(2)].into_iter().zip(both);
                let last = numbered.rev().find(|(_, impact)| *impact == Impact::TakesAway);
                match waits(&[action, other]) {
                    Some(nodes::Change::Own(id)) => assert_eq!(last.map(|(id, _)| id), Some(id)),
                    Some(nodes::Change::AnyUntilNow) => assert!(last.is_none() && both.contains(&Impact::Describes)),
                    None => assert!(last.is_none() && !both.contains(&Impact::Describes)),
                }
            }
        }
    }
}
