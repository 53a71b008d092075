//! The system under drill: traffic, mocks, guardrails, faults.

use crate::base::dist::GammaShape;
use crate::base::{Dist, Key, Money, Span};
use crate::plan::TIERS;
use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::load::{Arrivals, Tier};
use crate::scenario::file::mocks::{Mock, OnAbandon, OnOverflow};
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
    /// The tokens of context that it takes.
    pub context_max: u32,
    /// Whether it cuts more of them silently; otherwise it refuses them.
    pub truncates: bool,
    /// What it holds for agents.
    pub store: StorePlan,
}

/// What a mock holds for agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorePlan {
    /// Nothing.
    None,
    /// So many entries, to recall and to remember.
    Memory(u32),
    /// So many versioned objects, to read and to update.
    State(u32),
}

impl MockPlan {
    /// Whether its calls cost anything.
    pub fn is_priced(&self) -> bool {
        self.price_per_call > Money::ZERO || self.prices.iter().any(|price| *price > Money::ZERO)
    }
}

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
            context_max: mock.context_max.map_or(u32::MAX, |at| at.value as u32),
            truncates: mock.on_overflow.is_some_and(|at| at.value == OnOverflow::Truncate),
            store: match (&mock.entries, &mock.objects) {
                (Some(entries), _) => StorePlan::Memory(entries.value as u32),
                (None, Some(objects)) => StorePlan::State(objects.value as u32),
                (None, None) => StorePlan::None,
            },
        }
    };
    scenario.mocks.iter().map(each).collect()
}

/// Returns the number of a mock that is known to be there.
pub(super) fn mock_index(scenario: &Scenario, name: &str) -> u8 {
    let found = scenario.mocks.keys().position(|key| key == name);
    found.expect("checked: the mock is there") as u8
}
