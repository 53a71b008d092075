//! Rollouts: what replaces what, by which steps, and what takes it back.

use crate::base::{Dist, Key, Ratio, Span, Time};
use crate::plan::ComparePlan;
use crate::plan::controls::{Check, checks};
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::rollouts::{self as file, Rollout};
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// Measurements of the new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysisPlan {
    /// The evaluation.
    pub evaluation: usize,
    /// A measurement above this fails.
    pub bad_above: Ratio,
    /// The time between measurements.
    pub interval: Span,
    /// How many there are.
    pub count: u64,
    /// Judgements that a measurement needs.
    pub judged_min: u64,
    /// With more failed measurements the rollout is taken back.
    pub failure_limit: u64,
    /// With more inconclusive ones it stays where it is.
    pub inconclusive_limit: u64,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutStep {
    /// Send this share of tasks to the new version.
    Weight(Ratio),
    /// Wait.
    Pause(Span),
    /// Measure.
    Analysis(AnalysisPlan),
    /// Ask a role, which agrees once this is observed.
    Gate(usize, Vec<Check>),
}

/// A rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutPlan {
    /// Its name.
    pub name: String,
    /// Its stream.
    pub key: Key,
    /// The mock that is replaced.
    pub mock: u8,
    /// The mock that replaces it.
    pub to: u8,
    /// When it begins.
    pub start: Time,
    /// The steps.
    pub steps: Vec<RolloutStep>,
    /// The sequential test beside the old version.
    pub canary: Option<ComparePlan>,
    /// The evaluation, and how many bad judgements take the rollout back.
    pub stop_loss: Option<(usize, u64)>,
    /// How long both go on once it is done.
    pub watch: Span,
    /// How long taking it back takes, in nanoseconds.
    pub takes: Dist,
    /// The chance that taking it back fails.
    pub fails: f64,
}

pub(super) fn rollouts(scenario: &Scenario) -> Vec<RolloutPlan> {
    let evaluation = |name: &At<Name>| {
        scenario.file.evaluation.index(&name.value.0).expect("checked: the evaluation is there")
    };
    let each = |(name, rollout): (&String, &Rollout)| {
        let (mock, to) =
            (mock_index(scenario, &rollout.mock.value.0), mock_index(scenario, &rollout.to.value.0));
        let canary = rollout.canary.as_ref().map(|canary| ComparePlan {
            evaluation: evaluation(&canary.evaluation),
            model: usize::from(to),
            with: usize::from(mock),
            error: canary.error.map_or(Ratio::from_percent(1), |at| at.value),
            worse_by: canary.worse_by.map_or(Ratio::from_percent(10), |at| at.value),
            judged_min: canary.judged_min.map_or(30, |at| at.value),
            over: Span::ZERO,
        });
        let steps = if rollout.at_once.is_some_and(|at| at.value) {
            vec![RolloutStep::Weight(Ratio::ONE)]
        } else {
            rollout.steps.iter().map(|step| self::step(scenario, step)).collect()
        };
        RolloutPlan {
            name: name.clone(),
            key: Key::of_name(&format!("rollout {name}")),
            mock,
            to,
            start: Time::ZERO + rollout.start.value,
            steps,
            canary,
            watch: rollout.watch.map_or(Span::from_secs(600), |at| at.value),
            stop_loss: rollout.stop_loss.as_ref().map(|stop| (evaluation(&stop.evaluation), stop.bad.value)),
            takes: rollout.rollback.takes.as_ref().map_or(Dist::Constant(0.0), |at| at.value.0.clone()),
            fails: rollout.rollback.fails.map_or(0.0, |at| at.value.real()),
        }
    };
    scenario.file.rollout.iter().map(each).collect()
}

fn step(scenario: &Scenario, step: &file::RolloutStep) -> RolloutStep {
    let file = &scenario.file;
    match step {
        file::RolloutStep::SetWeight(weight) => RolloutStep::Weight(weight.value),
        file::RolloutStep::Pause(pause) => RolloutStep::Pause(pause.value),
        file::RolloutStep::Gate(gate) => {
            let role = file.roster.index(&gate.owner.value.0).expect("checked: the role is there");
            let when = gate.when.as_ref().map_or(Vec::new(), |at| checks(scenario, &at.value));
            RolloutStep::Gate(role, when)
        }
        file::RolloutStep::Analysis(analysis) => {
            let index = file.evaluation.index(&analysis.evaluation.value.0);
            RolloutStep::Analysis(AnalysisPlan {
                evaluation: index.expect("checked: the evaluation is there"),
                bad_above: analysis.bad_above.value,
                interval: analysis.interval.value,
                count: analysis.count.value,
                judged_min: analysis.judged_min.map_or(10, |at| at.value),
                failure_limit: analysis.failure_limit.map_or(0, |at| at.value),
                inconclusive_limit: analysis.inconclusive_limit.map_or(0, |at| at.value),
            })
        }
    }
}
