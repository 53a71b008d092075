//! How long tasks took, by the interval in which they arrived: only where somebody asks for it.

use hdrhistogram::Histogram;

use crate::base::{Span, Time};
use crate::plan::{Plan, TIERS};

/// The most intervals that a drill is cut into.
const INTERVALS_MAX: u64 = 240;
/// How long they may be, in seconds; all are multiples of the lengths of a series' buckets that fit.
const WIDTHS: [u64; 12] = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200];

/// Latencies by interval and tier, in milliseconds to two digits: their size does not depend on how many tasks
/// there are.
#[derive(Debug, Clone)]
pub struct Timed {
    /// How long an interval is.
    pub width: Span,
    cells: Vec<Histogram<u32>>,
}

impl Timed {
    /// Returns empty intervals for a plan whose series has buckets of a width.
    pub fn new(plan: &Plan, bucket: Span) -> Self {
        let second = Span::from_secs(1).0;
        let (seconds, own) = (plan.end.0.div_ceil(second), bucket.0 / second);
        let fits = |width: &u64| seconds.div_ceil(*width) <= INTERVALS_MAX && width.is_multiple_of(own);
        let width = WIDTHS.into_iter().find(fits).unwrap_or(own);
        let count = seconds.div_ceil(width) as usize;
        let empty = Histogram::new(2).expect("two digits are allowed");
        Self { width: Span::from_secs(width), cells: vec![empty; count * TIERS] }
    }

    /// Returns how many intervals there are.
    pub fn intervals(&self) -> usize {
        self.cells.len() / TIERS
    }

    /// Counts a task that took so long.
    pub fn count(&mut self, tier: usize, arrived: Time, taken: Span) {
        let interval = (arrived.0 / self.width.0) as usize;
        if let Some(cell) = self.cells.get_mut(interval * TIERS + tier) {
            // Only this way of recording lets a histogram grow; the other cuts off what is above its range of now.
            cell.record(taken.0 / 1_000_000).expect("a histogram that grows takes every value");
        }
    }

    /// Returns a hundred quantiles of a tier's tasks that arrived before a moment, in milliseconds; none without tasks.
    pub fn quantiles_before(&self, before: Time, tier: usize) -> Vec<u64> {
        let intervals = (before.0 / self.width.0) as usize;
        let mut sum = Histogram::<u32>::new(2).expect("two digits are allowed");
        for interval in 0..intervals.min(self.intervals()) {
            sum.add(&self.cells[interval * TIERS + tier]).expect("a histogram that grows takes every value");
        }
        let at = |part: u32| sum.value_at_quantile(f64::from(part) / 100.0);
        if sum.is_empty() { Vec::new() } else { (1..=100).map(at).collect() }
    }

    /// Returns a quantile of a tier's tasks of an interval; nothing if none ended.
    pub fn quantile(&self, interval: usize, tier: usize, share: f64) -> Option<Span> {
        let cell = &self.cells[interval * TIERS + tier];
        (!cell.is_empty()).then(|| Span(cell.value_at_quantile(share) * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every latency used to be cut off at two milliseconds.
    #[test]
    fn long_latencies_are_kept_as_they_are() {
        let empty = Histogram::new(2).unwrap();
        let mut timed = Timed { width: Span::from_secs(10), cells: vec![empty; 2 * TIERS] };
        for seconds in 1..=100 {
            timed.count(1, Time(0), Span::from_secs(seconds));
        }
        let at = |share| timed.quantile(0, 1, share).map(|span| span.seconds().round());
        assert_eq!((at(0.5), at(0.95)), (Some(50.0), Some(95.0)));
        assert_eq!(timed.quantile(1, 1, 0.5), None);
        let quantiles = timed.quantiles_before(Time(10_000_000_000), 1);
        assert!(quantiles.len() == 100 && quantiles[24].abs_diff(25_000) < 300, "{quantiles:?}");
        assert!(timed.quantiles_before(Time(10_000_000_000), 0).is_empty());
    }
}
