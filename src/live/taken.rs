//! A request that a mock has taken.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::Guard;

use crate::base::{Key, Time};
use crate::live::caller::Who;
use crate::live::clock::Moment;
use crate::live::faults::FaultSet;
use crate::live::line::Line;
use crate::live::world::World;
use crate::model::overlay::{Caller, decide};

const SESSION: Key = Key::of_name("session of caller");

/// A request that a mock has taken: its number, its stream, and the faults that hit it.
#[derive(Debug)]
pub(super) struct Taken {
    /// The connection by which it came.
    pub(super) line: Arc<Line>,
    /// The mock.
    pub(super) mock: usize,
    /// Which of its requests it is, from 0.
    pub(super) number: u64,
    /// Its stream.
    pub(super) key: Key,
    /// When it came, in the drill's time and in the machine's.
    pub(super) now: Time,
    /// When it came, in the machine's time.
    pub(super) arrived: Moment,
    /// The faults that hit it, a bit for each.
    pub(super) hits: u64,
    /// Who called.
    pub(super) who: Who,
    /// The faults as they were then. While a thread has no more than eight requests under way, no other core learns of
    /// it; beyond that they are counted.
    pub(super) faults: Guard<Arc<FaultSet>>,
    /// The faults that have changed it, a bit for each.
    pub(super) changed: AtomicU64,
    /// Who calls, as the boundary of permissions sees it: one decision for all attempts of a call.
    pub(super) of_call: Caller,
}

impl Taken {
    /// Takes a call: gives it its number, and decides which faults hit it.
    pub(super) fn call(line: &Arc<Line>, who: Who) -> Self {
        Self::new(line, who, true)
    }

    /// Takes a request that is no call, such as for the list of tools: faults of calls pass it by.
    pub(super) fn aside(line: &Arc<Line>, who: Who) -> Self {
        Self::new(line, who, false)
    }

    fn new(line: &Arc<Line>, who: Who, is_call: bool) -> Self {
        let (world, mock) = (&line.world, line.mock);
        let (arrived, faults) = (Moment::now(), world.faults());
        let now = world.clock.at(arrived);
        let mut station = world.station(mock);
        let number = station.next;
        station.next += 1;
        let key = world.seed.with(world.served.mocks[mock].key).at(number);
        let task = who.session.map_or(key, |session| world.seed.with(SESSION).at(session));
        let own = Caller { attempt: key, task, instance: who.instance, tenant: who.tenant };
        let stated = who.stated.as_ref().filter(|_| world.told.is_some());
        let caller = stated.map_or(own, |stated| stated.caller);
        let of_call = stated.map_or(own, |stated| Caller { attempt: stated.call, ..stated.caller });
        let key = caller.attempt;
        let mut hits = 0;
        if is_call {
            for index in &faults.of_mock[mock] {
                station.witnesses[usize::from(*index)].exposed += 1;
            }
            let own = (&faults.plans[..], &faults.of_mock[mock][..]);
            hits = decide(own, &mut station.witnesses, (now, world.seed), &caller);
        }
        drop(station);
        let (line, changed) = (Arc::clone(line), AtomicU64::new(0));
        Self { line, mock, number, key, now, arrived, hits, who, faults, changed, of_call }
    }

    /// Returns the world in which it came.
    pub(super) fn world(&self) -> &World {
        &self.line.world
    }

    /// Returns the mock, the number of the request, and when it came.
    pub(super) fn seen(&self) -> (usize, u64, Time) {
        (self.mock, self.number, self.now)
    }
}
