//! Whether a drill can tell good controls from bad ones.
//!
//! A drill that passes with its controls proves something only if it fails without them, if it
//! fails a control that blocks everything, and if it is silent when nothing goes wrong.

use rayon::ThreadPoolBuildError;

use crate::grade::{RunVerdict, Scorecard, Verdict};
use crate::plan::Plan;
use crate::record::Event;
use crate::scenario::Scenario;
use crate::scenario::file::targets::Wanted;
use crate::scenario::without::without;
use crate::study::{Seeds, seeds, verdict};

/// One variant of a drill and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What was changed.
    pub name: String,
    /// Whether it came out as it must.
    pub is_held: bool,
    /// What came out.
    pub found: String,
    /// What to change if it was not what it must be.
    pub hint: &'static str,
}

/// Runs the four variants of a scenario.
///
/// Fails only if threads cannot be had.
pub fn selftest(scenario: &Scenario, range: Seeds) -> Result<Vec<Variant>, ThreadPoolBuildError> {
    let plan = Plan::of(scenario);
    let reduced = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Plan::of(&without(scenario, &names).expect("checked: what is switched off is there"))
    };
    let variant = |name: &str, plan: &Plan, wanted: Verdict, hint| {
        let cards = seeds(plan, range, |trial| trial.card, || ())?;
        let judged = verdict(plan, &cards);
        let found = judged.because.get(1).map_or_else(String::new, |reason| format!(": {reason}"));
        let is_held = judged.verdict == wanted;
        Ok(Variant {
            name: name.to_owned(),
            is_held,
            found: format!("{}{found}", judged.verdict.word()),
            hint,
        })
    };
    let mut variants = vec![
        variant(
            "reference controls",
            &plan,
            Verdict::Pass,
            "mend the controls, loosen a target, or run more seeds",
        )?,
        variant(
            "do nothing",
            &reduced(&["guards", "runbooks"]),
            Verdict::Fail,
            "the fault does too little: raise its dose, or tighten the targets",
        )?,
        variant(
            "saboteur",
            &plan.sabotaged(),
            Verdict::Fail,
            "grade what refused work costs: add `lost` and `recover` to the targets",
        )?,
        calm(&reduced(&["faults"]), range)?,
    ];
    for (name, declared) in scenario.file.variant.iter() {
        let names: Vec<&str> = declared.without.iter().map(|at| at.value.0.as_str()).collect();
        let wanted = match declared.verdict.value {
            Wanted::Pass => Verdict::Pass,
            Wanted::Fail => Verdict::Fail,
        };
        let hint = "what this variant switches off matters less, or more, than the scenario says";
        variants.push(variant(name, &reduced(&names), wanted, hint)?);
    }
    Ok(variants)
}

/// Without a fault, no alert may fire and no harm be done.
fn calm(plan: &Plan, range: Seeds) -> Result<Variant, ThreadPoolBuildError> {
    let look = |trial: crate::study::Trial| {
        let fired = |event| matches!(event, Event::AlertFiring(_));
        let alerts = trial.run.journal.count(fired);
        (trial.card.seed, alerts, lost(&trial.card), trial.card.verdict == RunVerdict::Invalid)
    };
    let runs = seeds(plan, range, look, || ())?;
    let loud = runs.iter().filter(|run| run.1 > 0 || run.2 > 0 || run.3).count();
    let example = runs.iter().find(|run| run.1 > 0 || run.2 > 0 || run.3);
    let found = match example {
        None => "no alert, no harm".to_owned(),
        Some((seed, alerts, lost, is_invalid)) => {
            let baseline = if *is_invalid { ", the baseline did not hold" } else { "" };
            format!("{loud} runs were not calm; seed {seed}: {alerts} alerts, {lost} tasks lost{baseline}")
        }
    };
    let hint = "steady state is not steady: give the system more room, or the alerts more patience";
    Ok(Variant { name: "no fault".to_owned(), is_held: loud == 0, found, hint })
}

fn lost(card: &Scorecard) -> u64 {
    card.harm.tiers.iter().map(|tier| tier.lost).sum()
}
