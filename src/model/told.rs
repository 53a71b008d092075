//! What mocks that run elsewhere tell the run that they are part of.

use crate::base::{Money, Span};
use crate::model::Outcome;

/// What a mock tells.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// A request has been taken up.
    Decided {
        /// The request.
        serial: u32,
        /// What becomes of it.
        outcome: Outcome,
        /// Output tokens.
        tokens: u32,
        /// How long it waited for a slot.
        waited: Span,
    },
    /// A request has been worked to its end.
    Worked {
        /// The request.
        serial: u32,
        /// What it cost.
        cost: Money,
        /// Effects executed within permissions, beyond them, and known by their key.
        effects: [u32; 3],
    },
    /// A request of somebody else's is over: of your own agents, say.
    Foreign {
        /// The mock.
        mock: usize,
        /// The status; 0 if no headers were sent.
        status: u16,
        /// How long it took.
        took: Span,
        /// Output tokens.
        tokens: u32,
    },
    /// A mock has done work for somebody else.
    ForeignWork {
        /// The mock.
        mock: usize,
        /// What it cost.
        cost: Money,
        /// Effects executed, those of them that repeat another, those beyond permissions, and those known by their key.
        effects: [u32; 4],
    },
    /// A fault has changed something for the first time.
    Met {
        /// The fault.
        fault: usize,
    },
}
