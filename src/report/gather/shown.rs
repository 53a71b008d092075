//! The runs that are worth looking at, in full.

use rayon::prelude::*;

use super::{journal, millis, usd};
use crate::base::Span;
use crate::base::stats::quantile_sorted;
use crate::grade::RunVerdict;
use crate::plan::{Plan, TIERS};
use crate::record::{Outcome, Record, Series, TierCounts, Timed};
use crate::report::result::{RunResult, ShownRun, TierLines, Timeline, Word};
use crate::scenario::file::load::Tier;
use crate::study::{Trial, timed};

/// Returns the runs that are worth looking at; each is made again, with how long tasks took over time.
pub fn shown(plan: &Plan, runs: &[&RunResult]) -> Vec<ShownRun> {
    let each = |(why, seed): (&'static str, u64)| one(plan, why, &timed(plan, seed));
    chosen(runs).into_par_iter().map(each).collect()
}

/// Returns a run in full; it and its twin are timed.
pub fn one(plan: &Plan, why: &'static str, trial: &Trial) -> ShownRun {
    ShownRun {
        why: Word::from(why),
        run: RunResult::of(plan, trial),
        timeline: timeline(plan, &trial.run, &trial.twin),
        journal: journal::lines(plan, &trial.run),
    }
}

/// Returns the seeds to show, and why: the first run that failed or the slowest to recover, and the
/// one with the median time to recover.
fn chosen(runs: &[&RunResult]) -> Vec<(&'static str, u64)> {
    let recovery = |run: &&&RunResult| run.times_s.recover.map_or(u64::MAX, |at| (at * 1e3) as u64);
    let failed = || runs.iter().find(|run| run.verdict == RunVerdict::Fail.word());
    let proves_nothing = || runs.iter().find(|run| run.verdict != RunVerdict::Pass.word());
    // Of runs that are equally slow the first.
    let slowest = || runs.iter().rev().max_by_key(recovery);
    let Some(worst) = failed().or_else(proves_nothing).or_else(slowest) else { return Vec::new() };
    let mut sorted: Vec<&&RunResult> = runs.iter().collect();
    sorted.sort_by_key(recovery);
    match quantile_sorted(&sorted, 0.5) {
        Some(typical) if typical.seed != worst.seed => vec![("worst", worst.seed), ("typical", typical.seed)],
        _ if runs.len() == 1 => vec![("only", worst.seed)],
        _ => vec![("worst", worst.seed)],
    }
}

fn timeline(plan: &Plan, run: &Record, twin: &Record) -> Timeline {
    let second = Span::from_secs(1).0;
    let seconds = plan.end.0.div_ceil(second);
    let (took, twin_took) = (latencies(run), latencies(twin));
    let (width, own) = (took.width.0 / second, run.series.width.0 / second);
    let grid = Grid { per: (width / own) as usize, count: took.intervals() };
    let has_tasks = |tier: &usize| run.tiers[*tier].arrived > 0;
    let tier = |tier: usize| {
        let quantiles = |of: &Timed, share: f64| -> Vec<Option<f64>> {
            let each = |index: usize| Some(millis(of.quantile(index, tier, share)?.seconds()));
            (0..grid.count).map(each).collect()
        };
        let counts = grid.tier(&run.series, tier);
        TierLines {
            tier: Tier::ALL[tier].word().into(),
            arrived: counts.iter().map(|of| of.arrived as u32).collect(),
            done: counts.iter().map(done).collect(),
            twin_done: grid.tier(&twin.series, tier).iter().map(done).collect(),
            p50_s: quantiles(took, 0.5),
            p95_s: quantiles(took, 0.95),
            twin_p95_s: quantiles(twin_took, 0.95),
        }
    };
    let per_minute = |series: &Series| -> Vec<f64> {
        let each = |(index, of): (usize, &[u128])| {
            // The last interval may be shorter.
            let length = (seconds - index as u64 * width).min(width);
            (usd(of.iter().sum()) / (length as f64 / 60.0) * 1e4).round() / 1e4
        };
        grid.over(&series.spend).enumerate().map(each).collect()
    };
    let backlog = |series: &Series| -> Vec<u32> {
        grid.over(&series.backlog).map(|of| of.iter().copied().max().unwrap_or(0)).collect()
    };
    Timeline {
        width_s: width as f64,
        tiers: (0..TIERS).filter(has_tasks).map(tier).collect(),
        usd_per_minute: per_minute(&run.series),
        twin_usd_per_minute: per_minute(&twin.series),
        in_flight: backlog(&run.series),
        twin_in_flight: backlog(&twin.series),
    }
}

fn latencies(record: &Record) -> &Timed {
    record.timed.as_deref().expect("a run that is shown is timed")
}

/// Intervals of so many buckets each.
struct Grid {
    per: usize,
    count: usize,
}

impl Grid {
    fn over<'a, T>(&'a self, buckets: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        buckets.chunks(self.per).take(self.count)
    }

    fn tier(&self, series: &Series, tier: usize) -> Vec<TierCounts> {
        let sum = |buckets: &[[TierCounts; TIERS]]| {
            let mut sum = TierCounts::default();
            for bucket in buckets {
                sum.add(&bucket[tier]);
            }
            sum
        };
        self.over(&series.tiers).map(sum).collect()
    }
}

fn done(counts: &TierCounts) -> Option<f64> {
    let ended = counts.ended();
    (ended > 0).then(|| (counts.of(Outcome::Done) as f64 / ended as f64 * 1e4).round() / 1e4)
}
