//! Rollouts: a new version takes over by steps, watched, and is taken back if it is worse.

use crate::base::{Ratio, Span};
use crate::scenario::condition::Condition;
use crate::scenario::dist_text::SpanDist;
use crate::scenario::record::{choice, record};
use crate::scenario::source::At;
use crate::scenario::units::Name;

record! {
    /// Measurements of the new version, one after the other (the words are those of Argo Rollouts).
    pub struct Analysis {
        /// The evaluation that is looked at.
        pub evaluation: At<Name>,
        /// A measurement fails if a greater share of the judgements of the new version is bad.
        pub bad_above: At<Ratio>,
        /// The time between measurements; each looks at the judgements since the one before.
        pub interval: At<Span>,
        /// How many measurements there are.
        pub count: At<u64>,
        /// Judgements that a measurement needs; with fewer it is inconclusive; default 10.
        pub judged_min: Option<At<u64>>,
        /// With more failed measurements than this the rollout is taken back; default 0.
        pub failure_limit: Option<At<u64>>,
        /// With more inconclusive measurements than this it stays where it is; default 0.
        pub inconclusive_limit: Option<At<u64>>,
    }
}

record! {
    /// Somebody lets the rollout go on.
    pub struct Gate {
        /// The role that is asked.
        pub owner: At<Name>,
        /// What must be observed before it agrees; default nothing.
        pub when: Option<At<Condition>>,
    }
}

choice! {
    /// A step of a rollout.
    pub enum RolloutStep {
        /// Send this share of tasks to the new version.
        SetWeight(At<Ratio>) = "set-weight",
        /// Wait.
        Pause(At<Span>) = "pause",
        /// Measure.
        Analysis(Analysis) = "analysis",
        /// Ask somebody.
        Gate(Gate) = "gate",
    }
}

record! {
    /// The new version beside the old, all the time: a sequential test that takes the rollout back.
    pub struct Canary {
        /// The evaluation.
        pub evaluation: At<Name>,
        /// How often a version that is as good may be taken back; default 1%.
        pub error: Option<At<Ratio>>,
        /// About how much worse is worth finding; default 10%.
        pub worse_by: Option<At<Ratio>>,
        /// How many judgements of each there must be; default 30.
        pub judged_min: Option<At<u64>>,
    }
}

record! {
    /// The most harm that the new version may do before it is taken back, whatever a test says.
    pub struct StopLoss {
        /// The evaluation.
        pub evaluation: At<Name>,
        /// So many bad judgements of the new version.
        pub bad: At<u64>,
    }
}

record! {
    /// How the rollout is taken back.
    pub struct Rollback {
        /// How long it takes until the old version answers again; default at once.
        pub takes: Option<At<SpanDist>>,
        /// How likely an attempt fails, and has to be made again; default 0%.
        pub fails: Option<At<Ratio>>,
    }
}

record! {
    /// A new version of a mock that goes out by steps.
    pub struct Rollout {
        /// The mock that is replaced.
        pub mock: At<Name>,
        /// The mock that replaces it.
        pub to: At<Name>,
        /// When it begins.
        pub start: At<Span>,
        /// The steps, one after the other.
        pub steps: Vec<RolloutStep>,
        /// A sequential test beside the old version.
        pub canary: Option<Canary>,
        /// The most harm it may do.
        pub stop_loss: Option<StopLoss>,
        /// How long the test and the stop-loss go on once it is done; default `10m`.
        pub watch: Option<At<Span>>,
        /// How it is taken back.
        pub rollback: Rollback,
        /// Everything at once, whatever the steps say: against the rule of the house.
        pub at_once: Option<At<bool>>,
    }
}
