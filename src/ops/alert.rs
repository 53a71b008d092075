//! The state of an alert, as Prometheus has it: inactive, pending, firing.

use crate::base::Time;
use crate::plan::AlertPlan;

/// Inactive, pending since, or firing (and since when its condition has ceased).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum AlertState {
    /// The condition does not hold.
    #[default]
    Inactive,
    /// It holds, but not yet for long enough.
    Pending(Time),
    /// It fires.
    Firing {
        /// Since when the condition has not held.
        ceased: Option<Time>,
    },
}

impl AlertState {
    /// Returns whether it fires.
    pub(super) fn is_firing(self) -> bool {
        matches!(self, Self::Firing { .. })
    }

    /// Takes an evaluation of the condition.
    pub(super) fn evaluate(&mut self, now: Time, is_true: bool, plan: &AlertPlan) {
        *self = match (*self, is_true) {
            (Self::Inactive, true) if plan.hold.0 == 0 => Self::Firing { ceased: None },
            (Self::Inactive, true) => Self::Pending(now),
            (Self::Pending(since), true) if now.since(since) >= plan.hold => Self::Firing { ceased: None },
            (Self::Pending(since), true) => Self::Pending(since),
            (Self::Firing { .. }, true) => Self::Firing { ceased: None },
            (Self::Inactive | Self::Pending(_), false) => Self::Inactive,
            (Self::Firing { ceased }, false) => {
                let since = ceased.unwrap_or(now);
                if now.since(since) < plan.keep {
                    Self::Firing { ceased: Some(since) }
                } else {
                    Self::Inactive
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::plan::Rule;
    use crate::scenario::file::alerts::SeverityLevel;

    fn alert(hold: u64, keep: u64) -> AlertPlan {
        AlertPlan {
            name: "a".into(),
            rule: Rule::Backlog(1),
            every: Span::from_secs(60),
            hold: Span::from_secs(hold * 60),
            keep: Span::from_secs(keep * 60),
            group_wait: Span::ZERO,
            group_interval: Span::from_secs(300),
            repeat: Span::from_secs(3600),
            severity: SeverityLevel::Sev2,
            runbook: None,
            inhibited_by: Vec::new(),
        }
    }

    /// The minutes at which an alert fires whose condition is true at some minutes.
    fn firing(plan: &AlertPlan, is_true: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut state = AlertState::default();
        let minutes = (0..20).filter(|minute| {
            state.evaluate(Time::ZERO + Span::from_secs(minute * 60), is_true(*minute), plan);
            state.is_firing()
        });
        minutes.collect()
    }

    /// The cases that Prometheus itself was seen to decide (`promtool test rules`).
    #[test]
    fn for_and_keep_firing_for_are_those_of_prometheus() {
        let true_5_to_10 = |minute: u64| (5..=10).contains(&minute);
        assert_eq!(firing(&alert(0, 0), true_5_to_10), (5..=10).collect::<Vec<_>>());
        assert_eq!(firing(&alert(2, 0), true_5_to_10), (7..=10).collect::<Vec<_>>());
        assert_eq!(firing(&alert(2, 3), true_5_to_10), (7..=13).collect::<Vec<_>>());
        assert_eq!(firing(&alert(2, 0), |minute| minute == 5), Vec::<u64>::new());
    }
}
