//! What a drill teaches: what went well, what did not, where it was lucky, and what to do about it.
//!
//! Every sentence follows from a number of the result, and speaks of the system, never of a person.

use crate::report::gather::SABOTEUR;
use crate::report::result::{ControlSummary, DrillResult, StepSummary};
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

/// What every status update says, in its order; plain texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What was lost.
    pub impact: String,
    /// Whether it is contained and recovered.
    pub state: String,
    /// How bad it may get.
    pub risk: &'static str,
    /// By runbook, its steps.
    pub plan: Vec<(String, Vec<String>)>,
    /// By runbook, when it is over.
    pub criteria: Vec<String>,
}

/// Returns what a status update says of a drill.
pub fn status(drill: &DrillResult) -> Status {
    let lost: Vec<String> =
        drill.harm.iter().map(|of| format!("{} of {} {}", of.lost, of.arrived, of.tier)).collect();
    let impact = match lost.as_slice() {
        [] => "not measured".to_owned(),
        lost => format!("{} tasks lost", lost.join(", ")),
    };
    let books = &drill.system.runbooks;
    Status {
        impact,
        state: state(drill),
        risk: risk(drill),
        plan: books
            .iter()
            .map(|book| (book.name.clone(), book.steps.iter().map(|step| step.step.clone()).collect()))
            .collect(),
        criteria: books.iter().map(|book| book.recovery.clone()).collect(),
    }
}

fn state(drill: &DrillResult) -> String {
    let runs = drill.graded_runs();
    let of = |name: &str| drill.moments.iter().find(|of| of.name == name);
    let came = |name: &str| of(name).map_or(0, |of| of.runs);
    let p95 = |name: &str| of(name).and_then(|of| of.p95_s);
    let rest = |name: &str, word: &str| match (came(name), p95(name)) {
        (0, _) => format!("{word} in no run"),
        (_, Some(at)) => format!("{word} {} after onset", span(at)),
        (some, None) => format!("{word} in {}", of_runs(some, drill)),
    };
    if drill.verdict == "INVALID" && runs == 0 {
        return "the baseline did not hold, so that nothing was injected".into();
    }
    if runs == 0 || came("onset") == 0 {
        return "no run proves anything: a fault met no call, or nothing was injected".into();
    }
    let (contained, recovered) = (rest("contain", "contained"), rest("recover", "recovered with evidence"));
    let of = if runs == 1 { "one run" } else { "95 of 100 runs" };
    let left = left_behind(drill);
    let left = if left == 0 {
        String::new()
    } else {
        format!("; something is left behind in {}", of_runs(left, drill))
    };
    format!("{contained}; {recovered} ({of}){left}")
}

/// Returns in how many runs something was left behind, an objective that is not met at the end among it.
fn left_behind(drill: &DrillResult) -> u64 {
    drill
        .targets
        .iter()
        .find(|target| target.name == "aftermath")
        .map_or(0, |target| drill.missed_runs(target))
}

fn risk(drill: &DrillResult) -> &'static str {
    let is_clean = left_behind(drill) == 0;
    match drill.verdict.as_ref() {
        "PASS" if is_clean => "low: the controls hold, with the stated confidence",
        "PASS" => "moderate: the controls hold, and something is left behind in a run",
        "FAIL" => "high: the controls do not hold",
        _ => "unknown: the drill proves nothing yet",
    }
}

/// So many idle guardrails are named; the table of guardrails has all.
const IDLE_MAX: usize = 4;

const SOON: &str = "within a week";
const NEXT: &str = "before the next game day";
const LATER: &str = "within a quarter";

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

/// Returns what to do about a drill that proves nothing.
fn mend(drill: &DrillResult) -> Vec<ActionItem> {
    let why = drill.shown.first().and_then(|shown| shown.run.because.first());
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    let what = match drill.verdict.as_ref() {
        "NOT EXPOSED" => format!("Let every fault meet calls, or take it out{why}."),
        _ => format!("Mend the baseline, so that steady state holds before any fault{why}."),
    };
    vec![ActionItem { what, owner: "owner of the scenario", due: SOON }]
}

/// Returns what to do: for missed targets, steps that are late, controls that never acted, alerts that are noise.
pub fn actions(drill: &DrillResult) -> Vec<ActionItem> {
    if drill.graded.is_empty() {
        return mend(drill);
    }
    let runs = drill.graded_runs();
    let mut items = Vec::new();
    let mut add = |what: String, owner, due| items.push(ActionItem { what, owner, due });
    for target in drill.missed() {
        let due = if is_often(drill.missed_runs(target), runs) { SOON } else { NEXT };
        let what = format!(
            "Bring {} to {} or less: it was missed in {}; in 95 of 100 it is {}.",
            target.name,
            amount(target, Some(target.limit)),
            of_runs(drill.missed_runs(target), drill),
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
        let named = idle.iter().take(IDLE_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = idle.len().saturating_sub(IDLE_MAX);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let what =
            format!("Decide whether what never acted is needed, or drill what it is for: {named}{more}.");
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

/// Returns the runs in which a step was open when the drill ended.
fn undone(step: &StepSummary) -> u64 {
    let told = step.done_runs.saturating_add(step.forgotten_runs).saturating_add(step.unneeded_runs);
    step.opened_runs.saturating_sub(told)
}

fn troubles(step: &StepSummary) -> [(u64, &'static str); 4] {
    [
        (undone(step), "is not done"),
        (step.late_runs, "is late"),
        (step.forgotten_runs, "is forgotten"),
        (step.unobserved_runs, "does not bring about what it should"),
    ]
}

/// Returns the conditions of the system that contributed.
pub fn conditions(drill: &DrillResult) -> Vec<String> {
    let met = |id: &str| {
        let shown = drill.shown.first();
        shown.is_some_and(|shown| shown.run.witness.iter().any(|of| of.fault == id && of.hits > 0))
    };
    let faults = drill.system.faults.iter().filter(|fault| met(&fault.id)).map(|fault| {
        format!("{} on {}: {}, for {}.", fault.id, fault.on, fault.does, span(fault.end_s - fault.start_s))
    });
    let off = drill.without.iter().map(|name| match name.as_str() {
        SABOTEUR => "Nearly every task was refused once a fault had been met (saboteur).".to_owned(),
        name => format!("{name} was switched off."),
    });
    let left = drill.shown.iter().take(1).flat_map(|shown| &shown.run.left_behind);
    faults.chain(off).chain(left.map(|what| format!("Left behind at the end: {what}."))).collect()
}

/// Returns what went well.
pub fn well(drill: &DrillResult) -> Vec<String> {
    let runs = drill.graded_runs();
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
        .filter(|control| control.runs == runs && control.twin_runs == 0 && control.after_onset_s.is_some())
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
    let missed = drill.missed().map(|target| {
        format!(
            "{} was missed in {}: median {}, 95 of 100 {}, limit {}.",
            target.name,
            of_runs(drill.missed_runs(target), drill),
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
    let near = drill.targets.iter().filter(|target| {
        drill.missed_runs(target) == 0
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
            "{} of {} runs did not pass; {} are required.",
            rate.runs - rate.passed,
            rate.runs,
            percent(rate.required)
        )
    });
    near.chain(few).collect()
}
