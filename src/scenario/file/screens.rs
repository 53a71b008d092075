//! Screens: guardrails that look at what a call brings, or is about to do, and let it pass or not.

use crate::base::{Money, Ratio, Span};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::record::{record, words};
use crate::scenario::source::At;

words! {
    /// What a guardrail does while it is down.
    pub enum OnOutage {
        /// It lets nothing through.
        Closed = "closed",
        /// It lets everything through.
        Open = "open",
    }
}

record! {
    /// A guardrail that looks at single calls. It is not perfect, and not for nothing.
    pub struct Screen {
        /// The share of what it is there for that it catches.
        pub catches: At<Ratio>,
        /// The share of everything else that it catches too; default 0%.
        pub false_positives: Option<At<Ratio>>,
        /// How long it takes; default nothing.
        pub delay: Option<At<Span>>,
        /// What a look costs; default nothing.
        pub cost: Option<At<Money>>,
        /// What it does while it is down; default `closed`.
        pub on_outage: Option<At<OnOutage>>,
    }
}

record! {
    /// A person is asked about an effect that was refused, or that needs approval.
    pub struct StepUp {
        /// How long the answer takes.
        pub takes: At<SpanDist>,
        /// The share of permitted effects, from a context that is not contaminated, that are approved; default 98%.
        pub approves: Option<At<Ratio>>,
        /// The share of all other effects that are approved by mistake; default 1%.
        pub mistakes: Option<At<Ratio>>,
    }
}
