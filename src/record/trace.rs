//! The full trace of a run, node by node: only where somebody asks for it.

use crate::base::Time;
use crate::record::{Outcome, Via};
use crate::scenario::file::guards::{CallControl, TaskControl};

/// How an attempt, or what stands in front of it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client's timeout passed.
    Timeout,
    /// The server answered with an error.
    Status(u16),
    /// The server's quota is used up.
    RateLimited,
    /// The connection was cut.
    Cut,
    /// Refused for want of a permission.
    Denied,
    /// The output guardrail found the reply malformed.
    Malformed,
    /// The model refused to answer.
    Declined,
    /// The credential has expired.
    Expired,
    /// The tool rejected the call's form.
    Rejected,
    /// The client's own breaker, bulkhead or budget refused.
    Refused,
}

impl Ending {
    /// Returns the word for it.
    pub fn word(self) -> String {
        match self {
            Self::Timeout => "timeout".into(),
            Self::Status(status) => format!("status {status}"),
            Self::RateLimited => "rate-limited".into(),
            Self::Cut => "cut".into(),
            Self::Denied => "denied".into(),
            Self::Malformed => "malformed".into(),
            Self::Declined => "declined".into(),
            Self::Expired => "expired".into(),
            Self::Rejected => "rejected".into(),
            Self::Refused => "refused".into(),
        }
    }
}

/// What became of an effect at its mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Executed.
    First,
    /// Executed again.
    Duplicate,
    /// Known by its key, and not executed again.
    Deduplicated,
}

/// One step of a task's way. Numbers index the plan's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It arrived.
    Arrived {
        /// Its tier.
        tier: u8,
        /// The agent it came to.
        agent: u8,
    },
    /// It begins a call.
    Call {
        /// The mock that the plan names.
        mock: u8,
        /// The operation of the agent's program.
        op: u16,
        /// The tokens sent, of a question.
        tokens: u32,
    },
    /// An attempt of the call sets out.
    Attempt {
        /// The mock that is asked.
        mock: u8,
        /// Which attempt at it, from 1.
        number: u32,
    },
    /// A fault hits the attempt.
    Fault(u8),
    /// The attempt ended for the client.
    Ended {
        /// The mock.
        mock: u8,
        /// Whether well.
        is_ok: bool,
        /// The tokens of the reply, of a model.
        tokens: u32,
    },
    /// Why it did not end well, or did not even set out.
    Failed(Ending),
    /// A guardrail of the call acted.
    Guard(u8, CallControl),
    /// A guardrail of the task acted.
    TaskGuard(TaskControl),
    /// An effect was asked for at a mock.
    Effect {
        /// The mock.
        mock: u8,
        /// What became of it.
        done: Done,
        /// Whether it was beyond the permissions, or on a contaminated context.
        is_unsafe: bool,
    },
    /// What does not belong there reached the context.
    Tainted {
        /// The mock at which; none for a hand-over without one.
        mock: Option<u8>,
        /// How.
        via: Via,
        /// The number of the spread.
        spread: u32,
    },
    /// It was handed over.
    HandedOver(u8),
    /// It begins again from the start.
    BeganAgain,
    /// What became of it.
    Outcome(Outcome),
}

/// A step of a task, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// The task, by the order of arrival, from 0.
    pub task: u32,
    /// When.
    pub at: Time,
    /// What.
    pub step: Step,
}

/// Every node of a run, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Whether there were more than can be kept.
    pub is_cut: bool,
}

/// The most nodes that are kept.
const NODES_MAX: usize = 20_000_000;

impl Trace {
    /// Adds a node.
    pub fn push(&mut self, node: Node) {
        if self.nodes.len() >= NODES_MAX {
            self.is_cut = true;
            return;
        }
        self.nodes.push(node);
    }
}
