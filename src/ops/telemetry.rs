//! What a team's telemetry shows.

/// What a team's telemetry shows, as running totals since the drill began.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// By objective: bad tasks and all tasks.
    pub slos: Vec<(u64, u64)>,
    /// By mock, as clients see it.
    pub calls: Vec<Calls>,
    /// By model, its replies as clients see them.
    pub replies: Vec<Replies>,
    /// By evaluation, bad judgements and all of them.
    pub judged: Vec<(u64, u64)>,
    /// By evaluation and mock (row by row), those of tasks that took the mock's answers.
    pub judged_of: Vec<(u64, u64)>,
    /// By mock, whether an audit would find that it permits what is not declared, or less.
    pub differs: Vec<bool>,
    /// Tasks in flight now.
    pub in_flight: u64,
    /// Spent, in picodollars.
    pub spent: u128,
}

/// Attempts at a mock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Attempts that have ended.
    pub ended: u64,
    /// Of these, those that ended badly.
    pub failed: u64,
    /// Time they took, in microseconds.
    pub took_us: u64,
    /// Refused for want of a permission, by the server or on the way.
    pub denied: u64,
}

/// Replies of a mock that came with status 200.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replies {
    /// All of them.
    pub all: u64,
    /// Of these, refusals.
    pub refused: u64,
    /// Of these, those that the output guardrail found malformed.
    pub malformed: u64,
    /// Their output tokens.
    pub tokens: u64,
    /// Of these, those in which another guardrail found what does not belong there.
    pub caught: u64,
}
