//! A verification of the key from memory, which begins after the revocation was answered.

use crate::protocol::{Action, LEASE, Protocol};
use crate::rules::Broken;
use crate::state::{LookStep, State, Verification, VerificationStep};
use crate::writer::is_answered;

/// Adds what may happen to the verification next.
pub fn actions(protocol: &Protocol, state: &State, actions: &mut Vec<Action>) {
    let Some(verification) = state.verification else {
        if is_answered(protocol, state) {
            let up = (0..protocol.nodes).filter(|node| state.nodes[*node].is_up());
            actions.extend(up.map(Action::VerificationBegins));
        }
        return;
    };
    match verification.step {
        VerificationStep::ClockRead if protocol.breaks(Broken::FenceBeforeLease) => {
            actions.push(Action::FenceIsChecked);
        }
        VerificationStep::ClockRead | VerificationStep::FenceChecked => actions.push(Action::LeaseIsChecked),
        VerificationStep::LeaseChecked => actions.push(Action::FenceIsChecked),
        VerificationStep::Joined => {}
    }
}

/// Does a step of the verification. One that may not use memory ends: it reads the database, where the key is revoked.
pub fn run(protocol: &Protocol, state: &mut State, action: Action) {
    let Some(verification) = state.verification.take() else {
        let Action::VerificationBegins(node) = action else { unreachable!("{action:?}") };
        state.verification = Some(begin(state, node));
        return;
    };
    let passes = match action {
        Action::LeaseIsChecked => verification.covered || protocol.breaks(Broken::NoLeaseCheck),
        _ => state.nodes[verification.node].record,
    };
    let step = match (action, verification.step) {
        (Action::LeaseIsChecked, VerificationStep::ClockRead) if passes => VerificationStep::LeaseChecked,
        (Action::FenceIsChecked, VerificationStep::ClockRead) if passes => VerificationStep::FenceChecked,
        (Action::LeaseIsChecked, _) if !passes && protocol.breaks(Broken::JoinsEarlierRead) => VerificationStep::Joined,
        _ => {
            state.accepted = passes;
            return;
        }
    };
    state.verification = Some(Verification { step, ..verification });
}

fn begin(state: &State, node: usize) -> Verification {
    let under_way =
        state.nodes[node].look.filter(|look| !matches!(look.step, LookStep::RowRead { .. } | LookStep::Dismissed));
    Verification {
        node,
        step: VerificationStep::ClockRead,
        covered: state.nodes[node].lease > 0,
        will_be_covered: under_way.is_none_or(|look| look.age < LEASE),
    }
}

/// A verification that waits for a read of its node takes the result.
pub fn join(state: &mut State, node: usize, fresh: bool) {
    if state.verification_on(node).is_some_and(|verification| verification.step == VerificationStep::Joined) {
        state.accepted = fresh;
        state.verification = None;
    }
}

/// Whether the verification can accept nothing any more, if no rule is broken.
pub fn is_over(state: &State) -> bool {
    state.verification.is_some_and(|verification| {
        let not_covered = !verification.covered && !verification.will_be_covered;
        not_covered && verification.step == VerificationStep::ClockRead || !state.nodes[verification.node].record
    })
}
