//! When a live drill stops by itself.

use crate::base::{Money, Ratio};
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// When a live drill stops by itself: every fault is lifted at once, and the verdict is ABORTED. In virtual time, where
    /// nothing can be lost, it means nothing.
    pub struct LossLimits {
        /// The share of tasks that ended badly, of those that ended in the last minute, above which it stops.
        pub bad_above: Option<At<Ratio>>,
        /// What may be spent in all; beyond it, it stops.
        pub spend: Option<At<Money>>,
        /// How many effects beyond permissions, or on contaminated context, there may be; at one more it stops.
        pub unsafe_acts: Option<At<u64>>,
    }
}
