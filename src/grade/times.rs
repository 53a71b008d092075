//! When things happened: onset, detect, acknowledge, contain, recover.

use std::ops::Range;

use crate::base::stats::wilson_lower;
use crate::base::{Span, Time};
use crate::grade::harm::lost;
use crate::plan::{Plan, TIERS};
use crate::record::{Entry, Event, Record, TierCounts};

/// Moments of a run; what did not happen is absent (censored), never zero.
///
/// Of several faults the one counts for which it took longest: its time is counted from the first onset, as if
/// there were no other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The first call that a fault changed.
    pub onset: Option<Time>,
    /// The first notification with a runbook, of an alert that began to fire after onset.
    pub detect: Option<Time>,
    /// Somebody owns the incident.
    pub acknowledge: Option<Time>,
    /// New harm has stopped.
    pub contain: Option<Time>,
    /// Every objective is back, with evidence.
    pub recover: Option<Time>,
    /// When these really came, of the fault for which it took longest.
    pub came: Came,
}

/// When things really came, of the fault for which each took longest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Came {
    /// The first notification.
    pub detect: Option<Time>,
    /// Ownership.
    pub acknowledge: Option<Time>,
    /// The end of new harm.
    pub contain: Option<Time>,
    /// Every objective back.
    pub recover: Option<Time>,
}

/// A moment, and how long after its fault's onset it came.
#[derive(Debug, Clone, Copy)]
struct Lag {
    at: Time,
    taken: Span,
}

impl Lag {
    /// Returns the longer of two.
    fn longer(self, other: Self) -> Self {
        if other.taken > self.taken { other } else { self }
    }
}

/// Finds the moments of a run beside its twin.
pub fn times(plan: &Plan, run: &Record, twin: &Record) -> Times {
    let Some(onset) = run.witnesses.iter().filter_map(|witness| witness.first).min() else {
        return Times::default();
    };
    let (detect, acknowledge) = noticed(plan, run, onset);
    let windows = Windows::new(plan, run, twin);
    let contain = over_faults(run, onset, &windows, |part| contain(plan, &windows, part));
    let recover = over_faults(run, onset, &windows, |part| {
        // Where containment is no target, nothing has to be contained before service is back.
        let contained = match plan.targets.contain {
            Some(_) => self::contain(plan, &windows, part)?,
            None => part.onset,
        };
        recover(plan, &windows, (part, contained))
    });
    let since = |lag: Option<Lag>| Some(onset + lag?.taken);
    let at = |lag: Option<Lag>| Some(lag?.at);
    Times {
        onset: Some(onset),
        detect: since(detect),
        acknowledge: since(acknowledge),
        contain: since(contain),
        recover: since(recover),
        came: Came {
            detect: at(detect),
            acknowledge: at(acknowledge),
            contain: at(contain),
            recover: at(recover),
        },
    }
}

/// Part of a run: from the onset of a fault to that of the next, or to the end.
#[derive(Debug, Clone, Copy)]
struct Part {
    onset: Time,
    until: Time,
}

/// Returns the longest time that any fault took; nothing if one of them never got there.
fn over_faults(
    run: &Record,
    first: Time,
    windows: &Windows,
    of: impl Fn(Part) -> Option<Time>,
) -> Option<Lag> {
    let mut onsets: Vec<Time> = run.witnesses.iter().filter_map(|witness| witness.first).collect();
    onsets.sort_unstable();
    let ends = onsets.iter().skip(1).copied().chain([windows.end()]);
    let mut longest = Lag { at: first, taken: Span::ZERO };
    // The onset from which the clock runs: of the earliest fault that is not over yet.
    let mut running = None;
    for (onset, until) in onsets.iter().copied().zip(ends) {
        let since = running.unwrap_or(onset);
        // Not over when the next fault begins: the clock runs on.
        running = Some(since);
        if let Some(moment) = of(Part { onset, until }) {
            longest = longest.longer(Lag { at: moment, taken: moment.since(since) });
            running = None;
        }
    }
    running.is_none().then_some(longest)
}

/// Returns when the team knew and when it owned it: for the fault for which that took longest.
///
/// A fault that begins while an alert fires or a runbook is being done finds the team at work: which
/// of the faults news is about cannot be told then, and only its containment is timed.
fn noticed(plan: &Plan, run: &Record, first: Time) -> (Option<Lag>, Option<Lag>) {
    let mut onsets: Vec<Time> = run.witnesses.iter().filter_map(|witness| witness.first).collect();
    onsets.sort_unstable();
    let none = Some(Lag { at: first, taken: Span::ZERO });
    let (mut longest, mut owned) = (none, none);
    for onset in onsets {
        if onset > first && is_at_work(run, onset) {
            continue;
        }
        let detect = detect(plan, run, onset);
        let acknowledge = detect.and_then(|detect| {
            run.journal.first_from(detect, |event| matches!(event, Event::Acknowledged { .. }))
        });
        let after = |at: Option<Time>, longest: Option<Lag>| {
            Some(longest?.longer(Lag { at: at?, taken: at?.since(onset) }))
        };
        (longest, owned) = (after(detect, longest), after(acknowledge, owned));
    }
    (longest, owned)
}

/// Returns whether an alert fires or a runbook is being done at a moment.
fn is_at_work(run: &Record, now: Time) -> bool {
    let before = || run.journal.entries().iter().take_while(|entry| entry.at <= now);
    let begun = |entry: &&Entry| matches!(entry.event, Event::AlertFiring(_) | Event::IncidentOpened(_));
    let over = |entry: &&Entry| matches!(entry.event, Event::AlertResolved(_) | Event::IncidentClosed(_));
    before().filter(begun).count() > before().filter(over).count()
}

fn detect(plan: &Plan, run: &Record, onset: Time) -> Option<Time> {
    let mut fired = vec![None; plan.alerts.len()];
    for entry in run.journal.entries() {
        if let Event::AlertFiring(alert) = entry.event {
            fired[alert] = Some(entry.at);
        }
        if let Event::Notified(alert) = entry.event
            && plan.alerts[alert].runbook.is_some()
            && fired[alert].is_some_and(|at| at >= onset)
        {
            return Some(entry.at);
        }
    }
    None
}

/// Windows that slide over the buckets of a run and its twin.
struct Windows {
    buckets: usize,
    width: u64,
    /// By bucket, the tasks of the tiers whose harm counts, before that bucket: of the run and the twin.
    tasks: Vec<(TierCounts, TierCounts)>,
    /// By bucket and objective, good tasks and all tasks before that bucket.
    slos: Vec<Vec<(u64, u64)>>,
}

impl Windows {
    fn new(plan: &Plan, run: &Record, twin: &Record) -> Self {
        let width = run.series.width.0;
        let buckets = (plan.end.0 / width) as usize;
        let (mut tasks, mut slos) = (Vec::with_capacity(buckets + 1), Vec::with_capacity(buckets + 1));
        let mut sums = (TierCounts::default(), TierCounts::default());
        let mut ended = vec![(0, 0); plan.slos.len()];
        for bucket in 0..=buckets {
            tasks.push(sums);
            slos.push(ended.clone());
            for tier in (0..TIERS).filter(|tier| plan.targets.contain_tiers.has(*tier)) {
                sums.0.add(&run.series.tiers[bucket][tier]);
                sums.1.add(&twin.series.tiers[bucket][tier]);
            }
            for (slo, sum) in ended.iter_mut().enumerate() {
                let (good, all) = run.series.objective(slo, bucket, bucket + 1);
                *sum = (sum.0 + good, sum.1 + all);
            }
        }
        Self { buckets, width, tasks, slos }
    }

    /// Returns the tasks of the run and the twin in a window.
    fn tasks(&self, window: &Range<usize>) -> (TierCounts, TierCounts) {
        let (from, to) = (&self.tasks[window.start], &self.tasks[window.end]);
        (to.0.less(&from.0), to.1.less(&from.1))
    }

    /// Returns good tasks and all tasks of an objective in a window.
    fn objective(&self, slo: usize, window: &Range<usize>) -> (u64, u64) {
        let (from, to) = (self.slos[window.start][slo], self.slos[window.end][slo]);
        (to.0 - from.0, to.1 - from.1)
    }

    fn end(&self) -> Time {
        Time(self.buckets as u64 * self.width)
    }

    /// Returns the windows of a length that lie inside a part of the run.
    fn of(&self, part: Part, length: Span) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let buckets = length.0.div_ceil(self.width) as usize;
        let from = (part.onset.0 / self.width) as usize;
        let end = (part.until.0 / self.width) as usize;
        (from..(end + 1).saturating_sub(buckets)).map(move |start| start..start + buckets)
    }

    fn time(&self, bucket: usize, part: Part) -> Time {
        Time(bucket as u64 * self.width).max(part.onset)
    }
}

/// Returns how many tasks were lost of those that arrived in the last window that containment is judged by, and how many
/// arrived.
pub fn lost_lately(plan: &Plan, (run, twin): (&Record, &Record), now: Time) -> (u64, u64) {
    let series = &run.series;
    let last = series.tiers.len().min(twin.series.tiers.len());
    let (from, to) = (series.bucket(now.back(plan.targets.contain_for)), series.bucket(now).min(last));
    let mut sums = (TierCounts::default(), TierCounts::default());
    for bucket in from..to {
        for tier in (0..TIERS).filter(|tier| plan.targets.contain_tiers.has(*tier)) {
            sums.0.add(&series.tiers[bucket][tier]);
            sums.1.add(&twin.series.tiers[bucket][tier]);
        }
    }
    (lost(&sums.0, &sums.1), sums.0.arrived)
}

/// Containment: the beginning of the first window after the last one in which harm was at its threshold
/// or above; the onset itself if it never was.
fn contain(plan: &Plan, windows: &Windows, part: Part) -> Option<Time> {
    let targets = &plan.targets;
    let is_calm = |window: &Range<usize>| {
        let (counts, twin_counts) = windows.tasks(window);
        let lost = lost(&counts, &twin_counts);
        counts.arrived > 0 && (lost == 0 || (lost as f64) < targets.harm_below.real() * counts.arrived as f64)
    };
    let sliding = || windows.of(part, targets.contain_for);
    // A part too short for a window shows nothing.
    let last = sliding().next_back()?;
    let Some(restless) = sliding().rev().find(|window| !is_calm(window)) else {
        return Some(part.onset);
    };
    (restless != last).then(|| windows.time(restless.start + 1, part))
}

/// Recovery: the beginning of the first window, not before containment and after the last window in
/// which an objective was missed, over which every objective is proved by its lower confidence bound.
fn recover(plan: &Plan, windows: &Windows, (part, contained): (Part, Time)) -> Option<Time> {
    let targets = &plan.targets;
    let confidence = targets.confidence.real();
    let all = |window: &Range<usize>, is_met: &dyn Fn(u64, u64, f64) -> bool| {
        plan.slos.iter().enumerate().all(|(index, slo)| {
            let (good, all) = windows.objective(index, window);
            is_met(good, all, slo.goal.real())
        })
    };
    let is_met =
        |window: &Range<usize>| all(window, &|good, all, goal| all > 0 && good as f64 >= goal * all as f64);
    let is_proved =
        |window: &Range<usize>| all(window, &|good, all, goal| wilson_lower(good, all, confidence) >= goal);
    let missed = windows.of(part, targets.recover_for).rev().find(|window| !is_met(window));
    let begin = Part { onset: contained, ..part };
    let after = missed.map_or(0, |window| window.start + 1);
    let mut later = windows.of(begin, targets.recover_for).filter(|window| window.start >= after);
    later.find(is_proved).map(|window| windows.time(window.start, begin))
}
