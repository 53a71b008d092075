//! From firing to delivered, as Alertmanager has it: group wait, group interval, repeat, inhibition.

use crate::base::Time;
use crate::plan::AlertPlan;

/// What was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The news that the alert fires.
    Firing,
    /// The same again: it fires still.
    FiringStill,
    /// The news that it has resolved.
    Resolved,
}

/// The notifications of one alert.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    is_firing: bool,
    /// When the group is looked at next; never, if there is no group.
    flush_at: Time,
    /// When the news that it fires was last sent.
    sent: Option<Time>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { is_firing: false, flush_at: Time::NEVER, sent: None }
    }
}

impl Delivery {
    /// Returns when the group is looked at next.
    pub(super) fn next_at(&self) -> Time {
        self.flush_at
    }

    /// Takes the state of the alert after an evaluation.
    pub(super) fn on_state(&mut self, now: Time, is_firing: bool, plan: &AlertPlan) {
        self.is_firing = is_firing;
        if is_firing && self.flush_at == Time::NEVER {
            self.flush_at = now + plan.group_wait;
        }
    }

    /// Looks at the group if that is due; returns what was sent.
    pub(super) fn flush(&mut self, now: Time, is_inhibited: bool, plan: &AlertPlan) -> Option<Sent> {
        if now < self.flush_at {
            return None;
        }
        self.flush_at = now + plan.group_interval;
        if !self.is_firing {
            // Nothing is left in the group; the next alert begins a new one.
            self.flush_at = Time::NEVER;
            return self.sent.take().map(|_| Sent::Resolved);
        }
        let is_due = self.sent.is_none_or(|sent| now.since(sent) >= plan.repeat);
        if is_inhibited || !is_due {
            return None;
        }
        let is_first = self.sent.is_none();
        self.sent = Some(now);
        Some(if is_first { Sent::Firing } else { Sent::FiringStill })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::plan::Rule;
    use crate::scenario::file::alerts::SeverityLevel;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn alert() -> AlertPlan {
        AlertPlan {
            name: "a".into(),
            rule: Rule::Backlog(1),
            every: Span::from_secs(15),
            hold: Span::ZERO,
            keep: Span::ZERO,
            group_wait: Span::from_secs(30),
            group_interval: Span::from_secs(300),
            repeat: Span::from_secs(600),
            severity: SeverityLevel::Sev2,
            runbook: None,
            inhibited_by: Vec::new(),
        }
    }

    #[test]
    fn an_alert_resolved_inside_the_group_wait_notifies_nobody() {
        let (plan, mut delivery) = (alert(), Delivery::default());
        delivery.on_state(at(0), true, &plan);
        delivery.on_state(at(15), false, &plan);
        assert_eq!(delivery.flush(at(30), false, &plan), None);
        assert_eq!(delivery.next_at(), Time::NEVER);
    }

    #[test]
    fn the_news_that_it_resolved_waits_for_the_group_interval() {
        let (plan, mut delivery) = (alert(), Delivery::default());
        delivery.on_state(at(0), true, &plan);
        assert_eq!(delivery.flush(at(29), false, &plan), None);
        assert_eq!(delivery.flush(at(30), false, &plan), Some(Sent::Firing));
        delivery.on_state(at(60), false, &plan);
        assert_eq!(delivery.next_at(), at(330));
        assert_eq!(delivery.flush(at(330), false, &plan), Some(Sent::Resolved));
    }

    #[test]
    fn a_firing_alert_is_repeated_and_an_inhibited_one_is_not_sent() {
        let (plan, mut delivery) = (alert(), Delivery::default());
        delivery.on_state(at(0), true, &plan);
        assert_eq!(delivery.flush(at(30), true, &plan), None);
        assert_eq!(delivery.flush(at(330), false, &plan), Some(Sent::Firing));
        assert_eq!(delivery.flush(at(630), false, &plan), None);
        assert_eq!(delivery.flush(at(930), false, &plan), Some(Sent::FiringStill));
    }
}
