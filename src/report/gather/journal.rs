//! From the journal's entries to lines that need no plan to be understood.

use super::{moment, owner_name};
use crate::plan::{Owner, Plan, TIERS, TierSet};
use crate::record::{Entry, Event, Record};
use crate::report::result::JournalLine;
use crate::scenario::file::load::Tier;

/// Returns every line of a run's journal.
pub(super) fn lines(plan: &Plan, run: &Record) -> Vec<JournalLine> {
    run.journal.entries().iter().map(|entry| line(plan, *entry)).collect()
}

/// How a line is begun: with a moment and a word, and whatever else there is to say.
struct Words<'p> {
    plan: &'p Plan,
    at_s: f64,
}

impl Words<'_> {
    fn plain(&self, event: &'static str) -> JournalLine {
        JournalLine { at_s: self.at_s, event: event.into(), of: None, step: None, owner: None, detail: None }
    }

    fn of(&self, event: &'static str, name: &str) -> JournalLine {
        JournalLine { of: Some(name.to_owned()), ..self.plain(event) }
    }

    fn fault(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.faults[index].id)
    }

    fn alert(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.alerts[index].name)
    }

    fn book(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.runbooks[index].name)
    }

    fn role(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.roles[index].name)
    }

    fn rollout(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.rollouts[index].name)
    }

    fn mock(&self, event: &'static str, index: usize) -> JournalLine {
        self.of(event, &self.plan.mocks[index].name)
    }

    fn step(&self, event: &'static str, (runbook, step): (usize, usize)) -> JournalLine {
        let id = self.plan.runbooks[runbook].steps[step].id.clone();
        JournalLine { step: Some(id), ..self.book(event, runbook) }
    }

    fn by(&self, line: JournalLine, owner: Owner) -> JournalLine {
        JournalLine { owner: Some(owner_name(self.plan, owner)), ..line }
    }
}

fn with(line: JournalLine, detail: impl Into<String>) -> JournalLine {
    JournalLine { detail: Some(detail.into()), ..line }
}

/// Returns an entry as a line that needs no plan to be understood.
pub fn line(plan: &Plan, entry: Entry) -> JournalLine {
    let say = Words { plan, at_s: moment(entry.at) };
    match entry.event {
        Event::BaselineJudged { is_held } => {
            say.plain(if is_held { "baseline-held" } else { "baseline-broken" })
        }
        Event::FaultArmed(index) => say.fault("fault-armed", index),
        Event::FaultWitnessed(index) => say.fault("fault-witnessed", index),
        Event::FaultReleased(index) => say.fault("fault-released", index),
        Event::AlertFiring(index) => say.alert("alert-firing", index),
        Event::AlertResolved(index) => say.alert("alert-resolved", index),
        Event::Notified(index) => say.alert("notified", index),
        Event::ResolvedNotified(index) => say.alert("resolved-notified", index),
        Event::IncidentOpened(index) => say.book("incident-opened", index),
        Event::RunbookAgain { runbook, owner } => say.by(say.book("runbook-again", runbook), owner),
        Event::IncidentClosed(index) => say.book("incident-closed", index),
        Event::Paged(index) => say.role("paged", index),
        Event::PageUnanswered(index) => say.role("page-unanswered", index),
        Event::PageAnswered(index) => say.role("page-answered", index),
        Event::Acknowledged { runbook, owner } => say.by(say.book("acknowledged", runbook), owner),
        Event::StepDone { runbook, step: number, owner, is_late } => {
            let line = say.by(say.step("step-done", (runbook, number)), owner);
            if is_late { with(line, "late") } else { line }
        }
        Event::StepObserved { runbook, step: number, is_seen } => {
            say.step(if is_seen { "step-observed" } else { "step-unobserved" }, (runbook, number))
        }
        Event::StepSkipped { runbook, step: number, is_forgotten } => {
            say.step(if is_forgotten { "step-forgotten" } else { "step-not-needed" }, (runbook, number))
        }
        Event::StepSwapped { runbook, step: number } => say.step("step-swapped", (runbook, number)),
        Event::StepFailed { runbook, step: number } => say.step("step-failed", (runbook, number)),
        Event::Diagnosed { runbook, mock } => {
            let named = mock.map_or("nothing", |mock| plan.mocks[mock].name.as_str());
            with(say.book("diagnosed", runbook), named)
        }
        Event::Updated(index) => say.book("updated", index),
        Event::Declared { runbook, has_evidence } => {
            say.book(if has_evidence { "recovery-declared" } else { "declaration-refused" }, runbook)
        }
        Event::Purged { mock: index, entries } => {
            with(say.mock("purged", index), format!("{entries} entries"))
        }
        Event::PutBack { mock: index, objects } => {
            with(say.mock("put-back", index), format!("{objects} objects"))
        }
        Event::Admission { tiers, share } => {
            with(say.plain("admission"), format!("{} {share}", words(tiers)))
        }
        Event::RolloutWeight { rollout: index, share } => {
            with(say.rollout("rollout-weight", index), share.to_string())
        }
        Event::RollbackBegun { rollout: index, reason } => {
            with(say.rollout("rollback-begun", index), super::reason(reason))
        }
        Event::RollbackFailed(index) => say.rollout("rollback-failed", index),
        Event::RolledBack(index) => say.rollout("rolled-back", index),
        Event::RolloutInconclusive(index) => say.rollout("rollout-inconclusive", index),
        Event::GatePassed(index) => say.rollout("gate-passed", index),
        Event::RolloutDone(index) => say.rollout("rollout-done", index),
        Event::BreakerOpened(index) => say.mock("breaker-opened", index),
        Event::BreakerClosed(index) => say.mock("breaker-closed", index),
        Event::TasksLimit => say.plain("tasks-limit"),
        Event::CallsLimit => say.plain("calls-limit"),
        Event::EventsLimit => say.plain("events-limit"),
    }
}

fn words(tiers: TierSet) -> String {
    let words: Vec<&str> =
        (0..TIERS).filter(|tier| tiers.has(*tier)).map(|tier| Tier::ALL[tier].word()).collect();
    words.join(" and ")
}
