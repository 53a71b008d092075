//! Faults over a mock: which of them hit a call, what they change, and the proof that they did.

use crate::base::{Key, Money, Ratio, Span};
use crate::engine::World;
use crate::engine::slab::NONE;
use crate::engine::state::Reply;
use crate::engine::stations::Usage;
use crate::model::Dose;
use crate::model::overlay::{Caller, is_hit};
use crate::plan::{FaultEffect, Flaw};
use crate::record::Event;
use crate::scenario::limits::TOKENS_MAX;

// No name in a scenario has a space, so none can be the name of a stream of the engine's own.
const FAULT: Key = Key::of_name("amount of fault");
const INSTANCE: Key = Key::of_name("copy of agent");
const TENANT: Key = Key::of_name("tenant of task");

impl World<'_> {
    /// Decides which of its mock's faults hit an attempt, a bit for each.
    pub(super) fn decide(&mut self, slot: u32) -> u64 {
        let mock = usize::from(self.attempts[slot].mock);
        if self.stations[mock].faults.is_empty() {
            return 0;
        }
        let caller = self.caller(slot);
        let mut hits = 0;
        for index in &self.stations[mock].faults {
            let fault = &self.plan.faults[usize::from(*index)];
            if fault.effect.is_on_calls() && is_hit(fault, self.now, self.seed, &caller) {
                self.record.witnesses[usize::from(*index)].decided = Some(self.now);
                hits |= 1 << index;
            }
        }
        hits
    }

    /// Returns tokens and cost of an attempt as the faults that hit it make them.
    #[cold]
    pub(super) fn bill_with_faults(&mut self, slot: u32, hits: u64, usage: Usage) -> ((u64, u64), Money) {
        let plan = self.plan;
        let parameters = &plan.mocks[usize::from(self.attempts[slot].mock)];
        let (mut usage, mut price) = (usage, Ratio::ONE);
        let bill = |usage: Usage, price: Ratio| {
            let (tokens, cost) = usage.at(parameters);
            let picos = u128::from(cost.0) * u128::from(price.0) / u128::from(Ratio::ONE.0);
            (tokens, Money(u64::try_from(picos).unwrap_or(u64::MAX)))
        };
        for (index, fault) in plan.faults.iter().enumerate().filter(|(index, _)| hits >> index & 1 == 1) {
            let before = bill(usage, price);
            match &fault.effect {
                FaultEffect::Inflation(factor) => {
                    let inflate = |tokens: u64| factor.of_ceil(tokens).min(TOKENS_MAX as u64);
                    usage = Usage {
                        input: inflate(usage.input),
                        cached: inflate(usage.cached),
                        output: inflate(usage.output),
                    };
                }
                FaultEffect::CacheLoss => usage.cached = 0,
                FaultEffect::Price(factor) => price = Ratio(factor.of_ceil(price.0)),
                FaultEffect::Hang(_)
                | FaultEffect::Latency(_)
                | FaultEffect::Error(..)
                | FaultEffect::ReplyLost { .. }
                | FaultEffect::Capacity(_)
                | FaultEffect::Flawed(_)
                | FaultEffect::Talk { .. }
                | FaultEffect::RateLimit(_) => {}
            }
            if bill(usage, price) != before {
                self.attempts[slot].hits |= 1 << index;
            }
        }
        bill(usage, price)
    }

    /// Changes how many tokens a reply has; returns the factor of the time until the first of them.
    #[cold]
    pub(super) fn talk_with_faults(&mut self, slot: u32, hits: u64) -> f64 {
        let mut pace = 1.0;
        for (index, fault) in self.plan.faults.iter().enumerate().filter(|(index, _)| hits >> index & 1 == 1)
        {
            let (tokens, latency) = match fault.effect {
                FaultEffect::Talk { tokens, latency } => (tokens, latency),
                FaultEffect::Flawed(Flaw::Truncated(left)) => (left, 1.0),
                FaultEffect::Flawed(Flaw::Wrong | Flaw::Corrupt | Flaw::ToolCall | Flaw::Refused)
                | FaultEffect::Hang(_)
                | FaultEffect::Latency(_)
                | FaultEffect::Error(..)
                | FaultEffect::ReplyLost { .. }
                | FaultEffect::Capacity(_)
                | FaultEffect::RateLimit(_)
                | FaultEffect::Inflation(_)
                | FaultEffect::CacheLoss
                | FaultEffect::Price(_) => continue,
            };
            let attempt = &mut self.attempts[slot];
            let before = attempt.tokens_out;
            attempt.tokens_out = (f64::from(before) * tokens + 0.5).min(TOKENS_MAX) as u32;
            pace *= latency;
            // The exact comparison is meant: a factor of one changes nothing.
            if attempt.tokens_out != before || latency.to_bits() != 1.0_f64.to_bits() {
                attempt.hits |= 1 << index;
            }
        }
        pace
    }

    /// Lays the faults that hit an attempt over it.
    #[cold]
    pub(super) fn overlay(&mut self, slot: u32, hits: u64) {
        let plan = self.plan;
        for (index, fault) in plan.faults.iter().enumerate().filter(|(index, _)| hits >> index & 1 == 1) {
            let attempt = &mut self.attempts[slot];
            let before = (attempt.reply, attempt.service, attempt.is_lost);
            let mut draws = attempt.key.with(FAULT).with(fault.key).draws();
            match &fault.effect {
                FaultEffect::Hang(hold) => (attempt.reply, attempt.service) = (Reply::Hang, *hold),
                FaultEffect::Latency(added) => {
                    attempt.service = attempt.service + Span(added.sample_count(&mut draws));
                }
                FaultEffect::Error(status, after) => {
                    if attempt.reply != Reply::Hang {
                        attempt.reply = Reply::Error(*status);
                        attempt.service = Span(after.sample_count(&mut draws));
                    }
                }
                FaultEffect::ReplyLost { is_cut } => (attempt.is_lost, attempt.is_cut) = (true, *is_cut),
                FaultEffect::Capacity(_)
                | FaultEffect::RateLimit(_)
                | FaultEffect::Inflation(_)
                | FaultEffect::CacheLoss
                | FaultEffect::Talk { .. }
                | FaultEffect::Price(_) => {}
                FaultEffect::Flawed(flaw) => {
                    // An answer that was wrong anyway has not been changed.
                    let is_news = *flaw != Flaw::Wrong || attempt.is_right;
                    if is_news && attempt.reply == Reply::Good && attempt.flaw.is_none() {
                        attempt.flaw = Some(*flaw);
                        attempt.hits |= 1 << index;
                    }
                }
            }
            // A fault that another one hides, or that adds nothing, has not changed the call.
            if before != (attempt.reply, attempt.service, attempt.is_lost) {
                attempt.hits |= 1 << index;
            }
        }
    }

    /// Counts a request that comes by the faults of its mock.
    pub(super) fn expose(&mut self, mock: usize) {
        for index in &self.stations[mock].faults {
            self.record.witnesses[usize::from(*index)].exposed += 1;
        }
    }

    /// Returns who makes a call, as far as faults can stick to it.
    fn caller(&self, slot: u32) -> Caller {
        let attempt = &self.attempts[slot];
        if attempt.task == NONE {
            return Caller { attempt: attempt.key, task: attempt.key, instance: 0, tenant: 0 };
        }
        let task = &self.tasks[attempt.task];
        let copies = self.plan.agents[usize::from(task.agent)].instances;
        let copy = (task.key.with(INSTANCE).unit() * copies as f64) as u64;
        let tenant = (task.key.with(TENANT).unit() * self.plan.traffic.tenants as f64) as u64;
        let instance = u64::from(task.agent) << 32 | copy;
        Caller { attempt: attempt.key, task: task.key, instance, tenant }
    }

    /// Returns how many slots a mock has now.
    pub(super) fn capacity(&self, mock: usize) -> u32 {
        let slots = self.plan.mocks[mock].slots;
        let mut left = 1.0;
        for fault in self.stations[mock].faults.iter().map(|index| &self.plan.faults[usize::from(*index)]) {
            if let FaultEffect::Capacity(to) = fault.effect {
                left *= 1.0 - to.complement().real() * Dose::at(fault, self.now).0;
            }
        }
        // The small step down keeps 40 % of 10 at 4 where a float says 4.000000001.
        if left >= 1.0 { slots } else { (f64::from(slots) * left - 1e-6).ceil().max(0.0) as u32 }
    }

    /// Notes that the faults of some bits took effect, as far as they are of the kind asked for.
    pub(super) fn witness(&mut self, hits: u64, is_kind: impl Fn(&FaultEffect) -> bool) {
        for (index, fault) in self.plan.faults.iter().enumerate() {
            if hits >> index & 1 == 1 && is_kind(&fault.effect) && self.record.witnesses[index].hit(self.now)
            {
                self.record.journal.push(self.now, Event::FaultWitnessed(index));
            }
        }
    }

    /// Notes that the active faults of a mock took effect, as far as they are of the kind asked for.
    pub(super) fn witness_all(&mut self, mock: usize, is_kind: impl Fn(&FaultEffect) -> bool) {
        let active = self.stations[mock].faults.iter().filter(|index| {
            let fault = &self.plan.faults[usize::from(**index)];
            fault.effect.takes_something() && Dose::at(fault, self.now).0 > 0.0
        });
        let hits = active.fold(0, |hits, index| hits | 1 << index);
        self.witness(hits, is_kind);
    }
}
