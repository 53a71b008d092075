//! Tests at the floors' edges: text in, text or numbers out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::panic, reason = "a test that cannot go on should stop")]

mod architecture;
mod boundaries;
mod command_line;
mod contained;
mod controls;
mod costs;
mod drift;
mod evidence;
mod guardrails;
mod http;
mod identity;
mod incidents;
mod inputs;
mod kinds;
mod live;
mod overload;
mod pages;
mod parsers;
mod process;
mod queueing;
mod reports;
mod reports_command_line;
mod reviewed;
mod rollouts;
mod second_wave;
mod shipped;
mod studies_command_line;
mod verdicts;

use std::collections::BTreeMap;

use stormdrill::plan::Plan;
use stormdrill::scenario::{Scenario, load_text};

/// Returns a scenario that has nothing wrong with it.
fn scenario(text: &str) -> Scenario {
    let loaded = load_text("scenarios/test.toml", text, &BTreeMap::new());
    let problems: Vec<_> = loaded.problems.iter().map(|problem| &problem.message).collect();
    loaded.scenario.unwrap_or_else(|| panic!("the test's own scenario has problems: {problems:?}"))
}

/// Returns the plan of a scenario: `system`, with what every scenario needs added to it.
fn plan(system: &str) -> Plan {
    Plan::of(&scenario(&whole(system)))
}

/// Adds the head and the targets that every scenario needs.
fn whole(system: &str) -> String {
    let head = "version = 1\ntitle = \"a test\"\n";
    format!("{head}{system}\n[targets]\ncost_above = \"1000%\"\n")
}

/// A tool under even load, with one that could stand in for it.
const TOOL_AND_SPARE: &str = r#"
duration = "60m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "20ms"
[mocks.spare]
kind = "tool"
service = "20ms"
[load]
arrivals.constant = "10/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "tool" }]
[slo.done]
success = "90%"
"#;

/// The mean of some values, and its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}
