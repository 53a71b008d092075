//! What a run is compared with where it has no twin: its own baseline, carried on.

use crate::base::{Span, Time};
use crate::plan::{Plan, TIERS};
use crate::record::{Baseline, Record, Timed};

/// Returns the record that a run would have left behind by a moment, if everything had gone on as in its baseline: for
/// the tasks that really arrived, with the baseline's shares of outcomes and its cost for each task.
///
/// In the baseline itself it is the run's own. Unsafe and repeated acts are expected to be none.
pub fn of_baseline(plan: &Plan, run: &Record, until: Time) -> Record {
    let mut twin = Record::new(plan, run.seed);
    twin.baseline = Baseline::Held;
    twin.timed = Some(Box::new(Timed::new(plan, run.series.width)));
    let series = &run.series;
    let count = series.tiers.len().min(twin.series.tiers.len());
    let (from, to) = base(plan, run);
    let is_own = |bucket: usize| bucket < to;
    let arrived_in = |bucket: usize| -> u64 { series.tiers[bucket].iter().map(|tier| tier.arrived).sum() };
    let base_all: u64 = (from..to).map(arrived_in).sum();
    for tier in 0..TIERS {
        let base = |of: &dyn Fn(usize) -> u64| (from..to).map(of).sum::<u64>();
        let base_arrived = base(&|bucket| series.tiers[bucket][tier].arrived);
        let ended = ended(plan, run, (tier, count), until);
        for outcome in 0..twin.tiers[tier].outcomes.len() {
            let share = Share::new(
                base(&|bucket| series.tiers[bucket][tier].outcomes[outcome]),
                base_arrived * 1_000,
            );
            let mut carried = share;
            for (bucket, ended) in ended.iter().enumerate() {
                let own = &series.tiers[bucket][tier];
                let count = if is_own(bucket) {
                    own.outcomes[outcome]
                } else {
                    carried.next((own.arrived as f64 * ended * 1e3).round() as u64)
                };
                twin.series.tiers[bucket][tier].outcomes[outcome] = count;
                twin.tiers[tier].outcomes[outcome] += count;
            }
        }
        for bucket in 0..count {
            let arrived = series.tiers[bucket][tier].arrived;
            twin.series.tiers[bucket][tier].arrived = arrived;
            twin.tiers[tier].arrived += arrived;
        }
    }
    for slo in 0..plan.slos.len() {
        let (good, all) = series.objective(slo, from, to);
        let (mut good, mut all) = (Share::new(good, base_all), Share::new(all, base_all));
        for bucket in 0..count {
            let arrived = arrived_in(bucket);
            let counts = if is_own(bucket) {
                series.objective(slo, bucket, bucket + 1)
            } else {
                (good.next(arrived), all.next(arrived))
            };
            twin.series.count_many(bucket, slo, counts);
        }
    }
    let base_spent: u128 = series.spend[from..to].iter().sum();
    let base_backlog = series.backlog[from..to].iter().map(|most| u64::from(*most)).sum::<u64>();
    for bucket in 0..count {
        let spent = base_spent * u128::from(arrived_in(bucket)) / u128::from(base_all.max(1));
        twin.series.spend[bucket] = if is_own(bucket) { series.spend[bucket] } else { spent };
        let usual = base_backlog.checked_div((to - from) as u64).unwrap_or(0) as u32;
        twin.series.backlog[bucket] = if is_own(bucket) { series.backlog[bucket] } else { usual };
    }
    if let Some(first) = twin.spend.by_mock.first_mut() {
        *first = twin.series.spend.iter().sum();
    }
    twin
}

/// Returns the buckets of the baseline, without its end: who arrives shortly before a fault may be hurt by it.
fn base(plan: &Plan, run: &Record) -> (usize, usize) {
    let series = &run.series;
    let took = (0..TIERS).map(|tier| run.latencies[tier].value_at_quantile(0.9)).max().unwrap_or(0);
    let first = plan.faults.iter().map(|fault| fault.start).min().unwrap_or(plan.end);
    let clear = first.back(Span(took.saturating_mul(1_000)));
    let from = series.bucket(plan.warm);
    let to = series.bucket(plan.baseline.min(clear)).min(series.tiers.len());
    if to > from { (from, to) } else { (from, series.bucket(plan.baseline).min(series.tiers.len())) }
}

/// Returns, by bucket, the share of a tier's tasks that would have ended by a moment: who arrives shortly before it is
/// still being worked.
fn ended(plan: &Plan, run: &Record, (tier, count): (usize, usize), until: Time) -> Vec<f64> {
    let mut shares = vec![1.0; count];
    let Some(timed) = &run.timed else { return shares };
    for (bucket, share) in shares.iter_mut().enumerate().rev() {
        let arrived = Time((bucket as u64 * 2 + 1) * run.series.width.0 / 2);
        if arrived < until {
            *share = timed.share_within(plan.baseline, tier, until.since(arrived));
            // All that arrived before have ended too.
            if *share >= 1.0 {
                break;
            }
        } else {
            *share = 0.0;
        }
    }
    shares
}

/// A share that is carried on: what is cut off at one step comes at a later one, so that sums stay right.
#[derive(Debug, Clone, Copy)]
struct Share {
    of: u64,
    all: u64,
    rest: u64,
}

impl Share {
    fn new(of: u64, all: u64) -> Self {
        Self { of, all: all.max(1), rest: 0 }
    }

    /// Returns how many of `count` there are.
    fn next(&mut self, count: u64) -> u64 {
        let sum = self.rest + count * self.of;
        self.rest = sum % self.all;
        sum / self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_carried_on_over_many_steps_loses_nothing() {
        let mut share = Share::new(2, 3);
        let counts: Vec<u64> = (0..7).map(|_| share.next(1)).collect();
        assert_eq!(counts, [0, 1, 1, 0, 1, 1, 0]);
        assert_eq!(Share::new(0, 0).next(5), 0);
    }
}
