//! Faults of the bytes: where a reply breaks off, and how; and how slowly it comes.

use crate::base::Ratio;
use crate::scenario::record::{record, words};
use crate::scenario::source::At;

words! {
    /// Up to where a reply comes before it breaks off.
    pub enum Stage {
        /// Nothing comes, and nothing has been done.
        BeforeHeaders = "before-headers",
        /// The headers come, and nothing else.
        Headers = "headers",
        /// The break is where the first event, or the body, was due.
        FirstEvent = "first-event",
        /// So many events come.
        Event = "event",
        /// All comes but the end: no finish reason, no usage.
        Terminal = "terminal",
        /// The work is done to the end, its effect included, and then nothing comes.
        AfterCommit = "after-commit",
    }
}

words! {
    /// How a reply breaks off.
    pub enum BreakEnding {
        /// The stream ends as if all of it had come: most clients take half an answer for a whole one.
        Clean = "clean",
        /// The connection is closed without the end of the reply.
        Cut = "cut",
        /// The connection is reset.
        Reset = "reset",
        /// Nothing more comes, and the connection stays open.
        Stall = "stall",
        /// An error comes inside the stream, which began with status 200.
        Error = "error",
    }
}

record! {
    /// Replies break off.
    pub struct Interruption {
        /// The share of replies.
        pub share: At<Ratio>,
        /// Up to where they come; default `event`.
        pub stage: Option<At<Stage>>,
        /// After how many events (with `stage = "event"`); default 3.
        pub after: Option<At<u64>>,
        /// How they break off; default `cut`.
        pub ending: Option<At<BreakEnding>>,
    }
}

record! {
    /// Replies come slowly, token by token.
    pub struct SlowStream {
        /// The share of replies; default 100%.
        pub share: Option<At<Ratio>>,
        /// The time until the first token, as a share of the usual one; default 100%.
        pub first_token: Option<At<Ratio>>,
        /// The time that each token takes, as a share of the usual one; default 100%.
        pub per_token: Option<At<Ratio>>,
    }
}
