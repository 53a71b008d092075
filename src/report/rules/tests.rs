//! Unit tests for `promtool test rules`: what telemetry showed in a run, and when each alert fired.

use std::fmt::Write;

use super::expression::{Series, series};
use super::{annotations, comment, duration, quoted};
use crate::base::{Span, Time};
use crate::engine::Look;
use crate::plan::{AlertPlan, Plan, Rule, TIERS};
use crate::record::{Event, Record};

/// What tests are made from.
pub(super) struct Run<'a> {
    pub plan: &'a Plan,
    pub record: &'a Record,
    pub looks: &'a [Look],
    pub runbooks: &'a str,
}

/// Returns a file of tests for the alerts that are evaluated at an interval.
pub(super) fn text(run: &Run<'_>, every: Span, (rules, seed): (&str, u64)) -> String {
    let mut text = String::new();
    line!(
        text,
        "# When the alerts of {} fired in the run of seed {seed}: `promtool test rules` is to agree.",
        comment(rules)
    );
    line!(text, "rule_files:\n  - {}", quoted(rules));
    line!(text, "evaluation_interval: {}", duration(every));
    line!(text, "tests:");
    for (index, alert) in run.plan.alerts.iter().enumerate().filter(|(_, alert)| alert.every == every) {
        test(&mut text, run, (index, alert));
    }
    text
}

fn test(text: &mut String, run: &Run<'_>, (index, alert): (usize, &AlertPlan)) {
    let tick = run.looks.first().map_or(alert.every, |look| look.at.since(Time::ZERO));
    let longest = looks_back(alert).map_or(Span::ZERO, |(_, window)| window);
    // In whole evaluations: those of promtool begin with its first sample.
    let before = Span(longest.0.div_ceil(alert.every.0) * alert.every.0);
    if longest.0 / tick.0 > SAMPLES_MAX {
        line!(
            text,
            "  # {} looks back further than the samples that promtool loads in a test.",
            comment(&alert.name)
        );
        return;
    }
    line!(text, "  - name: {}", quoted(&alert.name));
    line!(text, "    interval: {}", duration(tick));
    line!(text, "    input_series:");
    let Series { bad, all } = series(run.plan, alert);
    let (bad_values, all_values) = values(run, (index, alert), (tick, before));
    for (name, values) in [(&bad, bad_values), (&all, all_values)].iter().filter(|(name, _)| !name.is_empty())
    {
        line!(text, "      - series: {}\n        values: {}", quoted(name), quoted_values(values));
    }
    line!(text, "    alert_rule_test:");
    let periods = periods(run, index);
    for at in checked(run, alert, &periods) {
        line!(text, "      - eval_time: {}", duration(before + at.since(Time::ZERO)));
        line!(text, "        alertname: {}", quoted(&alert.name));
        if !periods.iter().any(|(from, until)| *from <= at && at < *until) {
            line!(text, "        exp_alerts: []");
            continue;
        }
        line!(
            text,
            "        exp_alerts:\n          - exp_labels:\n              severity: {}",
            quoted(alert.severity.word())
        );
        let said = annotations(run.plan, alert, run.runbooks);
        if !said.is_empty() {
            line!(text, "            exp_annotations:");
        }
        for (name, value) in said {
            line!(text, "              {name}: {}", quoted(&value));
        }
    }
}

/// Promtool loads at most 10,000 samples for an expression in a test.
const SAMPLES_MAX: u64 = 4_500;

/// Values are only digits and spaces, and long: they are not cut.
fn quoted_values(values: &str) -> String {
    format!("\"{values}\"")
}

/// Returns the objective of a rule that looks back to before the drill, and its longest window: the service is
/// taken to have run then.
fn looks_back(alert: &AlertPlan) -> Option<(usize, Span)> {
    if let Rule::Burn { slo, long, short, .. } = alert.rule {
        Some((slo, long.max(short)))
    } else if let Rule::BadShare { slo, line } = alert.rule {
        Some((slo, line.over))
    } else {
        None
    }
}

/// Returns the values of the two series of an alert, from the beginning of its history on.
fn values(
    run: &Run<'_>,
    (index, alert): (usize, &AlertPlan),
    (tick, before): (Span, Span),
) -> (String, String) {
    let rate = looks_back(alert).map_or(0.0, |(slo, _)| first_rate(run.plan, slo));
    let steps = before.0 / tick.0;
    let (mut bad, mut all) = (String::new(), String::new());
    // So many tasks a tick, and none of them bad; the first value of the drill itself is one more step.
    let step = rate * tick.seconds();
    if steps > 0 {
        write!(bad, "0x{} ", steps - 1).expect("a string takes all");
        write!(all, "0+{step}x{} ", steps - 1).expect("a string takes all");
    }
    let ahead = step * steps as f64;
    write!(bad, "0").expect("a string takes all");
    write!(all, "{ahead}").expect("a string takes all");
    for look in run.looks {
        let (bad_now, all_now) = measured(look, (index, alert));
        write!(bad, " {bad_now}").expect("a string takes all");
        write!(all, " {}", ahead + all_now).expect("a string takes all");
    }
    (bad, all)
}

/// Returns tasks a second of an objective when the drill begins, as the control plane assumes them before.
fn first_rate(plan: &Plan, slo: usize) -> f64 {
    let rate = plan.traffic.segments.first().map_or(0.0, |segment| segment.rate);
    let share =
        |tier: usize| plan.traffic.tiers[tier] - if tier == 0 { 0.0 } else { plan.traffic.tiers[tier - 1] };
    rate * (0..TIERS).filter(|tier| plan.slos[slo].tiers.has(*tier)).map(share).sum::<f64>()
}

/// Returns what is bad, or the gauge, and all.
fn measured(look: &Look, (index, alert): (usize, &AlertPlan)) -> (f64, f64) {
    let telemetry = &look.telemetry;
    let pair = |(bad, all): (u64, u64)| (bad as f64, all as f64);
    let gauge = |is: bool| (f64::from(u8::from(is)), 0.0);
    match alert.rule {
        Rule::Burn { slo, .. } | Rule::BadShare { slo, .. } | Rule::Absence { slo, .. } => {
            pair(telemetry.slos[slo])
        }
        Rule::Backlog(_) => (telemetry.in_flight as f64, 0.0),
        Rule::Spend { .. } => (telemetry.spent as f64 / 1e12, 0.0),
        Rule::CallErrors { mock, .. } => pair((telemetry.calls[mock].failed, telemetry.calls[mock].ended)),
        Rule::Denials { mock, .. } => pair((telemetry.calls[mock].denied, telemetry.calls[mock].ended)),
        Rule::Judged { evaluation, .. } => pair(telemetry.judged[evaluation]),
        Rule::Replies { mock, is_refusal, .. } => {
            let replies = &telemetry.replies[mock];
            pair((if is_refusal { replies.refused } else { replies.malformed }, replies.all))
        }
        Rule::Tokens { mock, .. } => pair((telemetry.replies[mock].tokens, telemetry.replies[mock].all)),
        Rule::Caught { mock, .. } => pair((telemetry.replies[mock].caught, telemetry.replies[mock].all)),
        Rule::Audit(mock) => gauge(telemetry.differs[mock]),
        Rule::Rollback(_)
        | Rule::Cusum { .. }
        | Rule::CusumTokens { .. }
        | Rule::PageHinkley { .. }
        | Rule::Compare(_) => {
            // These keep a state of their own, which an exporter shows as a gauge.
            gauge(look.conditions[index])
        }
    }
}

/// Returns from when until when an alert fired.
fn periods(run: &Run<'_>, index: usize) -> Vec<(Time, Time)> {
    let mut periods: Vec<(Time, Time)> = Vec::new();
    for entry in run.record.journal.entries() {
        if entry.event == Event::AlertFiring(index) {
            periods.push((entry.at, Time::NEVER));
        } else if entry.event == Event::AlertResolved(index)
            && let Some(last) = periods.last_mut()
        {
            last.1 = entry.at;
        }
    }
    periods
}

/// How many evaluations lie between two checks far from where an alert begins or ceases to fire.
const CHECK_EVERY: u64 = 10;

/// Returns the evaluations to check: the one before, and the one at which each alert begins or ceases to fire,
/// and some in between.
fn checked(run: &Run<'_>, alert: &AlertPlan, periods: &[(Time, Time)]) -> Vec<Time> {
    let last = run.looks.last().map_or(Time::ZERO, |look| look.at);
    let steps = last.0 / alert.every.0;
    let at = |step: u64| Time(step * alert.every.0);
    let turns: Vec<u64> =
        periods.iter().flat_map(|(from, until)| [from.0, until.0]).map(|time| time / alert.every.0).collect();
    let is_checked = |step: &u64| {
        step.is_multiple_of(CHECK_EVERY)
            || turns.iter().any(|turn| *turn == *step || turn.saturating_sub(1) == *step)
    };
    (1..=steps).filter(is_checked).map(at).collect()
}
