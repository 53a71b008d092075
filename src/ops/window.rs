//! Sliding windows over running totals, in memory that depends on the windows alone.

use crate::base::{Ratio, Span, Time};
use crate::ops::{Calls, Replies, Telemetry};
use crate::plan::Plan;

/// What a window looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Bad tasks and all tasks of an objective.
    Slo(usize),
    /// Attempts at a mock.
    Calls(usize),
    /// Replies of a model.
    Replies(usize),
    /// Judgements of an evaluation.
    Judged(usize),
    /// Judgements of an evaluation about a model.
    JudgedOf(usize, usize),
    /// Money spent.
    Spend,
    /// Tasks in flight.
    Backlog,
}

/// Totals as they stood at regular moments of the past.
#[derive(Debug, Clone)]
struct Window {
    source: Source,
    span: Span,
    /// A total is kept every so many ticks; one, unless the window is very long.
    stride: u64,
    // Invariant: `kept[n % kept.len()]` is the total at tick `n * stride`, for the last `kept.len()` values of `n`.
    kept: Vec<[u64; 5]>,
}

/// The most totals that one window keeps.
const KEPT_MAX: u64 = 21_600;

impl Window {
    fn new(source: Source, span: Span, tick: Span) -> Self {
        let ticks = span.0.div_ceil(tick.0).max(1);
        let stride = ticks.div_ceil(KEPT_MAX);
        Self { source, span, stride, kept: vec![[0; 5]; ticks.div_ceil(stride) as usize] }
    }

    /// Returns the totals at the beginning of a window that ends at tick `tick`; zero before the drill.
    fn start(&self, tick: u64) -> [u64; 5] {
        // The slot that will be overwritten next is the oldest, one window ago.
        // Between two kept totals that one is already overwritten, and the next is the oldest.
        let number = tick.div_ceil(self.stride);
        let length = self.kept.len() as u64;
        if number < length { [0; 5] } else { self.kept[(number % length) as usize] }
    }

    fn keep(&mut self, tick: u64, totals: [u64; 5]) {
        if tick.is_multiple_of(self.stride) {
            let length = self.kept.len() as u64;
            self.kept[(tick / self.stride % length) as usize] = totals;
        }
    }
}

/// All windows that alerts and runbooks look through.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    all: Vec<Window>,
    tick: Span,
    now: Time,
    goals: Vec<Ratio>,
    /// By objective, tasks per second when the drill began.
    rates: Vec<f64>,
    /// By window, the totals at its beginning.
    starts: Vec<[u64; 5]>,
}

impl Windows {
    pub(super) fn new(plan: &Plan, tick: Span) -> Self {
        let first_rate = plan.traffic.segments.first().map_or(0.0, |segment| segment.rate);
        let tier_share = |tier: usize| {
            let before = if tier == 0 { 0.0 } else { plan.traffic.tiers[tier - 1] };
            plan.traffic.tiers[tier] - before
        };
        let rate = |slo: &crate::plan::SloPlan| {
            let shares = (0..crate::plan::TIERS).filter(|tier| slo.tiers.has(*tier)).map(tier_share);
            first_rate * shares.sum::<f64>()
        };
        Self {
            all: Vec::new(),
            tick,
            now: Time::ZERO,
            goals: plan.slos.iter().map(|slo| slo.goal).collect(),
            rates: plan.slos.iter().map(rate).collect(),
            starts: Vec::new(),
        }
    }

    /// Asks for a window, if it is not there yet.
    pub(super) fn watch(&mut self, source: Source, span: Span) {
        if self.find(source, span).is_none() {
            self.all.push(Window::new(source, span, self.tick));
            self.starts.push([0; 5]);
        }
    }

    /// Takes the totals of a tick.
    pub(super) fn observe(&mut self, now: Time, telemetry: &Telemetry) {
        self.now = now;
        let tick = now.0 / self.tick.0;
        for (window, start) in self.all.iter_mut().zip(&mut self.starts) {
            *start = window.start(tick);
            window.keep(tick, totals(window.source, telemetry));
        }
    }

    fn find(&self, source: Source, span: Span) -> Option<usize> {
        self.all.iter().position(|window| window.source == source && window.span == span)
    }

    /// Returns how much the totals of a source have grown over a window.
    fn growth(&self, source: Source, span: Span, telemetry: &Telemetry) -> [u64; 5] {
        let index = self.find(source, span).expect("every window is asked for when the run begins");
        let totals = totals(source, telemetry);
        std::array::from_fn(|n| totals[n] - self.starts[index][n])
    }

    /// Returns an objective's share.
    pub(super) fn goal(&self, slo: usize) -> Ratio {
        self.goals[slo]
    }

    /// Returns bad and all tasks over a window.
    pub(super) fn tasks(&self, slo: usize, span: Span, telemetry: &Telemetry) -> (u64, u64) {
        let [bad, all, ..] = self.growth(Source::Slo(slo), span, telemetry);
        (bad, all)
    }

    /// Returns bad and all tasks over a window that may reach back before the drill.
    ///
    /// The service is taken to have run before, at its first rate and without bad tasks: a real
    /// alert looks at a full window too, and would fire later than one that has only just begun.
    pub(super) fn tasks_with_history(&self, slo: usize, span: Span, telemetry: &Telemetry) -> (u64, u64) {
        let (bad, all) = self.tasks(slo, span, telemetry);
        let before = span - self.now.since(Time::ZERO);
        (bad, all + (self.rates[slo] * before.seconds()) as u64)
    }

    /// Returns the attempts at a mock over a window.
    pub(super) fn calls(&self, mock: usize, span: Span, telemetry: &Telemetry) -> Calls {
        let [ended, failed, took_us, denied, _] = self.growth(Source::Calls(mock), span, telemetry);
        Calls { ended, failed, took_us, denied }
    }

    /// Returns the replies of a model over a window.
    pub(super) fn replies(&self, mock: usize, span: Span, telemetry: &Telemetry) -> Replies {
        let [all, refused, malformed, tokens, caught] = self.growth(Source::Replies(mock), span, telemetry);
        Replies { all, refused, malformed, tokens, caught }
    }

    /// Returns bad and all judgements of an evaluation over a window.
    pub(super) fn judged(&self, evaluation: usize, span: Span, telemetry: &Telemetry) -> (u64, u64) {
        let [bad, all, ..] = self.growth(Source::Judged(evaluation), span, telemetry);
        (bad, all)
    }

    /// Returns bad and all judgements of an evaluation about a model over a window.
    pub(super) fn judged_of(
        &self,
        evaluation: usize,
        mock: usize,
        span: Span,
        telemetry: &Telemetry,
    ) -> (u64, u64) {
        let [bad, all, ..] = self.growth(Source::JudgedOf(evaluation, mock), span, telemetry);
        (bad, all)
    }

    /// Returns the totals of a mock's attempts as they stood a window ago.
    pub(super) fn calls_since(&self, mock: usize, span: Span, telemetry: &Telemetry) -> Calls {
        let (now, grown) = (telemetry.calls[mock], self.calls(mock, span, telemetry));
        Calls {
            ended: now.ended - grown.ended,
            failed: now.failed - grown.failed,
            took_us: now.took_us - grown.took_us,
            denied: now.denied - grown.denied,
        }
    }

    /// Returns what was spent over a window, in picodollars, rounded down to micro-dollars.
    pub(super) fn spent(&self, span: Span, telemetry: &Telemetry) -> u128 {
        u128::from(self.growth(Source::Spend, span, telemetry)[0]) * 1_000_000
    }

    /// Returns how many tasks were in flight a window ago; nothing before the drill.
    pub(super) fn backlog_ago(&self, span: Span) -> Option<u64> {
        let index = self.find(Source::Backlog, span)?;
        (self.now >= Time::ZERO + span).then(|| self.starts[index][0])
    }

    /// Returns whether the drill is at least as old as a window.
    pub(super) fn is_full(&self, span: Span) -> bool {
        self.now >= Time::ZERO + span
    }
}

fn totals(source: Source, telemetry: &Telemetry) -> [u64; 5] {
    match source {
        Source::Slo(slo) => [telemetry.slos[slo].0, telemetry.slos[slo].1, 0, 0, 0],
        Source::Calls(mock) => {
            let calls = telemetry.calls[mock];
            [calls.ended, calls.failed, calls.took_us, calls.denied, 0]
        }
        Source::Replies(mock) => {
            let replies = telemetry.replies[mock];
            [replies.all, replies.refused, replies.malformed, replies.tokens, replies.caught]
        }
        Source::Judged(evaluation) => {
            let (bad, all) = telemetry.judged[evaluation];
            [bad, all, 0, 0, 0]
        }
        Source::JudgedOf(evaluation, mock) => {
            let (bad, all) = telemetry.judged_of[evaluation * telemetry.calls.len() + mock];
            [bad, all, 0, 0, 0]
        }
        Source::Spend => [u64::try_from(telemetry.spent / 1_000_000).unwrap_or(u64::MAX), 0, 0, 0, 0],
        Source::Backlog => [telemetry.in_flight, 0, 0, 0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_forgets_exactly_its_length_ago() {
        let mut window = Window::new(Source::Spend, Span::from_secs(60), Span::from_secs(15));
        let mut starts = Vec::new();
        for tick in 1..=8 {
            starts.push(window.start(tick)[0]);
            window.keep(tick, [tick * 10, 0, 0, 0, 0]);
        }
        // At tick 5 (75 s) the window reaches back to tick 1 (15 s).
        assert_eq!(starts, [0, 0, 0, 0, 10, 20, 30, 40]);
    }

    #[test]
    fn a_window_of_many_ticks_never_shrinks_to_a_few() {
        let mut window = Window::new(Source::Spend, Span::from_secs(3 * 86_400), Span::from_secs(15));
        let ticks = 3 * 86_400 / 15;
        for tick in 1..3 * ticks {
            let start = window.start(tick)[0];
            let expected = tick.saturating_sub(ticks);
            assert!(start.abs_diff(expected) <= window.stride, "tick {tick}: {start}, not {expected}");
            window.keep(tick, [tick, 0, 0, 0, 0]);
        }
    }

    #[test]
    fn a_very_long_window_keeps_a_bounded_number_of_totals() {
        let window = Window::new(Source::Spend, Span::from_secs(3 * 86_400), Span::from_secs(15));
        assert!(window.kept.len() <= KEPT_MAX as usize);
        assert!(window.kept.len() as u64 * window.stride * 15 >= 3 * 86_400);
    }
}
