//! A run whose mocks are elsewhere: what is sent to them leaves through an outbox, and what they do comes back.
//!
//! Agents, guardrails, alerts and runbooks are the same machines as in virtual time; whoever drives them says what
//! time it is, carries requests out and replies in.

mod driven;

use std::collections::{BTreeMap, VecDeque};

pub(crate) use driven::Driven;

use crate::base::{Key, Money, Ratio, Span, Time};
use crate::engine::World;
use crate::engine::slab::NONE;
use crate::engine::state::{Attempt, Effect, Failure, Place, Task};
use crate::model::overlay::Caller;
use crate::model::{Outcome, Reply, Told, Use};
use crate::plan::{Access, Op};
use crate::record::Event;

/// After how long nothing more is expected of an attempt that was called off: longer than any reply is held back.
const GONE_AFTER: Span = Span::from_secs(2 * 3_600);

const EFFECT: Key = Key::of_name("identity of effect");

/// What is under way to mocks that are elsewhere, and what is to be done about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abroad {
    outbox: Vec<Outbound>,
    /// The slots of attempts, by their serial numbers.
    slots: BTreeMap<u32, u32>,
    /// Attempts that were called off, with the moment of that.
    gone: VecDeque<(Time, u32)>,
}

/// Something to be done where the mocks are.
#[derive(Debug, Clone)]
pub(crate) enum Outbound {
    /// A request is to be sent.
    Call(Box<Request>),
    /// Nobody waits for the reply to a request, of this number at this mock, any more.
    Cancel(u32, usize),
    /// A step does something outside of the drill.
    Outside {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
    },
    /// The baseline has held: faults may come as they are scheduled.
    Inject,
    /// Poisoned entries are to be taken out of a memory, as many as are found.
    Purge(usize, Ratio),
    /// The permission for a mock is taken from an agent, or given back.
    Revoke {
        /// The mock.
        mock: usize,
        /// The agent.
        agent: usize,
        /// Whether it is taken.
        is_taken: bool,
    },
}

/// A request of a synthetic agent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its number, by which everything about it comes back.
    pub(crate) serial: u32,
    /// When it is to be sent.
    pub(crate) at: Time,
    /// The mock.
    pub(crate) mock: usize,
    /// The agent; none of a health probe or a canary question.
    pub(crate) agent: Option<usize>,
    /// The tier of the task.
    pub(crate) tier: usize,
    /// Who calls, and the stream of the call whose attempt it is.
    pub(crate) caller: Caller,
    /// The stream of the call.
    pub(crate) call: Key,
    /// Tokens in, of them sent before, and out.
    pub(crate) tokens: [u32; 3],
    /// What its reply is for.
    pub(crate) purpose: Use,
    /// What is wanted of a store.
    pub(crate) access: Access,
    /// The identity of its effect, if it has one.
    pub(crate) effect: Option<u64>,
    /// Whether it carries that identity as an idempotency key.
    pub(crate) has_key: bool,
    /// A person has approved its effect.
    pub(crate) is_approved: bool,
    /// The tool's schema has been looked up again.
    pub(crate) is_relisted: bool,
    /// Since when its credential is valid.
    pub(crate) credential: Time,
}

/// Something that has come back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inbound {
    /// A mock tells something.
    Told(Told),
    /// The reply to a request, as the client saw it.
    Answered {
        /// The request.
        serial: u32,
        /// A good reply, or why it is none.
        result: Result<(), Failure>,
    },
    /// Nothing more will be heard of a request that was called off.
    Gone {
        /// The request.
        serial: u32,
    },
}

impl World<'_> {
    fn next_due(&self) -> Time {
        let event = self.queue.peek().map_or(Time::NEVER, super::queue::Event::at);
        event.min(self.next_arrival)
    }

    /// A task that has begun elsewhere comes in; returns its number.
    fn begun_abroad(&mut self, tier: usize, agent: usize) -> u64 {
        let key = self.next_task();
        self.record.events += 1;
        self.enter(key, (tier, agent), true);
        key.number()
    }

    fn receive(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Told(told) => self.told(told),
            Inbound::Answered { serial, result } => {
                let waiting = self.slot_of(serial).filter(|slot| !self.attempts[*slot].is_gone);
                if let Some(slot) = waiting {
                    self.answered(slot, result);
                }
            }
            Inbound::Gone { serial } => {
                let gone = self.slot_of(serial).filter(|slot| self.attempts[*slot].is_gone);
                if let Some(slot) = gone {
                    self.release(slot);
                }
            }
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Decided { serial, outcome, tokens, waited } => {
                if let Some(slot) = self.slot_of(serial) {
                    self.decided(slot, outcome, (tokens, waited));
                }
            }
            Told::Worked { serial, cost, effects } => {
                if let Some(slot) = self.slot_of(serial) {
                    self.worked(slot, cost, effects);
                }
            }
            Told::Foreign { mock, status, took, tokens } => self.foreign(mock, status, (took, tokens)),
            Told::ForeignWork { mock, cost, effects } => self.foreign_work(mock, cost, effects),
            Told::Met { fault } => {
                // A fault that the plan does not know is none of the drill's.
                let unmet = self.record.witnesses.get_mut(fault).filter(|witness| witness.first.is_none());
                if let Some(witness) = unmet {
                    witness.first = Some(self.now);
                    self.record.acts.fault_met(self.now);
                    self.record.journal.push(self.now, Event::FaultWitnessed(fault));
                }
            }
        }
    }

    fn slot_of(&self, serial: u32) -> Option<u32> {
        self.abroad.as_ref()?.slots.get(&serial).copied()
    }

    /// Counts a request of agents that are not the scenario's: telemetry sees it as it sees any other.
    fn foreign(&mut self, mock: usize, status: u16, (took, tokens): (Span, u32)) {
        let is_ok = (200..300).contains(&status);
        let calls = &mut self.telemetry.calls[mock];
        calls.ended += 1;
        calls.failed += u64::from(!is_ok);
        calls.denied += u64::from(status == 403);
        calls.took_us += took.0 / 1_000;
        let totals = &mut self.record.mocks[mock];
        totals.requests += 1;
        totals.calls_ok += u64::from(is_ok);
        totals.calls_failed += u64::from(!is_ok);
        if is_ok {
            let replies = &mut self.telemetry.replies[mock];
            replies.all += 1;
            replies.tokens += u64::from(tokens);
            self.ops.on_reply(mock, tokens);
        }
    }

    fn foreign_work(&mut self, mock: usize, cost: Money, [executed, duplicate, beyond, known]: [u32; 4]) {
        self.record.mocks[mock].completed += 1;
        if cost > Money::ZERO {
            self.record.spend.add(mock, None, cost);
            self.record.series.spend(self.bucket, cost);
            self.telemetry.spent += u128::from(cost.0);
            self.minute.spend(self.now, cost);
        }
        let effects = &mut self.record.effects[mock];
        effects.executed += u64::from(executed);
        effects.first += u64::from(executed - duplicate);
        effects.duplicate += u64::from(duplicate);
        effects.unsafe_acts += u64::from(beyond);
        effects.deduplicated += u64::from(known);
    }

    /// Sends an attempt to its mock, which is elsewhere.
    pub(super) fn send_abroad(&mut self, slot: u32) {
        let serial = self.next_turn();
        self.attempts[slot].place = Place::Abroad;
        self.attempts[slot].complete = serial;
        let request = Box::new(self.request(slot, serial));
        self.set_timeout(slot);
        let abroad = self.abroad.as_mut().expect("the caller has seen that mocks are elsewhere");
        abroad.slots.insert(serial, slot);
        abroad.outbox.push(Outbound::Call(request));
    }

    fn request(&self, slot: u32, serial: u32) -> Request {
        let attempt = &self.attempts[slot];
        let mock = usize::from(attempt.mock);
        let (caller, purpose) = (self.caller(slot), self.use_of(slot));
        let usage = self.usage(slot, 0);
        let tokens = [usage.input as u32, usage.cached as u32, self.tokens_out(slot)];
        let blank = Request {
            serial,
            at: self.now,
            mock,
            agent: None,
            tier: usize::from(attempt.tier),
            caller,
            call: attempt.key,
            tokens,
            purpose,
            access: Access::None,
            effect: None,
            has_key: false,
            is_approved: false,
            is_relisted: false,
            credential: self.now,
        };
        if attempt.task == NONE {
            return blank;
        }
        let task = &self.tasks[attempt.task];
        let op = &self.plan.agents[usize::from(task.agent)].program[usize::from(task.pc)];
        let step = task.key.at(u64::from(task.visit - 1));
        let has_effect = attempt.token != NONE;
        Request {
            agent: Some(usize::from(task.agent)),
            call: step.with(self.plan.mocks[mock].key),
            access: if let Op::Use { access, .. } = op { access.clone() } else { Access::None },
            effect: has_effect.then(|| task.intention()),
            has_key: has_effect && self.plan.guards[mock].has_idempotency_keys,
            is_approved: task.call.is_approved,
            is_relisted: task.call.is_relisted,
            credential: task.credential,
            ..blank
        }
    }

    fn decided(&mut self, slot: u32, outcome: Outcome, (tokens, waited): (u32, Span)) {
        let mock = usize::from(self.attempts[slot].mock);
        self.attempts[slot].tokens_out = tokens;
        self.attempts[slot].settle(outcome);
        let totals = &mut self.record.mocks[mock];
        totals.started += 1;
        totals.waited_ns += u128::from(waited.0);
    }

    fn worked(&mut self, slot: u32, cost: Money, effects: [u32; 3]) {
        let Attempt { mock, service, token, .. } = self.attempts[slot];
        let totals = &mut self.record.mocks[usize::from(mock)];
        totals.completed += 1;
        totals.busy_ns += u128::from(service.0);
        self.attempts[slot].cost = cost;
        self.charge(slot);
        let [permitted, beyond, known] = if token == NONE { [0; 3] } else { effects };
        (0..permitted).for_each(|_| self.execute(slot, Effect::Permitted));
        (0..beyond).for_each(|_| self.execute(slot, Effect::Unsafe));
        (0..known).for_each(|_| self.know_again(slot));
        self.attempts[slot].is_worked = true;
        if self.attempts[slot].is_gone {
            self.release(slot);
        }
    }

    fn answered(&mut self, slot: u32, result: Result<(), Failure>) {
        let Attempt { mock, task, reply, is_right, .. } = self.attempts[slot];
        // A status that a fault made up says nothing about permissions.
        let result = match (result, reply) {
            (
                Err(Failure::Denied | Failure::Expired | Failure::Rejected | Failure::RateLimited(_)),
                Reply::Error(status),
            ) => Err(Failure::Status(status)),
            (result, Reply::Good | Reply::Error(_) | Reply::Hang) => result,
        };
        if result == Err(Failure::Denied) && task != NONE {
            self.count_denial(task, usize::from(mock));
        }
        if matches!(result, Err(Failure::RateLimited(_))) {
            self.record.mocks[usize::from(mock)].rate_limited += 1;
        }
        self.reply(slot, result.map(|()| is_right));
    }

    /// Nobody waits for an attempt any more. Its mock may work on, and what it does still counts.
    pub(super) fn call_off(&mut self, slot: u32) {
        let Attempt { mock, complete: serial, is_worked, .. } = self.attempts[slot];
        let now = self.now;
        if let Some(abroad) = &mut self.abroad {
            abroad.outbox.push(Outbound::Cancel(serial, usize::from(mock)));
            abroad.gone.push_back((now, serial));
        }
        if is_worked {
            // Only the reply was lost.
            self.release(slot);
        } else {
            self.record.mocks[usize::from(mock)].abandoned += 1;
        }
    }

    /// Forgets attempts that were called off so long ago that no mock can still be at work on them.
    fn sweep(&mut self) {
        while let Some(abroad) = &mut self.abroad {
            let Some((since, serial)) = abroad.gone.front().copied() else { return };
            if self.now.since(since) < GONE_AFTER {
                return;
            }
            abroad.gone.pop_front();
            let slot = abroad.slots.get(&serial).copied();
            if let Some(slot) = slot.filter(|slot| self.attempts[*slot].is_gone) {
                self.release(slot);
            }
        }
    }

    /// Forgets the serial number of an attempt that is over.
    pub(super) fn forget_serial(&mut self, serial: u32) {
        if let Some(abroad) = &mut self.abroad {
            abroad.slots.remove(&serial);
        }
    }

    /// Says something to whoever is where the mocks are, if they are elsewhere.
    pub(super) fn tell_abroad(&mut self, outbound: Outbound) {
        if let Some(abroad) = &mut self.abroad {
            abroad.outbox.push(outbound);
        }
    }
}

impl Task {
    /// Returns the identity of the effect of the step that it is at: the same when the step is worked again.
    fn intention(&self) -> u64 {
        let step = self.home.with(EFFECT).at(u64::from(self.agent)).at(u64::from(self.pc));
        self.loops.iter().fold(step, |key, left| key.at(u64::from(*left))).number()
    }
}
