//! The rules of the house that concern a scenario as a whole.

use crate::base::stats::wilson_lower;
use crate::base::{Ratio, Span};
use crate::scenario::check::alerts::goal;
use crate::scenario::check::traffic::{first_rate, is_known, tier_share};
use crate::scenario::check::{Checked, share, tier, within};
use crate::scenario::file::load::Tier;
use crate::scenario::file::runbooks::actions::{Action, KillSwitch, RequireApproval};
use crate::scenario::file::targets::Targets;
use crate::scenario::limits::SPAN_MAX;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::units::Name;

const TOP: Place = Place { source: 0, start: 0, end: 0 };

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    let file = checked.file;
    if file.slo.0.is_empty() {
        let problem = Problem::error(Code::UnstatedTarget, TOP, "no service level objective is stated");
        sink.push(problem.hint("add for instance `slo.done = { success = \"99%\" }`"));
    }
    match &file.targets {
        None => {
            let problem = Problem::error(Code::UnstatedTarget, TOP, "no targets are stated");
            sink.push(problem.hint("add a `[targets]` table; it says what PASS means"));
        }
        Some(targets) => self::targets(checked, targets, sink),
    }
    unused(checked, sink);
    freezes(checked, sink);
    widenings(checked, sink);
}

/// A step that gives back what may be done comes after one that validates the boundary.
fn widenings(checked: &Checked<'_>, sink: &mut Sink) {
    for at in checked.file.runbook.0.values() {
        let steps = &at.value.steps;
        for (index, step) in steps.iter().enumerate() {
            let Action::Undo(undo) = &step.r#do else { continue };
            let given_back = |name: &At<Name>| {
                let undone = steps.iter().find(|other| other.id.value == name.value)?;
                let mock = if let Action::KillSwitch(KillSwitch { mock })
                | Action::RequireApproval(RequireApproval { mock }) = &undone.r#do
                {
                    Some(mock)
                } else if let Action::Revoke(_) = &undone.r#do {
                    None
                } else {
                    return None;
                };
                Some(mock)
            };
            // A permission may concern several mocks: any of them will do.
            let is_validated = |mock: Option<&At<Name>>| {
                steps[..index].iter().any(|other| {
                    matches!(&other.r#do, Action::Validate(of) if mock.is_none_or(|mock| of.mock == *mock))
                })
            };
            let widens = undo.steps.iter().filter_map(given_back).any(|mock| !is_validated(mock));
            if widens {
                let message = format!("step `{}` widens what may be done", step.id.value.0);
                let problem = Problem::error(Code::UnvalidatedPermission, step.id.place, message);
                sink.push(problem.hint("put a step with `do.validate` before it"));
            }
        }
    }
}

fn targets(checked: &Checked<'_>, targets: &Targets, sink: &mut Sink) {
    let has_cost =
        targets.cost_above.is_some() || checked.file.slo.0.values().any(|at| at.value.cost.is_some());
    if !has_cost {
        let problem = Problem::error(Code::UnstatedTarget, TOP, "cost is neither an objective nor a target");
        sink.push(problem.hint("add `cost_above = \"30%\"` to the targets"));
    }
    for (name, at) in &targets.lost.0 {
        let known = tier(name, at.place, sink);
        share(&at.value, sink);
        if known
            .is_some_and(|tier| is_known(&checked.file.load) && tier_share(&checked.file.load, tier) == 0.0)
        {
            let message = format!("no {name} task arrives, so nothing of it can be measured");
            sink.push(Problem::error(Code::Contradiction, at.place, message));
        }
    }
    if let Some(mock) = &targets.diagnosed {
        checked.mock(mock, sink);
    }
    if let Some(process) = &targets.process_missed {
        share(process, sink);
    }
    for ratio in [&targets.required, &targets.confidence].into_iter().flatten() {
        let bounds = Ratio::from_percent(50)..Ratio::ONE;
        if ratio.known().is_some_and(|ratio| !bounds.contains(ratio)) {
            sink.push(Problem::error(
                Code::OutOfRange,
                ratio.place,
                "this lies between 50% and 100%, 100% excluded",
            ));
        }
    }
    let drill = checked.file.duration.known().copied().unwrap_or(SPAN_MAX);
    let least = Span::from_secs(10);
    let contain = targets.contain.as_ref().and_then(|contain| contain.0.sustained_for.as_ref());
    let recover = targets.recover.as_ref().and_then(|recover| recover.0.sustained_for.as_ref());
    for span in [contain, recover].into_iter().flatten() {
        within(span, least, drill, sink);
    }
    provable(checked, targets, sink);
}

/// A recovery window must hold enough tasks that perfect service would prove every objective.
fn provable(checked: &Checked<'_>, targets: &Targets, sink: &mut Sink) {
    let Some(recover) = &targets.recover else { return };
    if !is_known(&checked.file.load) {
        return;
    }
    let span = recover.0.sustained_for.as_ref().map_or(Span::from_secs(300), |at| at.value);
    let confidence = targets.confidence.as_ref().map_or(0.95, |at| at.value.real()).clamp(0.5, 0.9999);
    for (name, at) in &checked.file.slo.0 {
        let Some(goal) = goal(&at.value).filter(|goal| !goal.is_hole()) else { continue };
        let tiers: Vec<Tier> = match at.value.tiers.as_slice() {
            [] => Tier::ALL.to_vec(),
            some => some.iter().map(|at| at.value).collect(),
        };
        let traffic: f64 = tiers.iter().map(|tier| tier_share(&checked.file.load, *tier)).sum();
        let tasks = (first_rate(&checked.file.load).value.0 * traffic * span.seconds()) as u64;
        if wilson_lower(tasks, tasks, confidence) < goal.value.real() {
            let message = format!(
                "in {span} about {tasks} tasks of `{name}` end: too few to prove {} even if all are good",
                goal.value
            );
            let problem = Problem::warning(Code::UnprovableRecovery, recover.0.within.place, message);
            sink.push(
                problem.hint("make `sustained_for` longer, the objective looser, or the traffic denser"),
            );
        }
    }
}

fn unused(checked: &Checked<'_>, sink: &mut Sink) {
    let is_there = |name: &str| checked.file.runbook.0.contains_key(name);
    if checked.file.alert.0.values().any(|alert| !is_there(&alert.value.runbook.value.0)) {
        // A misspelt name has been reported where it stands.
        return;
    }
    for (name, at) in &checked.file.runbook.0 {
        let is_used = checked.file.alert.0.values().any(|alert| alert.value.runbook.value.0 == *name);
        if !is_used {
            sink.push(Problem::warning(
                Code::Unused,
                at.place,
                format!("no alert leads to runbook `{name}`"),
            ));
        }
    }
}

/// A runbook that freezes or throttles a tier must also let it go again.
fn freezes(checked: &Checked<'_>, sink: &mut Sink) {
    for at in checked.file.runbook.0.values() {
        for step in &at.value.steps {
            let held = if let Action::Freeze(freeze) = &step.r#do {
                &freeze.tiers
            } else if let Action::Throttle(throttle) = &step.r#do {
                &throttle.tiers
            } else {
                continue;
            };
            let is_released = at.value.steps.iter().any(|other| {
                let thaws = matches!(&other.r#do, Action::Thaw(thaw) if held.iter().all(|tier| thaw.tiers.contains(tier)));
                let undoes = matches!(&other.r#do, Action::Undo(undo) if undo.steps.contains(&step.id));
                thaws || undoes
            });
            if !is_released
                && !step.id.is_hole()
                && !held.is_empty()
                && held.iter().all(|tier| !tier.is_hole())
            {
                let message = format!("nothing takes back what step `{}` holds down", step.id.value.0);
                let problem = Problem::error(Code::Contradiction, step.id.place, message);
                sink.push(problem.hint("add a `thaw` of the same tiers, or an `undo` of this step"));
            }
        }
    }
}
