//! A failing seed's scenario made smaller as long as it still fails: fewer faults, shorter, less load.

use crate::base::Span;
use crate::grade::{RunVerdict, Scorecard};
use crate::plan::Plan;
use crate::scenario::decode::Scalar;
use crate::scenario::{edit, load_text};
use crate::study::margin::Draft;
use crate::study::trial;

/// A scenario that is as small as it gets and still fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Its text.
    pub text: String,
    /// What was made smaller, in order.
    pub steps: Vec<String>,
    /// The target that both miss.
    pub missed: String,
    /// Runs made.
    pub runs: u64,
}

/// How many runs are spent at most.
const RUNS_MAX: u64 = 400;

/// Shrinks a scenario for a seed; nothing if the seed does not fail.
///
/// What still fails misses the target that was missed first: another failure would be another story.
pub fn shrink(draft: &Draft<'_>, seed: u64) -> Option<Shrunk> {
    let load = |text: &str| load_text(draft.path, text, draft.library);
    let usual = load(&draft.text).problems.len();
    let missed = |text: &str| {
        let loaded = load(text);
        // What brings a new warning, such as too few tasks to prove anything, is another scenario.
        let scenario = loaded.scenario.filter(|_| loaded.problems.len() <= usual)?;
        first_missed(&trial(&Plan::of(&scenario), seed).card)
    };
    let target = missed(&draft.text)?;
    let mut shrunk = Shrunk { text: draft.text.clone(), steps: Vec::new(), missed: target.clone(), runs: 1 };
    let mut done: Vec<Step> = Vec::new();
    loop {
        let before = shrunk.text.clone();
        let mut changed = Vec::new();
        for step in smaller(&before) {
            // Of a place that has just been changed, the next round knows what is smaller.
            if shrunk.runs >= RUNS_MAX || changed.contains(&step.path) {
                continue;
            }
            let text = again(&shrunk.text, &step).filter(|text| *text != shrunk.text);
            let Some(text) = text else { continue };
            shrunk.runs += 1;
            if missed(&text).is_some_and(|missed| missed == target) {
                shrunk.text = text;
                changed.push(step.path.clone());
                // What was taken away by its number may have had another behind it.
                done.retain(|other| other.path != step.path || step.value.is_none());
                done.push(step);
            }
        }
        if changed.is_empty() {
            shrunk.steps = done.iter().map(Step::said).collect();
            return Some(shrunk);
        }
    }
}

fn first_missed(card: &Scorecard) -> Option<String> {
    let is_fail = card.verdict == RunVerdict::Fail;
    let target = card.targets.iter().find(|target| !target.is_met).filter(|_| is_fail)?;
    Some(target.name.clone())
}

/// One way of making a scenario smaller.
#[derive(Debug, Clone)]
struct Step {
    path: String,
    /// The new value; nothing for taking it away.
    value: Option<String>,
}

impl Step {
    fn said(&self) -> String {
        match &self.value {
            None => format!("without {}", self.path),
            Some(value) => format!("{} = {value}", self.path),
        }
    }
}

/// Does a step on a text; nothing if there is nothing to do it to.
fn again(text: &str, step: &Step) -> Option<String> {
    match &step.value {
        None => edit::remove(text, &step.path),
        Some(value) => edit::set(text, &step.path, value).ok(),
    }
}

/// Returns every way of making a scenario smaller by one step, the largest first.
fn smaller(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let removal = |path: String| Step { value: None, path };
    if edit::names(text, "fault").len() > 1 {
        steps.extend(edit::names(text, "fault").iter().map(|id| removal(format!("fault.{id}"))));
    }
    // The last phase first: numbers of those before it stay.
    steps.extend(
        edit::names(text, "load.phase").iter().rev().map(|number| removal(format!("load.phase.{number}"))),
    );
    steps.extend(edit::names(text, "variant").iter().map(|name| removal(format!("variant.{name}"))));
    let mut shorter = |path: String, shares: &[f64]| {
        let Some(span) = edit::get(text, &path).and_then(|text| Span::parse(&text).ok()) else { return };
        for share in shares {
            let minutes = (span.seconds() * share / 60.0).ceil().max(1.0);
            if minutes * 60.0 >= span.seconds() {
                continue;
            }
            let value = Span::from_secs_f64(minutes * 60.0).to_string();
            steps.push(Step { value: Some(value), path: path.clone() });
        }
    };
    shorter("duration".into(), &[0.5, 0.75, 0.9]);
    for id in edit::names(text, "fault") {
        shorter(format!("fault.{id}.duration"), &[0.5, 0.75]);
    }
    for kind in edit::names(text, "load.arrivals") {
        let path = format!("load.arrivals.{kind}");
        let rate = edit::get(text, &path).and_then(|text| {
            let (number, unit) = text.split_once('/')?;
            Some((number.parse::<f64>().ok()?, unit.to_owned()))
        });
        if let Some((number, unit)) = rate {
            for share in [0.5, 0.75] {
                let value = format!("{}/{unit}", (number * share * 100.0).round() / 100.0);
                steps.push(Step { value: Some(value), path: path.clone() });
            }
        }
    }
    steps
}
