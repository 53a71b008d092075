//! The baseline's judgement, the faults' beginning and end, and what the control plane commands.

use crate::base::{Key, Ratio, Span, Time};
use crate::engine::Look;
use crate::engine::World;
use crate::engine::abroad::Outbound;
use crate::engine::queue::Kind;
use crate::engine::state::{Attempt, Station, Store};
use crate::model::{Dose, SharedState};
use crate::plan::{Boundary, FaultEffect, Order, TIERS};
use crate::record::{Baseline, Event, Spread};
use crate::scenario::file::guards::{CallControl, TaskControl};
use crate::scenario::file::load::Tier;

/// The marks of a run.
pub(super) const WARM: u32 = 0;
pub(super) const BASELINE: u32 = 1;
pub(super) const LAST: u32 = 2;

const PROBE: Key = Key::of_name("health probe");
const PURGE: Key = Key::of_name("purge of memory");

/// How old a pinned snapshot is where neither its age is stated nor a replay has found a distortion.
const SNAPSHOT_AGE: Span = Span::from_secs(600);

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
        self.tell_abroad(Outbound::Inject);
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
            if !self.stations[mock].faults.contains(&(slot as u8)) {
                self.record.journal.push(self.now, Event::FaultArmed(index));
                self.stations[mock].faults.push(slot as u8);
            }
            self.poison(index);
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
        self.audit();
        let mut commands = std::mem::take(&mut self.commands);
        self.ops.handle(self.now, &self.telemetry, &mut self.record.journal, &mut commands);
        if let Some(watched) = self.watched.as_mut().filter(|_| self.ops.looks_at(self.now)) {
            let (telemetry, conditions) = (self.telemetry.clone(), self.ops.conditions().to_vec());
            watched.push(Look { at: self.now, telemetry, conditions });
        }
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

    /// Looks where what is permitted is not what is declared.
    fn audit(&mut self) {
        for (mock, station) in self.stations.iter().enumerate() {
            self.telemetry.differs[mock] = station.faults.iter().any(|index| {
                let fault = &self.plan.faults[usize::from(*index)];
                let moves =
                    matches!(fault.effect, FaultEffect::Boundary(Boundary::Widened | Boundary::Narrowed));
                moves && fault.share * Dose::at(fault, self.now).0 > 0.0
            });
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Degrade(mock, to) => self.stations[usize::from(mock)].degraded_to = Some(to),
            Order::Restore(mock) => self.stations[usize::from(mock)].degraded_to = None,
            Order::RetryLimit(mock, attempts) => self.stations[usize::from(mock)].attempts_max = attempts,
            Order::HoldBreaker(mock) => {
                if let Some(breaker) = &mut self.stations[usize::from(mock)].breaker {
                    breaker.hold();
                    self.acts(usize::from(mock), CallControl::Breaker);
                }
            }
            Order::LetGoBreaker(mock) => {
                if let Some(breaker) = &mut self.stations[usize::from(mock)].breaker {
                    breaker.let_go(self.now);
                }
            }
            Order::Admit(runbook, tiers, share) => {
                for tier in (0..TIERS).filter(|tier| tiers.has(*tier)) {
                    self.holds[runbook][tier] = share.real();
                    self.admitted[tier] = self.holds.iter().map(|holds| holds[tier]).fold(1.0, f64::min);
                }
            }
            Order::Weight(mock, to, share) => {
                let rollout = (share > Ratio::ZERO).then_some((to, share.real()));
                self.stations[usize::from(mock)].rollout = rollout;
            }
            Order::Probe(mock) => self.probe(mock),
            Order::Outside(runbook, step) => self.tell_abroad(Outbound::Outside { runbook, step }),
            Order::Purge(..)
            | Order::Quarantine(..)
            | Order::PinSnapshot(..)
            | Order::Unpin(_)
            | Order::PutBack(_)
            | Order::Replay(_) => self.obey_about_stores(order),
            Order::ResetContexts => self.resets += 1,
            Order::Kill(mock, is_killed) => self.stations[usize::from(mock)].is_killed = is_killed,
            Order::Revoke { mock, agent, is_taken } => {
                let (of, whose) = (usize::from(mock), usize::from(agent));
                self.tell_abroad(Outbound::Revoke { mock: of, agent: whose, is_taken });
                let revoked = &mut self.stations[usize::from(mock)].revoked;
                revoked.retain(|(of, _)| *of != agent);
                if is_taken {
                    revoked.push((agent, self.now));
                }
            }
            Order::Approve(mock, is_needed) => {
                self.stations[usize::from(mock)].needs_approval = is_needed;
            }
            Order::Isolate(agent, is_isolated) => self.isolated[usize::from(agent)] = is_isolated,
            Order::Budget(limit) => {
                self.budget = limit;
                // Whom a runbook's budget spares, the guardrail's says.
                self.acts_on_tasks(TaskControl::Budget);
            }
        }
    }

    /// Obeys an order about a memory or a shared state.
    fn obey_about_stores(&mut self, order: Order) {
        let now = self.now;
        if let Order::Purge(mock, catches) = order {
            self.tell_abroad(Outbound::Purge(usize::from(mock), catches));
            let key = self.seed.with(PURGE).with(self.plan.mocks[usize::from(mock)].key).at(now.0);
            if let Store::Memory(memory) = &mut self.stations[usize::from(mock)].store {
                let entries = memory.purge(|number| key.at(number as u64).unit() < catches.real());
                let mock = usize::from(mock);
                self.record.journal.push(now, Event::Purged { mock, entries });
            }
        } else if let Order::Quarantine(mock, is_set) = order {
            self.stations[usize::from(mock)].is_quarantined = is_set;
        } else if let Order::PinSnapshot(mock, age) = order {
            // Without an age: just before the first distortion that a replay has found.
            let found = self.distorted_since.map(|since| Time(since.0.saturating_sub(1)));
            let at = age.map_or(found, |age| Some(now.back(age))).unwrap_or(now.back(SNAPSHOT_AGE));
            if let Store::State(state) = &mut self.stations[usize::from(mock)].store {
                state.pin(at);
            }
        } else if let Order::Unpin(mock) = order {
            if let Store::State(state) = &mut self.stations[usize::from(mock)].store {
                state.unpin();
            }
        } else if let Order::PutBack(mock) = order {
            if let Store::State(state) = &mut self.stations[usize::from(mock)].store {
                let objects = state.put_back();
                let mock = usize::from(mock);
                self.record.journal.push(now, Event::PutBack { mock, objects });
            }
        } else if let Order::Replay(runbook) = order {
            let found = self.first_distortion();
            self.distorted_since = found.map(|source| source.at);
            let mock = found.and_then(|source| source.mock).map(usize::from);
            self.record.journal.push(now, Event::Diagnosed { runbook, mock });
        }
    }

    /// Replays, node by node, what led to the objects that are distorted now; returns the node at
    /// which the first of them was distorted.
    fn first_distortion(&self) -> Option<Spread> {
        let stores = self.stations.iter().map(|station| &station.store);
        let states =
            stores.filter_map(|store| if let Store::State(state) = store { Some(state) } else { None });
        let sources =
            states.flat_map(SharedState::distorted).map(|spread| self.record.provenance.source(spread));
        sources.min_by_key(|source| source.at)
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
            left.extend(held_by_runbook(station, &mock.name));
            if station.attempts_max.is_some() {
                left.push(format!("attempts at {} are capped", mock.name));
            }
            if station.breaker.as_ref().is_some_and(crate::guard::Breaker::is_open) {
                left.push(format!("the breaker of {} is open", mock.name));
            }
        }
        for (agent, _) in plan.agents.iter().zip(&self.isolated).filter(|(_, is_isolated)| **is_isolated) {
            left.push(format!("agent {} is isolated", agent.name));
        }
        if let Some(limit) = self.budget {
            left.push(format!("a budget of {limit} a minute is in force"));
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

/// Returns what runbooks hold down at a mock, and what contamination is left in it, in words.
fn held_by_runbook(station: &Station, name: &str) -> Vec<String> {
    let mut left = Vec::new();
    let held = [
        (station.is_quarantined, "is quarantined"),
        (station.is_killed, "has its effects switched off"),
        (station.needs_approval, "has its effects approved by hand"),
        (!station.revoked.is_empty(), "has permissions revoked"),
    ];
    left.extend(held.iter().filter(|held| held.0).map(|held| format!("{name} {}", held.1)));
    match &station.store {
        Store::None => {}
        Store::Memory(memory) => {
            if memory.poisoned() > 0 {
                left.push(format!("{name} holds {} poisoned entries", memory.poisoned()));
            }
        }
        Store::State(state) => {
            let distorted = state.distorted().count();
            if distorted > 0 {
                left.push(format!("{name} holds {distorted} distorted objects"));
            }
            if state.is_pinned() {
                left.push(format!("{name} is pinned to a snapshot"));
            }
        }
    }
    left
}
