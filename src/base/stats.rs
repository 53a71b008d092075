//! Confidence bounds for shares, and quantiles of small samples.
//!
//! Every confidence here is one-sided unless its name says otherwise.

use statrs::distribution::{ContinuousCDF, Normal};
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

    #[test]
    fn quantiles_are_values_of_the_sample() {
        assert_eq!(quantile_sorted::<u32>(&[], 0.5), None);
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.5), Some(2));
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.95), Some(4));
        assert_eq!(quantile_sorted(&[1, 2, 3, 4], 0.0), Some(1));
    }
}
