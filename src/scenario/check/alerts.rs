//! Checks of objectives and alerts: names, completeness, and alerts that cannot do their work.

use crate::base::{Ratio, Span};
use crate::scenario::check::evaluations::{self, is_model};
use crate::scenario::check::traffic::{first_rate, is_known, tier_share};
use crate::scenario::check::{Checked, count_within, refer_to, share, unique, within};
use crate::scenario::decode::Decode;
use crate::scenario::file::alerts::{Alert, Burn, Signal, Threshold, When};
use crate::scenario::file::load::Tier;
use crate::scenario::file::slos::Slo;
use crate::scenario::limits::SPAN_MAX;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;
use crate::scenario::units::Name;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    for (name, at) in &checked.file.slo.0 {
        objective(name, at, sink);
    }
    for at in checked.file.alert.0.values() {
        let alert = &at.value;
        if !checked.file.runbook.0.contains_key(&alert.runbook.value.0) && !alert.runbook.is_hole() {
            let message = format!("no runbook is called `{}`", alert.runbook.value.0);
            let known: Vec<&str> = checked.file.runbook.0.keys().map(String::as_str).collect();
            let hint = crate::scenario::decode::suggest(&alert.runbook.value.0, &known);
            sink.push(Problem::error(Code::AlertWithoutRunbook, alert.runbook.place, message).hint(hint));
        }
        for other in &alert.inhibited_by {
            refer_to(other, "alert", &checked.file.alert, sink);
        }
        unique(&alert.inhibited_by, "inhibiting alert", sink);
        circle(checked, at, sink);
        timing(alert, sink);
        condition(checked, at, sink);
    }
}

/// Reports an alert that silences itself, alone or by way of others: then none of them notifies.
fn circle(checked: &Checked<'_>, at: &At<Alert>, sink: &mut Sink) {
    let mut open: Vec<&At<Name>> = at.value.inhibited_by.iter().collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(other) = checked.file.alert.0.get(&name.value.0) else { continue };
        if other.place == at.place {
            let place = at.value.inhibited_by[0].place;
            sink.push(Problem::error(Code::Contradiction, place, "this alert silences itself"));
            return;
        }
        if seen.insert(&name.value.0) {
            open.extend(&other.value.inhibited_by);
        }
    }
}

fn timing(alert: &Alert, sink: &mut Sink) {
    let second = Span::from_secs(1);
    let spans = [&alert.r#for, &alert.keep_firing_for, &alert.group_wait];
    for span in spans.into_iter().flatten() {
        within(span, Span::ZERO, Span::from_secs(86_400), sink);
    }
    for span in [&alert.group_interval, &alert.repeat_interval].into_iter().flatten() {
        within(span, second, SPAN_MAX, sink);
    }
    if let Some(every) = &alert.every {
        within(every, second, Span::from_secs(3600), sink);
        if every.known().is_some_and(|every| !every.0.is_multiple_of(second.0)) {
            sink.push(Problem::error(
                Code::OutOfRange,
                every.place,
                "an evaluation interval is whole seconds",
            ));
        }
    }
}

/// Returns the objective's share and where it is written.
pub(super) fn goal(slo: &Slo) -> Option<&At<Ratio>> {
    let goals = [
        slo.success.as_ref(),
        slo.latency.as_ref().map(|latency| &latency.share),
        slo.cost.as_ref().map(|cost| &cost.share),
        slo.safety.as_ref(),
    ];
    goals.into_iter().flatten().next()
}

fn objective(name: &str, at: &At<Slo>, sink: &mut Sink) {
    let slo = &at.value;
    let stated = [slo.success.is_some(), slo.latency.is_some(), slo.cost.is_some(), slo.safety.is_some()];
    let count = stated.iter().filter(|is_stated| **is_stated).count();
    if count != 1 {
        let message = format!("objective `{name}` states {count} things; it must state one");
        let code = if count == 0 { Code::MissingKey } else { Code::Contradiction };
        sink.push(Problem::error(code, at.place, message).hint("one of success, latency, cost, safety"));
    }
    if let Some(goal) = goal(slo)
        && goal.known().is_some_and(|ratio| *ratio >= Ratio::ONE || *ratio == Ratio::ZERO)
    {
        let problem = Problem::error(
            Code::OutOfRange,
            goal.place,
            "an objective lies between 0% and 100%, both excluded",
        );
        sink.push(problem.hint("100% leaves no error budget; use 99.99%"));
    }
    if let Some(period) = &slo.period {
        within(period, Span::from_secs(3600), SPAN_MAX, sink);
    }
}

fn condition(checked: &Checked<'_>, at: &At<Alert>, sink: &mut Sink) {
    match &at.value.when {
        When::Burn(burn) => self::burn(checked, &at.value, burn, sink),
        When::Threshold(threshold) => self::threshold(checked, at, threshold, sink),
        When::Spend(spend) => {
            if let Some(over) = &spend.over {
                within(over, Span::from_secs(15), Span::from_secs(86_400), sink);
            }
        }
        When::Cusum(cusum) => evaluations::cusum(checked, cusum, sink),
        When::CusumTokens(cusum) => evaluations::cusum_tokens(checked, cusum, sink),
        When::PageHinkley(test) => evaluations::page_hinkley(checked, test, sink),
        When::Compare(compare) => evaluations::compare(checked, compare, sink),
        When::Rollback(back) => refer_to(&back.rollout, "rollout", &checked.file.rollout, sink),
        When::Audit(audit) => {
            let asks = checked.mock(&audit.mock, sink).is_none_or(|mock| mock.permission.is_some());
            if !asks {
                let message =
                    format!("`{}` asks for no permission, so there is nothing to audit", audit.mock.value.0);
                sink.push(Problem::error(Code::Contradiction, audit.mock.place, message));
            }
        }
        When::Absence(absence) => {
            refer_to(&absence.slo, "objective", &checked.file.slo, sink);
            within(&absence.over, Span::from_secs(15), Span::from_secs(86_400), sink);
        }
    }
}

fn threshold(checked: &Checked<'_>, at: &At<Alert>, threshold: &Threshold, sink: &mut Sink) {
    if let Some(over) = &threshold.over {
        within(over, Span::from_secs(15), Span::from_secs(86_400), sink);
    }
    if let Some(mock) = &threshold.mock {
        match threshold.signal.as_ref().map(|signal| signal.value) {
            Some(Signal::Refusals | Signal::Malformed | Signal::OutputTokens) => {
                is_model(checked, mock, sink);
            }
            Some(Signal::CallErrors | Signal::Backlog | Signal::Caught | Signal::Denials) | None => {
                checked.mock(mock, sink);
            }
        }
    }
    if let Some(evaluation) = &threshold.evaluation {
        refer_to(evaluation, "evaluation", &checked.file.evaluation, sink);
    }
    if let Some(ratio) = &threshold.bad_above {
        share(ratio, sink);
    }
    let has = (threshold.bad_above.is_some(), threshold.above.is_some(), threshold.mock.is_some());
    let watched = (&threshold.slo, threshold.signal.as_ref().map(|signal| signal.value));
    let need = match (watched, threshold.evaluation.is_some()) {
        ((None, None), true) => {
            (has != (true, false, false)).then_some("`evaluation` goes with `bad_above` alone")
        }
        ((Some(slo), None), false) => {
            refer_to(slo, "objective", &checked.file.slo, sink);
            (has != (true, false, false)).then_some("`slo` goes with `bad_above` alone")
        }
        ((None, Some(Signal::Backlog)), false) => {
            (has != (false, true, false)).then_some("`backlog` goes with `above` alone")
        }
        (
            (
                None,
                Some(
                    Signal::CallErrors
                    | Signal::Refusals
                    | Signal::Malformed
                    | Signal::Caught
                    | Signal::Denials,
                ),
            ),
            false,
        ) => (has != (true, false, true)).then_some("this signal goes with `mock` and `bad_above`"),
        ((None, Some(Signal::OutputTokens)), false) => {
            (has != (false, true, true)).then_some("`output-tokens` goes with `mock` and `above`")
        }
        ((Some(_), Some(_)) | (None, None), false) | ((Some(_), _) | (_, Some(_)), true) => {
            Some("a threshold watches an `slo`, a `signal` or an `evaluation`")
        }
    };
    if let Some(message) = need {
        sink.push(Problem::error(Code::Contradiction, at.place, message));
    }
    if let Some(count) = threshold.count_min.as_ref().filter(|_| threshold.bad_above.is_none()) {
        let message = "`count_min` goes with `bad_above`";
        sink.push(Problem::error(Code::Contradiction, count.place, message));
    }
    count_within(threshold.count_min.as_ref().unwrap_or(&At::hole()), 1, 1_000_000_000, sink);
    if let Some(slo) = &threshold.slo {
        seen(checked, slo, sink);
        enough(checked, threshold, &slo.value.0, sink);
    }
}

/// Points out a threshold whose window never holds as many tasks as it must.
fn enough(checked: &Checked<'_>, threshold: &Threshold, slo: &str, sink: &mut Sink) {
    let (Some(count), Some(slo)) = (&threshold.count_min, checked.file.slo.get(slo)) else { return };
    if count.is_hole() || !is_known(&checked.file.load) {
        return;
    }
    let over = threshold.over.as_ref().map_or(300.0, |over| over.value.seconds());
    let phases = checked.file.load.phase.iter().map(|phase| phase.rate.value.0);
    let peak = phases.fold(first_rate(&checked.file.load).value.0, f64::max);
    // Twice the mean is more than any window of a size that matters.
    let most = 2.0 * peak * traffic_share(checked, slo) * over + 10.0;
    if count.value as f64 > most {
        let message = format!("the window holds about {:.0} tasks at most", most / 2.0);
        sink.push(Problem::error(Code::UnreachableThreshold, count.place, message));
    }
}

/// Returns the share of tasks that an objective is about.
fn traffic_share(checked: &Checked<'_>, slo: &Slo) -> f64 {
    let tiers = slo.tiers.iter().map(|at| at.value);
    let tiers: Vec<Tier> = if slo.tiers.is_empty() { Tier::ALL.to_vec() } else { tiers.collect() };
    tiers.iter().map(|tier| tier_share(&checked.file.load, *tier)).sum()
}

/// Points out an alert on something that no telemetry knows by itself.
fn seen(checked: &Checked<'_>, slo: &At<Name>, sink: &mut Sink) {
    let is_safety = checked.file.slo.get(&slo.value.0).is_some_and(|of| of.safety.is_some());
    if is_safety {
        let message = "no telemetry knows by itself that an effect was unsafe, so this alert can never fire";
        let problem = Problem::warning(Code::UnreachableThreshold, slo.place, message);
        sink.push(problem.hint("watch an `evaluation`, an `audit`, or the signals `caught` and `denials`"));
    }
}

fn burn(checked: &Checked<'_>, alert: &Alert, burn: &Burn, sink: &mut Sink) {
    refer_to(&burn.slo, "objective", &checked.file.slo, sink);
    let own = [burn.budget.is_some(), burn.long.is_some(), burn.short.is_some()];
    let is_preset = burn.preset.is_some() && burn.window.is_some() && own == [false; 3];
    let is_own = burn.preset.is_none() && burn.window.is_none() && own == [true; 3];
    if !is_preset && !is_own {
        let problem = Problem::error(
            Code::Contradiction,
            burn.slo.place,
            "a burn rate has a preset, or windows of its own",
        );
        sink.push(problem.hint("`preset` with `window`, or `budget` with `long` and `short`"));
        return;
    }
    seen(checked, &burn.slo, sink);
    let Some(slo) = checked.file.slo.get(&burn.slo.value.0) else { return };
    let Some(goal) = goal(slo).filter(|goal| !goal.is_hole()) else { return };
    let windows = crate::scenario::file::alerts::windows(burn, slo);
    let place = burn.slo.place;
    if windows.short == Span::ZERO || windows.long == Span::ZERO {
        sink.push(Problem::error(Code::OutOfRange, place, "a window is longer than nothing"));
        return;
    }
    if windows.short > windows.long {
        sink.push(Problem::error(Code::Contradiction, place, "the short window is longer than the long one"));
        return;
    }
    let line = windows.factor.real() * goal.value.complement().real();
    if line >= 1.0 {
        let message =
            format!("this alert needs {:.0}% of tasks to be bad, so it can never fire", line * 100.0);
        let problem = Problem::error(Code::UnreachableThreshold, place, message);
        sink.push(problem.hint("a looser objective needs a smaller share of its budget per window"));
        return;
    }
    let every = alert.every.as_ref().map_or(Span::from_secs(15), |every| every.value);
    if windows.short.0 < 2 * every.0 {
        let message = format!("the short window of {} sees fewer than two evaluations", windows.short);
        sink.push(Problem::warning(Code::SparseEvaluation, place, message).hint("evaluate more often"));
    }
    let traffic = traffic_share(checked, slo);
    let tasks = first_rate(&checked.file.load).value.0 * traffic * windows.short.seconds();
    if tasks > 0.0 && is_known(&checked.file.load) && 1.0 / tasks > line {
        let message =
            format!("about {tasks:.1} tasks fall into {}: one failed task sets this off", windows.short);
        sink.push(
            Problem::warning(Code::LowTraffic, place, message).hint("use a longer window, or more traffic"),
        );
    }
    // With every task bad: how long until the long window reaches its line, and what that spends.
    let reach = windows.long.seconds() * line;
    let wait = alert.group_wait.as_ref().map_or(30.0, |span| span.value.seconds())
        + alert.r#for.as_ref().map_or(windows.default_for.seconds(), |span| span.value.seconds());
    let period = slo.period.as_ref().map_or(crate::scenario::file::slos::PERIOD, |span| span.value);
    if (reach + wait) / period.seconds() > goal.value.complement().real() {
        let message = "in a full outage the whole error budget is gone before this page arrives";
        sink.push(Problem::warning(Code::LatePage, place, message).hint("use shorter windows"));
    }
}
