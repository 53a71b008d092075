//! Questions asked of many runs: seeds in parallel, gathered in their order.

pub mod ablate;
pub mod amounts;
pub mod compare;
pub mod margin;
pub mod parity;
pub mod replay;
pub mod scale;
pub mod search;
mod selftest;
pub mod shrink;
pub mod tune;

use rayon::prelude::*;

pub use selftest::{Variant, selftest};

use crate::engine::{Fork, rehearse_timed};
use crate::grade::{Judgement, Scorecard, Stopping, Verdict, grade, judge};
use crate::plan::Plan;
use crate::record::Record;

/// One seed: the run, its twin, and the grade.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What the run left behind.
    pub run: Record,
    /// What would have happened without a fault.
    pub twin: Record,
    /// The grade.
    pub card: Scorecard,
}

/// Which seeds to run, and on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    /// The first seed.
    pub first: u64,
    /// How many follow it, itself included.
    pub count: u64,
    /// Threads; 0 for as many as there are cores.
    pub threads: usize,
}

/// Runs one seed beside its twin.
pub fn trial(plan: &Plan, seed: u64) -> Trial {
    let twin_plan = plan.twin();
    let fork = Fork::new(plan, seed);
    let run = fork.finish();
    // Without a fault a run is its own twin.
    let twin = if plan.faults.is_empty() { run.clone() } else { fork.finish_twin(&twin_plan) };
    let card = grade(plan, &run, &twin);
    Trial { run, twin, card }
}

/// Runs one seed beside its twin, both with how long tasks took over time; all else is as [`trial`] has it.
pub fn timed(plan: &Plan, seed: u64) -> Trial {
    let twin = plan.twin();
    let (run, twin) = rayon::join(|| rehearse_timed(plan, seed), || rehearse_timed(&twin, seed));
    let card = grade(plan, &run, &twin);
    Trial { run, twin, card }
}

/// Runs all seeds and keeps of each what `keep` takes; `done` is called after each, in any order.
///
/// The result is in the order of the seeds, whatever the number of threads.
pub fn seeds<T: Send>(
    plan: &Plan,
    seeds: Seeds,
    keep: impl Fn(Trial) -> T + Sync,
    done: impl Fn() + Sync,
) -> Result<Vec<T>, rayon::ThreadPoolBuildError> {
    for_each_seed(seeds, |seed| {
        let kept = keep(trial(plan, seed));
        done();
        kept
    })
}

/// Does something for every seed, in parallel; the results are in the order of the seeds.
pub fn for_each_seed<T: Send>(
    seeds: Seeds,
    of: impl Fn(u64) -> T + Sync,
) -> Result<Vec<T>, rayon::ThreadPoolBuildError> {
    let one = |offset: usize| of(seeds.first.wrapping_add(offset as u64));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(seeds.threads).build()?;
    // One seed at a time for each thread: runs differ in length.
    Ok(pool.install(|| (0..seeds.count as usize).into_par_iter().with_max_len(1).map(one).collect()))
}

/// Does something in which further work may be done in parallel, on so many threads.
pub fn on_threads<T: Send>(
    threads: usize,
    of: impl FnOnce() -> T + Send,
) -> Result<T, rayon::ThreadPoolBuildError> {
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(of))
}

/// Judges the scorecards of a plan, of which it was said beforehand how many there are to be.
pub fn verdict(plan: &Plan, cards: &[Scorecard]) -> Judgement {
    judge(&plan.targets, cards, Stopping::Fixed)
}

/// How many seeds are run between two looks at what they say; always the same number, so that the
/// result does not depend on the machine.
const LOOK_EVERY: u64 = 20;

/// Runs seeds until PASS or FAIL is settled, at most `seeds.count` of them; looks after every twenty.
///
/// The bounds hold however often one looks, so that stopping early costs no confidence. What is kept of
/// each trial comes back beside the judgement.
pub fn until_settled<T: Send>(
    plan: &Plan,
    seeds: Seeds,
    keep: impl Fn(Trial) -> (T, Scorecard) + Sync,
    done: impl Fn() + Sync,
) -> Result<(Vec<T>, Judgement), rayon::ThreadPoolBuildError> {
    let (mut kept, mut cards) = (Vec::new(), Vec::new());
    loop {
        let made = cards.len() as u64;
        let next = Seeds {
            first: seeds.first.wrapping_add(made),
            count: LOOK_EVERY.min(seeds.count - made),
            ..seeds
        };
        for (of, card) in self::seeds(plan, next, &keep, &done)? {
            kept.push(of);
            cards.push(card);
        }
        let judgement = judge(&plan.targets, &cards, Stopping::Anytime);
        let is_settled = matches!(judgement.verdict, Verdict::Pass | Verdict::Fail);
        if is_settled || cards.len() as u64 >= seeds.count {
            return Ok((kept, judgement));
        }
    }
}
