//! Targets: what must hold for a run to pass.

use serde_json::Value;

use crate::base::{Ratio, Span};
use crate::scenario::decode::{Decode, Definitions, Named, Node};
use crate::scenario::file::load::Tier;
use crate::scenario::problem::Sink;
use crate::scenario::record::{record, words};
use crate::scenario::source::At;
use crate::scenario::units::{Line, Name};

record! {
    /// When new harm must have stopped.
    pub struct Contain {
        /// Counted from the witnessed onset.
        pub within: At<Span>,
        /// Harm, as a share of tasks lost against the twin, stays below this; default 2%.
        pub harm_below: Option<At<Ratio>>,
        /// For how long; default `2m`.
        pub sustained_for: Option<At<Span>>,
        /// The tiers whose harm counts; default all.
        pub tiers: Vec<At<Tier>>,
    }
}

record! {
    /// When every objective must be back, with evidence.
    pub struct Recover {
        /// Counted from the witnessed onset.
        pub within: At<Span>,
        /// For how long the lower confidence bound of every objective must hold; default `5m`.
        pub sustained_for: Option<At<Span>>,
    }
}

/// A target of time: the span alone, or a table with more.
macro_rules! short_form {
    ($name:ident, $($rest:ident: $blank:expr),*) => {
        impl $name {
            /// Reads the short form (a span) or the table.
            fn decode_either(node: Node<'_>, sink: &mut Sink) -> Self {
                if node.value.is_str() {
                    return Self { within: At::decode(node, sink), $($rest: $blank),* };
                }
                Self::decode(node, sink)
            }
        }

        impl Decode for Short<$name> {
            fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
                Self($name::decode_either(node, sink))
            }
            fn hole() -> Self {
                Self($name::hole())
            }
            fn schema(definitions: &mut Definitions) -> Value {
                let (short, long) = (At::<Span>::schema(definitions), $name::schema(definitions));
                serde_json::json!({ "anyOf": [short, long] })
            }
        }
    };
}

/// A target that may be written as a span alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Short<T>(pub T);

short_form!(Contain, harm_below: None, sustained_for: None, tiers: Vec::new());
short_form!(Recover, sustained_for: None);

words! {
    /// The verdict that a variant must get.
    pub enum Wanted {
        /// The drill passes.
        Pass = "PASS",
        /// The drill fails.
        Fail = "FAIL",
    }
}

record! {
    /// The drill with something switched off, and the verdict that it must get then.
    pub struct Variant {
        /// What is switched off, as for `--without`.
        pub without: Vec<At<Line>>,
        /// The verdict.
        pub verdict: At<Wanted>,
    }
}

record! {
    /// What PASS means. A target that is not stated is not graded; the aftermath always is.
    pub struct Targets {
        /// Time from onset to the first delivered notification that carries a runbook.
        pub detect: Option<At<Span>>,
        /// Time from onset until somebody owns the incident.
        pub acknowledge: Option<At<Span>>,
        /// Time from onset until new harm has stopped.
        pub contain: Option<Short<Contain>>,
        /// Time from onset until every objective is back, with evidence.
        pub recover: Option<Short<Recover>>,
        /// By tier, the share of the drill's tasks that may be lost against the twin.
        pub lost: Named<At<Ratio>>,
        /// The share of an objective's error budget that the incident may spend.
        pub budget_spent: Option<At<Ratio>>,
        /// What may be spent above the twin, as a share of the twin's spend.
        pub cost_above: Option<At<Ratio>>,
        /// Unsafe acts allowed above the twin's.
        pub unsafe_acts: Option<At<u64>>,
        /// Duplicated effects allowed above the twin's.
        pub duplicate_acts: Option<At<u64>>,
        /// The share of runbook steps that may be late, out of order, forgotten, undone or without what they
        /// should bring about.
        pub process_missed: Option<At<Ratio>>,
        /// The mock that the last diagnosis must name.
        pub diagnosed: Option<At<Name>>,
        /// The share of runs that must meet every target; default 95%.
        pub required: Option<At<Ratio>>,
        /// The confidence with which that is said; default 95%.
        pub confidence: Option<At<Ratio>>,
    }
}
