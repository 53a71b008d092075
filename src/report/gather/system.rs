//! From the scenario to what a reader of the result needs of it.

use crate::plan::{FaultPlan, Indicator, Plan, SloPlan, TIERS};
use crate::report::result::{FaultResult, PlannedStep, RunbookResult, SloResult, SystemResult};
use crate::scenario::Scenario;
use crate::scenario::file::load::Tier;
use crate::scenario::file::runbooks::{RunbookStep, RunbookUse};
use crate::scenario::source::{At, Place, call};

/// Returns what a reader needs of a scenario.
pub fn system(scenario: &Scenario, plan: &Plan) -> SystemResult {
    let minute = plan.starts_at;
    let file = &scenario.file;
    let slo = |of: &SloPlan| SloResult {
        name: of.name.clone(),
        says: says(of),
        line: file.slo.0.get(&of.name).map_or(1, |at| scenario.line(at.place)),
    };
    SystemResult {
        duration_s: plan.end.seconds(),
        baseline_s: plan.baseline.seconds(),
        starts_at: format!("{:02}:{:02}", minute / 60, minute % 60),
        slos: plan.slos.iter().map(slo).collect(),
        faults: plan.faults.iter().filter_map(|part| fault(scenario, part)).collect(),
        runbooks: file.runbook.0.iter().map(|(name, at)| runbook(scenario, name, at)).collect(),
    }
}

/// Returns what an objective asks.
fn says(slo: &SloPlan) -> String {
    let asks = match slo.indicator {
        Indicator::Success => "done".to_owned(),
        Indicator::Latency(span) => format!("within {span}"),
        Indicator::Cost(money) => format!("below {money}"),
        Indicator::Safety => "free of unsafe acts".to_owned(),
    };
    let tiers: Vec<&str> =
        (0..TIERS).filter(|tier| slo.tiers.has(*tier)).map(|tier| Tier::ALL[tier].word()).collect();
    let of = if tiers.len() == TIERS { "all".to_owned() } else { tiers.join(" and ") };
    format!("{} of {of} tasks {asks}", slo.goal)
}

/// Returns a fault, or a part of an incident: `outage`, `outage.2` and so on.
fn fault(scenario: &Scenario, part: &FaultPlan) -> Option<FaultResult> {
    let faults = &scenario.file.fault;
    let fault = faults.iter().find(|of| part.id.split('.').next() == Some(of.id.value.0.as_str()))?;
    let here = fault.id.place;
    let later = faults.iter().map(|of| of.id.place);
    let next = later.filter(|other| other.source == here.source && other.start > here.start).min();
    Some(FaultResult {
        id: part.id.clone(),
        on: fault.on.value.0.clone(),
        does: call(scenario.written(here, next), "inject", fault.inject.tag()),
        start_s: part.start.seconds(),
        end_s: part.end.seconds(),
        line: scenario.line(here),
    })
}

fn runbook(scenario: &Scenario, name: &str, at: &At<RunbookUse>) -> RunbookResult {
    let of = &at.value;
    let step = |(index, step): (usize, &RunbookStep)| {
        let written = scenario.written(step.id.place, of.steps.get(index + 1).map(|next| next.id.place));
        PlannedStep {
            step: step.id.value.0.clone(),
            owner: step.owner.value.0.clone(),
            does: call(written, "do", step.r#do.tag()),
            within_s: step.within.value.seconds(),
            line: (step.id.place.source == 0).then(|| scenario.line(step.id.place)),
        }
    };
    let place = of.recovery.place;
    let recovery = scenario.written(place, Some(Place { start: place.end, ..place }));
    RunbookResult {
        name: name.to_owned(),
        recovery: recovery.trim_matches(['"', '\'']).to_owned(),
        line: scenario.line(at.place),
        steps: of.steps.iter().enumerate().map(step).collect(),
    }
}
