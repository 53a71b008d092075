//! Load: how tasks arrive, open-loop.

use crate::base::{Ratio, Span};
use crate::scenario::decode::Named;
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::At;
use crate::scenario::units::{Rate, TimeOfDay};

words! {
    /// How much a task matters.
    pub enum Tier {
        /// Must be done whatever happens.
        Critical = "critical",
        /// Ordinary work.
        Standard = "standard",
        /// Can wait or be dropped.
        Batch = "batch",
    }
}

record! {
    /// Bursty arrivals: gamma-distributed gaps.
    pub struct GammaArrivals {
        /// The mean rate.
        pub rate: At<Rate>,
        /// The coefficient of variation of the gaps; above 100% they come in bursts.
        pub variation: At<Ratio>,
    }
}

choice! {
    /// The process by which tasks arrive.
    pub enum Arrivals {
        /// Evenly spaced.
        Constant(At<Rate>) = "constant",
        /// Independent of each other.
        Poisson(At<Rate>) = "poisson",
        /// In bursts.
        Gamma(GammaArrivals) = "gamma",
    }
}

record! {
    /// A change of the arrival rate.
    pub struct Phase {
        /// When it begins.
        pub at: At<Span>,
        /// How long the rate takes to get there; default `0s`.
        pub ramp: Option<At<Span>>,
        /// The rate from then on.
        pub rate: At<Rate>,
    }
}

record! {
    /// A daily rise and fall around the arrival rate.
    pub struct Diurnal {
        /// How far the rate goes up and down.
        pub swing: At<Ratio>,
        /// The time of day at which it is highest.
        pub peak: At<TimeOfDay>,
    }
}

record! {
    /// How tasks arrive, whatever becomes of those before them.
    pub struct Load {
        /// The process and its first rate.
        pub arrivals: Arrivals,
        /// The shares of the tiers (`critical`, `standard`, `batch`); they add up to 100%.
        pub tiers: Named<At<Ratio>>,
        /// Changes of the rate, in order of time.
        pub phase: Vec<Phase>,
        /// A daily rise and fall.
        pub diurnal: Option<Diurnal>,
        /// How many tenants the tasks belong to, for faults that stick to a tenant; default 1.
        pub tenants: Option<At<u64>>,
        /// How many tasks may be in flight at all; one more is lost at the door; default 100000.
        pub in_flight_max: Option<At<u64>>,
    }
}
