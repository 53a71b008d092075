//! A live drill: the same scenario against the wall clock. Mocks are real servers, agents send real requests.
//!
//! Agents, guardrails, alerts and runbooks are the engine's, driven by the clock and by what really comes back. People
//! take part through the console.

mod alerting;
mod arm;
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

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::base::Time;
use crate::engine::Driven;
use crate::grade::Scorecard;
use crate::live;
use crate::plan::{Plan, Served};
use crate::record::Record;
use crate::report::gather::system;
use crate::report::result::SystemResult;
use crate::scenario::Scenario;

use arm::Arm;
use board::Own;
pub(crate) use board::{Board, Clock, GateBoard, IncidentNow, Note, StepBoard, TierNow};
use client::Caller;
pub(crate) use command::Command;
pub use command::Role;
use console::{Console, Shown};
use log::Log;
use outside::Outside;
pub use pacing::Punctuality;
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
    /// Whether that is a control arm; otherwise it is the run's own baseline, carried on.
    pub is_controlled: bool,
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
    arm: Arm<'p>,
    /// The same without faults, if harm is measured against that.
    control: Option<Arm<'p>>,
    caller: Arc<Caller>,
    pace: u32,
    own: Own,
    shown: watch::Sender<Shown>,
    title: String,
    system: SystemResult,
    stopped: Option<Stopped>,
    stop_loss: StopLoss,
    outside: Outside,
    came: mpsc::UnboundedSender<outside::Came>,
    firing: alerting::Firing,
    /// Steps that are being done outside.
    outside_now: BTreeSet<(usize, usize)>,
    log: Log,
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
///
/// With a twin of the plan, the same without faults, a control arm is held beside the drill.
pub async fn prepare<'p>(
    scenario: &Scenario,
    (plan, twin): (&'p Plan, Option<&'p Plan>),
    settings: Settings,
) -> io::Result<Ready<'p>> {
    let (seed, pace, token) = (settings.mocks.seed, settings.mocks.pace, settings.mocks.token.clone());
    let served = Served::of(scenario);
    for endpoint in served.wires.iter().filter_map(|wire| wire.endpoint.as_ref()) {
        outside::permit(&endpoint.address, &settings.allowed)?;
    }
    if twin.is_some() && served.wires.iter().any(crate::plan::WirePlan::is_elsewhere) {
        let why = "a control arm needs agents that call its mocks, and yours call the drill's";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let outside = Outside::new(scenario, &settings.allowed, &settings.programs)?;
    let caller = Arc::new(Caller::new());
    let beside = settings.mocks.beside();
    let of_plan = driven(plan, seed, settings.is_told_alerts, (&served, &settings.people));
    let arm = Arm::start(scenario, (&served, plan), of_plan, Arc::clone(&caller), settings.mocks).await?;
    // After the drill's own ports are taken, which may be stated.
    let control = match twin {
        Some(twin) => {
            // Nobody real answers pages that nobody real gets.
            let of_twin = driven(twin, seed, settings.is_told_alerts, (&served, &[]));
            Some(Arm::start(scenario, (&served, twin), of_twin, Arc::new(Caller::new()), beside).await?)
        }
        None => None,
    };
    let (came, outside_inputs) = mpsc::unbounded_channel();
    let (shown, seen) = watch::channel(Shown::default());
    let (asked, from_people) = mpsc::channel(64);
    let hides_injects = settings.console.as_ref().is_some_and(|console| console.hides_injects);
    let keys = (settings.console.map(|console| console.keys), token, arm.running.clock());
    let console = console::serve(settings.port, keys, hides_injects, (seen, asked)).await?;
    // Last, so that a start that comes to nothing leaves no file behind.
    let log = settings.journal.as_deref().map(Log::create).transpose()?.unwrap_or_default();
    let mut field = Field {
        arm,
        control,
        caller,
        pace,
        own: Own::default(),
        shown,
        title: scenario.file.title.value.0.clone(),
        system: system(scenario, plan),
        stopped: None,
        stop_loss: StopLoss::new(scenario.file.stop_loss.as_ref()),
        outside,
        came,
        firing: alerting::Firing::new(),
        outside_now: BTreeSet::new(),
        log,
        saved_at: Time::ZERO,
    };
    field.log.line(&resume::Begin {
        kind: "begin".into(),
        version: resume::VERSION,
        seed,
        pace,
        is_controlled: twin.is_some(),
        path: scenario.path.clone(),
        digest: scenario.digest.clone(),
        sources: resume::kept(&scenario.sources),
    });
    // Whoever comes early sees what will be.
    field.show(plan);
    let inputs = field::Inputs { people: from_people, outside: outside_inputs };
    Ok(Ready { field, plan, inputs, console })
}

/// Returns the engine of a drill: with alerting and a load that may be somebody else's, and roles whose part real people
/// do.
fn driven<'p>(
    plan: &'p Plan,
    seed: u64,
    is_told_alerts: bool,
    (served, people): (&Served, &[String]),
) -> Driven<'p> {
    let mut driven = Driven::new(plan, seed);
    if served.wires.iter().any(|wire| wire.reported.is_some()) {
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
        let running = &self.field.arm.running;
        Places {
            mocks: running.mocks.clone(),
            admin: running.admin,
            port: self.console.port,
            are_reported: self.field.arm.reports.is_on,
        }
    }

    /// Holds the drill; `stop` ends it before its time, with a reason.
    pub async fn hold(mut self, stop: impl Future<Output = String>) -> Drilled {
        self.field.arm.running.begin();
        if let Some(control) = &self.field.control {
            control.running.begin();
        }
        self.field.until_end(self.plan, self.inputs, stop).await;
        Box::pin(self.field.graded(self.plan, self.console)).await
    }
}
