//! What each control is worth, as JSON and for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::base::Span;
use crate::grade::Verdict;
use crate::report::gather::digits;
use crate::report::result::ScenarioId;
use crate::scenario::Scenario;
use crate::study::ablate::{Ablation, Ablations, Change, Turn, Worth};

/// A drill with each control taken away.
#[derive(Debug, Clone, Serialize)]
pub struct AblationsResult {
    /// Which scenario.
    pub scenario: ScenarioId,
    /// The verdict with all controls.
    pub verdict: &'static str,
    /// Runs of each.
    pub runs: u64,
    /// Each control.
    pub controls: Vec<AblationResult>,
    /// Pairs of controls that are needed together and not alone; empty if they were not asked for.
    pub pairs: Vec<AblationResult>,
}

/// A control taken away, or two.
#[derive(Debug, Clone, Serialize)]
pub struct AblationResult {
    /// What was taken away.
    pub without: Vec<String>,
    /// `needed`, `helps`, `neutral`, `idle` or `harmful`.
    pub worth: &'static str,
    /// The verdict without it.
    pub verdict: &'static str,
    /// Runs that pass only with it.
    pub passes_only_with: u64,
    /// Runs that pass only without it.
    pub passes_only_without: u64,
    /// The exact p-value of McNemar's test of these two.
    pub p_value: f64,
    /// Amounts that differ.
    pub changes: Vec<ChangeResult>,
    /// Runs in which it acted after onset.
    pub acted_runs: u64,
    /// How long after onset it first did, in the middle run, in seconds; null if it never did.
    pub acted_after_s: Option<f64>,
    /// Runs in whose twin it acted, although nothing was wrong.
    pub acted_wrongly_runs: u64,
}

/// An amount without the control, less the same with it.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeResult {
    /// What is measured.
    pub name: String,
    /// The mean difference, and the ends of its 95 % interval; null for fewer than two pairs.
    pub more: Option<[f64; 3]>,
    /// `worse` or `better` beyond chance, all controls and amounts considered, or `same`.
    pub turn: &'static str,
    /// Runs in which a moment never comes without the control and comes with it, less those the other way.
    pub never_more: i64,
}

impl AblationsResult {
    /// Returns what came of a drill's ablation.
    pub fn of(scenario: &Scenario, ablations: &Ablations) -> Self {
        Self {
            scenario: ScenarioId::of(scenario),
            verdict: ablations.verdict.word(),
            runs: ablations.runs,
            controls: ablations.single.iter().map(one).collect(),
            pairs: ablations.pairs.iter().map(one).collect(),
        }
    }
}

fn one(ablation: &Ablation) -> AblationResult {
    let change = |change: &Change| ChangeResult {
        name: change.name.clone(),
        more: change.more.map(|(mean, low, high)| [mean, low, high].map(digits)),
        turn: match change.turn {
            Turn::Worse => "worse",
            Turn::Better => "better",
            Turn::Same => "same",
        },
        never_more: change.never_more,
    };
    AblationResult {
        without: ablation.names.clone(),
        worth: ablation.worth.word(),
        verdict: ablation.verdict.word(),
        passes_only_with: ablation.flips.0,
        passes_only_without: ablation.flips.1,
        p_value: ablation.p_value,
        changes: ablation.changes.iter().map(change).collect(),
        acted_runs: ablation.acted.0,
        acted_after_s: ablation.acted.1.map(|after| digits(after.seconds())),
        acted_wrongly_runs: ablation.acted_wrongly,
    }
}

/// Returns the view for people.
pub fn human(scenario: &Scenario, ablations: &Ablations) -> String {
    let mut text = String::new();
    line!(text, "{}  {}", ablations.verdict.word(), scenario.file.title.value.0);
    line!(text, "      {} · {} runs with all controls, and without each", scenario.path, ablations.runs);
    line!(
        text,
        "\n  {:<9}{:<42}{:>14}{:>12}{:>9}  without it",
        "worth",
        "control",
        "passes lost",
        "acts after",
        "wrongly"
    );
    for ablation in &ablations.single {
        row(ablation, ablations.runs, &mut text);
    }
    if !ablations.pairs.is_empty() {
        line!(text, "\n  needed together, though neither is alone");
        for pair in &ablations.pairs {
            row(pair, ablations.runs, &mut text);
        }
    }
    let mut acted: Vec<&Ablation> = ablations.single.iter().filter(|one| one.acted.1.is_some()).collect();
    acted.sort_by_key(|one| one.acted.1);
    let order: Vec<String> = acted
        .iter()
        .filter(|one| one.worth <= Worth::Helps)
        .take(5)
        .map(|one| one.names.join(" + "))
        .collect();
    if !order.is_empty() {
        line!(text, "\n  first to act of those that matter: {}", order.join(", "));
    }
    text
}

fn row(ablation: &Ablation, runs: u64, text: &mut String) {
    let lost = match ablation.flips {
        (0, 0) => "0".to_owned(),
        (lost, 0) => format!("{lost}/{runs}"),
        (lost, won) => format!("{lost}/{runs} (+{won})"),
    };
    let after = ablation.acted.1.map_or("-".to_owned(), |after| after.to_string());
    let wrongly =
        if ablation.acted_wrongly == 0 { "-".into() } else { format!("{}/{runs}", ablation.acted_wrongly) };
    let mut said = Vec::new();
    if !matches!(ablation.verdict, Verdict::Pass | Verdict::Fail) {
        said.push(ablation.verdict.word().to_owned());
    }
    for change in ablation.changes.iter().filter(|change| change.never_more > 0) {
        let name = change.name.trim_end_matches("_s");
        said.push(format!("no {name} in {} runs more", change.never_more));
    }
    // The plainest first: how many widths of its interval it is away from nothing.
    let plain = |change: &&Change| {
        let (mean, low, high) = change.more.unwrap_or_default();
        (change.turn == Turn::Better, (-mean.abs() / (high - low).max(1e-9) * 1e6) as i64)
    };
    let mut changes: Vec<&Change> =
        ablation.changes.iter().filter(|change| change.turn != Turn::Same).collect();
    changes.sort_by_key(plain);
    said.extend(changes.iter().take(2).filter_map(|change| say(change)));
    said.extend(
        changes.iter().skip(2).find(|change| change.turn == Turn::Better).and_then(|change| say(change)),
    );
    line!(
        text,
        "  {:<9}{:<42}{:>14}{:>12}{:>9}  {}",
        ablation.worth.word(),
        ablation.names.join(" + "),
        lost,
        after,
        wrongly,
        said.join(", ")
    );
}

/// Says a change with its interval.
fn say(change: &Change) -> Option<String> {
    let sign = |value: f64| if value < 0.0 { "-" } else { "+" };
    let (more, low, high) = change.more?;
    if let Some(name) = change.name.strip_suffix("_s") {
        let span = |value: f64| format!("{}{}", sign(value), Span::from_secs_f64(value.abs().round()));
        return Some(format!("{name} {} ({}..{})", span(more), span(low), span(high)));
    }
    if let Some(name) = change.name.strip_suffix("_usd") {
        let money = |value: f64| format!("{}${:.2}", sign(value), value.abs());
        return Some(format!("{name} {} ({}..{})", money(more), money(low), money(high)));
    }
    Some(format!("{} {more:+.1} ({low:+.1}..{high:+.1})", change.name))
}
