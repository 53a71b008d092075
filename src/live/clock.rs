//! The clock of live mocks: the wall's, or one that stands until somebody moves it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the only file of the program that asks the machine for the time of a drill"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_io::Timer;

use crate::base::{Span, Time};

/// What time it is in the drill. One word, so that every request may look at it without waiting for another.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    /// If the first bit is set, the clock stands at the others; if not, they are what is to be added to the time since
    /// the origin, without the first bit.
    state: AtomicU64,
    /// How many times as fast as the wall's it runs.
    pace: u32,
}

const HELD: u64 = 1 << 63;

/// A moment of the machine, for the pauses of replies; these pass whether the drill's clock stands or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Instant);

impl Clock {
    /// Returns a clock that shows `base` now, and runs `pace` times as fast as the wall's.
    pub(super) fn new(base: Time, is_held: bool, pace: u32) -> Self {
        let clock = Self { origin: Instant::now(), state: AtomicU64::new(0), pace: pace.max(1) };
        clock.set(base, is_held);
        clock
    }

    /// Returns the time of the drill.
    pub(super) fn now(&self) -> Time {
        self.at(Moment::now())
    }

    /// Returns the time of the drill at a moment of the machine.
    pub(super) fn at(&self, moment: Moment) -> Time {
        let state = self.state.load(Ordering::Acquire);
        if state & HELD != 0 {
            return Time(state & !HELD);
        }
        let elapsed = self.passed(span(moment.0.saturating_duration_since(self.origin))).0;
        Time(elapsed.wrapping_add(state) & !HELD)
    }

    /// Returns how much time of the drill passes in a span of the machine's.
    pub(super) fn passed(&self, span: Span) -> Span {
        Span(span.0.saturating_mul(u64::from(self.pace)))
    }

    /// Returns in what span of the machine's a span of the drill passes.
    pub(super) fn wait(&self, span: Span) -> Span {
        Span(span.0.div_ceil(u64::from(self.pace)))
    }

    /// Returns the moment a span of the drill after another; never, if that is beyond what the machine counts.
    pub(super) fn after(&self, moment: Moment, span: Span) -> Option<Moment> {
        moment.after(self.wait(span))
    }

    /// Returns the moment at which the clock shows `at`, if it runs on; now, if it shows more already.
    pub(super) fn when(&self, at: Time) -> Option<Moment> {
        let now = Moment::now();
        self.after(now, at.since(self.at(now)))
    }

    /// Returns whether the clock stands.
    pub(super) fn is_held(&self) -> bool {
        self.state.load(Ordering::Acquire) & HELD != 0
    }

    /// Sets the clock, and lets it run or stand.
    pub(super) fn set(&self, base: Time, is_held: bool) {
        let base = base.0 & !HELD;
        let elapsed = self.passed(span(self.origin.elapsed())).0;
        let state = if is_held { base | HELD } else { base.wrapping_sub(elapsed) & !HELD };
        self.state.store(state, Ordering::Release);
    }
}

impl Moment {
    /// Returns this moment.
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Returns the moment `span` later; never, if that is beyond what the machine counts.
    pub(super) fn after(self, after: Span) -> Option<Self> {
        self.0.checked_add(Duration::from_nanos(after.0)).map(Self)
    }

    /// Returns how long after `earlier` this is.
    pub(super) fn since(self, earlier: Self) -> Span {
        span(self.0.saturating_duration_since(earlier.0))
    }

    /// Returns whether it has come.
    pub(super) fn has_come(self) -> bool {
        self.0 <= Instant::now()
    }

    /// Returns a timer that fires then, to within a tenth of a millisecond on an idle machine.
    pub(super) fn timer(self) -> Timer {
        Timer::at(self.0)
    }
}

/// Waits until a moment; does not yield if it has come.
pub(super) async fn until(moment: Option<Moment>) {
    match moment {
        Some(moment) if moment.has_come() => {}
        Some(moment) => {
            let _: Instant = moment.timer().await;
        }
        None => std::future::pending().await,
    }
}

/// Returns the wall's time that lies so far ahead, in seconds since 1970.
pub(super) fn wall_after(after: Span) -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + after.0.div_ceil(1_000_000_000)
}

fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_from_where_it_was_set_and_stands_where_it_is_held() {
        let clock = Clock::new(Time::ZERO + Span::from_secs(60), false, 1);
        let now = Moment::now();
        let later = now.after(Span::from_secs(5)).unwrap();
        assert_eq!(clock.at(later).since(clock.at(now)), Span::from_secs(5));
        assert!(clock.at(now) >= Time::ZERO + Span::from_secs(60));
        // Back to before the machine's own beginning, as it were.
        clock.set(Time(1), false);
        assert!(clock.now() >= Time(1) && clock.now() < Time::ZERO + Span::from_secs(60));
        clock.set(Time(7), true);
        assert_eq!((clock.now(), clock.is_held()), (Time(7), true));
    }

    #[test]
    fn a_clock_may_run_faster_than_the_walls() {
        let clock = Clock::new(Time::ZERO, false, 30);
        let now = Moment::now();
        let later = now.after(Span::from_secs(2)).unwrap();
        assert_eq!(clock.at(later).since(clock.at(now)), Span::from_secs(60));
        assert_eq!(clock.after(now, Span::from_secs(60)), Some(later));
    }
}
