//! What a node does: it registers, looks at the changes, acknowledges, renews its lease, and stops.

use crate::protocol::{Action, LEASE, Protocol};
use crate::rules::Broken;
use crate::state::{Look, LookStep, Node, Process, Row, State, has};

/// Adds what a node may do next.
pub fn actions(protocol: &Protocol, state: &State, number: usize, actions: &mut Vec<Action>) {
    let node = &state.nodes[number];
    let has_room = state.rows[..protocol.registrations].contains(&Row::Unused);
    match node.process {
        Process::Down if has_room => actions.push(Action::NodeStarts(number)),
        Process::Down => {}
        Process::Stops if node.row.is_some() => actions.extend([Action::RowIsLeft(number), Action::NodeDies(number)]),
        Process::Stops => actions.push(Action::NodeDies(number)),
        Process::Runs => {
            actions.push(Action::NodeDies(number));
            let dismissed = matches!(node.look, Some(Look { step: LookStep::Dismissed, .. }));
            match node.position {
                None => actions.push(Action::FeedIsEntered(number)),
                Some(_) if node.row.is_none() || dismissed => {
                    if has_room {
                        actions.push(Action::NodeRegisters(number));
                    }
                }
                Some(_) => look_actions(protocol, node, number, actions),
            }
            if node.row.is_some() {
                actions.push(Action::NodeStops(number));
            }
        }
    }
    if protocol.reads && node.is_up() {
        match node.reading {
            None if state.has_key() && !node.record => actions.push(Action::ReadFindsKey(number)),
            None => {}
            Some(_) => actions.push(Action::ReadEnds(number)),
        }
    }
}

fn look_actions(protocol: &Protocol, node: &Node, number: usize, actions: &mut Vec<Action>) {
    let Some(look) = node.look else {
        let early = protocol.breaks(Broken::RowReadBeforeClock);
        actions.push(if early { Action::RowIsRead(number) } else { Action::LookBegins(number) });
        return;
    };
    match look.step {
        LookStep::RowRead { .. } => actions.push(Action::LookBegins(number)),
        LookStep::ClockRead => {
            actions.extend([Action::LookTakesSnapshot(number), Action::LookIsLost(number)]);
            if protocol.breaks(Broken::LaggingCopy) {
                actions.push(Action::LookTakesOldSnapshot(number));
            }
        }
        LookStep::Seen { listed, .. } => {
            actions.extend([Action::LookIsApplied(number), Action::LookIsLost(number)]);
            if listed && protocol.breaks(Broken::RenewalBeforeFence) {
                actions.push(Action::LeaseIsRenewed(number));
            }
            if listed && protocol.breaks(Broken::AcknowledgementBeforeFence) {
                actions.push(Action::AcknowledgementIsSent(number));
            }
        }
        LookStep::Applied { .. } => {
            actions.extend([Action::AcknowledgementIsSent(number), Action::LeaseIsRenewed(number)]);
        }
        LookStep::Dismissed => {}
    }
}

/// Does what a process does by itself.
pub fn run(protocol: &Protocol, state: &mut State, action: Action) {
    match action {
        Action::NodeStarts(number) => state.nodes[number].process = Process::Runs,
        Action::NodeDies(number) => die(protocol, state, number),
        Action::NodeStops(number) => stop(protocol, state, number),
        Action::RowIsLeft(number) => {
            delete_own_row(state, number);
            // Requests that are under way are still answered.
            state.nodes[number].row = None;
        }
        Action::FeedIsEntered(number) => enter_feed(protocol, state, number),
        Action::NodeRegisters(number) => register(protocol, state, number),
        Action::ReadFindsKey(number) => state.nodes[number].reading = Some(true),
        Action::ReadEnds(number) => {
            let node = &mut state.nodes[number];
            let fresh = node.reading.take() == Some(true) || protocol.breaks(Broken::MomentAtEndOfRead);
            node.record |= fresh;
            crate::verification::join(state, number, fresh);
        }
        _ => look(protocol, state, action),
    }
}

/// The node follows the changes from now on. What it has read before may be out of date.
fn enter_feed(protocol: &Protocol, state: &mut State, number: usize) {
    let position = protocol.position(state);
    let node = &mut state.nodes[number];
    node.position = Some(position);
    node.after_crash = state.crashed;
    if !protocol.breaks(Broken::MemoryOlderThanFeed) {
        node.raise();
    }
    if protocol.breaks(Broken::LeaseBeforeRegistration) {
        node.lease = LEASE;
    }
}

/// Registers the node under a new id, and deletes its old row with the same commit.
fn register(protocol: &Protocol, state: &mut State, number: usize) {
    if !protocol.breaks(Broken::LeaseBeforeRegistration) && !protocol.breaks(Broken::LeaseOutlivesRow) {
        end_lease(state, number);
    }
    delete_own_row(state, number);
    let row = state.rows.iter().position(|row| *row == Row::Unused).unwrap();
    state.rows[row] = Row::Present { acknowledged: 0, silenced: None, sent: 0 };
    (state.nodes[number].row, state.nodes[number].look) = (Some(row), None);
}

fn look(protocol: &Protocol, state: &mut State, action: Action) {
    match action {
        Action::RowIsRead(number) => {
            let listed = is_listed(state, number);
            state.nodes[number].look = Some(Look { age: 0, step: LookStep::RowRead { listed } });
        }
        Action::LookBegins(number) => {
            if let Some(verification) = state.verification_on(number) {
                verification.will_be_covered = true;
            }
            let step = state.nodes[number].look.map_or(LookStep::ClockRead, |look| look.step);
            state.nodes[number].look = Some(Look { age: 0, step });
            if let LookStep::RowRead { listed } = step {
                take_snapshot(state, number, protocol.position(state), listed);
            }
        }
        Action::LookIsLost(number) => {
            end_lease(state, number);
            state.nodes[number].look = None;
        }
        Action::LookTakesSnapshot(number) => {
            let listed = protocol.breaks(Broken::SilencedNodeRenews) || is_listed(state, number);
            take_snapshot(state, number, protocol.position(state), listed);
        }
        Action::LookTakesOldSnapshot(number) => {
            take_snapshot(state, number, state.committed & !(1 << state.revokes), true);
        }
        Action::LookIsApplied(number) => apply(protocol, state, number),
        Action::LeaseIsRenewed(number) => renew(protocol, state, number),
        Action::AcknowledgementIsSent(number) => acknowledge(protocol, state, number),
        _ => unreachable!("{action:?}"),
    }
}

/// Whether the node's row is there and not silenced.
fn is_listed(state: &State, number: usize) -> bool {
    state.nodes[number].row.is_some_and(|row| matches!(state.rows[row], Row::Present { silenced: None, .. }))
}

fn take_snapshot(state: &mut State, number: usize, changes: u8, listed: bool) {
    let after_crash = state.crashed;
    let look = state.nodes[number].look.as_mut().unwrap();
    look.step = LookStep::Seen { changes, listed, after_crash };
}

/// Raises the fences of what a look found. A node that is silenced, or has no row any more, loses its lease.
fn apply(protocol: &Protocol, state: &mut State, number: usize) {
    let revokes = state.revokes;
    let node = &mut state.nodes[number];
    let (Some(Look { age, step: LookStep::Seen { changes, listed, after_crash } }), Some(known)) =
        (node.look, node.position)
    else {
        unreachable!()
    };
    let goes_on = node.after_crash == after_crash || protocol.breaks(Broken::PositionOutlivesCrash);
    if has(changes & !known, revokes) || !goes_on {
        node.raise();
    }
    node.after_crash = after_crash;
    node.position = Some(changes);
    let step = if listed { LookStep::Applied { changes } } else { LookStep::Dismissed };
    node.look = Some(Look { age, step });
    if !listed && !protocol.breaks(Broken::LeaseOutlivesRow) {
        end_lease(state, number);
    }
}

fn renew(protocol: &Protocol, state: &mut State, number: usize) {
    let node = &mut state.nodes[number];
    let Some(Look { age, step }) = node.look else { unreachable!() };
    let from_end = protocol.breaks(Broken::LeaseFromEndOfLook);
    node.lease = node.lease.max(if from_end { LEASE } else { LEASE - age });
    if matches!(step, LookStep::Applied { .. }) {
        node.look = None;
    }
    if let Some(verification) = state.verification_on(number) {
        verification.covered |= verification.will_be_covered || from_end;
    }
}

fn acknowledge(protocol: &Protocol, state: &mut State, number: usize) {
    let node = &state.nodes[number];
    let Some(Look { step: LookStep::Seen { changes, .. } | LookStep::Applied { changes }, .. }) = node.look else {
        unreachable!()
    };
    let changes = if protocol.breaks(Broken::AcknowledgementOfNow) { state.committed } else { changes };
    // It is written in the session in which the position was read.
    let is_possible = node.after_crash == state.crashed || protocol.breaks(Broken::AcknowledgementOutlivesCrash);
    if let Some(Row::Present { acknowledged, sent, .. }) = node.row.map(|row| &mut state.rows[row])
        && *acknowledged != changes
        && is_possible
    {
        *sent |= 1 << changes;
    }
}

/// Stops in order: the looks first, then the lease, then the row.
fn stop(protocol: &Protocol, state: &mut State, number: usize) {
    if !protocol.breaks(Broken::StopLeavesRowFirst) {
        end_lease(state, number);
    }
    let applied = matches!(state.nodes[number].look, Some(Look { step: LookStep::Applied { .. }, .. }));
    if applied && protocol.breaks(Broken::LookOutlivesStop) {
        delete_own_row(state, number);
    } else {
        state.nodes[number].look = None;
        state.nodes[number].process = Process::Stops;
    }
}

/// Ends the process, with all that it has in memory, and the writers that are part of it.
fn die(protocol: &Protocol, state: &mut State, number: usize) {
    state.nodes[number] = Node::DOWN;
    state.verification = state.verification.filter(|verification| verification.node != number);
    crate::writer::die_with(protocol, state, number);
}

fn delete_own_row(state: &mut State, number: usize) {
    if let Some(row) = state.nodes[number].row {
        state.rows[row] = Row::Deleted;
    }
}

fn end_lease(state: &mut State, number: usize) {
    state.nodes[number].lease = 0;
    if let Some(verification) = state.verification_on(number) {
        verification.covered = false;
    }
}
