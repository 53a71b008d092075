//! Evaluations: how a team learns whether answers are right, late, for a sample, and not without error.

use crate::base::{Money, Ratio, Span};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::file::load::Tier;
use crate::scenario::record::record;
use crate::scenario::source::At;
use crate::scenario::units::Name;

record! {
    /// A judgement of answers; it says either `sample`, or `ask` and `every`.
    pub struct Evaluation {
        /// Online evaluation: the share of finished tasks that are judged.
        pub sample: Option<At<Ratio>>,
        /// Of which tiers; default all.
        pub tiers: Vec<At<Tier>>,
        /// Canary questions with known answers: the model that is asked.
        pub ask: Option<At<Name>>,
        /// How often it is asked.
        pub every: Option<At<Span>>,
        /// How long a judgement takes; default none.
        pub delay: Option<At<SpanDist>>,
        /// What a judgement costs; default nothing.
        pub cost: Option<At<Money>>,
        /// The share of wrong answers that it takes for right; default 0%.
        pub misses: Option<At<Ratio>>,
        /// The share of right answers that it takes for wrong; default 0%.
        pub false_alarms: Option<At<Ratio>>,
    }
}
