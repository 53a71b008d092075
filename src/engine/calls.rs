//! Calls as the client makes them: guardrails in front, attempts, and what follows a failure.

use crate::base::{Key, Span};
use crate::engine::World;
use crate::engine::slab::NONE;
use crate::engine::state::{Attempt, Effect, Failure, NO_EVALUATION, Place};
use crate::guard::{Admission, Change, retry};
use crate::model::Reply;
use crate::plan::FaultEffect;
use crate::record::{Event, Node, Step};
use crate::scenario::file::guards::CallControl;

/// The most attempts that may be alive at once, those that nobody waits for included.
const ALIVE_MAX: usize = 1_000_000;

/// The most attempts of one call, over all mocks that it is sent to.
const ATTEMPTS_MAX: u32 = 1_000;

/// What came of launching an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Launch {
    /// It is under way, or waits for its turn.
    Waiting,
    /// It failed at once.
    Failed(Failure),
}

/// What is done about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pursuit {
    /// Another attempt is under way or will be.
    Waiting,
    /// Nothing: the call has failed for good.
    GivenUp,
}

const JUDGED: Key = Key::of_name("judgement of canary");
const VERSION: Key = Key::of_name("version of rollout");
const JITTER: Key = Key::of_name("jitter of pause");

impl World<'_> {
    /// Launches an attempt of the task's call.
    pub(super) fn launch(&mut self, slot: u32) -> Launch {
        let plan = self.plan;
        self.redirect(slot);
        self.downgrade(slot);
        let task = &self.tasks[slot];
        let (tier, call) = (usize::from(task.tier), task.call);
        let mock = usize::from(call.mock);
        // What costs nothing is not held back.
        let number = task.number;
        if plan.mocks[mock].is_priced()
            && let Some(control) = self.held_back(slot, tier)
        {
            self.trace(number, Step::TaskGuard(control));
            return Launch::Failed(Failure::Refused);
        }
        if let Some(failure) = self.gateway(slot) {
            return Launch::Failed(failure);
        }
        let station = &mut self.stations[mock];
        if call.tries == 0
            && let Some(retries) = &mut station.retries
        {
            retries.on_call();
        }
        let admission = station.breaker.as_mut().map_or(Admission::Pass, |breaker| breaker.admit(self.now));
        if admission == Admission::Refuse {
            self.acts(mock, CallControl::Breaker);
            self.trace(number, Step::Guard(mock as u8, CallControl::Breaker));
            self.record.mocks[mock].breaker_refused += 1;
            self.telemetry.calls[mock].ended += 1;
            self.telemetry.calls[mock].failed += 1;
            return Launch::Failed(Failure::Refused);
        }
        if self.attempts.len() >= ALIVE_MAX {
            return self.refuse_at_limit(mock, admission == Admission::Probe);
        }
        let attempt = self.attempt(slot, admission == Admission::Probe);
        let station = &mut self.stations[mock];
        if let Some(bulkhead) = &plan.guards[mock].bulkhead
            && (station.under_way >= bulkhead.concurrent || station.waiting.length > 0)
        {
            self.record.acts.call(self.now, mock, CallControl::Bulkhead);
            if let Some(trace) = &mut self.record.trace {
                let step = Step::Guard(mock as u8, CallControl::Bulkhead);
                trace.push(Node { task: number, at: self.now, step });
            }
            if station.waiting.length >= bulkhead.queue {
                self.record.mocks[mock].bulkhead_refused += 1;
                self.withdraw(attempt);
                self.release(attempt);
                return Launch::Failed(Failure::Refused);
            }
            station.waiting.push(attempt, &mut self.attempts);
            self.set_timeout(attempt);
            return Launch::Waiting;
        }
        self.send(attempt)
    }

    /// So many attempts are alive that this one is refused; the run cannot be graded any more.
    #[cold]
    fn refuse_at_limit(&mut self, mock: usize, is_trial: bool) -> Launch {
        if self.record.journal.count(|event| event == Event::CallsLimit) == 0 {
            self.record.journal.push(self.now, Event::CallsLimit);
        }
        if let Some(breaker) = &mut self.stations[mock].breaker {
            breaker.on_withdrawn(is_trial);
        }
        Launch::Failed(Failure::Refused)
    }

    /// Sends the call elsewhere while a runbook has degraded the mock.
    fn redirect(&mut self, slot: u32) {
        let key = self.tasks[slot].key;
        let call = &mut self.tasks[slot].call;
        // A task stays with its version, and joins the new one as the share rises.
        if call.mock == call.wanted
            && call.tries == 0
            && let Some((to, share)) = self.stations[usize::from(call.wanted)].rollout
            && key.with(VERSION).with(self.plan.mocks[usize::from(call.wanted)].key).unit() < share
        {
            (call.mock, call.wanted) = (to, to);
        }
        let was = call.mock;
        for _ in 0..self.stations.len() {
            let Some(to) = self.stations[usize::from(call.mock)].degraded_to else { break };
            call.mock = to;
            // Mocks that stand in for each other in a circle: nobody does.
            if to == was {
                break;
            }
        }
        if call.mock != was {
            call.tries = 0;
        }
        if call.mock != call.wanted && call.tries == 0 {
            self.record.mocks[usize::from(call.mock)].stood_in += 1;
        }
    }

    /// Makes an attempt of the task's call and links the two.
    fn attempt(&mut self, slot: u32, is_trial: bool) -> u32 {
        let task = &mut self.tasks[slot];
        let mock = &self.plan.mocks[usize::from(task.call.mock)];
        let visit = u64::from(task.visit - 1);
        // The identity of its draws: the step, the mock, and the attempt at this mock.
        let key = task.key.at(visit).with(mock.key).at(u64::from(task.call.tries));
        if task.call.attempts > 0 && task.call.tries > 0 {
            self.record.mocks[usize::from(task.call.mock)].retries += 1;
        }
        task.call.tries += 1;
        task.call.attempts += 1;
        if task.call.token != NONE {
            self.tokens[task.call.token].holders += 1;
        }
        let (tries, number) = (task.call.tries, task.number);
        let attempt = Attempt {
            number,
            task: slot,
            owner: slot,
            owner_key: task.key,
            begun: self.now,
            key,
            mock: task.call.mock,
            tier: task.tier,
            is_trial,
            token: task.call.token,
            taint: task.taint,
            ..Attempt::blank(self.now)
        };
        let mock = attempt.mock;
        self.trace(number, Step::Attempt { mock, number: tries });
        let attempt = self.attempts.insert(attempt);
        self.tasks[slot].attempt = attempt;
        attempt
    }

    /// Hands an attempt to its mock; it is under way, or was refused at once.
    fn send(&mut self, attempt: u32) -> Launch {
        let mock = usize::from(self.attempts[attempt].mock);
        match self.reach(attempt) {
            None => {
                self.stations[mock].under_way += 1;
                Launch::Waiting
            }
            Some(failure) => {
                self.account(attempt, false);
                self.release(attempt);
                Launch::Failed(failure)
            }
        }
    }

    /// Sets the client's timer for an attempt, unless it is set.
    pub(super) fn set_timeout(&mut self, attempt: u32) {
        let mock = usize::from(self.attempts[attempt].mock);
        if self.attempts[attempt].timeout == 0 {
            let lane = usize::from(self.plan.guards[mock].timeout_lane);
            let turn = self.next_turn();
            self.attempts[attempt].timeout = turn;
            self.lanes[lane].set(self.now, turn, attempt, &mut self.queue);
        }
    }

    /// Tells telemetry how an attempt ended for the client.
    fn tell(&mut self, attempt: u32, is_ok: bool) {
        let Attempt { mock, begun, number, tokens_out, .. } = self.attempts[attempt];
        self.trace(number, Step::Ended { mock, is_ok, tokens: tokens_out });
        let calls = &mut self.telemetry.calls[usize::from(mock)];
        calls.ended += 1;
        calls.failed += u64::from(!is_ok);
        calls.took_us += self.now.since(begun).0 / 1_000;
        let totals = &mut self.record.mocks[usize::from(mock)];
        if is_ok {
            totals.calls_ok += 1;
        } else {
            totals.calls_failed += 1;
        }
    }

    /// Tells telemetry and the breaker how an attempt ended for the client.
    fn account(&mut self, attempt: u32, is_ok: bool) {
        self.tell(attempt, is_ok);
        let Attempt { mock, is_trial, .. } = self.attempts[attempt];
        let mock = usize::from(mock);
        let breaker = self.stations[mock].breaker.as_mut();
        let event = match breaker.and_then(|breaker| breaker.on_result(self.now, is_trial, is_ok)) {
            None => return,
            Some(Change::Opened) => {
                self.acts(mock, CallControl::Breaker);
                Event::BreakerOpened(mock)
            }
            Some(Change::Closed) => Event::BreakerClosed(mock),
        };
        self.record.journal.push(self.now, event);
    }

    /// The client ends an attempt for a reason of its own: its bulkhead is full, or its deadline has come.
    pub(super) fn withdraw(&mut self, attempt: u32) {
        self.tell(attempt, false);
        let Attempt { mock, is_trial, .. } = self.attempts[attempt];
        if let Some(breaker) = &mut self.stations[usize::from(mock)].breaker {
            breaker.on_withdrawn(is_trial);
        }
    }

    /// Parts an attempt from its task and frees it.
    pub(super) fn release(&mut self, attempt: u32) {
        self.part(attempt);
        let Attempt { token, complete, .. } = self.attempts[attempt];
        self.drop_token(token);
        self.forget_serial(complete);
        let gone = &mut self.attempts[attempt];
        (gone.complete, gone.timeout, gone.token) = (0, 0, NONE);
        self.attempts.remove(attempt);
    }

    /// Parts an attempt from its task: nobody waits for it any more.
    fn part(&mut self, attempt: u32) {
        let task = self.attempts[attempt].task;
        if task != NONE {
            self.tasks[task].attempt = NONE;
            self.attempts[attempt].task = NONE;
        }
        self.attempts[attempt].timeout = 0;
        self.attempts[attempt].is_gone = true;
    }

    /// A mock's reply, good or bad, reaches the client.
    pub(super) fn reply(&mut self, attempt: u32, result: Result<bool, Failure>) {
        let Attempt { mock, task, is_probe, .. } = self.attempts[attempt];
        if is_probe {
            self.probe_ended(attempt, result.ok());
            return;
        }
        // A refusal or a malformed reply comes with status 200: nothing has failed on the wire.
        self.account(attempt, result.is_ok());
        let result = result.and_then(|is_right| self.inspect(attempt, is_right));
        self.release(attempt);
        self.leave_bulkhead(usize::from(mock));
        match result {
            Ok(got) => self.succeeded(task, got),
            Err(failure) => self.failed(task, failure),
        }
    }

    /// A probe or a canary question has been answered, well or not.
    fn probe_ended(&mut self, attempt: u32, answer: Option<bool>) {
        let Attempt { mock, key, flaw, canary, .. } = self.attempts[attempt];
        self.release(attempt);
        if canary == NO_EVALUATION {
            self.ops.on_probe(self.now, usize::from(mock), answer.is_some());
        } else if let Some(is_right) = answer {
            self.judge(usize::from(canary), key.with(JUDGED), 1 << mock, !is_right || flaw.is_some());
        }
    }

    /// The client's timer for an attempt has run out.
    pub(super) fn timeout(&mut self, attempt: u32) {
        let Attempt { mock, task, is_probe, .. } = self.attempts[attempt];
        let mock = usize::from(mock);
        self.acts(mock, CallControl::Timeout);
        if is_probe {
            if self.attempts[attempt].canary == NO_EVALUATION {
                self.ops.on_probe(self.now, mock, false);
            }
            self.part(attempt);
            self.abandon(attempt);
            return;
        }
        self.record.mocks[mock].timeouts += 1;
        self.account(attempt, false);
        self.cancel(attempt);
        self.failed(task, Failure::Timeout);
    }

    /// The client gives an attempt up; how it ended has been accounted for.
    pub(super) fn cancel(&mut self, attempt: u32) {
        let Attempt { mock, place, .. } = self.attempts[attempt];
        self.part(attempt);
        self.abandon(attempt);
        if place != Place::Bulkhead {
            self.leave_bulkhead(usize::from(mock));
        }
    }

    /// A place in the bulkhead is free: whoever waits longest may go.
    fn leave_bulkhead(&mut self, mock: usize) {
        self.stations[mock].under_way -= 1;
        let Some(bulkhead) = &self.plan.guards[mock].bulkhead else { return };
        if self.stations[mock].is_letting_in {
            return;
        }
        self.stations[mock].is_letting_in = true;
        while self.stations[mock].under_way < bulkhead.concurrent {
            let Some(next) = self.stations[mock].waiting.pop(&mut self.attempts) else { break };
            let task = self.attempts[next].task;
            if let Launch::Failed(failure) = self.send(next) {
                self.failed(task, failure);
            }
        }
        self.stations[mock].is_letting_in = false;
    }

    /// Decides what follows a failed attempt: another one, a fallback, or nothing.
    pub(super) fn pursue(&mut self, slot: u32, failure: Failure) -> Pursuit {
        let (mut failure, number) = (failure, self.tasks[slot].number);
        loop {
            self.trace(number, Step::Failed(failure.ending()));
            if let Some(pause) = self.remedy(slot, failure).or_else(|| self.retry_pause(slot, failure)) {
                self.sleep(slot, pause, true);
                return Pursuit::Waiting;
            }
            if !self.fall_back(slot) {
                return Pursuit::GivenUp;
            }
            match self.launch(slot) {
                Launch::Waiting => return Pursuit::Waiting,
                Launch::Failed(next) => failure = next,
            }
        }
    }

    /// Returns the pause before another attempt at the same mock, if there is to be one.
    fn retry_pause(&mut self, slot: u32, failure: Failure) -> Option<Span> {
        let call = self.tasks[slot].call;
        let mock = usize::from(call.mock);
        let plan = self.plan.guards[mock].retry.as_ref()?;
        let cap = self.stations[mock].attempts_max;
        let attempts = cap.map_or(plan.attempts, |cap| cap.min(plan.attempts));
        if !failure.is_retryable() || call.attempts >= ATTEMPTS_MAX {
            return None;
        }
        let layers = self.layers(slot, mock);
        if layers > 1 {
            self.acts(mock, CallControl::Retry);
        }
        if !call.tries.is_multiple_of(layers) {
            // At once, and past every budget of the client's.
            return Some(Span::ZERO);
        }
        if call.tries / layers >= attempts {
            return None;
        }
        let task = &self.tasks[slot];
        let station = &mut self.stations[mock];
        let asked = match failure {
            Failure::RateLimited(wait) if wait > plan.retry_after_max => return None,
            Failure::RateLimited(wait) => wait,
            Failure::Timeout
            | Failure::Status(_)
            | Failure::Cut
            | Failure::Denied
            | Failure::Malformed
            | Failure::Declined
            | Failure::Expired
            | Failure::Rejected
            | Failure::Refused => Span::ZERO,
        };
        if station.retries.as_mut().is_some_and(|budget| !budget.try_retry()) {
            return None;
        }
        self.record.acts.call(self.now, mock, CallControl::Retry);
        let stream = task.key.at(u64::from(task.visit - 1)).with(self.plan.mocks[mock].key);
        let key = stream.with(JITTER).at(u64::from(call.tries));
        let unit = if plan.jitter > 0.0 { key.unit() } else { 0.5 };
        Some(retry::pause(plan, call.tries + 1, unit).max(asked))
    }

    /// Returns how often a layer that the client does not know of makes each of its attempts.
    fn layers(&mut self, slot: u32, mock: usize) -> u32 {
        let is_layer = |effect: &FaultEffect| matches!(effect, FaultEffect::RetryLayers(_));
        let Some(fault) = self.meets(slot, mock, is_layer) else { return 1 };
        let FaultEffect::RetryLayers(times) = self.plan.faults[fault].effect else { return 1 };
        if !self.tasks[slot].call.tries.is_multiple_of(times) {
            self.trace(self.tasks[slot].number, Step::Fault(fault as u8));
            self.witness(1 << fault, |_| true);
        }
        times
    }

    /// Turns to the next fallback of the wanted mock; returns whether there is one.
    fn fall_back(&mut self, slot: u32) -> bool {
        let call = &mut self.tasks[slot].call;
        let fallbacks = &self.plan.guards[usize::from(call.wanted)].fallback;
        let Some(next) = fallbacks.get(usize::from(call.fallbacks)) else { return false };
        call.fallbacks += 1;
        call.mock = *next;
        call.tries = 0;
        let wanted = usize::from(call.wanted);
        let number = self.tasks[slot].number;
        self.acts(wanted, CallControl::Fallback);
        self.trace(number, Step::Guard(wanted as u8, CallControl::Fallback));
        true
    }
}

impl Attempt {
    /// Returns an attempt that has not reached its mock.
    pub(super) fn blank(now: crate::base::Time) -> Self {
        Self {
            number: NONE,
            task: NONE,
            owner: NONE,
            owner_key: JITTER,
            before: NONE,
            after: NONE,
            complete: 0,
            timeout: 0,
            begun: now,
            reached: now,
            service: Span::ZERO,
            cost: crate::base::Money::ZERO,
            key: JITTER,
            mock: 0,
            tier: 0,
            place: Place::Bulkhead,
            reply: Reply::Good,
            is_probe: false,
            is_gone: false,
            is_worked: false,
            is_trial: false,
            is_right: true,
            flaw: None,
            flaw_by: 0,
            taint: NONE,
            is_unsaid: false,
            tokens_out: 0,
            canary: NO_EVALUATION,
            is_lost: false,
            is_cut: false,
            hits: 0,
            effect: Effect::None,
            token: NONE,
        }
    }
}
