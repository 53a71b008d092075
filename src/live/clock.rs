//! The clock of live mocks: the wall's, or one that stands until somebody moves it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the only file of the program that asks the machine for the time of a drill"
)]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_io::Timer;

use crate::base::{Span, Time};

/// What time it is in the drill, and waiting for a moment of it.
#[derive(Debug)]
pub(super) struct Clock {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// The moment of the drill at `since`; while it stands, always.
    base: Time,
    since: Instant,
    is_held: bool,
}

/// A moment of the machine, for the pauses of replies; these pass whether the drill's clock stands or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Instant);

impl Clock {
    /// Returns a clock that shows `base` now.
    pub(super) fn new(base: Time, is_held: bool) -> Self {
        Self { state: Mutex::new(State { base, since: Instant::now(), is_held }) }
    }

    /// Returns the time of the drill.
    pub(super) fn now(&self) -> Time {
        let state = *self.state.lock().expect("nobody panics while holding the clock");
        if state.is_held { state.base } else { state.base + span(state.since.elapsed()) }
    }

    /// Returns whether the clock stands.
    pub(super) fn is_held(&self) -> bool {
        self.state.lock().expect("nobody panics while holding the clock").is_held
    }

    /// Sets the clock, and lets it run or stand.
    pub(super) fn set(&self, base: Time, is_held: bool) {
        let mut state = self.state.lock().expect("nobody panics while holding the clock");
        *state = State { base, since: Instant::now(), is_held };
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
