//! Comparisons of results, as JSON and for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::base::Span;
use crate::report::gather::digits;
use crate::report::result::SCHEMA_VERSION;
use crate::study::compare::{Comparison, Difference, Turn};

/// Two results beside each other.
#[derive(Debug, Clone, Serialize)]
pub struct ComparisonsResult {
    /// The version of this form.
    pub schema_version: u32,
    /// Whether something regressed.
    pub regression: bool,
    /// Each drill that both have.
    pub drills: Vec<ComparisonResult>,
    /// Drills that only the first has.
    pub gone: Vec<String>,
    /// Drills that only the second has.
    pub new: Vec<String>,
    /// Drills that both have, without a seed in common: of these nothing is known.
    pub unpaired: Vec<String>,
}

/// A drill in both results.
#[derive(Debug, Clone, Serialize)]
pub struct ComparisonResult {
    /// Which.
    pub drill: String,
    /// Whether something regressed.
    pub regression: bool,
    /// Seeds that both have.
    pub pairs: u64,
    /// Whether the scenario's files differ.
    pub scenario_changed: bool,
    /// The verdict before.
    pub verdict_before: String,
    /// The verdict now.
    pub verdict_now: String,
    /// Targets that are not stated any more.
    pub dropped: Vec<String>,
    /// Every target.
    pub targets: Vec<DifferenceResult>,
}

/// A target in both results.
#[derive(Debug, Clone, Serialize)]
pub struct DifferenceResult {
    /// The target, or `runs that pass`.
    pub name: String,
    /// `s`, `share`, `count` or `runs`.
    pub unit: String,
    /// `regressed`, `worse`, `same` or `better`.
    pub turn: &'static str,
    /// How much higher it is now, and the ends of the 95 % interval; null if too few runs have it.
    pub more: Option<[f64; 3]>,
    /// Runs that had it before and have it no more; of `runs that pass`, that pass no more.
    pub lost_runs: u64,
    /// The other way round.
    pub won_runs: u64,
    /// The exact p-value of these two.
    pub p_value: f64,
}

impl ComparisonsResult {
    /// Returns comparisons as they are printed.
    pub fn of(compared: &[Comparison], gone: Vec<String>, new: Vec<String>) -> Self {
        let (paired, unpaired): (Vec<_>, Vec<_>) = compared.iter().partition(|of| of.pairs > 0);
        Self {
            schema_version: SCHEMA_VERSION,
            unpaired: unpaired.into_iter().map(|of| of.name.clone()).collect(),
            regression: paired.iter().any(|of| of.is_regression()),
            drills: paired.into_iter().map(drill).collect(),
            gone,
            new,
        }
    }
}

fn drill(compared: &Comparison) -> ComparisonResult {
    let target = |of: &Difference| DifferenceResult {
        name: of.name.clone(),
        unit: of.unit.clone(),
        turn: of.turn.word(),
        more: of.more.map(|(mean, low, high)| [mean, low, high].map(digits)),
        lost_runs: of.gone.0,
        won_runs: of.gone.1,
        p_value: of.p_value,
    };
    ComparisonResult {
        drill: compared.name.clone(),
        regression: compared.is_regression(),
        pairs: compared.pairs,
        scenario_changed: compared.has_changed,
        verdict_before: compared.verdicts.0.clone(),
        verdict_now: compared.verdicts.1.clone(),
        dropped: compared.dropped.clone(),
        targets: compared.differences.iter().map(target).collect(),
    }
}

/// Returns the view for people.
pub fn human(result: &ComparisonsResult) -> String {
    let mut text = String::new();
    for drill in &result.drills {
        let word = if drill.regression { "REGRESSION" } else { "no regression" };
        let changed = if drill.scenario_changed { ", the scenario has changed" } else { "" };
        line!(text, "{word}  {}", drill.drill);
        line!(
            text,
            "      {} runs paired by seed{changed}; {} before, {} now",
            drill.pairs,
            drill.verdict_before,
            drill.verdict_now
        );
        for name in &drill.dropped {
            line!(text, "      regressed  {name:<18} is not stated any more");
        }
        for target in drill.targets.iter().filter(|target| target.turn != Turn::Same.word()) {
            line!(text, "      {:<10} {:<18} {}", target.turn, target.name, say(target));
        }
        let same = drill.targets.iter().filter(|target| target.turn == Turn::Same.word()).count();
        line!(text, "      same       {same} targets");
    }
    for (names, what) in
        [(&result.gone, "is gone"), (&result.new, "is new"), (&result.unpaired, "has no seed in common")]
    {
        for name in names {
            line!(text, "{name} {what}");
        }
    }
    text
}

fn say(target: &DifferenceResult) -> String {
    let mut parts = Vec::new();
    if let Some([mean, low, high]) = target.more {
        let amount = |value: f64| match target.unit.as_str() {
            "s" => {
                let sign = if value < 0.0 { "-" } else { "+" };
                format!("{sign}{}", Span::from_secs_f64(value.abs()))
            }
            "share" => format!("{:+.3} points", value * 100.0),
            _ => format!("{value:+.1}"),
        };
        parts.push(format!("{} ({} to {})", amount(mean), amount(low), amount(high)));
    }
    if target.lost_runs + target.won_runs > 0 {
        parts.push(format!("{} runs less, {} more", target.lost_runs, target.won_runs));
    }
    parts.join("; ")
}
