//! Where many runs break: the level at which a share of them no longer holds, found in few runs.
//!
//! With the same seed a higher dose hits all that a lower one hits, so each seed holds up to some level
//! and breaks from there on. The answer is a quantile of these break points, with an interval from order
//! statistics, which holds whatever their distribution (David and Nagaraja, "Order Statistics", section
//! 7.1). Each of the ranks is bisected over the levels; at a level only so many seeds are run as settle on
//! which side of it the rank lies, and what is known of a seed from other levels is not run again.

use rayon::prelude::*;

use crate::base::Key;
use crate::base::stats::quantile_ranks;

/// What the search found, as numbers of levels from 0, the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// At least the required share of runs holds up to this level, as sure as stated; nothing if not even
    /// the mildest is sure to hold.
    pub holds_to: Option<usize>,
    /// The level at which less than the required share holds, as far as these seeds show; nothing if that
    /// is beyond the last.
    pub breaks_about: Option<usize>,
    /// From this level on less than the required share holds, as sure as stated; nothing likewise.
    pub breaks_at: Option<usize>,
    /// How many runs were made.
    pub runs: u64,
    /// Of the runs made to check that what breaks stays broken: how many did not, and how many there were.
    pub contradictions: (u64, u64),
}

/// How many runs check that a seed which holds at one level holds at milder ones, and breaks at harsher ones.
const CHECKS: usize = 24;

/// Finds where `seeds` runs break over `levels` levels; `breaks` says whether a seed breaks at a level.
pub fn search(
    (seeds, levels): (usize, usize),
    (required, confidence): (f64, f64),
    breaks: impl Fn(usize, usize) -> bool + Sync,
) -> Break {
    // By seed: it holds below `low` and breaks from `high` on; `levels` stands for never.
    let spans = vec![(0, levels); seeds];
    let (low_rank, high_rank) = quantile_ranks(seeds as u64, 1.0 - required, confidence);
    let middle_rank = ((seeds as f64 * (1.0 - required) + 1e-9).floor() as u64 + 1).min(seeds as u64);
    let ranks = [low_rank, middle_rank, high_rank].map(|rank| rank as usize);
    let mut field = Field { spans, runs: 0, breaks: &breaks };
    let found = ranks.map(|rank| field.rank(rank, levels));
    let Field { spans, runs, .. } = field;
    let contradictions = check(&spans, levels, &breaks);
    let is_level = |level: &usize| *level < levels;
    Break {
        // The level before the one at which the first of those breaks.
        holds_to: found[0].and_then(|level| level.checked_sub(1)),
        breaks_about: found[1].filter(is_level),
        breaks_at: found[2].filter(is_level),
        runs: runs + contradictions.1,
        contradictions,
    }
}

/// What is known of every seed, and how to know more.
struct Field<'a, F> {
    spans: Vec<(usize, usize)>,
    runs: u64,
    breaks: &'a F,
}

/// How many seeds are run at once at least, so that no core is idle.
const BATCH: usize = 8;

impl<F: Fn(usize, usize) -> bool + Sync> Field<'_, F> {
    /// Returns the level at which the seed of a rank breaks, or `levels` for never; nothing if there is no
    /// such seed.
    fn rank(&mut self, rank: usize, levels: usize) -> Option<usize> {
        if rank == 0 || rank > self.spans.len() {
            return None;
        }
        let (mut low, mut high) = (0, levels);
        // What holds at the harshest level holds at all.
        if levels > 0 && !self.has_broken(rank, levels - 1) {
            return Some(levels);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.has_broken(rank, middle) { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }

    /// Returns whether as many seeds as the rank says break at a level.
    fn has_broken(&mut self, rank: usize, level: usize) -> bool {
        loop {
            let broken = self.spans.iter().filter(|span| span.1 <= level).count();
            let holding = self.spans.iter().filter(|span| span.0 > level).count();
            let missing = rank.saturating_sub(broken);
            let spare = (self.spans.len() - rank + 1).saturating_sub(holding);
            if missing == 0 || spare == 0 {
                return missing == 0;
            }
            let open = self.spans.iter().enumerate().filter(|(_, span)| span.0 <= level && level < span.1);
            let next: Vec<usize> = open.map(|(seed, _)| seed).take(missing.min(spare).max(BATCH)).collect();
            let found: Vec<bool> =
                next.par_iter().with_max_len(1).map(|seed| (self.breaks)(*seed, level)).collect();
            self.runs += next.len() as u64;
            for (seed, is_broken) in next.into_iter().zip(found) {
                let span = &mut self.spans[seed];
                if is_broken { span.1 = level } else { span.0 = level + 1 }
            }
        }
    }
}

const CHECK: Key = Key::of_name("check of break points");

/// Runs some seeds at levels at which it is taken for known what comes of it.
fn check(
    spans: &[(usize, usize)],
    levels: usize,
    breaks: &(impl Fn(usize, usize) -> bool + Sync),
) -> (u64, u64) {
    let mut cases = Vec::new();
    for number in 0..CHECKS as u64 {
        let mut draws = CHECK.at(number).draws();
        let seed = (draws.unit() * spans.len() as f64) as usize;
        let level = (draws.unit() * levels as f64) as usize;
        let (low, high) = spans[seed];
        // One below is known to hold, one at `high` to break.
        if level + 1 < low || level > high {
            cases.push((seed, level, level >= high));
        }
    }
    let wrong =
        cases.par_iter().with_max_len(1).filter(|(seed, level, is)| breaks(*seed, *level) != *is).count();
    (wrong as u64, cases.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Systems whose break points are uniform, or pile up at one level: the 5 % quantile is known, and lies
    /// between what is sure to hold and what is sure to break as often as that says.
    #[test]
    fn the_interval_covers_a_known_break_point_as_often_as_it_says() {
        let uniform: fn(f64) -> f64 = |unit| unit * 100.0;
        let piled: fn(f64) -> f64 = |unit| if unit < 0.03 { unit * 1000.0 } else { 60.5 };
        let skewed: fn(f64) -> f64 = |unit| 100.0 * unit.powi(4);
        for (of, truth, seeds) in
            [(uniform, 5.0, 100), (piled, 60.5, 100), (skewed, 0.000_625, 150), (uniform, 5.0, 60)]
        {
            let rounds = 400;
            let mut covered = 0;
            for round in 0..rounds {
                let point = |seed: usize| of(Key::of_seed(round).at(seed as u64).unit());
                let found = search((seeds, 101), (0.95, 0.95), |seed, level| level as f64 >= point(seed));
                let holds = found.holds_to.is_none_or(|level| (level as f64) < truth);
                let breaks = found.breaks_at.is_none_or(|level| level as f64 >= truth);
                covered += u32::from(holds && breaks);
                assert_eq!(found.contradictions.0, 0);
            }
            // 95 %, less three standard errors.
            assert!(covered >= 380 - 13, "{covered} of {rounds} at {seeds} seeds");
        }
    }

    #[test]
    fn the_search_spends_far_fewer_runs_than_all_seeds_at_all_levels() {
        let point = |seed: usize| Key::of_seed(1).at(seed as u64).unit() * 100.0;
        let found = search((100, 101), (0.95, 0.95), |seed, level| level as f64 >= point(seed));
        assert!(found.runs < 420, "{} of 10100", found.runs);
    }

    #[test]
    fn what_never_breaks_and_what_never_holds_are_said_so() {
        let never = search((100, 11), (0.95, 0.95), |_, _| false);
        assert_eq!((never.holds_to, never.breaks_at), (Some(10), None));
        let always = search((100, 11), (0.95, 0.95), |_, _| true);
        assert_eq!((always.holds_to, always.breaks_at), (None, Some(0)));
    }

    /// A system that breaks at a middling dose alone is no case for a bisection, and is found out.
    #[test]
    fn a_dose_that_is_not_monotone_is_found_out() {
        let found = search((100, 101), (0.95, 0.95), |_, level| (20..50).contains(&level));
        assert!(found.contradictions.0 > 0, "{found:?}");
    }
}
