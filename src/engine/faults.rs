//! Faults over a mock: which of them hit a call, what they change, and the proof that they did.

use crate::base::{Key, Money};
use crate::engine::World;
use crate::engine::queue::Kind;
use crate::engine::slab::NONE;
use crate::engine::state::{Failure, Store};
use crate::model::memory::Entry;
use crate::model::outcome::{self, Bill, Talk};
use crate::model::overlay::{Caller, decide};
use crate::model::{Dose, Outcome, Usage, Use};
use crate::plan::{Access, FaultEffect, FaultPlan, Op};
use crate::record::{Event, Step, Via};

// No name in a scenario has a space, so none can be the name of a stream of the engine's own.
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
        let own = (&self.plan.faults[..], &self.stations[mock].faults[..]);
        decide(own, &mut self.record.witnesses, (self.now, self.seed), &caller)
    }

    /// Returns tokens and cost of an attempt as the faults that hit it make them.
    #[cold]
    pub(super) fn bill_with_faults(&mut self, slot: u32, hits: u64, usage: Usage) -> Bill {
        let parameters = &self.plan.mocks[usize::from(self.attempts[slot].mock)];
        let bill = outcome::bill(&self.plan.faults, hits, parameters, usage);
        self.attempts[slot].hits |= bill.changed;
        bill
    }

    /// Returns how much a model says, and how fast, as the faults that hit an attempt make it.
    #[cold]
    pub(super) fn talk_with_faults(&mut self, slot: u32, hits: u64, usual: u32) -> Talk {
        let talk = outcome::talk(&self.plan.faults, hits, usual);
        self.attempts[slot].hits |= talk.changed;
        talk
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

    /// Lays the faults that hit an attempt over what the mock would do itself.
    #[cold]
    pub(super) fn overlay(&mut self, slot: u32, hits: u64, own: Outcome) -> Outcome {
        let attempt = &self.attempts[slot];
        let (mut outcome, of) = (own, self.use_of(slot));
        outcome.lay((&self.plan.faults, hits), attempt.key, attempt.cost > Money::ZERO, |outcome, flaw| {
            of.is_news(outcome, flaw)
        });
        self.attempts[slot].hits |= outcome.changed;
        outcome
    }

    /// Returns what the reply to an attempt is for.
    pub(super) fn use_of(&self, slot: u32) -> Use {
        let task = self.attempts[slot].task;
        if task == NONE {
            return Use::default();
        }
        let task = &self.tasks[task];
        let op = &self.plan.agents[usize::from(task.agent)].program[usize::from(task.pc)];
        Use {
            is_task: true,
            has_history: task.sent > 0,
            is_message: matches!(op, Op::Use { is_message: true, .. }),
            is_read: matches!(op, Op::Use { access: Access::Read, .. }),
            is_verifier: matches!(op, Op::Ask { verifies: Some(_), .. }),
        }
    }

    /// Returns the refusal, with the wait that the server asks for, and the fault of a call that says so.
    pub(super) fn put_off(&mut self, hits: u64) -> Option<(Failure, usize)> {
        if hits == 0 {
            return None;
        }
        let (index, wait) = outcome::put_off(&self.plan.faults, hits)?;
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
            // Mocks elsewhere say themselves what has come of a fault.
            if self.abroad.is_none() {
                self.witness(1 << index, |_| true);
            }
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
    pub(super) fn caller(&self, slot: u32) -> Caller {
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
        outcome::slots_left(self.faults_of(mock), self.now, self.plan.mocks[mock].slots)
    }

    /// Goes through the faults of a mock.
    pub(super) fn faults_of(&self, mock: usize) -> impl Iterator<Item = &FaultPlan> {
        self.stations[mock].faults.iter().map(|index| &self.plan.faults[usize::from(*index)])
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
