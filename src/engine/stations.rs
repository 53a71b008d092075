//! Mocks as servers: admission, slots and queue, faults over them, effects and costs.

use crate::base::{Money, Span};
use crate::engine::World;
use crate::engine::queue::Kind;
use crate::engine::slab::NONE;
use crate::engine::state::{Attempt, Effect, Failure, NO_EVALUATION, Place};
use crate::model::outcome::{self, Bill, Talk};
use crate::model::{Outcome, Reply, Usage};
use crate::plan::FaultEffect;
use crate::record::{Done, Step, TaintedAct};
use crate::scenario::file::guards::CallControl;

/// The output tokens of a canary question's answer.
const CANARY_TOKENS: u32 = 100;

impl World<'_> {
    /// An attempt reaches its mock: it is refused at once, or taken up.
    pub(super) fn reach(&mut self, slot: u32) -> Option<Failure> {
        let plan = self.plan;
        self.attempts[slot].reached = self.now;
        let mock = usize::from(self.attempts[slot].mock);
        let parameters = &plan.mocks[mock];
        self.record.mocks[mock].requests += 1;
        if self.abroad.is_some() {
            self.send_abroad(slot);
            return None;
        }
        self.expose(mock);
        if let Some(failure) = self.permit(slot) {
            return Some(failure);
        }
        let hits = self.decide(slot);
        if let Some((failure, fault)) = self.put_off(hits) {
            self.trace(self.attempts[slot].number, Step::Fault(fault as u8));
            return Some(failure);
        }
        let talk = self.talk(slot, hits);
        let bill = self.bill(slot, hits);
        if let Some(wait) = self.admit(mock, bill.usage.input + bill.usage.output) {
            self.record.mocks[mock].rate_limited += 1;
            return Some(Failure::RateLimited(wait));
        }
        let attempt = &mut self.attempts[slot];
        attempt.cost = bill.cost;
        let mut outcome = Outcome::own(parameters, attempt.key, talk);
        if self.is_overflowing(slot) {
            if !parameters.truncates {
                return Some(Failure::Status(400));
            }
            outcome.is_right = false;
        }
        if hits != 0 {
            outcome = self.overlay(slot, hits, outcome);
            self.trace_faults(slot);
        }
        self.attempts[slot].settle(outcome);
        self.take_up(slot)
    }

    /// Returns how much the reply to an attempt usually says.
    pub(super) fn tokens_out(&self, slot: u32) -> u32 {
        let attempt = &self.attempts[slot];
        match (attempt.task, attempt.canary) {
            (NONE, NO_EVALUATION) => 1,
            (NONE, _) => CANARY_TOKENS,
            (task, _) => self.tasks[task].call.tokens_out,
        }
    }

    /// Returns how much the reply says, and how fast.
    fn talk(&mut self, slot: u32, hits: u64) -> Talk {
        let usual = self.tokens_out(slot);
        let talk = if hits == 0 { Talk::usual(usual) } else { self.talk_with_faults(slot, hits, usual) };
        self.attempts[slot].tokens_out = talk.tokens;
        talk
    }

    /// Gives the attempt a slot or a place in the queue, or refuses it.
    fn take_up(&mut self, slot: u32) -> Option<Failure> {
        let mock = usize::from(self.attempts[slot].mock);
        let parameters = &self.plan.mocks[mock];
        let capacity = self.capacity(mock);
        let station = &mut self.stations[mock];
        if station.busy < capacity {
            self.start(slot);
            // A call whose end is known to come before its timeout needs no timer.
            let attempt = &self.attempts[slot];
            let waited = self.now.since(attempt.begun);
            if attempt.is_lost || waited + attempt.service >= self.plan.guards[mock].timeout {
                self.set_timeout(slot);
            } else if attempt.timeout != 0 {
                self.attempts[slot].timeout = 0;
            }
            return None;
        }
        if capacity < parameters.slots && station.busy < parameters.slots {
            // Without the fault there would have been a slot.
            self.witness_all(mock, |effect| matches!(effect, FaultEffect::Capacity(_)));
        }
        let station = &mut self.stations[mock];
        if station.queue.length >= parameters.queue {
            self.record.mocks[mock].overloaded += 1;
            return Some(Failure::Status(503));
        }
        self.attempts[slot].place = Place::Queue;
        station.queue.push(slot, &mut self.attempts);
        self.set_timeout(slot);
        None
    }

    /// Returns whether the context is longer than the model takes.
    fn is_overflowing(&self, slot: u32) -> bool {
        let Attempt { mock, task, .. } = self.attempts[slot];
        let parameters = &self.plan.mocks[usize::from(mock)];
        let is_model = parameters.per_token.is_some();
        task != NONE && is_model && self.tasks[task].call.tokens_in > parameters.context_max
    }

    /// Returns the tokens of an attempt whose reply says so many.
    pub(super) fn usage(&self, slot: u32, output: u32) -> Usage {
        let attempt = &self.attempts[slot];
        if self.plan.mocks[usize::from(attempt.mock)].per_token.is_none() {
            return Usage::default();
        }
        if attempt.task == NONE {
            // A probe is one short question.
            return Usage { input: 16, cached: 0, output: u64::from(output) };
        }
        let task = &self.tasks[attempt.task];
        let input = u64::from(task.call.tokens_in);
        // A model knows a prefix only if it has been sent it before.
        let cached = if task.sent_to == attempt.mock { task.sent.min(input) } else { 0 };
        Usage { input, cached, output: u64::from(output) }
    }

    /// Returns the tokens in and out of an attempt, and what they cost, with the faults that hit it.
    fn bill(&mut self, slot: u32, hits: u64) -> Bill {
        let usage = self.usage(slot, self.attempts[slot].tokens_out);
        if hits == 0 {
            let parameters = &self.plan.mocks[usize::from(self.attempts[slot].mock)];
            Bill { usage, cost: usage.cost(parameters), changed: 0 }
        } else {
            self.bill_with_faults(slot, hits, usage)
        }
    }

    /// Asks the quotas; returns how long to wait if they refuse.
    fn admit(&mut self, mock: usize, tokens: u64) -> Option<Span> {
        if self.stations[mock].quotas.are_none() {
            return None;
        }
        let share = outcome::quota_left(self.faults_of(mock), self.now);
        let refusal = self.stations[mock].quotas.admit(self.now, share, tokens).err()?;
        if refusal.is_faults_doing {
            self.witness_all(mock, |effect| matches!(effect, FaultEffect::RateLimit(_)));
        }
        Some(refusal.wait)
    }

    /// An attempt gets a slot.
    fn start(&mut self, slot: u32) {
        let attempt = &mut self.attempts[slot];
        let mock = usize::from(attempt.mock);
        attempt.place = Place::Slot;
        let (service, hits) = (attempt.service, attempt.hits);
        let totals = &mut self.record.mocks[mock];
        totals.started += 1;
        totals.waited_ns += u128::from(self.now.since(attempt.reached).0);
        self.stations[mock].busy += 1;
        self.attempts[slot].complete = self.schedule(service, Kind::Complete, slot);
        if hits != 0 {
            self.witness(hits, |effect| !matches!(effect, FaultEffect::ReplyLost { .. }));
        }
    }

    /// A mock has worked an attempt to the end.
    pub(super) fn complete(&mut self, slot: u32, turn: u32) {
        if self.attempts[slot].complete != turn {
            return;
        }
        self.record.events += 1;
        let Attempt { mock, service, reply, is_lost, is_cut, hits, is_right, .. } = self.attempts[slot];
        let mock = usize::from(mock);
        self.attempts[slot].complete = 0;
        self.record.mocks[mock].completed += 1;
        self.record.mocks[mock].busy_ns += u128::from(service.0);
        self.stations[mock].busy -= 1;
        if reply == Reply::Good {
            self.charge(slot);
            self.commit(slot);
        }
        self.serve_next(mock);
        if is_lost && reply == Reply::Good {
            self.witness(hits, |effect| matches!(effect, FaultEffect::ReplyLost { .. }));
        }
        if self.attempts[slot].is_gone {
            self.release(slot);
        } else if is_lost && is_cut {
            self.reply(slot, Err(Failure::Cut));
        } else if is_lost {
            self.attempts[slot].place = Place::Lost;
        } else {
            let result = match reply {
                Reply::Good => Ok(is_right),
                Reply::Error(status) => Err(Failure::Status(status)),
                Reply::Hang => Err(Failure::Status(504)),
            };
            self.reply(slot, result);
        }
    }

    /// Adds what an attempt cost to the ledgers.
    pub(super) fn charge(&mut self, slot: u32) {
        let Attempt { mock, tier, cost, owner, owner_key, is_probe, is_unsaid, .. } = self.attempts[slot];
        if cost == Money::ZERO {
            return;
        }
        self.record.spend.add(usize::from(mock), (!is_probe).then_some(usize::from(tier)), cost);
        self.record.series.spend(self.bucket, cost);
        if is_unsaid {
            if !self.plan.guards[usize::from(mock)].estimates_usage {
                return;
            }
            self.acts(usize::from(mock), CallControl::EstimatesUsage);
        }
        self.telemetry.spent += u128::from(cost.0);
        self.minute.spend(self.now, cost);
        if !is_probe {
            self.minutes[usize::from(tier)].spend(self.now, cost);
        }
        if let Some(velocity) = &self.plan.tasks.velocity {
            self.velocity.spend(self.now, cost, velocity);
        }
        // A task pays also for what it no longer waits for, as long as it lasts.
        if owner != NONE && self.tasks[owner].key == owner_key {
            self.tasks[owner].cost += cost;
        }
    }

    /// Executes the effect of an attempt, unless it is known to have been executed.
    fn commit(&mut self, slot: u32) {
        let Attempt { mock, effect, token, .. } = self.attempts[slot];
        if effect == Effect::None {
            return;
        }
        let mock = usize::from(mock);
        // A mock knows the keys that it has seen itself, and no other's.
        let is_known = self.tokens[token].executed_by >> mock & 1 == 1;
        if is_known && self.plan.guards[mock].has_idempotency_keys {
            self.know_again(slot);
        } else {
            self.execute(slot, effect);
        }
    }

    /// A mock knows the effect of an attempt by its key, and does not execute it again.
    pub(super) fn know_again(&mut self, slot: u32) {
        let Attempt { mock, number, .. } = self.attempts[slot];
        self.record.effects[usize::from(mock)].deduplicated += 1;
        self.acts(usize::from(mock), CallControl::IdempotencyKeys);
        self.trace(number, Step::Effect { mock, done: Done::Deduplicated, is_unsafe: false });
    }

    /// Executes the effect of an attempt.
    pub(super) fn execute(&mut self, slot: u32, effect: Effect) {
        let Attempt { mock, token, task, taint, number, .. } = self.attempts[slot];
        let mock = usize::from(mock);
        let ledger = &mut self.record.effects[mock];
        let token = &mut self.tokens[token];
        let own = 1 << mock;
        ledger.executed += 1;
        let done = if token.executed_by == 0 { Done::First } else { Done::Duplicate };
        ledger.first += u64::from(done == Done::First);
        ledger.duplicate += u64::from(done == Done::Duplicate);
        token.executed_by |= own;
        let is_unsafe = effect == Effect::Unsafe || taint != NONE;
        if taint != NONE {
            ledger.contaminated += 1;
            self.record.provenance.act(TaintedAct { at: self.now, mock: mock as u8, spread: taint });
        }
        if is_unsafe {
            ledger.unsafe_acts += 1;
            if task != NONE {
                self.tasks[task].is_unsafe = true;
            }
        }
        self.trace(number, Step::Effect { mock: mock as u8, done, is_unsafe });
    }

    /// Gives free slots to whoever waits longest.
    pub(super) fn serve_next(&mut self, mock: usize) {
        if self.stations[mock].queue.length == 0 {
            return;
        }
        let capacity = self.capacity(mock);
        while self.stations[mock].busy < capacity {
            let Some(next) = self.stations[mock].queue.pop(&mut self.attempts) else { break };
            self.start(next);
        }
    }

    /// Nobody waits for an attempt any more: the mock stops, or works on unaware.
    pub(super) fn abandon(&mut self, slot: u32) {
        let Attempt { mock, place, .. } = self.attempts[slot];
        let mock = usize::from(mock);
        let stops = self.plan.mocks[mock].stops_when_abandoned;
        match place {
            Place::Bulkhead => {
                self.stations[mock].waiting.leave(slot, &mut self.attempts);
                self.release(slot);
            }
            Place::Lost => self.release(slot),
            Place::Abroad => self.call_off(slot),
            Place::Queue => {
                self.record.mocks[mock].abandoned += 1;
                if stops {
                    self.stations[mock].queue.leave(slot, &mut self.attempts);
                    self.release(slot);
                }
            }
            Place::Slot => {
                self.record.mocks[mock].abandoned += 1;
                if stops {
                    self.stations[mock].busy -= 1;
                    self.release(slot);
                    self.serve_next(mock);
                }
            }
        }
    }
}
