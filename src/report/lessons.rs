//! What a drill teaches: what went well, what did not, where it was lucky, and what to do about it.
//!
//! Every sentence follows from a number of the result, and speaks of the system, never of a person.

use crate::report::result::{ControlSummary, DrillResult, StepSummary, TargetSummary};
use crate::report::words::{amount, of_runs, percent, perhaps, span};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionItem {
    /// What, and why.
    pub what: String,
    /// The role that owns it.
    pub owner: &'static str,
    /// When it is due.
    pub due: &'static str,
}

const SOON: &str = "within a week";
const NEXT: &str = "before the next game day";
const LATER: &str = "within a quarter";

fn missed(drill: &DrillResult) -> impl Iterator<Item = &TargetSummary> {
    drill.targets.iter().filter(|target| target.met_runs < drill.pass_rate.runs)
}

/// A share of runs that is no longer luck.
fn is_often(count: u64, of: u64) -> bool {
    count > 0 && count >= of / 20
}

impl ControlSummary {
    /// Whether it keeps work from being done, so that acting without a fault is harm.
    fn refuses(&self) -> bool {
        let word = self.name.rsplit('.').next().unwrap_or_default();
        ["breaker", "bulkhead", "shed", "budget", "velocity", "steps_max"].contains(&word)
    }
}

/// Returns what to do: for missed targets, steps that are late, controls that never acted, alerts that are noise.
pub fn actions(drill: &DrillResult) -> Vec<ActionItem> {
    let runs = drill.pass_rate.runs;
    let mut items = Vec::new();
    let mut add = |what: String, owner, due| items.push(ActionItem { what, owner, due });
    for target in missed(drill) {
        let due = if is_often(runs - target.met_runs.min(runs), runs) { SOON } else { NEXT };
        let what = format!(
            "Bring {} below {}: it was missed in {}, 95 of 100 runs need {}.",
            target.name,
            amount(target, Some(target.limit)),
            of_runs(runs - target.met_runs.min(runs), drill),
            amount(target, target.p95)
        );
        add(what, owner_of(&target.name), due);
    }
    for alert in &drill.alerts {
        if alert.twin_runs > 0 || alert.early_runs > 0 {
            let most = alert.twin_runs.max(alert.early_runs);
            let what = format!(
                "Quieten alert {}: it fires without a fault in {}.",
                alert.name,
                of_runs(most, drill)
            );
            add(what, "owner of the alerts", NEXT);
        } else if alert.runs == 0 && runs > 0 {
            let what = format!("Check alert {}: it never fired, so nothing shows that it would.", alert.name);
            add(what, "owner of the alerts", LATER);
        }
    }
    for step in &drill.steps {
        for (count, what) in troubles(step) {
            if is_often(count, step.opened_runs) {
                let what = format!(
                    "Mend step {} of {}: it {what} in {count} of {} runs.",
                    step.step, step.runbook, step.opened_runs
                );
                add(what, "owner of the runbook", NEXT);
            }
        }
    }
    for control in
        drill.controls.iter().filter(|control| control.refuses() && is_often(control.twin_runs, runs))
    {
        let what = format!(
            "Loosen {}: it refuses work without a fault in {}.",
            control.name,
            of_runs(control.twin_runs, drill)
        );
        add(what, "owner of the service", NEXT);
    }
    let idle = drill.controls.iter().filter(|control| control.runs == 0 && runs > 0);
    let idle: Vec<&str> = idle.map(|control| control.name.as_str()).collect();
    if !idle.is_empty() {
        let what = format!(
            "Decide whether these are needed, or drill what they are for: they never acted here: {}.",
            idle.join(", ")
        );
        add(what, "owner of the service", LATER);
    }
    items
}

fn owner_of(target: &str) -> &'static str {
    match target {
        "detect" => "owner of the alerts",
        "acknowledge" => "owner of the roster",
        "process_missed" | "diagnosed" => "owner of the runbook",
        _ => "owner of the service",
    }
}

fn troubles(step: &StepSummary) -> [(u64, &'static str); 3] {
    [
        (step.late_runs, "is late"),
        (step.forgotten_runs, "is forgotten"),
        (step.unobserved_runs, "does not bring about what it should"),
    ]
}

/// Returns the conditions of the system that contributed.
pub fn conditions(drill: &DrillResult) -> Vec<String> {
    let faults = drill.system.faults.iter().map(|fault| {
        format!("{} on {}: {}, for {}.", fault.id, fault.on, fault.does, span(fault.end_s - fault.start_s))
    });
    let off = drill.without.iter().map(|name| format!("{name} was switched off."));
    let left = drill.shown.iter().take(1).flat_map(|shown| &shown.run.left_behind);
    faults.chain(off).chain(left.map(|what| format!("Left behind at the end: {what}."))).collect()
}

/// Returns what went well.
pub fn well(drill: &DrillResult) -> Vec<String> {
    let runs = drill.pass_rate.runs;
    let met = drill.targets.iter().filter(|target| target.met_runs == runs && runs > 0);
    let met = met.map(|target| {
        format!(
            "{} was met in every run: {} in 95 of 100, limit {}.",
            target.name,
            amount(target, target.p95),
            amount(target, Some(target.limit))
        )
    });
    let mut acted: Vec<_> = drill
        .controls
        .iter()
        .filter(|control| control.runs == runs && runs > 0 && control.after_onset_s.is_some())
        .collect();
    acted.sort_by(|one, other| {
        one.after_onset_s.unwrap_or(0.0).total_cmp(&other.after_onset_s.unwrap_or(0.0))
    });
    let acted = acted.first().map(|control| {
        format!("{} acted first, {} after onset.", control.name, perhaps(control.after_onset_s))
    });
    met.chain(acted).collect()
}

/// Returns what did not go well.
pub fn badly(drill: &DrillResult) -> Vec<String> {
    let runs = drill.pass_rate.runs;
    let missed = missed(drill).map(|target| {
        format!(
            "{} was missed in {}: median {}, 95 of 100 {}, limit {}.",
            target.name,
            of_runs(runs - target.met_runs.min(runs), drill),
            amount(target, target.p50),
            amount(target, target.p95),
            amount(target, Some(target.limit))
        )
    });
    let steps = drill.steps.iter().flat_map(|step| {
        troubles(step).into_iter().filter(|(count, _)| *count > 0).map(move |(count, what)| {
            format!("Step {} of {} {what} in {count} of {} runs.", step.step, step.runbook, step.opened_runs)
        })
    });
    let noise = drill.alerts.iter().filter(|alert| alert.twin_runs > 0).map(|alert| {
        format!("Alert {} fired without a fault in {}.", alert.name, of_runs(alert.twin_runs, drill))
    });
    missed.chain(steps).chain(noise).collect()
}

/// A target whose limit is nearly reached is met by luck: from this share of the limit on.
const NEAR: f64 = 0.9;

/// Returns where it was lucky: targets that were met and nearly missed, and runs that failed all the same.
pub fn lucky(drill: &DrillResult) -> Vec<String> {
    let runs = drill.pass_rate.runs;
    let near = drill.targets.iter().filter(|target| {
        target.met_runs == runs
            && target.limit > 0.0
            && target.p95.is_some_and(|value| value > NEAR * target.limit)
    });
    let near = near.map(|target| {
        format!(
            "{} was met with {} of {} in 95 of 100 runs.",
            target.name,
            amount(target, target.p95),
            amount(target, Some(target.limit))
        )
    });
    let rate = &drill.pass_rate;
    let few = (drill.verdict == "PASS" && rate.passed < rate.runs).then(|| {
        format!(
            "{} did not pass; {} are required.",
            of_runs(rate.runs - rate.passed, drill),
            percent(rate.required)
        )
    });
    near.chain(few).collect()
}
