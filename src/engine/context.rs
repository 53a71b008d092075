//! What a reply does to the task that gets it: to its context, its work, and the state it shares.

use crate::base::{Key, Span};
use crate::engine::World;
use crate::engine::screens::{Got, Look};
use crate::engine::slab::NONE;
use crate::engine::state::{Call, LOOPS, Read, Store, Task};
use crate::model::memory::Entry;
use crate::plan::{Access, FaultEffect, Flaw, Op, PoisonBy};
use crate::record::{Spread, Step, Via};
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::guards::{CallControl, TaskControl};
use crate::scenario::limits::{TIMES_MAX, TOKENS_MAX};

const HIJACK: Key = Key::of_name("following of instruction");
const REPEAT: Key = Key::of_name("starting over");
const VERIFY: Key = Key::of_name("look at work");
const TWICE: Key = Key::of_name("second delivery");
const OBJECT: Key = Key::of_name("object of task");
const RECALL: Key = Key::of_name("recall of entries");

/// How often the work of a task is begun again before it is given up.
const REDONE_MAX: u8 = 3;

/// How often an update is tried again on what somebody else has changed meanwhile.
const CONFLICTS_MAX: u8 = 8;

/// How a task goes on after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// With the next operation.
    On,
    /// With the same one.
    Again,
    /// With the operation of this number.
    To(u16),
    /// From the beginning, with an empty context.
    Restart,
    /// Not at all.
    Fail,
    /// Not until something happens that does not.
    Stuck,
}

impl World<'_> {
    /// Takes a reply in: what is wrong with it, what was asked of a store, and what a verifier says.
    pub(super) fn absorb(&mut self, slot: u32, got: &mut Got) -> Next {
        let plan = self.plan;
        let task = &self.tasks[slot];
        let (mock, key) = (usize::from(task.call.mock), task.key.at(u64::from(task.visit - 1)));
        let op = &plan.agents[usize::from(task.agent)].program[usize::from(task.pc)];
        if let Some(flaw) = got.flaw
            && let Some(next) = self.suffer(slot, flaw, op)
        {
            return next;
        }
        if let (Op::Ask { .. }, Some(screen)) = (op, &plan.tasks.context_reset) {
            // It looked before the question; the task pays the time with the answer.
            got.delay = got.delay + screen.delay;
        }
        match op {
            Op::Ask { verifies: Some(chances), .. } => self.verify(slot, *chances, got),
            Op::Use { access: Access::Recall(entries), .. } => {
                let entries = entries.sample_count(&mut key.with(RECALL).draws()).min(TIMES_MAX as u64);
                got.delay = got.delay + self.recall(slot, mock, entries);
                Next::On
            }
            Op::Use { access: Access::Remember, .. } => {
                got.delay = got.delay + self.remember(slot, mock);
                Next::On
            }
            Op::Use { access: Access::Read, .. } => {
                self.read(slot, mock, got.flaw.is_some_and(|(flaw, _)| flaw == Flaw::OldRead));
                Next::On
            }
            Op::Use { access: Access::Update, .. } => self.update(slot, mock),
            Op::Ask { verifies: None, .. }
            | Op::Use { access: Access::None, .. }
            | Op::Think(_)
            | Op::Loop { .. }
            | Op::Next { .. }
            | Op::Fork { .. }
            | Op::Jump(_)
            | Op::HandOver(_)
            | Op::End => Next::On,
        }
    }

    /// What is wrong with a reply takes its effect on the task; says how it goes on, if not as usual.
    #[cold]
    fn suffer(&mut self, slot: u32, (flaw, fault): (Flaw, u8), op: &Op) -> Option<Next> {
        let key = self.tasks[slot].key.at(u64::from(self.tasks[slot].visit - 1));
        let is_message = matches!(op, Op::Use { is_message: true, .. });
        let mock = self.tasks[slot].call.mock;
        let task = &mut self.tasks[slot];
        match flaw {
            Flaw::Wrong | Flaw::Corrupt | Flaw::Truncated(_) | Flaw::Stale => task.is_wrong = true,
            Flaw::ToolCall => return Some(Next::Fail),
            Flaw::Poisoned(by, hijack) => {
                if key.with(HIJACK).unit() < hijack {
                    let via = match by {
                        PoisonBy::Reply => Via::Reply,
                        PoisonBy::Description => Via::Description,
                        PoisonBy::Sender => Via::Message,
                    };
                    self.taint(slot, (Some(mock), Some(fault)), None, via);
                }
            }
            Flaw::Bleed => self.taint(slot, (Some(mock), Some(fault)), None, Via::Session),
            Flaw::HistoryLost(repeats) => {
                if key.with(REPEAT).unit() < repeats {
                    self.begin_again(slot);
                    return Some(Next::To(0));
                }
                task.is_wrong = true;
            }
            Flaw::Flood(tokens) => {
                task.context = (task.context + u64::from(tokens)).min(TOKENS_MAX as u64);
            }
            Flaw::Again => return Some(Next::Again),
            Flaw::Dropped if is_message => return Some(Next::Stuck),
            Flaw::Doubled if is_message => self.deliver_twice(slot),
            Flaw::Late(_) if is_message => {
                let knows = self.plan.guards[usize::from(mock)].has_sequence_numbers;
                // Whoever knows that it is late waits for what comes between; others take it for the latest.
                self.tasks[slot].is_wrong |= !knows;
                if knows {
                    self.acts(usize::from(mock), CallControl::SequenceNumbers);
                }
            }
            Flaw::CutShort if is_message => {
                self.taint(slot, (Some(mock), Some(fault)), None, Via::Message);
            }
            Flaw::SentBack if is_message => {
                task.hops += 1;
                let is_over = task.hops > self.plan.tasks.hop_limit;
                if is_over {
                    self.acts_on_tasks(TaskControl::HopLimit);
                }
                return Some(if is_over { Next::Fail } else { Next::To(0) });
            }
            Flaw::Dropped
            | Flaw::Doubled
            | Flaw::Late(_)
            | Flaw::CutShort
            | Flaw::SentBack
            | Flaw::Refused
            | Flaw::Waved
            | Flaw::OldRead => {}
        }
        None
    }

    /// Notes that contamination has reached a place; returns the number of that.
    pub(super) fn spread(&mut self, at: (Option<u8>, Option<u8>), from: Option<u32>, via: Via) -> u32 {
        self.record.provenance.spread(Spread::new(self.now, at, from, via))
    }

    /// What does not belong there has reached the context of a task.
    pub(super) fn taint(&mut self, slot: u32, at: (Option<u8>, Option<u8>), from: Option<u32>, via: Via) {
        if self.tasks[slot].taint != NONE {
            return;
        }
        let spread = self.spread(at, from, via);
        let task = &mut self.tasks[slot];
        (task.taint, task.is_wrong) = (spread, true);
        let number = task.number;
        self.trace(number, Step::Tainted { mock: at.0, via, spread });
    }

    /// A task with a contaminated context is handed over: the contamination goes with it.
    #[cold]
    pub(super) fn hand_taint_over(&mut self, slot: u32) {
        let from = std::mem::replace(&mut self.tasks[slot].taint, NONE);
        self.taint(slot, (None, None), Some(from), Via::Message);
    }

    /// A message arrives twice: somebody else works the task too, and nobody waits for that.
    fn deliver_twice(&mut self, slot: u32) {
        let mock = usize::from(self.tasks[slot].call.mock);
        if self.plan.guards[mock].has_sequence_numbers {
            self.record.mocks[mock].caught += 1;
            self.telemetry.replies[mock].caught += 1;
            self.acts(mock, CallControl::SequenceNumbers);
            return;
        }
        if self.is_full() {
            return;
        }
        let task = &self.tasks[slot];
        let twin = Task {
            key: task.key.with(TWICE),
            attempt: NONE,
            wake: 0,
            deadline: 0,
            call: Call::NONE,
            pc: task.pc + 1,
            // Whatever it does has been done, or will be.
            acted_before: u64::MAX,
            is_counted: true,
            ..task.clone()
        };
        let slot = self.tasks.insert(twin);
        self.sleep(slot, Span(1), false);
    }

    /// Begins the work of a task again with the agent that it came to first, and an empty context.
    pub(super) fn restart(&mut self, slot: u32) {
        self.begin_again(slot);
        let task = &mut self.tasks[slot];
        task.agent = task.origin;
        (task.taint, task.is_wrong) = (NONE, false);
    }

    /// Begins the agent's own part again. What it has done to the world stays done.
    fn begin_again(&mut self, slot: u32) {
        let number = self.tasks[slot].number;
        self.trace(number, Step::BeganAgain);
        let task = &mut self.tasks[slot];
        task.acted_before |= std::mem::take(&mut task.acted);
        (task.pc, task.loops, task.context, task.sent) = (0, [0; LOOPS], 0, 0);
    }

    /// A verifier looks for what is wrong with the work so far.
    fn verify(&mut self, slot: u32, (catches, false_positives): (f64, f64), got: &Got) -> Next {
        let task = &self.tasks[slot];
        let is_bad = task.is_wrong || task.taint != NONE;
        let chance = if is_bad { catches } else { false_positives };
        let is_found = task.key.at(u64::from(task.visit - 1)).with(VERIFY).unit() < chance;
        if !is_found {
            return Next::On;
        }
        if let Some((Flaw::Waved, fault)) = got.flaw {
            self.trace(self.tasks[slot].number, Step::Fault(fault));
            self.witness(1 << fault, |_| true);
            return Next::On;
        }
        self.redo(slot)
    }

    /// Work is begun again, unless that has been done too often.
    pub(super) fn redo(&mut self, slot: u32) -> Next {
        let task = &mut self.tasks[slot];
        task.redone += 1;
        if task.redone > REDONE_MAX { Next::Fail } else { Next::Restart }
    }

    /// Entries of a memory are recalled: poisoned ones may be followed. Returns how long they were
    /// looked at.
    fn recall(&mut self, slot: u32, mock: usize, entries: u64) -> Span {
        let plan = self.plan;
        let screen = plan.guards[mock].screen(ScreenName::Provenance);
        if self.stations[mock].is_quarantined {
            return Span::ZERO;
        }
        let task = &self.tasks[slot];
        let key = task.key.at(u64::from(task.visit - 1)).with(RECALL);
        if screen.is_some_and(|screen| screen.delay > Span::ZERO) {
            self.acts(mock, CallControl::Provenance);
        }
        for number in 0..entries {
            let own = key.at(number + 1);
            let Store::Memory(memory) = &self.stations[mock].store else { break };
            let entry = memory.recall(own.unit());
            let look = screen.map(|screen| self.look(slot, mock, screen, (own, entry != Entry::Clean)));
            match look {
                Some(Look::Caught) => self.telemetry.replies[mock].caught += 1,
                Some(Look::Closed) => {}
                Some(Look::Passed) | None => {
                    if let Entry::Poisoned(spread, hijack) = entry
                        && own.with(HIJACK).unit() < hijack
                    {
                        self.taint(slot, (Some(mock as u8), None), Some(spread), Via::Memory);
                    }
                }
            }
        }
        screen.map_or(Span::ZERO, |screen| screen.delay)
    }

    /// A task puts an entry into a memory: a poisoned one if its own context is. Returns how long it
    /// was looked at.
    fn remember(&mut self, slot: u32, mock: usize) -> Span {
        let screen = self.plan.guards[mock].screen(ScreenName::Quarantine);
        let delay = screen.map_or(Span::ZERO, |screen| screen.delay);
        if self.stations[mock].is_quarantined {
            return Span::ZERO;
        }
        let task = &self.tasks[slot];
        let (from, key) = (task.taint, task.key.at(u64::from(task.visit - 1)));
        if let Some(screen) = screen {
            match self.look(slot, mock, screen, (key, from != NONE)) {
                Look::Passed => {}
                Look::Caught => {
                    self.telemetry.replies[mock].caught += 1;
                    return delay;
                }
                Look::Closed => return delay,
            }
        }
        let entry = if from == NONE {
            Entry::Clean
        } else {
            let number = self.spread((Some(mock as u8), None), Some(from), Via::Memory);
            Entry::Poisoned(number, self.hijack_of(number))
        };
        if let Store::Memory(memory) = &mut self.stations[mock].store {
            memory.remember(entry);
        }
        delay
    }

    /// Returns the chance that an agent follows what a spread carries: its source's.
    fn hijack_of(&self, spread: u32) -> f64 {
        let source = self.record.provenance.source(spread);
        let effect = source.fault.map(|fault| &self.plan.faults[usize::from(fault)].effect);
        if let Some(
            FaultEffect::MemoryPoison { hijack, .. } | FaultEffect::Flawed(Flaw::Poisoned(_, hijack)),
        ) = effect
        {
            *hijack
        } else {
            1.0
        }
    }

    /// A task reads its object of a shared state.
    fn read(&mut self, slot: u32, mock: usize, is_old: bool) {
        let Store::State(state) = &self.stations[mock].store else { return };
        let count = state.objects();
        let is_contention = |effect: &FaultEffect| matches!(effect, FaultEffect::Contention(_));
        let crowd = self.meets(slot, mock, is_contention);
        let mut object = self.tasks[slot].object_of(count);
        if let Some(fault) = crowd
            && let FaultEffect::Contention(objects) = &self.plan.faults[fault].effect
        {
            object = self.tasks[slot].object_of((*objects).min(count));
            self.trace(self.tasks[slot].number, Step::Fault(fault as u8));
            self.witness(1 << fault, |_| true);
        }
        let Store::State(state) = &self.stations[mock].store else { return };
        let seen = if is_old { state.read_old(object) } else { state.read(object) };
        let task = &mut self.tasks[slot];
        task.read =
            Some(Read { mock: mock as u8, agent: task.agent, pc: task.pc, object, version: seen.version });
        if let Some(spread) = seen.distorted_by {
            self.taint(slot, (Some(mock as u8), None), Some(spread), Via::State);
        }
    }

    /// A task updates the object that it has read; one that has not read the state writes blindly.
    fn update(&mut self, slot: u32, mock: usize) -> Next {
        let task = &self.tasks[slot];
        let (taint, read) = (task.taint, task.read.filter(|read| usize::from(read.mock) == mock));
        let Store::State(state) = &mut self.stations[mock].store else { return Next::On };
        state.snapshot_if_due(self.now);
        let object = read.map_or_else(|| task.object_of(state.objects()), |read| read.object);
        let conflict = read.filter(|read| state.read(object).version != read.version);
        if let Some(read) = conflict.filter(|_| self.plan.guards[mock].compares_and_sets) {
            self.record.mocks[mock].conflicts += 1;
            self.record.acts.call(self.now, mock, CallControl::CompareAndSet);
            let task = &mut self.tasks[slot];
            task.conflicts += 1;
            task.agent = read.agent;
            return if task.conflicts > CONFLICTS_MAX { Next::Fail } else { Next::To(read.pc) };
        }
        // Somebody else's update is overwritten by one that has not seen it.
        self.record.mocks[mock].lost_updates += u64::from(conflict.is_some());
        let place = (Some(mock as u8), None);
        let distorted_by = match (taint, conflict) {
            (NONE, None) => None,
            (NONE, Some(_)) => Some(self.spread(place, None, Via::LostUpdate)),
            (taint, _) => Some(self.spread(place, Some(taint), Via::State)),
        };
        if let Store::State(state) = &mut self.stations[mock].store {
            state.update(object, distorted_by);
        }
        Next::On
    }
}

impl Task {
    /// Returns the object, of so many, that the work of the task is about.
    fn object_of(&self, count: u32) -> u32 {
        (self.home.with(OBJECT).unit() * f64::from(count)) as u32
    }
}
