//! An arm of a drill: an engine, the mocks that it calls, and what is under way between them.
//!
//! A drill has one with the faults; where it is asked for, one without them runs beside it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::base::{Money, Span, Time};
use crate::engine::{Driven, Failure, Inbound, Outbound};
use crate::gameday::client::{Called, Caller};
use crate::gameday::pacing::Pacing;
use crate::gameday::reports::Reports;
use crate::gameday::request::Targets;
use crate::live::{self, Running};
use crate::model::{Outcome, Told};
use crate::plan::{Plan, Served};
use crate::record::{Checkpoint, Entry, Record, Saver};
use crate::scenario::Scenario;

/// How long requests under way at the end may take.
const DRAIN: Duration = Duration::from_millis(500);

/// The share of replies that may lack what they cost, before a drill proves nothing.
const UNPRICED_MAX: f64 = 0.01;

/// An arm of a drill.
pub(super) struct Arm<'p> {
    pub(super) driven: Driven<'p>,
    pub(super) running: Running,
    pub(super) targets: Targets,
    pub(super) pacing: Pacing,
    /// Tasks of agents that are somebody else's, with a load of their own.
    pub(super) reports: Reports,
    /// Good replies of agents at an address, and those that do not say what they cost although they should.
    good: u64,
    unpriced: u64,
    caller: Arc<Caller>,
    under_way: BTreeMap<u32, AbortHandle>,
    replies: mpsc::UnboundedSender<Answered>,
    wire: mpsc::UnboundedReceiver<Answered>,
    mocks: mpsc::UnboundedReceiver<Told>,
    /// How many entries of the journal have been written, and what of the record has been.
    written: usize,
    saver: Saver,
}

/// A request is over, as its client saw it, and when.
#[derive(Debug, Clone)]
struct Answered {
    serial: u32,
    mock: usize,
    task: u64,
    at: Time,
    called: Called,
}

/// What an engine wants done that is not between it and its mocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// A step, of a runbook, does something outside of the drill.
    Step(usize, usize),
    /// The baseline has held: faults may come.
    Inject,
}

impl<'p> Arm<'p> {
    /// Serves the mocks of an arm; its clock stands.
    pub(super) async fn start(
        scenario: &Scenario,
        (served, plan): (&Served, &Plan),
        driven: Driven<'p>,
        caller: Arc<Caller>,
        settings: live::Settings,
    ) -> io::Result<Self> {
        let (told, mocks) = mpsc::unbounded_channel();
        let (replies, wire) = mpsc::unbounded_channel();
        let pace = settings.pace;
        let settings = live::Settings {
            told: Some(told),
            is_held: true,
            at: Span::ZERO,
            is_scheduled: false,
            ..settings
        };
        let running = live::start(scenario.clone(), settings).await?;
        let port =
            |name: &str| running.mocks.iter().find(|mock| mock.name == name).map_or(0, |mock| mock.port);
        let ports: Vec<u16> = served.mocks.iter().map(|mock| port(&mock.name)).collect();
        Ok(Self {
            driven,
            running,
            targets: Targets::new(served, &ports),
            pacing: Pacing::new(pace),
            reports: Reports::new(served.wires.iter().any(|wire| wire.reported.is_some())),
            good: 0,
            unpriced: 0,
            caller,
            under_way: BTreeMap::new(),
            replies,
            wire,
            mocks,
            written: 0,
            saver: Saver::new(plan),
        })
    }

    /// Takes in whatever has come by now, and then does what is due by itself: a reply that came before a timeout is no
    /// timeout, however late it is looked at. Returns the time.
    pub(super) fn turn(&mut self) -> Time {
        let answered: Vec<Answered> = std::iter::from_fn(|| self.wire.try_recv().ok()).collect();
        while let Ok(told) = self.mocks.try_recv() {
            self.hear(told);
        }
        for of in answered {
            self.answered(of);
        }
        let now = self.running.now();
        self.driven.advance(now);
        now
    }

    /// Waits until something comes, and takes it in.
    pub(super) async fn heard(&mut self) {
        tokio::select! {
            biased;
            Some(told) = self.mocks.recv() => self.hear(told),
            Some(answered) = self.wire.recv() => {
                // What a mock told before it answered is in its channel by now.
                while let Ok(told) = self.mocks.try_recv() {
                    self.hear(told);
                }
                self.answered(answered);
            }
        }
    }

    fn hear(&mut self, told: Told) {
        self.driven.hear(self.running.now(), Inbound::Told(told));
    }

    fn answered(&mut self, of: Answered) {
        self.under_way.remove(&of.serial);
        let is_unreached = of.called == Called::Unreached && self.targets.endpoint(of.mock).is_none();
        self.pacing.received(of.at, self.running.now(), is_unreached);
        let result = match of.called {
            Called::Replied(result) => result,
            // That somebody else's agents are not there is theirs to answer for.
            Called::Unreached => Err(Failure::Cut),
            Called::Said(said) => {
                self.good += u64::from(said.result.is_ok());
                self.unpriced += u64::from(said.result.is_ok() && said.cost.is_none());
                self.cost(of.serial, said.cost.unwrap_or_default());
                let is_foul = self.running.sight_reply((of.mock, of.serial), &said.canaries);
                if said.result.is_ok() {
                    self.said_done((of.mock, of.task, of.serial), said.is_whole && !is_foul);
                }
                said.result
            }
        };
        self.driven.receive(of.at, Inbound::Answered { serial: of.serial, result });
    }

    /// Somebody else's agents say that a task is done: whoever waits for them does not see whether it is.
    pub(super) fn said_done(&mut self, (mock, task, serial): (usize, u64, u32), is_right: bool) {
        let has_effect = self.targets.effect(mock).is_none_or(|mock| self.running.has_effect_of(mock, task));
        let outcome = Outcome::seen(is_right && has_effect);
        self.hear(Told::Decided { serial, outcome, tokens: 0, waited: Span::ZERO });
    }

    /// Returns why the arm proves nothing: it was not punctual, or what is spent is not known.
    pub(super) fn objection(&self) -> Option<String> {
        let share = self.unpriced as f64 / self.good.max(1) as f64;
        let unknown = || {
            let percent = share * 100.0;
            format!("{percent:.1}% of the good replies do not say what they cost, where `cost` looks for it")
        };
        self.pacing.objection().or_else(|| (share > UNPRICED_MAX).then(unknown))
    }

    /// Counts what a task of somebody else's agents has cost, as far as they say.
    pub(super) fn cost(&mut self, serial: u32, cost: Money) {
        if cost > Money::ZERO {
            self.hear(Told::Worked { serial, cost, effects: [0; 3] });
        }
    }

    /// Counts what a task has cost that was given up before its end was reported.
    pub(super) fn cost_of_late(&mut self, mock: usize, cost: Money) {
        if cost > Money::ZERO {
            self.hear(Told::ForeignWork { mock, cost, effects: [0; 4] });
        }
    }

    /// Does what the engine wants done; returns what is not between it and its mocks.
    pub(super) fn dispatch(&mut self) -> Vec<Beyond> {
        let mut beyond = Vec::new();
        for outbound in self.driven.outbox() {
            match outbound {
                Outbound::Call(request) if self.targets.is_reported(request.mock) => {
                    self.reports.begun(&request);
                }
                Outbound::Call(request) => self.send(&request),
                Outbound::Cancel(serial, mock) => {
                    if let Some(task) = self.under_way.remove(&serial) {
                        task.abort();
                    }
                    self.reports.forget(serial);
                    if self.targets.is_elsewhere(mock) {
                        // Nobody says what somebody else's agents still do.
                        self.driven.hear(self.running.now(), Inbound::Gone { serial });
                    }
                }
                Outbound::Outside { runbook, step } => beyond.push(Beyond::Step(runbook, step)),
                Outbound::Inject => beyond.push(Beyond::Inject),
                Outbound::Purge(mock, catches) => self.running.purge(mock, catches),
                Outbound::Revoke { mock, agent, is_taken } => self.running.revoke(mock, agent, is_taken),
            }
        }
        beyond
    }

    fn send(&mut self, request: &crate::engine::Request) {
        self.pacing.sent(request.at, self.running.now());
        let (caller, sent) = (Arc::clone(&self.caller), self.targets.request(request));
        let (replies, serial, clock) = (self.replies.clone(), request.serial, self.running.clock());
        let endpoint = self.targets.endpoint(request.mock).cloned();
        let (mock, task) = (request.mock, request.caller.task.number());
        let sent = tokio::spawn(async move {
            let called = caller.call(sent, endpoint.as_deref()).await;
            let answered = Answered { serial, mock, task, at: clock.now(), called };
            // A drill that is over does not listen any more.
            let _sent: Result<(), _> = replies.send(answered);
        });
        self.under_way.insert(serial, sent.abort_handle());
    }

    /// Returns what has happened since the last time.
    pub(super) fn news(&mut self) -> &[Entry] {
        let entries = self.driven.record().journal.entries();
        let from = std::mem::replace(&mut self.written, entries.len());
        &entries[from..]
    }

    /// Returns what was counted since the last time.
    pub(super) fn saved(&mut self, now: Time) -> Checkpoint {
        let met = self.driven.met(&self.running.witnesses());
        let record = self.driven.record();
        let rest = (self.driven.open(), self.driven.left_behind());
        let overloaded = (0..record.mocks.len()).map(|mock| self.running.overloaded(mock)).collect();
        self.saver.save(record, now, rest).with(met, overloaded)
    }

    /// Calls off what is under way.
    pub(super) fn abandon(&mut self) {
        std::mem::take(&mut self.under_way).values().for_each(AbortHandle::abort);
    }

    /// Ends the arm; returns what it leaves behind, and whether its mocks have no fault left.
    pub(super) async fn finish(mut self) -> (Record, bool) {
        self.abandon();
        let met = self.running.witnesses();
        let mut run = self.driven.finish(&met);
        for (mock, totals) in run.mocks.iter_mut().enumerate() {
            totals.overloaded = self.running.overloaded(mock);
        }
        (run, self.running.stop(DRAIN).await)
    }
}
