//! Checks of guardrails and runbooks: names, bounds, and steps that undo what was done.

use crate::base::{Ratio, Span};
use crate::scenario::check::evaluations::is_model;
use crate::scenario::check::{Checked, count_within, refer, refer_to, share, unique, within};
use crate::scenario::condition::{Clause, Condition};
use crate::scenario::decode::Decode;
use crate::scenario::file::guards::{CallGuard, Retry};
use crate::scenario::file::mocks::MockKind;
use crate::scenario::file::runbooks::{
    Action, HoldRollout, ResumeRollout, Role, RollBack, Runbook, RunbookStep,
};
use crate::scenario::limits::{ATTEMPTS_MAX, SLOTS_MAX, SPAN_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// The owner of steps that nobody has to do.
pub(super) const AUTOMATION: &str = "auto";

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    for (name, at) in &checked.file.guard.calls.0 {
        let key = At { value: Name(name.clone()), place: at.place };
        checked.mock(&key, sink);
        call_guard(checked, name, &at.value, sink);
    }
    if let Some(tasks) = &checked.file.guard.tasks {
        if let Some(shed) = &tasks.shed
            && shed.tiers.is_empty()
            && !shed.in_flight_above.is_hole()
        {
            let message = "shedding names no tiers";
            let problem = Problem::error(Code::MissingKey, shed.in_flight_above.place, message);
            sink.push(problem.hint("add `tiers = [\"batch\"]`"));
        }
        let never = At::<u64>::hole();
        count_within(tasks.steps_max.as_ref().unwrap_or(&never), 1, 100_000, sink);
    }
    for at in checked.file.runbook.0.values() {
        runbook(checked, &at.value, sink);
        if at.value.steps.is_empty() {
            sink.push(Problem::error(Code::MissingKey, at.place, "this runbook has no steps"));
        }
    }
    for at in checked.file.roster.0.values() {
        role(checked, &at.value, sink);
    }
    if let Some(at) = checked.file.roster.0.get(AUTOMATION) {
        sink.push(Problem::error(
            Code::NameTaken,
            at.place,
            "`auto` is the automation, not a role on the roster",
        ));
    }
}

fn call_guard(checked: &Checked<'_>, name: &str, guard: &CallGuard, sink: &mut Sink) {
    let least = Span(1_000_000);
    if let Some(timeout) = &guard.timeout {
        within(timeout, least, Span::from_secs(86_400), sink);
    }
    if let Some(retry) = &guard.retry {
        self::retry(retry, sink);
    }
    if let Some(breaker) = &guard.breaker {
        within(&breaker.window, Span::from_secs(1), Span::from_secs(3600), sink);
        within(&breaker.probe_after, Span::from_secs(1), Span::from_secs(3600), sink);
        count_within(&breaker.calls_min, 1, 1_000_000, sink);
        count_within(breaker.probes.as_ref().unwrap_or(&At::hole()), 1, 1000, sink);
        if breaker.open_above.known().is_some_and(|ratio| *ratio >= Ratio::ONE) {
            let message = "no share is above 100%, so this breaker never opens";
            sink.push(Problem::error(Code::Contradiction, breaker.open_above.place, message));
        }
    }
    if let Some(bulkhead) = &guard.bulkhead {
        count_within(&bulkhead.concurrent, 1, SLOTS_MAX, sink);
        count_within(bulkhead.queue.as_ref().unwrap_or(&At::hole()), 0, SLOTS_MAX, sink);
    }
    if let Some(output) = &guard.output {
        for ratio in [Some(&output.catches), output.false_positives.as_ref()].into_iter().flatten() {
            share(ratio, sink);
        }
        if checked.mocks.get(name).is_some_and(|mock| mock.kind.known() == Some(&MockKind::Tool)) {
            let message = "only a model's output is checked";
            sink.push(Problem::error(Code::Contradiction, output.catches.place, message));
        }
    }
    unique(guard.fallback.iter().flat_map(|fallback| &fallback.0), "fallback", sink);
    for other in guard.fallback.iter().flat_map(|fallback| &fallback.0) {
        let Some(mock) = checked.mock(other, sink) else { continue };
        let own = checked.mocks.get(name);
        if other.value.0 == name {
            sink.push(Problem::error(Code::Contradiction, other.place, "a mock cannot stand in for itself"));
        } else if own.is_some_and(|own| own.kind != mock.kind && !own.kind.is_hole() && !mock.kind.is_hole())
        {
            sink.push(Problem::error(
                Code::Contradiction,
                other.place,
                "a model and a tool cannot stand in for each other",
            ));
        }
    }
}

fn retry(retry: &Retry, sink: &mut Sink) {
    count_within(&retry.attempts, 1, ATTEMPTS_MAX, sink);
    within(&retry.backoff, Span::ZERO, Span::from_secs(3600), sink);
    if let Some(factor) = &retry.factor
        && factor.known().is_some_and(|factor| *factor < Ratio::ONE || *factor > Ratio::from_percent(1000))
    {
        sink.push(Problem::error(Code::OutOfRange, factor.place, "the factor lies between 100% and 1000%"));
    }
    for ratio in [&retry.jitter, &retry.budget].into_iter().flatten() {
        share(ratio, sink);
    }
    count_within(retry.budget_burst.as_ref().unwrap_or(&At::hole()), 1, 100_000, sink);
    if let (Some(burst), None) = (&retry.budget_burst, &retry.budget) {
        sink.push(Problem::error(Code::Contradiction, burst.place, "`budget_burst` without a `budget`"));
    }
}

fn role(checked: &Checked<'_>, role: &Role, sink: &mut Sink) {
    if let Some(to) = &role.to {
        refer_to(to, "role", &checked.file.roster, sink);
    }
    for shift in std::iter::once(&role.day).chain(&role.night) {
        if let Some(no_answer) = &shift.no_answer {
            share(no_answer, sink);
            if role.to.is_none() && no_answer.value > Ratio::ZERO {
                let problem =
                    Problem::error(Code::Contradiction, no_answer.place, "an unanswered page goes nowhere");
                sink.push(problem.hint("say with `to` which role is paged then"));
            }
        }
    }
    if let Some(after) = &role.escalate_after {
        within(after, Span::from_secs(1), Span::from_secs(86_400), sink);
    }
}

fn runbook(checked: &Checked<'_>, runbook: &Runbook, sink: &mut Sink) {
    condition(checked, &runbook.recovery, sink);
    unique(runbook.steps.iter().map(|step| &step.id), "step", sink);
    let mut owners: Vec<&str> = checked.file.roster.0.keys().map(String::as_str).collect();
    owners.push(AUTOMATION);
    for (index, step) in runbook.steps.iter().enumerate() {
        refer(&step.owner, "role", &owners, sink);
        within(&step.within, Span::from_secs(1), SPAN_MAX, sink);
        for observed in [&step.when, &step.expect].into_iter().flatten() {
            condition(checked, observed, sink);
        }
        if let (Some(otherwise), None) = (&step.otherwise, &step.expect) {
            sink.push(Problem::error(
                Code::Contradiction,
                otherwise.place,
                "`otherwise` without an `expect`",
            ));
        }
        action(checked, step, &runbook.steps[..index], sink);
    }
}

pub(super) fn condition(checked: &Checked<'_>, at: &At<Condition>, sink: &mut Sink) {
    for clause in &at.value.0 {
        let point = |name: &Name| At { value: name.clone(), place: at.place };
        match clause {
            Clause::Holds { slo, .. } => refer_to(&point(slo), "objective", &checked.file.slo, sink),
            Clause::Quiet { alert, .. } => refer_to(&point(alert), "alert", &checked.file.alert, sink),
            Clause::ErrorsBelow { mock, .. } | Clause::Answers { mock, .. } => {
                checked.mock(&point(mock), sink);
            }
            Clause::BadBelow { evaluation, .. } => {
                refer_to(&point(evaluation), "evaluation", &checked.file.evaluation, sink);
            }
            Clause::BacklogBelow(_) | Clause::BacklogFalling(_) | Clause::SpendBelow(..) => {}
        }
    }
}

/// A step that holds tiers down, or lets them go, says which.
fn some_tiers(tiers: &[At<crate::scenario::file::load::Tier>], step: &RunbookStep, sink: &mut Sink) {
    if tiers.is_empty() && !step.id.is_hole() {
        let problem = Problem::error(Code::MissingKey, step.id.place, "this step names no tiers");
        sink.push(problem.hint("add `tiers = [\"batch\"]`"));
    }
}

fn action(checked: &Checked<'_>, step: &RunbookStep, before: &[RunbookStep], sink: &mut Sink) {
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
            checked.mock(&limit.mock, sink);
            count_within(&limit.attempts, 1, ATTEMPTS_MAX, sink);
            let guard = checked.file.guard.calls.get(&limit.mock.value.0);
            if guard.is_none_or(|guard| guard.retry.is_none())
                && checked.mocks.contains_key(&limit.mock.value.0)
            {
                let message =
                    format!("calls to `{}` are not retried, so there is nothing to cap", limit.mock.value.0);
                sink.push(Problem::error(Code::Contradiction, limit.mock.place, message));
            }
        }
        Action::OpenBreaker(open) => {
            checked.mock(&open.mock, sink);
            let guard = checked.file.guard.calls.get(&open.mock.value.0);
            if guard.is_none_or(|guard| guard.breaker.is_none())
                && checked.mocks.contains_key(&open.mock.value.0)
            {
                let message = format!("`{}` has no breaker", open.mock.value.0);
                sink.push(Problem::error(Code::Contradiction, open.mock.place, message));
            }
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
        Action::Acknowledge(_) | Action::Diagnose(_) => {}
    }
}

/// Reports a mock that cannot stand in for another.
pub(super) fn stand_in(checked: &Checked<'_>, mock: &At<Name>, other: &At<Name>, sink: &mut Sink) {
    let (from, to) = (checked.mock(mock, sink), checked.mock(other, sink));
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

fn thaw(thaw: &crate::scenario::file::runbooks::Thaw, step: &RunbookStep, sink: &mut Sink) {
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
