//! Evaluations: who judges answers, how many of them, how late and how well.

use crate::base::{Dist, Key, Money, Span};
use crate::plan::TierSet;
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::evaluations::Evaluation;

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Judges {
    /// This share of the finished tasks of some tiers.
    Sample(f64, TierSet),
    /// A question with a known answer, asked of a model at this interval.
    Canary(u8, Span),
}

/// An evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationPlan {
    /// Its name.
    pub name: String,
    /// Its stream.
    pub key: Key,
    /// What is judged.
    pub judges: Judges,
    /// How long a judgement takes, in nanoseconds.
    pub delay: Dist,
    /// What a judgement costs.
    pub cost: Money,
    /// The chance that a wrong answer is taken for right.
    pub misses: f64,
    /// The chance that a right answer is taken for wrong.
    pub false_alarms: f64,
}

pub(super) fn evaluations(scenario: &Scenario) -> Vec<EvaluationPlan> {
    let each = |(name, evaluation): (&String, &Evaluation)| {
        let judges = if let (Some(model), Some(every)) = (&evaluation.ask, &evaluation.every) {
            Judges::Canary(mock_index(scenario, &model.value.0), every.value)
        } else {
            let tiers = TierSet::of_list(&evaluation.tiers);
            Judges::Sample(evaluation.sample.map_or(0.0, |at| at.value.real()), tiers)
        };
        EvaluationPlan {
            name: name.clone(),
            key: Key::of_name(&format!("evaluation {name}")),
            judges,
            delay: evaluation.delay.as_ref().map_or(Dist::Constant(0.0), |at| at.value.0.clone()),
            cost: evaluation.cost.map_or(Money::ZERO, |at| at.value),
            misses: evaluation.misses.map_or(0.0, |at| at.value.real()),
            false_alarms: evaluation.false_alarms.map_or(0.0, |at| at.value.real()),
        }
    };
    scenario.file.evaluation.iter().map(each).collect()
}
