//! Corruption among several agents: of the messages between them, and of the state they share.

use crate::base::{Ratio, Span};
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// Messages arrive after later ones: what they say is out of date.
    pub struct MessageReorder {
        /// The share of messages.
        pub share: At<Ratio>,
        /// How much later they arrive.
        pub by: At<Span>,
    }
}

record! {
    /// Agents are sent to the same few objects of a shared state.
    pub struct Contention {
        /// The share of tasks.
        pub share: At<Ratio>,
        /// How many objects; default 1.
        pub objects: Option<At<u64>>,
    }
}
