//! Sequential tests: has a share got worse, said while judgements come in and not once at the end.

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

    #[test]
    fn peeking_ten_thousand_times_keeps_the_error_rate() {
        let mut wrong = 0;
        for stream in 0..10_000 {
            let mut draws = Key::of_seed(stream).draws();
            let (mut canary, mut stable) = ((0, 0), (0, 0));
            for _ in 0..400 {
                for (arm, count) in [(&mut canary, 1), (&mut stable, 3)] {
                    for _ in 0..count {
                        arm.0 += u64::from(draws.unit() < 0.08);
                        arm.1 += 1;
                    }
                }
                if canary.1 >= 30 && worse(canary, stable, 0.1) >= 20.0 {
                    wrong += 1;
                    break;
                }
            }
        }
        // 5 % stated, looked at after every judgement; one-sided, so half of it.
        assert!(wrong <= 500, "{wrong} of 10000 null streams");
        assert!(wrong >= 20, "{wrong}: a test that never speaks is no test");
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
