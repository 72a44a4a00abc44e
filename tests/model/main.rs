//! A model of the protocol by which a revocation is final when it is answered: `docs/revocation.md`.
//!
//! All orders of all steps are explored: every process may be paused before each of its steps, for any time. Looks and
//! acknowledgements that are lost, late or overtaken are steps, too. Looks begin at any time, so it makes no difference
//! whether a wake arrives. Ages and remaining times are small numbers, so there are finitely many states, and all that can be
//! reached are visited.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod edge;
mod node;
mod protocol;
mod rules;
mod state;
mod verification;
mod writer;

use stateright::{Checker, HasDiscoveries, Model};

use crate::edge::Edges;
use crate::protocol::{Action, Protocol, SAFE};
use crate::rules::Broken;

/// One node, and a revocation that is made elsewhere.
const ONE_NODE: Protocol = Protocol {
    nodes: 1,
    registrations: 1,
    changes: 1,
    homes: [None; 2],
    repeats: false,
    reads: false,
    silences: false,
    crashes: false,
    broken: None,
};
/// The node is silenced.
const SILENCED: Protocol = Protocol { silences: true, ..ONE_NODE };
/// The node stops or dies, and starts again.
const STARTED_AGAIN: Protocol = Protocol { registrations: 2, ..ONE_NODE };
/// The node is silenced, stops or dies, and comes back.
const COMES_BACK: Protocol = Protocol { registrations: 2, ..SILENCED };
/// The node's reads into memory take time.
const READING: Protocol = Protocol { reads: true, ..SILENCED };
/// Two transactions are open at a time.
const TWO_CHANGES: Protocol = Protocol { changes: 2, ..ONE_NODE };
/// The revocation is repeated.
const REPEATED: Protocol = Protocol { repeats: true, ..TWO_CHANGES };
/// The database crashes before the revocation.
const CRASHED: Protocol = Protocol { crashes: true, ..STARTED_AGAIN };
/// The revocation is made by the process of the node.
const OWN_CHANGE: Protocol = Protocol { homes: [Some(0), None], ..ONE_NODE };
/// Two nodes, one of which makes the revocation.
const TWO_NODES: Protocol = Protocol { nodes: 2, registrations: 2, ..OWN_CHANGE };

/// Visits every state that can be reached, and finds the properties of [`Protocol::properties`] as they should be.
fn explore(setting: &str, protocol: Protocol) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{setting}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn no_acceptance_begins_after_a_revocation_is_answered() {
    explore("the node comes back", COMES_BACK);
    explore("reads take time", READING);
    explore("two transactions", TWO_CHANGES);
    explore("a repetition", REPEATED);
    explore("a crash of the database", CRASHED);
    explore("two nodes", TWO_NODES);
}

#[test]
fn no_acceptance_of_an_edge_begins_after_a_revocation_is_answered() {
    let checker = Edges { broken: None }.checker().threads(2).spawn_bfs().join();
    println!("an edge before two servers: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[test]
fn without_any_one_rule_of_edges_an_acceptance_begins_after_the_answer() {
    for broken in edge::Broken::ALL {
        let model = Edges { broken: Some(broken) };
        let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let steps = checker.discovery(SAFE).unwrap_or_else(|| panic!("{broken:?} breaks nothing")).into_actions();
        println!("{broken:?}, {} steps: {steps:?}", steps.len());
    }
}

#[test]
#[ignore = "takes minutes"]
fn no_acceptance_begins_after_the_answer_in_larger_settings() {
    explore("the node comes back twice", Protocol { registrations: 3, ..COMES_BACK });
    explore("reads take time, and the node comes back", Protocol { reads: true, ..COMES_BACK });
    explore("two transactions, and the node is silenced", Protocol { silences: true, ..TWO_CHANGES });
    explore("two transactions, and the node starts again", Protocol { registrations: 2, ..TWO_CHANGES });
    explore("a repetition, and the node starts again", Protocol { registrations: 2, ..REPEATED });
    explore("a crash of the database, and the node is silenced", Protocol { silences: true, ..CRASHED });
    explore("two nodes, and reads take time", Protocol { reads: true, ..TWO_NODES });
}

/// A shortest way to an acceptance after the answer.
fn counter_example(protocol: Protocol) -> Option<Vec<Action>> {
    let mut found: Option<Vec<Action>> = None;
    loop {
        let checker = protocol.checker().finish_when(HasDiscoveries::AnyFailures);
        // The checker reports the last one of those that it finds at about the same time.
        let checker = match &found {
            Some(steps) => checker.target_max_depth(steps.len() + 1),
            None => checker,
        };
        match checker.spawn_bfs().join().discovery(SAFE) {
            Some(path) => found = Some(path.into_actions()),
            None => return found,
        }
    }
}

/// The smallest setting in which the rule matters.
fn setting(broken: Broken) -> Protocol {
    match broken {
        Broken::RowReadBeforeClock
        | Broken::SilencedNodeRenews
        | Broken::SilencedRowDeletedAtOnce
        | Broken::SilencedRowDeletedWithoutDrift
        | Broken::SilencedRowSkipped => SILENCED,
        Broken::LeaseOutlivesRow => COMES_BACK,
        Broken::NodesKnownAtStart => STARTED_AGAIN,
        Broken::JoinsEarlierRead | Broken::MomentAtEndOfRead => READING,
        Broken::OwnFenceNotRaised => OWN_CHANGE,
        Broken::NumbersInsteadOfSnapshots => TWO_CHANGES,
        Broken::PositionOutlivesCrash | Broken::AcknowledgementOutlivesCrash => {
            Protocol { registrations: 1, ..CRASHED }
        }
        Broken::RepetitionAtOnce => REPEATED,
        _ => ONE_NODE,
    }
}

#[test]
fn without_any_one_rule_an_acceptance_begins_after_the_answer() {
    for broken in Broken::ALL {
        let steps = counter_example(Protocol { broken: Some(broken), ..setting(broken) });
        let steps = steps.unwrap_or_else(|| panic!("{broken:?} breaks nothing"));
        println!("{broken:?}, {} steps: {steps:?}", steps.len());
    }
}

#[test]
fn each_broken_rule_is_in_the_documentation() {
    let page = include_str!("../../docs/revocation.md");
    for broken in edge::Broken::ALL {
        assert!(page.contains(&format!("`{broken:?}`")), "docs/revocation.md lacks `{broken:?}`");
    }
    for broken in Broken::ALL {
        assert!(page.contains(&format!("`{broken:?}`")), "docs/revocation.md lacks `{broken:?}`");
    }
}
