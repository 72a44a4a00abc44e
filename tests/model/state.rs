//! A moment of everything: the database, the nodes, the writers of changes, and one verification.

/// The most nodes in a setting.
pub const NODES: usize = 2;
/// The most registrations of nodes.
pub const ROWS: usize = 3;
/// The most changes.
pub const CHANGES: usize = 2;

/// A set of changes or of rows, one bit for each.
pub type Set = u8;

/// Whether a set has a member.
pub fn has(set: Set, member: usize) -> bool {
    set & 1 << member != 0
}

/// A moment of everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// The change that revokes the key. Another one concerns another key.
    pub revokes: usize,
    /// The changes that a snapshot of the database sees.
    pub committed: Set,
    /// Whether the database has crashed, and every connection is new.
    pub crashed: bool,
    /// The table `nodes`.
    pub rows: [Row; ROWS],
    pub nodes: [Node; NODES],
    /// One for each change.
    pub writers: [Writer; CHANGES],
    /// A verification of the key that began after the revocation was answered.
    pub verification: Option<Verification>,
    /// For how many units of time no clock may slip.
    pub steady: u8,
    /// Whether that verification has accepted the key.
    pub accepted: bool,
}

/// A place in the table `nodes`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Row {
    Unused,
    Present {
        acknowledged: Set,
        /// How long ago the row was silenced.
        silenced: Option<u8>,
        /// Acknowledgements on their way, one bit for each set of changes. Each is committed at any time, or never.
        sent: u8,
    },
    Deleted,
}

/// A node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Node {
    pub process: Process,
    /// Its row in the table `nodes`.
    pub row: Option<usize>,
    pub look: Option<Look>,
    /// The changes up to which its memory is right; none before the node has entered the feed.
    pub position: Option<Set>,
    /// Whether that position was read after the crash of the database.
    pub after_crash: bool,
    /// For how long the lease still runs.
    pub lease: u8,
    /// Whether memory has a record of the key whose fence was not raised since the record was read.
    pub record: bool,
    /// Whether a read is under way that found the key, and then whether no fence was raised since that read began.
    pub reading: Option<bool>,
}

/// The process of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Process {
    Down,
    Runs,
    /// Stops in order.
    Stops,
}

/// A look at the changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Look {
    /// How long ago the look read the clock.
    pub age: u8,
    pub step: LookStep,
}

/// The last step of a look.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LookStep {
    /// The row was read before the clock. Only with [`crate::rules::Broken::RowReadBeforeClock`].
    RowRead {
        listed: bool,
    },
    ClockRead,
    /// The snapshot was taken: the changes that it saw, and whether the node's row was there and not silenced.
    Seen {
        changes: Set,
        listed: bool,
        after_crash: bool,
    },
    /// The fences are raised.
    Applied {
        changes: Set,
    },
    /// The fences are raised, and the node has to register anew.
    Dismissed,
}

/// The process that commits a change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Writer {
    pub step: WriterStep,
    /// How long it has waited.
    pub elapsed: u8,
    /// The rows that it waits for.
    pub waits_for: Set,
    /// The changes that these rows have to acknowledge.
    pub target: Set,
}

/// The last step of a writer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WriterStep {
    None,
    /// The transaction has begun and has its number.
    Began,
    /// The change is visible.
    Committed,
    /// The writer knows that the change is committed, and has raised the fences of its own process.
    Returned,
    Waits,
    Answered(Answer),
    /// The process ended before the answer.
    Dead,
}

/// Why a change was answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    Acknowledged,
    Time,
}

/// A verification from memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Verification {
    pub node: usize,
    pub step: VerificationStep,
    /// Whether the lease as it is now covers the time at which the verification began.
    pub covered: bool,
    /// Whether the lease will cover that time when the look that is under way, or a later one, renews the lease.
    pub will_be_covered: bool,
}

/// The last step of a verification.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VerificationStep {
    ClockRead,
    LeaseChecked,
    /// Only with [`crate::rules::Broken::FenceBeforeLease`].
    FenceChecked,
    /// Waits for a read. Only with [`crate::rules::Broken::JoinsEarlierRead`].
    Joined,
}

impl State {
    /// Whether the key exists.
    pub fn has_key(&self) -> bool {
        !has(self.committed, self.revokes)
    }

    /// The verification, if it runs on that node.
    pub fn verification_on(&mut self, node: usize) -> Option<&mut Verification> {
        self.verification.as_mut().filter(|verification| verification.node == node)
    }
}

impl Node {
    /// A process that does not run.
    pub const DOWN: Self = Self {
        process: Process::Down,
        row: None,
        look: None,
        position: None,
        after_crash: false,
        lease: 0,
        record: false,
        reading: None,
    };

    /// Whether the process answers requests.
    pub fn is_up(&self) -> bool {
        self.process != Process::Down
    }

    /// Raises the fence of the key.
    pub fn raise(&mut self) {
        self.record = false;
        self.reading = self.reading.map(|_| false);
    }
}

impl Writer {
    /// A writer that has done nothing.
    pub const NONE: Self = Self { step: WriterStep::None, elapsed: 0, waits_for: 0, target: 0 };
}
