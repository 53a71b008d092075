//! What people do in a live drill, carried out.

use serde_json::json;

use crate::base::Time;
use crate::gameday::Field;
use crate::gameday::alerting::News;
use crate::gameday::board::Note;
use crate::gameday::command::{Asked, Command, Role};
use crate::gameday::outside::Came;
use crate::grade::reference::{Usual, of_baseline};
use crate::grade::times::lost_lately;
use crate::plan::Plan;
use crate::report::safe;

/// The most notes that are kept.
const NOTES_MAX: usize = 1_000;

impl Field<'_> {
    /// Carries out what somebody wants, and answers.
    pub(super) fn obey(&mut self, plan: &Plan, asked: Asked) {
        let (role, command, answer) = match asked {
            Asked::Person { role, command, answer } => (role, command, answer),
            Asked::Task { report, at, answer } => {
                // Whoever sent it may have gone.
                let _sent: Result<(), _> = answer.send(self.reported(at, &report));
                return;
            }
            Asked::Alerts { news, answer } => {
                let told = self.told(plan, &news);
                // Whoever has been answered sees it in the state.
                self.show(plan);
                // Whoever sent it may have gone.
                let _sent: Result<(), _> = answer.send(told);
                return;
            }
        };
        let result = self.carry_out(plan, (role, &command));
        let done = match &result {
            Ok(done) => done.clone(),
            Err(why) => format!("refused: {why}"),
        };
        let now = self.arm.running.now();
        let written = self.log.act(now, role, &command, &done);
        self.show(plan);
        // It is answered when it is on the disk, which nobody else waits for.
        drop(tokio::spawn(async move {
            let is_lost = match written {
                None => false,
                Some(written) => !written.await.unwrap_or(false),
            };
            let result = match result {
                Ok(done) if is_lost => Ok(format!("{done} But the journal cannot be written.")),
                result => result,
            };
            // Whoever asked may have gone.
            let _sent: Result<(), _> = answer.send(result);
        }));
    }

    fn carry_out(&mut self, plan: &Plan, (role, command): (Role, &Command)) -> Result<String, String> {
        let now = self.arm.running.now().min(plan.end);
        let name = |runbook: &usize, step: &usize| {
            let book = plan.runbooks.get(*runbook).ok_or("there is no such runbook")?;
            let step = book.steps.get(*step).ok_or("there is no such step")?;
            Ok::<_, String>((book.name.as_str(), step.id.as_str()))
        };
        match command {
            Command::Acknowledge { runbook } => {
                self.tell(now, |ops| ops.acknowledge(*runbook))?;
                Ok("Acknowledged.".into())
            }
            Command::Start { runbook, step } => {
                let (book, step) = name(runbook, step)?;
                if self.arm.driven.ops().incident(*runbook).is_none() {
                    return Err("no runbook is being done".into());
                }
                self.note(now, role, &format!("begins {step} of {book}"));
                Ok(format!("{step} has begun."))
            }
            Command::Done { runbook, step } => {
                let (_, id) = name(runbook, step)?;
                self.tell(now, |ops| ops.done(*runbook, *step))?;
                Ok(format!("{id} is done."))
            }
            Command::Skip { runbook, step, reason } => {
                let (book, id) = name(runbook, step)?;
                let reason = reason.trim();
                if reason.is_empty() {
                    return Err("a step is skipped for a reason".into());
                }
                self.tell(now, |ops| ops.skip(*runbook, *step))?;
                self.note(now, role, &format!("skips {id} of {book}: {reason}"));
                Ok(format!("{id} is skipped."))
            }
            Command::Pass { rollout, step } => self.at_gate(plan, (*rollout, *step), true),
            Command::TakeBack { rollout, step, reason } => {
                let done = self.at_gate(plan, (*rollout, *step), false)?;
                if !reason.trim().is_empty() {
                    self.note(now, role, &format!("{done} {}", reason.trim()));
                }
                Ok(done)
            }
            Command::Note { text } => {
                let text = text.trim();
                if text.is_empty() {
                    return Err("there is nothing to note".into());
                }
                self.note(now, role, text);
                Ok("Noted.".into())
            }
            Command::Paged { alert } => self.heard(plan, (role, alert), true),
            Command::Resolved { alert } => self.heard(plan, (role, alert), false),
            Command::DeclareContained => self.declare_contained(plan, now),
            Command::DeclareRecovered { runbook } => {
                let (runbook, told) = (*runbook, now);
                let declared = self.arm.driven.tell_ops(now, |ops, telemetry, journal| {
                    ops.declare((told, telemetry), runbook, journal)
                });
                declared.map_err(|refused| refused.to_string())?;
                Ok("Recovery is declared; the criteria are observed.".into())
            }
            Command::Stop { reason } => {
                let reason = reason.trim();
                let why = if reason.is_empty() { "no reason was given" } else { reason };
                self.stop(safe::text(&format!("stopped by the {}: {why}", role.word())));
                let is_verified = self.stopped.as_ref().is_some_and(|stopped| stopped.is_verified);
                Ok(if is_verified { "Stopped. Every fault is lifted.".into() } else { "Stopped.".into() })
            }
        }
    }

    /// Somebody was paged, or told that it is over, by whatever way alerts come.
    fn heard(&mut self, plan: &Plan, (role, alert): (Role, &str), is_firing: bool) -> Result<String, String> {
        if !plan.alerts.iter().any(|of| of.name == alert) {
            return Err("the scenario has no such alert".into());
        }
        let news = News { alert: alert.to_owned(), series: None, is_firing };
        self.told(plan, &[news])?;
        let word = if is_firing { "has paged" } else { "has resolved" };
        self.note(self.arm.running.now(), role, &format!("{alert} {word}"));
        Ok(format!("{alert} {word}."))
    }

    fn at_gate(
        &mut self,
        plan: &Plan,
        (rollout, step): (usize, usize),
        passes: bool,
    ) -> Result<String, String> {
        let name = &plan.rollouts.get(rollout).ok_or("there is no such rollout")?.name;
        let now = self.arm.running.now().min(plan.end);
        let said = self
            .arm
            .driven
            .tell_ops(now, |ops, telemetry, _| ops.say_at_gate((now, telemetry), (rollout, step), passes));
        said.map_err(|refused| refused.to_string())?;
        Ok(if passes { format!("The gate of {name} is passed.") } else { format!("{name} is taken back.") })
    }

    fn tell(
        &mut self,
        now: Time,
        of: impl FnOnce(&mut crate::ops::Ops<'_>) -> Result<(), crate::ops::Refused>,
    ) -> Result<(), String> {
        let told = self.arm.driven.tell_ops(now, |ops, _, _| of(ops));
        told.map_err(|refused| refused.to_string())
    }

    /// A step was done outside of the drill, or was not.
    pub(super) fn came(&mut self, plan: &Plan, came: &Came) {
        let step = &plan.runbooks[came.runbook].steps[came.step].id;
        let (word, said) = match &came.result {
            Ok(said) => ("done outside", said),
            Err(why) => ("failed outside", why),
        };
        let now = self.arm.running.now();
        self.outside_now.remove(&(came.runbook, came.step));
        self.log.line(&json!({ "kind": "outside", "at_ns": now.0, "step": step, "ok": came.result.is_ok(), "said": said }));
        self.note_by(now, "automation", &format!("{step} is {word}: {said}"));
        self.show(plan);
    }

    fn note(&mut self, now: Time, role: Role, text: &str) {
        self.note_by(now, role.word(), text);
    }

    fn note_by(&mut self, now: Time, role: &'static str, text: &str) {
        if self.own.notes.len() == NOTES_MAX {
            self.own.notes.pop_front();
        }
        let note = Note { at_s: now.seconds(), role: role.into(), text: safe::text(text) };
        self.own.notes.push_back(note);
    }

    /// Containment is declared with evidence: over the last window no more was lost than the target allows.
    fn declare_contained(&mut self, plan: &Plan, now: Time) -> Result<String, String> {
        if !self.arm.driven.record().witnesses.iter().any(|witness| witness.first.is_some()) {
            return Err("nothing has happened that could be contained".into());
        }
        let run = self.arm.driven.record();
        let usual = || of_baseline(plan, run, &Usual::of(plan, run), now);
        let (lost, arrived) = match &self.control {
            Some(control) => lost_lately(plan, (run, control.driven.record()), now),
            None => lost_lately(plan, (run, &usual()), now),
        };
        if arrived == 0 {
            return Err(format!(
                "no task arrived in the last {}: nothing shows that it works",
                plan.targets.contain_for
            ));
        }
        let allowed = plan.targets.harm_below;
        let share = lost as f64 / arrived as f64;
        if lost > 0 && share >= allowed.real() {
            let (percent, span) = (share * 100.0, plan.targets.contain_for);
            return Err(format!(
                "{percent:.1}% of the tasks of the last {span} were lost, and less than {allowed} may be"
            ));
        }
        self.own.contained.get_or_insert(now);
        Ok("Containment is declared; the evidence holds.".into())
    }
}
