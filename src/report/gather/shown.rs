//! The runs that are worth looking at, in full.

use rayon::prelude::*;

use super::{journal, millis, usd};
use crate::base::stats::quantile_sorted;
use crate::base::{Span, Time};
use crate::grade::RunVerdict;
use crate::plan::{Plan, TIERS};
use crate::record::{Outcome, Record, Series, Step, TierCounts};
use crate::report::result::{RunResult, ShownRun, TierLines, Timeline, Word};
use crate::scenario::file::load::Tier;
use crate::study::timed;

/// Returns the runs that are worth looking at; each is made again, with when every task came and ended.
pub fn shown(plan: &Plan, runs: &[RunResult]) -> Vec<ShownRun> {
    let each = |(why, seed): (&'static str, u64)| {
        let trial = timed(plan, seed);
        ShownRun {
            why: Word::from(why),
            run: RunResult::of(plan, &trial),
            timeline: timeline(plan, &trial.run, &trial.twin),
            journal: journal::lines(plan, &trial.run),
        }
    };
    chosen(runs).into_par_iter().map(each).collect()
}

/// Returns the seeds to show, and why: the first run that failed or the slowest to recover, and the
/// one with the median time to recover.
fn chosen(runs: &[RunResult]) -> Vec<(&'static str, u64)> {
    let recovery = |run: &&RunResult| run.times_s.recover.map_or(u64::MAX, |at| (at * 1e3) as u64);
    let failed = || runs.iter().find(|run| run.verdict == RunVerdict::Fail.word());
    let proves_nothing = || runs.iter().find(|run| run.verdict != RunVerdict::Pass.word());
    // Of runs that are equally slow the first.
    let slowest = || runs.iter().rev().max_by_key(recovery);
    let Some(worst) = failed().or_else(proves_nothing).or_else(slowest) else { return Vec::new() };
    let mut sorted: Vec<&RunResult> = runs.iter().collect();
    sorted.sort_by_key(recovery);
    match quantile_sorted(&sorted, 0.5) {
        Some(typical) if typical.seed != worst.seed => vec![("worst", worst.seed), ("typical", typical.seed)],
        _ if runs.len() == 1 => vec![("only", worst.seed)],
        _ => vec![("worst", worst.seed)],
    }
}

/// The most intervals that a timeline has.
const INTERVALS_MAX: u64 = 240;
/// How long they may be, in seconds; all are multiples of the lengths that a series may have.
const WIDTHS: [u64; 12] = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200];

fn timeline(plan: &Plan, run: &Record, twin: &Record) -> Timeline {
    let seconds = plan.end.0.div_ceil(Span::from_secs(1).0);
    let own = run.series.width.0 / Span::from_secs(1).0;
    let fits = |width: &u64| seconds.div_ceil(*width) <= INTERVALS_MAX && width.is_multiple_of(own);
    let width = WIDTHS.into_iter().find(fits).unwrap_or(own);
    let grid = Grid { per: (width / own) as usize, count: seconds.div_ceil(width) as usize };
    let has_tasks = |tier: &usize| run.tiers[*tier].arrived > 0;
    let (latencies, twin_latencies) = (latencies(run, width, grid.count), latencies(twin, width, grid.count));
    let tier = |tier: usize| {
        let cell = |index: usize| tier + index * TIERS;
        let quantiles = |of: &[Vec<u64>], share: f64| -> Vec<Option<f64>> {
            let each = |index: usize| quantile_sorted(&of[cell(index)], share);
            (0..grid.count).map(|index| Some(millis(Span(each(index)?).seconds()))).collect()
        };
        let counts = grid.tier(&run.series, tier);
        TierLines {
            tier: Tier::ALL[tier].word().into(),
            arrived: counts.iter().map(|of| of.arrived as u32).collect(),
            done: counts.iter().map(done).collect(),
            twin_done: grid.tier(&twin.series, tier).iter().map(done).collect(),
            p50_s: quantiles(&latencies, 0.5),
            p95_s: quantiles(&latencies, 0.95),
            twin_p95_s: quantiles(&twin_latencies, 0.95),
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

/// Returns, by interval of arrival and tier, how long the tasks took that were not refused, sorted, in
/// nanoseconds.
fn latencies(record: &Record, width: u64, count: usize) -> Vec<Vec<u64>> {
    let mut cells = vec![Vec::new(); count * TIERS];
    let mut arrived: Vec<(Time, u8)> = Vec::new();
    let nodes = record.trace.as_ref().map_or(&[][..], |trace| &trace.nodes);
    for node in nodes {
        let task = node.task as usize;
        if let Step::Arrived { tier, .. } = node.step {
            arrived.resize(arrived.len().max(task + 1), (Time::ZERO, 0));
            arrived[task] = (node.at, tier);
        } else if let Step::Outcome(outcome) = node.step
            && outcome != Outcome::Shed
            && let Some((at, tier)) = arrived.get(task)
        {
            let interval = (at.0 / Span::from_secs(width).0) as usize;
            if let Some(cell) = cells.get_mut(interval * TIERS + usize::from(*tier)) {
                cell.push(node.at.since(*at).0);
            }
        }
    }
    for cell in &mut cells {
        cell.sort_unstable();
    }
    cells
}
