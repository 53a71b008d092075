//! What the runs of a drill say together: quantiles and counts over seeds, never means.

use serde::{Deserialize, Serialize};

use crate::report::result::Word;

/// One target over the graded runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Its name.
    pub name: String,
    /// `s` since onset, `share`, or `count`.
    pub unit: Word,
    /// The highest value that meets it.
    pub limit: f64,
    /// Its line in the scenario; null if the scenario does not state it.
    pub line: Option<usize>,
    /// The median; null if it is a run in which it never happened.
    pub p50: Option<f64>,
    /// The 95th percentile; null likewise.
    pub p95: Option<f64>,
    /// Runs that met it.
    pub met_runs: u64,
    /// The first seed that missed it; null if none did.
    pub missed_seed: Option<u64>,
    /// What was measured in each graded run, in their order; null where it never happened.
    pub values: Vec<Option<f64>>,
}

/// A moment over the runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MomentSummary {
    /// `onset` since the drill began; `detect`, `acknowledge`, `contain` and `recover` since onset.
    pub name: Word,
    /// The median, in seconds; null if it is a run in which it never came.
    pub p50_s: Option<f64>,
    /// The 95th percentile; null likewise.
    pub p95_s: Option<f64>,
    /// Runs in which it came.
    pub runs: u64,
}

/// Harm to a tier over the runs: each number is a median by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HarmSummary {
    /// The tier.
    pub tier: Word,
    /// Tasks that arrived.
    pub arrived: u64,
    /// Tasks lost.
    pub lost: u64,
    /// Tasks lost, the 95th percentile.
    pub lost_p95: u64,
    /// More failed.
    pub failed: i64,
    /// More late.
    pub late: i64,
    /// More wrong.
    pub wrong: i64,
    /// More refused.
    pub shed: i64,
    /// More unsafe.
    pub r#unsafe: i64,
}

/// What was spent over the runs, in dollars.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpendSummary {
    /// In the median run.
    pub usd: f64,
    /// In the run at the 95th percentile.
    pub usd_p95: f64,
    /// In the median twin.
    pub twin_usd: f64,
}

/// What a guardrail did over the runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ControlSummary {
    /// Its name, as `--without` knows it.
    pub name: String,
    /// Runs in which it acted.
    pub runs: u64,
    /// How often it acted, in the median run.
    pub times: u64,
    /// How long after onset it first acted, in the median of the runs in which it did; null if it never did.
    pub after_onset_s: Option<f64>,
    /// Runs in whose twin it acted, although nothing was wrong.
    pub twin_runs: u64,
}

/// What an alert did over the runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertSummary {
    /// Its name.
    pub name: String,
    /// How bad it is.
    pub severity: Word,
    /// Its runbook.
    pub runbook: String,
    /// Its condition, as it is written.
    pub when: String,
    /// Its line in the scenario.
    pub line: usize,
    /// Runs in which it fired after onset.
    pub runs: u64,
    /// How long after onset it first fired, in the median of these; null if it never did.
    pub after_onset_s: Option<f64>,
    /// Runs in which it fired before onset.
    pub early_runs: u64,
    /// Runs in whose twin it fired, although nothing was wrong.
    pub twin_runs: u64,
}

/// What became of a step over the runs in which its runbook was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepSummary {
    /// The runbook.
    pub runbook: String,
    /// The step.
    pub step: String,
    /// Who does it.
    pub owner: String,
    /// Runs in which its runbook was opened.
    pub opened_runs: u64,
    /// Runs in which it was done.
    pub done_runs: u64,
    /// Runs in which it was done late.
    pub late_runs: u64,
    /// Runs in which it was forgotten.
    pub forgotten_runs: u64,
    /// Runs in which it was not needed.
    pub unneeded_runs: u64,
    /// Runs in which what it should bring about was not observed.
    pub unobserved_runs: u64,
    /// How long after its runbook was opened it was first done, in the median of the runs in which it was.
    pub done_s: Option<f64>,
}

/// The latencies of a tier's tasks over all runs: histograms in microseconds (`HdrHistogram` V2, deflated, in base64).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LatencyLog {
    /// The tier.
    pub tier: Word,
    /// Of the runs.
    pub run: String,
    /// Of their twins.
    pub twin: String,
    /// How many there are of the runs.
    pub run_count: u64,
    /// How many there are of their twins.
    pub twin_count: u64,
    /// The longest of the runs, in microseconds.
    pub run_max_us: u64,
    /// The longest of their twins, in microseconds.
    pub twin_max_us: u64,
}
