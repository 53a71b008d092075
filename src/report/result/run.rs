//! One run, from outside.

use serde::{Deserialize, Serialize};

use crate::grade::Process;
use crate::report::result::Word;

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    /// Its seed.
    pub seed: u64,
    /// What it showed.
    pub verdict: Word,
    /// Why.
    pub because: Vec<String>,
    /// Every graded target.
    pub targets: Vec<RunTarget>,
    /// When things happened.
    pub times_s: TimesResult,
    /// When they came, since the drill began: of several faults, of the one for which each took longest.
    pub came_s: CameResult,
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
    /// Alerts that fired in the twin, although nothing was wrong.
    pub twin_alerts: Vec<String>,
    /// Runbooks that were opened.
    pub incidents: Vec<IncidentResult>,
    /// Steps that were done.
    pub runbook: Vec<StepResult>,
    /// Steps that were not done, because they were not needed or somebody forgot them.
    pub skipped: Vec<SkippedResult>,
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
    /// Guardrails that acted in the run or in its twin.
    pub controls: Vec<ActResult>,
    /// What was left behind at the end.
    pub left_behind: Vec<String>,
    /// Events that the engine handled.
    pub events: u64,
}

/// A target of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunTarget {
    /// Its name.
    pub name: String,
    /// What was measured, in the unit of the drill's target; null if it never happened.
    pub value: Option<f64>,
    /// Whether it was met.
    pub met: bool,
}

/// Contamination of contexts, memories and shared states.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// Moments since the drill began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CameResult {
    /// The first call that a fault changed.
    pub onset: Option<f64>,
    /// The first notification.
    pub detect: Option<f64>,
    /// Ownership.
    pub acknowledge: Option<f64>,
    /// The end of new harm.
    pub contain: Option<f64>,
    /// Every objective back with evidence.
    pub recover: Option<f64>,
}

/// Harm to a tier: tasks more than in the twin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HarmResult {
    /// The tier.
    pub tier: Word,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpendResult {
    /// In the run.
    pub usd: f64,
    /// In the twin.
    pub twin_usd: f64,
    /// In the run, by mock.
    pub by_mock_usd: Vec<NamedValue>,
}

/// A number with a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// What a mock did to the world.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RolloutResult {
    /// The rollout.
    pub rollout: String,
    /// When, since the drill began.
    pub at_s: f64,
    /// `weight`, `gate-passed`, `inconclusive`, `rollback-begun`, `rollback-failed`, `rolled-back` or `done`.
    pub event: Word,
    /// The new share, or why it is taken back; null where neither is said.
    pub detail: Option<String>,
}

/// What an evaluation found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JudgedResult {
    /// The evaluation.
    pub evaluation: String,
    /// Judgements that were bad.
    pub bad: u64,
    /// All of them.
    pub all: u64,
}

/// An alert that fired.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// A runbook that was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IncidentResult {
    /// The runbook.
    pub runbook: String,
    /// When, since the drill began.
    pub opened_s: f64,
    /// When its recovery criteria were observed; null if they never were.
    pub closed_s: Option<f64>,
}

/// A step that was not done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SkippedResult {
    /// The runbook.
    pub runbook: String,
    /// The step.
    pub step: String,
    /// Whether somebody forgot it; otherwise it was not needed.
    pub forgotten: bool,
}

/// What a guardrail did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActResult {
    /// Its name, as `--without` knows it.
    pub name: String,
    /// How often it acted.
    pub times: u64,
    /// When it first acted after onset, since onset; null if it did not.
    pub after_onset_s: Option<f64>,
    /// How often it acted in the twin, although nothing was wrong.
    pub twin_times: u64,
}
