//! Checks of what runbook steps do: names, bounds, and what must be there for it.

use crate::base::{Ratio, Span};
use crate::scenario::check::evaluations::is_model;
use crate::scenario::check::{Checked, count_within, refer, refer_to, share, within};
use crate::scenario::file::endpoint::Address;
use crate::scenario::file::guards::CallGuard;
use crate::scenario::file::runbooks::RunbookStep;
use crate::scenario::file::runbooks::actions::{
    Action, HoldRollout, KillSwitch, PinSnapshot, Purge, Quarantine, RequireApproval, Restore, ResumeRollout,
    RollBack, Thaw, Validate,
};
use crate::scenario::limits::{ATTEMPTS_MAX, SPAN_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// A step that holds tiers down, or lets them go, says which.
fn some_tiers(tiers: &[At<crate::scenario::file::load::Tier>], step: &RunbookStep, sink: &mut Sink) {
    if tiers.is_empty() && !step.id.is_hole() {
        let problem = Problem::error(Code::MissingKey, step.id.place, "this step names no tiers");
        sink.push(problem.hint("add `tiers = [\"batch\"]`"));
    }
}

/// Checks what a step does; `before` are the steps before it.
pub(super) fn check(checked: &Checked<'_>, step: &RunbookStep, before: &[RunbookStep], sink: &mut Sink) {
    match &step.r#do {
        Action::Degrade(degrade) => stand_in(checked, &degrade.mock, &degrade.to, sink),
        Action::RollBack(RollBack { rollout })
        | Action::HoldRollout(HoldRollout { rollout })
        | Action::ResumeRollout(ResumeRollout { rollout }) => {
            refer_to(rollout, "rollout", &checked.file.rollout, sink);
        }
        Action::Pin(pin) => {
            is_model(checked, &pin.model, sink);
            stand_in(checked, &pin.model, &pin.to, sink);
        }
        Action::RetryLimit(limit) => {
            count_within(&limit.attempts, 1, ATTEMPTS_MAX, sink);
            let lacks = |guard: &CallGuard| guard.retry.is_none();
            let what = "calls to it are not retried, so there is nothing to cap";
            guarded(checked, &limit.mock, (lacks, what), sink);
        }
        Action::OpenBreaker(open) => {
            guarded(checked, &open.mock, (|guard| guard.breaker.is_none(), "it has no breaker"), sink);
        }
        Action::Freeze(freeze) => some_tiers(&freeze.tiers, step, sink),
        Action::Throttle(throttle) => {
            some_tiers(&throttle.tiers, step, sink);
            share(&throttle.to, sink);
        }
        Action::Thaw(thaw) => self::thaw(thaw, step, sink),
        Action::Escalate(escalate) => refer_to(&escalate.to, "role", &checked.file.roster, sink),
        Action::Undo(undo) => {
            for name in &undo.steps {
                let known: Vec<&str> = before.iter().map(|step| step.id.value.0.as_str()).collect();
                refer(name, "earlier step", &known, sink);
            }
        }
        Action::Update(update) => {
            if let Some(every) = &update.every {
                within(every, Span::from_secs(10), SPAN_MAX, sink);
            }
        }
        Action::Verify(_) => {
            if step.expect.is_none() {
                let problem = Problem::error(Code::MissingKey, step.id.place, "this step looks for nothing");
                sink.push(problem.hint("say with `expect` what should be observed"));
            }
        }
        Action::Call(_) | Action::Command(_) => outside(step, sink),
        Action::Acknowledge(_)
        | Action::Diagnose(_)
        | Action::ResetContexts(_)
        | Action::DeclareRecovered(_)
        | Action::ApplyBudget(_) => {}
        Action::Purge(_)
        | Action::Quarantine(_)
        | Action::PinSnapshot(_)
        | Action::Restore(_)
        | Action::KillSwitch(_)
        | Action::Validate(_)
        | Action::RequireApproval(_)
        | Action::Revoke(_)
        | Action::Isolate(_) => boundary(checked, &step.r#do, sink),
    }
}

/// Checks what a step does outside of the drill.
fn outside(step: &RunbookStep, sink: &mut Sink) {
    if let Action::Call(call) = &step.r#do {
        if call.url.known().is_some_and(|url| Address::parse(&url.0).is_none()) {
            let problem = Problem::error(Code::OutOfRange, call.url.place, "this is no address of HTTP");
            sink.push(problem.hint("http://127.0.0.1:9000/switch"));
        }
    } else if let Action::Command(command) = &step.r#do
        && command.run.is_empty()
        && !step.id.is_hole()
    {
        let problem = Problem::error(Code::MissingKey, step.id.place, "this step runs nothing");
        sink.push(problem.hint("add `run = [\"./switch\", \"cache\"]`"));
    }
}

/// Checks an action on a memory, a shared state, a permission or an agent.
fn boundary(checked: &Checked<'_>, action: &Action, sink: &mut Sink) {
    if let Action::Purge(Purge { memory, .. }) | Action::Quarantine(Quarantine { memory }) = action {
        holds(checked, memory, "entries", sink);
    } else if let Action::PinSnapshot(PinSnapshot { state, .. }) | Action::Restore(Restore { state }) = action
    {
        holds(checked, state, "objects", sink);
    } else if let Action::KillSwitch(KillSwitch { mock }) = action {
        checked.mock(mock, sink);
    } else if let Action::Validate(Validate { mock }) = action {
        if checked.mock(mock, sink).is_some_and(|mock| mock.permission.is_none()) {
            let message = format!("`{}` asks for no permission", mock.value.0);
            sink.push(Problem::error(Code::Contradiction, mock.place, message));
        }
    } else if let Action::RequireApproval(RequireApproval { mock }) = action {
        checked.mock(mock, sink);
        let guard = checked.file.guard.calls.get(&mock.value.0);
        if guard.is_none_or(|guard| guard.step_up.is_none()) && checked.mocks.contains_key(&mock.value.0) {
            let message = format!("nobody approves effects on `{}`", mock.value.0);
            let problem = Problem::error(Code::Contradiction, mock.place, message);
            sink.push(problem.hint("give its guard a `step_up`"));
        }
    } else if let Action::Revoke(revoke) = action {
        refer_to(&revoke.agent, "agent", &checked.file.agents, sink);
        let asked = checked.mocks.values().filter_map(|mock| mock.permission.as_ref());
        let asked: Vec<&str> = asked.map(|asked| asked.value.0.as_str()).collect();
        refer(&revoke.permission, "permission", &asked, sink);
    } else if let Action::Isolate(isolate) = action {
        refer_to(&isolate.agent, "agent", &checked.file.agents, sink);
    }
}

/// Reports a mock whose guardrail an action needs and does not find.
fn guarded(
    checked: &Checked<'_>,
    name: &At<Name>,
    (lacks, what): (impl Fn(&CallGuard) -> bool, &str),
    sink: &mut Sink,
) {
    let is_there = checked.mock(name, sink).is_some();
    let guard = checked.file.guard.calls.get(&name.value.0);
    if is_there && guard.is_none_or(lacks) {
        let message = format!("`{}`: {what}", name.value.0);
        sink.push(Problem::error(Code::Contradiction, name.place, message));
    }
}

/// Reports a mock that holds nothing of a kind.
fn holds(checked: &Checked<'_>, name: &At<Name>, what: &str, sink: &mut Sink) {
    let Some(mock) = checked.mock(name, sink) else { return };
    let has = if what == "entries" { mock.entries.is_some() } else { mock.objects.is_some() };
    if !has && !mock.kind.is_hole() {
        let message = format!("`{}` holds no {what}", name.value.0);
        sink.push(Problem::error(Code::Contradiction, name.place, message));
    }
}

/// Reports a mock that cannot stand in for another.
pub(super) fn stand_in(checked: &Checked<'_>, mock: &At<Name>, other: &At<Name>, sink: &mut Sink) {
    let (from, to) = (checked.asked(mock, sink), checked.asked(other, sink));
    if mock == other && !other.is_hole() {
        sink.push(Problem::error(Code::Contradiction, other.place, "a mock cannot stand in for itself"));
    } else if let (Some(from), Some(to)) = (from, to)
        && from.kind != to.kind
        && !from.kind.is_hole()
        && !to.kind.is_hole()
    {
        let message = "a model and a tool cannot stand in for each other";
        sink.push(Problem::error(Code::Contradiction, other.place, message));
    }
}

fn thaw(thaw: &Thaw, step: &RunbookStep, sink: &mut Sink) {
    some_tiers(&thaw.tiers, step, sink);
    let shares: Vec<Ratio> = thaw.steps.iter().map(|at| at.value).collect();
    let is_rising = shares.windows(2).all(|pair| pair[0] < pair[1]);
    let is_known = thaw.steps.iter().all(|at| !at.is_hole());
    if is_known && (!is_rising || shares.last() != Some(&Ratio::ONE)) {
        let place = thaw.steps.last().map_or(step.id.place, |at| at.place);
        sink.push(Problem::error(Code::Contradiction, place, "thawing rises step by step to 100%"));
    }
    if let Some(hold) = &thaw.hold {
        within(hold, Span::from_secs(1), Span::from_secs(86_400), sink);
    }
}
