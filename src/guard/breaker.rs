//! A circuit breaker over a sliding window of results.
//!
//! Closed, it counts; above its share of failures it opens and refuses. After a while it is half
//! open: one probe at a time passes, and enough good ones in a row close it.

use crate::base::{Ratio, Time};
use crate::plan::BreakerPlan;

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Pass,
    /// It may, and its result decides about the breaker.
    Probe,
    /// It may not.
    Refuse,
}

/// What a result did to the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It opened.
    Opened,
    /// It closed.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Time },
    HalfOpen { good: u64, is_probing: bool },
}

/// The window is cut into so many slices; a result is forgotten with its slice.
const SLICES: usize = 10;

/// A circuit breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    plan: BreakerPlan,
    state: State,
    /// Held open by hand, whatever the results.
    is_held: bool,
    // Invariant: slice `n` of time is counted in `slices[n % SLICES]`, and slices older than the window are zero.
    slices: [(u64, u64); SLICES],
    newest: u64,
}

impl Breaker {
    /// Returns a closed breaker.
    pub fn new(plan: BreakerPlan) -> Self {
        Self { plan, state: State::Closed, is_held: false, slices: [(0, 0); SLICES], newest: 0 }
    }

    /// Returns whether a call may be made at `now`.
    pub fn admit(&mut self, now: Time) -> Admission {
        if self.is_held {
            return Admission::Refuse;
        }
        match self.state {
            State::Closed => Admission::Pass,
            State::Open { until } if now < until => Admission::Refuse,
            State::Open { .. } => {
                self.state = State::HalfOpen { good: 0, is_probing: true };
                Admission::Probe
            }
            State::HalfOpen { is_probing: true, .. } => Admission::Refuse,
            State::HalfOpen { good, is_probing: false } => {
                self.state = State::HalfOpen { good, is_probing: true };
                Admission::Probe
            }
        }
    }

    /// Takes the result of a call that was admitted.
    pub fn on_result(&mut self, now: Time, is_probe: bool, is_ok: bool) -> Option<Change> {
        match self.state {
            State::Closed => {
                self.count(now, is_ok);
                let (bad, all) = self.window();
                let is_over =
                    all >= self.plan.calls_min && self.plan.open_above.is_exceeded(bad, all, Ratio::ONE);
                is_over.then(|| self.open(now))
            }
            State::HalfOpen { good, .. } if is_probe => {
                if !is_ok {
                    return Some(self.open(now));
                }
                if good + 1 < self.plan.probes {
                    self.state = State::HalfOpen { good: good + 1, is_probing: false };
                    return None;
                }
                self.state = State::Closed;
                self.slices = [(0, 0); SLICES];
                Some(Change::Closed)
            }
            // A call that was under way when the breaker opened says nothing new.
            State::Open { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// A call that was admitted ended for a reason of the client's own: that says nothing about the
    /// mock, but the next call may be a probe.
    pub fn on_withdrawn(&mut self, is_probe: bool) {
        if let State::HalfOpen { is_probing, .. } = &mut self.state
            && is_probe
        {
            *is_probing = false;
        }
    }

    /// Holds the breaker open until it is let go.
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// Lets go of a breaker that was held; it then probes as after opening by itself.
    pub fn let_go(&mut self, now: Time) {
        if self.is_held {
            self.is_held = false;
            self.state = State::Open { until: now };
        }
    }

    /// Returns whether it refuses calls other than probes.
    pub fn is_open(&self) -> bool {
        self.is_held || self.state != State::Closed
    }

    fn open(&mut self, now: Time) -> Change {
        self.state = State::Open { until: now + self.plan.probe_after };
        self.slices = [(0, 0); SLICES];
        Change::Opened
    }

    fn count(&mut self, now: Time, is_ok: bool) {
        let slice = now.0 / (self.plan.window.0 / SLICES as u64);
        let skipped = (slice - self.newest).min(SLICES as u64);
        for step in 1..=skipped {
            self.slices[((self.newest + step) % SLICES as u64) as usize] = (0, 0);
        }
        if skipped == SLICES as u64 {
            self.slices = [(0, 0); SLICES];
        }
        self.newest = slice;
        let counts = &mut self.slices[(slice % SLICES as u64) as usize];
        counts.0 += u64::from(!is_ok);
        counts.1 += 1;
    }

    fn window(&self) -> (u64, u64) {
        self.slices.iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    fn breaker() -> Breaker {
        Breaker::new(BreakerPlan {
            window: Span::from_secs(30),
            calls_min: 4,
            open_above: Ratio::from_percent(50),
            probe_after: Span::from_secs(15),
            probes: 2,
        })
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn half_of_the_calls_failing_is_not_above_half() {
        let mut breaker = breaker();
        for is_ok in [true, false, true, false] {
            assert_eq!(breaker.on_result(at(1), false, is_ok), None);
        }
        assert_eq!(breaker.on_result(at(1), false, false), Some(Change::Opened));
        assert_eq!(breaker.admit(at(15)), Admission::Refuse);
        assert_eq!(breaker.admit(at(16)), Admission::Probe);
    }

    #[test]
    fn too_few_calls_open_nothing() {
        let mut breaker = breaker();
        for _ in 0..3 {
            assert_eq!(breaker.on_result(at(1), false, false), None);
        }
        assert_eq!(breaker.on_result(at(1), false, false), Some(Change::Opened));
    }

    #[test]
    fn results_older_than_the_window_are_forgotten() {
        let mut breaker = breaker();
        for _ in 0..3 {
            assert_eq!(breaker.on_result(at(1), false, false), None);
        }
        assert_eq!(breaker.on_result(at(32), false, false), None, "the three before have left the window");
    }

    #[test]
    fn one_probe_at_a_time_and_enough_good_ones_close() {
        let mut breaker = breaker();
        for _ in 0..4 {
            breaker.on_result(at(0), false, false);
        }
        assert_eq!(breaker.admit(at(15)), Admission::Probe);
        assert_eq!(breaker.admit(at(15)), Admission::Refuse, "a probe is under way");
        assert_eq!(breaker.on_result(at(16), true, true), None);
        assert_eq!(breaker.admit(at(16)), Admission::Probe);
        assert_eq!(breaker.on_result(at(17), true, true), Some(Change::Closed));
        assert_eq!(breaker.admit(at(17)), Admission::Pass);
    }

    #[test]
    fn a_failed_probe_opens_again_and_a_late_result_does_not_matter() {
        let mut breaker = breaker();
        for _ in 0..4 {
            breaker.on_result(at(0), false, false);
        }
        assert_eq!(breaker.on_result(at(1), false, true), None);
        assert_eq!(breaker.admit(at(15)), Admission::Probe);
        assert_eq!(breaker.on_result(at(16), false, true), None, "an old call's result is no probe's");
        assert_eq!(breaker.on_result(at(16), true, false), Some(Change::Opened));
        assert_eq!(breaker.admit(at(30)), Admission::Refuse);
        assert_eq!(breaker.admit(at(31)), Admission::Probe);
    }

    #[test]
    fn a_withdrawn_probe_lets_the_next_call_be_one() {
        let mut breaker = breaker();
        for _ in 0..4 {
            breaker.on_result(at(0), false, false);
        }
        assert_eq!(breaker.admit(at(15)), Admission::Probe);
        breaker.on_withdrawn(true);
        assert_eq!(breaker.admit(at(15)), Admission::Probe);
    }

    #[test]
    fn a_held_breaker_refuses_until_it_is_let_go() {
        let mut breaker = breaker();
        breaker.hold();
        assert_eq!(breaker.admit(at(1)), Admission::Refuse);
        breaker.let_go(at(2));
        assert_eq!(breaker.admit(at(2)), Admission::Probe);
    }
}
