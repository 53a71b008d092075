//! Faults over a mock: which of them hit a call, what they change, and the proof that they did.

use crate::base::{Key, Money, Ratio, Span};
use crate::engine::World;
use crate::engine::queue::Kind;
use crate::engine::slab::NONE;
use crate::engine::state::{Failure, Reply, Store};
use crate::engine::stations::Usage;
use crate::model::Dose;
use crate::model::memory::Entry;
use crate::model::overlay::{Caller, is_hit};
use crate::plan::{Access, FaultEffect, Flaw, Op};
use crate::record::{Event, Step, Via};
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
            let witness = &mut self.record.witnesses[usize::from(*index)];
            let is_turn =
                witness.decisions < fault.first_n && witness.exposed.is_multiple_of(fault.every_nth);
            if fault.effect.is_on_calls() && is_turn && is_hit(fault, self.now, self.seed, &caller) {
                witness.decide(self.now);
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
                | FaultEffect::RetryAfter(_)
                | FaultEffect::Boundary(_)
                | FaultEffect::ScreenDown(_)
                | FaultEffect::ScreenBlind(_)
                | FaultEffect::MemoryPoison { .. }
                | FaultEffect::Contention(_)
                | FaultEffect::RetryLayers(_)
                | FaultEffect::UsageMissing
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
            let (tokens, latency) = if let FaultEffect::Talk { tokens, latency } = fault.effect {
                (tokens, latency)
            } else if let FaultEffect::Flawed(Flaw::Truncated(left)) = fault.effect {
                (left, 1.0)
            } else {
                continue;
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

    /// Notes the faults that hit an attempt, if anybody wants to know.
    pub(super) fn trace_faults(&mut self, slot: u32) {
        if self.record.trace.is_some() {
            let (hits, number) = (self.attempts[slot].hits, self.attempts[slot].number);
            for fault in (0..self.plan.faults.len()).filter(|fault| hits >> fault & 1 == 1) {
                self.trace(number, Step::Fault(fault as u8));
            }
        }
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
                | FaultEffect::RetryAfter(_)
                | FaultEffect::Boundary(_)
                | FaultEffect::ScreenDown(_)
                | FaultEffect::ScreenBlind(_)
                | FaultEffect::MemoryPoison { .. }
                | FaultEffect::Contention(_)
                | FaultEffect::RetryLayers(_)
                | FaultEffect::Price(_) => {}
                FaultEffect::UsageMissing => {
                    attempt.is_unsaid = true;
                    attempt.hits |= u64::from(attempt.cost > Money::ZERO) << index;
                }
                FaultEffect::Flawed(flaw) => self.flaw(slot, index, *flaw),
            }
            let attempt = &mut self.attempts[slot];
            // A fault that another one hides, or that adds nothing, has not changed the call.
            if before != (attempt.reply, attempt.service, attempt.is_lost) {
                attempt.hits |= 1 << index;
            }
        }
    }

    /// Lays a flaw over a reply, unless it has one, or this one would change nothing.
    fn flaw(&mut self, slot: u32, index: usize, flaw: Flaw) {
        let attempt = &self.attempts[slot];
        if attempt.reply != Reply::Good || attempt.flaw.is_some() {
            return;
        }
        let op = (attempt.task != NONE).then(|| {
            let task = &self.tasks[attempt.task];
            (task, &self.plan.agents[usize::from(task.agent)].program[usize::from(task.pc)])
        });
        let is_news = match flaw {
            // An answer that was wrong anyway has not been changed.
            Flaw::Wrong => attempt.is_right,
            Flaw::HistoryLost(_) => op.is_some_and(|(task, _)| task.sent > 0),
            Flaw::Dropped | Flaw::Doubled | Flaw::Late(_) | Flaw::CutShort | Flaw::SentBack => {
                op.is_some_and(|(_, op)| matches!(op, Op::Use { is_message: true, .. }))
            }
            Flaw::OldRead => op.is_some_and(|(_, op)| matches!(op, Op::Use { access: Access::Read, .. })),
            Flaw::Waved => op.is_some_and(|(_, op)| matches!(op, Op::Ask { verifies: Some(_), .. })),
            // These are about what a task does with a reply: nobody does anything with a probe's.
            Flaw::Poisoned(..) | Flaw::Bleed | Flaw::Stale | Flaw::Flood(_) | Flaw::Again => op.is_some(),
            Flaw::Corrupt | Flaw::ToolCall | Flaw::Truncated(_) | Flaw::Refused => true,
        };
        if !is_news {
            return;
        }
        let attempt = &mut self.attempts[slot];
        (attempt.flaw, attempt.flaw_by) = (Some(flaw), index as u8);
        // Whether a verifier would have found something shows only later.
        attempt.hits |= u64::from(flaw != Flaw::Waved) << index;
    }

    /// Returns the refusal, with the wait that the server asks for, and the fault of a call that says so.
    pub(super) fn put_off(&mut self, hits: u64) -> Option<(Failure, usize)> {
        if hits == 0 {
            return None;
        }
        let faults = self.plan.faults.iter().enumerate();
        let (index, wait) =
            faults.filter(|(index, _)| hits >> index & 1 == 1).find_map(|(index, fault)| {
                if let FaultEffect::RetryAfter(wait) = fault.effect { Some((index, wait)) } else { None }
            })?;
        self.witness(1 << index, |_| true);
        Some((Failure::RateLimited(wait), index))
    }

    /// Puts poisoned entries into a memory.
    pub(super) fn poison(&mut self, index: usize) {
        let fault = &self.plan.faults[index];
        let FaultEffect::MemoryPoison { entries, every, hijack } = fault.effect else { return };
        // What comes once comes whole; what comes again and again rises with the ramp.
        let dose = if every.is_some() { Dose::at(fault, self.now).0 } else { 1.0 };
        let count = (f64::from(entries) * dose + 0.5) as u32;
        for _ in 0..count {
            let number = self.spread((Some(fault.mock), Some(index as u8)), None, Via::Memory);
            if let Store::Memory(memory) = &mut self.stations[usize::from(fault.mock)].store {
                memory.remember(Entry::Poisoned(number, hijack));
            }
            self.witness(1 << index, |_| true);
        }
        if let Some(next) = every.map(|every| self.now + every).filter(|next| *next < fault.end) {
            self.schedule_at(next, Kind::Fault, index as u32);
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
        self.caller_of(attempt.task, attempt.key)
    }

    /// Returns who makes a call of a task, whose stream is `attempt`.
    pub(super) fn caller_of(&self, task: u32, attempt: Key) -> Caller {
        let task = &self.tasks[task];
        let copies = self.plan.agents[usize::from(task.agent)].instances;
        let copy = (task.key.with(INSTANCE).unit() * copies as f64) as u64;
        let tenant = (task.key.with(TENANT).unit() * self.plan.traffic.tenants as f64) as u64;
        let instance = u64::from(task.agent) << 32 | copy;
        Caller { attempt, task: task.key, instance, tenant }
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
                self.record.acts.fault_met(self.now);
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
