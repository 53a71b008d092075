//! The baseline's judgement, the faults' beginning and end, and what the control plane commands.

use crate::base::{Key, Ratio};
use crate::engine::World;
use crate::engine::queue::Kind;
use crate::engine::state::Attempt;
use crate::ops::Command;
use crate::plan::TIERS;
use crate::record::{Baseline, Event};
use crate::scenario::file::load::Tier;

/// The marks of a run.
pub(super) const WARM: u32 = 0;
pub(super) const BASELINE: u32 = 1;
pub(super) const LAST: u32 = 2;

const PROBE: Key = Key::of_name("health probe");

impl World<'_> {
    /// A moment has come from which tasks are counted: warm, the end of the baseline, the last window.
    pub(super) fn mark(&mut self, slot: u32) {
        match slot {
            WARM => self.warm.clone_from(&self.truth),
            LAST => self.last.clone_from(&self.truth),
            _ => self.judge_baseline(),
        }
    }

    /// Judges the baseline; faults are armed only if it held.
    fn judge_baseline(&mut self) {
        let plan = self.plan;
        let mut broken = Vec::new();
        let mut unmeasured = None;
        for (index, slo) in plan.slos.iter().enumerate() {
            let ((bad_before, all_before), (bad, all)) = (self.warm[index], self.truth[index]);
            let (bad, all) = (bad - bad_before, all - all_before);
            if all == 0 {
                unmeasured = unmeasured.or(Some(slo.name.clone()));
            } else if slo.goal.complement().is_exceeded(bad, all, Ratio::ONE) {
                let share = (all - bad) as f64 / all as f64 * 100.0;
                broken.push(format!("`{}` was {share:.2}% over the baseline, below {}", slo.name, slo.goal));
            }
        }
        for (index, alert) in plan.alerts.iter().enumerate() {
            if self.record.journal.count(|event| event == Event::AlertFiring(index)) > 0 {
                broken.push(format!("alert `{}` fired in the baseline", alert.name));
            }
        }
        let baseline = match (broken.is_empty(), unmeasured) {
            (false, _) => Baseline::Broken(broken),
            (true, Some(slo)) => Baseline::Unmeasured(slo),
            (true, None) => Baseline::Held,
        };
        let is_held = baseline == Baseline::Held;
        self.record.journal.push(self.now, Event::BaselineJudged { is_held });
        self.record.baseline = baseline;
        if !is_held {
            return;
        }
        for (index, fault) in plan.faults.iter().enumerate() {
            self.schedule_at(fault.start, Kind::Fault, index as u32);
            self.schedule_at(fault.end, Kind::Fault, index as u32);
        }
    }

    /// A fault begins or ends.
    pub(super) fn fault(&mut self, slot: u32) {
        let index = slot as usize;
        let fault = &self.plan.faults[index];
        let mock = usize::from(fault.mock);
        if self.now < fault.end {
            self.record.journal.push(self.now, Event::FaultArmed(index));
            self.stations[mock].faults.push(slot as u8);
            return;
        }
        self.record.journal.push(self.now, Event::FaultReleased(index));
        self.stations[mock].faults.retain(|other| *other != slot as u8);
        // Slots may be free again. A cut quota refills at its full rate from where it stands.
        self.serve_next(mock);
    }

    /// Calls the control plane and does what it says.
    pub(super) fn control(&mut self) {
        if self.now < self.ops_at {
            return;
        }
        self.record.events += 1;
        self.telemetry.in_flight = self.tasks.len() as u64;
        let mut commands = std::mem::take(&mut self.commands);
        self.ops.handle(self.now, &self.telemetry, &mut self.record.journal, &mut commands);
        for command in commands.drain(..) {
            self.obey(command);
        }
        self.commands = commands;
        self.call_ops();
    }

    /// Schedules the control plane's next call.
    pub(super) fn call_ops(&mut self) {
        self.ops_at = self.ops.next_at();
        self.schedule_at(self.ops_at, Kind::Ops, 0);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Degrade(mock, to) => self.stations[usize::from(mock)].degraded_to = Some(to),
            Command::Restore(mock) => self.stations[usize::from(mock)].degraded_to = None,
            Command::RetryLimit(mock, attempts) => self.stations[usize::from(mock)].attempts_max = attempts,
            Command::HoldBreaker(mock) => {
                if let Some(breaker) = &mut self.stations[usize::from(mock)].breaker {
                    breaker.hold();
                }
            }
            Command::LetGoBreaker(mock) => {
                if let Some(breaker) = &mut self.stations[usize::from(mock)].breaker {
                    breaker.let_go(self.now);
                }
            }
            Command::Admit(tiers, share) => {
                for tier in (0..TIERS).filter(|tier| tiers.has(*tier)) {
                    self.admitted[tier] = share.real();
                }
            }
            Command::Weight(mock, to, share) => {
                let rollout = (share > Ratio::ZERO).then_some((to, share.real()));
                self.stations[usize::from(mock)].rollout = rollout;
            }
            Command::Probe(mock) => self.probe(mock),
        }
    }

    /// Sends a health probe straight to a mock, past every guardrail but the timeout.
    fn probe(&mut self, mock: u8) {
        let key = self.seed.with(PROBE).with(self.plan.mocks[usize::from(mock)].key);
        let key = key.at(self.probes[usize::from(mock)]);
        self.probes[usize::from(mock)] += 1;
        let slot = self.attempts.insert(Attempt { key, mock, is_probe: true, ..Attempt::blank(self.now) });
        if self.reach(slot).is_some() {
            self.release(slot);
            self.ops.on_probe(self.now, usize::from(mock), false);
        }
    }

    /// Returns what the controls have left in place, in words.
    pub(super) fn left_behind(&self) -> Vec<String> {
        let plan = self.plan;
        let mut left = Vec::new();
        for (tier, share) in self.admitted.iter().enumerate().filter(|(_, share)| **share < 1.0) {
            let word = Tier::ALL[tier].word();
            left.push(format!("tier {word} admits only {:.0}%", share * 100.0));
        }
        for (station, mock) in self.stations.iter().zip(&plan.mocks) {
            if let Some(to) = station.degraded_to {
                left.push(format!("{} is degraded to {}", mock.name, plan.mocks[usize::from(to)].name));
            }
            if station.attempts_max.is_some() {
                left.push(format!("attempts at {} are capped", mock.name));
            }
            if station.breaker.as_ref().is_some_and(crate::guard::Breaker::is_open) {
                left.push(format!("the breaker of {} is open", mock.name));
            }
        }
        left.extend(self.ops.half_done().map(|(rollout, share)| {
            format!("rollout {} is half done, at {share}", plan.rollouts[rollout].name)
        }));
        left.extend(self.ops.firing().map(|alert| format!("alert {} fires", plan.alerts[alert].name)));
        left.extend(
            self.ops
                .open_incidents()
                .map(|runbook| format!("runbook {} is not finished", plan.runbooks[runbook].name)),
        );
        left
    }
}
