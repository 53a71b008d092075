//! Tasks: from the door through their plan to an outcome.

use crate::base::{Key, Money, Ratio, Span};
use crate::engine::World;
use crate::engine::calls::{Launch, Pursuit};
use crate::engine::context::Next;
use crate::engine::queue::Kind;
use crate::engine::screens::Got;
use crate::engine::slab::NONE;
use crate::engine::state::{Call, LOOPS, Task, Token};
use crate::plan::{Flaw, Op, TIERS};
use crate::record::{Event, Outcome, Step};
use crate::scenario::file::guards::TaskControl;
use crate::scenario::limits::{TIMES_MAX, TOKENS_MAX};

const TOKENS: u64 = TOKENS_MAX as u64;

const ADMISSION: Key = Key::of_name("admission at the door");
const SABOTAGE: Key = Key::of_name("refusal by saboteur");
const FOUND_OUT: Key = Key::of_name("look at context");

/// A task that has begun so many operations goes round in circles, and fails.
const OPS_MAX: u32 = 100_000;

impl World<'_> {
    /// A task arrives: it is refused at the door, or begins.
    pub(super) fn arrive(&mut self) {
        let plan = self.plan;
        let key = self.next_task();
        let mut draws = key.draws();
        let (tier_unit, agent_unit) = (draws.unit(), draws.unit());
        let below = |shares: &[f64; TIERS]| shares.iter().position(|to| tier_unit < *to).unwrap_or(0);
        let tier = below(&plan.traffic.tiers);
        let agent = plan.agents.iter().position(|agent| agent_unit < agent.share_to).unwrap_or(0);
        self.enter(key, (tier, agent), false);
    }

    /// Returns the stream of the next task.
    pub(super) fn next_task(&mut self) -> Key {
        let key = self.tasks_key.at(self.arrived);
        self.arrived += 1;
        key
    }

    /// A task comes in: it is refused at the door, unless it has begun already, or begins.
    pub(super) fn enter(&mut self, key: Key, (tier, agent): (usize, usize), has_begun: bool) {
        let plan = self.plan;
        self.record.tiers[tier].arrived += 1;
        self.record.series.tiers[self.bucket][tier].arrived += 1;
        let number = (self.arrived - 1) as u32;
        self.trace(number, Step::Arrived { tier: tier as u8, agent: agent as u8 });
        let task = Task {
            number,
            key,
            home: key,
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
            origin: agent as u8,
            tier: tier as u8,
            is_wrong: false,
            is_unsafe: false,
            models: 0,
            taint: NONE,
            credential: self.now,
            resets: self.resets,
            acted: 0,
            acted_before: 0,
            read: None,
            conflicts: 0,
            redone: 0,
            hops: 0,
            repeated: 0,
            is_counted: false,
        };
        self.open += 1;
        let is_refused =
            if has_begun { self.is_full() } else { self.isolated[agent] || self.is_refused(tier, key) };
        if is_refused {
            self.count(&task, Outcome::Shed);
            return;
        }
        let slot = self.tasks.insert(task);
        let most = &mut self.record.series.backlog[self.bucket];
        *most = (*most).max(self.tasks.len() as u32);
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
        if self.is_full() {
            return true;
        }
        let in_flight = self.tasks.len();
        let sheds = plan
            .tasks
            .shed
            .is_some_and(|shed| in_flight as u64 > shed.in_flight_above && shed.tiers.has(tier));
        if sheds {
            self.acts_on_tasks(TaskControl::Shed);
        }
        let share = self.admitted[tier];
        // One task in ten gets through, so that later faults are met too.
        let is_sabotaged = plan.tasks.is_sabotaged
            && self.record.witnesses.iter().any(|witness| witness.first.is_some())
            && key.with(SABOTAGE).unit() >= 0.1;
        sheds || is_sabotaged || (share < 1.0 && key.with(ADMISSION).unit() >= share)
    }

    /// Whether so many tasks are in flight that there can be no more of them.
    pub(super) fn is_full(&mut self) -> bool {
        let is_full = self.tasks.len() >= self.plan.traffic.in_flight_max;
        if is_full && self.record.journal.count(|event| event == Event::TasksLimit) == 0 {
            self.record.journal.push(self.now, Event::TasksLimit);
        }
        is_full
    }

    /// Works the plan on until the task waits for something or ends.
    pub(super) fn step(&mut self, slot: u32) {
        let plan = self.plan;
        loop {
            if self.tasks[slot].resets < self.resets {
                self.tasks[slot].resets = self.resets;
                self.restart(slot);
            }
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
                    if matches!(op, Op::Ask { .. }) && self.is_found_out(slot) {
                        if self.redo(slot) == Next::Fail {
                            return self.fail(slot);
                        }
                        self.restart(slot);
                        continue;
                    }
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
                Op::HandOver(agent) => {
                    if !self.hand_over(slot, *agent) {
                        return;
                    }
                }
                Op::End => {
                    let outcome = if task.is_wrong { Outcome::Wrong } else { Outcome::Done };
                    self.sample(slot);
                    self.end(slot, outcome);
                    return;
                }
            }
        }
    }

    /// Hands a task over; returns whether somebody takes it.
    fn hand_over(&mut self, slot: u32, agent: u8) -> bool {
        let number = self.tasks[slot].number;
        self.trace(number, Step::HandedOver(agent));
        let task = &mut self.tasks[slot];
        (task.agent, task.pc) = (agent, 0);
        task.hops += 1;
        let is_over = task.hops > self.plan.tasks.hop_limit;
        if is_over {
            self.acts_on_tasks(TaskControl::HopLimit);
        }
        if is_over || self.isolated[usize::from(agent)] {
            self.end(slot, Outcome::Failed);
            return false;
        }
        if self.tasks[slot].taint != NONE {
            self.hand_taint_over(slot);
        }
        true
    }

    /// Whether a guardrail finds the context of a task contaminated before its next question.
    fn is_found_out(&mut self, slot: u32) -> bool {
        let Some(screen) = &self.plan.tasks.context_reset else { return false };
        let task = &self.tasks[slot];
        let key = task.key.at(u64::from(task.visit - 1)).with(FOUND_OUT);
        let chance = if task.taint == NONE { screen.false_positives } else { screen.catches };
        let is_found = chance > 0.0 && key.unit() < chance;
        if is_found || screen.delay > Span::ZERO || screen.cost > Money::ZERO {
            self.acts_on_tasks(TaskControl::ContextReset);
        }
        self.pay_for_judging(screen.cost);
        is_found
    }

    /// Returns what is left of the context that a task sends, while its tier's is cut.
    fn compressed(&mut self, slot: u32) -> Option<Ratio> {
        let compress = self.plan.tasks.compress?;
        let is_cut = compress.tiers.has(usize::from(self.tasks[slot].tier))
            && self.minute.is_spent(self.now, compress.above);
        if is_cut {
            self.acts_on_tasks(TaskControl::Compress);
        }
        is_cut.then_some(compress.to)
    }

    /// Returns the call that an operation makes, with its tokens drawn.
    fn call(&mut self, slot: u32, op: &Op, key: Key) -> Call {
        let mut draws = key.draws();
        match op {
            Op::Ask { mock, tokens_in, tokens_out, is_optional, verifies: _ } => {
                let sent = self.compressed(slot);
                let task = &mut self.tasks[slot];
                let new = tokens_in.sample_count(&mut draws).min(TOKENS);
                task.context = (task.context + new).min(TOKENS);
                if let Some((_, to)) = self.plan.tasks.compaction.filter(|(above, _)| task.context > *above) {
                    task.context = to;
                    self.record.acts.task(self.now, TaskControl::Compaction);
                }
                Call {
                    tokens_in: sent.map_or(task.context, |to| to.of_ceil(task.context)) as u32,
                    tokens_out: tokens_out.sample_count(&mut draws).min(TOKENS) as u32,
                    is_optional: *is_optional,
                    is_ask: true,
                    ..Call::to(*mock)
                }
            }
            Op::Use { mock, adds, has_effect, is_optional, access: _, is_message: _ } => {
                let added = adds.as_ref().map_or(0, |adds| adds.sample_count(&mut draws));
                let token = if *has_effect {
                    // What it did before it began again is done.
                    let is_done = self.tasks[slot].acted_before >> self.tasks[slot].act_bit() & 1 == 1;
                    self.tokens.insert(Token { executed_by: u64::from(is_done) << *mock, holders: 1 })
                } else {
                    NONE
                };
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
        let (number, op) = (task.number, task.pc);
        self.trace(number, Step::Call { mock: call.mock, op, tokens: call.tokens_in });
        let task = &mut self.tasks[slot];
        task.call = call;
        if task.calls >= self.plan.tasks.steps_max {
            self.acts_on_tasks(TaskControl::StepsMax);
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
        self.stays_refused(slot);
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

    /// The effect of a call that was refused and never approved is refused for good.
    fn stays_refused(&mut self, slot: u32) {
        if let Some(mock) = self.tasks[slot].call.refused_by.take() {
            self.record.effects[usize::from(mock)].wrongly_refused += 1;
        }
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
    pub(super) fn succeeded(&mut self, slot: u32, mut got: Got) {
        let task = &mut self.tasks[slot];
        task.is_wrong |= !got.is_right;
        let token = task.call.token;
        let tokens_out = got.tokens_out;
        if task.call.is_ask {
            task.call.tokens_out = tokens_out;
            task.models |= 1 << task.call.mock;
            task.sent = u64::from(task.call.tokens_in) + u64::from(task.call.tokens_out);
            task.sent_to = task.call.mock;
        }
        task.context = (task.context + u64::from(task.call.tokens_out)).min(TOKENS);
        if token != NONE {
            task.acted |= 1 << task.act_bit();
        }
        task.call.token = NONE;
        self.drop_token(token);
        let next = self.absorb(slot, &mut got);
        self.go_on(slot, next, got);
    }

    /// Goes on after a reply as it says, once the guardrails have looked at it.
    fn go_on(&mut self, slot: u32, next: Next, got: Got) {
        let task = &mut self.tasks[slot];
        task.repeated = if next == Next::Again { task.repeated + 1 } else { 0 };
        match next {
            Next::On => task.pc += 1,
            Next::Again if task.repeated > self.plan.tasks.loop_limit => {
                self.acts_on_tasks(TaskControl::LoopLimit);
                return self.fail(slot);
            }
            Next::Again => {}
            Next::To(pc) => {
                // What lies between will be done again.
                task.acted_before |= std::mem::take(&mut task.acted);
                task.pc = pc;
            }
            Next::Restart => self.restart(slot),
            Next::Fail => return self.fail(slot),
            Next::Stuck => {
                if let Some(after) = self.plan.tasks.watchdog {
                    self.acts_on_tasks(TaskControl::Watchdog);
                    self.sleep(slot, after, false);
                }
                return;
            }
        }
        let late = if let Some((Flaw::Late(by), _)) = got.flaw { by } else { Span::ZERO };
        if got.delay + late > Span::ZERO {
            self.sleep(slot, got.delay + late, false);
        } else {
            self.step(slot);
        }
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
            self.acts_on_tasks(TaskControl::Deadline);
            self.stays_refused(slot);
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
}

impl Task {
    /// Returns the bit by which the effect of the operation it is at is remembered.
    fn act_bit(&self) -> u32 {
        (u32::from(self.pc) + 17 * u32::from(self.agent)) % u64::BITS
    }
}
