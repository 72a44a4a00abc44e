//! An edge: a node whose looks and reads go through one of two servers, and take time. Registration, silence and stops are
//! those of every node, which the other model has.
//!
//! The servers keep no rule here but that a look raises their fences: a server that has not looked since the commit lets the
//! key in at any time, as if it had a lease for ever. What the edge lets in by asking a server is that server's acceptance.

use stateright::{Model, Property};

use crate::protocol::{LEASE, SAFE, WAIT};

/// What is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// The lease counts from when the answer to a look has arrived.
    LeaseFromAnswer,
    /// A look is answered by one of the server that had begun before the request arrived.
    AnsweredByEarlierLook,
    /// An answer is kept whichever server gave it.
    KeepsAnswerOfAnyServer,
    /// Nothing is forgotten when another server answers a look.
    ServersAreOne,
    /// An answer counts as read when it arrives.
    MomentAtArrival,
    /// A look is acknowledged when it has arrived, before it is applied.
    AcknowledgedOnArrival,
}

impl Broken {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::LeaseFromAnswer,
        Self::AnsweredByEarlierLook,
        Self::KeepsAnswerOfAnyServer,
        Self::ServersAreOne,
        Self::MomentAtArrival,
        Self::AcknowledgedOnArrival,
    ];
}

/// Which rule is broken.
#[derive(Clone, Copy, Debug)]
pub struct Edges {
    pub broken: Option<Broken>,
}

/// A moment of everything.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that the checker combines with all others"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// For how long ago the revocation has been committed; `None` before that.
    committed: Option<u8>,
    answered: bool,
    /// Whether each server has raised its fences.
    servers: [bool; 2],
    look: Option<Look>,
    read: Option<Read>,
    /// The server of the last look, and whether what the edge has applied includes the revocation.
    source: Option<usize>,
    knows: bool,
    /// Whether an acknowledgement of the revocation is on its way, and whether it is written.
    sent: bool,
    acknowledged: bool,
    lease: u8,
    /// Whether memory has an answer that lets the key in, and no fence was raised since its request was sent.
    record: bool,
    verification: Option<Verification>,
    /// For how many units of time the clock of the edge may not slip.
    steady: u8,
    accepted: bool,
}

/// A look under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Look {
    /// How long ago its request was sent.
    age: u8,
    /// The server that has answered, whether its look found the revocation, and whether the edge has to forget something.
    answer: Option<Told>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Told {
    server: usize,
    found: bool,
    forgets: bool,
}

/// A request that is forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Read {
    /// Whose pass it shows.
    pass: Option<usize>,
    /// Whether no fence was raised since it was sent.
    fresh: bool,
    /// Whether the answer, which lets the key in, may be kept.
    keep: Option<bool>,
}

/// A verification from memory that began after the revocation was answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Verification {
    covered: bool,
    will_be_covered: bool,
}

/// A step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Tick { slips: bool },
    Commit,
    AnswerRevocation,
    ServerLooks(usize),
    LookIsSent,
    LookIsAnswered(usize),
    LookIsApplied,
    LookIsLost,
    AcknowledgementIsWritten,
    ReadIsSent,
    ReadIsAnswered(usize),
    ReadEnds,
    VerificationBegins,
    VerificationChecks,
}

impl Edges {
    fn breaks(self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    fn tick(state: &mut State, slips: bool) {
        state.steady = if slips { LEASE } else { state.steady.saturating_sub(1) };
        if let Some(ago) = &mut state.committed {
            *ago = WAIT.min(*ago + 1);
        }
        if !slips {
            state.lease = state.lease.saturating_sub(1);
            if let Some(look) = &mut state.look {
                look.age = LEASE.min(look.age + 1);
            }
        }
    }

    fn answer_look(self, state: &mut State, server: usize) {
        let had_seen = state.servers[server];
        if !self.breaks(Broken::AnsweredByEarlierLook) {
            state.servers[server] = state.committed.is_some();
        }
        let found = state.servers[server];
        let is_same = state.source == Some(server);
        let forgets = match (is_same, self.breaks(Broken::ServersAreOne)) {
            (true, _) => found && !state.knows,
            // Only what is new to this server.
            (false, true) => found && !had_seen,
            (false, false) => true,
        };
        if let Some(look) = &mut state.look {
            look.answer = Some(Told { server, found, forgets });
        }
        state.sent |= found && self.breaks(Broken::AcknowledgedOnArrival);
    }

    fn apply(self, state: &mut State) {
        let Some(Look { age, answer: Some(Told { server, found, forgets }) }) = state.look.take() else {
            unreachable!()
        };
        if forgets {
            state.record = false;
            if let Some(read) = &mut state.read {
                read.fresh = false;
            }
        }
        (state.source, state.knows) = (Some(server), found);
        let length = if self.breaks(Broken::LeaseFromAnswer) { LEASE } else { LEASE - age };
        state.lease = state.lease.max(length);
        if let Some(verification) = &mut state.verification {
            verification.covered |= verification.will_be_covered || self.breaks(Broken::LeaseFromAnswer);
        }
    }
}

impl Model for Edges {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: None,
            answered: false,
            servers: [false; 2],
            look: None,
            read: None,
            source: None,
            knows: false,
            sent: false,
            acknowledged: false,
            lease: 0,
            record: false,
            verification: None,
            steady: 0,
            accepted: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.accepted {
            return;
        }
        actions.push(Action::Tick { slips: false });
        if state.steady == 0 {
            actions.push(Action::Tick { slips: true });
        }
        match state.committed {
            None => actions.push(Action::Commit),
            Some(ago) if !state.answered && (state.acknowledged || ago >= WAIT) => {
                actions.push(Action::AnswerRevocation);
            }
            Some(_) => {}
        }
        for server in 0..2 {
            if state.committed.is_some() && !state.servers[server] {
                actions.push(Action::ServerLooks(server));
            }
            if matches!(state.look, Some(Look { answer: None, .. })) {
                actions.push(Action::LookIsAnswered(server));
            }
            // One that has raised its fences refuses the key, and nothing is kept.
            if !state.servers[server] && matches!(state.read, Some(Read { keep: None, .. })) {
                actions.push(Action::ReadIsAnswered(server));
            }
        }
        match state.look {
            None => actions.push(Action::LookIsSent),
            Some(look) => {
                actions.push(Action::LookIsLost);
                if look.answer.is_some() {
                    actions.push(Action::LookIsApplied);
                }
            }
        }
        if state.sent && !state.acknowledged {
            actions.push(Action::AcknowledgementIsWritten);
        }
        match state.read {
            None => actions.push(Action::ReadIsSent),
            Some(_) => actions.push(Action::ReadEnds),
        }
        match state.verification {
            None if state.answered => actions.push(Action::VerificationBegins),
            None => {}
            Some(_) => actions.push(Action::VerificationChecks),
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        let state = &mut next;
        match action {
            Action::Tick { slips } => Self::tick(state, slips),
            Action::Commit => state.committed = Some(0),
            Action::AnswerRevocation => state.answered = true,
            Action::ServerLooks(server) => state.servers[server] = true,
            Action::LookIsSent => {
                state.look = Some(Look { age: 0, answer: None });
                // The request says what has been applied.
                state.sent |= state.knows;
                if let Some(verification) = &mut state.verification {
                    verification.will_be_covered = true;
                }
            }
            Action::LookIsAnswered(server) => self.answer_look(state, server),
            Action::LookIsApplied => self.apply(state),
            Action::LookIsLost => {
                (state.look, state.lease) = (None, 0);
                if let Some(verification) = &mut state.verification {
                    verification.covered = false;
                }
            }
            Action::AcknowledgementIsWritten => state.acknowledged = true,
            Action::ReadIsSent => state.read = Some(Read { pass: state.source, fresh: true, keep: None }),
            Action::ReadIsAnswered(server) => {
                let any = self.breaks(Broken::KeepsAnswerOfAnyServer);
                if let Some(read) = &mut state.read {
                    read.keep = Some(any || read.pass == Some(server));
                }
            }
            Action::ReadEnds => {
                let read = state.read.take();
                let fresh = |read: &Read| read.fresh || self.breaks(Broken::MomentAtArrival);
                state.record |= read.is_some_and(|read| read.keep == Some(true) && fresh(&read));
            }
            Action::VerificationBegins => {
                let will_be_covered = state.look.is_none_or(|look| look.age < LEASE);
                state.verification = Some(Verification { covered: state.lease > 0, will_be_covered });
            }
            Action::VerificationChecks => {
                // Lease and fence under one lock, with the time at which it began.
                let verification = state.verification.take();
                state.accepted = state.record && verification.is_some_and(|verification| verification.covered);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| !state.accepted),
            Property::sometimes("an edge accepts the key from memory", |_, state: &State| {
                state.committed.is_none() && state.lease > 0 && state.record
            }),
            Property::sometimes("it acknowledges, and the revocation is answered", |_, state: &State| {
                state.answered && state.acknowledged && state.lease > 0
            }),
            Property::sometimes("the revocation is answered because of time", |_, state: &State| {
                state.answered && !state.acknowledged
            }),
        ]
    }
}
