//! Agents that are somebody else's with a load of their own: they say which tasks begin, and how each ends.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::{Money, Time};
use crate::engine::{Failure, Inbound, Request};
use crate::gameday::Field;
use crate::gameday::request::trace;
use crate::live::{task_name, tasks_in};
use crate::scenario::file::load::Tier;

/// What is reported of a task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Report {
    /// It begins.
    Begun {
        /// Its tier; without one it is `standard`.
        tier: Option<String>,
        /// The agent whose it is; without one the scenario's first.
        agent: Option<String>,
    },
    /// It is done.
    Done {
        /// Its name, as it was answered when it began.
        task: String,
        /// What it has cost, in dollars, beside what it did at the mocks.
        usd: Option<f64>,
    },
    /// It has failed, and whoever waits for it knows.
    Failed {
        /// Its name.
        task: String,
        /// What it has cost.
        usd: Option<f64>,
    },
}

/// Reads a report; the error says what is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<Report, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// A task that is under way, as the engine knows it.
#[derive(Debug, Clone)]
struct Open {
    serial: u32,
    mock: usize,
    trace: String,
}

/// The most tasks that are remembered after they were given up.
const GONE_MAX: usize = 10_000;

/// The tasks that are under way, by their numbers.
#[derive(Debug)]
pub(super) struct Reports {
    /// Whether the scenario's tasks are reported.
    pub(super) is_on: bool,
    /// Tasks that were given up, with their mocks: what they cost is spent all the same.
    gone: VecDeque<(u64, usize)>,
    open: BTreeMap<u64, Open>,
}

impl Reports {
    /// Returns none yet.
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, gone: VecDeque::new(), open: BTreeMap::new() }
    }

    /// Notes that a task waits for its end.
    pub(super) fn begun(&mut self, of: &Request) {
        let open = Open { serial: of.serial, mock: of.mock, trace: trace(of) };
        self.open.insert(of.caller.task.number(), open);
    }

    /// Forgets a task for which nobody waits any more.
    pub(super) fn forget(&mut self, serial: u32) {
        let given_up = self.open.iter().find(|(_, open)| open.serial == serial);
        let Some((number, mock)) = given_up.map(|(number, open)| (*number, open.mock)) else { return };
        self.open.remove(&number);
        self.gone.push_back((number, mock));
        self.gone.drain(..self.gone.len().saturating_sub(GONE_MAX));
    }

    /// Returns the mock of a task that was given up; once.
    fn late(&mut self, number: u64) -> Option<usize> {
        let place = self.gone.iter().position(|(of, _)| *of == number)?;
        self.gone.remove(place).map(|(_, mock)| mock)
    }
}

impl Field<'_> {
    /// Takes in what is reported of a task, and came at a moment; returns what is answered.
    pub(super) fn reported(&mut self, at: Time, report: &Report) -> Result<Value, String> {
        // A report that is looked at late says as little as a request that is sent late.
        self.arm.pacing.sent(at, self.arm.running.now());
        self.arm.driven.advance(at);
        self.dispatch();
        let (name, usd, result) = match report {
            Report::Begun { tier, agent } => return self.begin(at, tier.as_deref(), agent.as_deref()),
            Report::Done { task, usd } => (task, usd, Ok(())),
            Report::Failed { task, usd } => (task, usd, Err(Failure::Declined)),
        };
        let number = tasks_in(name.as_bytes()).first().copied();
        let found = number.and_then(|number| Some((number, self.arm.reports.open.remove(&number)?)));
        let cost = usd.map_or(Money::ZERO, Money::measured);
        let Some((number, Open { serial, mock, .. })) = found else {
            if let Some(mock) = number.and_then(|number| self.arm.reports.late(number)) {
                self.arm.cost_of_late(mock, cost);
            }
            return Err("no task of this name is under way: it has ended, or was given up".into());
        };
        self.arm.cost(serial, cost);
        if result.is_ok() {
            self.arm.said_done((mock, number, serial), true);
        }
        self.arm.driven.receive(at, Inbound::Answered { serial, result });
        Ok(json!({ "task": task_name(number) }))
    }

    fn begin(&mut self, at: Time, tier: Option<&str>, agent: Option<&str>) -> Result<Value, String> {
        if !self.arm.reports.is_on {
            return Err("this drill has a load of its own: no mock of the scenario is `reported`".into());
        }
        let word = tier.unwrap_or(Tier::Standard.word());
        let tier = Tier::ALL.iter().position(|tier| tier.word() == word).ok_or("there is no such tier")?;
        let agent = self.arm.targets.agent(agent).ok_or("the scenario has no such agent")?;
        let task = self.arm.driven.begin_task(at, (tier, agent));
        self.dispatch();
        let open = self
            .arm
            .reports
            .open
            .get(&task)
            .ok_or("so many tasks are under way that there can be no more")?;
        Ok(json!({ "task": task_name(task), "traceparent": open.trace }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_which_task_and_nothing_that_is_not_known() {
        let begun = read(br#"{"state":"begun","tier":"critical"}"#).unwrap();
        assert_eq!(begun, Report::Begun { tier: Some("critical".into()), agent: None });
        let failed = read(br#"{"state":"failed","task":"task-0000000000000001"}"#).unwrap();
        assert_eq!(failed, Report::Failed { task: "task-0000000000000001".into(), usd: None });
        for bad in
            [r#"{"state":"done"}"#, r#"{"state":"lost","task":"a"}"#, r#"{"state":"begun","of":1}"#, "[]"]
        {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
