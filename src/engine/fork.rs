//! A run held just before the first fault, to go on with another plan: until then nothing differs.
//!
//! A twin is its run up to there, and so is the run without a control that has not acted yet.

use crate::base::Time;
use crate::engine::lanes::Lane;
use crate::engine::queue::Kind;
use crate::engine::{World, stations};
use crate::plan::Plan;
use crate::record::{Event, Record, Witness};

/// A run of a plan up to the first fault.
pub struct Fork<'p> {
    world: World<'p>,
    at: Time,
}

impl std::fmt::Debug for Fork<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fork").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'p> Fork<'p> {
    /// Runs a plan with a seed up to the beginning of its first fault, or to the end if it has none.
    pub fn new(plan: &'p Plan, seed: u64) -> Self {
        let at = plan.faults.iter().map(|fault| fault.start).min().unwrap_or(plan.end);
        let mut world = World::new(plan, seed);
        world.advance(at);
        Self { world, at }
    }

    /// Returns when the first fault begins.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Returns whether nobody has been told of anything yet: no alert has fired, no runbook been begun.
    pub fn is_quiet(&self) -> bool {
        let is_loud = |event| matches!(event, Event::AlertFiring(_) | Event::IncidentOpened(_));
        self.world.record.journal.count(is_loud) == 0
    }

    /// Goes on to the end.
    pub fn finish(&self) -> Record {
        self.world.clone().run()
    }

    /// Goes on to the end without any fault.
    ///
    /// `twin` is the twin of the plan that was begun.
    pub fn finish_twin(&self, twin: &'p Plan) -> Record {
        let mut world = self.world.clone();
        world.queue.retain(|event| event.kind() != Kind::Fault);
        world.record.witnesses = vec![Witness::default(); twin.faults.len()];
        world.plan = twin;
        world.ops.go_on(twin);
        world.run()
    }

    /// Goes on to the end with controls taken away that have done nothing yet, and are no timeout: timers
    /// that are set already would be others.
    ///
    /// `reduced` is a [`Plan::reduced`] of the plan that was begun, with the same faults.
    pub fn finish_reduced(&self, reduced: &'p Plan) -> Record {
        let mut world = self.world.clone();
        world.plan = reduced;
        world.ops.go_on(reduced);
        for (number, (_, delay)) in reduced.lanes.iter().enumerate().skip(world.lanes.len()) {
            world.lanes.push(Lane::new(number as u32, *delay));
        }
        for (station, fresh) in world.stations.iter_mut().zip(stations(reduced)) {
            if fresh.breaker.is_none() {
                station.breaker = None;
            }
            if fresh.retries.is_none() {
                station.retries = None;
            }
        }
        world.run()
    }
}
