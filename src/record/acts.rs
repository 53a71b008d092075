//! What each guardrail did: how often it acted, and when first.
//!
//! A guardrail acts when the run would have gone on otherwise without it. One that never acted can be
//! taken away without changing a byte of what is graded; `study::ablate` rests on that.

use crate::base::Time;
use crate::plan::Plan;
use crate::scenario::file::guards::{CallControl, TaskControl};

/// What one guardrail did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Act {
    /// How often it acted.
    pub count: u64,
    /// When it first did.
    pub first: Option<Time>,
    /// When it first did after a fault had been met.
    pub first_after_onset: Option<Time>,
}

/// What all guardrails did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Acts {
    calls: Vec<[Act; CallControl::ALL.len()]>,
    tasks: [Act; TaskControl::ALL.len()],
    onset: Option<Time>,
}

impl Acts {
    /// Returns an empty ledger for a plan.
    pub fn new(plan: &Plan) -> Self {
        Self { calls: vec![Default::default(); plan.mocks.len()], tasks: Default::default(), onset: None }
    }

    /// Returns what a guardrail of a mock's calls did.
    pub fn of_calls(&self, mock: usize, control: CallControl) -> Act {
        self.calls[mock][control as usize]
    }

    /// Returns what a guardrail of tasks did.
    pub fn of_tasks(&self, control: TaskControl) -> Act {
        self.tasks[control as usize]
    }

    /// Returns whether another ledger is of as many mocks.
    pub fn fits(&self, other: &Self) -> bool {
        self.calls.len() == other.calls.len()
    }

    /// Notes that a fault has been met.
    pub fn fault_met(&mut self, now: Time) {
        self.onset.get_or_insert(now);
    }

    /// Notes that a guardrail of a mock's calls acts.
    pub fn call(&mut self, now: Time, mock: usize, control: CallControl) {
        self.calls[mock][control as usize].note(now, self.onset.is_some());
    }

    /// Notes that a guardrail of tasks acts.
    pub fn task(&mut self, now: Time, control: TaskControl) {
        self.tasks[control as usize].note(now, self.onset.is_some());
    }
}

impl Act {
    fn note(&mut self, now: Time, is_after_onset: bool) {
        self.count += 1;
        self.first.get_or_insert(now);
        if is_after_onset {
            self.first_after_onset.get_or_insert(now);
        }
    }
}
