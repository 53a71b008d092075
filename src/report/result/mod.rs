//! The versioned result of a command: what JSON shows, and what every other view is made from.
//!
//! Absent times are null, never zero. Seconds are rounded to milliseconds, money to micro-dollars.

mod live;
mod run;
mod shown;
mod summary;
mod system;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use live::LiveResult;
pub use run::*;
pub use shown::{JournalLine, ShownRun, TierLines, Timeline};
pub use summary::{
    AlertSummary, ControlSummary, HarmSummary, LatencyLog, MomentSummary, SpendSummary, StepSummary,
    TargetSummary,
};
pub use system::{FaultResult, PlannedStep, RunbookResult, SloResult, SystemResult};

use crate::grade::Verdict;
use crate::scenario::Scenario;

/// The version of this form.
pub const SCHEMA_VERSION: u32 = 2;

/// A word of a closed set, or whatever a saved result says in its place.
pub type Word = Cow<'static, str>;

/// Every drill that a command ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WholeResult {
    /// The version of this form.
    pub schema_version: u32,
    /// The version of the program that made it.
    pub stormdrill: String,
    /// The worst of the drills.
    pub verdict: Word,
    /// The drills, in the order they were given.
    pub drills: Vec<DrillResult>,
}

/// One drill over its seeds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DrillResult {
    /// Which scenario.
    pub scenario: ScenarioId,
    /// What was switched off.
    pub without: Vec<String>,
    /// Which seeds.
    pub seeds: SeedRange,
    /// What it concluded.
    pub verdict: Word,
    /// Why.
    pub because: Vec<String>,
    /// The share of runs that passed.
    pub pass_rate: PassRate,
    /// The seeds of the runs that are graded. A run in which nothing was injected, or whose fault met no call, proves
    /// nothing: it is no hit and no miss, and nothing below counts it.
    pub graded: Vec<u64>,
    /// Every graded target over the graded runs.
    pub targets: Vec<TargetSummary>,
    /// When things happened, over the runs.
    pub moments: Vec<MomentSummary>,
    /// Harm by tier, over the runs.
    pub harm: Vec<HarmSummary>,
    /// What was spent, over the runs; null without a run.
    pub spend: Option<SpendSummary>,
    /// What each guardrail did, over the runs.
    pub controls: Vec<ControlSummary>,
    /// What each alert did, over the runs.
    pub alerts: Vec<AlertSummary>,
    /// What became of each step of the runbooks, over the runs.
    pub steps: Vec<StepSummary>,
    /// Latencies by tier, over the runs.
    pub latencies: Vec<LatencyLog>,
    /// What was drilled.
    pub system: SystemResult,
    /// The runs that are worth looking at, in full; the worst one first.
    pub shown: Vec<ShownRun>,
    /// Every run.
    pub runs: Vec<RunResult>,
    /// The command that shows a run of this drill again, but for the seed.
    pub again: String,
    /// How it was held, if it was held against the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveResult>,
    /// The scenario's file as it was named on the command line, and the command with that name: for what is
    /// shown at once, and not for what is kept, which does not depend on the folder that one stands in.
    #[serde(skip)]
    pub here: Here,
}

/// Where a scenario is, seen from where the command was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// Its file.
    pub file: String,
    /// The command that shows a run again, but for the seed.
    pub again: String,
}

/// Which scenario it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScenarioId {
    /// Its title.
    pub title: String,
    /// The situation that it answers; null if it names none.
    pub situation: Option<String>,
    /// Its folder and file name.
    pub path: String,
    /// The SHA-256 of its file and its mocks.
    pub digest: String,
}

/// Which seeds were run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SeedRange {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// If they went on until the verdict was settled: how many there might have been; the bounds then hold
    /// however often one looks. Null if their number was stated beforehand.
    pub at_most: Option<u64>,
}

/// The share of runs that met every target, with its exact bounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassRate {
    /// Runs made.
    pub runs: u64,
    /// Runs that met every target.
    pub passed: u64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// The share that must pass.
    pub required: f64,
    /// About how many runs would settle it; null if it is settled, or never will be.
    pub runs_needed: Option<u64>,
}

impl DrillResult {
    /// Returns what it concluded; nothing for a word that is no verdict.
    pub fn concluded(&self) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.word() == self.verdict)
    }

    /// Returns how many runs are graded.
    pub fn graded_runs(&self) -> u64 {
        self.graded.len() as u64
    }

    /// Returns how many runs there are that prove nothing.
    pub fn ungraded_runs(&self) -> u64 {
        self.pass_rate.runs.saturating_sub(self.graded_runs())
    }

    /// Returns in how many graded runs a target was missed.
    pub fn missed_runs(&self, target: &TargetSummary) -> u64 {
        self.graded_runs().saturating_sub(target.met_runs)
    }

    /// Returns the targets that were missed in a graded run.
    pub fn missed(&self) -> impl Iterator<Item = &TargetSummary> {
        self.targets.iter().filter(|target| self.missed_runs(target) > 0)
    }
}

impl WholeResult {
    /// Gathers drills; the verdict is the worst of theirs.
    pub fn of(drills: Vec<DrillResult>) -> Self {
        let worst = Self::worst(&drills).map_or("INVALID", Verdict::word);
        Self {
            schema_version: SCHEMA_VERSION,
            stormdrill: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: worst.into(),
            drills,
        }
    }

    /// Returns the worst verdict, or nothing if there is no drill.
    pub fn worst(drills: &[DrillResult]) -> Option<Verdict> {
        drills.iter().filter_map(DrillResult::concluded).max()
    }
}

impl ScenarioId {
    /// Returns which scenario this is.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            title: scenario.file.title.value.0.clone(),
            situation: scenario.file.situation.as_ref().map(|at| at.value.0.clone()),
            path: scenario.path.clone(),
            digest: scenario.digest.clone(),
        }
    }
}
