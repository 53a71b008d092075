//! Margins: how much harder a fault may hit, or how much later people may come, until a drill breaks.

use std::collections::BTreeMap;

use rayon::ThreadPoolBuildError;
use rayon::prelude::*;

use crate::base::Span;
use crate::engine::rehearse;
use crate::grade::{RunVerdict, Scorecard, grade};
use crate::plan::Plan;
use crate::scenario::{Library, Scenario, edit, load_text};
use crate::study::scale::Scale;
use crate::study::search::{Break, search};
use crate::study::{Seeds, for_each_seed};

/// A scenario as a text that can be changed.
pub struct Draft<'a> {
    /// The path of its file.
    pub path: &'a str,
    /// Its text.
    pub text: String,
    /// Where its mocks and runbooks are.
    pub library: &'a (dyn Library + Sync),
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Draft").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Draft<'_> {
    /// Returns the scenario with values set, or the first thing that is wrong with it then.
    pub fn with(&self, values: &[(&str, &str)]) -> Result<Scenario, String> {
        let mut text = self.text.clone();
        for (path, value) in values {
            text = edit::set(&text, path, value)?;
        }
        let loaded = load_text(self.path, &text, self.library);
        let problem = loaded.problems.into_iter().map(|problem| problem.message).next();
        loaded.scenario.ok_or_else(|| problem.unwrap_or_else(|| "it cannot be read".into()))
    }
}

/// How far a drill holds, in the words of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Margin {
    /// What was changed: a place in the scenario, or `late people`.
    pub path: String,
    /// What the scenario says there.
    pub reference: String,
    /// The mildest and the harshest level tried.
    pub range: (String, String),
    /// The level up to which the required share of runs is sure to hold; nothing if none is.
    pub holds_to: Option<String>,
    /// The level at which it breaks, as far as the seeds show; nothing if it never does.
    pub breaks_about: Option<String>,
    /// The level from which it is sure to break; nothing likewise.
    pub breaks_at: Option<String>,
    /// What the search found, in levels.
    pub found: Break,
    /// By target, how many seeds miss it where it breaks.
    pub missed: Vec<(String, u64)>,
}

/// Why there is no margin.
#[derive(Debug, thiserror::Error)]
pub enum NoMargin {
    /// A level is no scenario.
    #[error("`{path} = {value}`: {why}")]
    Level {
        /// The place.
        path: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Threads cannot be had.
    #[error(transparent)]
    Threads(#[from] ThreadPoolBuildError),
}

/// Finds how far a dose may rise, with other values set beside it.
pub fn of_dose(
    draft: &Draft<'_>,
    others: &[(&str, &str)],
    scale: &Scale,
    seeds: Seeds,
) -> Result<Margin, NoMargin> {
    let mut plans = Vec::new();
    let mut refused = None;
    let mut mildest = 0;
    for (level, value) in scale.levels.iter().enumerate() {
        let mut values = others.to_vec();
        values.push((&scale.path, value));
        match draft.with(&values) {
            Ok(scenario) => plans.push(Plan::of(&scenario)),
            // A level at an end may be no scenario, such as a fault that outlasts the drill: it is left out.
            Err(_) if !plans.is_empty() => break,
            Err(why) => {
                mildest = level + 1;
                refused.get_or_insert((value.clone(), why));
            }
        }
    }
    if plans.is_empty() {
        let (value, why) = refused.unwrap_or_default();
        return Err(NoMargin::Level { path: scale.path.clone(), value, why });
    }
    let levels = &scale.levels[mildest..mildest + plans.len()];
    Ok(said(&scale.path, &scale.reference, levels, breaks(&plans, seeds)?))
}

/// Finds how much later people may come to the first page of an incident.
pub fn of_late_people(draft: &Draft<'_>, seeds: Seeds) -> Result<Margin, NoMargin> {
    let base = draft.with(&[]).map(|scenario| Plan::of(&scenario)).map_err(|why| NoMargin::Level {
        path: "late people".into(),
        value: "0s".into(),
        why,
    })?;
    let longest = base.end.since(base.baseline).seconds();
    let step = (longest / 60.0).max(1.0).round();
    let spans: Vec<Span> = (0..=60).map(|level| Span::from_secs_f64(f64::from(level) * step)).collect();
    let levels: Vec<String> = spans.iter().map(ToString::to_string).collect();
    let plans: Vec<Plan> = spans.iter().map(|late| Plan { late_people: *late, ..base.clone() }).collect();
    Ok(said("late people", "0s", &levels, breaks(&plans, seeds)?))
}

fn said(
    path: &str,
    reference: &str,
    levels: &[String],
    (found, missed): (Break, Vec<(String, u64)>),
) -> Margin {
    let level = |of: Option<usize>| of.map(|level| levels[level].clone());
    let ends = (levels.first().cloned().unwrap_or_default(), levels.last().cloned().unwrap_or_default());
    Margin {
        path: path.to_owned(),
        reference: reference.to_owned(),
        range: ends,
        holds_to: level(found.holds_to),
        breaks_about: level(found.breaks_about),
        breaks_at: level(found.breaks_at),
        found,
        missed,
    }
}

/// Searches where the runs of a ladder of plans break, and says which targets they miss there.
fn breaks(plans: &[Plan], seeds: Seeds) -> Result<(Break, Vec<(String, u64)>), ThreadPoolBuildError> {
    let targets = (plans[0].targets.required.real(), plans[0].targets.confidence.real());
    let twin = plans[0].twin();
    // Without a fault a run does not depend on how hard the fault would hit.
    let twins = for_each_seed(seeds, |seed| rehearse(&twin, seed))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(seeds.threads).build()?;
    let run = |level: usize, seed: usize| {
        let number = seeds.first.wrapping_add(seed as u64);
        grade(&plans[level], &rehearse(&plans[level], number), &twins[seed])
    };
    let size = (seeds.count as usize, plans.len());
    let found = pool.install(|| search(size, targets, |seed, level| is_broken(&run(level, seed))));
    let mut missed: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(level) = found.breaks_at.or(found.breaks_about) {
        let seeds = (0..size.0).into_par_iter().with_max_len(1);
        let cards: Vec<Scorecard> = pool.install(|| seeds.map(|seed| run(level, seed)).collect());
        for target in cards.iter().flat_map(|card| &card.targets).filter(|target| !target.is_met) {
            *missed.entry(target.name.clone()).or_default() += 1;
        }
    }
    let mut missed: Vec<(String, u64)> = missed.into_iter().filter(|(name, _)| is_about_harm(name)).collect();
    missed.sort_by_key(|(_, runs)| std::cmp::Reverse(*runs));
    Ok((found, missed))
}

/// Whether harm was not contained. That nobody was told of a harmless fault is no break; a fault that was
/// not met did nothing, and a run that cannot be graded did not hold.
fn is_broken(card: &Scorecard) -> bool {
    match card.verdict {
        RunVerdict::Pass => false,
        RunVerdict::Invalid | RunVerdict::Aborted => true,
        // Without any fault met nothing happened. One that keeps calls from another still does its harm.
        RunVerdict::NotExposed if card.times.onset.is_none() => false,
        RunVerdict::NotExposed | RunVerdict::Fail => {
            card.targets.iter().any(|target| is_about_harm(&target.name) && !target.is_met)
        }
    }
}

fn is_about_harm(target: &str) -> bool {
    !matches!(target, "detect" | "acknowledge" | "diagnosed" | "process_missed")
}
