//! The loop of a live drill: what is due, what has come back, what people want.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::base::{Span, Time};
use crate::engine::{Failure, Inbound, Outbound};
use crate::gameday::board::{Board, board};
use crate::gameday::client::Called;
use crate::gameday::command::Asked;
use crate::gameday::console::{Console, Shown};
use crate::gameday::outside::Came;
use crate::gameday::resume::End;
use crate::gameday::telemetry;
use crate::gameday::{Drilled, Field, Stopped};
use crate::grade::reference::{Usual, of_baseline};
use crate::grade::{RunVerdict, grade};
use crate::model::{Outcome, Told};
use crate::plan::Plan;
use crate::record::{Checkpoint, Entry};
use crate::report::gather::journal_line;
use crate::report::result::JournalLine;

/// How often the state is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// How long whoever looks at the console is given to see how it ended.
const FAREWELL: Duration = Duration::from_millis(300);

/// How often what was counted is written down, in the machine's time.
const SAVE_EVERY: Span = Span::from_secs(1);

/// A line of the journal: what happened, in words and as it is kept.
#[derive(Serialize)]
struct Happened {
    kind: &'static str,
    line: JournalLine,
    entry: Entry,
}

/// A line of the journal: what was counted.
#[derive(Serialize)]
struct Saved {
    kind: &'static str,
    checkpoint: Checkpoint,
    usual: Usual,
}

/// What comes to the drill.
pub(super) struct Inputs {
    pub(super) mocks: mpsc::UnboundedReceiver<Told>,
    pub(super) wire: mpsc::UnboundedReceiver<Answered>,
    pub(super) people: mpsc::Receiver<Asked>,
    pub(super) outside: mpsc::UnboundedReceiver<Came>,
}

/// A request is over, as its client saw it, and when.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    serial: u32,
    mock: usize,
    task: u64,
    at: Time,
    called: Called,
}

impl Field<'_> {
    /// Drives the run until its end, or until somebody stops it.
    pub(super) async fn until_end(
        &mut self,
        plan: &Plan,
        mut inputs: Inputs,
        stop: impl Future<Output = String>,
    ) {
        let mut stop = pin!(stop);
        let mut show = tokio::time::interval(SHOW_EVERY);
        show.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.stopped.is_none() {
            self.take_in(&mut inputs);
            let now = self.running.now();
            self.driven.advance(now);
            self.dispatch();
            if now >= plan.end {
                return;
            }
            let next = self.driven.next_at().min(plan.end);
            tokio::select! {
                biased;
                Some(asked) = inputs.people.recv() => self.obey(plan, asked),
                Some(came) = inputs.outside.recv() => self.came(plan, &came),
                why = &mut stop => self.stop(why),
                _ = show.tick() => {
                    self.show(plan);
                    if let Some(why) = self.stop_loss.look(self.running.now(), self.driven.record()) {
                        self.stop(why);
                    }
                    if self.running.releases() > 0 {
                        self.stop("every fault was lifted by the admin API".into());
                    }
                }
                Some(told) = inputs.mocks.recv() => self.hear(told),
                Some(answered) = inputs.wire.recv() => {
                    // What a mock told before it answered is in its channel by now.
                    while let Ok(told) = inputs.mocks.try_recv() {
                        self.hear(told);
                    }
                    self.answered(answered);
                }
                () = self.running.wait(next) => {}
            }
        }
    }

    /// Takes in whatever has come by now, before anything that is due by itself: a reply that came before a timeout is no
    /// timeout, however late it is looked at.
    fn take_in(&mut self, inputs: &mut Inputs) {
        let answered: Vec<Answered> = std::iter::from_fn(|| inputs.wire.try_recv().ok()).collect();
        while let Ok(told) = inputs.mocks.try_recv() {
            self.hear(told);
        }
        for of in answered {
            self.answered(of);
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
            Called::Done { is_whole, canaries } => {
                let is_foul = self.running.sight_reply((of.mock, of.serial), &canaries);
                self.said_done((of.mock, of.task, of.serial), is_whole && !is_foul);
                Ok(())
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

    /// Stops the drill: lifts every fault at once.
    pub(super) fn stop(&mut self, why: String) {
        let is_verified = self.release();
        self.stopped.get_or_insert(Stopped { why, is_verified });
    }

    /// Does what the engine wants done.
    pub(super) fn dispatch(&mut self) {
        for outbound in self.driven.outbox() {
            match outbound {
                Outbound::Call(request) if self.targets.is_reported(request.mock) => {
                    self.reports.begun(&request);
                }
                Outbound::Call(request) => {
                    self.pacing.sent(request.at, self.running.now());
                    let (caller, sent) = (Arc::clone(&self.caller), self.targets.request(&request));
                    let (replies, serial) = (self.replies.clone(), request.serial);
                    let clock = self.running.clock();
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
                Outbound::Outside { runbook, step } => {
                    self.outside_now.insert((runbook, step));
                    self.outside.run((runbook, step), Arc::clone(&self.caller), self.came.clone());
                }
                Outbound::Inject if self.own.is_released => {}
                Outbound::Inject => self.running.inject(),
                Outbound::Purge(mock, catches) => self.running.purge(mock, catches),
                Outbound::Revoke { mock, agent, is_taken } => self.running.revoke(mock, agent, is_taken),
            }
        }
    }

    /// Lifts every fault at once; returns whether that is verified.
    pub(super) fn release(&mut self) -> bool {
        self.own.is_released = true;
        self.running.release()
    }

    /// Writes down what has happened since the last time, and at most once a second of the machine's what was counted.
    fn write(&mut self, plan: &Plan) {
        if !self.log.is_on() {
            return;
        }
        let entries = self.driven.record().journal.entries();
        for entry in &entries[self.written..] {
            self.log.line(&Happened { kind: "event", line: journal_line(plan, *entry), entry: *entry });
        }
        self.written = entries.len();
        let now = self.running.now().min(plan.end);
        if self.own.is_over || now.since(self.saved_at).0 / u64::from(self.pace) >= SAVE_EVERY.0 {
            self.saved_at = now;
            let met = self.driven.met(&self.running.witnesses());
            let record = self.driven.record();
            let rest = (self.driven.open(), self.driven.left_behind());
            let overloaded = (0..plan.mocks.len()).map(|mock| self.running.overloaded(mock)).collect();
            let checkpoint = self.saver.save(record, now, rest).with(met, overloaded);
            self.log.line(&Saved { kind: "state", checkpoint, usual: Usual::of(plan, record) });
        }
        self.log.flush();
    }

    /// Shows the state of now, and writes down what has happened.
    pub(super) fn show(&mut self, plan: &Plan) {
        self.write(plan);
        if self.shown.is_closed() {
            return;
        }
        let now: Time = self.running.now().min(plan.end);
        let board = board(plan, (&self.title, &self.system), &self.driven, &self.own, (now, self.pace));
        let text = |board: &Board| serde_json::to_string(board).unwrap_or_default().into();
        let metrics = telemetry::text(plan, &self.driven).into();
        let hidden = text(&board.without_injects());
        self.shown.send_replace(Shown { whole: text(&board), hidden, metrics });
    }

    /// Ends the drill: lifts the faults, stops the mocks, and grades what was recorded.
    pub(super) async fn graded(mut self, plan: &Plan, console: Console) -> Drilled {
        for task in self.under_way.values() {
            task.abort();
        }
        for (runbook, step) in std::mem::take(&mut self.outside_now) {
            let result = Err("not done when the drill ended".into());
            self.came(plan, &Came { runbook, step, result });
        }
        self.own.is_over = true;
        self.show(plan);
        tokio::time::sleep(FAREWELL).await;
        drop(console);
        let met = self.running.witnesses();
        let mut run = self.driven.finish(&met);
        for (mock, totals) in run.mocks.iter_mut().enumerate() {
            totals.overloaded = self.running.overloaded(mock);
        }
        let is_released = self.running.stop(Duration::from_millis(500)).await;
        let usual = Usual::of(plan, &run);
        let reference = of_baseline(plan, &run, &usual, plan.end);
        let mut card = grade(plan, &run, &reference);
        if let Some(stopped) = &self.stopped {
            (card.verdict, card.because) = (RunVerdict::Aborted, vec![stopped.why.clone()]);
        } else if let Some(why) = self.pacing.objection() {
            (card.verdict, card.because) = (RunVerdict::Invalid, vec![why]);
        }
        let stopped = self.stopped.as_ref().map(|of| (of.why.clone(), of.is_verified));
        self.log.line(&End {
            kind: "end".into(),
            stopped,
            verdict: card.verdict.word().into(),
            because: card.because.clone(),
            usual,
            punctuality: self.pacing.said(),
            released: is_released,
            lines_lost: self.log.has_failed(),
        });
        self.log.close();
        Drilled {
            run,
            reference,
            card,
            pace: self.pace,
            punctuality: self.pacing.said(),
            is_released,
            stopped: self.stopped,
            is_journal_broken: self.log.has_failed(),
        }
    }
}
