//! Tasks: from the door through their plan to an outcome.

use crate::base::{Key, Money, Span};
use crate::engine::World;
use crate::engine::calls::{Launch, Pursuit};
use crate::engine::queue::Kind;
use crate::engine::slab::NONE;
use crate::engine::state::{Call, LOOPS, Task, Token};
use crate::plan::{Indicator, Op, TIERS};
use crate::record::{Event, Outcome};
use crate::scenario::limits::{TIMES_MAX, TOKENS_MAX};

const TOKENS: u64 = TOKENS_MAX as u64;

const ADMISSION: Key = Key::of_name("admission at the door");

/// A task that has begun so many operations goes round in circles, and fails.
const OPS_MAX: u32 = 100_000;

impl World<'_> {
    /// A task arrives: it is refused at the door, or begins.
    pub(super) fn arrive(&mut self) {
        let plan = self.plan;
        let key = self.tasks_key.at(self.arrived);
        self.arrived += 1;
        let mut draws = key.draws();
        let (tier_unit, agent_unit) = (draws.unit(), draws.unit());
        let below = |shares: &[f64; TIERS]| shares.iter().position(|to| tier_unit < *to).unwrap_or(0);
        let tier = below(&plan.traffic.tiers);
        let agent = plan.agents.iter().position(|agent| agent_unit < agent.share_to).unwrap_or(0);
        self.record.tiers[tier].arrived += 1;
        self.record.series.tiers[self.bucket][tier].arrived += 1;
        let task = Task {
            key,
            arrived: self.now,
            cost: Money::ZERO,
            context: 0,
            sent: 0,
            sent_to: 0,
            attempt: NONE,
            wake: 0,
            is_backing_off: false,
            deadline: 0,
            pc: 0,
            visit: 0,
            loops: [0; LOOPS],
            calls: 0,
            call: Call::NONE,
            agent: agent as u8,
            tier: tier as u8,
            is_wrong: false,
            is_unsafe: false,
            models: 0,
            is_counted: false,
        };
        self.open += 1;
        if self.is_refused(tier, key) {
            self.count(&task, Outcome::Shed);
            return;
        }
        let slot = self.tasks.insert(task);
        if let Some(lane) = plan.agents[agent].deadlines[tier] {
            let turn = self.next_turn();
            self.tasks[slot].deadline = turn;
            self.lanes[usize::from(lane)].set(self.now, turn, slot, &mut self.queue);
        }
        self.step(slot);
    }

    /// Whether a new task is refused at the door.
    fn is_refused(&mut self, tier: usize, key: Key) -> bool {
        let plan = self.plan;
        let in_flight = self.tasks.len();
        if in_flight >= plan.traffic.in_flight_max {
            if self.record.journal.count(|event| event == Event::TasksLimit) == 0 {
                self.record.journal.push(self.now, Event::TasksLimit);
            }
            return true;
        }
        let sheds = plan
            .tasks
            .shed
            .is_some_and(|shed| in_flight as u64 > shed.in_flight_above && shed.tiers.has(tier));
        let share = self.admitted[tier];
        let is_sabotaged =
            plan.tasks.is_sabotaged && self.record.witnesses.iter().any(|witness| witness.first.is_some());
        sheds || is_sabotaged || (share < 1.0 && key.with(ADMISSION).unit() >= share)
    }

    /// Works the plan on until the task waits for something or ends.
    pub(super) fn step(&mut self, slot: u32) {
        let plan = self.plan;
        loop {
            let task = &mut self.tasks[slot];
            let op = &plan.agents[usize::from(task.agent)].program[usize::from(task.pc)];
            let key = task.key.at(u64::from(task.visit));
            task.visit += 1;
            if task.visit > OPS_MAX {
                self.end(slot, Outcome::Failed);
                return;
            }
            match op {
                Op::Ask { .. } | Op::Use { .. } => {
                    let call = self.call(slot, op, key);
                    if self.begin(slot, call) {
                        return;
                    }
                }
                Op::Think(time) => {
                    task.pc += 1;
                    let span = Span(time.sample_count(&mut key.draws()));
                    self.sleep(slot, span, false);
                    return;
                }
                Op::Loop { times, depth, exit } => {
                    let count = times.sample(&mut key.draws()).min(TIMES_MAX) + 0.5;
                    task.loops[usize::from(*depth)] = count as u16;
                    task.pc = if count < 1.0 { *exit } else { task.pc + 1 };
                }
                Op::Next { depth, body } => {
                    let left = &mut task.loops[usize::from(*depth)];
                    *left -= 1;
                    task.pc = if *left > 0 { *body } else { task.pc + 1 };
                }
                Op::Fork { paths, exit } => {
                    let unit = key.unit();
                    task.pc = paths.iter().find(|path| unit < path.0).map_or(*exit, |path| path.1);
                }
                Op::Jump(to) => task.pc = *to,
                Op::HandOver(agent) => (task.agent, task.pc) = (*agent, 0),
                Op::End => {
                    let outcome = if task.is_wrong { Outcome::Wrong } else { Outcome::Done };
                    self.sample(slot);
                    self.end(slot, outcome);
                    return;
                }
            }
        }
    }

    /// Returns the call that an operation makes, with its tokens drawn.
    fn call(&mut self, slot: u32, op: &Op, key: Key) -> Call {
        let mut draws = key.draws();
        match op {
            Op::Ask { mock, tokens_in, tokens_out, is_optional } => {
                let task = &mut self.tasks[slot];
                let new = tokens_in.sample_count(&mut draws).min(TOKENS);
                task.context = (task.context + new).min(TOKENS);
                Call {
                    tokens_in: task.context as u32,
                    tokens_out: tokens_out.sample_count(&mut draws).min(TOKENS) as u32,
                    is_optional: *is_optional,
                    is_ask: true,
                    ..Call::to(*mock)
                }
            }
            Op::Use { mock, adds, has_effect, is_optional } => {
                let added = adds.as_ref().map_or(0, |adds| adds.sample_count(&mut draws));
                let token =
                    if *has_effect { self.tokens.insert(Token { executed_by: 0, holders: 1 }) } else { NONE };
                Call {
                    tokens_out: added.min(TOKENS) as u32,
                    is_optional: *is_optional,
                    token,
                    ..Call::to(*mock)
                }
            }
            Op::Think(_)
            | Op::Loop { .. }
            | Op::Next { .. }
            | Op::Fork { .. }
            | Op::Jump(_)
            | Op::HandOver(_)
            | Op::End => unreachable!("only questions and uses are calls"),
        }
    }

    /// Lets a task sleep: between attempts, or while it thinks.
    pub(super) fn sleep(&mut self, slot: u32, span: Span, is_backing_off: bool) {
        let turn = self.schedule(span, Kind::Wake, slot);
        let task = &mut self.tasks[slot];
        (task.wake, task.is_backing_off) = (turn, is_backing_off);
    }

    /// Begins a call; returns whether the task now waits for it, or has ended.
    fn begin(&mut self, slot: u32, call: Call) -> bool {
        let task = &mut self.tasks[slot];
        task.call = call;
        if task.calls >= self.plan.tasks.steps_max {
            self.end(slot, Outcome::Failed);
            return true;
        }
        task.calls += 1;
        let pursuit = match self.launch(slot) {
            Launch::Waiting => return true,
            Launch::Failed(failure) => self.pursue(slot, failure),
        };
        match pursuit {
            Pursuit::Waiting => true,
            Pursuit::GivenUp => !self.give_up(slot),
        }
    }

    /// The call of a task has failed for good; returns whether the task goes on without it.
    fn give_up(&mut self, slot: u32) -> bool {
        let call = self.tasks[slot].call;
        self.drop_token(call.token);
        self.tasks[slot].call.token = NONE;
        if call.is_optional {
            self.tasks[slot].pc += 1;
        } else {
            self.end(slot, Outcome::Failed);
        }
        call.is_optional
    }

    /// A call that was under way has failed: try on, go on without it, or fail the task.
    pub(super) fn failed(&mut self, slot: u32, failure: crate::engine::state::Failure) {
        if let Pursuit::GivenUp = self.pursue(slot, failure)
            && self.give_up(slot)
        {
            self.step(slot);
        }
    }

    /// The call of a task has succeeded: its result joins the context, and the task goes on.
    pub(super) fn succeeded(&mut self, slot: u32, is_right: bool, tokens_out: u32) {
        let task = &mut self.tasks[slot];
        task.is_wrong |= !is_right;
        let token = task.call.token;
        if task.call.is_ask {
            task.call.tokens_out = tokens_out;
            task.models |= 1 << task.call.mock;
            task.sent = u64::from(task.call.tokens_in) + u64::from(task.call.tokens_out);
            task.sent_to = task.call.mock;
        }
        task.context = (task.context + u64::from(task.call.tokens_out)).min(TOKENS);
        task.call.token = NONE;
        task.pc += 1;
        self.drop_token(token);
        self.step(slot);
    }

    /// A task cannot go on.
    pub(super) fn fail(&mut self, slot: u32) {
        self.end(slot, Outcome::Failed);
    }

    /// One holder less of what is known about an effect.
    pub(super) fn drop_token(&mut self, token: u32) {
        if token == NONE {
            return;
        }
        self.tokens[token].holders -= 1;
        if self.tokens[token].holders == 0 {
            self.tokens.remove(token);
        }
    }

    /// A pause is over, unless the task has been stopped meanwhile.
    pub(super) fn wake(&mut self, slot: u32, turn: u32) {
        let task = &mut self.tasks[slot];
        if task.wake != turn {
            return;
        }
        self.record.events += 1;
        task.wake = 0;
        if !task.is_backing_off {
            self.step(slot);
            return;
        }
        match self.launch(slot) {
            Launch::Waiting => {}
            Launch::Failed(failure) => self.failed(slot, failure),
        }
    }

    /// A task's deadline has come: it is late, and stops if a guardrail stops it.
    pub(super) fn deadline(&mut self, slot: u32) {
        self.tasks[slot].deadline = 0;
        let task = self.tasks[slot].clone();
        self.count(&task, Outcome::Late);
        self.tasks[slot].is_counted = true;
        if self.plan.tasks.stops_at_deadline {
            if task.attempt != NONE {
                self.withdraw(task.attempt);
                self.cancel(task.attempt);
            }
            self.end(slot, Outcome::Late);
        }
    }

    /// Ends a task and frees its slot.
    fn end(&mut self, slot: u32, outcome: Outcome) {
        let task = self.tasks[slot].clone();
        if !task.is_counted {
            self.count(&task, outcome);
        }
        self.drop_token(task.call.token);
        let task = &mut self.tasks[slot];
        (task.wake, task.deadline, task.attempt) = (0, 0, NONE);
        self.tasks.remove(slot);
    }

    /// Counts the outcome of a task, once.
    fn count(&mut self, task: &Task, outcome: Outcome) {
        let is_finished = matches!(outcome, Outcome::Done | Outcome::Wrong);
        let outcome = if task.is_unsafe { Outcome::Unsafe } else { outcome };
        let tier = usize::from(task.tier);
        let taken = self.now.since(task.arrived);
        self.open -= 1;
        self.record.tiers[tier].outcomes[outcome as usize] += 1;
        self.record.series.tiers[self.bucket][tier].outcomes[outcome as usize] += 1;
        if outcome != Outcome::Shed {
            self.record.latency(tier, taken);
        }
        for (index, slo) in self.plan.slos.iter().enumerate() {
            if !slo.tiers.has(tier) {
                continue;
            }
            let is_good = match slo.indicator {
                Indicator::Success => outcome == Outcome::Done,
                // A task that does not finish is never fast enough.
                Indicator::Latency(below) => is_finished && taken < below,
                Indicator::Cost(below) => task.cost < below,
                Indicator::Safety => outcome != Outcome::Unsafe,
            };
            // No telemetry knows by itself that an answer is wrong: the task is finished, in time.
            let seems_good = is_good || (slo.indicator == Indicator::Success && is_finished);
            self.record.series.count(self.bucket, index, is_good);
            for (counts, is_good) in
                [(&mut self.truth[index], is_good), (&mut self.telemetry.slos[index], seems_good)]
            {
                counts.0 += u64::from(!is_good);
                counts.1 += 1;
            }
        }
    }
}
