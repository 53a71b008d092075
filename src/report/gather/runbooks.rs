//! What became of the runbooks of a run.

use super::{moment, owner_name};
use crate::plan::Plan;
use crate::record::{Event, Record};
use crate::report::result::{IncidentResult, SkippedResult, StepResult};

/// Returns the runbooks that were opened, in order of time.
pub(super) fn incidents(plan: &Plan, run: &Record) -> Vec<IncidentResult> {
    let mut incidents: Vec<(usize, IncidentResult)> = Vec::new();
    for entry in run.journal.entries() {
        if let Event::IncidentOpened(runbook) = entry.event {
            let name = plan.runbooks[runbook].name.clone();
            let incident = IncidentResult { runbook: name, opened_s: moment(entry.at), closed_s: None };
            incidents.push((runbook, incident));
        } else if let Event::IncidentClosed(runbook) = entry.event
            && let Some(known) = incidents.iter_mut().rev().find(|known| known.0 == runbook)
        {
            known.1.closed_s = Some(moment(entry.at));
        }
    }
    incidents.into_iter().map(|(_, incident)| incident).collect()
}

/// Returns the steps that were not done, in order of time.
pub(super) fn skipped(plan: &Plan, run: &Record) -> Vec<SkippedResult> {
    let each = |event: Event| {
        let Event::StepSkipped { runbook, step, is_forgotten } = event else { return None };
        let of = &plan.runbooks[runbook];
        let (name, id) = (of.name.clone(), of.steps[step].id.clone());
        Some(SkippedResult { runbook: name, step: id, forgotten: is_forgotten })
    };
    run.journal.entries().iter().filter_map(|entry| each(entry.event)).collect()
}

/// Returns the steps that were done or given up, in order of time.
pub(super) fn steps(plan: &Plan, run: &Record) -> Vec<StepResult> {
    let mut steps: Vec<((usize, usize), StepResult)> = Vec::new();
    for entry in run.journal.entries() {
        if let Event::StepDone { runbook, step, owner, is_late } = entry.event {
            let of = &plan.runbooks[runbook];
            let result = StepResult {
                runbook: of.name.clone(),
                step: of.steps[step].id.clone(),
                owner: owner_name(plan, owner),
                done_s: Some(moment(entry.at)),
                late: is_late,
                observed: None,
            };
            steps.push(((runbook, step), result));
        } else if let Event::StepObserved { runbook, step, is_seen } = entry.event {
            let is_it = |known: &&mut ((usize, usize), StepResult)| {
                known.0 == (runbook, step) && known.1.observed.is_none()
            };
            if let Some(known) = steps.iter_mut().rev().find(is_it) {
                known.1.observed = Some(is_seen);
                continue;
            }
            // A step given up half done, such as a thaw.
            let of = &plan.runbooks[runbook];
            let result = StepResult {
                runbook: of.name.clone(),
                step: of.steps[step].id.clone(),
                owner: owner_name(plan, of.steps[step].owner),
                done_s: None,
                late: true,
                observed: Some(is_seen),
            };
            steps.push(((runbook, step), result));
        }
    }
    steps.into_iter().map(|(_, result)| result).collect()
}
