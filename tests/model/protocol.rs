//! The protocol as steps between states. A step is what a process does without being interrupted: between any two, it may
//! be paused for any time, and everything else may happen.

use stateright::{Model, Property};

use crate::rules::Broken;
use crate::state::{Answer, CHANGES, NODES, Node, ROWS, Row, Set, State, Writer, WriterStep, has};
use crate::{node, verification, writer};

/// How long a lease lasts, in units of time.
pub const LEASE: u8 = 2;
/// How long a writer waits: a lease, and what clocks may differ by meanwhile. In that many units, a clock slips once.
pub const WAIT: u8 = LEASE + 1;

/// What there is, and which rule is broken.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what a setting has")]
pub struct Protocol {
    pub nodes: usize,
    /// How many registrations of nodes there are at most.
    pub registrations: usize,
    /// How many changes there are. One of them revokes the key.
    pub changes: usize,
    /// For each change, the node whose process makes it; none: the command line, or a node without memory.
    pub homes: [Option<usize>; CHANGES],
    /// Whether the second change is a repetition of the first, which finds nothing left to revoke.
    pub repeats: bool,
    /// Whether a read of the key into memory takes time. If not, memory has the key whenever it can.
    pub reads: bool,
    /// Whether rows are silenced: any of them at any time, which includes every reason to silence one.
    pub silences: bool,
    /// Whether the database crashes before the revocation, and gives it the number of a transaction that was lost.
    pub crashes: bool,
    pub broken: Option<Broken>,
}

/// A step, with the number of the node, row or change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A unit of time passes, on every clock but that of the node named.
    Tick {
        slips: Option<usize>,
    },
    NodeStarts(usize),
    /// With everything in memory.
    NodeDies(usize),
    /// The node ends its lease.
    NodeStops(usize),
    /// The node that stops deletes its row.
    RowIsLeft(usize),
    /// The node follows the changes from now on.
    FeedIsEntered(usize),
    /// Under a new id.
    NodeRegisters(usize),
    RowIsRead(usize),
    /// The look reads the clock.
    LookBegins(usize),
    LookIsLost(usize),
    LookTakesSnapshot(usize),
    LookTakesOldSnapshot(usize),
    /// The fences are raised.
    LookIsApplied(usize),
    LeaseIsRenewed(usize),
    AcknowledgementIsSent(usize),
    AcknowledgementIsCommitted {
        row: usize,
        changes: u8,
    },
    RowIsSilenced(usize),
    SilencedRowIsDeleted(usize),
    /// The database loses a transaction, and the acknowledgements: otherwise it would not give that number once more.
    DatabaseCrashes,
    /// A read into memory began, and found the key in the database.
    ReadFindsKey(usize),
    ReadEnds(usize),
    TransactionBegins(usize),
    TransactionCommits(usize),
    /// The writer hears of the commit, and raises the fences of its own process.
    CommitReturns(usize),
    RepetitionFindsNothing(usize),
    NodesAreRead(usize),
    RowIsDone {
        change: usize,
        row: usize,
    },
    ChangeIsAnswered(usize),
    /// The verification reads the clock.
    VerificationBegins(usize),
    LeaseIsChecked,
    FenceIsChecked,
}

impl Protocol {
    /// Whether that rule is broken.
    pub fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// How long a writer waits.
    pub fn wait(&self) -> u8 {
        if self.breaks(Broken::WaitWithoutDrift) { LEASE } else { WAIT }
    }

    /// How long a silenced row stays.
    fn silence(&self) -> u8 {
        match self.broken {
            Some(Broken::SilencedRowDeletedAtOnce) => 0,
            Some(Broken::SilencedRowDeletedWithoutDrift) => LEASE,
            _ => WAIT,
        }
    }

    /// The changes that a position knows that is read now. It counts a transaction that will be lost as one that has ended.
    pub fn position(&self, state: &State) -> Set {
        let lost = if self.crashes && !state.crashed { 1 << state.revokes } else { 0 };
        state.committed | lost
    }

    fn storage_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.crashes && !state.crashed {
            actions.push(Action::DatabaseCrashes);
        }
        for (number, row) in state.rows.iter().enumerate() {
            let Row::Present { silenced, sent, .. } = row else { continue };
            let on_their_way = (0..1 << self.changes).filter(|changes| has(*sent, usize::from(*changes)));
            actions.extend(on_their_way.map(|changes| Action::AcknowledgementIsCommitted { row: number, changes }));
            match silenced {
                None if self.silences => actions.push(Action::RowIsSilenced(number)),
                Some(ago) if *ago >= self.silence() => actions.push(Action::SilencedRowIsDeleted(number)),
                _ => {}
            }
        }
    }

    fn run_storage(state: &mut State, action: Action) {
        match action {
            Action::AcknowledgementIsCommitted { row, changes } => {
                if let Row::Present { acknowledged, sent, silenced } = &mut state.rows[row] {
                    if silenced.is_none() {
                        *acknowledged = changes;
                    }
                    *sent &= !(1 << changes);
                }
            }
            Action::RowIsSilenced(row) => {
                if let Row::Present { silenced, .. } = &mut state.rows[row] {
                    *silenced = Some(0);
                }
            }
            Action::SilencedRowIsDeleted(row) => state.rows[row] = Row::Deleted,
            Action::DatabaseCrashes => {
                state.crashed = true;
                for row in &mut state.rows {
                    if let Row::Present { acknowledged, sent, .. } = row {
                        (*acknowledged, *sent) = (0, 0);
                    }
                }
            }
            _ => unreachable!("{action:?}"),
        }
    }

    /// A unit of time passes. The clocks that measure silence, and those of writers outside the nodes, never slip: that
    /// would only make them wait for longer.
    fn tick(&self, state: &mut State, slips: Option<usize>) {
        state.steady = if slips.is_some() { LEASE } else { state.steady.saturating_sub(1) };
        for (_, node) in state.nodes.iter_mut().enumerate().filter(|(number, _)| slips != Some(*number)) {
            node.lease = node.lease.saturating_sub(1);
            if let Some(look) = &mut node.look {
                look.age = LEASE.min(look.age + 1);
            }
        }
        for (writer, home) in state.writers.iter_mut().zip(self.homes) {
            let counts = match writer.step {
                WriterStep::Returned | WriterStep::Waits => true,
                WriterStep::Began | WriterStep::Committed => self.breaks(Broken::WaitFromBegin),
                _ => false,
            };
            if counts && (home.is_none() || slips != home) {
                writer.elapsed = WAIT.min(writer.elapsed + 1);
            }
        }
        for row in &mut state.rows {
            if let Row::Present { silenced: Some(ago), .. } = row {
                *ago = WAIT.min(*ago + 1);
            }
        }
    }

    /// Makes states equal that differ only in what decides nothing any more, so that fewer have to be explored.
    fn simplify(&self, state: &mut State) {
        if !self.reads && state.has_key() {
            for node in &mut state.nodes {
                node.record = node.is_up();
            }
        }
        if self.broken.is_none() && verification::is_over(state) {
            state.verification = None;
        }
        if writer::is_answered(self, state) {
            for row in &mut state.rows {
                if let Row::Present { acknowledged, silenced, sent } = row {
                    (*acknowledged, *sent, *silenced) = (0, 0, silenced.map(|_| WAIT));
                }
            }
            let unanswered = |writer: &&mut Writer| !matches!(writer.step, WriterStep::Answered(_));
            for writer in state.writers.iter_mut().filter(unanswered) {
                *writer = Writer { step: WriterStep::Dead, ..Writer::NONE };
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let revoked_by = if self.repeats { 1 } else { self.changes };
        let state = |revokes| State {
            revokes,
            committed: 0,
            crashed: false,
            rows: [Row::Unused; ROWS],
            nodes: [Node::DOWN; NODES],
            writers: [Writer::NONE; CHANGES],
            verification: None,
            steady: 0,
            accepted: false,
        };
        (0..revoked_by).map(state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.accepted {
            return;
        }
        verification::actions(self, state, actions);
        let revokes = !self.crashes || state.crashed;
        for change in (0..self.changes).filter(|_| revokes) {
            writer::actions(self, state, change, actions);
        }
        for number in 0..self.nodes {
            node::actions(self, state, number, actions);
        }
        self.storage_actions(state, actions);
        actions.push(Action::Tick { slips: None });
        if state.steady == 0 || self.breaks(Broken::ClockStands) {
            actions.extend((0..self.nodes).map(|number| Action::Tick { slips: Some(number) }));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        let state = &mut next;
        match action {
            Action::Tick { slips } => self.tick(state, slips),
            Action::AcknowledgementIsCommitted { .. }
            | Action::RowIsSilenced(_)
            | Action::SilencedRowIsDeleted(_)
            | Action::DatabaseCrashes => {
                Self::run_storage(state, action);
            }
            Action::TransactionBegins(_)
            | Action::TransactionCommits(_)
            | Action::CommitReturns(_)
            | Action::RepetitionFindsNothing(_)
            | Action::NodesAreRead(_)
            | Action::RowIsDone { .. }
            | Action::ChangeIsAnswered(_) => writer::run(self, state, action),
            Action::VerificationBegins(_) | Action::LeaseIsChecked | Action::FenceIsChecked => {
                verification::run(self, state, action);
            }
            _ => node::run(self, state, action),
        }
        self.simplify(state);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(SAFE, |_, state: &State| !state.accepted),
            Property::sometimes("a node accepts the key from memory", |_, state: &State| {
                state.has_key() && state.nodes.iter().any(|node| node.lease > 0 && node.record)
            }),
            Property::sometimes(
                "a node with a lease acknowledges, and the revocation is answered",
                |_, state: &State| {
                    let knows = |node: &Node| node.position.is_some_and(|known| has(known, state.revokes));
                    state.writers[state.revokes].step == WriterStep::Answered(Answer::Acknowledged)
                        && state.nodes.iter().any(|node| node.lease > 0 && knows(node))
                },
            ),
            Property::sometimes("the revocation is answered because of time", |_, state: &State| {
                state.writers[state.revokes].step == WriterStep::Answered(Answer::Time)
            }),
        ];
        if self.silences && self.registrations > 1 {
            properties.push(Property::sometimes("a silenced node comes back", |_, state: &State| {
                let comes_back = |node: &Node| node.lease > 0 && node.row.is_some_and(|row| row > 0);
                state.rows[0] == Row::Deleted && state.nodes.iter().any(comes_back)
            }));
        }
        properties
    }
}

/// The name of the property that holds always.
pub const SAFE: &str = "no acceptance begins after the revocation is answered";
