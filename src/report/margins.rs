//! How far a drill holds, as JSON and for people.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::study::compare::{Turn, margin};
use crate::study::margin::Margin;
use crate::study::scale::number;

/// The margins of a drill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarginsResult {
    /// The version of this form.
    pub schema_version: u32,
    /// The scenario's file.
    pub scenario: String,
    /// Seeds of each.
    pub seeds: u64,
    /// The share of runs that must hold.
    pub required: f64,
    /// How surely.
    pub confidence: f64,
    /// Each margin.
    pub margins: Vec<MarginResult>,
}

/// How far a drill holds in one direction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarginResult {
    /// What was changed.
    pub path: String,
    /// Other values that were set beside it.
    pub with: Vec<(String, String)>,
    /// What the scenario says there.
    pub reference: String,
    /// The mildest level tried.
    pub from: String,
    /// The harshest.
    pub to: String,
    /// Up to here the required share of runs is sure to hold; null if nowhere.
    pub holds_to: Option<String>,
    /// Here it breaks, as far as the seeds show; null if it never does.
    pub breaks_about: Option<String>,
    /// From here on it is sure to break; null likewise.
    pub breaks_at: Option<String>,
    /// Runs made.
    pub runs: u64,
    /// Checks that what breaks stays broken: how many did not hold, and how many there were.
    pub contradictions: (u64, u64),
    /// By target, the seeds that miss it where it breaks.
    pub missed: Vec<(String, u64)>,
}

impl MarginResult {
    /// Returns a margin as it is printed, with the values that were set beside it.
    pub fn of(margin: &Margin, with: &[(&str, &str)]) -> Self {
        Self {
            path: margin.path.clone(),
            with: with.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect(),
            reference: margin.reference.clone(),
            from: margin.range.0.clone(),
            to: margin.range.1.clone(),
            holds_to: margin.holds_to.clone(),
            breaks_about: margin.breaks_about.clone(),
            breaks_at: margin.breaks_at.clone(),
            runs: margin.found.runs,
            contradictions: margin.found.contradictions,
            missed: margin.missed.clone(),
        }
    }

    /// Says how far it holds.
    fn said(&self) -> String {
        match (&self.holds_to, &self.breaks_at) {
            (Some(holds), None) if *holds == self.to => format!("holds up to {holds}, the harshest tried"),
            (Some(holds), Some(breaks)) => format!("holds up to {holds}; breaks at {breaks}"),
            (Some(holds), None) => format!("holds up to {holds}; where it breaks is not settled"),
            (None, Some(breaks)) if *breaks == self.from => format!("breaks at {breaks}, the mildest tried"),
            (None, Some(breaks)) => format!("breaks at {breaks}; how far it holds is not settled"),
            (None, None) => "not settled: more seeds would tell".into(),
        }
    }
}

/// A margin in both results.
#[derive(Debug, Clone, Serialize)]
pub struct MarginChange {
    /// What was changed.
    pub path: String,
    /// `regressed`, `same` or `better`.
    pub turn: &'static str,
    /// How far it held.
    pub before: String,
    /// How far it holds.
    pub now: String,
}

/// Compares margins with earlier ones; returns each, and whether one has shrunk.
///
/// Fails if they are of different scenarios, or have none in common.
pub fn compared(before: &MarginsResult, now: &MarginsResult) -> Result<(Vec<MarginChange>, bool), String> {
    if before.scenario != now.scenario {
        return Err(format!("{} is not {}", now.scenario, before.scenario));
    }
    let terms = |of: &MarginsResult| [of.required.to_bits(), of.confidence.to_bits()];
    if terms(before) != terms(now) {
        return Err("they were found under other terms: `required` or `confidence` differ".into());
    }
    let is_gone =
        |old: &&MarginResult| !now.margins.iter().any(|new| old.path == new.path && old.with == new.with);
    if let Some(gone) = before.margins.iter().find(is_gone) {
        return Err(format!("the margin of {} is not in both", gone.path));
    }
    let mut changes = Vec::new();
    for new in &now.margins {
        let is_it = |old: &&MarginResult| old.path == new.path && old.with == new.with;
        let Some(old) = before.margins.iter().find(is_it) else { continue };
        let value = |text: &Option<String>| text.as_deref().and_then(number);
        let is_downward = number(&new.from) > number(&new.to);
        let of = |margin: &MarginResult| (value(&margin.holds_to), value(&margin.breaks_at));
        let turn = margin(of(old), of(new), is_downward).word();
        changes.push(MarginChange { path: new.path.clone(), turn, before: old.said(), now: new.said() });
    }
    let has_shrunk = changes.iter().any(|change| change.turn == Turn::Regressed.word());
    if changes.is_empty() {
        Err("the two have no margin in common".into())
    } else {
        Ok((changes, has_shrunk))
    }
}

/// Returns the view of compared margins for people.
pub fn told(changes: &[MarginChange]) -> String {
    let mut text = String::new();
    for change in changes {
        line!(text, "{:<10} {}: {} before; {} now", change.turn, change.path, change.before, change.now);
    }
    text
}

/// Returns the view for people.
pub fn human(result: &MarginsResult) -> String {
    let mut text = String::new();
    line!(text, "{}", result.scenario);
    line!(
        text,
        "  {:.0}% of runs must contain the harm; {:.0}% sure, over {} seeds\n",
        result.required * 100.0,
        result.confidence * 100.0,
        result.seeds
    );
    for margin in &result.margins {
        let with: Vec<String> = margin.with.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let with = if with.is_empty() { String::new() } else { format!("with {}: ", with.join(", ")) };
        line!(text, "  {with}{} {} (now {})", margin.path, margin.said(), margin.reference);
        if !margin.missed.is_empty() {
            let missed: Vec<String> =
                margin.missed.iter().take(3).map(|(name, runs)| format!("{name} in {runs}")).collect();
            line!(text, "      breaks by {} of {} runs", missed.join(", "), result.seeds);
        }
        if margin.contradictions.0 > 0 {
            line!(
                text,
                "      in {} of {} checks a run that broke at one level held at a harsher one: more is not always worse here",
                margin.contradictions.0,
                margin.contradictions.1
            );
        }
    }
    let runs: u64 = result.margins.iter().map(|margin| margin.runs).sum();
    line!(text, "\n  {runs} runs");
    text
}
