//! Faults: what is wrong with a mock, from when, for how long and how badly.

use crate::base::{Ratio, Span};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::At;
use crate::scenario::units::Name;

words! {
    /// What one decision of a fault holds for.
    pub enum Sticky {
        /// Each attempt is decided alone.
        Request = "request",
        /// All calls of a task are hit, or none.
        Session = "session",
        /// All tasks of an agent's copy are hit, or none.
        Agent = "agent",
        /// All tasks of a tenant are hit, or none.
        Tenant = "tenant",
    }
}

words! {
    /// How a lost reply looks to the caller.
    pub enum LostEnding {
        /// Nothing comes, ever.
        Silence = "silence",
        /// The connection is cut at the moment the reply was due.
        Cut = "cut",
    }
}

record! {
    /// The request is taken and never answered.
    pub struct Hang {
        /// The share of requests.
        pub share: At<Ratio>,
        /// How long the server holds its slot for a request that it never answers; default `60s`.
        pub hold: Option<At<Span>>,
    }
}

record! {
    /// Requests take longer.
    pub struct Latency {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
        /// The time added.
        pub add: At<SpanDist>,
    }
}

record! {
    /// Requests are answered with an error.
    pub struct ErrorReply {
        /// The share of requests.
        pub share: At<Ratio>,
        /// The status; default 500.
        pub status: Option<At<u64>>,
        /// How long the error takes; default `10ms`.
        pub after: Option<At<SpanDist>>,
    }
}

record! {
    /// The mock has fewer slots.
    pub struct Capacity {
        /// The share of slots that is left, rounded up.
        pub to: At<Ratio>,
    }
}

record! {
    /// The effect happens and the reply is lost.
    pub struct ReplyLost {
        /// The share of requests.
        pub share: At<Ratio>,
        /// How the loss looks to the caller; default `silence`.
        pub ending: Option<At<LostEnding>>,
    }
}

record! {
    /// The provider admits less.
    pub struct RateLimit {
        /// The share of every quota that is left.
        pub to: At<Ratio>,
    }
}

record! {
    /// The same work is billed as more tokens.
    pub struct TokenInflation {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
        /// The tokens billed, as a share of the real ones.
        pub factor: At<Ratio>,
    }
}

record! {
    /// The prompt cache is lost: what was sent before is billed in full.
    pub struct CacheLoss {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
    }
}

record! {
    /// The provider charges more.
    pub struct PriceChange {
        /// The new price, as a share of the old.
        pub factor: At<Ratio>,
    }
}

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

choice! {
    /// What is injected.
    pub enum Inject {
        /// The request is taken and never answered.
        Hang(Hang) = "hang",
        /// Requests take longer.
        Latency(Latency) = "latency",
        /// Requests are answered with an error.
        Error(ErrorReply) = "error",
        /// The mock has fewer slots.
        Capacity(Capacity) = "capacity",
        /// The effect happens and the reply is lost.
        ReplyLost(ReplyLost) = "reply-lost",
        /// The provider admits less.
        RateLimit(RateLimit) = "rate-limit",
        /// The same work is billed as more tokens.
        TokenInflation(TokenInflation) = "token-inflation",
        /// The prompt cache is lost.
        CacheLoss(CacheLoss) = "cache-loss",
        /// The provider charges more.
        Price(PriceChange) = "price",
        /// Replies are well formed and wrong.
        QualityDrop(QualityDrop) = "quality-drop",
        /// Another model answers under the same name.
        SilentSwap(SilentSwap) = "silent-swap",
        /// Output is corrupt.
        Corruption(Corruption) = "corruption",
        /// Tool calls are broken.
        ToolCallDegrade(ToolCallDegrade) = "tool-call-degrade",
        /// Replies end early.
        Truncation(Truncation) = "truncation",
        /// The model refuses.
        Refusal(RefusalSpike) = "refusal",
        /// The model reasons at length.
        ReasoningBloat(ReasoningBloat) = "reasoning-bloat",
    }
}

record! {
    /// Something wrong with a mock.
    pub struct Fault {
        /// Its name, for reports and for `--without`.
        pub id: At<Name>,
        /// The mock.
        pub on: At<Name>,
        /// When it begins, counted from the start of the drill.
        pub start: At<Span>,
        /// How long it lasts.
        pub duration: At<Span>,
        /// How long the dose takes to rise from nothing to its full size; default `0s`.
        pub ramp: Option<At<Span>>,
        /// What one decision of the fault holds for; default `request`.
        pub sticky: Option<At<Sticky>>,
        /// What is injected, and its dose.
        pub inject: Inject,
    }
}
