//! What leaves a run: a journal of notable happenings, series over time, and ledgers.
//!
//! Its size depends on the scenario, not on how long the drill lasts or how many calls are made.

mod acts;
mod journal;
mod ledger;
mod provenance;
mod saved;
mod series;
mod timed;
mod trace;

use hdrhistogram::Histogram;

pub use acts::{Act, Acts};
pub use journal::{Entry, Event, Journal, RollbackReason};
pub use ledger::{EffectTotals, MockTotals, Spend, Witness};
pub use provenance::{Provenance, Spread, TaintedAct, Via};
pub use saved::{Checkpoint, Restored, Saver};
pub use series::{Outcome, Series, TierCounts};
pub use timed::Timed;
pub use trace::{Done, Ending, Node, Step, Trace};

use crate::base::Span;
use crate::plan::{Plan, TIERS};

/// The longest task latency that the histograms tell apart, in microseconds.
const LATENCY_MICROS_MAX: u64 = 14 * 86_400 * 1_000_000;

/// Everything that a run leaves behind.
#[derive(Debug, Clone)]
pub struct Record {
    /// The seed.
    pub seed: u64,
    /// What happened, in order.
    pub journal: Journal,
    /// Counts over time.
    pub series: Series,
    /// Counts by tier over the whole run.
    pub tiers: [TierCounts; TIERS],
    /// By tier, the latency of tasks from arrival to outcome, in microseconds.
    pub latencies: [Histogram<u64>; TIERS],
    /// What each mock did.
    pub mocks: Vec<MockTotals>,
    /// What each mock did to the world.
    pub effects: Vec<EffectTotals>,
    /// What each guardrail did.
    pub acts: Acts,
    /// What was spent.
    pub spend: Spend,
    /// By evaluation, bad judgements and all of them.
    pub judged: Vec<(u64, u64)>,
    /// Where contamination came from, and how far it got.
    pub provenance: Provenance,
    /// By fault, the proof that it took effect.
    pub witnesses: Vec<Witness>,
    /// Tasks without an outcome at the end.
    pub in_flight: u64,
    /// By objective, bad tasks and all tasks over the last window, in which service must be steady again.
    pub last_window: Vec<(u64, u64)>,
    /// What the controls had left in place at the end, in words.
    pub left_behind: Vec<String>,
    /// Whether the baseline held.
    pub baseline: Baseline,
    /// Events handled.
    pub events: u64,
    /// How long tasks took over time, if that was asked for.
    pub timed: Option<Box<Timed>>,
    /// Every step of every task, if that was asked for.
    pub trace: Option<Box<Trace>>,
}

/// Whether steady state held before any fault.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Baseline {
    /// Every objective was met and no alert fired.
    Held,
    /// It did not hold, for these reasons; nothing was injected.
    Broken(Vec<String>),
    /// An objective had no task to judge.
    Unmeasured(String),
    /// The drill ended before the baseline did.
    Unjudged,
}

impl Record {
    /// Returns an empty record for a plan.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let histogram = || {
            Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 2)
                .expect("the bounds suit a histogram of 2 digits")
        };
        Self {
            seed,
            journal: Journal::default(),
            series: Series::new(plan),
            tiers: Default::default(),
            latencies: std::array::from_fn(|_| histogram()),
            mocks: vec![MockTotals::default(); plan.mocks.len()],
            effects: vec![EffectTotals::default(); plan.mocks.len()],
            acts: Acts::new(plan),
            spend: Spend::new(plan.mocks.len()),
            judged: vec![(0, 0); plan.evaluations.len()],
            provenance: Provenance::default(),
            witnesses: vec![Witness::default(); plan.faults.len()],
            in_flight: 0,
            last_window: Vec::new(),
            left_behind: Vec::new(),
            baseline: Baseline::Unjudged,
            events: 0,
            timed: None,
            trace: None,
        }
    }

    /// Counts a task's latency.
    pub fn latency(&mut self, tier: usize, taken: Span) {
        self.latencies[tier].saturating_record(taken.0 / 1_000);
    }

    /// Checks that nothing was lost or made up: tasks, money and effects all add up.
    pub fn assert_conserved(&self) {
        let arrived: u64 = self.tiers.iter().map(|tier| tier.arrived).sum();
        let ended: u64 = self.tiers.iter().map(TierCounts::ended).sum();
        assert_eq!(arrived, ended + self.in_flight, "tasks arrived are tasks ended or in flight");
        let by_mock: u128 = self.spend.by_mock.iter().sum();
        let by_tier: u128 = self.spend.by_tier.iter().sum::<u128>() + self.spend.probes;
        let over_time: u128 = self.series.spend.iter().sum();
        assert_eq!(by_mock, by_tier, "dollars by mock are dollars by tier and probes");
        assert_eq!(
            by_mock + self.spend.judging,
            over_time,
            "dollars over time are dollars by mock and for judging"
        );
        let in_buckets: u64 = self.series.total(TierCounts::ended);
        assert_eq!(ended, in_buckets, "outcomes over time are outcomes by tier");
        self.provenance.assert_conserved();
        let contaminated: u64 = self.effects.iter().map(|effects| effects.contaminated).sum();
        let acts = self.provenance.acts().len() as u64;
        assert!(
            self.provenance.is_overfull || contaminated == acts,
            "every contaminated effect has an entry that leads to its source"
        );
        for effects in &self.effects {
            assert_eq!(
                effects.executed,
                effects.first + effects.duplicate,
                "an effect is a first or a repetition"
            );
        }
    }
}
