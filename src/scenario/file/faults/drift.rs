//! Model drift: replies that come with status 200 and are not what they were.

use crate::base::Ratio;
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// Replies are well formed and wrong, under an unchanged name.
    pub struct QualityDrop {
        /// The share of replies.
        pub share: At<Ratio>,
    }
}

record! {
    /// Another model answers under the same name: it talks more or less, and faster or slower.
    pub struct SilentSwap {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
        /// Its output tokens, as a share of the usual ones; default 100%.
        pub tokens: Option<At<Ratio>>,
        /// The time until its first token, as a share of the usual one; default 100%.
        pub latency: Option<At<Ratio>>,
    }
}

record! {
    /// Output is corrupt: foreign tokens, broken JSON. Unnoticed, it makes the task wrong.
    pub struct Corruption {
        /// The share of replies.
        pub share: At<Ratio>,
    }
}

record! {
    /// A tool call is broken: an unknown tool, bad arguments, or none. Unnoticed, it fails the task.
    pub struct ToolCallDegrade {
        /// The share of replies.
        pub share: At<Ratio>,
    }
}

record! {
    /// Replies end early. Unnoticed, half an answer makes the task wrong.
    pub struct Truncation {
        /// The share of replies.
        pub share: At<Ratio>,
        /// What is left of the output tokens; default 50%.
        pub to: Option<At<Ratio>>,
    }
}

record! {
    /// The model refuses to answer.
    pub struct RefusalSpike {
        /// The share of replies.
        pub share: At<Ratio>,
    }
}

record! {
    /// The model reasons at length: slow and dear.
    pub struct ReasoningBloat {
        /// The share of replies; default 100%.
        pub share: Option<At<Ratio>>,
        /// Output tokens, as a share of the usual ones.
        pub factor: At<Ratio>,
    }
}
