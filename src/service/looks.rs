//! The latest looks of this node at the changes. Edges wait for them: a look of an edge is a look of the node that
//! answers it. See `docs/revocation.md`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::change::{Action, Change, ChangeSubject};
use crate::domain::edge::{ASSETS, Changed, LookId, Names};
use crate::domain::node::Node;
use crate::storage::feed::FeedPosition;

/// How many looks are remembered. An edge that has missed more of them forgets everything.
const LOOKS: usize = 1_024;
/// How many changed ids one answer lists at most. If there are more, an edge forgets everything.
const LISTED: usize = 1_000;

/// The latest looks of this node.
#[derive(Default)]
pub struct Looks {
    latest: Mutex<Latest>,
    finished: Notify,
    /// How many servers the last look has found.
    pub servers: Gauge,
    /// How many edges the last look has found.
    pub edges: Gauge,
}

#[derive(Default)]
struct Latest {
    /// The id under which this process first registered as a node. `None` for a command.
    source: Option<Uuid>,
    /// How many looks have begun.
    begun: u64,
    /// The finished looks, by number. A look that failed is not among them: the next look finds its changes.
    finished: VecDeque<Look>,
    /// The rows of `nodes` in the last finished look.
    nodes: Vec<Node>,
}

/// A look that has been applied to the memory of this node.
struct Look {
    number: u64,
    /// The changes that the look found.
    changed: Changed,
    /// Whether the look found any change, so that nodes acknowledge it.
    found_any: bool,
    position: FeedPosition,
}

/// The answer to a look of an edge.
pub struct LookAnswer {
    /// The look that answers.
    pub look: LookId,
    /// The changes since the look that the edge knows.
    pub changed: Changed,
    /// The nodes, in the snapshot of that look.
    pub nodes: Vec<Node>,
}

impl Looks {
    /// Begins a look, which finds every change that was committed before this call. Returns the number of the look.
    pub(in crate::service) fn begin(&self) -> u64 {
        let mut latest = self.lock();
        latest.begun += 1;
        latest.begun
    }

    /// How many looks have begun.
    pub(in crate::service) fn begun(&self) -> u64 {
        self.lock().begun
    }

    /// Names the source of the looks, once.
    pub(in crate::service) fn name_source(&self, id: Uuid) {
        self.lock().source.get_or_insert(id);
    }

    /// Publishes a look, after its changes have been applied to the memory of this node. `continues`: whether no change
    /// lies between it and the look before. `names`: the names by which edges know principals.
    pub(in crate::service) fn finish(
        &self,
        number: u64,
        changes: &[Change],
        position: &FeedPosition,
        nodes: &[Node],
        continues: Continues,
        names: &Names,
    ) {
        let mut latest = self.lock();
        if continues == Continues::No {
            // Earlier looks are useless now: their positions cannot be compared with new ones.
            latest.finished.clear();
        }
        latest.finished.push_back(Look {
            number,
            changed: changed_by(changes, |id| names.of(id)),
            found_any: !changes.is_empty(),
            position: position.clone(),
        });
        if latest.finished.len() > LOOKS {
            latest.finished.pop_front();
        }
        latest.nodes = nodes.to_vec();
        let edges = nodes.iter().filter(|node| node.owner.is_some()).count();
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.servers.set(whole(nodes.len() - edges));
        self.edges.set(whole(edges));
        drop(latest);
        self.finished.notify_waiters();
    }

    /// The source of the looks; `None` for a command.
    pub(in crate::service) fn source(&self) -> Option<Uuid> {
        self.lock().source
    }

    /// The position of the last look; `None` before the first.
    pub(in crate::service) fn position(&self) -> Option<FeedPosition> {
        let latest = self.lock();
        latest.source?;
        latest.finished.back().map(|look| look.position.clone())
    }

    /// The node of that id in the last look.
    pub(in crate::service) fn node(&self, id: Uuid) -> Option<Node> {
        self.lock().nodes.iter().find(|node| node.id == id).cloned()
    }

    /// Whether `known` is not the last look, and later looks may have found changes.
    pub(in crate::service) fn is_behind(&self, known: Option<LookId>) -> bool {
        let latest = self.lock();
        let last = latest.finished.back().map(|look| look.number);
        known.is_none_or(|known| Some(known.source) != latest.source || Some(known.look) != last)
            && latest.since(known).is_none_or(|changed| changed != Changed::default())
    }

    /// The position that an edge acknowledges when it has applied every look up to `known`; `None` if the edge's row
    /// shows that it has acknowledged that position before, or if the look is not remembered.
    pub(in crate::service) fn to_acknowledge(&self, known: LookId, acknowledged: &str) -> Option<FeedPosition> {
        let latest = self.lock();
        let known_at = latest.find(known)?;
        let from = latest.finished.iter().rposition(|look| look.position.text() == acknowledged);
        let unsaid = match from {
            Some(from) if from >= known_at => return None,
            Some(from) => latest.finished.range(from + 1..=known_at).any(|look| look.found_any),
            None => true,
        };
        unsaid.then(|| latest.finished[known_at].position.clone())
    }

    /// Waits for the first look that begins after `begun` others have, and returns what has changed since `known`.
    pub(in crate::service) async fn after(&self, begun: u64, known: Option<LookId>) -> LookAnswer {
        loop {
            let finished = self.finished.notified();
            if let Some(answer) = self.lock().answer(begun, known) {
                return answer;
            }
            finished.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a look found every change since the look before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continues {
    /// The look found every change.
    Yes,
    /// Changes may be missing: the database or its session is another one.
    No,
}

impl Latest {
    fn answer(&self, begun: u64, known: Option<LookId>) -> Option<LookAnswer> {
        let last = self.finished.back().filter(|look| look.number > begun)?;
        let look = LookId { source: self.source?, look: last.number };
        let changed = self.since(known).unwrap_or(Changed::Everything);
        Some(LookAnswer { look, changed, nodes: self.nodes.clone() })
    }

    /// The place of that look among the finished looks.
    fn find(&self, known: LookId) -> Option<usize> {
        if self.source != Some(known.source) {
            return None;
        }
        self.finished.iter().rposition(|look| look.number == known.look)
    }

    /// The changes since that look; `None` if the look is not remembered.
    fn since(&self, known: Option<LookId>) -> Option<Changed> {
        let from = self.find(known?)?;
        let mut all = BTreeSet::new();
        for look in self.finished.range(from + 1..) {
            match &look.changed {
                Changed::Everything => return Some(Changed::Everything),
                Changed::Only(ids) => all.extend(ids.iter().copied()),
            }
        }
        Some(if all.len() > LISTED { Changed::Everything } else { Changed::Only(all.into_iter().collect()) })
    }
}

/// The part of an edge's memory that these changes invalidate. `name` maps the id of a principal to its name at the
/// edges of this process.
fn changed_by(changes: &[Change], name: impl Fn(Uuid) -> Uuid) -> Changed {
    let mut ids = BTreeSet::new();
    for change in changes.iter().filter(|change| change.impact().concerns_records()) {
        match change.subject() {
            // Which tokens a removed key has signed is not known.
            _ if change.action == Action::SigningKeyChanged.name() => return Changed::Everything,
            ChangeSubject::Principal(id) => drop(ids.insert(name(id))),
            ChangeSubject::Asset(_) => drop(ids.insert(ASSETS)),
            ChangeSubject::Persona(_) | ChangeSubject::Policy(_) | ChangeSubject::Role(_) => {
                return Changed::Everything;
            }
        }
    }
    if ids.len() > LISTED { Changed::Everything } else { Changed::Only(ids.into_iter().collect()) }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _};

    use super::*;

    fn change(action: Action, subject: ChangeSubject) -> Change {
        Change {
            id: Uuid::nil(),
            changed_at: 0,
            actor_id: Uuid::nil(),
            actor_name: String::new(),
            acted_by: String::new(),
            action: action.name().to_owned(),
            subject_kind: subject.kind().to_owned(),
            subject_id: subject.id(),
            subject_name: String::new(),
            request_id: String::new(),
            authenticated_by: String::new(),
            address: String::new(),
        }
    }

    #[test]
    fn what_concerns_one_principal_is_told_of_it_alone() {
        let [one, other] = [1, 2].map(Uuid::from_u128);
        let changed = [
            change(Action::ApiKeyDeleted, ChangeSubject::Principal(one)),
            change(Action::UserDescribed, ChangeSubject::Principal(other)),
            change(Action::AssetUpdated, ChangeSubject::Asset(other)),
        ];
        assert_eq!(changed_by(&changed, |id| id), Changed::Only(vec![one, ASSETS]));
        let names = Names::new(Hmac::new_from_slice(b"key").unwrap(), Uuid::from_u128(9));
        assert_eq!(changed_by(&changed, |id| names.of(id)), Changed::Only(vec![names.of(one), ASSETS]));
        assert_ne!(names.of(one), one);
        for everything in [
            change(Action::SigningKeyChanged, ChangeSubject::Principal(one)),
            change(Action::PolicyUpdated, ChangeSubject::Policy(one)),
            change(Action::AssetAccessChanged, ChangeSubject::Role(one)),
        ] {
            assert_eq!(changed_by(&[everything], |id| id), Changed::Everything);
        }
    }

    #[test]
    fn no_more_ids_are_listed_than_the_limit() {
        let of = |id: usize| change(Action::ApiKeyDeleted, ChangeSubject::Principal(Uuid::from_u128(id as u128)));
        let listed: Vec<Uuid> = (0..LISTED).map(|id| Uuid::from_u128(id as u128)).collect();
        assert_eq!(changed_by(&(0..LISTED).map(of).collect::<Vec<_>>(), |id| id), Changed::Only(listed));
        assert_eq!(changed_by(&(0..=LISTED).map(of).collect::<Vec<_>>(), |id| id), Changed::Everything);
    }
}
