//! The wall clock: mocks as real servers, with the same models and faults as in virtual time.
//!
//! What a mock does is decided by `model`, as for the engine; what it says is put into bytes by `wire`. Here are
//! the sockets, the pauses, and the ways in which a reply can end.

mod admin;
mod caller;
mod canaries;
mod clock;
mod decide;
pub(crate) mod desk;
mod drilled;
mod edges;
mod embeddings;
mod faults;
mod headers;
mod journal;
mod ledger;
mod line;
mod mcp;
mod memory;
mod metrics;
mod models;
mod perform;
mod reins;
mod reply;
mod serve;
mod socket;
mod taken;
mod toolbox;
mod tools;
mod traffic;
mod work;
mod workers;
mod world;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::base::{Span, Time};
use crate::model::Told;
use crate::plan::Served;
use crate::scenario::Scenario;
use crate::scenario::file::wire::Protocol;
use crate::wire::say::Recorded;

use admin::Admin;
use clock::Clock;
pub(crate) use drilled::{HEADER, Stated, task_name, tasks_in};
use journal::Journal;
pub(crate) use reins::DrillClock;
use workers::Workers;
use world::World;

/// The most connections to the admin API, and how long each may last.
const ADMIN_CONNECTIONS: usize = 256;
const ADMIN_WITHIN: Duration = Duration::from_secs(300);

/// How live mocks are started.
pub struct Settings {
    /// The seed of every draw.
    pub seed: u64,
    /// What the clock shows at first, and whether it stands.
    pub at: Span,
    /// Whether the clock stands until the admin API moves it.
    pub is_held: bool,
    /// Whether faults come as scheduled; otherwise only those that are armed.
    pub is_scheduled: bool,
    /// The most connections of all mocks together.
    pub connections: usize,
    /// Whether mocks are at any ports that are free, whatever the scenario states.
    pub has_any_ports: bool,
    /// The port of the admin API; 0 is any.
    pub admin_port: u16,
    /// The token that the admin API asks for.
    pub token: String,
    /// Where the journal goes, beside memory.
    pub journal: Option<Box<dyn Write + Send>>,
    /// The recorded replies of each mock.
    pub recorded: Vec<Recorded>,
    /// How many times as fast as the wall's the drill's clock runs.
    pub pace: u32,
    /// Who wants to know what becomes of the requests of a drill's own agents.
    pub(crate) told: Option<mpsc::UnboundedSender<Told>>,
}

impl Settings {
    /// Returns the same for other mocks of the drill, at any ports, without a journal.
    pub(crate) fn beside(&self) -> Self {
        Self {
            admin_port: 0,
            has_any_ports: true,
            journal: None,
            told: None,
            token: self.token.clone(),
            recorded: self.recorded.clone(),
            ..*self
        }
    }
}

impl std::fmt::Debug for Settings {
    /// Leaves the token out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("seed", &self.seed).field("at", &self.at).finish_non_exhaustive()
    }
}

/// Where a mock is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its name.
    pub name: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The protocols that it speaks there.
    pub speaks: Vec<Protocol>,
}

/// Mocks that are being served.
#[derive(Debug)]
pub struct Running {
    /// Where each mock is, in the order of the file.
    pub mocks: Vec<Address>,
    /// The port of the admin API.
    pub admin: u16,
    /// The faults that do not show on the wire, with their kinds.
    pub unseen: Vec<(String, &'static str)>,
    world: Arc<World>,
    servers: Vec<JoinHandle<()>>,
    rest: Vec<JoinHandle<()>>,
}

/// Starts a server for every mock of a scenario, and the admin API; fails if a port is taken.
pub async fn start(scenario: Scenario, settings: Settings) -> io::Result<Running> {
    let served = Served::of(&scenario);
    let clock = Clock::new(Time::ZERO + settings.at, settings.is_held, settings.pace);
    let journal = Journal::new(settings.journal);
    let world = World::new(served, settings.seed, (clock, journal), settings.recorded, settings.told);
    if !settings.is_scheduled {
        world.change_faults(|set| (0..set.modes.len()).for_each(|index| set.set(index, faults::Mode::Off)));
    }
    let world = Arc::new(world);
    // Every port is taken before anything is served: a start is whole or not at all.
    let mut listeners = Vec::new();
    for (index, (mock, wire)) in world.served.mocks.iter().zip(&world.served.wires).enumerate() {
        if wire.is_elsewhere() {
            // It is somewhere else.
            continue;
        }
        let port = if settings.has_any_ports { 0 } else { wire.port };
        let bound = TcpListener::bind(("127.0.0.1", port)).await;
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("mock `{}`, port {}: {error}", mock.name, wire.port))
        };
        listeners.push((index, bound.map_err(named)?));
    }
    let bound = TcpListener::bind(("127.0.0.1", settings.admin_port)).await;
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("admin, port {}: {error}", settings.admin_port))
    };
    let admin = bound.map_err(named)?;
    let admin_port = admin.local_addr()?.port();
    let slots = Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS)));
    let workers = Arc::new(Workers::start()?);
    let (mut mocks, mut servers) = (Vec::new(), Vec::new());
    for (index, listener) in listeners {
        let (mock, wire) = (&world.served.mocks[index], &world.served.wires[index]);
        mocks.push(Address {
            name: mock.name.clone(),
            port: listener.local_addr()?.port(),
            speaks: wire.speaks.clone(),
        });
        let here = (Arc::clone(&world), index);
        servers.push(tokio::spawn(socket::accept(
            here,
            listener,
            (Arc::clone(&slots), Arc::clone(&workers)),
            world.ending.subscribe(),
        )));
    }
    // As the file states them: the first of a protocol is the one that clients find by themselves.
    let place = |mock: &Address| scenario.file.mocks.0.get(&mock.name).map(|at| at.place);
    let port =
        |name: &str| mocks.iter().find(|mock: &&Address| mock.name == name).map_or(0, |mock| mock.port);
    world.ports.get_or_init(|| world.served.mocks.iter().map(|mock| port(&mock.name)).collect());
    mocks.sort_by_key(place);
    let unseen = scenario.file.fault.iter().filter(|fault| !decide::shows(&fault.inject));
    let unseen = unseen.map(|fault| (fault.id.value.0.clone(), fault.inject.tag())).collect();
    let api = Arc::new(Admin { world: Arc::clone(&world), scenario, token: settings.token });
    world.journal.push(world.clock.now(), "started", serde_json::json!({ "seed": settings.seed }));
    let _next: Option<Time> = edges::look(&world);
    let answer = move |request| Arc::clone(&api).answer(request);
    let admin = desk::serve(admin, (ADMIN_CONNECTIONS, Some(ADMIN_WITHIN)), answer);
    let rest = vec![tokio::spawn(admin), tokio::spawn(edges::watch(Arc::clone(&world)))];
    Ok(Running { mocks, admin: admin_port, unseen, world, servers, rest })
}

impl Running {
    /// Lifts every fault, lets the requests under way end for so long, and stops; returns whether no fault is left.
    pub async fn stop(self, drain: Duration) -> bool {
        let released = admin::release(&self.world);
        // What has ended is told before the end is.
        let _next: Option<Time> = edges::look(&self.world);
        self.world.ending.send_replace(true);
        let mut servers = self.servers;
        let all = async {
            for server in &mut servers {
                drop(server.await);
            }
        };
        let is_drained = tokio::time::timeout(drain, all).await.is_ok();
        for task in servers.into_iter().chain(self.rest) {
            task.abort();
        }
        let now = self.world.clock.now();
        self.world.journal.push(now, "stopped", serde_json::json!({ "drained": is_drained }));
        released["verified"] == true
    }
}
