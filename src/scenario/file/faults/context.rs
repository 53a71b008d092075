//! Context contamination: what does not belong into an agent's context gets there.

use crate::base::{Ratio, Span};
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// Replies carry an instruction that the agent was never meant to follow (indirect prompt injection).
    pub struct Injection {
        /// The share of replies.
        pub share: At<Ratio>,
        /// The chance that an agent follows it; default 25%.
        pub hijack: Option<At<Ratio>>,
    }
}

record! {
    /// The tool's own description carries the instruction: no look at its replies shows it.
    pub struct DescriptionPoison {
        /// The share of calls that are made with the altered description; default 100%.
        pub share: Option<At<Ratio>>,
        /// The chance that an agent follows it; default 25%.
        pub hijack: Option<At<Ratio>>,
    }
}

record! {
    /// Poisoned entries are put into a memory. They stay there when the fault is over, and spread.
    pub struct MemoryPoison {
        /// How many entries, at once.
        pub entries: At<u64>,
        /// After how long as many again, while the fault lasts; default: never.
        pub every: Option<At<Span>>,
        /// The chance that an agent which recalls one follows it; default 25%.
        pub hijack: Option<At<Ratio>>,
    }
}

record! {
    /// The history of a conversation is lost on the way to the model.
    pub struct HistoryLoss {
        /// The share of questions that have a history.
        pub share: At<Ratio>,
        /// The chance that the agent then starts over; otherwise it answers wrong; default 50%.
        pub repeats: Option<At<Ratio>>,
    }
}

record! {
    /// Replies flood the context.
    pub struct Overflow {
        /// The share of replies.
        pub share: At<Ratio>,
        /// The tokens that such a reply adds.
        pub tokens: At<u64>,
    }
}
