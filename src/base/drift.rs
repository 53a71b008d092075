//! Sequential tests: has a share got worse, said while judgements come in and not once at the end.

use crate::base::stats::{anytime_lower, anytime_upper};

/// A one-sided CUSUM over yes-or-no judgements, on a lattice so that its run length is exact.
///
/// A bad judgement adds `up`, a good one takes one away, never below zero; it signals at `limit`.
/// With `up = m - 1` the score of the log-likelihood ratio is met where `1/m` is the reference value
/// (Reynolds and Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously",
/// Journal of Quality Technology 31, 1999).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CusumPlan {
    /// What a bad judgement adds.
    pub up: u32,
    /// Where it signals.
    pub limit: u32,
}

/// The largest lattice: shares below half a percent are watched as if they were that.
const UP_MAX: f64 = 400.0;

/// The highest limit that is tried.
const LIMIT_MAX: usize = 20_000;

impl CusumPlan {
    /// Returns the chart that finds a rise from `usual` to `shifted` fastest among those that run, in
    /// steady state, for at least `run_length` judgements on average until they signal.
    ///
    /// `0 <= usual < shifted < 1`. Where no limit below 20000 runs that long, that limit is taken.
    pub fn new(usual: f64, shifted: f64, run_length: f64) -> Self {
        let usual = usual.max(1e-4);
        let good = -libm::log((1.0 - shifted) / (1.0 - usual));
        let both = libm::log(shifted * (1.0 - usual) / (usual * (1.0 - shifted)));
        let up = ((both / good + 0.5).floor() - 1.0).clamp(1.0, UP_MAX) as u32;
        let rows = Rows::new(usual, up, LIMIT_MAX);
        let (mut low, mut high) = (0, LIMIT_MAX);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            if rows.run_length(middle) >= run_length { high = middle } else { low = middle }
        }
        Self { up, limit: high as u32 }
    }

    /// Returns how many judgements go by on average until it signals, if this share of them is bad.
    pub fn run_length(self, bad: f64) -> f64 {
        Rows::new(bad, self.up, self.limit as usize).run_length(self.limit as usize)
    }
}

/// The expected run length from each state as a sum over higher states, eliminated upwards.
///
/// `E[i] = constant[i] + sum over k of weight[i][k] * E[i + k]`: every term is positive, so that
/// nothing cancels, and the rows do not depend on the limit.
struct Rows {
    up: usize,
    constants: Vec<f64>,
    weights: Vec<f64>,
}

impl Rows {
    fn new(bad: f64, up: u32, states: usize) -> Self {
        let up = up as usize;
        let (bad, good) = (bad.max(1e-12), 1.0 - bad);
        let mut constants = vec![1.0 / bad];
        let mut weights = vec![0.0; up * states];
        weights[up - 1] = 1.0;
        for state in 1..states {
            let (before, row) = weights.split_at_mut(state * up);
            let before = &before[(state - 1) * up..];
            let own = 1.0 - good * before[0];
            for (weight, further) in row.iter_mut().zip(before.iter().skip(1)) {
                *weight = good * further / own;
            }
            row[up - 1] += bad / own;
            constants.push((1.0 + good * constants[state - 1]) / own);
        }
        Self { up, constants, weights }
    }

    fn run_length(&self, limit: usize) -> f64 {
        let mut expected = vec![0.0; limit + self.up + 1];
        for state in (0..limit).rev() {
            let row = &self.weights[state * self.up..(state + 1) * self.up];
            let higher: f64 =
                row.iter().zip(&expected[state + 1..]).map(|(weight, later)| weight * later).sum();
            expected[state] = self.constants[state] + higher;
        }
        expected[0]
    }
}

/// A running CUSUM; it signals at its limit and is quiet again at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cusum {
    level: u32,
    is_signalling: bool,
}

impl Cusum {
    /// Takes a judgement; returns whether it signals.
    pub fn judge(&mut self, is_bad: bool, plan: &CusumPlan) -> bool {
        let level = if is_bad { self.level + plan.up } else { self.level.saturating_sub(1) };
        self.level = level.min(plan.limit);
        self.is_signalling = self.level >= plan.limit || (self.is_signalling && self.level > 0);
        self.is_signalling
    }
}

/// A one-sided CUSUM over amounts whose logarithms are normal, such as the tokens of replies.
///
/// Each amount is standardised as `(ln x - ln median) / spread`, so that a factor on the amounts is a
/// shift of `ln(factor) / spread`; half of that is the allowance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmountCusumPlan {
    /// The logarithm of the usual median.
    log_median: f64,
    /// The standard deviation of logarithms, with the sign of the shift that is looked for.
    spread: f64,
    /// What is taken away each time.
    allowance: f64,
    /// Where it signals.
    limit: f64,
}

impl AmountCusumPlan {
    /// Returns the chart that finds amounts multiplied by `factor`, and runs for about `run_length`
    /// amounts on average in steady state.
    ///
    /// `median > 0`, `spread > 0`, `factor > 0` and not one.
    pub fn new((median, spread): (f64, f64), factor: f64, run_length: f64) -> Self {
        let shift = libm::log(factor) / spread;
        let allowance = shift.abs() / 2.0;
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if normal_run_length(allowance, middle) < run_length { low = middle } else { high = middle }
        }
        Self { log_median: libm::log(median), spread: spread.copysign(shift), allowance, limit: high }
    }
}

/// Returns how many standard normal values go by on average until a one-sided CUSUM signals.
///
/// Siegmund's approximation with the corrected limit `h + 1.166` ("Sequential Analysis", Springer 1985,
/// section 2.6), within two in a hundred of the exact lengths for allowances from a quarter to one.
fn normal_run_length(allowance: f64, limit: f64) -> f64 {
    let reach = 2.0 * allowance * (limit + 1.166);
    (libm::exp(reach.min(700.0)) - reach - 1.0) / (2.0 * allowance * allowance)
}

/// A running CUSUM over amounts; it signals at its limit and is quiet again at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AmountCusum {
    level: f64,
    is_signalling: bool,
}

impl AmountCusum {
    /// Takes an amount above zero; returns whether it signals.
    pub fn take(&mut self, amount: f64, plan: &AmountCusumPlan) -> bool {
        let standard = (libm::log(amount) - plan.log_median) / plan.spread;
        self.level = (self.level + standard - plan.allowance).clamp(0.0, plan.limit);
        self.is_signalling = self.level >= plan.limit || (self.is_signalling && self.level > 0.0);
        self.is_signalling
    }
}

/// Page and Hinkley's test for an increase of the mean.
///
/// The variant with the running mean as reference: `m += x - mean - tolerance`, and it signals while
/// `m - min(m) > threshold` (Gama and others, "A survey on concept drift adaptation", ACM Computing
/// Surveys 46, 2014, section 3.2). It starts anew once the sum is back at its least.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PageHinkley {
    seen: u64,
    bad: u64,
    above: f64,
}

impl PageHinkley {
    /// Takes a judgement; returns whether it signals.
    pub fn judge(&mut self, is_bad: bool, tolerance: f64, threshold: f64) -> bool {
        self.seen += 1;
        self.bad += u64::from(is_bad);
        let mean = self.bad as f64 / self.seen as f64;
        self.above = (self.above + f64::from(u8::from(is_bad)) - mean - tolerance).max(0.0);
        self.above > threshold
    }
}

/// Bad judgements and all judgements of one of two versions.
pub type Judged = (u64, u64);

/// Returns the likelihood ratio of "the first is worse than the second" to "they are equal".
///
/// A normal mixture of width `worse_by` over the difference of two shares (Johari, Koomen, Pekelis and
/// Walsh, "Peeking at A/B tests", KDD 2017, equation 4, with the variance of two arms of any size).
/// Where it reaches `1/error` the first is called worse; looking often does not raise the error.
pub fn worse(first: Judged, second: Judged, worse_by: f64) -> f64 {
    let share = |(bad, all): Judged| bad as f64 / all as f64;
    if first.1 == 0 || second.1 == 0 || share(first) <= share(second) {
        return 0.0;
    }
    // One bad and one good judgement are added, so that nothing is taken to be impossible.
    let pooled = (first.0 + second.0 + 1) as f64 / (first.1 + second.1 + 2) as f64;
    let variance = pooled * (1.0 - pooled) * (1.0 / first.1 as f64 + 1.0 / second.1 as f64);
    let (width, difference) = (worse_by * worse_by, share(first) - share(second));
    let growth = width * difference * difference / (2.0 * variance * (variance + width));
    libm::sqrt(variance / (variance + width)) * libm::exp(growth.min(700.0))
}

/// Evidence that the first of two versions is worse than the second, gathered while judgements come in.
///
/// A product of E-variables for two shares (Turner, Ly and Grunwald, "Generic E-variables for exact
/// sequential k-sample tests that allow for optional stopping", Journal of Statistical Planning and
/// Inference 230, 2024): each block of new judgements bets on the shares that the blocks before it
/// suggest: half of the evidence on a difference of `worse_by`, half on twice that. While both versions
/// are equal, the evidence reaches `1/error` with a chance of at most `error`,
/// whatever their share, however unequal their numbers, and however often one looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The totals when it began.
    base: [Judged; 2],
    /// What has been judged since, as far as it has been bet on.
    seen: [Judged; 2],
    /// By bet, the logarithm of what it has brought.
    log_evidence: [f64; 2],
}

impl Comparison {
    /// Returns a comparison of what is judged from these totals on.
    pub fn since(base: [Judged; 2]) -> Self {
        Self { base, seen: Default::default(), log_evidence: [0.0; 2] }
    }

    /// Takes totals; returns whether the first version has been told apart as worse, with at least
    /// `judged_min` judgements of each. About `worse_by` is what is worth finding.
    pub fn is_worse(&mut self, totals: [Judged; 2], worse_by: f64, (error, judged_min): (f64, u64)) -> bool {
        let now: [Judged; 2] = std::array::from_fn(|arm| less(totals[arm], self.base[arm]));
        let [first, second] = std::array::from_fn(|arm| less(now[arm], self.seen[arm]));
        // A bet is about both: judgements of one wait for some of the other.
        if first.1 > 0 && second.1 > 0 {
            let usual = self.usual();
            let (of_first, of_second) = (first.1 as f64, second.1 as f64);
            for (evidence, times) in self.log_evidence.iter_mut().zip([1.0, 2.0]) {
                let worse = (usual + times * worse_by).min(0.98);
                let equal = (of_first * worse + of_second * usual) / (of_first + of_second);
                *evidence += log_ratio(first, worse, equal) + log_ratio(second, usual, equal);
            }
            self.seen = now;
        }
        let [near, far] = self.log_evidence.map(|evidence| libm::exp(evidence.min(700.0)));
        // Four fifths of the error are for the bets, the rest is for the time when only the first is judged.
        let is_told = f64::midpoint(near, far) >= 1.25 / error;
        let is_alone = first.1 > 0 && second.1 == 0;
        let is_enough = now.iter().all(|judged| judged.1 >= judged_min);
        is_enough && (is_told || (is_alone && is_parted(now, error / 10.0)))
    }

    /// Returns the share of the second version, from what has been seen.
    fn usual(&self) -> f64 {
        let [first, second] = self.seen;
        let both = (first.0 + second.0, first.1 + second.1);
        // Of few judgements of the second, those of both tell more.
        let (bad, all) = if second.1 >= 20 { second } else { both };
        ((bad + 1) as f64 / (all + 2) as f64).min(0.9)
    }
}

/// Returns whether even the lowest share that the first may have is above the highest of the second, each
/// by a bound that holds at all times but for this error.
fn is_parted([first, second]: [Judged; 2], error: f64) -> bool {
    let good = |(bad, all): Judged| (all - bad, all);
    let ((first_good, first_all), (second_good, second_all)) = (good(first), good(second));
    // Bounds of what is good: their bets suit shares near one.
    anytime_upper(first_good, first_all, 1.0 - error) < anytime_lower(second_good, second_all, 1.0 - error)
}

fn less(now: Judged, then: Judged) -> Judged {
    (now.0 - then.0, now.1 - then.1)
}

/// Returns the logarithm of how much likelier judgements are with one share than with another.
fn log_ratio((bad, all): Judged, share: f64, other: f64) -> f64 {
    bad as f64 * libm::log(share / other) + (all - bad) as f64 * libm::log((1.0 - share) / (1.0 - other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;

    /// The gambler's ruin, reflected at zero: a closed form for steps of one up and one down.
    #[test]
    fn the_run_length_of_single_steps_is_the_gamblers_ruin() {
        for (bad, limit) in [(0.5_f64, 10_u32), (0.3, 8), (0.45, 20), (0.7, 12)] {
            let ratio = (1.0 - bad) / bad;
            // From state i: d[0] = 1/p, d[i] = 1/p + (q/p) d[i-1]; the sum of the d is the run length.
            let mut step = 1.0 / bad;
            let mut sum = 0.0;
            for _ in 0..limit {
                sum += step;
                step = 1.0 / bad + ratio * step;
            }
            let found = CusumPlan { up: 1, limit }.run_length(bad);
            assert!((found / sum - 1.0).abs() < 1e-9, "{bad} {limit}: {found}, not {sum}");
        }
        // A fair walk needs n(n+1) steps, a textbook result.
        assert!((CusumPlan { up: 1, limit: 10 }.run_length(0.5) - 110.0).abs() < 1e-6);
    }

    /// One-sided lengths are twice the two-sided ones of Montgomery, "Introduction to Statistical Quality
    /// Control", table 9.3: 168, 465 for an allowance of a half.
    #[test]
    fn the_run_length_over_amounts_is_that_of_the_published_table() {
        for (limit, two_sided) in [(4.0, 168.0), (5.0, 465.0)] {
            let found = normal_run_length(0.5, limit);
            assert!((found / (2.0 * two_sided) - 1.0).abs() < 0.02, "{limit}: {found}");
        }
    }

    /// Logarithms of amounts are normal; the chart is run on 10,000 null streams.
    #[test]
    fn a_chart_over_amounts_runs_as_long_as_it_says_and_finds_a_shift_soon() {
        let plan = AmountCusumPlan::new((180.0, 0.5), 1.5, 500.0);
        let dist = crate::base::Dist::LogNormal { median: 180.0, sigma: 0.5 };
        let mean_length = |factor: f64, streams: u64| {
            let lengths = (0..streams).map(|stream| {
                let (mut chart, mut draws) = (AmountCusum::default(), Key::of_seed(stream).draws());
                let mut length = 1_u32;
                while !chart.take(dist.sample(&mut draws) * factor, &plan) {
                    length += 1;
                }
                f64::from(length)
            });
            lengths.sum::<f64>() / streams as f64
        };
        let null = mean_length(1.0, 10_000);
        assert!((null / 500.0 - 1.0).abs() < 0.05, "{null}");
        let shifted = mean_length(1.5, 1_000);
        assert!(shifted < 16.0, "{shifted}");
        assert!(mean_length(0.8, 100) > 5_000.0, "the other way is not looked for");
    }

    #[test]
    fn the_run_length_is_what_ten_thousand_null_streams_show() {
        let plan = CusumPlan::new(0.03, 0.12, 2_000.0);
        let exact = plan.run_length(0.03);
        assert!(exact >= 2_000.0 && CusumPlan { limit: plan.limit - 1, ..plan }.run_length(0.03) < 2_000.0);
        let lengths: Vec<f64> = (0..10_000)
            .map(|stream| {
                let (mut chart, mut draws) = (Cusum::default(), Key::of_seed(stream).draws());
                let mut seen = 1.0;
                while !chart.judge(draws.unit() < 0.03, &plan) {
                    seen += 1.0;
                }
                seen
            })
            .collect();
        let mean = lengths.iter().sum::<f64>() / 10_000.0;
        // Run lengths are nearly geometric: their standard deviation is about their mean.
        assert!((mean / exact - 1.0).abs() < 4.0 / 100.0, "{mean}, not {exact}");
        assert!(plan.run_length(0.12) < 60.0, "and a shift is found soon: {}", plan.run_length(0.12));
    }

    #[test]
    fn a_chart_clears_only_at_zero() {
        let plan = CusumPlan { up: 3, limit: 5 };
        let mut chart = Cusum::default();
        let shown: Vec<bool> = [true, true, false, false, false, false, false, true]
            .map(|is_bad| chart.judge(is_bad, &plan))
            .into();
        assert_eq!(shown, [false, true, true, true, true, true, false, false]);
    }

    /// How many of 10,000 streams are called worse, and after how many judgements of the first version the
    /// middle one of those is, if it is looked at after each.
    fn compared((first, second): (f64, f64), others: u64, error: f64) -> (usize, usize) {
        let mut found: Vec<usize> = (0..10_000)
            .filter_map(|stream| {
                let mut draws = Key::of_seed(stream).draws();
                let mut totals = [(0, 0), (0, 0)];
                let mut comparison = Comparison::since(totals);
                (1..=400).find(|_| {
                    totals[0].0 += u64::from(draws.unit() < first);
                    totals[1].0 += (0..others).filter(|_| draws.unit() < second).count() as u64;
                    (totals[0].1, totals[1].1) = (totals[0].1 + 1, totals[1].1 + others);
                    comparison.is_worse(totals, 0.1, (error, 30))
                })
            })
            .collect();
        found.sort_unstable();
        (found.len(), found.get(found.len() / 2).copied().unwrap_or(0))
    }

    /// Small error rates, rare bad judgements and arms of unequal size are where approximations err.
    #[test]
    fn a_comparison_keeps_its_error_rate_in_ten_thousand_null_streams_looked_at_all_the_time() {
        let cases = [
            (0.05, 0.08, 3),
            (0.01, 0.03, 1),
            (0.01, 0.03, 9),
            (0.001, 0.08, 3),
            (0.001, 0.03, 9),
            (0.05, 0.3, 1),
        ];
        for (error, share, others) in cases {
            let (wrong, _) = compared((share, share), others, error);
            assert!(
                wrong as f64 <= error * 10_000.0,
                "{error} {share} {others}: {wrong} of 10000 null streams"
            );
            assert!(error < 0.05 || wrong >= 20, "{wrong}: a test that never speaks is no test");
        }
    }

    /// A version that has taken over is judged alone: what was known of the other still counts.
    #[test]
    fn a_version_that_gets_worse_after_it_has_taken_over_is_found_and_one_that_does_not_is_left_alone() {
        let alone = |share: f64| {
            let mut wrong = Vec::new();
            for stream in 0..300 {
                let mut draws = Key::of_seed(stream).draws();
                let mut totals = [(0, 0), (0, 0)];
                let mut comparison = Comparison::since(totals);
                let found = (0..600).find(|step| {
                    let share = if *step < 150 { 0.05 } else { share };
                    totals[0].0 += u64::from(draws.unit() < share);
                    totals[0].1 += 1;
                    if *step < 150 {
                        totals[1].0 += u64::from(draws.unit() < 0.05);
                        totals[1].1 += 1;
                    }
                    comparison.is_worse(totals, 0.1, (0.01, 30))
                });
                wrong.extend(found);
            }
            wrong.sort_unstable();
            (wrong.len(), wrong.get(wrong.len() / 2).copied().unwrap_or(0))
        };
        let (wrong, _) = alone(0.05);
        assert!(wrong <= 6, "{wrong} of 300 null streams");
        let (found, middle) = alone(0.5);
        assert!(found >= 297 && middle < 290, "{found}, after {middle}");
    }

    #[test]
    fn a_version_that_is_worse_is_found_soon() {
        for (first, second, others, soon) in [(0.2, 0.08, 3, 115), (0.3, 0.05, 9, 45), (0.15, 0.05, 1, 175)] {
            let (found, middle) = compared((first, second), others, 0.01);
            assert!(found >= 9_300 && middle <= soon, "{first} {second}: {found}, after {middle}");
        }
        let (found, _) = compared((0.05, 0.2), 3, 0.01);
        assert_eq!(found, 0, "one that is better is not called worse");
    }

    #[test]
    fn a_version_that_is_worse_is_found_and_one_that_is_better_is_not() {
        assert!(worse((30, 100), (10, 100), 0.1) > 20.0);
        assert!(worse((5, 100), (30, 100), 0.1) <= 0.0);
        assert!(worse((0, 0), (30, 100), 0.1) <= 0.0);
    }

    #[test]
    fn page_and_hinkley_follow_the_running_mean() {
        let mut test = PageHinkley::default();
        let mut draws = Key::of_seed(3).draws();
        let early = (0..5_000).filter(|_| test.judge(draws.unit() < 0.05, 0.02, 15.0)).count();
        assert_eq!(early, 0, "steady state is quiet");
        let found = (0..500).position(|_| test.judge(draws.unit() < 0.3, 0.02, 15.0));
        assert!(found.is_some_and(|after| after < 150), "{found:?}");
    }
}
