//! The loop of a live drill: what is due, what has come back, what people want.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::base::{Span, Time};
use crate::gameday::arm::{Arm, Beyond};
use crate::gameday::board::{Board, board};
use crate::gameday::command::Asked;
use crate::gameday::console::{Console, Shown};
use crate::gameday::outside::Came;
use crate::gameday::resume::End;
use crate::gameday::telemetry;
use crate::gameday::{Drilled, Field, Stopped};
use crate::grade::reference::{Usual, of_baseline};
use crate::grade::{RunVerdict, grade};
use crate::live::DrillClock;
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

/// A line of the journal: the same of the control arm.
#[derive(Serialize)]
struct SavedControl<'a> {
    kind: &'static str,
    checkpoint: Checkpoint,
    entries: &'a [Entry],
}

/// What comes to the drill from outside.
pub(super) struct Inputs {
    pub(super) people: mpsc::Receiver<Asked>,
    pub(super) outside: mpsc::UnboundedReceiver<Came>,
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
        let clock = self.arm.running.clock();
        let control_clock = self.control.as_ref().map(|control| control.running.clock());
        while self.stopped.is_none() {
            let now = self.arm.turn();
            self.dispatch();
            let next = self.arm.driven.next_at().min(plan.end);
            let mut of_control = Time::NEVER;
            if let Some(control) = &mut self.control {
                control.turn();
                // Nothing goes wrong in it, and what its runbooks do stays in it.
                control.dispatch();
                of_control = control.driven.next_at().min(plan.end);
            }
            if now >= plan.end {
                return;
            }
            tokio::select! {
                biased;
                Some(asked) = inputs.people.recv() => self.obey(plan, asked),
                Some(came) = inputs.outside.recv() => self.came(plan, &came),
                why = &mut stop => self.stop(why),
                _ = show.tick() => {
                    self.show(plan);
                    let record = self.arm.driven.record();
                    if let Some(why) = self.stop_loss.look(self.arm.running.now(), record) {
                        self.stop(why);
                    }
                    if self.arm.running.releases() > 0 {
                        self.stop("every fault was lifted by the admin API".into());
                    }
                }
                () = self.arm.heard() => {}
                () = heard(self.control.as_mut()) => {}
                () = clock.wait(next) => {}
                // Its clock began a moment apart.
                () = due(control_clock.as_ref(), of_control) => {}
            }
        }
    }

    /// Does what the engine wants done.
    pub(super) fn dispatch(&mut self) {
        for beyond in self.arm.dispatch() {
            match beyond {
                Beyond::Step(runbook, step) => {
                    self.outside_now.insert((runbook, step));
                    self.outside.run((runbook, step), Arc::clone(&self.caller), self.came.clone());
                }
                Beyond::Inject if self.own.is_released => {}
                Beyond::Inject => self.arm.running.inject(),
            }
        }
    }

    /// Stops the drill: lifts every fault at once.
    pub(super) fn stop(&mut self, why: String) {
        let is_verified = self.release();
        self.stopped.get_or_insert(Stopped { why, is_verified });
    }

    /// Lifts every fault at once; returns whether that is verified.
    pub(super) fn release(&mut self) -> bool {
        self.own.is_released = true;
        self.arm.running.release()
    }

    /// Writes down what has happened since the last time, and at most once a second of the machine's what was counted.
    fn write(&mut self, plan: &Plan) {
        if !self.log.is_on() {
            return;
        }
        for entry in self.arm.news() {
            self.log.line(&Happened { kind: "event", line: journal_line(plan, *entry), entry: *entry });
        }
        let now = self.arm.running.now().min(plan.end);
        if self.own.is_over || now.since(self.saved_at).0 / u64::from(self.pace) >= SAVE_EVERY.0 {
            self.saved_at = now;
            let checkpoint = self.arm.saved(now);
            let usual = Usual::of(plan, self.arm.driven.record());
            self.log.line(&Saved { kind: "state", checkpoint, usual });
            if let Some(control) = &mut self.control {
                let checkpoint = control.saved(now);
                self.log.line(&SavedControl { kind: "control", checkpoint, entries: control.news() });
            }
        }
        self.log.flush();
    }

    /// Shows the state of now, and writes down what has happened.
    pub(super) fn show(&mut self, plan: &Plan) {
        self.write(plan);
        if self.shown.is_closed() {
            return;
        }
        let now: Time = self.arm.running.now().min(plan.end);
        let board = board(plan, (&self.title, &self.system), &self.arm.driven, &self.own, (now, self.pace));
        let text = |board: &Board| serde_json::to_string(board).unwrap_or_default().into();
        let metrics = telemetry::text(plan, &self.arm.driven).into();
        let hidden = text(&board.without_injects());
        self.shown.send_replace(Shown { whole: text(&board), hidden, metrics });
    }

    /// Returns why the drill proves nothing: in either of its arms.
    fn objection(&self) -> Option<String> {
        let of_control = self.control.as_ref().and_then(Arm::objection);
        self.arm.objection().or(of_control.map(|why| format!("in the control arm {why}")))
    }

    /// Ends the drill: lifts the faults, stops the mocks, and grades what was recorded.
    pub(super) async fn graded(mut self, plan: &Plan, console: Console) -> Drilled {
        self.arm.abandon();
        for (runbook, step) in std::mem::take(&mut self.outside_now) {
            let result = Err("not done when the drill ended".into());
            self.came(plan, &Came { runbook, step, result });
        }
        self.own.is_over = true;
        self.show(plan);
        tokio::time::sleep(FAREWELL).await;
        drop(console);
        let objection = self.objection();
        let punctuality = self.arm.pacing.said();
        let (run, is_released) = self.arm.finish().await;
        let usual = Usual::of(plan, &run);
        let is_controlled = self.control.is_some();
        let reference = match self.control {
            Some(control) => control.finish().await.0,
            None => of_baseline(plan, &run, &usual, plan.end),
        };
        let mut card = grade(plan, &run, &reference);
        if let Some(stopped) = &self.stopped {
            (card.verdict, card.because) = (RunVerdict::Aborted, vec![stopped.why.clone()]);
        } else if let Some(why) = objection {
            (card.verdict, card.because) = (RunVerdict::Invalid, vec![why]);
        }
        let stopped = self.stopped.as_ref().map(|of| (of.why.clone(), of.is_verified));
        self.log.line(&End {
            kind: "end".into(),
            stopped,
            verdict: card.verdict.word().into(),
            because: card.because.clone(),
            usual,
            punctuality,
            released: is_released,
            lines_lost: self.log.has_failed(),
        });
        self.log.close();
        Drilled {
            run,
            reference,
            is_controlled,
            card,
            pace: self.pace,
            punctuality,
            is_released,
            stopped: self.stopped,
            is_journal_broken: self.log.has_failed(),
        }
    }
}

/// Waits until a clock shows a moment, if there is one.
async fn due(clock: Option<&DrillClock>, at: Time) {
    match clock {
        Some(clock) => clock.wait(at).await,
        None => std::future::pending().await,
    }
}

/// Waits until something comes to an arm, if there is one.
async fn heard(arm: Option<&mut Arm<'_>>) {
    match arm {
        Some(arm) => arm.heard().await,
        None => std::future::pending().await,
    }
}
