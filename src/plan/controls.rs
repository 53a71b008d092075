//! The controls over the system: objectives, alerts, runbooks, roster, targets.

use crate::base::{Dist, Key, Money, Ratio, Span};
use crate::plan::system::mock_index;
use crate::plan::{Order, TIERS, TierSet};
use crate::scenario::Scenario;
use crate::scenario::condition::{Clause, Condition};
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::load::Tier;
use crate::scenario::file::mocks::Mock;
use crate::scenario::file::runbooks::actions::{Action, Find};
use crate::scenario::file::runbooks::{Otherwise, RunbookStep, RunbookUse, Shift};
use crate::scenario::file::slos;
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// What makes a task good for an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indicator {
    /// It is done.
    Success,
    /// It took less than this.
    Latency(Span),
    /// It cost less than this.
    Cost(Money),
    /// It did nothing unsafe.
    Safety,
}

/// An objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SloPlan {
    /// Its name.
    pub name: String,
    /// What makes a task good.
    pub indicator: Indicator,
    /// The share of tasks that must be good.
    pub goal: Ratio,
    /// The tiers whose tasks count.
    pub tiers: TierSet,
    /// The period of the error budget.
    pub period: Span,
}

/// One thing that must be observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// An objective holds, with evidence, over a span.
    Holds(usize, Span),
    /// Fewer tasks are in flight.
    BacklogBelow(u64),
    /// Fewer tasks are in flight than a span ago.
    BacklogFalling(Span),
    /// A smaller share of the calls to a mock failed over a span.
    ErrorsBelow(usize, Ratio, Span),
    /// Every probe of a mock was answered over a span.
    Answers(usize, Span),
    /// A smaller share of an evaluation's judgements was bad over a span.
    BadBelow(usize, Ratio, Span),
    /// Less was spent in a minute, on average over a span.
    SpendBelow(Money, Span),
    /// A guardrail found something in a smaller share of a mock's replies over a span.
    CaughtBelow(usize, Ratio, Span),
    /// What a mock permits is what is declared.
    AsDeclared(usize),
    /// A rollout has been taken back: the old version answers again.
    IsBack(usize),
    /// An alert has not fired over a span.
    Quiet(usize, Span),
}

/// Who does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// Automation.
    Auto,
    /// The role of this number.
    Role(usize),
}

/// What a runbook says to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutOrder {
    /// Take it back.
    Back,
    /// Keep it where it is.
    Hold,
    /// Let it go on.
    Resume,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionPlan {
    /// Take ownership.
    Acknowledge,
    /// Do something to the system.
    Orders(Vec<Order>),
    /// Admit more and more of them.
    Thaw {
        /// The tiers.
        tiers: TierSet,
        /// The shares, one after the other.
        steps: Vec<Ratio>,
        /// How long each is held.
        hold: Span,
    },
    /// Name what has got worse.
    Diagnose(Find),
    /// Tell those concerned, now and after every such span.
    Update(Option<Span>),
    /// Page another role.
    Escalate(usize),
    /// Say what becomes of a rollout.
    Rollout(usize, RolloutOrder),
    /// Take back what the steps of these numbers did.
    Undo(Vec<usize>),
    /// Only look.
    Look,
    /// Say that service has recovered.
    Declare,
}

/// A step of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// Its name.
    pub id: String,
    /// Its stream.
    pub key: Key,
    /// Who does it.
    pub owner: Owner,
    /// When it must be done.
    pub within: Span,
    /// What it does.
    pub action: ActionPlan,
    /// What must be observed first.
    pub when: Vec<Check>,
    /// What must be observed then for it to be done at all.
    pub only_if: Vec<Check>,
    /// What should be observed after.
    pub expect: Vec<Check>,
    /// Whether another role is paged if it is not.
    pub escalates: bool,
}

/// A runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookPlan {
    /// Its name.
    pub name: String,
    /// Its stream.
    pub key: Key,
    /// What closes the incident.
    pub recovery: Vec<Check>,
    /// The steps.
    pub steps: Vec<StepPlan>,
}

/// How somebody responds on a shift.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftPlan {
    /// Time to acknowledge, in nanoseconds.
    pub acknowledge: Dist,
    /// Time for a step, in nanoseconds.
    pub step: Dist,
    /// The chance that nobody answers.
    pub no_answer: f64,
    /// The chances that an attempt at a step comes to nothing, that a step is forgotten, and that it is
    /// done after the next one.
    pub slips: [f64; 3],
}

/// A role on the roster.
#[derive(Debug, Clone, PartialEq)]
pub struct RolePlan {
    /// Its name.
    pub name: String,
    /// Its stream.
    pub key: Key,
    /// By day and by night.
    pub shifts: [ShiftPlan; 2],
    /// How long a page may go unanswered.
    pub escalate_after: Span,
    /// Who is paged then.
    pub to: Option<usize>,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetPlan {
    /// Onset to delivered notification.
    pub detect: Option<Span>,
    /// Onset to acknowledged.
    pub acknowledge: Option<Span>,
    /// Onset to contained.
    pub contain: Option<Span>,
    /// Harm stays below this.
    pub harm_below: Ratio,
    /// For this long.
    pub contain_for: Span,
    /// The tiers whose harm counts.
    pub contain_tiers: TierSet,
    /// Onset to recovered.
    pub recover: Option<Span>,
    /// Evidence must hold for this long.
    pub recover_for: Span,
    /// By tier, the share of tasks that may be lost.
    pub lost: [Option<Ratio>; TIERS],
    /// The share of an error budget that may be spent.
    pub budget_spent: Option<Ratio>,
    /// What may be spent above the twin.
    pub cost_above: Option<Ratio>,
    /// Unsafe acts above the twin's.
    pub unsafe_acts: Option<u64>,
    /// Duplicated effects above the twin's.
    pub duplicate_acts: Option<u64>,
    /// The share of runbook steps that may go wrong.
    pub process_missed: Option<Ratio>,
    /// The mock that the last diagnosis must name.
    pub diagnosed: Option<usize>,
    /// The share of runs that must pass.
    pub required: Ratio,
    /// The confidence of the verdict and of evidence.
    pub confidence: Ratio,
}

pub(super) fn slos(file: &ScenarioFile) -> Vec<SloPlan> {
    let each = |(name, slo): (&String, &slos::Slo)| {
        let (indicator, goal) = match (&slo.success, &slo.latency, &slo.cost, &slo.safety) {
            (Some(goal), ..) => (Indicator::Success, goal),
            (_, Some(latency), ..) => (Indicator::Latency(latency.below.value), &latency.share),
            (_, _, Some(cost), _) => (Indicator::Cost(cost.below.value), &cost.share),
            (_, _, _, Some(goal)) => (Indicator::Safety, goal),
            (None, None, None, None) => unreachable!("checked: an objective states one thing"),
        };
        SloPlan {
            name: name.clone(),
            indicator,
            goal: goal.value,
            tiers: TierSet::of_list(&slo.tiers),
            period: slo.period.map_or(slos::PERIOD, |at| at.value),
        }
    };
    file.slo.iter().map(each).collect()
}

pub(super) fn runbooks(scenario: &Scenario) -> Vec<RunbookPlan> {
    let each = |(number, (name, runbook)): (usize, (&String, &RunbookUse))| RunbookPlan {
        name: name.clone(),
        key: Key::of_name(&format!("runbook {name}")),
        recovery: checks(scenario, &runbook.recovery.value),
        steps: runbook
            .steps
            .iter()
            .map(|step| self::step(scenario, (number, &runbook.steps), step))
            .collect(),
    };
    scenario.file.runbook.iter().enumerate().map(each).collect()
}

fn step(scenario: &Scenario, (number, steps): (usize, &[RunbookStep]), step: &RunbookStep) -> StepPlan {
    let file = &scenario.file;
    let role = |name: &str| file.roster.index(name).expect("checked: the role is there");
    let rollout = |name: &At<Name>| file.rollout.index(&name.value.0).expect("checked: the rollout is there");
    let action = match &step.r#do {
        Action::Acknowledge(_) => ActionPlan::Acknowledge,
        Action::RollBack(back) => ActionPlan::Rollout(rollout(&back.rollout), RolloutOrder::Back),
        Action::HoldRollout(hold) => ActionPlan::Rollout(rollout(&hold.rollout), RolloutOrder::Hold),
        Action::ResumeRollout(go) => ActionPlan::Rollout(rollout(&go.rollout), RolloutOrder::Resume),
        Action::Thaw(thaw) => ActionPlan::Thaw {
            tiers: TierSet::of_list(&thaw.tiers),
            steps: thaw.steps.iter().map(|at| at.value).collect(),
            hold: thaw.hold.map_or(Span::from_secs(60), |at| at.value),
        },
        Action::Diagnose(diagnose) => ActionPlan::Diagnose(diagnose.find.value),
        Action::Update(update) => ActionPlan::Update(update.every.map(|at| at.value)),
        Action::Escalate(escalate) => ActionPlan::Escalate(role(&escalate.to.value.0)),
        // A step that is switched off has nothing to take back.
        Action::Undo(undo) => ActionPlan::Undo(
            undo.steps.iter().filter_map(|name| steps.iter().position(|other| other.id == *name)).collect(),
        ),
        Action::Verify(_) | Action::Validate(_) => ActionPlan::Look,
        Action::Call(_) | Action::Command(_) => {
            let index = steps.iter().position(|other| other.id == step.id).unwrap_or(0);
            ActionPlan::Orders(vec![Order::Outside(number, index)])
        }
        Action::DeclareRecovered(_) => ActionPlan::Declare,
        Action::Degrade(_)
        | Action::Pin(_)
        | Action::RetryLimit(_)
        | Action::OpenBreaker(_)
        | Action::Freeze(_)
        | Action::Throttle(_)
        | Action::Purge(_)
        | Action::Quarantine(_)
        | Action::ResetContexts(_)
        | Action::KillSwitch(_)
        | Action::Revoke(_)
        | Action::RequireApproval(_)
        | Action::Isolate(_)
        | Action::PinSnapshot(_)
        | Action::Restore(_)
        | Action::ApplyBudget(_) => ActionPlan::Orders(orders(scenario, (number, &step.r#do))),
    };
    let owner = match step.owner.value.0.as_str() {
        "auto" => Owner::Auto,
        name => Owner::Role(role(name)),
    };
    let observed =
        |at: &Option<At<Condition>>| at.as_ref().map_or(Vec::new(), |at| checks(scenario, &at.value));
    let mut when = observed(&step.when);
    if let Action::Validate(validate) = &step.r#do {
        when.push(Check::AsDeclared(usize::from(mock_index(scenario, &validate.mock.value.0))));
    }
    StepPlan {
        id: step.id.value.0.clone(),
        key: Key::of_name(&format!("step {}", step.id.value.0)),
        owner,
        within: step.within.value,
        action,
        when,
        only_if: observed(&step.only_if),
        expect: observed(&step.expect),
        escalates: step.otherwise.is_some_and(|at| at.value == Otherwise::Escalate),
    }
}

/// Returns the orders that an action gives to the system.
fn orders(scenario: &Scenario, (runbook, action): (usize, &Action)) -> Vec<Order> {
    let mock = |name: &At<Name>| mock_index(scenario, &name.value.0);
    let agent = |name: &At<Name>| {
        scenario.file.agents.index(&name.value.0).expect("checked: the agent is there") as u8
    };
    let order = if let Action::Degrade(degrade) = action {
        Order::Degrade(mock(&degrade.mock), mock(&degrade.to))
    } else if let Action::Pin(pin) = action {
        Order::Degrade(mock(&pin.model), mock(&pin.to))
    } else if let Action::RetryLimit(limit) = action {
        Order::RetryLimit(mock(&limit.mock), Some(limit.attempts.value as u32))
    } else if let Action::OpenBreaker(open) = action {
        Order::HoldBreaker(mock(&open.mock))
    } else if let Action::Freeze(freeze) = action {
        Order::Admit(runbook, TierSet::of_list(&freeze.tiers), Ratio::ZERO)
    } else if let Action::Throttle(throttle) = action {
        Order::Admit(runbook, TierSet::of_list(&throttle.tiers), throttle.to.value)
    } else if let Action::Purge(purge) = action {
        Order::Purge(mock(&purge.memory), purge.catches.map_or(Ratio::ONE, |at| at.value))
    } else if let Action::Quarantine(quarantine) = action {
        Order::Quarantine(mock(&quarantine.memory), true)
    } else if let Action::ResetContexts(_) = action {
        Order::ResetContexts
    } else if let Action::KillSwitch(kill) = action {
        Order::Kill(mock(&kill.mock), true)
    } else if let Action::Revoke(revoke) = action {
        // A permission may be asked for by several mocks.
        let agent = agent(&revoke.agent);
        let asks = |mock: &Mock| {
            mock.permission.as_ref().is_some_and(|asked| asked.value == revoke.permission.value)
        };
        let mocks = scenario.mocks.values().zip(0..).filter(|(mock, _)| asks(mock));
        return mocks.map(|(_, mock)| Order::Revoke { mock, agent, is_taken: true }).collect();
    } else if let Action::RequireApproval(require) = action {
        Order::Approve(mock(&require.mock), true)
    } else if let Action::Isolate(isolate) = action {
        Order::Isolate(agent(&isolate.agent), true)
    } else if let Action::PinSnapshot(pin) = action {
        Order::PinSnapshot(mock(&pin.state), pin.age.map(|at| at.value))
    } else if let Action::Restore(restore) = action {
        Order::PutBack(mock(&restore.state))
    } else if let Action::ApplyBudget(budget) = action {
        Order::Budget(Some(budget.per_minute.value))
    } else {
        return Vec::new();
    };
    vec![order]
}

/// Returns the checks of a condition; one about an alert that is switched off holds by itself.
pub(super) fn checks(scenario: &Scenario, condition: &Condition) -> Vec<Check> {
    let file = &scenario.file;
    let each = |clause: &Clause| match clause {
        Clause::Holds { slo, span } => file.slo.index(&slo.0).map(|slo| Check::Holds(slo, *span)),
        Clause::BacklogBelow(count) => Some(Check::BacklogBelow(*count)),
        Clause::BacklogFalling(span) => Some(Check::BacklogFalling(*span)),
        Clause::ErrorsBelow { mock, share, span } => {
            Some(Check::ErrorsBelow(usize::from(mock_index(scenario, &mock.0)), *share, *span))
        }
        Clause::Answers { mock, span } => {
            Some(Check::Answers(usize::from(mock_index(scenario, &mock.0)), *span))
        }
        Clause::BadBelow { evaluation, share, span } => {
            let index = file.evaluation.index(&evaluation.0).expect("checked: the evaluation is there");
            Some(Check::BadBelow(index, *share, *span))
        }
        Clause::SpendBelow(amount, span) => Some(Check::SpendBelow(*amount, *span)),
        Clause::CaughtBelow { mock, share, span } => {
            Some(Check::CaughtBelow(usize::from(mock_index(scenario, &mock.0)), *share, *span))
        }
        Clause::IsBack(rollout) => file.rollout.index(&rollout.0).map(Check::IsBack),
        Clause::AsDeclared(mock) => Some(Check::AsDeclared(usize::from(mock_index(scenario, &mock.0)))),
        Clause::Quiet { alert, span } => file.alert.index(&alert.0).map(|alert| Check::Quiet(alert, *span)),
    };
    condition.0.iter().filter_map(each).collect()
}

pub(super) fn roles(file: &ScenarioFile) -> Vec<RolePlan> {
    let shift = |shift: &Shift| ShiftPlan {
        acknowledge: shift.acknowledge.value.0.clone(),
        step: shift.step.value.0.clone(),
        no_answer: shift.no_answer.map_or(0.0, |at| at.value.real()),
        slips: [shift.fails, shift.skips, shift.swaps].map(|share| share.map_or(0.0, |at| at.value.real())),
    };
    let each = |(name, role): (&String, &crate::scenario::file::runbooks::Role)| RolePlan {
        name: name.clone(),
        key: Key::of_name(&format!("role {name}")),
        shifts: [shift(&role.day), shift(role.night.as_ref().unwrap_or(&role.day))],
        escalate_after: role.escalate_after.map_or(Span::from_secs(300), |at| at.value),
        to: role.to.as_ref().and_then(|to| file.roster.index(&to.value.0)),
    };
    file.roster.iter().map(each).collect()
}

pub(super) fn targets(scenario: &Scenario) -> TargetPlan {
    let file = &scenario.file;
    let targets = file.targets.as_ref().expect("checked: targets are stated");
    let contain = targets.contain.as_ref().map(|contain| &contain.0);
    let recover = targets.recover.as_ref().map(|recover| &recover.0);
    TargetPlan {
        detect: targets.detect.map(|at| at.value),
        acknowledge: targets.acknowledge.map(|at| at.value),
        contain: contain.map(|contain| contain.within.value),
        harm_below: contain
            .and_then(|contain| contain.harm_below)
            .map_or(Ratio::from_percent(2), |at| at.value),
        contain_for: contain
            .and_then(|contain| contain.sustained_for)
            .map_or(Span::from_secs(120), |at| at.value),
        contain_tiers: contain.map_or(TierSet::ALL, |contain| TierSet::of_list(&contain.tiers)),
        recover: recover.map(|recover| recover.within.value),
        recover_for: recover
            .and_then(|recover| recover.sustained_for)
            .map_or(Span::from_secs(300), |at| at.value),
        lost: std::array::from_fn(|tier| targets.lost.get(Tier::ALL[tier].word()).map(|at| at.value)),
        budget_spent: targets.budget_spent.map(|at| at.value),
        cost_above: targets.cost_above.map(|at| at.value),
        unsafe_acts: targets.unsafe_acts.map(|at| at.value),
        duplicate_acts: targets.duplicate_acts.map(|at| at.value),
        process_missed: targets.process_missed.map(|at| at.value),
        diagnosed: targets.diagnosed.as_ref().map(|name| usize::from(mock_index(scenario, &name.value.0))),
        required: targets.required.map_or(Ratio::from_percent(95), |at| at.value),
        confidence: targets.confidence.map_or(Ratio::from_percent(95), |at| at.value),
    }
}
