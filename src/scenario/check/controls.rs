//! Checks of guardrails and runbooks: names, bounds, and steps that undo what was done.

use crate::base::{Ratio, Span};
use crate::scenario::check::evaluations::is_model;
use crate::scenario::check::{Checked, actions, count_within, refer, refer_to, share, tier, unique, within};
use crate::scenario::condition::{Clause, Condition};
use crate::scenario::decode::Decode;
use crate::scenario::file::guards::{CallGuard, Compaction, Retry, TaskGuard};
use crate::scenario::file::runbooks::{Role, Runbook};
use crate::scenario::file::screens::Screen;
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
        for limit in [&tasks.steps_max, &tasks.loop_limit, &tasks.hop_limit] {
            count_within(limit.as_ref().unwrap_or(&never), 1, 100_000, sink);
        }
        self::tasks(tasks, sink);
    }
    for at in checked.file.runbook.0.values() {
        runbook(checked, &at.value, sink);
        // A page that could not be read has been reported.
        if at.value.steps.is_empty() && !at.value.recovery.is_hole() {
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

fn tasks(tasks: &TaskGuard, sink: &mut Sink) {
    let second = Span::from_secs(1);
    if let Some(watchdog) = &tasks.watchdog {
        within(watchdog, second, Span::from_secs(86_400), sink);
    }
    if let Some(reset) = &tasks.context_reset {
        screen(reset, sink);
    }
    if let Some(velocity) = &tasks.velocity {
        for span in [&velocity.over, &velocity.pause].into_iter().flatten() {
            within(span, second, Span::from_secs(3600), sink);
        }
    }
    if let Some(compress) = &tasks.compress {
        share(&compress.to, sink);
    }
    if let Some(Compaction { above, to }) = &tasks.compaction
        && let (Some(above), Some(least)) = (above.known(), to.known())
        && least > above
    {
        let message = "a context is made shorter, not longer";
        sink.push(Problem::error(Code::Contradiction, to.place, message));
    }
    for (name, at) in tasks.budget.iter().flat_map(|budget| &budget.per_tier.0) {
        tier(name, at.place, sink);
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
    for (_, screen) in guard.screens() {
        self::screen(screen, sink);
    }
    if let Some(step_up) = &guard.step_up {
        for ratio in [&step_up.approves, &step_up.mistakes].into_iter().flatten() {
            share(ratio, sink);
        }
    }
    if let Some(downgrade) = &guard.downgrade {
        is_model(checked, &downgrade.to, sink);
        let key = At { value: Name(name.to_owned()), place: downgrade.to.place };
        actions::stand_in(checked, &key, &downgrade.to, sink);
    }
    unique(guard.fallback.iter().flat_map(|fallback| &fallback.0), "fallback", sink);
    for other in guard.fallback.iter().flat_map(|fallback| &fallback.0) {
        let Some(mock) = checked.asked(other, sink) else { continue };
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

fn screen(screen: &Screen, sink: &mut Sink) {
    for ratio in [Some(&screen.catches), screen.false_positives.as_ref()].into_iter().flatten() {
        share(ratio, sink);
    }
    if let Some(delay) = &screen.delay {
        within(delay, Span::ZERO, Span::from_secs(3600), sink);
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
        for ratio in [&shift.skips, &shift.swaps].into_iter().flatten() {
            share(ratio, sink);
        }
        if let Some(fails) = &shift.fails
            && fails.known().is_some_and(|fails| *fails > Ratio::from_percent(90))
        {
            let message = "somebody who fails more often than nine times in ten never gets anything done";
            sink.push(Problem::error(Code::OutOfRange, fails.place, message));
        }
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
        for observed in [&step.when, &step.only_if, &step.expect].into_iter().flatten() {
            condition(checked, observed, sink);
        }
        if let (Some(otherwise), None) = (&step.otherwise, &step.expect) {
            sink.push(Problem::error(
                Code::Contradiction,
                otherwise.place,
                "`otherwise` without an `expect`",
            ));
        }
        actions::check(checked, step, &runbook.steps[..index], sink);
    }
}

pub(super) fn condition(checked: &Checked<'_>, at: &At<Condition>, sink: &mut Sink) {
    for clause in &at.value.0 {
        let point = |name: &Name| At { value: name.clone(), place: at.place };
        match clause {
            Clause::Holds { slo, .. } => refer_to(&point(slo), "objective", &checked.file.slo, sink),
            Clause::Quiet { alert, .. } => refer_to(&point(alert), "alert", &checked.file.alert, sink),
            Clause::Answers { mock, .. } => {
                checked.asked(&point(mock), sink);
            }
            Clause::ErrorsBelow { mock, .. }
            | Clause::CaughtBelow { mock, .. }
            | Clause::AsDeclared(mock) => {
                checked.mock(&point(mock), sink);
            }
            Clause::IsBack(rollout) => refer_to(&point(rollout), "rollout", &checked.file.rollout, sink),
            Clause::BadBelow { evaluation, .. } => {
                refer_to(&point(evaluation), "evaluation", &checked.file.evaluation, sink);
            }
            Clause::BacklogBelow(_) | Clause::BacklogFalling(_) | Clause::SpendBelow(..) => {}
        }
    }
}
