//! Everything that live mocks share: the clock, the faults, each mock's state, the journal.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use arc_swap::{ArcSwap, Guard};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use crate::base::{Key, Ratio, Span, Time};
use crate::live::canaries::{Canaries, Source};
use crate::live::clock::Clock;
use crate::live::drilled::Stated;
use crate::live::edges::Known;
use crate::live::faults::{FAULTS_MAX, FaultSet, Mode};
use crate::live::journal::Journal;
use crate::live::ledger::Ledger;
use crate::live::memory::Texts;
use crate::live::serve::LARGE_AT_ONCE;
use crate::live::taken::Taken;
use crate::live::traffic::{Counts, Traffic};
use crate::model::outcome::{quota_left, slots_left};
use crate::model::overlay::is_hit;
use crate::model::{Dose, Quotas, Told};
use crate::plan::{FaultEffect, FaultPlan, MockPlan, Served, StorePlan, WirePlan};
use crate::record::Witness;
use crate::wire::canary::Canary;
use crate::wire::refusal::{Limit, Refusal};
use crate::wire::say::Recorded;

const CANARY: Key = Key::of_name("number of canary");

/// The most credentials whose age is known for each mock.
const CREDENTIALS_MAX: usize = 10_000;

/// The world of live mocks.
#[derive(Debug)]
pub(super) struct World {
    /// What is served.
    pub(super) served: Served,
    /// The root of every draw.
    pub(super) seed: Key,
    /// What time it is.
    pub(super) clock: Clock,
    /// What happened that matters.
    pub(super) journal: Journal,
    /// The recorded replies of each mock.
    pub(super) recorded: Vec<Recorded>,
    /// Told when somebody changes the clock or the faults.
    pub(super) changes: Notify,
    /// Counts how often all faults were lifted by hand: replies that never come are given up then.
    pub(super) released: watch::Sender<u64>,
    /// Whether the servers are to end.
    pub(super) ending: watch::Sender<bool>,
    /// The ports of the mocks, once they are known.
    pub(super) ports: OnceLock<Vec<u16>>,
    /// What is known of the faults that have begun.
    pub(super) edges: Mutex<Known>,
    /// The places for large bodies.
    pub(super) large: Semaphore,
    /// Who wants to know what becomes of the requests of a drill's own agents.
    pub(super) told: Option<mpsc::UnboundedSender<Told>>,
    /// Where heavy requests are answered.
    pub(super) aside: Handle,
    /// Counts how often everything was forgotten.
    pub(super) resets: AtomicU64,
    faults: ArcSwap<FaultSet>,
    /// Held by whoever changes the faults.
    changing: Mutex<()>,
    stations: Vec<Mutex<Station>>,
    traffic: Vec<Traffic>,
    canaries: Mutex<Canaries>,
    tools: Vec<watch::Sender<u64>>,
}

/// What a mock is at a moment.
#[derive(Debug)]
pub(super) struct Station {
    /// The number of the next request.
    pub(super) next: u64,
    /// Requests and tokens a minute.
    quotas: Quotas,
    /// The witnesses of all faults; those of other mocks stay blank.
    pub(super) witnesses: Vec<Witness>,
    /// Slots that are taken, and who waits for one.
    pub(super) busy: u32,
    /// Those who wait.
    pub(super) waiting: VecDeque<oneshot::Sender<()>>,
    /// What it has counted.
    pub(super) ledger: Ledger,
    /// What it holds for agents.
    pub(super) texts: Option<Texts>,
    credentials: BTreeMap<u64, Time>,
    /// Whose permission has been taken, and when.
    pub(super) revoked: Vec<(Revoked, Time)>,
}

impl Station {
    fn new(mock: &MockPlan, wire: &WirePlan) -> Self {
        let texts = match mock.store {
            StorePlan::Memory(entries) => Some(Texts::new(entries, &wire.facts)),
            StorePlan::None | StorePlan::State(_) => None,
        };
        Self {
            next: 0,
            quotas: Quotas::new(mock.quotas),
            witnesses: vec![Witness::default(); FAULTS_MAX],
            busy: 0,
            waiting: VecDeque::new(),
            ledger: Ledger::default(),
            texts,
            credentials: BTreeMap::new(),
            revoked: Vec::new(),
        }
    }
}

impl Station {
    /// Returns how many requests the mock is working on, with slots and without.
    pub(super) fn working(&self, counts: &Counts) -> i64 {
        i64::from(self.busy) + counts.working
    }

    /// Returns what is left of the quotas of requests and of tokens.
    fn left(&mut self, now: Time, share: Ratio) -> [Option<Left>; 2] {
        let of = |(rest, limit, full_in)| Left { rest, limit, full_in };
        self.quotas.left(now, share).map(|left| left.map(of))
    }
}

/// Whose permission has been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revoked {
    /// An agent's.
    Agent(usize),
    /// A credential's, as a number.
    Credential(u64),
}

/// What is left of a quota: the rest, the limit, and how long until all is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// What is left.
    pub(super) rest: u64,
    /// The limit of a minute.
    pub(super) limit: u64,
    /// How long until all of it is there again.
    pub(super) full_in: Span,
}

impl World {
    /// Returns the world of some mocks, at the beginning; in a runtime, which answers heavy requests.
    pub(super) fn new(
        served: Served,
        seed: u64,
        (clock, journal): (Clock, Journal),
        recorded: Vec<Recorded>,
        told: Option<mpsc::UnboundedSender<Told>>,
    ) -> Self {
        let faults = FaultSet::new(served.faults.clone(), served.mocks.len(), Mode::Scheduled);
        let stations =
            served.mocks.iter().zip(&served.wires).map(|(mock, wire)| Mutex::new(Station::new(mock, wire)));
        Self {
            seed: Key::of_seed(seed),
            clock,
            journal,
            recorded,
            changes: Notify::new(),
            released: watch::Sender::new(0),
            ending: watch::Sender::new(false),
            ports: OnceLock::new(),
            edges: Mutex::new(Known::default()),
            large: Semaphore::new(LARGE_AT_ONCE),
            aside: Handle::current(),
            resets: AtomicU64::new(0),
            told,
            faults: ArcSwap::from_pointee(faults),
            changing: Mutex::new(()),
            stations: stations.collect(),
            traffic: served.mocks.iter().map(|_| Traffic::default()).collect(),
            canaries: Mutex::new(Canaries::default()),
            tools: served.mocks.iter().map(|_| watch::Sender::new(0)).collect(),
            served,
        }
    }

    /// Returns the faults as they are.
    pub(super) fn faults(&self) -> Guard<Arc<FaultSet>> {
        self.faults.load()
    }

    /// Changes the faults.
    pub(super) fn change_faults<T>(&self, change: impl FnOnce(&mut FaultSet) -> T) -> T {
        let turn = self.changing.lock().expect("nobody panics while changing faults");
        let mut set = FaultSet::clone(&self.faults());
        let result = change(&mut set);
        self.faults.store(Arc::new(set));
        drop(turn);
        // There is one who listens; if it is busy, it hears of it afterwards.
        self.changes.notify_one();
        result
    }

    /// Returns the names of all faults, by their numbers.
    pub(super) fn fault_names(&self) -> Vec<String> {
        self.faults().plans.iter().map(|fault| fault.id.clone()).collect()
    }

    /// Returns the names of all mocks, by their numbers.
    pub(super) fn mock_names(&self) -> Vec<String> {
        self.served.mocks.iter().map(|mock| mock.name.clone()).collect()
    }

    /// Returns the state of a mock, to look at or to change; nobody may wait while holding it.
    pub(super) fn station(&self, mock: usize) -> MutexGuard<'_, Station> {
        self.stations[mock].lock().expect("nobody panics while holding a station")
    }

    /// Returns what has been counted of the calls of a mock.
    pub(super) fn traffic(&self, mock: usize) -> &Traffic {
        &self.traffic[mock]
    }

    /// Returns the canaries.
    pub(super) fn canaries(&self) -> MutexGuard<'_, Canaries> {
        self.canaries.lock().expect("nobody panics while holding the canaries")
    }

    /// Notes that faults changed a request, a bit for each.
    pub(super) fn witness(&self, taken: &Taken, hits: u64) {
        taken.changed.fetch_or(hits, Ordering::Relaxed);
        self.witness_of(taken.mock, hits, taken.now);
    }

    /// Notes that faults changed something at a mock, a bit for each.
    pub(super) fn witness_of(&self, mock: usize, hits: u64, now: Time) {
        if hits == 0 {
            return;
        }
        let mut first = 0;
        let mut station = self.station(mock);
        for index in (0..FAULTS_MAX).filter(|index| hits >> index & 1 == 1) {
            first |= u64::from(station.witnesses[index].hit(now)) << index;
        }
        drop(station);
        if first == 0 {
            return;
        }
        if let Some(told) = &self.told {
            for fault in (0..FAULTS_MAX).filter(|index| first >> index & 1 == 1) {
                // A drill that is over does not listen any more.
                let _sent: Result<(), _> = told.send(Told::Met { fault });
            }
        }
        for (index, id) in
            self.fault_names().into_iter().enumerate().filter(|(index, _)| first >> index & 1 == 1)
        {
            let detail = json!({ "fault": id, "mock": self.served.mocks[mock].name, "number": index });
            self.journal.push(now, "fault-witnessed", detail);
        }
    }

    /// Returns which fault of a kind meets a request: those that are asked for where they matter.
    pub(super) fn meets(&self, taken: &Taken, is_kind: impl Fn(&FaultPlan) -> bool) -> Option<usize> {
        if !taken.faults.of(taken.mock).any(|(_, fault)| is_kind(fault)) {
            return None;
        }
        let mut station = self.station(taken.mock);
        let found = taken.faults.of(taken.mock).find(|(index, fault)| {
            let witness = &station.witnesses[*index];
            // A call may be asked about more than once: what counts is what was changed.
            let is_turn = witness.hits < fault.first_n && witness.exposed.is_multiple_of(fault.every_nth);
            is_kind(fault) && is_turn && is_hit(fault, taken.now, self.seed, &taken.of_call)
        });
        let (index, _) = found?;
        station.witnesses[index].decided = Some(taken.now);
        Some(index)
    }

    /// Gives free slots to whoever waits longest.
    pub(super) fn wake(&self, mock: usize) {
        let capacity = self.capacity(mock, &self.faults(), self.clock.now());
        let mut station = self.station(mock);
        while station.busy < capacity {
            let Some(next) = station.waiting.pop_front() else { break };
            station.busy += u32::from(next.send(()).is_ok());
        }
    }

    /// Brings the quotas to a moment at which the share that faults leave is about to change.
    pub(super) fn settle_quotas(&self, at: Time, faults: &FaultSet) {
        for (mock, station) in self.stations.iter().enumerate() {
            let share = quota_left(faults.of(mock).map(|(_, fault)| fault), at);
            let mut station = station.lock().expect("nobody panics while holding a station");
            let _settled: [Option<Left>; 2] = station.left(at, share);
        }
    }

    /// Asks the quotas for a request of so many tokens; returns what is left of them.
    pub(super) fn admit(&self, taken: &Taken, tokens: u64) -> Result<[Option<Left>; 2], Refusal> {
        if self.served.mocks[taken.mock].quotas.iter().all(Option::is_none) {
            return Ok([None, None]);
        }
        let mut station = self.station(taken.mock);
        let share = quota_left(taken.faults.of(taken.mock).map(|(_, fault)| fault), taken.now);
        let Err(refused) = station.quotas.admit(taken.now, share, tokens) else {
            return Ok(station.left(taken.now, share));
        };
        station.ledger.rate_limited += 1;
        drop(station);
        if refused.is_faults_doing {
            self.witness_all(taken, |effect| matches!(effect, FaultEffect::RateLimit(_)));
        }
        let limit = share.of_ceil(self.served.mocks[taken.mock].quotas[refused.which].unwrap_or(0));
        let limit = if refused.which == 0 { Limit::Requests(limit) } else { Limit::Tokens(limit) };
        Err(Refusal::RateLimited { wait: refused.wait, limit })
    }

    /// Returns what is left of the quotas of requests and of tokens.
    pub(super) fn quotas_left(&self, mock: usize) -> [Option<Left>; 2] {
        if self.served.mocks[mock].quotas.iter().all(Option::is_none) {
            return [None, None];
        }
        let (now, faults) = (self.clock.now(), self.faults());
        let share = quota_left(faults.of(mock).map(|(_, fault)| fault), now);
        self.station(mock).left(now, share)
    }

    /// Returns how many slots a mock has now.
    pub(super) fn capacity(&self, mock: usize, faults: &FaultSet, now: Time) -> u32 {
        slots_left(faults.of(mock).map(|(_, fault)| fault), now, self.served.mocks[mock].slots)
    }

    /// Notes that the active faults of a kind took effect on a request.
    pub(super) fn witness_all(&self, taken: &Taken, is_kind: impl Fn(&FaultEffect) -> bool) {
        let active = taken.faults.of(taken.mock).filter(|(_, fault)| {
            is_kind(&fault.effect) && fault.effect.takes_something() && Dose::at(fault, taken.now).0 > 0.0
        });
        let hits = active.fold(0, |hits, (index, _)| hits | 1 << index);
        self.witness(taken, hits);
    }

    /// Tells the drill something of a request of its own agents.
    pub(super) fn tell(&self, taken: &Taken, of: impl FnOnce(u32) -> Told) {
        if let (Some(told), Some(stated)) = (&self.told, &taken.who.stated) {
            // A drill that is over does not listen any more.
            let _sent: Result<(), _> = told.send(of(stated.serial));
        }
    }

    /// Tells the drill something of requests that are not its own.
    pub(super) fn tell_of_others(&self, of: impl FnOnce() -> Told) {
        if let Some(told) = &self.told {
            // A drill that is over does not listen any more.
            let _sent: Result<(), _> = told.send(of());
        }
    }

    /// Returns what a request says of itself, if it is of the drill's own agents.
    pub(super) fn stated<'a>(&self, taken: &'a Taken) -> Option<&'a Stated> {
        taken.who.stated.as_deref().filter(|_| self.told.is_some())
    }

    /// Returns how old the credential of a request is at this mock.
    pub(super) fn credential_age(&self, taken: &Taken) -> Span {
        if let Some(stated) = self.stated(taken) {
            return taken.now.since(stated.credential);
        }
        let Some(credential) = taken.who.credential else { return Span::ZERO };
        let mut station = self.station(taken.mock);
        if station.credentials.len() >= CREDENTIALS_MAX && !station.credentials.contains_key(&credential) {
            // Whoever holds so many tokens loses the age of one that is not the newest.
            station.credentials.pop_first();
        }
        let since = *station.credentials.entry(credential).or_insert(taken.now);
        taken.now.since(since)
    }

    /// Lets a canary out with the reply to a request.
    pub(super) fn canary(&self, taken: &Taken, fault: usize, hijack: f64) -> Canary {
        let canary = Canary(taken.key.with(CANARY).at(fault as u64).number());
        let source = Source { fault, mock: taken.mock, call: taken.number, at: taken.now, hijack };
        self.canaries().out(canary, source);
        canary
    }

    /// Returns a watch over the changes of a mock's tools.
    pub(super) fn tools_watch(&self, mock: usize) -> watch::Receiver<u64> {
        self.tools[mock].subscribe()
    }

    /// Says that the tools of a mock have changed.
    pub(super) fn tools_changed(&self, mock: usize) {
        self.tools[mock].send_modify(|count| *count += 1);
    }

    /// Returns when the servers are to end.
    pub(super) async fn is_over(&self) {
        let mut ending = self.ending.subscribe();
        // A sender that is gone is the end as well.
        drop(ending.wait_for(|ending| *ending).await);
    }

    /// Returns when all faults are lifted by hand, or the servers end.
    pub(super) async fn all_released(&self) {
        let mut released = self.released.subscribe();
        tokio::select! {
            released = released.changed() => drop(released),
            () = self.is_over() => {}
        }
    }

    /// Forgets every call, effect, sighting and witness; the clock and the faults stay as they are.
    pub(super) fn reset(&self) {
        for (mock, station) in self.stations.iter().enumerate() {
            let mut station = station.lock().expect("nobody panics while holding a station");
            let fresh = Station::new(&self.served.mocks[mock], &self.served.wires[mock]);
            // Requests under way keep their slots.
            let (busy, waiting) = (station.busy, std::mem::take(&mut station.waiting));
            *station = Station { busy, waiting, ..fresh };
            // With the station held, so that no call gets its number before and is forgotten after.
            self.traffic[mock].reset();
        }
        *self.canaries() = Canaries::default();
        self.resets.fetch_add(1, Ordering::Relaxed);
        self.changes.notify_one();
    }
}
