//! A live drill: the same scenario against the wall clock. Mocks are real servers, agents send real requests.
//!
//! Agents, guardrails, alerts and runbooks are the engine's, driven by the clock and by what really comes back.

mod client;
mod pacing;
mod request;
mod result;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::base::{Span, Time};
use crate::engine::{Driven, Failure, Inbound, Outbound, Worked};
use crate::grade::reference::of_baseline;
use crate::grade::{RunVerdict, Scorecard, grade};
use crate::live::{self, Running, Told};
use crate::plan::{Plan, Served};
use crate::record::Record;
use crate::scenario::Scenario;

use client::Caller;
use pacing::Pacing;
pub use pacing::Punctuality;
use request::Targets;

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
}

/// Something comes back: from a mock, or from the wire.
#[derive(Debug, Clone, Copy)]
enum Back {
    Told(Told),
    Answered(u32, Result<(), Failure>),
}

/// Runs a drill with synthetic agents to its end.
pub async fn drill(scenario: &Scenario, plan: &Plan, settings: live::Settings) -> io::Result<Drilled> {
    let (seed, pace) = (settings.seed, settings.pace);
    let (told, from_mocks) = mpsc::unbounded_channel();
    let settings =
        live::Settings { told: Some(told), is_held: true, at: Span::ZERO, is_scheduled: false, ..settings };
    let running = live::start(scenario.clone(), settings).await?;
    let served = Served::of(scenario);
    let port = |name: &str| running.mocks.iter().find(|mock| mock.name == name).map_or(0, |mock| mock.port);
    let ports: Vec<u16> = served.mocks.iter().map(|mock| port(&mock.name)).collect();
    let (replies, from_wire) = mpsc::unbounded_channel();
    let mut field = Field {
        driven: Driven::new(plan, seed),
        running,
        targets: Targets::new(&served, &ports),
        caller: Arc::new(Caller::new()),
        under_way: BTreeMap::new(),
        replies,
        pacing: Pacing::new(pace),
    };
    field.running.begin();
    field.until_end(plan.end, from_mocks, from_wire).await;
    Ok(field.graded(plan, pace).await)
}

/// Everything that a live drill consists of while it lasts.
struct Field<'p> {
    driven: Driven<'p>,
    running: Running,
    targets: Targets,
    caller: Arc<Caller>,
    under_way: BTreeMap<u32, AbortHandle>,
    replies: mpsc::UnboundedSender<(u32, Result<(), Failure>)>,
    pacing: Pacing,
}

impl Field<'_> {
    /// Drives the run until its end.
    async fn until_end(
        &mut self,
        end: Time,
        mut from_mocks: mpsc::UnboundedReceiver<Told>,
        mut from_wire: mpsc::UnboundedReceiver<(u32, Result<(), Failure>)>,
    ) {
        loop {
            let now = self.running.now();
            self.driven.advance(now);
            self.dispatch();
            if now >= end {
                return;
            }
            let next = self.driven.next_at().min(end);
            let back = tokio::select! {
                // What a mock did comes before the reply in which a client sees it.
                biased;
                Some(told) = from_mocks.recv() => Back::Told(told),
                Some((serial, result)) = from_wire.recv() => Back::Answered(serial, result),
                () = self.running.wait(next) => continue,
            };
            self.take(back);
            // Whatever else has come by now is taken in at once.
            while let Ok(told) = from_mocks.try_recv() {
                self.take(Back::Told(told));
            }
        }
    }

    fn take(&mut self, back: Back) {
        let inbound = match back {
            Back::Answered(serial, result) => {
                self.under_way.remove(&serial);
                Inbound::Answered { serial, result }
            }
            Back::Told(Told::Decided { serial, outcome, tokens, waited }) => {
                Inbound::Decided { serial, outcome, tokens, waited }
            }
            Back::Told(Told::Worked { serial, cost, effects }) => {
                Inbound::Worked { serial, worked: Worked { cost, effects } }
            }
            Back::Told(Told::Met { fault }) => Inbound::Met { fault },
        };
        self.driven.receive(self.running.now(), inbound);
    }

    /// Does what the engine wants done.
    fn dispatch(&mut self) {
        for outbound in self.driven.outbox() {
            match outbound {
                Outbound::Call(request) => {
                    self.pacing.sent(request.at, self.running.now());
                    let (caller, sent) = (Arc::clone(&self.caller), self.targets.request(&request));
                    let (replies, serial) = (self.replies.clone(), request.serial);
                    let task = tokio::spawn(async move {
                        let result = caller.call(sent).await;
                        // A drill that is over does not listen any more.
                        let _sent: Result<(), _> = replies.send((serial, result));
                    });
                    self.under_way.insert(serial, task.abort_handle());
                }
                Outbound::Cancel(serial) => {
                    if let Some(task) = self.under_way.remove(&serial) {
                        task.abort();
                    }
                }
                Outbound::Inject => self.running.inject(),
                Outbound::Purge(mock, catches) => self.running.purge(mock, catches),
                Outbound::Revoke { mock, agent, is_taken } => self.running.revoke(mock, agent, is_taken),
            }
        }
    }

    /// Ends the drill: lifts the faults, stops the mocks, and grades what was recorded.
    async fn graded(self, plan: &Plan, pace: u32) -> Drilled {
        for task in self.under_way.values() {
            task.abort();
        }
        let met = self.running.witnesses();
        let mut run = self.driven.finish(&met);
        for (mock, totals) in run.mocks.iter_mut().enumerate() {
            totals.overloaded = self.running.overloaded(mock);
        }
        let is_released = self.running.stop(std::time::Duration::from_millis(500)).await;
        let reference = of_baseline(plan, &run);
        let mut card = grade(plan, &run, &reference);
        if let Some(why) = self.pacing.objection() {
            (card.verdict, card.because) = (RunVerdict::Invalid, vec![why]);
        }
        Drilled { run, reference, card, pace, punctuality: self.pacing.said(), is_released }
    }
}
