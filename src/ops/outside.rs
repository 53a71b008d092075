//! Alerting that is somebody else's: it says which alerts fire, and the rules here are not asked.

use crate::base::Time;
use crate::ops::alert::AlertState;
use crate::ops::{Ops, Telemetry};
use crate::record::{Event, Journal};

impl Ops<'_> {
    /// Leaves it to others to say which alerts fire.
    pub fn leave_alerting(&mut self) {
        self.is_told = true;
    }

    /// Returns whether others say which alerts fire.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Takes what may be news: that an alert fires, or has resolved. A notification that fires has been delivered with
    /// it: whoever sends it has grouped and delayed it already.
    pub fn on_alert(
        &mut self,
        (now, telemetry): (Time, &Telemetry),
        alert: usize,
        is_firing: bool,
        journal: &mut Journal,
    ) {
        if self.alerts[alert].is_firing() == is_firing {
            return;
        }
        if is_firing {
            self.alerts[alert] = AlertState::Firing { ceased: None };
            self.desk.last_fired[alert] = Some(now);
            journal.push(now, Event::AlertFiring(alert));
            journal.push(now, Event::Notified(alert));
            self.open((now, true), &self.plan.alerts[alert], telemetry, journal);
        } else {
            self.alerts[alert] = AlertState::Inactive;
            journal.push(now, Event::AlertResolved(alert));
            journal.push(now, Event::ResolvedNotified(alert));
        }
    }

    /// Returns the rollouts that are being taken back.
    pub fn is_returning(&self, rollout: usize) -> bool {
        self.rollouts[rollout].is_returning()
    }
}
