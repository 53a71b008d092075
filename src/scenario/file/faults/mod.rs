//! Faults: what is wrong with a mock, from when, for how long and how badly.

pub mod agents;
pub mod context;
pub mod cost;
pub mod drift;
pub mod incidents;
pub mod permission;
pub mod wire;

use agents::{Contention, MessageReorder};
use context::{DescriptionPoison, HistoryLoss, Injection, MemoryPoison, Overflow};
use cost::{CacheLoss, PriceChange, RetryLayers, TokenInflation};
use drift::{Corruption, QualityDrop, ReasoningBloat, RefusalSpike, SilentSwap, ToolCallDegrade, Truncation};
use incidents::Incident;
use permission::{FalseAllow, GuardrailOutage, RevocationLag, TokenExpiry};
use wire::{Interruption, SlowStream};

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
        /// The status; default 500. 246 is that of a gateway which flags the reply and serves it.
        pub status: Option<At<u64>>,
        /// What the error calls itself on the wire, such as `insufficient_quota`; default: what the provider says with that status.
        pub code: Option<At<Name>>,
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
    /// How many are hit.
    pub struct Share {
        /// The share of requests, replies or messages.
        pub share: At<Ratio>,
    }
}

record! {
    /// How many are hit, all unless it is said.
    pub struct MostlyAll {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
    }
}

record! {
    /// Requests are refused, and the server asks to wait for very long.
    pub struct RetryAfter {
        /// The share of requests.
        pub share: At<Ratio>,
        /// How long it asks to wait; default `300s`.
        pub wait: Option<At<Span>>,
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
        /// Requests are refused, and the server asks to wait for very long.
        RetryAfter(RetryAfter) = "retry-after",
        /// A tool's replies are plausible and wrong.
        WrongAnswer(Share) = "wrong-answer",
        /// A tool's replies cannot be read.
        Malformed(Share) = "malformed",
        /// Valid calls are rejected until the client has looked up the tool's new schema.
        SchemaDrift(MostlyAll) = "schema-drift",
        /// Replies carry an instruction.
        Injection(Injection) = "injection",
        /// A tool's description carries an instruction.
        DescriptionPoison(DescriptionPoison) = "description-poison",
        /// Poisoned entries are put into a memory.
        MemoryPoison(MemoryPoison) = "memory-poison",
        /// Replies hold another session's data.
        Bleed(Share) = "bleed",
        /// The history of a conversation is lost.
        HistoryLoss(HistoryLoss) = "history-loss",
        /// Replies flood the context.
        Overflow(Overflow) = "overflow",
        /// Replies are out of date.
        Stale(Share) = "stale",
        /// The server does not ask for the permission any more.
        ScopeWiden(MostlyAll) = "scope-widen",
        /// The server refuses what is permitted.
        ScopeNarrow(MostlyAll) = "scope-narrow",
        /// Credentials expire in the middle of tasks.
        TokenExpiry(TokenExpiry) = "token-expiry",
        /// The server honours revoked permissions for a while.
        RevocationLag(RevocationLag) = "revocation-lag",
        /// The server takes one agent's call for that of another which may.
        ConfusedDeputy(Share) = "confused-deputy",
        /// A guardrail does not answer.
        GuardrailOutage(GuardrailOutage) = "guardrail-outage",
        /// A guardrail lets everything through.
        FalseAllow(FalseAllow) = "false-allow",
        /// Agents repeat a call that went well.
        Loop(Share) = "loop",
        /// A layer that the client does not know of retries as well.
        RetryLayers(RetryLayers) = "retry-layers",
        /// Replies do not say what they cost: budgets and telemetry do not see it.
        UsageMissing(Share) = "usage-missing",
        /// Messages are lost.
        MessageDrop(Share) = "message-drop",
        /// Messages arrive twice, and both are worked.
        MessageDuplicate(Share) = "message-duplicate",
        /// Messages arrive after later ones.
        MessageReorder(MessageReorder) = "message-reorder",
        /// Hand-overs lack some of what they must carry.
        HandoverTruncation(Share) = "handover-truncation",
        /// Messages come from somebody who is not the sender.
        Impersonation(Injection) = "impersonation",
        /// Agents wait for each other.
        Deadlock(Share) = "deadlock",
        /// Agents send a task back and forth.
        Livelock(Share) = "livelock",
        /// Agents are sent to the same few objects of a shared state.
        Contention(Contention) = "contention",
        /// Reads of a shared state miss the last update.
        StaleRead(Share) = "stale-read",
        /// An incident that really happened.
        Incident(Incident) = "incident",
        /// Replies break off.
        Interruption(Interruption) = "interruption",
        /// Replies come slowly, token by token.
        SlowStream(SlowStream) = "slow-stream",
        /// A tool is gone: it is not in the list any more, and calls do not find it.
        ToolVanish(MostlyAll) = "tool-vanish",
        /// A verifier lets everything pass.
        VerifierBypass(Share) = "verifier-bypass",
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
        /// Of the calls that its share would hit, only so many, from the first on; default all.
        pub first_n: Option<At<u64>>,
        /// Of the requests that come by, only each so-manieth; default each.
        pub every_nth: Option<At<u64>>,
        /// What is injected, and its dose.
        pub inject: Inject,
    }
}
