//! What people do in the console, and who may.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::base::Time;
use crate::gameday::alerting::News;
use crate::gameday::reports::Report;

/// Who somebody is in a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Leads, declares, and may stop everything.
    Commander,
    /// Acknowledges and does steps.
    Responder,
    /// Writes down.
    Scribe,
    /// Looks on.
    Observer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Commander, Self::Responder, Self::Scribe, Self::Observer];

    /// Returns the role of a word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Responder => "responder",
            Self::Scribe => "scribe",
            Self::Observer => "observer",
        }
    }

    /// Returns whether somebody of this role may do something.
    pub(crate) fn may(self, command: &Command) -> bool {
        match command {
            Command::Note { .. } => self != Self::Observer,
            Command::Paged { .. }
            | Command::Resolved { .. }
            | Command::Acknowledge { .. }
            | Command::Start { .. }
            | Command::Done { .. }
            | Command::Skip { .. }
            | Command::Pass { .. }
            | Command::TakeBack { .. } => matches!(self, Self::Commander | Self::Responder),
            Command::DeclareContained | Command::DeclareRecovered { .. } | Command::Stop { .. } => {
                self == Self::Commander
            }
        }
    }
}

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Command {
    /// Comes on after a page.
    Acknowledge { runbook: usize },
    /// Begins a step.
    Start { runbook: usize, step: usize },
    /// Has done a step.
    Done { runbook: usize, step: usize },
    /// Leaves a step out, and says why.
    Skip { runbook: usize, step: usize, reason: String },
    /// Agrees at a gate of a rollout.
    Pass { rollout: usize, step: usize },
    /// Has a rollout taken back that waits at a gate.
    TakeBack {
        rollout: usize,
        step: usize,
        #[serde(default)]
        reason: String,
    },
    /// Writes something down.
    Note { text: String },
    /// Has been paged, by whatever way alerts come.
    Paged { alert: String },
    /// Has been told that an alert has resolved.
    Resolved { alert: String },
    /// Says that new harm has stopped.
    DeclareContained,
    /// Says that service has recovered.
    DeclareRecovered { runbook: usize },
    /// Stops the drill: every fault is lifted at once.
    Stop { reason: String },
}

/// Something that comes to the drill from outside, and where the answer goes.
#[derive(Debug)]
pub(super) enum Asked {
    /// A command, and what came of it, in words.
    Person { role: Role, command: Command, answer: oneshot::Sender<Result<String, String>> },
    /// News of a task of somebody else's agents, when it came, and what is said to it.
    Task { report: Report, at: Time, answer: oneshot::Sender<Result<Value, String>> },
    /// News of alerts, and which of them the scenario knows.
    Alerts { news: Vec<News>, answer: oneshot::Sender<Result<Value, String>> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_commander_stops_and_an_observer_does_nothing() {
        let stop = Command::Stop { reason: "enough".into() };
        let note = Command::Note { text: "seen".into() };
        let done = Command::Done { runbook: 0, step: 1 };
        let may = |command: &Command| Role::ALL.map(|role| role.may(command));
        assert_eq!(may(&stop), [true, false, false, false]);
        assert_eq!(may(&done), [true, true, false, false]);
        assert_eq!(may(&note), [true, true, true, false]);
    }

    #[test]
    fn commands_are_read_from_json_and_nothing_else_is() {
        let read = |text: &str| serde_json::from_str::<Command>(text).ok();
        assert_eq!(
            read(r#"{"do":"done","runbook":0,"step":2}"#),
            Some(Command::Done { runbook: 0, step: 2 })
        );
        assert_eq!(read(r#"{"do":"declare-contained"}"#), Some(Command::DeclareContained));
        for bad in [r#"{"do":"done"}"#, r#"{"do":"format"}"#, r#"{"do":"note","text":"a","by":"me"}"#, "[]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
