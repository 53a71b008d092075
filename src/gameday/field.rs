//! The loop of a live drill: what is due, what has come back, what people want.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;

use crate::base::Time;
use crate::engine::{Failure, Inbound, Outbound, Worked};
use crate::gameday::board::board;
use crate::gameday::command::Asked;
use crate::gameday::console::{Console, Shown};
use crate::gameday::{Drilled, Field, Stopped};
use crate::grade::reference::of_baseline;
use crate::grade::{RunVerdict, grade};
use crate::live::Told;
use crate::plan::Plan;
use crate::report::gather::journal_line;

/// How often the state is shown.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// How long whoever looks at the console is given to see how it ended.
const FAREWELL: Duration = Duration::from_millis(300);

/// What comes to the drill.
pub(super) struct Inputs {
    pub(super) mocks: mpsc::UnboundedReceiver<Told>,
    pub(super) wire: mpsc::UnboundedReceiver<(u32, Result<(), Failure>)>,
    pub(super) people: mpsc::Receiver<Asked>,
}

/// Something comes back: from a mock, or from the wire.
#[derive(Debug, Clone, Copy)]
enum Back {
    Told(Told),
    Answered(u32, Result<(), Failure>),
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
        loop {
            let now = self.running.now();
            self.driven.advance(now);
            self.dispatch();
            if now >= plan.end || self.stopped.is_some() {
                return;
            }
            let next = self.driven.next_at().min(plan.end);
            let back = tokio::select! {
                // What a mock did comes before the reply in which a client sees it.
                biased;
                Some(asked) = inputs.people.recv() => {
                    self.obey(plan, asked);
                    continue;
                }
                why = &mut stop => {
                    let is_verified = self.release();
                    self.stopped = Some(Stopped { why, is_verified });
                    continue;
                }
                _ = show.tick() => {
                    self.show(plan);
                    continue;
                }
                Some(told) = inputs.mocks.recv() => Back::Told(told),
                Some((serial, result)) = inputs.wire.recv() => Back::Answered(serial, result),
                () = self.running.wait(next) => continue,
            };
            self.take(back);
            // Whatever else has come by now is taken in at once.
            while let Ok(told) = inputs.mocks.try_recv() {
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

    /// Lifts every fault at once; returns whether that is verified.
    pub(super) fn release(&mut self) -> bool {
        self.own.is_released = true;
        self.running.release()
    }

    /// Shows the state of now, and writes down what has happened.
    pub(super) fn show(&mut self, plan: &Plan) {
        let entries = self.driven.record().journal.entries();
        for entry in &entries[self.written..] {
            let line = serde_json::to_value(journal_line(plan, *entry)).unwrap_or_default();
            self.log.line(&json!({ "kind": "event", "at_ns": entry.at.0, "line": line }));
        }
        self.written = entries.len();
        self.log.flush();
        if self.shown.is_closed() {
            return;
        }
        let now: Time = self.running.now().min(plan.end);
        let board = board(plan, (&self.title, &self.system), &self.driven, &self.own, (now, self.pace));
        let text = |board| serde_json::to_string(board).unwrap_or_default().into();
        self.shown.send_replace(Shown { whole: text(&board), hidden: text(&board.without_injects()) });
    }

    /// Ends the drill: lifts the faults, stops the mocks, and grades what was recorded.
    pub(super) async fn graded(mut self, plan: &Plan, console: Option<Console>) -> Drilled {
        for task in self.under_way.values() {
            task.abort();
        }
        self.own.is_over = true;
        self.show(plan);
        if console.is_some() {
            tokio::time::sleep(FAREWELL).await;
        }
        drop(console);
        let met = self.running.witnesses();
        let mut run = self.driven.finish(&met);
        for (mock, totals) in run.mocks.iter_mut().enumerate() {
            totals.overloaded = self.running.overloaded(mock);
        }
        let is_released = self.running.stop(Duration::from_millis(500)).await;
        let reference = of_baseline(plan, &run);
        let mut card = grade(plan, &run, &reference);
        if let Some(stopped) = &self.stopped {
            (card.verdict, card.because) = (RunVerdict::Aborted, vec![stopped.why.clone()]);
        } else if let Some(why) = self.pacing.objection() {
            (card.verdict, card.because) = (RunVerdict::Invalid, vec![why]);
        }
        self.log.line(&json!({ "kind": "end", "verdict": card.verdict.word(), "because": card.because }));
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
