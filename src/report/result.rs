//! The versioned result of a command: what JSON shows, and what every other view is made from.
//!
//! Absent times are null, never zero. Seconds are rounded to milliseconds, money to micro-dollars.

use serde::Serialize;

use crate::grade::{Judgement, Process, RunVerdict, Verdict};
use crate::report::gather::{digits, summaries};
use crate::scenario::Scenario;

/// The version of this form.
pub const SCHEMA_VERSION: u32 = 1;

/// Every drill that a command ran.
#[derive(Debug, Clone, Serialize)]
pub struct WholeResult {
    /// The version of this form.
    pub schema_version: u32,
    /// The worst of the drills.
    pub verdict: &'static str,
    /// The drills, in the order they were given.
    pub drills: Vec<DrillResult>,
}

/// One drill over its seeds.
#[derive(Debug, Clone, Serialize)]
pub struct DrillResult {
    /// Which scenario.
    pub scenario: ScenarioId,
    /// What was switched off.
    pub without: Vec<String>,
    /// Which seeds.
    pub seeds: SeedRange,
    /// What it concluded.
    pub verdict: &'static str,
    /// Why.
    pub because: Vec<String>,
    /// The share of runs that passed.
    pub pass_rate: PassRate,
    /// Every graded target over the runs.
    pub targets: Vec<TargetSummary>,
    /// Every run.
    pub runs: Vec<RunResult>,
    /// The command that shows a run of this drill again, but for the seed.
    #[serde(skip)]
    pub again: String,
    #[serde(skip)]
    pub(crate) concluded: Option<Verdict>,
}

/// Which scenario it was.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioId {
    /// Its title.
    pub title: String,
    /// Its folder and file name.
    pub path: String,
    /// The SHA-256 of its file and its mocks.
    pub digest: String,
}

/// Which seeds were run.
#[derive(Debug, Clone, Copy, Serialize)]
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
#[derive(Debug, Clone, Copy, Serialize)]
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

/// One target over the runs.
#[derive(Debug, Clone, Serialize)]
pub struct TargetSummary {
    /// Its name.
    pub name: String,
    /// `s` since onset, `share`, or `count`.
    pub unit: &'static str,
    /// The highest value that meets it.
    pub limit: f64,
    /// The median; null if it is a run in which it never happened.
    pub p50: Option<f64>,
    /// The 95th percentile; null likewise.
    pub p95: Option<f64>,
    /// Runs that met it.
    pub met_runs: u64,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct RunResult {
    /// Its seed.
    pub seed: u64,
    /// What it showed.
    pub verdict: &'static str,
    /// Why.
    pub because: Vec<String>,
    /// Every graded target.
    pub targets: Vec<RunTarget>,
    /// When things happened.
    pub times_s: TimesResult,
    /// Harm by tier, against the twin.
    pub harm: Vec<HarmResult>,
    /// Tasks in the run and its twin.
    pub tasks: TasksResult,
    /// What was spent.
    pub spend: SpendResult,
    /// By objective, the share of its error budget that the incident spent.
    pub budget_spent: Vec<NamedValue>,
    /// What was done to the world, by mock with effects.
    pub effects: Vec<EffectsResult>,
    /// The proof that each fault took effect.
    pub witness: Vec<WitnessResult>,
    /// Alerts that fired.
    pub alerts: Vec<AlertResult>,
    /// Steps that were done.
    pub runbook: Vec<StepResult>,
    /// Whether they were done as they are written.
    pub process: Process,
    /// What diagnoses named; null for none.
    pub diagnosed: Vec<Option<String>>,
    /// What rollouts did.
    pub rollouts: Vec<RolloutResult>,
    /// By evaluation, bad judgements and all of them.
    pub judged: Vec<JudgedResult>,
    /// Where contamination came in and how far it got; null if there was none.
    pub contamination: Option<ContaminationResult>,
    /// What was left behind at the end.
    pub left_behind: Vec<String>,
    /// Events that the engine handled.
    pub events: u64,
}

/// A target of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RunTarget {
    /// Its name.
    pub name: String,
    /// What was measured, in the unit of the drill's target; null if it never happened.
    pub value: Option<f64>,
    /// Whether it was met.
    pub met: bool,
}

/// Contamination of contexts, memories and shared states.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ContaminationResult {
    /// Where it came in.
    pub sources: u64,
    /// Places it reached, the sources included.
    pub spread: u64,
    /// Steps from a source to the farthest place.
    pub distance_max: u16,
    /// Effects executed on a contaminated context.
    pub acts: u64,
    /// When it last reached a new place.
    pub last_s: f64,
    /// Updates of shared state that overwrote one they had not seen.
    pub lost_updates: u64,
}

/// Moments: `onset` since the drill began, the others since onset.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TimesResult {
    /// The first call that a fault changed, since the drill began.
    pub onset: Option<f64>,
    /// The first notification, since onset.
    pub detect: Option<f64>,
    /// Ownership, since onset.
    pub acknowledge: Option<f64>,
    /// The end of new harm, since onset.
    pub contain: Option<f64>,
    /// Every objective back with evidence, since onset.
    pub recover: Option<f64>,
}

/// Harm to a tier: tasks more than in the twin.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HarmResult {
    /// The tier.
    pub tier: &'static str,
    /// Tasks that arrived.
    pub arrived: u64,
    /// Tasks lost.
    pub lost: u64,
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
    /// The median latency of tasks, in seconds; null if none ended.
    pub latency_p50_s: Option<f64>,
    /// The 95th percentile.
    pub latency_p95_s: Option<f64>,
}

/// Tasks of the run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TasksResult {
    /// Arrived.
    pub arrived: u64,
    /// Done in the run.
    pub done: u64,
    /// Done in the twin.
    pub twin_done: u64,
    /// Without an outcome at the end.
    pub in_flight: u64,
}

/// What was spent, in dollars.
#[derive(Debug, Clone, Serialize)]
pub struct SpendResult {
    /// In the run.
    pub usd: f64,
    /// In the twin.
    pub twin_usd: f64,
    /// In the run, by mock.
    pub by_mock_usd: Vec<NamedValue>,
}

/// A number with a name.
#[derive(Debug, Clone, Serialize)]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// What a mock did to the world.
#[derive(Debug, Clone, Serialize)]
pub struct EffectsResult {
    /// The mock.
    pub mock: String,
    /// Effects executed.
    pub executed: u64,
    /// Executed again.
    pub duplicate: u64,
    /// Known by their key and not executed again.
    pub deduplicated: u64,
    /// Refused for want of a permission.
    pub refused: u64,
    /// Of these, those within the agent's permissions, from a clean context, that nobody approved later.
    pub wrongly_refused: u64,
    /// Executed without the permission, or on a contaminated context.
    pub r#unsafe: u64,
    /// Of these, those on a contaminated context.
    pub contaminated: u64,
}

/// The proof that a fault took effect.
#[derive(Debug, Clone, Serialize)]
pub struct WitnessResult {
    /// The fault.
    pub fault: String,
    /// The first call it changed, since the drill began; null if there was none.
    pub first_s: Option<f64>,
    /// The last.
    pub last_s: Option<f64>,
    /// Calls changed.
    pub hits: u64,
    /// Calls that reached the mock meanwhile.
    pub exposed: u64,
}

/// Something that happened to a rollout.
#[derive(Debug, Clone, Serialize)]
pub struct RolloutResult {
    /// The rollout.
    pub rollout: String,
    /// When, since the drill began.
    pub at_s: f64,
    /// `weight`, `gate-passed`, `inconclusive`, `rollback-begun`, `rollback-failed`, `rolled-back` or `done`.
    pub event: &'static str,
    /// The new share, or why it is taken back; null where neither is said.
    pub detail: Option<String>,
}

/// What an evaluation found.
#[derive(Debug, Clone, Serialize)]
pub struct JudgedResult {
    /// The evaluation.
    pub evaluation: String,
    /// Judgements that were bad.
    pub bad: u64,
    /// All of them.
    pub all: u64,
}

/// An alert that fired.
#[derive(Debug, Clone, Serialize)]
pub struct AlertResult {
    /// The alert.
    pub name: String,
    /// When it began to fire, since the drill began.
    pub fired_s: f64,
    /// When the notification was delivered; null if it never was.
    pub notified_s: Option<f64>,
    /// When it ceased to fire; null if it never did.
    pub resolved_s: Option<f64>,
}

/// A step that was done.
#[derive(Debug, Clone, Serialize)]
pub struct StepResult {
    /// The runbook.
    pub runbook: String,
    /// The step.
    pub step: String,
    /// Who did it.
    pub owner: String,
    /// When, since the drill began; null if it was given up.
    pub done_s: Option<f64>,
    /// Whether its window had passed.
    pub late: bool,
    /// Whether what it expected was observed; null if it expected nothing or time ran out.
    pub observed: Option<bool>,
}

/// A run with what its summary needs, ready to be gathered.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What the run looks like from outside.
    pub result: RunResult,
    /// Its grade.
    pub card: crate::grade::Scorecard,
}

impl ScenarioId {
    /// Returns which scenario this is.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            title: scenario.file.title.value.0.clone(),
            path: scenario.path.clone(),
            digest: scenario.digest.clone(),
        }
    }
}

impl DrillResult {
    /// Gathers the runs of a drill.
    pub fn of(
        scenario: &Scenario,
        without: &[String],
        seeds: SeedRange,
        judgement: &Judgement,
        kept: Vec<Kept>,
    ) -> Self {
        let cards: Vec<_> = kept.iter().map(|kept| &kept.card).collect();
        Self {
            scenario: ScenarioId::of(scenario),
            without: without.to_vec(),
            seeds,
            verdict: judgement.verdict.word(),
            because: judgement.because.clone(),
            pass_rate: PassRate {
                runs: judgement.runs,
                passed: judgement.passed,
                lower: digits(judgement.lower),
                upper: digits(judgement.upper),
                required: judgement.required,
                runs_needed: judgement.runs_needed,
            },
            targets: summaries(&cards),
            again: format!("stormdrill replay {}", scenario.path),
            concluded: Some(judgement.verdict),
            runs: kept.into_iter().map(|kept| kept.result).collect(),
        }
    }

    /// Returns the run that is most worth looking at: the first that failed, or the slowest to recover.
    pub fn worst_run(&self) -> Option<&RunResult> {
        let failed = self.runs.iter().find(|run| run.verdict == RunVerdict::Fail.word());
        let slowest = || {
            let recovery =
                |run: &&RunResult| run.times_s.recover.map_or(u64::MAX, |seconds| (seconds * 1e3) as u64);
            self.runs.iter().rev().max_by_key(recovery)
        };
        failed.or_else(slowest)
    }
}

impl WholeResult {
    /// Gathers drills; the verdict is the worst of theirs.
    pub fn of(drills: Vec<DrillResult>) -> Self {
        let worst = Self::worst(&drills).map_or("INVALID", Verdict::word);
        Self { schema_version: SCHEMA_VERSION, verdict: worst, drills }
    }

    /// Returns the worst verdict, or nothing if there is no drill.
    pub fn worst(drills: &[DrillResult]) -> Option<Verdict> {
        drills.iter().filter_map(|drill| drill.concluded).max()
    }
}
