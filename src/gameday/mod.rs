//! A live drill: the same scenario against the wall clock. Mocks are real servers, agents send real requests.
//!
//! Agents, guardrails, alerts and runbooks are the engine's, driven by the clock and by what really comes back. People
//! take part through the console.

mod alerting;
mod board;
mod client;
mod command;
mod console;
mod field;
mod log;
mod outside;
mod pacing;
mod people;
mod reports;
mod request;
mod result;
mod resume;
mod stop_loss;
mod telemetry;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::base::{Span, Time};
use crate::engine::Driven;
use crate::grade::Scorecard;
use crate::live::{self, Running};
use crate::plan::{Plan, Served};
use crate::record::{Record, Saver};
use crate::report::gather::system;
use crate::report::result::SystemResult;
use crate::scenario::Scenario;

use board::Own;
pub(crate) use board::{Board, Clock, IncidentNow, Note, StepBoard, TierNow};
use client::Caller;
pub(crate) use command::Command;
pub use command::Role;
use console::{Console, Shown};
use log::Log;
use outside::Outside;
use pacing::Pacing;
pub use pacing::Punctuality;
use reports::Reports;
use request::Targets;
pub use resume::{Resumed, resume};
use stop_loss::StopLoss;

/// How a live drill is held.
#[derive(Debug)]
pub struct Settings {
    /// How its mocks are served.
    pub mocks: live::Settings,
    /// The port of the console, the metrics and the webhooks for alerts; 0 is any.
    pub port: u16,
    /// The console, if there is one.
    pub console: Option<ConsoleSettings>,
    /// Others say which alerts fire, by webhook or by hand.
    pub is_told_alerts: bool,
    /// The hosts to which tasks may be posted, beside this machine.
    pub allowed: Vec<String>,
    /// The programs that steps may run.
    pub programs: Vec<String>,
    /// The roles on the roster whose part real people do, by their names.
    pub people: Vec<String>,
    /// The file that gets the journal; it must not be there yet.
    pub journal: Option<PathBuf>,
}

/// How the console is served.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// The key of each role.
    pub keys: [String; Role::ALL.len()],
    /// Whether responders see what is injected only by what it does.
    pub hides_injects: bool,
}

/// Where everything is, once it is served.
#[derive(Debug, Clone)]
pub struct Places {
    /// Where each mock is.
    pub mocks: Vec<live::Address>,
    /// The port of the admin API and of the metrics.
    pub admin: u16,
    /// The port of the console, of the drill's metrics, and of the webhooks for alerts and tasks.
    pub port: u16,
    /// Whether tasks are reported there.
    pub are_reported: bool,
}

/// Why a drill was stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Who stopped it, or what, and why.
    pub why: String,
    /// Whether it was verified that every fault was lifted.
    pub is_verified: bool,
}

/// A live drill that is over.
#[derive(Debug)]
pub struct Drilled {
    /// What it left behind.
    pub run: Record,
    /// What it is compared with.
    pub reference: Record,
    /// The grade.
    pub card: Scorecard,
    /// How many times as fast as the wall's its clock ran.
    pub pace: u32,
    /// How punctual the drill itself was.
    pub punctuality: Punctuality,
    /// Whether, at the end, no fault was left.
    pub is_released: bool,
    /// Why it was stopped, if it was.
    pub stopped: Option<Stopped>,
    /// Whether a line of the journal could not be written.
    pub is_journal_broken: bool,
}

/// Everything that a live drill consists of while it lasts.
struct Field<'p> {
    driven: Driven<'p>,
    running: Running,
    targets: Targets,
    caller: Arc<Caller>,
    under_way: BTreeMap<u32, AbortHandle>,
    replies: mpsc::UnboundedSender<field::Answered>,
    pacing: Pacing,
    pace: u32,
    own: Own,
    shown: watch::Sender<Shown>,
    title: String,
    system: SystemResult,
    stopped: Option<Stopped>,
    stop_loss: StopLoss,
    /// Tasks of agents that are somebody else's, with a load of their own.
    reports: Reports,
    outside: Outside,
    came: mpsc::UnboundedSender<outside::Came>,
    firing: alerting::Firing,
    /// Steps that are being done outside.
    outside_now: BTreeSet<(usize, usize)>,
    log: Log,
    /// How many entries of the journal have been written, and what of the record has been.
    written: usize,
    saver: Saver,
    saved_at: Time,
}

/// A drill that is about to begin: everything is served, nothing has happened.
pub struct Ready<'p> {
    field: Field<'p>,
    plan: &'p Plan,
    inputs: field::Inputs,
    console: Console,
}

impl std::fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").field("console", &self.console).finish_non_exhaustive()
    }
}

/// Serves everything that a drill needs; fails if a port is taken or a file cannot be made.
pub async fn prepare<'p>(scenario: &Scenario, plan: &'p Plan, settings: Settings) -> io::Result<Ready<'p>> {
    let (seed, pace, token) = (settings.mocks.seed, settings.mocks.pace, settings.mocks.token.clone());
    let (told, from_mocks) = mpsc::unbounded_channel();
    let mocks = live::Settings {
        told: Some(told),
        is_held: true,
        at: Span::ZERO,
        is_scheduled: false,
        ..settings.mocks
    };
    let served = Served::of(scenario);
    for endpoint in served.wires.iter().filter_map(|wire| wire.endpoint.as_ref()) {
        outside::permit(&endpoint.address, &settings.allowed)?;
    }
    let outside = Outside::new(scenario, &settings.allowed, &settings.programs)?;
    let running = live::start(scenario.clone(), mocks).await?;
    let port = |name: &str| running.mocks.iter().find(|mock| mock.name == name).map_or(0, |mock| mock.port);
    let ports: Vec<u16> = served.mocks.iter().map(|mock| port(&mock.name)).collect();
    let ((replies, wire), (came, outside_inputs)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let (shown, seen) = watch::channel(Shown::default());
    let (asked, from_people) = mpsc::channel(64);
    let hides_injects = settings.console.as_ref().is_some_and(|console| console.hides_injects);
    let keys = (settings.console.map(|console| console.keys), token);
    let console = console::serve(settings.port, keys, hides_injects, (seen, asked)).await?;
    // Last, so that a start that comes to nothing leaves no file behind.
    let log = settings.journal.as_deref().map(Log::create).transpose()?.unwrap_or_default();
    let are_reported = served.wires.iter().any(|wire| wire.reported.is_some());
    let driven = driven(plan, seed, (settings.is_told_alerts, are_reported), &settings.people);
    let mut field = Field {
        driven,
        running,
        targets: Targets::new(&served, &ports),
        caller: Arc::new(Caller::new()),
        under_way: BTreeMap::new(),
        replies,
        pacing: Pacing::new(pace),
        pace,
        own: Own::default(),
        shown,
        title: scenario.file.title.value.0.clone(),
        system: system(scenario, plan),
        stopped: None,
        stop_loss: StopLoss::new(scenario.file.stop_loss.as_ref()),
        reports: Reports::new(are_reported),
        outside,
        came,
        firing: alerting::Firing::new(),
        outside_now: BTreeSet::new(),
        log,
        written: 0,
        saver: Saver::new(plan),
        saved_at: Time::ZERO,
    };
    field.log.line(&resume::Begin {
        kind: "begin".into(),
        version: resume::VERSION,
        seed,
        pace,
        path: scenario.path.clone(),
        digest: scenario.digest.clone(),
        sources: resume::kept(&scenario.sources),
    });
    // Whoever comes early sees what will be.
    field.show(plan);
    Ok(Ready {
        field,
        plan,
        inputs: field::Inputs { mocks: from_mocks, wire, people: from_people, outside: outside_inputs },
        console,
    })
}

/// Returns the engine of a drill: with alerting and a load that may be somebody else's, and roles whose part real people
/// do.
fn driven<'p>(
    plan: &'p Plan,
    seed: u64,
    (is_told_alerts, are_reported): (bool, bool),
    people: &[String],
) -> Driven<'p> {
    let mut driven = Driven::new(plan, seed);
    if are_reported {
        driven.leave_load();
    }
    if is_told_alerts {
        driven.leave_alerting();
    }
    for (index, role) in plan.roles.iter().enumerate() {
        if people.contains(&role.name) {
            driven.make_real(index);
        }
    }
    driven
}

impl Ready<'_> {
    /// Returns where everything is.
    pub fn places(&self) -> Places {
        let running = &self.field.running;
        Places {
            mocks: running.mocks.clone(),
            admin: running.admin,
            port: self.console.port,
            are_reported: self.field.reports.is_on,
        }
    }

    /// Holds the drill; `stop` ends it before its time, with a reason.
    pub async fn hold(mut self, stop: impl Future<Output = String>) -> Drilled {
        self.field.running.begin();
        self.field.until_end(self.plan, self.inputs, stop).await;
        self.field.graded(self.plan, self.console).await
    }
}
