//! What was drilled: as much of the scenario as a reader of the result needs.

use serde::{Deserialize, Serialize};

/// The system, what goes wrong in it, and what is to be done then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SystemResult {
    /// How long the drill lasts.
    pub duration_s: f64,
    /// How long steady state is watched before any fault.
    pub baseline_s: f64,
    /// The time of day at which it begins, such as `14:00`.
    pub starts_at: String,
    /// The objectives.
    pub slos: Vec<SloResult>,
    /// What goes wrong.
    pub faults: Vec<FaultResult>,
    /// What is done then.
    pub runbooks: Vec<RunbookResult>,
}

/// An objective.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SloResult {
    /// Its name.
    pub name: String,
    /// What it asks, such as `98% of tasks done (critical)`.
    pub says: String,
    /// Its line in the scenario.
    pub line: usize,
}

/// A fault as it was planned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultResult {
    /// Its name.
    pub id: String,
    /// The mock.
    pub on: String,
    /// What is injected, as it is written.
    pub does: String,
    /// When it begins, since the drill began.
    pub start_s: f64,
    /// When it is lifted.
    pub end_s: f64,
    /// Its line in the scenario.
    pub line: usize,
}

/// A runbook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunbookResult {
    /// Its name.
    pub name: String,
    /// What closes the incident, as it is written.
    pub recovery: String,
    /// Its line in the scenario.
    pub line: usize,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// A step as it was planned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name.
    pub step: String,
    /// The role that does it, or `auto`.
    pub owner: String,
    /// What it does, as it is written.
    pub does: String,
    /// When it must be done, after the notification or after its condition holds.
    pub within_s: f64,
    /// Its line in the scenario; null if it stands on a page of its own.
    pub line: Option<usize>,
}
