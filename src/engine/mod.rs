//! The virtual clock: one run of a plan, as fast as the machine can, always the same for a seed.
//!
//! One thread, no IO, no allocation once warmed up. The machines of `model`, `guard` and `ops`
//! decide; this floor keeps the time, the queue, and what is under way.

mod abroad;
mod calls;
mod context;
mod control;
mod evaluations;
mod faults;
mod fork;
mod gateway;
mod lanes;
mod line;
mod outcomes;
mod queue;
mod screens;
mod slab;
mod spending;
mod state;
mod stations;
mod tasks;

pub(crate) use abroad::{Driven, Inbound, Outbound, Request};
pub use fork::Fork;
pub(crate) use state::Failure;

use crate::base::{Key, Money, Span, Time};
use crate::guard::{Breaker, MinuteBudget, RetryBudget, Velocity};
use crate::model::{Arrivals, Quotas};
use crate::model::{Memory, SharedState};
use crate::ops::{Calls, Ops, Replies, Telemetry};
use crate::plan::{Order, Plan, StorePlan, TIERS, TimerKind};
use crate::record::{Event as Entry, Node, Record, Step, Timed};
use crate::scenario::file::guards::{CallControl, TaskControl};

use lanes::Lane;
use line::Line;
use queue::{Event, Kind, Queue};
use slab::{NONE, Slab};
use state::{Attempt, Judgement, Station, Store, Task, Token};

/// Runs a plan with a seed.
pub fn rehearse(plan: &Plan, seed: u64) -> Record {
    World::new(plan, seed).run()
}

/// Runs a plan with a seed and keeps every step of every task; all else is as [`rehearse`] has it.
pub fn rehearse_traced(plan: &Plan, seed: u64) -> Record {
    let mut world = World::new(plan, seed);
    world.record.trace = Some(Box::default());
    world.run()
}

/// Runs a plan with a seed and keeps how long tasks took over time; all else is as [`rehearse`] has it.
pub fn rehearse_timed(plan: &Plan, seed: u64) -> Record {
    let mut world = World::new(plan, seed);
    world.record.timed = Some(Box::new(Timed::new(plan, world.record.series.width)));
    world.run()
}

/// What the control plane saw when it looked.
#[derive(Debug, Clone)]
pub struct Look {
    /// When.
    pub at: Time,
    /// What telemetry showed.
    pub telemetry: Telemetry,
    /// By alert, whether its condition held.
    pub conditions: Vec<bool>,
}

/// Runs a plan with a seed and keeps what the control plane saw each time it looked.
pub fn rehearse_watched(plan: &Plan, seed: u64) -> (Record, Vec<Look>) {
    let mut world = World::new(plan, seed);
    world.watched = Some(Vec::new());
    world.advance(plan.end + Span(1));
    let looks = world.watched.take().unwrap_or_default();
    (world.finish_run(), looks)
}

/// A run is stopped when its turns are nearly used up, far beyond what any drill needs.
const TURNS_MAX: u32 = u32::MAX - 1_000_000;

/// Everything that a run consists of while it lasts.
#[derive(Clone)]
struct World<'p> {
    plan: &'p Plan,
    seed: Key,
    tasks_key: Key,
    now: Time,
    /// The number of the last event that was scheduled; ties in time go by it.
    turn: u32,
    queue: Queue,
    lanes: Vec<Lane>,
    tasks: Slab<Task>,
    attempts: Slab<Attempt>,
    tokens: Slab<Token>,
    judgements: Slab<Judgement>,
    stations: Vec<Station>,
    arrivals: Arrivals,
    next_arrival: Time,
    arrived: u64,
    /// Tasks in flight whose outcome has not been counted.
    open: u64,
    /// By tier, the share of new tasks that is admitted.
    admitted: [f64; TIERS],
    /// By runbook and tier, the share that it admits; the smallest counts.
    holds: Vec<[f64; TIERS]>,
    minute: MinuteBudget,
    /// The same by tier, and how fast money is spent.
    minutes: [MinuteBudget; TIERS],
    velocity: Velocity,
    /// What a runbook allows to be spent in a minute.
    budget: Option<Money>,
    /// The agents that get no tasks.
    isolated: Vec<bool>,
    /// How often a runbook has reset all contexts.
    resets: u32,
    /// Since when a shared state is distorted, as a replay has found.
    distorted_since: Option<Time>,
    telemetry: Telemetry,
    ops: Ops<'p>,
    /// When the control plane is called next.
    ops_at: Time,
    commands: Vec<Order>,
    /// By mock, how many health probes it has had.
    probes: Vec<u64>,
    /// By evaluation, how many canary questions it has asked.
    canaries: Vec<u64>,
    /// By objective, bad tasks and all tasks as they are, also where telemetry cannot know.
    truth: Vec<(u64, u64)>,
    /// By objective, bad tasks and all tasks when the baseline was warm, and when the last window began.
    warm: Vec<(u64, u64)>,
    last: Vec<(u64, u64)>,
    record: Record,
    /// What the control plane has seen, if somebody wants to know.
    watched: Option<Vec<Look>>,
    bucket: usize,
    bucket_end: Time,
    /// What is under way to mocks that are elsewhere, if they are.
    abroad: Option<Box<abroad::Abroad>>,
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan, seed: u64) -> Self {
        let root = Key::of_seed(seed);
        let mut arrivals = Arrivals::new(root);
        let next_arrival = arrivals.next(&plan.traffic).unwrap_or(Time::NEVER);
        let record = Record::new(plan, seed);
        let lanes =
            plan.lanes.iter().zip(0..).map(|((_, delay), number)| Lane::new(number, *delay)).collect();
        let telemetry = Telemetry {
            slos: vec![(0, 0); plan.slos.len()],
            calls: vec![Calls::default(); plan.mocks.len()],
            replies: vec![Replies::default(); plan.mocks.len()],
            differs: vec![false; plan.mocks.len()],
            judged: vec![(0, 0); plan.evaluations.len()],
            judged_of: vec![(0, 0); plan.evaluations.len() * plan.mocks.len()],
            ..Telemetry::default()
        };
        let mut world = Self {
            plan,
            seed: root,
            tasks_key: root.with(Key::of_name("tasks")),
            now: Time::ZERO,
            turn: 0,
            queue: Queue::default(),
            lanes,
            tasks: Slab::default(),
            attempts: Slab::default(),
            tokens: Slab::default(),
            judgements: Slab::default(),
            stations: stations(plan),
            arrivals,
            next_arrival,
            arrived: 0,
            open: 0,
            admitted: [1.0; TIERS],
            holds: vec![[1.0; TIERS]; plan.runbooks.len()],
            minute: MinuteBudget::default(),
            minutes: Default::default(),
            velocity: Velocity::default(),
            budget: None,
            isolated: vec![false; plan.agents.len()],
            resets: 0,
            distorted_since: None,
            telemetry,
            ops: Ops::new(plan, root.with(Key::of_name("responders"))),
            ops_at: Time::NEVER,
            commands: Vec::new(),
            probes: vec![0; plan.mocks.len()],
            canaries: vec![0; plan.evaluations.len()],
            truth: vec![(0, 0); plan.slos.len()],
            warm: vec![(0, 0); plan.slos.len()],
            last: vec![(0, 0); plan.slos.len()],
            watched: None,
            bucket: 0,
            bucket_end: Time::ZERO + record.series.width,
            record,
            abroad: None,
        };
        world.schedule_at(plan.warm, Kind::Mark, control::WARM);
        world.schedule_at(plan.baseline, Kind::Mark, control::BASELINE);
        world.schedule_at(plan.end.back(plan.targets.recover_for), Kind::Mark, control::LAST);
        world.begin_canaries();
        world.call_ops();
        world
    }

    fn run(mut self) -> Record {
        self.advance(self.plan.end + Span(1));
        self.finish_run()
    }

    /// Handles whatever is due before a moment.
    fn advance(&mut self, until: Time) {
        loop {
            let event = self.queue.peek();
            let is_event = event.is_some_and(|event| event.at() <= self.next_arrival);
            let at = if is_event { event.map_or(Time::NEVER, Event::at) } else { self.next_arrival };
            if at >= until {
                break;
            }
            self.now = at;
            if at >= self.bucket_end {
                self.turn_bucket();
            }
            if is_event {
                let event = self.queue.pop().expect("it has just been seen");
                self.handle(event);
            } else {
                self.next_arrival = self.arrivals.next(&self.plan.traffic).unwrap_or(Time::NEVER);
                self.record.events += 1;
                self.arrive();
            }
            if self.turn > TURNS_MAX {
                self.record.journal.push(self.now, Entry::EventsLimit);
                break;
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event.kind() {
            Kind::Complete => self.complete(event.slot(), event.turn()),
            Kind::Wake => self.wake(event.slot(), event.turn()),
            Kind::Lane => self.lane(event.slot()),
            Kind::Fault => self.fault(event.slot()),
            Kind::Ops => self.control(),
            Kind::Mark => self.mark(event.slot()),
            Kind::Judged => self.judged(event.slot()),
            Kind::Canary => self.canary(event.slot()),
        }
    }

    /// Handles the head of a timer lane, which is due.
    fn lane(&mut self, number: u32) {
        let (kind, _) = self.plan.lanes[number as usize];
        let lane = &mut self.lanes[number as usize];
        match kind {
            TimerKind::Deadline => {
                let tasks = &self.tasks;
                if let Some(timer) =
                    lane.due(|timer| tasks[timer.slot].deadline == timer.turn, &mut self.queue)
                {
                    self.record.events += 1;
                    self.deadline(timer.slot);
                }
            }
            TimerKind::Timeout => {
                let attempts = &self.attempts;
                if let Some(timer) =
                    lane.due(|timer| attempts[timer.slot].timeout == timer.turn, &mut self.queue)
                {
                    self.record.events += 1;
                    self.timeout(timer.slot);
                }
            }
        }
    }

    /// Notes a step of a task, if anybody wants to know.
    fn trace(&mut self, task: u32, step: Step) {
        // Probes and canary questions are of no task.
        if let Some(trace) = self.record.trace.as_mut().filter(|_| task != NONE) {
            trace.push(Node { task, at: self.now, step });
        }
    }

    /// Notes that a guardrail of a mock's calls acts.
    fn acts(&mut self, mock: usize, control: CallControl) {
        self.record.acts.call(self.now, mock, control);
    }

    /// Notes that a guardrail of tasks acts.
    fn acts_on_tasks(&mut self, control: TaskControl) {
        self.record.acts.task(self.now, control);
    }

    fn next_turn(&mut self) -> u32 {
        self.turn += 1;
        self.turn
    }

    /// Schedules an event and returns its turn.
    fn schedule(&mut self, after: Span, kind: Kind, slot: u32) -> u32 {
        self.schedule_at(self.now + after, kind, slot)
    }

    fn schedule_at(&mut self, at: Time, kind: Kind, slot: u32) -> u32 {
        let turn = self.next_turn();
        // What lies beyond the end never happens: it need not wait in the queue.
        if at <= self.plan.end {
            self.queue.push(Event::new(at, turn, kind, slot));
        }
        turn
    }

    #[cold]
    fn turn_bucket(&mut self) {
        let in_flight = self.tasks.len() as u32;
        while self.now >= self.bucket_end {
            self.bucket += 1;
            self.record.series.backlog[self.bucket] = in_flight;
            self.bucket_end += self.record.series.width;
        }
    }

    fn finish_run(mut self) -> Record {
        self.record.in_flight = self.open;
        self.record.left_behind = self.left_behind();
        let ended = self.truth.iter().zip(&self.last);
        self.record.last_window = ended.map(|(now, then)| (now.0 - then.0, now.1 - then.1)).collect();
        self.record.assert_conserved();
        self.record
    }
}

fn stations(plan: &Plan) -> Vec<Station> {
    let each = |(mock, guard): (&crate::plan::MockPlan, &crate::plan::GuardPlan)| Station {
        busy: 0,
        queue: Line::default(),
        quotas: Quotas::new(mock.quotas),
        faults: Vec::new(),
        breaker: guard.breaker.map(Breaker::new),
        retries: guard
            .retry
            .as_ref()
            .and_then(|retry| retry.budget)
            .map(|(share, burst)| RetryBudget::new(share, burst)),
        under_way: 0,
        waiting: Line::default(),
        is_letting_in: false,
        store: match mock.store {
            StorePlan::None => Store::None,
            StorePlan::Memory(entries) => Store::Memory(Memory::new(entries)),
            StorePlan::State(objects) => Store::State(SharedState::new(objects)),
        },
        is_quarantined: false,
        is_killed: false,
        needs_approval: false,
        revoked: Vec::new(),
        degraded_to: None,
        rollout: None,
        attempts_max: None,
    };
    plan.mocks.iter().zip(&plan.guards).map(each).collect()
}
