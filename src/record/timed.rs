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
            cell.saturating_record(taken.0 / 1_000_000);
        }
    }

    /// Returns a quantile of a tier's tasks of an interval; nothing if none ended.
    pub fn quantile(&self, interval: usize, tier: usize, share: f64) -> Option<Span> {
        let cell = &self.cells[interval * TIERS + tier];
        (!cell.is_empty()).then(|| Span(cell.value_at_quantile(share) * 1_000_000))
    }
}
