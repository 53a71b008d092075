//! The shape of scenario and mock files, version 1: what may be written, before it is checked.
//!
//! Each type here says its TOML form, its JSON Schema and its documentation at once.
//! What the values must satisfy together is in `check`.

pub mod agents;
pub mod alerts;
pub mod endpoint;
pub mod evaluations;
pub mod faults;
pub mod guards;
pub mod load;
pub mod mocks;
pub mod rollouts;
pub mod runbooks;
pub mod screens;
pub mod slos;
pub mod stop_loss;
pub mod targets;
pub mod wire;

use crate::base::Span;
use crate::scenario::decode::Named;
use crate::scenario::record::record;
use crate::scenario::source::At;
use crate::scenario::units::{DayPart, Line, Name, TimeOfDay};

record! {
    /// A drill: the system, the load, the faults, the controls and the targets.
    pub struct ScenarioFile {
        /// The version of this format: 1.
        pub version: At<u64>,
        /// What the drill is about, in one line.
        pub title: At<Line>,
        /// The situation it answers, as a name that reports group by.
        pub situation: Option<At<Name>>,
        /// How long the drill lasts.
        pub duration: At<Span>,
        /// How long steady state is watched before any fault; the first fifth warms up and is not judged.
        pub baseline: At<Span>,
        /// The time of day at which the drill begins; default `10:00`.
        pub starts_at: Option<At<TimeOfDay>>,
        /// When the night shift is on call; default `22:00..07:00`.
        pub night: Option<At<DayPart>>,
        /// The dependencies of the agents: a name here, and the file in `mocks/` that describes it.
        pub mocks: Named<mocks::MockUse>,
        /// How tasks arrive.
        pub load: load::Load,
        /// The agents and their plans.
        pub agents: Named<agents::Agent>,
        /// What goes wrong.
        pub fault: Vec<faults::Fault>,
        /// Automatic controls: one table for each guarded mock, and `tasks` for every task.
        pub guard: guards::Guards,
        /// New versions that go out by steps.
        pub rollout: Named<rollouts::Rollout>,
        /// Service level objectives.
        pub slo: Named<slos::Slo>,
        /// How it is learnt whether answers are right: telemetry sees no wrong answer by itself.
        pub evaluation: Named<evaluations::Evaluation>,
        /// Alerts over the objectives and over signals.
        pub alert: Named<alerts::Alert>,
        /// What is done when an alert is delivered.
        pub runbook: Named<runbooks::RunbookUse>,
        /// Who is on call, by role.
        pub roster: Named<runbooks::Role>,
        /// Variants that `selftest` runs beside its own, with the verdict each must get.
        pub variant: Named<targets::Variant>,
        /// When a live drill stops by itself.
        pub stop_loss: Option<stop_loss::LossLimits>,
        /// What PASS means.
        pub targets: Option<targets::Targets>,
    }
}
