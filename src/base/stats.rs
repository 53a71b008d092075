//! Confidence bounds for shares, and quantiles of small samples.
//!
//! Every confidence here is one-sided unless its name says otherwise.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::beta::beta_reg;

/// Returns the exact (Clopper-Pearson) lower bound of a share, given `hits` in `trials`.
///
/// The true share lies below it with probability at most `1 - confidence`; 0 for no hits.
pub fn exact_lower(hits: u64, trials: u64, confidence: f64) -> f64 {
    if hits == 0 {
        return 0.0;
    }
    // P(X >= hits | p) rises with p; the bound is where it reaches 1 - confidence.
    let tail = |share: f64| beta_reg(hits as f64, (trials - hits + 1) as f64, share);
    bisect(|share| tail(share) >= 1.0 - confidence)
}

/// Returns the exact (Clopper-Pearson) upper bound of a share; 1 if every trial hit, or for no trials.
pub fn exact_upper(hits: u64, trials: u64, confidence: f64) -> f64 {
    1.0 - exact_lower(trials - hits, trials, confidence)
}

/// Returns a lower bound of a share that holds however often one looks, and whenever one stops.
///
/// It inverts a test by betting: under a share of `q` the wealth `sum of w * (p/q)^hits * ((1-p)/(1-q))^misses`
/// over some `p > q` is at most `1/(1 - confidence)` at all times, with probability `confidence` (Ville's
/// inequality; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024).
pub fn anytime_lower(hits: u64, trials: u64, confidence: f64) -> f64 {
    let line = -libm::log(1.0 - confidence);
    let is_open = |share: f64| log_wealth((hits, trials), share, &BETS_ABOVE) < line;
    if hits == 0 { 0.0 } else { bisect(is_open) }
}

/// Returns the upper bound to [`anytime_lower`].
pub fn anytime_upper(hits: u64, trials: u64, confidence: f64) -> f64 {
    let line = -libm::log(1.0 - confidence);
    let is_closed = |share: f64| log_wealth((hits, trials), share, &BETS_BELOW) >= line;
    if hits == trials { 1.0 } else { bisect(is_closed) }
}

/// Bets that a share is higher: how much is staked, and what becomes of the share of misses.
const BETS_ABOVE: [(f64, f64); 3] = [(0.6, 0.0), (0.2, 0.2), (0.2, 0.5)];

/// Bets that a share is lower.
const BETS_BELOW: [(f64, f64); 3] = [(0.4, 2.0), (0.3, 4.0), (0.3, 10.0)];

/// Returns the logarithm of what bets against a share have come to.
fn log_wealth((hits, trials): (u64, u64), share: f64, bets: &[(f64, f64)]) -> f64 {
    let (share, misses) = (share.clamp(1e-12, 1.0 - 1e-12), trials - hits);
    let of = |(stake, factor): &(f64, f64)| {
        // A share of misses is never more than nearly all.
        let missing = ((1.0 - share) * factor).min(1.0 - share * 0.01);
        let of_misses = if misses == 0 { 0.0 } else { misses as f64 * libm::log(missing / (1.0 - share)) };
        libm::log(*stake) + hits as f64 * libm::log((1.0 - missing) / share) + of_misses
    };
    let logs: Vec<f64> = bets.iter().map(of).collect();
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum())
}

/// Returns the Wilson score lower bound of a share (Wilson 1927); 0 for no trials.
pub fn wilson_lower(hits: u64, trials: u64, confidence: f64) -> f64 {
    if trials == 0 {
        return 0.0;
    }
    let (count, share, z) = (trials as f64, hits as f64 / trials as f64, normal_quantile(confidence));
    let middle = share + z * z / (2.0 * count);
    let spread = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    ((middle - spread) / (1.0 + z * z / count)).max(0.0)
}

/// Returns the Wilson score upper bound of a share; 1 for no trials.
pub fn wilson_upper(hits: u64, trials: u64, confidence: f64) -> f64 {
    1.0 - wilson_lower(trials - hits, trials, confidence)
}

/// Returns the `share` quantile of the standard normal distribution.
pub fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Returns the smallest number of trials, all of them hits, whose exact lower bound reaches `required`.
pub fn all_hits_needed(required: f64, confidence: f64) -> u64 {
    if required <= 0.0 {
        return 1;
    }
    if required >= 1.0 {
        return u64::MAX;
    }
    (libm::log(1.0 - confidence) / libm::log(required)).ceil() as u64
}

/// Returns the `share` quantile of sorted values by the nearest-rank rule, or nothing for none.
pub fn quantile_sorted<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// Returns the two-sided exact p-value of McNemar's test: of the pairs that differ, so many went one way
/// and so many the other (a sign test; Fay, R package `exact2x2`, calls it the central exact test).
pub fn mcnemar(one_way: u64, other_way: u64) -> f64 {
    let (less, all) = (one_way.min(other_way), one_way + other_way);
    if all == 0 {
        return 1.0;
    }
    // P(X <= less) for X binomial with a half: the upper tail of a beta.
    let tail = beta_reg((all - less) as f64, (less + 1) as f64, 0.5);
    (2.0 * tail).min(1.0)
}

/// Returns the mean of paired differences and its two-sided interval by Student's t; nothing for fewer
/// than two of them.
pub fn paired_mean(differences: &[f64], confidence: f64) -> Option<(f64, f64, f64)> {
    let count = differences.len() as f64;
    if differences.len() < 2 {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("two values leave a degree of freedom");
    let reach = student.inverse_cdf(f64::midpoint(1.0, confidence)) * libm::sqrt(variance / count);
    Some((mean, mean - reach, mean + reach))
}

/// Returns the ranks, from 1, of the order statistics between which a quantile lies with at least the
/// stated two-sided confidence, whatever the distribution; 0 and `count + 1` stand for the ends.
///
/// David and Nagaraja, "Order Statistics", 3rd edition, section 7.1.
pub fn quantile_ranks(count: u64, share: f64, confidence: f64) -> (u64, u64) {
    let outside = (1.0 - confidence) / 2.0;
    // P(at most k of the values lie below the quantile).
    let at_most =
        |k: u64| if k >= count { 1.0 } else { beta_reg((count - k) as f64, (k + 1) as f64, 1.0 - share) };
    let low = (0..count).take_while(|k| at_most(*k) <= outside).count() as u64;
    let high = (0..=count).find(|k| at_most(*k) >= 1.0 - outside).unwrap_or(count) + 1;
    (low, high)
}

/// Returns the least number in `[0, 1]` for which `is_reached` holds, which must stay true above it.
fn bisect(is_reached: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if is_reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;

    /// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    /// (1998), table I: 95 % two-sided, so 97.5 % on each side.
    #[test]
    fn bounds_match_the_published_table_of_newcombe() {
        let check = |hits, trials, exact: [f64; 2], wilson: [f64; 2]| {
            let near =
                |got: f64, want: f64| assert!((got - want).abs() < 0.000_05, "{hits}/{trials}: {got} {want}");
            near(exact_lower(hits, trials, 0.975), exact[0]);
            near(exact_upper(hits, trials, 0.975), exact[1]);
            near(wilson_lower(hits, trials, 0.975), wilson[0]);
            near(wilson_upper(hits, trials, 0.975), wilson[1]);
        };
        check(81, 263, [0.2527, 0.3676], [0.2553, 0.3662]);
        check(15, 148, [0.0578, 0.1617], [0.0624, 0.1605]);
        check(0, 20, [0.0, 0.1684], [0.0, 0.1611]);
        check(1, 29, [0.0009, 0.1776], [0.0061, 0.1718]);
    }

    #[test]
    fn all_pass_sample_sizes_are_the_known_ones() {
        assert_eq!(all_hits_needed(0.90, 0.95), 29);
        assert_eq!(all_hits_needed(0.95, 0.95), 59);
        assert_eq!(all_hits_needed(0.99, 0.95), 299);
        assert!(exact_lower(59, 59, 0.95) >= 0.95);
        assert!(exact_lower(58, 58, 0.95) < 0.95);
    }

    #[test]
    fn the_exact_bound_covers_at_least_as_often_as_it_says() {
        let (trials, share, rounds) = (40, 0.9, 4000);
        let mut missed = 0;
        for round in 0..rounds {
            let root = Key::of_seed(11).at(round);
            let hits = (0..trials).filter(|&n| root.at(n).unit() < share).count() as u64;
            missed += u32::from(exact_lower(hits, trials, 0.95) > share);
        }
        assert!(f64::from(missed) <= 0.05 * rounds as f64 + 3.0 * (0.05 * 0.95 * rounds as f64).sqrt());
    }

    /// Agresti, "Categorical Data Analysis", 2nd edition (2002), table 10.1: of 1600 voters 150 changed
    /// one way and 86 the other. And the binomial tail by hand: 2 (1 + 5) / 32.
    #[test]
    fn the_exact_test_of_mcnemar_gives_known_values() {
        assert!((mcnemar(1, 4) - 0.375).abs() < 1e-12);
        assert!((mcnemar(0, 6) - 0.03125).abs() < 1e-12);
        assert!((mcnemar(5, 5) - 1.0).abs() < 1e-12);
        assert!((mcnemar(0, 0) - 1.0).abs() < 1e-12);
        let by_hand: f64 = {
            // The sum over the tail, in logarithms.
            let log_choose =
                |n: f64, k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
            let term = |k: u64| libm::exp(log_choose(236.0, k as f64) - 236.0 * libm::log(2.0));
            2.0 * (0..=86).map(term).sum::<f64>()
        };
        assert!((mcnemar(150, 86) / by_hand - 1.0).abs() < 1e-9, "{} {by_hand}", mcnemar(150, 86));
        // As R's exact2x2 prints it for these data.
        assert_eq!(format!("{:.3e}", mcnemar(150, 86)), "3.716e-5");
    }

    /// Student, "The probable error of a mean", Biometrika 6 (1908): additional hours of sleep.
    #[test]
    fn the_paired_interval_is_that_of_students_sleep_data() {
        let more = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let (mean, low, high) = paired_mean(&more, 0.95).unwrap();
        // R: t.test(extra ~ group, data = sleep, paired = TRUE) says 1.58, 0.7001142 to 2.4598858.
        assert!((mean - 1.58).abs() < 1e-9 && (low - 0.700_114_2).abs() < 1e-6, "{mean} {low}");
        assert!((high - 2.459_885_8).abs() < 1e-6, "{high}");
    }

    /// Conover, "Practical Nonparametric Statistics", table of ranks for the median: 16 values, ranks 4 and 13.
    #[test]
    fn the_ranks_around_a_quantile_cover_it_as_often_as_they_say() {
        assert_eq!(quantile_ranks(16, 0.5, 0.95), (4, 13));
        assert_eq!(quantile_ranks(100, 0.5, 0.95), (40, 61));
        for (count, share) in [(100, 0.05), (40, 0.5), (200, 0.1), (59, 0.05)] {
            let (low, high) = quantile_ranks(count, share, 0.95);
            let rounds = 4_000;
            let mut covered = 0;
            for round in 0..rounds {
                let root = Key::of_seed(5).at(round);
                let below = (0..count).filter(|n| root.at(*n).unit() < share).count() as u64;
                // The quantile lies at or above the low rank, and below the high one.
                covered += u64::from(low <= below && below < high);
            }
            let least = 0.95 * rounds as f64 - 3.0 * (0.05 * 0.95 * rounds as f64).sqrt();
            assert!(covered as f64 >= least, "{count} {share}: {covered} of {rounds}");
        }
    }

    /// Looked at over and over, and stopped at the worst moment.
    #[test]
    fn the_anytime_bounds_hold_at_every_look_as_often_as_they_say() {
        for share in [0.5, 0.9, 0.95, 0.99] {
            let (rounds, mut above, mut below) = (400, 0, 0);
            for round in 0..rounds {
                let root = Key::of_seed(21).at(round);
                let mut hits = 0;
                let (mut is_above, mut is_below) = (false, false);
                for trial in 1..=400 {
                    hits += u64::from(root.at(trial).unit() < share);
                    if trial % 20 == 0 {
                        is_above |= anytime_lower(hits, trial, 0.95) > share;
                        is_below |= anytime_upper(hits, trial, 0.95) < share;
                    }
                }
                above += u32::from(is_above);
                below += u32::from(is_below);
            }
            // 5 %, and three standard errors.
            assert!(above <= 33 && below <= 33, "{share}: {above} and {below} of {rounds}");
        }
        // What it costs to be free to stop: 65 passes where 59 suffice if that many were planned.
        let needed = (1..500).find(|n| anytime_lower(*n, *n, 0.95) >= 0.95).unwrap();
        assert_eq!(needed, 65);
        let failing = (1..500).find(|n| anytime_upper(0, *n, 0.95) < 0.95).unwrap();
        assert!(failing <= 3, "{failing}");
    }

    #[test]
    fn quantiles_are_values_of_the_sample() {
        assert_eq!(quantile_sorted::<u32>(&[], 0.5), None);
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.5), Some(2));
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.95), Some(4));
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.0), Some(1));
    }
}
