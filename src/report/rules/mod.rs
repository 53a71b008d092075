//! The alerts of a scenario as a rules file for Prometheus, and unit tests for it from a run.
//!
//! What a rule reads are the counters and gauges that a live drill serves and that `docs/rules.md` lists; a
//! service that names its own otherwise changes the names and keeps the rest.

mod expression;
mod tests;

use std::fmt::Write;

use crate::base::Span;
use crate::engine::rehearse_watched;
use crate::plan::{AlertPlan, Plan};
use crate::record::Baseline;
use crate::report::safe;
use crate::scenario::Scenario;

use expression::expression;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesFile {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// Returns the rules file of a scenario, and for each interval of evaluation a file of unit tests.
///
/// `stem` names the files; `runbooks` is put before the names of runbooks to make their addresses.
/// If nothing was injected in the run, there is the rules file alone, and why.
pub fn files(
    scenario: &Scenario,
    (stem, runbooks): (&str, &str),
    seed: u64,
) -> (Vec<RulesFile>, Option<String>) {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let stem = &stem.chars().map(plain).collect::<String>();
    let plan = Plan::of(scenario);
    let rules =
        RulesFile { name: format!("{stem}.rules.yml"), text: rules(scenario, &plan, (stem, runbooks)) };
    let (record, looks) = rehearse_watched(&plan, seed);
    if record.baseline != Baseline::Held {
        let why = format!(
            "in the run of seed {seed} the baseline did not hold, so that no alert shows what it can do"
        );
        return (vec![rules], Some(why));
    }
    let every = intervals(&plan);
    let tests = |every: &Span| {
        let name = if intervals(&plan).len() == 1 {
            format!("{stem}.tests.yml")
        } else {
            format!("{stem}.{}.tests.yml", duration(*every))
        };
        let run = tests::Run { plan: &plan, record: &record, looks: &looks, runbooks };
        RulesFile { name, text: tests::text(&run, *every, (&rules.name, seed)) }
    };
    let tests: Vec<RulesFile> = every.iter().map(tests).collect();
    (std::iter::once(rules).chain(tests).collect(), None)
}

/// Returns how often alerts are evaluated, each length once.
fn intervals(plan: &Plan) -> Vec<Span> {
    let mut intervals: Vec<Span> = plan.alerts.iter().map(|alert| alert.every).collect();
    intervals.sort_unstable();
    intervals.dedup();
    intervals
}

fn rules(scenario: &Scenario, plan: &Plan, (stem, runbooks): (&str, &str)) -> String {
    let mut text = String::new();
    line!(text, "# The alerts of {}, from `stormdrill export rules`.", comment(&scenario.path));
    line!(
        text,
        "# Windows are a millisecond longer, so that Prometheus 2 and 3 read the same samples in them."
    );
    line!(text, "# The metrics that they read are those of docs/rules.md; change the names to your own.");
    line!(text, "groups:");
    for every in intervals(plan) {
        line!(text, "  - name: {}", quoted(&format!("{stem}-every-{}", duration(every))));
        line!(text, "    interval: {}", duration(every));
        line!(text, "    rules:");
        for alert in plan.alerts.iter().filter(|alert| alert.every == every) {
            rule(&mut text, plan, alert, runbooks);
        }
    }
    text
}

fn rule(text: &mut String, plan: &Plan, alert: &AlertPlan, runbooks: &str) {
    line!(text, "      - alert: {}", quoted(&alert.name));
    line!(text, "        expr: {}", quoted(&expression(plan, alert)));
    if alert.hold > Span::ZERO {
        line!(text, "        for: {}", duration(alert.hold));
    }
    if alert.keep > Span::ZERO {
        line!(text, "        keep_firing_for: {}", duration(alert.keep));
    }
    line!(text, "        labels:");
    line!(text, "          severity: {}", quoted(alert.severity.word()));
    line!(text, "        annotations:");
    for (name, value) in annotations(plan, alert, runbooks) {
        line!(text, "          {name}: {}", quoted(&value));
    }
}

/// Returns what an alert says beside its name.
fn annotations(plan: &Plan, alert: &AlertPlan, runbooks: &str) -> Vec<(&'static str, String)> {
    let inhibited: Vec<&str> =
        alert.inhibited_by.iter().map(|other| plan.alerts[*other].name.as_str()).collect();
    let runbook = alert.runbook.map(|index| plan.runbooks[index].name.as_str());
    let mut said: Vec<(&'static str, String)> = Vec::new();
    said.extend(runbook.map(|name| ("runbook_url", format!("{runbooks}{name}"))));
    if !inhibited.is_empty() {
        // Inhibition is Alertmanager's: the rule cannot say it.
        said.push(("inhibited_by", inhibited.join(", ")));
    }
    said
}

/// Returns a length of time as Prometheus has it.
fn duration(span: Span) -> String {
    const SECOND: u64 = 1_000_000_000;
    if span.0.is_multiple_of(SECOND) && span.0 > 0 {
        return span.to_string();
    }
    format!("{}ms", span.0.div_ceil(1_000_000))
}

/// Returns a text as a quoted scalar of YAML: in single quotes if it has double ones, else as a JSON string,
/// which is a double-quoted scalar.
fn quoted(text: &str) -> String {
    if text.contains('"') && !text.contains(['\'', '\\']) {
        return format!("'{}'", safe::text(text));
    }
    serde_json::to_string(&safe::text(text)).expect("a text is JSON")
}

/// Returns a text that a comment of one line can hold.
fn comment(text: &str) -> String {
    safe::text(text)
}
