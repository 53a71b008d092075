//! When things happened: onset, detect, acknowledge, contain, recover.

use std::ops::Range;

use crate::base::Time;
use crate::base::stats::wilson_lower;
use crate::plan::{Plan, TIERS};
use crate::record::{Event, Record};

/// Moments of a run; what did not happen is absent (censored), never zero.
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
}

/// Finds the moments of a run beside its twin.
pub fn times(plan: &Plan, run: &Record, twin: &Record) -> Times {
    let Some(onset) = run.witnesses.iter().filter_map(|witness| witness.first).min() else {
        return Times::default();
    };
    let detect = detect(plan, run, onset);
    let acknowledge = detect.and_then(|detect| {
        let mut later = run.journal.entries().iter().filter(|entry| entry.at >= detect);
        later.find(|entry| matches!(entry.event, Event::Acknowledged { .. })).map(|entry| entry.at)
    });
    let windows = Windows::new(plan, run, onset);
    let contain = contain(plan, run, twin, &windows);
    let recover = contain.and_then(|contain| recover(plan, run, &windows, contain));
    Times { onset: Some(onset), detect, acknowledge, contain, recover }
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

/// Windows that slide over the buckets from onset to the end.
struct Windows {
    onset: Time,
    first: usize,
    end: usize,
    width: u64,
}

impl Windows {
    fn new(plan: &Plan, run: &Record, onset: Time) -> Self {
        let width = run.series.width.0;
        Self { onset, first: run.series.bucket(onset), end: (plan.end.0 / width) as usize, width }
    }

    /// Returns the windows of a length that lie inside the drill, from bucket `from` on.
    fn of(&self, from: usize, length: crate::base::Span) -> impl Iterator<Item = Range<usize>> {
        let buckets = length.0.div_ceil(self.width) as usize;
        let last = (self.end + 1).saturating_sub(buckets);
        (from..last).map(move |start| start..start + buckets)
    }

    fn time(&self, bucket: usize) -> Time {
        Time(bucket as u64 * self.width).max(self.onset)
    }
}

/// Containment: after harm has exceeded its threshold, the beginning of the first window in which
/// it stays below; the onset itself if it never exceeds it.
fn contain(plan: &Plan, run: &Record, twin: &Record, windows: &Windows) -> Option<Time> {
    let targets = &plan.targets;
    let is_calm = |window: &Range<usize>| {
        let (mut bad, mut twin_bad, mut arrived) = (0, 0, 0);
        for bucket in window.clone() {
            for tier in (0..TIERS).filter(|tier| targets.contain_tiers.has(*tier)) {
                bad += run.series.tiers[bucket][tier].bad();
                twin_bad += twin.series.tiers[bucket][tier].bad();
                arrived += run.series.tiers[bucket][tier].arrived;
            }
        }
        let lost = bad.saturating_sub(twin_bad);
        arrived > 0 && (lost == 0 || (lost as f64) < targets.harm_below.real() * arrived as f64)
    };
    let mut sliding = windows.of(windows.first, targets.contain_for);
    match sliding.find(|window| !is_calm(window)) {
        None => Some(windows.onset),
        Some(_) => sliding.find(is_calm).map(|window| windows.time(window.start)),
    }
}

/// Recovery: the beginning of the first window, not before containment, over which every objective
/// is proved by its lower confidence bound.
fn recover(plan: &Plan, run: &Record, windows: &Windows, contain: Time) -> Option<Time> {
    let targets = &plan.targets;
    let confidence = targets.confidence.real();
    let is_proved = |window: &Range<usize>| {
        plan.slos.iter().enumerate().all(|(index, slo)| {
            let (good, all) = run.series.objective(index, window.start, window.end);
            wilson_lower(good, all, confidence) >= slo.goal.real()
        })
    };
    if contain > windows.onset {
        let mut sliding = windows.of(run.series.bucket(contain), targets.recover_for);
        return sliding.find(is_proved).map(|window| windows.time(window.start));
    }
    // No harm above its threshold: recovery counts from the first objective that was not proved.
    let mut sliding = windows.of(windows.first, targets.recover_for);
    match sliding.find(|window| !is_proved(window)) {
        None => Some(windows.onset),
        Some(_) => sliding.find(is_proved).map(|window| windows.time(window.start)),
    }
}
