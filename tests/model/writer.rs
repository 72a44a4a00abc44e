//! What the process does that commits a change: it waits until the change may be answered.

use crate::protocol::{Action, Protocol};
use crate::rules::Broken;
use crate::state::{Answer, CHANGES, Row, Set, State, Writer, WriterStep, has};

/// Adds what a writer may do next.
pub fn actions(protocol: &Protocol, state: &State, change: usize, actions: &mut Vec<Action>) {
    let writer = &state.writers[change];
    match writer.step {
        WriterStep::None => {
            let home_is_up = protocol.homes[change].is_none_or(|home| state.nodes[home].is_up());
            if is_repetition(protocol, change) {
                if home_is_up && has(state.committed, 0) {
                    actions.push(Action::RepetitionFindsNothing(change));
                }
            // Transactions are numbered in the order in which they begin.
            } else if home_is_up && state.writers[..change].iter().all(|earlier| earlier.step != WriterStep::None) {
                actions.push(Action::TransactionBegins(change));
            }
        }
        WriterStep::Began => actions.push(Action::TransactionCommits(change)),
        WriterStep::Committed => actions.push(Action::CommitReturns(change)),
        // When the other change is answered decides nothing.
        WriterStep::Returned if change != state.revokes && !protocol.repeats => {}
        WriterStep::Returned => actions.push(Action::NodesAreRead(change)),
        WriterStep::Waits => {
            for row in 0..protocol.registrations {
                if has(writer.waits_for, row) && is_done(protocol, state.rows[row], writer.target) {
                    actions.push(Action::RowIsDone { change, row });
                }
            }
            if writer.waits_for == 0 || writer.elapsed >= protocol.wait() {
                actions.push(Action::ChangeIsAnswered(change));
            }
        }
        WriterStep::Answered(_) | WriterStep::Dead => {}
    }
}

/// Whether a writer need not wait for a row any longer.
fn is_done(protocol: &Protocol, row: Row, target: Set) -> bool {
    match row {
        Row::Unused => false,
        Row::Deleted => true,
        Row::Present { silenced: Some(_), .. } if protocol.breaks(Broken::SilencedRowSkipped) => true,
        Row::Present { acknowledged, .. } if protocol.breaks(Broken::NumbersInsteadOfSnapshots) => {
            acknowledged >= target
        }
        Row::Present { acknowledged, .. } => acknowledged & target == target,
    }
}

/// Does what a writer does.
pub fn run(protocol: &Protocol, state: &mut State, action: Action) {
    match action {
        Action::TransactionBegins(change) => {
            let early = protocol.breaks(Broken::NodesReadBeforeCommit);
            let waits_for = if early { other_rows(protocol, state, change) } else { 0 };
            state.writers[change] = Writer { step: WriterStep::Began, waits_for, target: 1 << change, elapsed: 0 };
        }
        Action::TransactionCommits(change) => {
            state.committed |= 1 << change;
            state.writers[change].step = WriterStep::Committed;
        }
        Action::CommitReturns(change) => {
            state.writers[change].step = WriterStep::Returned;
            if let Some(home) = protocol.homes[change]
                && change == state.revokes
                && !protocol.breaks(Broken::OwnFenceNotRaised)
            {
                state.nodes[home].raise();
            }
        }
        Action::RepetitionFindsNothing(change) => {
            state.writers[change] = Writer { step: WriterStep::Returned, target: state.committed, ..Writer::NONE };
        }
        Action::NodesAreRead(change) => {
            let rows = other_rows(protocol, state, change);
            let writer = &mut state.writers[change];
            writer.step = WriterStep::Waits;
            writer.waits_for = match protocol.broken {
                Some(Broken::NodesReadBeforeCommit) => writer.waits_for,
                Some(Broken::NodesKnownAtStart) => rows & 1,
                Some(Broken::AnswerAtOnce) => 0,
                Some(Broken::RepetitionAtOnce) if is_repetition(protocol, change) => 0,
                _ => rows,
            };
        }
        Action::RowIsDone { change, row } => state.writers[change].waits_for &= !(1 << row),
        Action::ChangeIsAnswered(change) => {
            let writer = &mut state.writers[change];
            let answer = if writer.waits_for == 0 { Answer::Acknowledged } else { Answer::Time };
            *writer = Writer { step: WriterStep::Answered(answer), ..Writer::NONE };
        }
        _ => unreachable!("{action:?}"),
    }
}

/// Whether the revocation of the key has been answered.
pub fn is_answered(protocol: &Protocol, state: &State) -> bool {
    let answered = |change: usize| matches!(state.writers[change].step, WriterStep::Answered(_));
    answered(state.revokes) || (0..CHANGES).any(|change| is_repetition(protocol, change) && answered(change))
}

/// Ends the writers that are part of a node's process.
pub fn die_with(protocol: &Protocol, state: &mut State, node: usize) {
    for (writer, home) in state.writers.iter_mut().zip(protocol.homes) {
        if home == Some(node) && !matches!(writer.step, WriterStep::None | WriterStep::Answered(_)) {
            *writer = Writer { step: WriterStep::Dead, ..Writer::NONE };
        }
    }
}

fn is_repetition(protocol: &Protocol, change: usize) -> bool {
    protocol.repeats && change == 1
}

/// The rows of all nodes but the writer's own.
fn other_rows(protocol: &Protocol, state: &State, change: usize) -> Set {
    let own = protocol.homes[change].and_then(|home| state.nodes[home].row);
    let rows = state.rows.iter().enumerate().filter(|(_, row)| matches!(row, Row::Present { .. }));
    rows.filter(|(number, _)| Some(*number) != own).fold(0, |set, (number, _)| set | 1 << number)
}
