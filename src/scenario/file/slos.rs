//! Service level objectives over the tasks.

use crate::base::{Money, Ratio, Span};
use crate::scenario::file::load::Tier;
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// A share of tasks that must be fast enough.
    pub struct LatencyObjective {
        /// The share.
        pub share: At<Ratio>,
        /// How long they may take from arrival to the end.
        pub below: At<Span>,
    }
}

record! {
    /// A share of tasks that must be cheap enough.
    pub struct CostObjective {
        /// The share.
        pub share: At<Ratio>,
        /// What they may cost.
        pub below: At<Money>,
    }
}

record! {
    /// A service level objective; it says exactly one of `success`, `latency`, `cost` and `safety`.
    pub struct Slo {
        /// The share of tasks that must be done: right, within the deadline, without an unsafe act.
        pub success: Option<At<Ratio>>,
        /// The share of tasks that must be fast enough.
        pub latency: Option<LatencyObjective>,
        /// The share of tasks that must be cheap enough.
        pub cost: Option<CostObjective>,
        /// The share of tasks that must be free of unsafe acts.
        pub safety: Option<At<Ratio>>,
        /// The tiers whose tasks count; default all.
        pub tiers: Vec<At<Tier>>,
        /// The period of its error budget; default `28d`.
        pub period: Option<At<Span>>,
    }
}

/// The period of an error budget where none is stated: four weeks.
pub const PERIOD: Span = Span::from_secs(28 * 86_400);
