//! Many runs, one verdict: the share of passing runs against what is required, with exact bounds.

use crate::base::stats::{all_hits_needed, anytime_lower, anytime_upper, exact_lower, exact_upper};
use crate::grade::{RunVerdict, Scorecard, Verdict};
use crate::plan::TargetPlan;

/// What the runs say together.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub because: Vec<String>,
    /// Runs made.
    pub runs: u64,
    /// Runs that met every target.
    pub passed: u64,
    /// The lower bound of the share that would pass; runs without evidence count as failed.
    pub lower: f64,
    /// The upper bound; runs without evidence count as passed.
    pub upper: f64,
    /// The share that must pass.
    pub required: f64,
    /// If more runs would settle it: about how many in all.
    pub runs_needed: Option<u64>,
}

impl Judgement {
    /// Returns what one run that cannot be repeated says: its own verdict.
    pub fn of_one(card: &Scorecard, targets: &TargetPlan) -> Self {
        let is_evidence = matches!(card.verdict, RunVerdict::Pass | RunVerdict::Fail);
        let passed = u64::from(card.verdict == RunVerdict::Pass);
        let confidence = targets.confidence.real();
        Self {
            verdict: match card.verdict {
                RunVerdict::Pass => Verdict::Pass,
                RunVerdict::Fail => Verdict::Fail,
                RunVerdict::NotExposed => Verdict::NotExposed,
                RunVerdict::Invalid => Verdict::Invalid,
                RunVerdict::Aborted => Verdict::Aborted,
            },
            because: card.because.clone(),
            runs: 1,
            passed,
            lower: exact_lower(passed, 1, confidence),
            upper: exact_upper(passed + u64::from(!is_evidence), 1, confidence),
            required: targets.required.real(),
            runs_needed: None,
        }
    }
}

/// When it was decided how many runs to make: the bounds depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopping {
    /// Before the first one: exact (Clopper-Pearson) bounds.
    Fixed,
    /// While they came in: bounds that hold however often one looks, and whenever one stops.
    Anytime,
}

impl Stopping {
    fn lower(self, hits: u64, trials: u64, confidence: f64) -> f64 {
        match self {
            Self::Fixed => exact_lower(hits, trials, confidence),
            Self::Anytime => anytime_lower(hits, trials, confidence),
        }
    }

    fn upper(self, hits: u64, trials: u64, confidence: f64) -> f64 {
        match self {
            Self::Fixed => exact_upper(hits, trials, confidence),
            Self::Anytime => anytime_upper(hits, trials, confidence),
        }
    }
}

/// The most runs that it is worth telling somebody to make.
const RUNS_MAX: u64 = 1_000_000;

/// Judges the runs: PASS if the lower bound is at the required share or above, FAIL if the upper bound
/// is below it, and otherwise what stands in the way.
pub fn judge(targets: &TargetPlan, runs: &[Scorecard], stopping: Stopping) -> Judgement {
    let (required, confidence) = (targets.required.real(), targets.confidence.real());
    let count = |verdict| runs.iter().filter(|run| run.verdict == verdict).count() as u64;
    let all = runs.len() as u64;
    let (passed, failed) = (count(RunVerdict::Pass), count(RunVerdict::Fail));
    let without_evidence = all - passed - failed;
    let lower = stopping.lower(passed, all, confidence);
    let upper = stopping.upper(passed + without_evidence, all, confidence);
    let mut because = vec![format!(
        "{passed} of {all} runs met every target: at {} confidence {:.1}% to {:.1}% of runs would, {} must",
        targets.confidence,
        lower * 100.0,
        upper * 100.0,
        targets.required,
    )];
    let mut runs_needed = None;
    let verdict = if all > 0 && lower >= required {
        Verdict::Pass
    } else if all > 0 && upper < required {
        Verdict::Fail
    } else if without_evidence > 0 && 2 * without_evidence >= all {
        let is_invalid = count(RunVerdict::Invalid) >= count(RunVerdict::NotExposed);
        if is_invalid { Verdict::Invalid } else { Verdict::NotExposed }
    } else {
        runs_needed = needed((passed, without_evidence, all), (required, confidence), stopping);
        because.push(match runs_needed {
            Some(needed) => format!("about {needed} runs would settle it if they go on like this"),
            None => "the share that passes is so close to what is required that no number of runs settles it"
                .into(),
        });
        Verdict::Inconclusive
    };
    because.extend(reasons(runs, verdict));
    Judgement { verdict, because, runs: all, passed, lower, upper, required, runs_needed }
}

/// Returns the reasons that most runs without a pass give, each with the number of runs and a seed.
fn reasons(runs: &[Scorecard], verdict: Verdict) -> Vec<String> {
    let mut kinds: Vec<(String, u64, u64, String)> = Vec::new();
    for run in runs.iter().filter(|run| run.verdict != RunVerdict::Pass) {
        for reason in &run.because {
            // Numbers do not make another reason.
            let kind = reason.split(':').next().unwrap_or(reason);
            let kind = kind.replace(|c: char| c.is_ascii_digit() || c == '.', "");
            match kinds.iter_mut().find(|known| known.0 == kind) {
                Some(known) => known.1 += 1,
                None => kinds.push((kind, 1, run.seed, reason.clone())),
            }
        }
    }
    kinds.sort_by(|left, right| right.1.cmp(&left.1).then(left.2.cmp(&right.2)));
    let limit = if verdict == Verdict::Pass { 2 } else { 4 };
    let say = |(_, count, seed, reason): (String, u64, u64, String)| match count {
        1 => format!("seed {seed}: {reason}"),
        _ => format!("in {count} runs, for instance seed {seed}: {reason}"),
    };
    kinds.into_iter().take(limit).map(say).collect()
}

/// Returns about how many runs settle the verdict if the shares that pass, and that have no evidence,
/// stay as they are.
fn needed(
    (passed, without, runs): (u64, u64, u64),
    (required, confidence): (f64, f64),
    stopping: Stopping,
) -> Option<u64> {
    if runs == 0 {
        return Some(all_hits_needed(required, confidence)).filter(|needed| *needed <= RUNS_MAX);
    }
    let of = |count: u64, total: u64| (count as f64 / runs as f64 * total as f64).round() as u64;
    let settles = |total: u64| {
        let best = of(passed + without, total);
        stopping.lower(of(passed, total), total, confidence) >= required
            || stopping.upper(best, total, confidence) < required
    };
    let (mut low, mut high) = (runs, runs.max(1));
    while !settles(high) {
        low = high;
        high *= 2;
        if high > RUNS_MAX {
            return None;
        }
    }
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if settles(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Ratio, Span};
    use crate::grade::{Harm, Process, Times};
    use crate::plan::TierSet;

    fn targets(required: u64) -> TargetPlan {
        TargetPlan {
            detect: None,
            acknowledge: None,
            contain: None,
            harm_below: Ratio::ZERO,
            contain_for: Span::ZERO,
            contain_tiers: TierSet::ALL,
            recover: None,
            recover_for: Span::ZERO,
            lost: [None; 3],
            budget_spent: None,
            cost_above: None,
            unsafe_acts: None,
            duplicate_acts: None,
            process_missed: None,
            diagnosed: None,
            required: Ratio::from_percent(required),
            confidence: Ratio::from_percent(95),
        }
    }

    fn runs(counts: &[(RunVerdict, u64)]) -> Vec<Scorecard> {
        let card = |verdict, seed| Scorecard {
            seed,
            verdict,
            because: vec!["recover: never".into()],
            times: Times::default(),
            process: Process::default(),
            harm: Harm {
                tiers: Default::default(),
                unsafe_acts: 0,
                duplicate_acts: 0,
                cost_micros: 0,
                cost_share: None,
                budgets: Vec::new(),
            },
            targets: Vec::new(),
        };
        counts.iter().flat_map(|(verdict, count)| (0..*count).map(move |seed| card(*verdict, seed))).collect()
    }

    fn verdict(required: u64, counts: &[(RunVerdict, u64)]) -> Verdict {
        judge(&targets(required), &runs(counts), Stopping::Fixed).verdict
    }

    #[test]
    fn all_of_59_runs_prove_95_percent_and_58_do_not() {
        assert_eq!(verdict(95, &[(RunVerdict::Pass, 59)]), Verdict::Pass);
        let judgement = judge(&targets(95), &runs(&[(RunVerdict::Pass, 58)]), Stopping::Fixed);
        assert_eq!((judgement.verdict, judgement.runs_needed), (Verdict::Inconclusive, Some(59)));
    }

    #[test]
    fn a_share_well_below_what_is_required_fails() {
        assert_eq!(verdict(95, &[(RunVerdict::Pass, 80), (RunVerdict::Fail, 20)]), Verdict::Fail);
        assert_eq!(verdict(95, &[(RunVerdict::Fail, 1)]), Verdict::Inconclusive, "one run proves little");
    }

    #[test]
    fn runs_without_evidence_count_neither_for_nor_against() {
        use RunVerdict::{Fail, Invalid, NotExposed, Pass};
        assert_eq!(verdict(95, &[(Pass, 97), (Invalid, 3)]), Verdict::Inconclusive);
        assert_eq!(verdict(50, &[(Pass, 90), (Invalid, 10)]), Verdict::Pass);
        assert_eq!(verdict(95, &[(NotExposed, 100)]), Verdict::NotExposed);
        assert_eq!(verdict(95, &[(Invalid, 60), (Pass, 40)]), Verdict::Invalid);
        assert_eq!(verdict(95, &[(Invalid, 60), (Fail, 40)]), Verdict::Fail);
        assert_eq!(verdict(95, &[]), Verdict::Inconclusive, "no run is no pass");
    }
}
