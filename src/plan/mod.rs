//! A scenario resolved into dense tables: names become indices, defaults become values.
//!
//! Nothing is left open here and nothing can fail: the scenario has been checked.

mod alerts;
mod controls;
mod effects;
mod evaluations;
mod faults;
mod guards;
mod orders;
mod program;
mod rollouts;
mod served;
mod system;

pub use alerts::{AlertPlan, ComparePlan, Line, Rule};
pub use controls::{
    ActionPlan, Check, Indicator, Owner, RolePlan, RolloutOrder, RunbookPlan, ShiftPlan, SloPlan, StepPlan,
    TargetPlan,
};
pub use evaluations::{EvaluationPlan, Judges};
pub use faults::{Boundary, Break, FaultEffect, FaultPlan, Flaw, PoisonBy, WireForm};
pub use guards::{
    BreakerPlan, BudgetPlan, BulkheadPlan, CompressPlan, DowngradePlan, GuardPlan, RetryPlan, SDK_TIMEOUT,
    ScreenPlan, ShedPlan, StepUpPlan, TaskGuardPlan, VelocityPlan,
};
pub use orders::Order;
pub use program::{Access, AgentPlan, Op, Program};
pub use rollouts::{AnalysisPlan, RolloutPlan, RolloutStep};
pub use served::{EndpointPlan, Served, ToolPlan, TurnPlan, WirePlan};
pub use system::{ArrivalKind, MockPlan, StorePlan, TrafficPlan, TrafficSegment};

use crate::base::{Span, Time};
use crate::scenario::Scenario;
use crate::scenario::file::load::Tier;
use crate::scenario::source::At;
use crate::scenario::units::DayPart;

/// The number of tiers; tables by tier have this length.
pub const TIERS: usize = 3;

/// Everything that a run needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// When the drill ends.
    pub end: Time,
    /// When the baseline is over and faults may begin.
    pub baseline: Time,
    /// When the baseline has warmed up; it is judged from here on.
    pub warm: Time,
    /// The minute of the day at which the drill begins.
    pub starts_at: u32,
    /// The part of the day that is night.
    pub night: DayPart,
    /// How tasks arrive.
    pub traffic: TrafficPlan,
    /// The agents, in the order of their names.
    pub agents: Vec<AgentPlan>,
    /// The mocks, in the order of their names.
    pub mocks: Vec<MockPlan>,
    /// The guardrails of each mock.
    pub guards: Vec<GuardPlan>,
    /// The guardrails of every task.
    pub tasks: TaskGuardPlan,
    /// The faults, in the order of the file.
    pub faults: Vec<FaultPlan>,
    /// The rollouts, in the order of their names.
    pub rollouts: Vec<RolloutPlan>,
    /// The evaluations, in the order of their names.
    pub evaluations: Vec<EvaluationPlan>,
    /// The objectives, in the order of their names.
    pub slos: Vec<SloPlan>,
    /// The alerts, in the order of their names.
    pub alerts: Vec<AlertPlan>,
    /// The runbooks, in the order of their names.
    pub runbooks: Vec<RunbookPlan>,
    /// The roles on the roster, in the order of their names.
    pub roles: Vec<RolePlan>,
    /// What must hold.
    pub targets: TargetPlan,
    /// How much later everybody on call comes to the first page of an incident.
    pub late_people: Span,
    /// How often the control plane looks, if not as its own windows suggest: so that a part that is taken
    /// away leaves the rhythm of the others alone.
    pub tick: Option<Span>,
    /// The constant delays of timers; each has a lane of its own in the engine.
    pub lanes: Vec<(TimerKind, Span)>,
}

/// What a timer with a constant delay watches over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKind {
    /// A task's deadline.
    Deadline,
    /// An attempt's timeout.
    Timeout,
}

impl Plan {
    /// Returns the plan of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        Self::with_lanes(scenario, Lanes::default())
    }

    fn with_lanes(scenario: &Scenario, mut lanes: Lanes) -> Self {
        let file = &scenario.file;
        let warm = Span(file.baseline.value.0 / 5);
        Self {
            end: Time::ZERO + file.duration.value,
            baseline: Time::ZERO + file.baseline.value,
            warm: Time::ZERO + warm,
            starts_at: file.starts_at.map_or(10 * 60, |at| at.value.0),
            night: file.night.map_or(NIGHT, |at| at.value),
            traffic: system::traffic(file),
            agents: program::agents(scenario, &mut lanes),
            mocks: system::mocks(scenario),
            guards: guards::guards(scenario, &mut lanes),
            tasks: guards::task_guard(file),
            faults: faults::faults(scenario),
            rollouts: rollouts::rollouts(scenario),
            evaluations: evaluations::evaluations(scenario),
            slos: controls::slos(file),
            alerts: alerts::alerts(scenario),
            runbooks: controls::runbooks(scenario),
            roles: controls::roles(file),
            targets: controls::targets(scenario),
            late_people: Span::ZERO,
            tick: None,
            lanes: lanes.0,
        }
    }

    /// Returns the plan of the same scenario with parts taken away, such that a run of `base` can go on
    /// with it: with the same lanes, and the rhythm of the control plane that is given.
    pub fn reduced(scenario: &Scenario, base: &Self, tick: Span) -> Self {
        Self { tick: Some(tick), ..Self::with_lanes(scenario, Lanes(base.lanes.clone())) }
    }

    /// Returns the same plan with nothing going wrong: the twin's.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { faults: Vec::new(), ..self.clone() }
    }

    /// Returns the same plan with nearly every task refused once a fault has been met: a control that
    /// blocks everything stops all harm but its own, and must never pass a drill.
    #[must_use]
    pub fn sabotaged(&self) -> Self {
        let tasks = TaskGuardPlan { is_sabotaged: true, ..self.tasks.clone() };
        Self { tasks, ..self.clone() }
    }

    /// Returns how long after the drill's midnight `now` is, as a minute of the day.
    pub fn minute_of_day(&self, now: Time) -> u32 {
        (self.starts_at + (now.0 / 60_000_000_000) as u32) % (24 * 60)
    }
}

const NIGHT: DayPart = DayPart {
    from: crate::scenario::units::TimeOfDay(22 * 60),
    to: crate::scenario::units::TimeOfDay(7 * 60),
};

/// A set of tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct TierSet(u8);

impl TierSet {
    /// Every tier.
    pub const ALL: Self = Self(0b111);

    /// Returns the set of these tiers.
    pub fn of(tiers: impl IntoIterator<Item = Tier>) -> Self {
        Self(tiers.into_iter().fold(0, |set, tier| set | 1 << tier as u8))
    }

    /// Returns the set that a list in a scenario means: none named are all.
    pub fn of_list(tiers: &[At<Tier>]) -> Self {
        if tiers.is_empty() { Self::ALL } else { Self::of(tiers.iter().map(|at| at.value)) }
    }

    /// Returns whether the tier of this number is in the set.
    pub fn has(self, tier: usize) -> bool {
        self.0 >> tier & 1 == 1
    }
}

/// Gathers the constant delays of timers.
#[derive(Debug, Default)]
struct Lanes(Vec<(TimerKind, Span)>);

impl Lanes {
    /// Returns the lane of a delay.
    fn lane(&mut self, kind: TimerKind, delay: Span) -> u8 {
        let known = self.0.iter().position(|lane| *lane == (kind, delay));
        let index = known.unwrap_or_else(|| {
            self.0.push((kind, delay));
            self.0.len() - 1
        });
        u8::try_from(index).expect("a scenario names fewer than 256 timeouts and deadlines")
    }
}
