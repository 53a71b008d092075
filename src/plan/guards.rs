//! The guardrails: of calls to each mock, and of every task.

use crate::base::{Dist, Key, Money, Ratio, Span};
use crate::plan::system::mock_index;
use crate::plan::{Lanes, TIERS, TierSet, TimerKind};
use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::guards::{Budget, CallGuard, Downgrade};
use crate::scenario::file::load::Tier;
use crate::scenario::file::screens::{OnOutage, Screen, StepUp};
use crate::scenario::source::At;

/// Trying again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPlan {
    /// Attempts at most, the first included.
    pub attempts: u32,
    /// The first pause.
    pub backoff: Span,
    /// The factor between pauses.
    pub factor: f64,
    /// The longest pause.
    pub backoff_max: Span,
    /// How far a pause strays to either side.
    pub jitter: f64,
    /// The share of calls that may be retries, and how many at once.
    pub budget: Option<(Ratio, u64)>,
    /// The longest wait that a server may ask for.
    pub retry_after_max: Span,
}

/// A circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerPlan {
    /// Over how long failures are counted.
    pub window: Span,
    /// Calls that the window must hold.
    pub calls_min: u64,
    /// It opens above this share of failures.
    pub open_above: Ratio,
    /// How long it stays open.
    pub probe_after: Span,
    /// Probes that close it.
    pub probes: u64,
}

/// A limit on calls under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BulkheadPlan {
    /// Calls under way.
    pub concurrent: u32,
    /// Calls that wait.
    pub queue: u32,
}

/// A guardrail that looks at single calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScreenPlan {
    /// Which.
    pub name: ScreenName,
    /// The stream of its draws.
    pub key: Key,
    /// The chance that what it is there for is caught.
    pub catches: f64,
    /// The chance that anything else is caught too.
    pub false_positives: f64,
    /// How long it takes.
    pub delay: Span,
    /// What a look costs.
    pub cost: Money,
    /// Whether it lets everything through while it is down.
    pub fails_open: bool,
}

/// Asking a person about an effect.
#[derive(Debug, Clone, PartialEq)]
pub struct StepUpPlan {
    /// How long the answer takes, in nanoseconds.
    pub takes: Dist,
    /// The chance that a permitted effect is approved.
    pub approves: f64,
    /// The chance that another is.
    pub mistakes: f64,
}

/// Sending calls to a cheaper model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DowngradePlan {
    /// The cheaper model.
    pub to: u8,
    /// What is spent in the minute when it begins.
    pub above: Money,
    /// Whose calls.
    pub tiers: TierSet,
}

/// The guardrails of one mock.
#[derive(Debug, Clone)]
pub struct GuardPlan {
    /// How long an attempt may take.
    pub timeout: Span,
    /// The lane of its timers.
    pub timeout_lane: u8,
    /// Trying again.
    pub retry: Option<RetryPlan>,
    /// A circuit breaker.
    pub breaker: Option<BreakerPlan>,
    /// A limit on calls under way.
    pub bulkhead: Option<BulkheadPlan>,
    /// Mocks to ask instead, in order.
    pub fallback: Vec<u8>,
    /// Whether effects carry a key by which repetitions are known.
    pub has_idempotency_keys: bool,
    /// What looks at single calls.
    pub screens: Vec<ScreenPlan>,
    /// Whether effects beyond the agent's permissions are refused before they are asked for.
    pub has_allow_list: bool,
    /// Whether effects carry on whose behalf they are asked for.
    pub has_origin_check: bool,
    /// Asking a person about an effect.
    pub step_up: Option<StepUpPlan>,
    /// How long it takes to fetch a new credential, if one is fetched.
    pub refresh: Option<Dist>,
    /// How long it takes to look up the tool's schema again, if that is done.
    pub relist: Option<Dist>,
    /// Whether messages are numbered.
    pub has_sequence_numbers: bool,
    /// Whether an update is refused if the object has changed since.
    pub compares_and_sets: bool,
    /// Whether costs that are not said are estimated.
    pub estimates_usage: bool,
    /// Sending calls to a cheaper model.
    pub downgrade: Option<DowngradePlan>,
}

impl GuardPlan {
    /// Returns the screen of a name, if there is one.
    pub fn screen(&self, name: ScreenName) -> Option<&ScreenPlan> {
        self.screens.iter().find(|screen| screen.name == name)
    }
}

/// Refusing new tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShedPlan {
    /// More tasks in flight than this.
    pub in_flight_above: u64,
    /// The tiers refused.
    pub tiers: TierSet,
}

/// Limits on what is spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetPlan {
    /// By one task.
    pub per_task: Option<Money>,
    /// By all, in a minute.
    pub per_minute: Option<Money>,
    /// The tiers that `per_minute` does not hold back.
    pub spare: TierSet,
    /// By the tasks of a tier, in a minute.
    pub per_tier: [Option<Money>; TIERS],
}

/// A breaker on how fast money is spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VelocityPlan {
    /// Spent per minute.
    pub above: Money,
    /// Averaged over this.
    pub over: Span,
    /// How long it then holds calls back.
    pub pause: Span,
    /// The tiers that it does not hold back.
    pub spare: TierSet,
}

/// Cutting the context of some tiers while much is spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompressPlan {
    /// The tiers.
    pub tiers: TierSet,
    /// What is spent in the minute when it begins.
    pub above: Money,
    /// What is left of the tokens.
    pub to: Ratio,
}

/// The guardrails of every task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskGuardPlan {
    /// Whether work stops at the deadline.
    pub stops_at_deadline: bool,
    /// Refusing new tasks.
    pub shed: Option<ShedPlan>,
    /// Limits on what is spent.
    pub budget: Option<BudgetPlan>,
    /// Calls of one task.
    pub steps_max: u32,
    /// Repetitions of one call.
    pub loop_limit: u32,
    /// Hand-overs of one task.
    pub hop_limit: u32,
    /// How long without progress until the last message is sent again.
    pub watchdog: Option<Span>,
    /// A look at the context before each question.
    pub context_reset: Option<ScreenPlan>,
    /// A context of more tokens than the first number is cut to the second.
    pub compaction: Option<(u64, u64)>,
    /// A breaker on how fast money is spent.
    pub velocity: Option<VelocityPlan>,
    /// Cutting the context of some tiers while much is spent.
    pub compress: Option<CompressPlan>,
    /// Whether nearly every task is refused once a fault has been met: the saboteur.
    pub is_sabotaged: bool,
}

/// How long a call waits where no timeout is stated: the read timeout that SDKs come with.
pub const SDK_TIMEOUT: Span = Span::from_secs(600);

pub(super) fn guards(scenario: &Scenario, lanes: &mut Lanes) -> Vec<GuardPlan> {
    let mut each = |name: &String| {
        let guard = scenario.file.guard.calls.get(name);
        let timeout = guard.and_then(|guard| guard.timeout).map_or(SDK_TIMEOUT, |at| at.value);
        GuardPlan {
            timeout,
            timeout_lane: lanes.lane(TimerKind::Timeout, timeout),
            retry: guard.and_then(retry),
            breaker: guard.and_then(|guard| guard.breaker.as_ref()).map(|breaker| BreakerPlan {
                window: breaker.window.value,
                calls_min: breaker.calls_min.value,
                open_above: breaker.open_above.value,
                probe_after: breaker.probe_after.value,
                probes: breaker.probes.map_or(1, |at| at.value),
            }),
            bulkhead: guard.and_then(|guard| guard.bulkhead.as_ref()).map(|bulkhead| BulkheadPlan {
                concurrent: bulkhead.concurrent.value as u32,
                queue: bulkhead.queue.map_or(0, |at| at.value as u32),
            }),
            fallback: guard
                .and_then(|guard| guard.fallback.as_ref())
                .map(|names| names.0.iter().map(|name| mock_index(scenario, &name.value.0)).collect())
                .unwrap_or_default(),
            has_idempotency_keys: guard.and_then(|guard| guard.idempotency_keys).is_some_and(|at| at.value),
            screens: guard.map_or(Vec::new(), |guard| {
                guard.screens().map(|(name, screen)| self::screen(name, screen)).collect()
            }),
            has_allow_list: guard.and_then(|guard| guard.allow_list).is_some_and(|at| at.value),
            has_origin_check: guard.and_then(|guard| guard.origin_check).is_some_and(|at| at.value),
            step_up: guard.and_then(|guard| guard.step_up.as_ref()).map(step_up),
            refresh: guard.and_then(|guard| guard.refresh.as_ref()).map(|at| at.value.0.clone()),
            relist: guard.and_then(|guard| guard.relist.as_ref()).map(|at| at.value.0.clone()),
            has_sequence_numbers: guard.and_then(|guard| guard.sequence_numbers).is_some_and(|at| at.value),
            compares_and_sets: guard.and_then(|guard| guard.compare_and_set).is_some_and(|at| at.value),
            estimates_usage: guard.and_then(|guard| guard.estimates_usage).is_some_and(|at| at.value),
            downgrade: guard.and_then(|guard| guard.downgrade.as_ref()).map(|down: &Downgrade| {
                DowngradePlan {
                    to: mock_index(scenario, &down.to.value.0),
                    above: down.above.value,
                    tiers: TierSet::of_list(&down.tiers),
                }
            }),
        }
    };
    scenario.mocks.keys().map(&mut each).collect()
}

fn screen(name: ScreenName, screen: &Screen) -> ScreenPlan {
    ScreenPlan {
        name,
        // No name in a scenario has a space, so none can be this stream's.
        key: Key::of_name(&format!("check of {}", name.word())),
        catches: screen.catches.value.real(),
        false_positives: screen.false_positives.map_or(0.0, |at| at.value.real()),
        delay: screen.delay.map_or(Span::ZERO, |at| at.value),
        cost: screen.cost.map_or(Money::ZERO, |at| at.value),
        fails_open: screen.on_outage.is_some_and(|at| at.value == OnOutage::Open),
    }
}

fn step_up(step_up: &StepUp) -> StepUpPlan {
    StepUpPlan {
        takes: step_up.takes.value.0.clone(),
        approves: step_up.approves.map_or(0.98, |at| at.value.real()),
        mistakes: step_up.mistakes.map_or(0.01, |at| at.value.real()),
    }
}

fn retry(guard: &CallGuard) -> Option<RetryPlan> {
    guard.retry.as_ref().map(|retry| RetryPlan {
        attempts: retry.attempts.value as u32,
        backoff: retry.backoff.value,
        factor: retry.factor.map_or(2.0, |at| at.value.real()),
        backoff_max: retry.backoff_max.map_or(Span::from_secs(60), |at| at.value),
        jitter: retry.jitter.map_or(0.0, |at| at.value.real()),
        budget: retry.budget.map(|at| (at.value, retry.budget_burst.map_or(10, |burst| burst.value))),
        retry_after_max: retry.retry_after_max.map_or(Span::from_secs(30), |at| at.value),
    })
}

pub(super) fn task_guard(file: &ScenarioFile) -> TaskGuardPlan {
    let tasks = file.guard.tasks.as_ref();
    let tiers = |tiers: &[At<Tier>]| TierSet::of(tiers.iter().map(|at| at.value));
    let budget = |budget: &Budget| BudgetPlan {
        per_task: budget.per_task.map(|at| at.value),
        per_minute: budget.per_minute.map(|at| at.value),
        spare: tiers(&budget.spare),
        per_tier: std::array::from_fn(|tier| budget.per_tier.get(Tier::ALL[tier].word()).map(|at| at.value)),
    };
    let minute = Span::from_secs(60);
    let limit = |at: Option<&At<u64>>| at.map_or(u32::MAX, |at| u32::try_from(at.value).unwrap_or(u32::MAX));
    TaskGuardPlan {
        stops_at_deadline: tasks.and_then(|tasks| tasks.deadline).is_some_and(|at| at.value),
        shed: tasks
            .and_then(|tasks| tasks.shed.as_ref())
            .map(|shed| ShedPlan { in_flight_above: shed.in_flight_above.value, tiers: tiers(&shed.tiers) }),
        budget: tasks.and_then(|tasks| tasks.budget.as_ref()).map(budget),
        steps_max: tasks.and_then(|tasks| tasks.steps_max).map_or(100_000, |at| at.value as u32),
        loop_limit: limit(tasks.and_then(|tasks| tasks.loop_limit.as_ref())),
        hop_limit: limit(tasks.and_then(|tasks| tasks.hop_limit.as_ref())),
        watchdog: tasks.and_then(|tasks| tasks.watchdog).map(|at| at.value),
        context_reset: tasks
            .and_then(|tasks| tasks.context_reset.as_ref())
            .map(|screen| self::screen(ScreenName::Sanitizer, screen)),
        compaction: tasks
            .and_then(|tasks| tasks.compaction.as_ref())
            .map(|compaction| (compaction.above.value, compaction.to.value)),
        velocity: tasks.and_then(|tasks| tasks.velocity.as_ref()).map(|velocity| VelocityPlan {
            above: velocity.above.value,
            over: velocity.over.map_or(minute, |at| at.value),
            pause: velocity.pause.map_or(minute, |at| at.value),
            spare: tiers(&velocity.spare),
        }),
        compress: tasks.and_then(|tasks| tasks.compress.as_ref()).map(|compress| CompressPlan {
            tiers: TierSet::of_list(&compress.tiers),
            above: compress.above.value,
            to: compress.to.value,
        }),
        is_sabotaged: false,
    }
}
