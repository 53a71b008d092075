//! Both clocks beside each other: what one scenario measures in virtual time and live.

use std::fmt::Write as _;

use serde::Serialize;

use crate::base::Span;
use crate::study::parity::ParityRow;

/// One scenario in both clocks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParityResult {
    /// The scenario's file.
    pub scenario: String,
    /// How many seeds were run in virtual time.
    pub seeds: u64,
    /// How many times as fast as the wall's the live clock ran.
    pub pace: u32,
    /// The seeds that were run live.
    pub live_seeds: Vec<u64>,
    /// Whether every live value lies in its interval.
    pub agrees: bool,
    /// Why live runs prove nothing, those that do not.
    pub objections: Vec<String>,
    /// What was measured, one row for each metric and live run.
    pub rows: Vec<ParityRow>,
    /// How late the live drills sent their requests, at worst of them: the 99th percentile in milliseconds.
    pub lag_p99_ms: f64,
}

fn value(unit: &str, value: Option<f64>) -> String {
    let Some(value) = value else { return "never".into() };
    match unit {
        "s" => Span::from_secs_f64(value).to_string(),
        "share" => format!("{:.2}%", value * 100.0),
        _ => format!("${value:.2}"),
    }
}

/// Returns the view for people.
pub fn human(of: &ParityResult) -> String {
    let mut text = String::new();
    let word = if of.agrees { "AGREES" } else { "DIFFERS" };
    line!(
        text,
        "{word}  {} · {} seeds in virtual time, {} live at {} times the clock",
        of.scenario,
        of.seeds,
        of.live_seeds.len(),
        of.pace
    );
    line!(
        text,
        "\n  {:<22}{:>6}{:>14}{:>14}{:>26}",
        "metric",
        "seed",
        "virtual",
        "live",
        "95 of 100 virtual runs"
    );
    for row in &of.rows {
        let interval = format!("{} .. {}", value(row.unit, row.from), value(row.unit, row.to));
        let (same, live) = (value(row.unit, row.same_seed), value(row.unit, row.live));
        let mark = if row.inside { "" } else { "  outside" };
        line!(text, "  {:<22}{:>6}{same:>14}{live:>14}{interval:>26}{mark}", row.metric, row.seed);
    }
    for why in &of.objections {
        line!(text, "  {why}");
    }
    line!(text, "\n  requests left {:.2} ms late in 99 of 100 cases", of.lag_p99_ms);
    line!(text, "  live harm is measured against the run's own baseline, in virtual time against a twin");
    text
}
