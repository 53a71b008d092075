//! What can be observed: the clauses of conditions, answered from telemetry.

use crate::base::stats::wilson_lower;
use crate::base::{Ratio, Time};
use crate::ops::window::Windows;
use crate::ops::{Desk, Telemetry};
use crate::plan::{Check, Plan};

/// Returns whether one of these is that a mock answers its probes.
pub(super) fn is_about_answers(checks: &[Check], mock: usize) -> bool {
    checks.iter().any(|check| matches!(check, Check::Answers(of, _) if *of == mock))
}

/// Telemetry at a moment.
pub(super) struct View<'a> {
    pub(super) now: Time,
    pub(super) telemetry: &'a Telemetry,
    pub(super) windows: &'a Windows,
    pub(super) plan: &'a Plan,
}

impl View<'_> {
    /// Returns how many of these are observed.
    pub(super) fn seen(&self, checks: &[Check], desk: &Desk) -> usize {
        checks.iter().filter(|check| self.is_seen(check, desk)).count()
    }

    /// Returns whether all of these are observed.
    pub(super) fn all(&self, checks: &[Check], desk: &Desk) -> bool {
        checks.iter().all(|check| self.is_seen(check, desk))
    }

    pub(super) fn is_seen(&self, check: &Check, desk: &Desk) -> bool {
        match *check {
            Check::Holds(slo, span) => {
                let (bad, all) = self.windows.tasks(slo, span, self.telemetry);
                let goal = self.windows.goal(slo).real();
                self.windows.is_full(span) && wilson_lower(all - bad, all, desk.confidence) >= goal
            }
            Check::BacklogBelow(count) => self.telemetry.in_flight < count,
            Check::BacklogFalling(span) => {
                self.windows.backlog_ago(span).is_some_and(|before| self.telemetry.in_flight < before)
            }
            Check::ErrorsBelow(mock, share, span) => {
                let calls = self.windows.calls(mock, span, self.telemetry);
                self.windows.is_full(span)
                    && calls.ended > 0
                    && !share.is_exceeded(calls.failed, calls.ended, Ratio::ONE)
            }
            Check::Answers(mock, span) => {
                desk.probes[mock].answering_since.is_some_and(|since| self.now.since(since) >= span)
            }
            Check::BadBelow(evaluation, share, span) => {
                let (bad, all) = self.windows.judged(evaluation, span, self.telemetry);
                self.windows.is_full(span) && all > 0 && !share.is_exceeded(bad, all, Ratio::ONE)
            }
            Check::SpendBelow(per_minute, span) => {
                let spent = self.windows.spent(span, self.telemetry) as f64 / span.seconds() * 60.0;
                self.windows.is_full(span) && spent < per_minute.0 as f64
            }
            Check::CaughtBelow(mock, share, span) => {
                let replies = self.windows.replies(mock, span, self.telemetry);
                self.windows.is_full(span)
                    && replies.all > 0
                    && !share.is_exceeded(replies.caught, replies.all, Ratio::ONE)
            }
            Check::IsBack(rollout) => desk.is_back[rollout],
            Check::AsDeclared(mock) => !self.telemetry.differs[mock],
            Check::Quiet(alert, span) => {
                let since = desk.last_fired[alert].unwrap_or(Time::ZERO);
                self.now.since(since) >= span
            }
        }
    }
}
