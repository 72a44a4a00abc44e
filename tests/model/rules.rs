//! The rules and the assumptions of the protocol, each of which a test breaks.

/// What is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// A verification uses memory without a look at the lease.
    NoLeaseCheck,
    /// A verification checks the fence before the lease.
    FenceBeforeLease,
    /// A verification without a lease takes the result of a read that began before the verification.
    JoinsEarlierRead,
    /// A record counts as read when its read ends, not when the read begins.
    MomentAtEndOfRead,
    /// The lease is counted from the end of the look.
    LeaseFromEndOfLook,
    /// The lease is renewed before the fences are raised.
    RenewalBeforeFence,
    /// A look is acknowledged before the fences are raised.
    AcknowledgementBeforeFence,
    /// A node acknowledges what the database has by then, not what its look saw.
    AcknowledgementOfNow,
    /// A node has a lease before it is registered.
    LeaseBeforeRegistration,
    /// What a node reads into memory before it follows the changes is not forgotten.
    MemoryOlderThanFeed,
    /// A node reads its row before it reads the clock for a look.
    RowReadBeforeClock,
    /// A node that was silenced, or has no row any more, renews its lease.
    SilencedNodeRenews,
    /// A node that was silenced registers anew while its lease runs.
    LeaseOutlivesRow,
    /// A silenced row is deleted at once.
    SilencedRowDeletedAtOnce,
    /// A silenced row is deleted after a lease, without the margin for drift.
    SilencedRowDeletedWithoutDrift,
    /// A writer does not wait for nodes that are silenced.
    SilencedRowSkipped,
    /// A node that stops deletes its row while its lease runs.
    StopLeavesRowFirst,
    /// A look that is under way when the node stops renews the lease.
    LookOutlivesStop,
    /// A change is answered when it is committed.
    AnswerAtOnce,
    /// The writer does not raise the fences of its own process.
    OwnFenceNotRaised,
    /// The nodes to wait for are read before the commit.
    NodesReadBeforeCommit,
    /// The writer waits only for the nodes that there were when it started.
    NodesKnownAtStart,
    /// The time to wait is counted from the beginning of the transaction.
    WaitFromBegin,
    /// The writer waits for a lease, without the margin for drift.
    WaitWithoutDrift,
    /// Positions are compared by numbers of transactions, not by what was visible.
    NumbersInsteadOfSnapshots,
    /// After a crash of the database, which gives numbers of lost transactions once more, a node goes on from its position.
    PositionOutlivesCrash,
    /// A node writes an acknowledgement after such a crash whose position it read before.
    AcknowledgementOutlivesCrash,
    /// A revocation that finds nothing left to revoke is answered at once.
    RepetitionAtOnce,
    /// An assumption: the clock of a node may stand still.
    ClockStands,
    /// An assumption: changes are read from a copy of the database that lags behind.
    LaggingCopy,
}

impl Broken {
    /// Each of them.
    pub const ALL: [Self; 30] = [
        Self::NoLeaseCheck,
        Self::FenceBeforeLease,
        Self::JoinsEarlierRead,
        Self::MomentAtEndOfRead,
        Self::LeaseFromEndOfLook,
        Self::RenewalBeforeFence,
        Self::AcknowledgementBeforeFence,
        Self::AcknowledgementOfNow,
        Self::LeaseBeforeRegistration,
        Self::MemoryOlderThanFeed,
        Self::RowReadBeforeClock,
        Self::SilencedNodeRenews,
        Self::LeaseOutlivesRow,
        Self::SilencedRowDeletedAtOnce,
        Self::SilencedRowDeletedWithoutDrift,
        Self::SilencedRowSkipped,
        Self::StopLeavesRowFirst,
        Self::LookOutlivesStop,
        Self::AnswerAtOnce,
        Self::OwnFenceNotRaised,
        Self::NodesReadBeforeCommit,
        Self::NodesKnownAtStart,
        Self::WaitFromBegin,
        Self::WaitWithoutDrift,
        Self::NumbersInsteadOfSnapshots,
        Self::PositionOutlivesCrash,
        Self::AcknowledgementOutlivesCrash,
        Self::RepetitionAtOnce,
        Self::ClockStands,
        Self::LaggingCopy,
    ];
}
