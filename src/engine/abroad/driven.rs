//! A run that somebody else drives, by a clock that is not ours.

use crate::base::{Span, Time};
use crate::engine::World;
use crate::engine::abroad::{Inbound, Outbound};
use crate::ops::{Ops, Telemetry};
use crate::plan::Plan;
use crate::record::{Journal, Record, Timed, Witness};

/// A run that somebody else drives, by a clock that is not ours.
pub(crate) struct Driven<'p> {
    world: World<'p>,
}

impl std::fmt::Debug for Driven<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driven").field("now", &self.world.now).finish_non_exhaustive()
    }
}

impl<'p> Driven<'p> {
    /// Returns a run at its beginning.
    pub(crate) fn new(plan: &'p Plan, seed: u64) -> Self {
        let mut world = World::new(plan, seed);
        world.record.timed = Some(Box::new(Timed::new(plan, world.record.series.width)));
        world.abroad = Some(Box::default());
        Self { world }
    }

    /// Returns when something happens by itself next.
    pub(crate) fn next_at(&self) -> Time {
        self.world.next_due()
    }

    /// Does whatever is due up to a moment, each thing at its own time: a task that is begun late was due earlier.
    pub(crate) fn advance(&mut self, now: Time) {
        self.world.advance(now.min(self.world.plan.end) + Span(1));
    }

    /// Leaves it to others to say which tasks begin.
    pub(crate) fn leave_load(&mut self) {
        self.world.next_arrival = Time::NEVER;
    }

    /// Takes in a task that somebody else's agents have begun; returns the number by which its calls are known.
    pub(crate) fn begin_task(&mut self, now: Time, (tier, agent): (usize, usize)) -> u64 {
        self.advance(now);
        let world = self.come_to(now);
        let task = world.begun_abroad(tier, agent);
        world.sweep();
        task
    }

    /// Takes in what a mock tells. Nothing that is due by itself is done before it.
    pub(crate) fn hear(&mut self, now: Time, inbound: Inbound) {
        let latest = self.world.next_due().min(now);
        self.take(latest, inbound);
    }

    /// Takes in what came back at a moment.
    pub(crate) fn receive(&mut self, at: Time, inbound: Inbound) {
        self.advance(at);
        self.take(at, inbound);
    }

    fn take(&mut self, now: Time, inbound: Inbound) {
        let world = self.come_to(now);
        world.receive(inbound);
        world.sweep();
    }

    /// Lets the run's clock show a moment, unless it is past that already.
    fn come_to(&mut self, now: Time) -> &mut World<'p> {
        let world = &mut self.world;
        world.now = world.now.max(now.min(world.plan.end));
        if world.now >= world.bucket_end {
            world.turn_bucket();
        }
        world
    }

    /// Hands over what is to be done where the mocks are.
    pub(crate) fn outbox(&mut self) -> Vec<Outbound> {
        self.world.abroad.as_mut().map(|abroad| std::mem::take(&mut abroad.outbox)).unwrap_or_default()
    }

    /// Returns what has been recorded so far.
    pub(crate) fn record(&self) -> &Record {
        &self.world.record
    }

    /// Returns the control plane.
    pub(crate) fn ops(&self) -> &Ops<'p> {
        &self.world.ops
    }

    /// Says that somebody real does the part of a role.
    pub(crate) fn make_real(&mut self, role: usize) {
        self.world.ops.make_real(role);
    }

    /// Tells the control plane something, which then does whatever follows from it at once.
    pub(crate) fn tell_ops<T>(
        &mut self,
        now: Time,
        of: impl FnOnce(&mut Ops<'p>, &Telemetry, &mut Journal) -> T,
    ) -> T {
        self.advance(now);
        let world = self.come_to(now);
        world.telemetry.in_flight = world.tasks.len() as u64;
        let result = of(&mut world.ops, &world.telemetry, &mut world.record.journal);
        world.ops_at = world.now;
        world.control();
        result
    }

    /// Returns what telemetry shows.
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.world.telemetry
    }

    /// Leaves it to others to say which alerts fire.
    pub(crate) fn leave_alerting(&mut self) {
        self.world.ops.leave_alerting();
    }

    /// Returns how many tasks are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.world.tasks.len() as u64
    }

    /// Ends the run; `met` are the witnesses of the mocks, by the number of the fault.
    pub(crate) fn finish(mut self, met: &[Witness]) -> Record {
        self.world.record.witnesses = self.met(met);
        self.world.finish_run()
    }

    /// Returns the witnesses of the agents' side and those of the mocks together.
    pub(crate) fn met(&self, mocks: &[Witness]) -> Vec<Witness> {
        let both = |(own, told): (&Witness, &Witness)| Witness {
            first: [own.first, told.first].into_iter().flatten().min(),
            last: own.last.max(told.last),
            decided: own.decided.max(told.decided),
            decisions: own.decisions + told.decisions,
            hits: own.hits + told.hits,
            exposed: own.exposed + told.exposed,
        };
        self.world.record.witnesses.iter().zip(mocks).map(both).collect()
    }

    /// Returns how many tasks have no outcome yet.
    pub(crate) fn open(&self) -> u64 {
        self.world.open
    }

    /// Returns what the controls have in place now, in words.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        self.world.left_behind()
    }
}
