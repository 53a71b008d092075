//! When tasks arrive: a process of unit rate, stretched by the rate over time.

use crate::base::{Key, Time};
use crate::plan::{ArrivalKind, TrafficPlan};

/// Arrivals one after the other. Task `n` draws from its own key, so that nothing moves it.
#[derive(Debug, Clone)]
pub struct Arrivals {
    key: Key,
    segment: usize,
    /// The last arrival, in seconds.
    at: f64,
    number: u64,
}

impl Arrivals {
    /// Returns the arrivals of a run.
    pub fn new(seed: Key) -> Self {
        Self { key: seed.with(Key::of_name("arrivals")), segment: 0, at: 0.0, number: 0 }
    }

    /// Returns when the next task arrives, or nothing once the traffic has ended.
    pub fn next(&mut self, plan: &TrafficPlan) -> Option<Time> {
        let mut need = match &plan.kind {
            ArrivalKind::Constant => 1.0,
            ArrivalKind::Drawn(dist) => dist.sample(&mut self.key.at(self.number).draws()),
        };
        self.number += 1;
        while let Some(segment) = plan.segments.get(self.segment) {
            // The rate rises linearly: its integral from `at` is rate*d + slope*d^2/2.
            let rate = (segment.rate + segment.slope * (self.at - segment.from)).max(0.0);
            let left = segment.to - self.at;
            let whole = (rate + segment.slope * left / 2.0) * left;
            if need <= whole && whole > 0.0 {
                let root = (rate * rate + 2.0 * segment.slope * need).max(0.0).sqrt();
                let gap = if rate + root > 0.0 { 2.0 * need / (rate + root) } else { left };
                self.at += gap.min(left);
                return Some(Time((self.at * 1e9 + 0.5) as u64));
            }
            need -= whole.max(0.0);
            self.at = segment.to;
            self.segment += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dist;
    use crate::plan::TrafficSegment;

    fn plan(kind: ArrivalKind) -> TrafficPlan {
        let segments = vec![
            TrafficSegment { from: 0.0, to: 100.0, rate: 10.0, slope: 0.0 },
            TrafficSegment { from: 100.0, to: 200.0, rate: 10.0, slope: 0.2 },
            TrafficSegment { from: 200.0, to: 300.0, rate: 0.0, slope: 0.0 },
            TrafficSegment { from: 300.0, to: 400.0, rate: 20.0, slope: -0.2 },
        ];
        TrafficPlan { kind, segments, tiers: [1.0; 3], tenants: 1, in_flight_max: 1 }
    }

    fn arrivals(plan: &TrafficPlan, seed: u64) -> Vec<f64> {
        let mut arrivals = Arrivals::new(Key::of_seed(seed));
        std::iter::from_fn(|| arrivals.next(plan)).map(Time::seconds).collect()
    }

    #[test]
    fn even_arrivals_follow_the_integral_of_the_rate() {
        let times = arrivals(&plan(ArrivalKind::Constant), 1);
        let within = |from: f64, to: f64| times.iter().filter(|at| from < **at && **at <= to).count();
        // 10/s; then 10/s rising to 30/s; then none; then 20/s falling to nothing.
        assert_eq!(within(0.0, 100.0), 1000);
        assert_eq!(within(100.0, 200.0), 2000);
        assert_eq!(within(200.000_001, 300.0), 0);
        assert!((998..=1000).contains(&within(300.0, 400.0)));
    }

    #[test]
    fn poisson_counts_have_variance_equal_to_their_mean() {
        let plan = plan(ArrivalKind::Drawn(Dist::Exponential { mean: 1.0 }));
        let counts: Vec<f64> = (0..400)
            .map(|seed| arrivals(&plan, seed).iter().filter(|at| (100.0..200.0).contains(*at)).count() as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / 400.0;
        let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 399.0;
        assert!((mean - 2000.0).abs() < 4.0 * (2000.0_f64 / 400.0).sqrt(), "{mean}");
        // The standard error of a variance of 400 counts is about 7 %.
        assert!((variance / 2000.0 - 1.0).abs() < 0.28, "{variance}");
    }
}
