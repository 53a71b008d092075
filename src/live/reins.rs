//! What whoever drives a drill does to the mocks: their clock, their faults, what runbooks take from them.

use std::sync::Arc;

use crate::base::{Key, Ratio, Time};
use crate::live::admin;
use crate::live::canaries::Place;
use crate::live::clock::until;
use crate::live::faults::Mode;
use crate::live::world::{Revoked, World};
use crate::live::{Running, edges};
use crate::record::Witness;
use crate::wire::canary::Canary;

const PURGE: Key = Key::of_name("purge on the wire");

/// The clock of a drill, for those who note when something came.
#[derive(Debug, Clone)]
pub(crate) struct DrillClock(Arc<World>);

impl DrillClock {
    /// Returns the time of the drill.
    pub(crate) fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// Waits until it shows a moment.
    pub(crate) async fn wait(&self, at: Time) {
        until(self.0.clock.when(at)).await;
    }
}

impl Running {
    /// Returns the time of the drill.
    pub(crate) fn now(&self) -> Time {
        self.world.clock.now()
    }

    /// Returns the drill's clock.
    pub(crate) fn clock(&self) -> DrillClock {
        DrillClock(Arc::clone(&self.world))
    }

    /// Lets the drill's clock run from its beginning.
    pub(crate) fn begin(&self) {
        self.world.clock.set(Time::ZERO, false);
        self.world.changes.notify_one();
    }

    /// Lets every fault come as it is scheduled.
    pub(crate) fn inject(&self) {
        self.world
            .change_faults(|set| (0..set.modes.len()).for_each(|index| set.set(index, Mode::Scheduled)));
        let _next: Option<Time> = edges::look(&self.world);
    }

    /// Returns how often all faults have been lifted by hand.
    pub(crate) fn releases(&self) -> u64 {
        *self.world.released.borrow()
    }

    /// Lifts every fault, and returns whether none is left.
    pub(crate) fn release(&self) -> bool {
        let released = admin::release(&self.world);
        let _next: Option<Time> = edges::look(&self.world);
        released["verified"] == true
    }

    /// Takes poisoned entries out of a memory, each with this chance.
    pub(crate) fn purge(&self, mock: usize, catches: Ratio) {
        let key = self.world.seed.with(PURGE).at(self.now().0);
        if let Some(texts) = &mut self.world.station(mock).texts {
            let _purged: usize = texts.purge(|number| key.at(number).unit() < catches.real());
        }
    }

    /// Takes the permission for a mock from an agent, or gives it back.
    pub(crate) fn revoke(&self, mock: usize, agent: usize, is_taken: bool) {
        let now = self.now();
        let revoked = &mut self.world.station(mock).revoked;
        revoked.retain(|(of, _)| *of != Revoked::Agent(agent));
        if is_taken {
            revoked.push((Revoked::Agent(agent), now));
        }
    }

    /// Returns the witnesses of the faults that were stated, in their order.
    pub(crate) fn witnesses(&self) -> Vec<Witness> {
        let faults = self.world.faults();
        let of = |(index, fault): (usize, &crate::plan::FaultPlan)| {
            self.world.station(usize::from(fault.mock)).witnesses[index]
        };
        faults.plans.iter().enumerate().map(of).collect()
    }

    /// Returns whether a mock has executed an effect whose arguments name a task.
    pub(crate) fn has_effect_of(&self, mock: usize, task: u64) -> bool {
        self.world.station(mock).ledger.has_effect_of(task)
    }

    /// Notes canaries in a reply of agents at an address; returns whether one of them is the drill's.
    pub(crate) fn sight_reply(&self, (mock, serial): (usize, u32), found: &[Canary]) -> bool {
        !self.world.sight((mock, u64::from(serial), self.now()), found, Place::Reply).is_empty()
    }

    /// Returns how many requests a mock has refused since every slot and place was taken.
    pub(crate) fn overloaded(&self, mock: usize) -> u64 {
        self.world.station(mock).ledger.overloaded
    }
}
