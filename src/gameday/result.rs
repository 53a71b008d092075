//! From a live drill to the versioned result, from which every view is made.

use crate::gameday::Drilled;
use crate::grade::Judgement;
use crate::plan::Plan;
use crate::report::gather::{Gathered, Latencies, shown_run};
use crate::report::result::{DrillResult, LiveResult, RunResult, SeedRange};
use crate::scenario::Scenario;
use crate::study::Trial;

impl Drilled {
    /// Returns the result of a drill of a scenario whose file was named so.
    pub fn result(self, scenario: &Scenario, plan: &Plan, file: &str) -> DrillResult {
        let judgement = Judgement::of_one(&self.card, &plan.targets);
        let live = LiveResult {
            pace: self.pace,
            reference: if self.is_controlled { "control".into() } else { "baseline".into() },
            sent: self.punctuality.sent,
            late: self.punctuality.late,
            lag_p50_ms: self.punctuality.lag_p50_ms,
            lag_p99_ms: self.punctuality.lag_p99_ms,
            released: self.is_released,
        };
        let trial = Trial { run: self.run, twin: self.reference, card: self.card };
        let latencies = Latencies::default();
        latencies.add(&trial);
        let mut result = DrillResult::from(Gathered {
            scenario,
            plan,
            without: Vec::new(),
            seeds: SeedRange { first: trial.card.seed, count: 1, at_most: None },
            judgement,
            runs: vec![(RunResult::of(plan, &trial), trial.card.clone())],
            latencies,
            shown: vec![shown_run(plan, "only", &trial)],
            live: Some(live),
        });
        result.is_in(file);
        result
    }
}
