//! Two results of one drill beside each other: what got better or worse, paired by seed.

use std::collections::BTreeMap;

use crate::base::stats::{mcnemar, paired_mean};
use crate::grade::Verdict;
use crate::study::ablate::PAIRS_MIN;

/// A target over the runs of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Whether it is in seconds, a share, or a count.
    pub unit: String,
    /// The highest value that meets it.
    pub limit: f64,
    /// By seed, the value; nothing for what never came.
    pub values: BTreeMap<u64, Option<f64>>,
}

/// The runs of one drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs {
    /// Which drill: its file, and what was switched off.
    pub name: String,
    /// What its files hold.
    pub digest: String,
    /// Its verdict, and how bad that is: 0 for PASS.
    pub verdict: (String, u8),
    /// By seed, whether the run met every target; nothing for a run without evidence.
    pub passed: BTreeMap<u64, Option<bool>>,
    /// Its targets.
    pub targets: Vec<Measured>,
}

/// How much worse is bad enough, and how sure one must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// How much of a target's limit a value may get worse, on average.
    pub share: f64,
    /// How sure one must be that anything got worse at all, over all targets of a drill together.
    pub confidence: f64,
}

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Worse beyond chance, and beyond what is tolerated.
    Regressed,
    /// Worse beyond chance, and tolerated.
    Worse,
    /// No difference beyond chance.
    Same,
    /// Better beyond chance.
    Better,
}

impl Turn {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Better => "better",
        }
    }
}

/// A target in both results.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The target; `runs that pass` for the runs as a whole.
    pub name: String,
    /// `s`, `share` or `count`.
    pub unit: String,
    /// What became of it.
    pub turn: Turn,
    /// How much higher it is now, on average over the runs that have it in both, and the ends of the 95 %
    /// interval; nothing for fewer than two of them.
    pub more: Option<(f64, f64, f64)>,
    /// Runs in which it came before and does not now, and the other way round.
    pub gone: (u64, u64),
    /// The exact p-value of these (McNemar).
    pub p_value: f64,
}

/// A drill in both results.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which drill.
    pub name: String,
    /// Seeds that both results have.
    pub pairs: u64,
    /// Whether the scenario's files differ.
    pub has_changed: bool,
    /// The verdicts, before and now.
    pub verdicts: (String, String),
    /// Whether the verdict got worse; that of fewer runs is not, if all of them passed and are merely too few.
    pub is_verdict_worse: bool,
    /// Targets that are not stated any more.
    pub dropped: Vec<String>,
    /// Every target, the worst turn first.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Returns whether something regressed.
    pub fn is_regression(&self) -> bool {
        self.is_verdict_worse
            || !self.dropped.is_empty()
            || self.differences.iter().any(|of| of.turn == Turn::Regressed)
    }
}

/// Compares the runs of a drill with earlier ones, by seed.
pub fn compare(before: &Runs, now: &Runs, tolerance: Tolerance) -> Comparison {
    let shared_seeds = || before.passed.keys().filter(|seed| now.passed.contains_key(seed)).copied();
    let seeds: Vec<u64> = shared_seeds().collect();
    // In a run without evidence nothing was injected: it is no harm and no merit.
    let has_evidence = |seed: &u64| before.passed[seed].is_some() && now.passed[seed].is_some();
    let evidence: Vec<u64> = shared_seeds().filter(has_evidence).collect();
    let shared: Vec<(&Measured, &Measured)> = before
        .targets
        .iter()
        .filter_map(|old| Some((old, now.targets.iter().find(|new| new.name == old.name)?)))
        .collect();
    // Every target is asked twice, about amounts and about runs, and so are the runs as a whole.
    let error = (1.0 - tolerance.confidence) / (2 * shared.len() + 1) as f64;
    let mut differences: Vec<Difference> =
        shared.iter().map(|pair| difference(*pair, &evidence, (tolerance.share, error))).collect();
    differences.push(runs(before, now, &seeds, error));
    differences.sort_by_key(|of| of.turn);
    let is_only_shorter = now.verdict.0 == Verdict::Inconclusive.word()
        && now.passed.len() < before.passed.len()
        && now.passed.values().all(|passed| *passed == Some(true));
    let is_worse = now.verdict.1 > before.verdict.1 && !is_only_shorter;
    Comparison {
        name: now.name.clone(),
        pairs: seeds.len() as u64,
        has_changed: before.digest != now.digest,
        verdicts: (before.verdict.0.clone(), now.verdict.0.clone()),
        is_verdict_worse: is_worse,
        dropped: before
            .targets
            .iter()
            .filter(|old| !now.targets.iter().any(|new| new.name == old.name))
            .map(|old| old.name.clone())
            .collect(),
        differences,
    }
}

/// Compares a margin with an earlier one, each as what is sure to hold and what is sure to break: it has
/// shrunk if what breaks now was sure to hold before. `is_downward` says that less is harsher.
pub fn margin(
    before: (Option<f64>, Option<f64>),
    now: (Option<f64>, Option<f64>),
    is_downward: bool,
) -> Turn {
    let sign = if is_downward { -1.0 } else { 1.0 };
    let overlaps = |breaks: Option<f64>, holds: Option<f64>| {
        breaks.zip(holds).is_some_and(|(breaks, holds)| breaks * sign <= holds * sign)
    };
    if overlaps(now.1, before.0) {
        Turn::Regressed
    } else if overlaps(before.1, now.0) {
        Turn::Better
    } else {
        Turn::Same
    }
}

/// Compares how many runs pass.
fn runs(before: &Runs, now: &Runs, seeds: &[u64], error: f64) -> Difference {
    let count = |was: bool| {
        let is_pass = |runs: &Runs, seed: &u64| runs.passed[seed] == Some(true);
        seeds.iter().filter(|seed| is_pass(before, seed) == was && is_pass(now, seed) != was).count() as u64
    };
    let (lost, won) = (count(true), count(false));
    let p_value = mcnemar(lost, won);
    let turn = match (p_value < error, lost > won) {
        (false, _) => Turn::Same,
        (true, true) => Turn::Regressed,
        (true, false) => Turn::Better,
    };
    let (name, unit) = ("runs that pass".to_owned(), "runs".to_owned());
    Difference { name, unit, turn, more: None, gone: (lost, won), p_value }
}

fn difference((old, new): (&Measured, &Measured), seeds: &[u64], (share, error): (f64, f64)) -> Difference {
    let value = |of: &Measured, seed: &u64| of.values.get(seed).copied().flatten();
    let pairs: Vec<(Option<f64>, Option<f64>)> =
        seeds.iter().map(|seed| (value(old, seed), value(new, seed))).collect();
    let more: Vec<f64> = pairs.iter().filter_map(|(old, new)| Some((*new)? - (*old)?)).collect();
    let count =
        |is: fn(&(Option<f64>, Option<f64>)) -> bool| pairs.iter().filter(|pair| is(pair)).count() as u64;
    let lost = count(|(old, new)| old.is_some() && new.is_none());
    let won = count(|(old, new)| old.is_none() && new.is_some());
    let p_value = mcnemar(lost, won);
    let wide = paired_mean(&more, 1.0 - error).filter(|_| more.len() >= PAIRS_MIN);
    let is_higher = wide.is_some_and(|(_, low, _)| low > 0.0);
    let is_lower = wide.is_some_and(|(_, _, high)| high < 0.0);
    let is_gone = p_value < error && lost > won;
    let is_much = wide.is_some_and(|(mean, ..)| mean > share * new.limit);
    let turn = if is_gone || (is_higher && is_much) {
        Turn::Regressed
    } else if is_higher {
        Turn::Worse
    } else if is_lower || (p_value < error && won > lost) {
        Turn::Better
    } else {
        Turn::Same
    };
    Difference {
        name: new.name.clone(),
        unit: new.unit.clone(),
        turn,
        more: paired_mean(&more, 0.95),
        gone: (lost, won),
        p_value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;

    /// A hundred runs whose recovery takes about five minutes, and so much longer.
    fn drill(longer: f64, never: u64, noise: u64) -> Runs {
        let value = |seed: u64| {
            let usual = 300.0 + 60.0 * Key::of_seed(seed).unit();
            let own = 6.0 * (Key::of_seed(noise).at(seed).unit() - 0.5);
            (seed, (seed >= never).then_some(usual + own + longer))
        };
        let values: BTreeMap<u64, Option<f64>> = (0..100).map(value).collect();
        let passed = values
            .iter()
            .map(|(seed, value)| (*seed, Some(value.is_some_and(|value| value < 600.0))))
            .collect();
        Runs {
            name: "a.toml".into(),
            digest: "same".into(),
            verdict: ("PASS".into(), 0),
            passed,
            targets: vec![Measured { name: "recover".into(), unit: "s".into(), limit: 600.0, values }],
        }
    }

    fn turn(longer: f64, never: u64) -> Turn {
        let tolerance = Tolerance { share: 0.05, confidence: 0.95 };
        let compared = compare(&drill(0.0, 0, 1), &drill(longer, never, 2), tolerance);
        compared.differences.iter().find(|of| of.name == "recover").unwrap().turn
    }

    /// Runs differ by a minute from each other, and by a few seconds from themselves: pairs tell that apart.
    #[test]
    fn a_small_slip_is_seen_and_tolerated_and_a_large_one_is_a_regression() {
        assert_eq!(turn(0.0, 0), Turn::Same);
        assert_eq!(turn(5.0, 0), Turn::Worse);
        assert_eq!(turn(40.0, 0), Turn::Regressed);
        assert_eq!(turn(-5.0, 0), Turn::Better);
    }

    #[test]
    fn a_moment_that_never_comes_any_more_is_a_regression_however_quick_the_others_are() {
        assert_eq!(turn(-5.0, 12), Turn::Regressed);
        let tolerance = Tolerance { share: 0.05, confidence: 0.95 };
        let compared = compare(&drill(0.0, 0, 1), &drill(0.0, 12, 1), tolerance);
        assert!(compared.is_regression());
        assert_eq!(compared.differences[0].gone, (12, 0));
        assert!(compared.differences.iter().all(|of| of.turn == Turn::Regressed), "{compared:?}");
    }

    #[test]
    fn a_margin_has_shrunk_if_what_breaks_now_was_sure_to_hold() {
        let before = (Some(0.92), Some(0.95));
        assert_eq!(margin(before, (Some(0.88), Some(0.91)), false), Turn::Regressed);
        assert_eq!(margin(before, (Some(0.90), Some(0.94)), false), Turn::Same);
        assert_eq!(margin(before, (Some(0.96), None), false), Turn::Better);
        assert_eq!(margin(before, (None, Some(0.5)), false), Turn::Regressed);
        // Less capacity is harsher.
        assert_eq!(margin((Some(0.3), Some(0.2)), (Some(0.5), Some(0.4)), true), Turn::Regressed);
    }

    #[test]
    fn a_target_that_is_not_stated_any_more_is_a_regression_and_fewer_seeds_are_not() {
        let tolerance = Tolerance { share: 0.05, confidence: 0.95 };
        let (before, mut now) = (drill(0.0, 0, 1), drill(0.0, 0, 2));
        now.targets.clear();
        assert!(compare(&before, &now, tolerance).is_regression());
        let mut shorter = drill(0.0, 0, 2);
        shorter.passed.retain(|seed, _| *seed < 20);
        shorter.verdict = ("INCONCLUSIVE".into(), 1);
        assert!(!compare(&before, &shorter, tolerance).is_regression());
        // Runs in which nothing was injected are no improvement.
        let mut void = drill(-200.0, 0, 2);
        void.passed.values_mut().for_each(|passed| *passed = None);
        void.verdict = ("INVALID".into(), 1);
        let compared = compare(&before, &void, tolerance);
        assert!(compared.is_regression() && compared.differences.iter().all(|of| of.turn != Turn::Better));
    }

    /// The same drill with other noise, over and over: a gate must not cry wolf.
    #[test]
    fn results_that_differ_by_chance_alone_are_no_regression() {
        let tolerance = Tolerance { share: 0.0, confidence: 0.95 };
        let cried = (0..400).filter(|round| {
            let (old, new) = (drill(0.0, 0, 2 * round), drill(0.0, 0, 2 * round + 1));
            compare(&old, &new, tolerance).is_regression()
        });
        let cried = cried.count();
        assert!(cried <= 15, "{cried} of 400 at 95 %, one-sided");
    }
}
