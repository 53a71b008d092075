//! The stop-loss: a live drill that does more harm than its scenario allows ends by itself.

use std::collections::VecDeque;

use crate::base::{Money, Ratio, Span, Time};
use crate::record::{Record, TierCounts};
use crate::scenario::file::stop_loss::LossLimits;

/// Over how long tasks are counted.
const OVER: Span = Span::from_secs(60);

/// How many tasks must have ended in that time for their share to say anything.
const TASKS_MIN: u64 = 20;

/// What a drill may lose.
#[derive(Debug, Default)]
pub(super) struct StopLoss {
    bad_above: Option<Ratio>,
    spend: Option<Money>,
    unsafe_acts: Option<u64>,
    /// Tasks that had ended at moments of the last minute, and of them those that ended badly.
    seen: VecDeque<(Time, u64, u64)>,
}

impl StopLoss {
    /// Returns what a scenario states; nothing, if it states nothing.
    pub(super) fn new(stated: Option<&LossLimits>) -> Self {
        let of = stated.map(|of| (of.bad_above, of.spend, of.unsafe_acts));
        let (bad_above, spend, unsafe_acts) = of.unwrap_or_default();
        Self {
            bad_above: bad_above.map(|at| at.value),
            spend: spend.map(|at| at.value),
            unsafe_acts: unsafe_acts.map(|at| at.value),
            seen: VecDeque::new(),
        }
    }

    /// Returns why the drill has to stop, if it has.
    pub(super) fn look(&mut self, now: Time, record: &Record) -> Option<String> {
        let sum = |of: fn(&TierCounts) -> u64| record.tiers.iter().map(of).sum::<u64>();
        let (ended, bad) = (sum(TierCounts::ended), sum(TierCounts::bad));
        // The newest moment that is a minute old or older, however rarely one looks.
        while self.seen.get(1).is_some_and(|(at, ..)| now.since(*at) >= OVER) {
            self.seen.pop_front();
        }
        let (_, ended_then, bad_then) = self.seen.front().copied().unwrap_or_default();
        self.seen.push_back((now, ended, bad));
        let (ended, bad) = (ended - ended_then, bad - bad_then);
        if let Some(above) = self.bad_above
            && ended >= TASKS_MIN
            && above.is_exceeded(bad, ended, Ratio::ONE)
        {
            let percent = bad as f64 / ended as f64 * 100.0;
            return Some(format!(
                "stop-loss: {percent:.1}% of the tasks of the last minute ended badly, above {above}"
            ));
        }
        if let Some(most) = self.spend
            && record.spend.total() > u128::from(most.0)
        {
            return Some(format!("stop-loss: more than {most} has been spent"));
        }
        let acts: u64 = record.effects.iter().map(|effects| effects.unsafe_acts).sum();
        let most = self.unsafe_acts.filter(|most| acts > *most)?;
        Some(format!("stop-loss: {acts} unsafe effects, more than {most}"))
    }
}
