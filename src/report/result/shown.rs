//! One run in full: how it went over time, and its journal.

use serde::{Deserialize, Serialize};

use crate::report::result::{RunResult, Word};

/// A run that is worth looking at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownRun {
    /// Why it is shown: the `worst` run, a `typical` one (the median time to recover), or the `only` one.
    pub why: Word,
    /// The run.
    pub run: RunResult,
    /// How it went, beside its twin.
    pub timeline: Timeline,
    /// What happened, in order.
    pub journal: Vec<JournalLine>,
}

/// A run and its twin over time, in intervals of equal length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timeline {
    /// How long an interval is.
    pub width_s: f64,
    /// By tier that has tasks.
    pub tiers: Vec<TierLines>,
    /// What was spent, in dollars a minute.
    pub usd_per_minute: Vec<f64>,
    /// The same of the twin.
    pub twin_usd_per_minute: Vec<f64>,
    /// The most tasks in flight.
    pub in_flight: Vec<u32>,
    /// The same of the twin.
    pub twin_in_flight: Vec<u32>,
}

/// A tier over time. What became of a task stands where it arrived.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TierLines {
    /// The tier.
    pub tier: Word,
    /// Tasks that arrived.
    pub arrived: Vec<u32>,
    /// The share of those with an outcome that were done; null where none has one.
    pub done: Vec<Option<f64>>,
    /// The same of the twin.
    pub twin_done: Vec<Option<f64>>,
    /// The median latency, in seconds; null where no task ended.
    pub p50_s: Vec<Option<f64>>,
    /// The 95th percentile.
    pub p95_s: Vec<Option<f64>>,
    /// The 95th percentile of the twin.
    pub twin_p95_s: Vec<Option<f64>>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When, since the drill began.
    pub at_s: f64,
    /// What: a closed set of words, such as `alert-firing`.
    pub event: Word,
    /// What it is about: the fault, alert, runbook, role, rollout or mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The step of the runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
