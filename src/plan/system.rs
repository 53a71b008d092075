//! The system under drill: traffic, mocks, guardrails, faults.

use crate::base::dist::GammaShape;
use crate::base::{Dist, Key, Money, Ratio, Span};
use crate::plan::{Lanes, TIERS, TierSet, TimerKind};
use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::guards::{Budget, CallGuard};
use crate::scenario::file::load::{Arrivals, Tier};
use crate::scenario::file::mocks::{Mock, OnAbandon};
use crate::scenario::source::At;

/// How the gaps between arrivals are drawn, at unit rate.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrivalKind {
    /// Always one.
    Constant,
    /// From this distribution of mean one.
    Drawn(Dist),
}

/// A stretch of time over which the arrival rate changes linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrafficSegment {
    /// Its beginning, in seconds.
    pub from: f64,
    /// Its end, in seconds.
    pub to: f64,
    /// The rate at its beginning, per second.
    pub rate: f64,
    /// The change of the rate, per second per second.
    pub slope: f64,
}

/// How tasks arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficPlan {
    /// The gaps.
    pub kind: ArrivalKind,
    /// The rate over time, without holes.
    pub segments: Vec<TrafficSegment>,
    /// The cumulative shares of the tiers.
    pub tiers: [f64; TIERS],
    /// How many tenants there are.
    pub tenants: u64,
    /// How many tasks may be in flight.
    pub in_flight_max: usize,
}

/// A mock's parameters.
#[derive(Debug, Clone)]
pub struct MockPlan {
    /// Its name.
    pub name: String,
    /// Its stream.
    pub key: Key,
    /// Service time (tools) or time to first token (models), in nanoseconds.
    pub service: Dist,
    /// Time for each output token; nothing for tools.
    pub per_token: Option<Span>,
    /// Slots; `u32::MAX` is without limit.
    pub slots: u32,
    /// Places in the queue.
    pub queue: u32,
    /// Whether it stops working for a caller that has gone.
    pub stops_when_abandoned: bool,
    /// The chance of an error of its own.
    pub error_rate: f64,
    /// The chance of a right answer.
    pub right: f64,
    /// Requests and tokens admitted in a minute.
    pub quotas: [Option<u64>; 2],
    /// Price of a million tokens in, out, and cached.
    pub prices: [Money; 3],
    /// Price of a call.
    pub price_per_call: Money,
    /// Whether effects need a permission, and which agents hold it.
    pub permitted: Option<Vec<bool>>,
    /// Whether effects without permission are refused.
    pub enforces: bool,
}

impl MockPlan {
    /// Whether its calls cost anything.
    pub fn is_priced(&self) -> bool {
        self.price_per_call > Money::ZERO || self.prices.iter().any(|price| *price > Money::ZERO)
    }
}

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

/// A check of every reply's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputPlan {
    /// The chance that a malformed reply is caught.
    pub catches: f64,
    /// The chance that a good one is refused.
    pub false_positives: f64,
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
    /// A check of every reply's form.
    pub output: Option<OutputPlan>,
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
    /// Whether every task is refused once a fault has been met: the saboteur.
    pub is_sabotaged: bool,
}

/// How long a call waits where no timeout is stated: the read timeout that SDKs come with.
const SDK_TIMEOUT: Span = Span::from_secs(600);

pub(super) fn traffic(file: &ScenarioFile) -> TrafficPlan {
    let load = &file.load;
    let (kind, rate) = match &load.arrivals {
        Arrivals::Constant(rate) => (ArrivalKind::Constant, rate.value.0),
        Arrivals::Poisson(rate) => (ArrivalKind::Drawn(Dist::Exponential { mean: 1.0 }), rate.value.0),
        Arrivals::Gamma(gamma) => {
            let shape = 1.0 / (gamma.variation.value.real() * gamma.variation.value.real());
            let drawn = GammaShape::new(shape, 1.0 / shape).expect("the variation has been checked");
            (ArrivalKind::Drawn(Dist::Gamma(drawn)), gamma.rate.value.0)
        }
    };
    let mut sum = 0.0;
    let tiers = std::array::from_fn(|tier| {
        sum += load.tiers.get(Tier::ALL[tier].word()).map_or(0.0, |share| share.value.real());
        sum
    });
    TrafficPlan {
        kind,
        segments: segments(file, rate),
        tiers,
        tenants: load.tenants.map_or(1, |at| at.value),
        in_flight_max: load.in_flight_max.map_or(100_000, |at| at.value) as usize,
    }
}

/// Returns the rate as straight pieces; a daily swing is cut into pieces of ten minutes.
fn segments(file: &ScenarioFile, first: f64) -> Vec<TrafficSegment> {
    let end = file.duration.value.seconds();
    let mut corners = vec![(0.0, first)];
    let mut rate = first;
    for phase in &file.load.phase {
        let at = phase.at.value.seconds();
        corners.push((at, rate));
        rate = phase.rate.value.0;
        corners.push((at + phase.ramp.map_or(0.0, |ramp| ramp.value.seconds()), rate));
    }
    corners.push((end.max(corners.last().map_or(0.0, |corner| corner.0)), rate));
    let mut cuts: Vec<f64> = corners.iter().map(|corner| corner.0).collect();
    if file.load.diurnal.is_some() {
        cuts.extend((0..).map(|n| f64::from(n) * 600.0).take_while(|at| *at < end));
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
    }
    let starts_at = file.starts_at.map_or(600.0, |at| f64::from(at.value.0));
    let daily = |at: f64| {
        file.load.diurnal.as_ref().map_or(1.0, |diurnal| {
            let turn = (starts_at * 60.0 + at - f64::from(diurnal.peak.value.0) * 60.0) / 86_400.0;
            1.0 + diurnal.swing.value.real() * libm::cos(turn * std::f64::consts::TAU)
        })
    };
    let mut segments = Vec::new();
    for pair in corners.windows(2) {
        let ((start, low), (stop, high)) = (pair[0], pair[1]);
        if stop <= start {
            continue;
        }
        let slope = (high - low) / (stop - start);
        let mut inner: Vec<f64> = cuts.iter().copied().filter(|at| start < *at && *at < stop).collect();
        inner.push(stop);
        let mut from = start;
        for to in inner {
            let rate_from = (low + slope * (from - start)) * daily(from);
            let rate_to = (low + slope * (to - start)) * daily(to);
            segments.push(TrafficSegment {
                from,
                to,
                rate: rate_from,
                slope: (rate_to - rate_from) / (to - from),
            });
            from = to;
        }
    }
    segments
}

pub(super) fn mocks(scenario: &Scenario) -> Vec<MockPlan> {
    let each = |(name, mock): (&String, &Mock)| {
        let quota = |of: Option<&At<crate::scenario::units::Rate>>| of.map(|at| at.value.per_minute());
        let price = mock.price.as_ref();
        let input = price.map_or(Money::ZERO, |price| price.r#in.value);
        let holds = |permission: &At<crate::scenario::units::Name>| {
            let agents = scenario.file.agents.0.values();
            agents.map(|at| at.value.permissions.iter().any(|held| held.value == permission.value)).collect()
        };
        let service =
            mock.service.as_ref().or(mock.first_token.as_ref()).expect("checked: it has a service time");
        MockPlan {
            name: name.clone(),
            key: Key::of_name(&format!("mock {name}")),
            service: service.value.0.clone(),
            per_token: mock.per_token.map(|at| at.value),
            slots: mock.concurrency.map_or(u32::MAX, |at| at.value as u32),
            queue: mock.queue.map_or(10_000, |at| at.value as u32),
            stops_when_abandoned: mock.on_abandon.is_some_and(|at| at.value == OnAbandon::Stop),
            error_rate: mock.error_rate.map_or(0.0, |at| at.value.real()),
            right: mock.right.map_or(1.0, |at| at.value.real()),
            quotas: [
                quota(mock.quota.as_ref().and_then(|quota| quota.requests.as_ref())),
                quota(mock.quota.as_ref().and_then(|quota| quota.tokens.as_ref())),
            ],
            prices: [
                input,
                price.map_or(Money::ZERO, |price| price.out.value),
                price.and_then(|price| price.cached).map_or(input, |at| at.value),
            ],
            price_per_call: mock.price_per_call.map_or(Money::ZERO, |at| at.value),
            permitted: mock.permission.as_ref().map(holds),
            enforces: mock.enforces_permission.is_none_or(|at| at.value),
        }
    };
    scenario.mocks.iter().map(each).collect()
}

/// Returns the number of a mock that is known to be there.
pub(super) fn mock_index(scenario: &Scenario, name: &str) -> u8 {
    let found = scenario.mocks.keys().position(|key| key == name);
    found.expect("checked: the mock is there") as u8
}

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
            output: guard.and_then(|guard| guard.output.as_ref()).map(|output| OutputPlan {
                catches: output.catches.value.real(),
                false_positives: output.false_positives.map_or(0.0, |at| at.value.real()),
            }),
        }
    };
    scenario.mocks.keys().map(&mut each).collect()
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
    };
    TaskGuardPlan {
        stops_at_deadline: tasks.and_then(|tasks| tasks.deadline).is_some_and(|at| at.value),
        shed: tasks
            .and_then(|tasks| tasks.shed.as_ref())
            .map(|shed| ShedPlan { in_flight_above: shed.in_flight_above.value, tiers: tiers(&shed.tiers) }),
        budget: tasks.and_then(|tasks| tasks.budget.as_ref()).map(budget),
        steps_max: tasks.and_then(|tasks| tasks.steps_max).map_or(100_000, |at| at.value as u32),
        is_sabotaged: false,
    }
}
