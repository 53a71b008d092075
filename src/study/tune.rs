//! A sweep: a few values of a scenario varied together, on the same seeds, and what none of them beats.

use rayon::ThreadPoolBuildError;

use crate::base::stats::{paired_mean, quantile_sorted};
use crate::grade::{RunVerdict, Verdict};
use crate::plan::Plan;
use crate::study::margin::Draft;
use crate::study::{Seeds, seeds as run_seeds, verdict};

/// One setting of the varied values, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The values, in the order in which they were named; of the reference, what the scenario says.
    pub values: Vec<String>,
    /// Whether it is the scenario as it stands.
    pub is_reference: bool,
    /// The verdict, and how many runs passed.
    pub verdict: Verdict,
    /// Runs that met every target.
    pub passed: u64,
    /// Tasks lost, on average over the runs.
    pub lost: f64,
    /// How many more than with the reference, with the 95 % interval of the paired difference.
    pub lost_more: Option<(f64, f64, f64)>,
    /// The 95th percentile of seconds to recovery; nothing if that is a run which never recovers.
    pub recover_s: Option<f64>,
    /// Dollars spent, on average over the runs.
    pub cost_usd: f64,
    /// Runs without evidence: the baseline did not hold, or a fault was not met.
    pub void_runs: u64,
    /// Whether no other setting is at least as good in all three and better in one.
    pub is_on_front: bool,
}

/// The most settings of one sweep.
pub const SETTINGS_MAX: usize = 256;

/// What a run of a setting came to.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    lost: f64,
    recover: f64,
    cost: f64,
}

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum NoTune {
    /// A setting is no scenario.
    #[error("{setting}: {why}")]
    Setting {
        /// The values.
        setting: String,
        /// What is wrong with them.
        why: String,
    },
    /// There are too many settings.
    #[error("{0} settings are more than {SETTINGS_MAX}: vary fewer values, or over fewer points")]
    TooMany(usize),
    /// Threads cannot be had.
    #[error(transparent)]
    Threads(#[from] ThreadPoolBuildError),
}

/// Runs every combination of the values of some places, and the scenario as it stands.
///
/// Each of `varied` is a place and its values; `done` is called after each run.
pub fn tune(
    draft: &Draft<'_>,
    varied: &[(String, Vec<String>)],
    seeds: Seeds,
    done: impl Fn() + Sync,
) -> Result<Vec<Setting>, NoTune> {
    let product = |count: usize, values: &Vec<String>| count.saturating_mul(values.len());
    let count = varied.iter().map(|(_, values)| values).fold(1, product);
    if count > SETTINGS_MAX {
        return Err(NoTune::TooMany(count));
    }
    let mut settings: Vec<Option<Vec<String>>> = vec![None];
    settings.extend((0..count).map(|number| Some(combination(varied, number))));
    let (mut measured, mut found) = (Vec::new(), Vec::new());
    for values in settings {
        let set: Vec<(&str, &str)> = match &values {
            None => Vec::new(),
            Some(values) => {
                varied.iter().zip(values).map(|((path, _), value)| (path.as_str(), value.as_str())).collect()
            }
        };
        let scenario = draft.with(&set).map_err(|why| {
            let setting: Vec<String> = set.iter().map(|(path, value)| format!("{path} = {value}")).collect();
            NoTune::Setting { setting: setting.join(", "), why }
        })?;
        let plan = Plan::of(&scenario);
        let keep = |trial: crate::study::Trial| {
            let lost: u64 = trial.card.harm.tiers.iter().map(|tier| tier.lost).sum();
            let times = trial.card.times;
            let recover = times.recover.zip(times.onset).map(|(at, onset)| at.since(onset).seconds());
            let cost = trial.run.spend.total() as f64 / 1e12;
            (trial.card, Outcome { lost: lost as f64, recover: recover.unwrap_or(f64::INFINITY), cost })
        };
        let runs = run_seeds(&plan, seeds, keep, &done)?;
        let (cards, outcomes): (Vec<_>, Vec<Outcome>) = runs.into_iter().unzip();
        let shown = values.clone().unwrap_or_else(|| {
            let stated = |(path, _): &(String, _)| crate::scenario::edit::get(&draft.text, path);
            varied.iter().map(|place| stated(place).unwrap_or_else(|| "not stated".into())).collect()
        });
        let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
        let mut recoveries: Vec<f64> = outcomes.iter().map(|outcome| outcome.recover).collect();
        recoveries.sort_by(f64::total_cmp);
        found.push(Setting {
            values: shown,
            is_reference: values.is_none(),
            verdict: verdict(&plan, &cards).verdict,
            passed: cards.iter().filter(|card| card.verdict == RunVerdict::Pass).count() as u64,
            lost: mean(|outcome| outcome.lost),
            lost_more: None,
            recover_s: quantile_sorted(&recoveries, 0.95).filter(|seconds| seconds.is_finite()),
            cost_usd: mean(|outcome| outcome.cost),
            void_runs: cards
                .iter()
                .filter(|card| matches!(card.verdict, RunVerdict::Invalid | RunVerdict::NotExposed))
                .count() as u64,
            is_on_front: false,
        });
        measured.push(outcomes);
    }
    for (setting, outcomes) in found.iter_mut().zip(&measured) {
        let pairs = outcomes.iter().zip(&measured[0]);
        let more: Vec<f64> = pairs.map(|(own, reference)| own.lost - reference.lost).collect();
        setting.lost_more = paired_mean(&more, 0.95);
    }
    mark_front(&mut found);
    Ok(found)
}

/// Returns the values of a combination by its number.
fn combination(varied: &[(String, Vec<String>)], number: usize) -> Vec<String> {
    let mut rest = number;
    let mut values: Vec<String> = varied
        .iter()
        .rev()
        .map(|(_, values)| {
            let value = values[rest % values.len()].clone();
            rest /= values.len();
            value
        })
        .collect();
    values.reverse();
    values
}

/// Marks the settings that no other one dominates.
fn mark_front(settings: &mut [Setting]) {
    let of = |setting: &Setting| [setting.lost, setting.recover_s.unwrap_or(f64::INFINITY), setting.cost_usd];
    let points: Vec<[f64; 3]> = settings.iter().map(of).collect();
    // Where the baseline did not hold, nothing was injected: that is no harm and no merit.
    let is_evidence = |setting: &Setting| setting.void_runs == 0;
    let evidence: Vec<bool> = settings.iter().map(is_evidence).collect();
    for (number, own) in points.iter().enumerate() {
        let dominates = |other: &[f64; 3]| {
            let pairs = || other.iter().zip(own);
            pairs().all(|(other, own)| other <= own) && pairs().any(|(other, own)| other < own)
        };
        let mut others = points.iter().zip(&evidence);
        let is_beaten = others.any(|(other, is_evidence)| *is_evidence && dominates(other));
        settings[number].is_on_front = evidence[number] && !is_beaten;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(lost: f64, recover_s: Option<f64>, cost_usd: f64) -> Setting {
        Setting {
            values: Vec::new(),
            is_reference: false,
            verdict: Verdict::Pass,
            passed: 0,
            lost,
            lost_more: None,
            recover_s,
            cost_usd,
            void_runs: 0,
            is_on_front: false,
        }
    }

    #[test]
    fn on_the_front_is_what_nothing_beats_in_everything() {
        let mut settings = [
            setting(10.0, Some(60.0), 5.0),
            setting(8.0, Some(90.0), 5.0),
            setting(10.0, Some(60.0), 6.0),
            setting(12.0, None, 4.0),
            setting(12.0, None, 4.0),
        ];
        mark_front(&mut settings);
        assert_eq!(settings.map(|setting| setting.is_on_front), [true, true, false, true, true]);
    }

    #[test]
    fn a_setting_under_which_the_baseline_breaks_is_no_merit() {
        let broken = Setting { void_runs: 3, ..setting(0.0, None, 1.0) };
        let mut settings = [setting(10.0, Some(60.0), 5.0), broken];
        mark_front(&mut settings);
        assert_eq!(settings.map(|setting| setting.is_on_front), [true, false]);
    }

    #[test]
    fn every_combination_comes_once() {
        let of = |values: &[&str]| ("x".to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        let varied = [of(&["1", "2"]), of(&["a", "b", "c"])];
        let all: Vec<String> = (0..6).map(|number| combination(&varied, number).concat()).collect();
        assert_eq!(all, ["1a", "1b", "1c", "2a", "2b", "2c"]);
    }
}
