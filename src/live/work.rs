//! The work on a request: a slot of the mock for as long as it takes, and what is done at its end.
//!
//! A client that goes away leaves the work behind. Most servers do not notice and work on to the end, which is
//! what makes retries dangerous; so does a mock, unless it says `on_abandon = "stop"`.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::oneshot;

use crate::base::{Money, Span};
use crate::live::canaries::Place;
use crate::live::clock::{Moment, until};
use crate::live::ledger::Effect;
use crate::live::taken::Taken;
use crate::live::world::{Station, World};
use crate::model::Told;
use crate::plan::FaultEffect;
use crate::wire::refusal::Refusal;

/// What is done when the work is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    /// What it costs.
    pub(super) cost: Money,
    /// Tokens in, of them from the cache, and out.
    pub(super) tokens: [u64; 3],
    /// What it does to the world, and how often.
    pub(super) effects: Vec<Effect>,
    /// What a memory gets, and from whom.
    pub(super) remember: Option<Box<(String, String)>>,
}

/// Which slot the work holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Slot {
    /// None.
    #[default]
    None,
    /// One of those that the mock has.
    Counted,
    /// One of a mock that has them without limit.
    Free,
}

/// The work on a request.
#[derive(Debug)]
pub(super) struct Work {
    taken: Arc<Taken>,
    ticket: Option<oneshot::Receiver<()>>,
    slot: Slot,
    service: Span,
    ends: Option<Moment>,
    job: Option<Job>,
    /// The client has gone, and the work goes on without it.
    is_alone: bool,
}

impl Work {
    /// Takes a slot, or a place in the queue, or is refused.
    pub(super) fn enter(taken: &Arc<Taken>, service: Span, job: Job) -> Result<Self, Refusal> {
        let (world, mock) = (taken.world(), taken.mock);
        let parameters = &world.served.mocks[mock];
        let capacity = world.capacity(mock, &taken.faults, taken.now);
        let mut work = Self {
            taken: Arc::clone(taken),
            ticket: None,
            slot: Slot::Free,
            service,
            ends: None,
            job: Some(job),
            is_alone: false,
        };
        if capacity == u32::MAX {
            world.traffic(mock).own().counts.working += 1;
            return Ok(work);
        }
        work.slot = Slot::Counted;
        let mut station = world.station(mock);
        // Whoever waits no longer is not in the way; whoever waits comes first.
        station.waiting.retain(|waiting| !waiting.is_closed());
        if station.busy < capacity && station.waiting.is_empty() {
            station.busy += 1;
            return Ok(work);
        }
        let is_cut = capacity < parameters.slots && station.busy < parameters.slots;
        work.slot = Slot::None;
        if station.waiting.len() >= parameters.queue as usize {
            station.ledger.overloaded += 1;
            work.job = None;
        } else {
            let (sender, receiver) = oneshot::channel();
            station.waiting.push_back(sender);
            work.ticket = Some(receiver);
        }
        drop(station);
        if is_cut {
            // Without the fault there would have been a slot.
            world.witness_all(taken, |effect| matches!(effect, FaultEffect::Capacity(_)));
        }
        if work.job.is_none() { Err(Refusal::Overloaded) } else { Ok(work) }
    }

    /// Waits for the slot; returns the moment at which the work begins.
    pub(super) async fn begin(&mut self) -> Moment {
        // Whoever did not have to wait began when it came.
        let mut begun = self.taken.arrived;
        if let Some(ticket) = &mut self.ticket {
            // The sender is only dropped when the world ends.
            self.slot = if ticket.await.is_ok() { Slot::Counted } else { Slot::None };
            self.ticket = None;
            begun = Moment::now();
        }
        self.ends = self.taken.world().clock.after(begun, self.service);
        begun
    }

    /// Waits until the work is over, or all faults are lifted by hand: for what is never answered.
    pub(super) async fn worked_or_released(&self) {
        tokio::select! {
            () = until(self.ends) => {}
            () = self.taken.world().all_released() => {}
        }
    }

    /// Waits until the work is over.
    pub(super) async fn worked(&self) {
        if self.service > Span::ZERO {
            until(self.ends).await;
        }
    }

    /// Does what is to be done at the end, and frees the slot.
    pub(super) fn finish(&mut self) {
        if let Some(job) = self.job.take() {
            self.end(job);
        }
    }

    /// Frees the slot without having done anything.
    pub(super) fn give_up(&mut self) {
        if self.job.take().is_some() {
            self.end(Job::default());
        }
    }

    /// Does a job, and frees the slot.
    fn end(&mut self, job: Job) {
        let (world, mock) = (self.taken.world(), self.taken.mock);
        let slot = std::mem::take(&mut self.slot);
        let (is_nothing, cost, tokens) = (job.is_nothing(), job.cost, job.tokens);
        let pay = || {
            let counts = &mut world.traffic(mock).own().counts;
            counts.working -= i64::from(slot == Slot::Free);
            counts.pay(cost, tokens);
        };
        let (mut effects, mut known, mut is_anybody_waiting) = (Vec::new(), 0, false);
        if slot == Slot::Counted || job.needs_station() {
            let mut station = world.station(mock);
            station.busy -= u32::from(slot == Slot::Counted);
            is_anybody_waiting = slot == Slot::Counted && !station.waiting.is_empty();
            // Whoever sees the effects sees what they cost.
            pay();
            (effects, known) = commit(world, &mut station, job);
        } else {
            pay();
        }
        let count = |is_it: fn(&Effect) -> bool| effects.iter().filter(|effect| is_it(effect)).count() as u32;
        let (all, beyond) = (effects.len() as u32, count(|effect| effect.is_unsafe));
        if self.taken.who.stated.is_none() && (slot == Slot::Counted || !is_nothing) {
            let counts = [all, count(|effect| effect.duplicate_of.is_some()), beyond, known];
            world.tell_of_others(|| Told::ForeignWork { mock, cost, effects: counts });
        }
        let counts = [all - beyond, beyond, known];
        world.tell(&self.taken, |serial| Told::Worked { serial, cost, effects: counts });
        if is_anybody_waiting {
            world.wake(mock);
        }
        told(world, &self.taken, &effects);
    }
}

impl Job {
    /// Returns whether it changes more than sums.
    fn needs_station(&self) -> bool {
        !self.effects.is_empty() || self.remember.is_some()
    }

    fn is_nothing(&self) -> bool {
        self.cost == Money::ZERO && self.tokens == [0; 3] && !self.needs_station()
    }
}

/// Does what the work does to the mock; returns the effects that were executed, and how many were known.
fn commit(world: &World, station: &mut Station, job: Job) -> (Vec<Effect>, u32) {
    let ledger = &mut station.ledger;
    if let (Some(texts), Some(new)) = (&mut station.texts, job.remember) {
        let (text, source) = *new;
        texts.remember(text, source, None);
    }
    let (mut done, mut known) = (Vec::new(), 0);
    for effect in job.effects {
        // Between the beginning and the end another call may have used the key.
        if ledger.known(effect.key.as_ref()).is_some() {
            ledger.counts.deduplicated += 1;
            known += 1;
            continue;
        }
        done.push(ledger.effect(Effect { at: world.clock.now(), ..effect }).clone());
    }
    (done, known)
}

/// Tells of effects that are repeated, unsafe, or made on a canary.
fn told(world: &World, taken: &Taken, effects: &[Effect]) {
    for effect in effects {
        if effect.is_unsafe || effect.duplicate_of.is_some() {
            let kind = if effect.is_unsafe { "unsafe-effect" } else { "duplicate-effect" };
            let detail = json!({ "mock": world.served.mocks[taken.mock].name, "effect": effect.json() });
            world.journal.push(effect.at, kind, detail);
        }
        world.sight(taken.seen(), &effect.canaries, Place::Effect);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some(job) = self.job.take() else { return };
        if self.is_alone {
            // The servers are shutting down.
            self.end(Job::default());
            return;
        }
        self.taken.world().station(self.taken.mock).ledger.abandoned += 1;
        if let Some(ticket) = &mut self.ticket
            && self.taken.world().served.mocks[self.taken.mock].stops_when_abandoned
        {
            // A slot that was given in this very moment is given back.
            ticket.close();
            self.slot = if ticket.try_recv().is_ok() { Slot::Counted } else { Slot::None };
            self.ticket = None;
        }
        let stops = self.taken.world().served.mocks[self.taken.mock].stops_when_abandoned;
        let runtime = tokio::runtime::Handle::try_current();
        let (false, Ok(runtime)) = (stops, runtime) else {
            self.end(Job::default());
            return;
        };
        let mut rest = Self {
            taken: Arc::clone(&self.taken),
            ticket: self.ticket.take(),
            slot: std::mem::take(&mut self.slot),
            service: self.service,
            ends: self.ends,
            job: Some(job),
            is_alone: true,
        };
        drop(runtime.spawn(async move {
            if rest.ends.is_none() {
                let _: Moment = rest.begin().await;
            }
            rest.worked().await;
            rest.finish();
        }));
    }
}
