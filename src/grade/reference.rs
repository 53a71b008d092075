//! What a run is compared with where it has no twin: its own baseline, carried on.

use serde::{Deserialize, Serialize};

use crate::base::{Span, Time};
use crate::plan::{Plan, TIERS};
use crate::record::{Baseline, Record, Timed};

/// How long tasks usually take: what of a run's latencies its reference rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// By tier, the latencies of tasks that arrived in the baseline below which so many of a hundred lie, in milliseconds.
    quantiles: Vec<Vec<u64>>,
}

impl Usual {
    /// Returns what is usual in the baseline of a run; nothing, if its latencies over time are not known.
    pub fn of(plan: &Plan, run: &Record) -> Self {
        let Some(timed) = &run.timed else { return Self::default() };
        Self { quantiles: (0..TIERS).map(|tier| timed.quantiles_before(plan.baseline, tier)).collect() }
    }

    /// Returns the share of a tier's tasks that end within a span.
    fn within(&self, tier: usize, span: Span) -> f64 {
        let Some(quantiles) = self.quantiles.get(tier).filter(|all| !all.is_empty()) else { return 1.0 };
        let millis = span.0 / 1_000_000;
        quantiles.partition_point(|of| *of <= millis) as f64 / quantiles.len() as f64
    }

    /// Returns how long nine of ten tasks take at most, in the slowest tier.
    fn nine_of_ten(&self) -> Span {
        let of = |all: &Vec<u64>| all.get(all.len() * 9 / 10).copied();
        Span(self.quantiles.iter().filter_map(of).max().unwrap_or(0).saturating_mul(1_000_000))
    }
}

/// Returns the record that a run would have left behind by a moment, if everything had gone on as in its baseline: for
/// the tasks that really arrived, with the baseline's shares of outcomes and its cost for each task.
///
/// In the baseline itself it is the run's own. Unsafe and repeated acts are expected to be none.
pub fn of_baseline(plan: &Plan, run: &Record, usual: &Usual, until: Time) -> Record {
    let mut twin = Record::new(plan, run.seed);
    twin.baseline = Baseline::Held;
    twin.timed = Some(Box::new(Timed::new(plan, run.series.width)));
    let series = &run.series;
    let count = series.tiers.len().min(twin.series.tiers.len());
    let (from, to) = base(plan, run, usual);
    let is_own = |bucket: usize| bucket < to;
    let arrived_in = |bucket: usize| -> u64 { series.tiers[bucket].iter().map(|tier| tier.arrived).sum() };
    let base_all: u64 = (from..to).map(arrived_in).sum();
    for tier in 0..TIERS {
        let base = |of: &dyn Fn(usize) -> u64| (from..to).map(of).sum::<u64>();
        let base_arrived = base(&|bucket| series.tiers[bucket][tier].arrived);
        let ended = ended(run, usual, (tier, count), until);
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

/// Returns the buckets of the baseline, without its end: who arrives shortly before a fault may be hurt by it. At most
/// half of it is left out.
fn base(plan: &Plan, run: &Record, usual: &Usual) -> (usize, usize) {
    let series = &run.series;
    let first = plan.faults.iter().map(|fault| fault.start).min().unwrap_or(plan.end);
    let half = plan.warm + Span(plan.baseline.since(plan.warm).0 / 2);
    let clear = first.back(usual.nine_of_ten()).max(half);
    (series.bucket(plan.warm), series.bucket(plan.baseline.min(clear)).min(series.tiers.len()))
}

/// Returns, by bucket, the share of a tier's tasks that would have ended by a moment: who arrives shortly before it is
/// still being worked.
fn ended(run: &Record, usual: &Usual, (tier, count): (usize, usize), until: Time) -> Vec<f64> {
    let mut shares = vec![1.0; count];
    for (bucket, share) in shares.iter_mut().enumerate().rev() {
        let arrived = Time((bucket as u64 * 2 + 1) * run.series.width.0 / 2);
        *share = if arrived < until { usual.within(tier, until.since(arrived)) } else { 0.0 };
        if *share >= 1.0 {
            // All that arrived before have ended too.
            break;
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
    fn what_is_usual_says_who_has_ended_by_when() {
        let usual = Usual { quantiles: vec![(1..=100).map(|of| of * 100).collect()] };
        let percent =
            |tier: usize, seconds: u64| (usual.within(tier, Span::from_secs(seconds)) * 100.0).round() as u64;
        assert_eq!((percent(0, 0), percent(0, 5), percent(0, 60)), (0, 50, 100));
        assert_eq!(percent(1, 0), 100, "where nothing is known all have ended");
        assert_eq!(usual.nine_of_ten(), Span(9_100_000_000));
        assert_eq!(Usual::default().nine_of_ten(), Span::ZERO);
    }

    #[test]
    fn a_share_carried_on_over_many_steps_loses_nothing() {
        let mut share = Share::new(2, 3);
        let counts: Vec<u64> = (0..7).map(|_| share.next(1)).collect();
        assert_eq!(counts, [0, 1, 1, 0, 1, 1, 0]);
        assert_eq!(Share::new(0, 0).next(5), 0);
    }
}
