//! Harm: the difference between a run and its twin.

use crate::plan::{Plan, TIERS};
use crate::record::{Outcome, Record, TierCounts};

/// Harm to the tasks of one tier, as differences to the twin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TierHarm {
    /// Tasks that arrived in the run.
    pub arrived: u64,
    /// Tasks lost: done in the twin and not in the run, for whatever reason; never below zero.
    pub lost: u64,
    /// More failed.
    pub failed: i64,
    /// More late.
    pub late: i64,
    /// More wrong.
    pub wrong: i64,
    /// More refused at the door.
    pub shed: i64,
    /// More with an unsafe act.
    pub unsafe_tasks: i64,
}

/// What a fault cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Harm {
    /// By tier.
    pub tiers: [TierHarm; TIERS],
    /// More unsafe acts executed.
    pub unsafe_acts: i64,
    /// More effects executed twice.
    pub duplicate_acts: i64,
    /// Spent above the twin, in micro-dollars.
    pub cost_micros: i64,
    /// Spent above the twin, as a share of the twin's; nothing if only the run spent.
    pub cost_share: Option<f64>,
    /// By objective, the share of the period's error budget spent above the twin.
    pub budgets: Vec<f64>,
}

/// Compares a run with its twin.
pub fn harm(plan: &Plan, run: &Record, twin: &Record) -> Harm {
    let effects = |record: &Record| {
        record
            .effects
            .iter()
            .fold((0, 0), |sum, effect| (sum.0 + effect.unsafe_acts, sum.1 + effect.duplicate))
    };
    let ((unsafe_run, twice_run), (unsafe_twin, twice_twin)) = (effects(run), effects(twin));
    let micros = |record: &Record| ((record.spend.total() + 500_000) / 1_000_000) as i64;
    let (spent, twin_spent) = (micros(run), micros(twin));
    let cost_share = match (spent, twin_spent) {
        (0, 0) => Some(0.0),
        (_, 0) => None,
        (run, twin) => Some((run - twin) as f64 / twin as f64),
    };
    Harm {
        tiers: std::array::from_fn(|tier| tier_harm(&run.tiers[tier], &twin.tiers[tier])),
        unsafe_acts: difference(unsafe_run, unsafe_twin),
        duplicate_acts: difference(twice_run, twice_twin),
        cost_micros: spent - twin_spent,
        cost_share,
        budgets: budgets(plan, run, twin),
    }
}

fn difference(run: u64, twin: u64) -> i64 {
    run as i64 - twin as i64
}

/// Returns how many tasks were lost: ended badly, or done in the twin and in the run not even ended.
pub(super) fn lost(run: &TierCounts, twin: &TierCounts) -> u64 {
    let bad = run.bad().saturating_sub(twin.bad());
    bad.max(twin.of(Outcome::Done).saturating_sub(run.of(Outcome::Done)))
}

fn tier_harm(run: &TierCounts, twin: &TierCounts) -> TierHarm {
    let more = |outcome| difference(run.of(outcome), twin.of(outcome));
    TierHarm {
        arrived: run.arrived,
        lost: lost(run, twin),
        failed: more(Outcome::Failed),
        late: more(Outcome::Late),
        wrong: more(Outcome::Wrong),
        shed: more(Outcome::Shed),
        unsafe_tasks: more(Outcome::Unsafe),
    }
}

/// The budget of a period is the share of bad tasks allowed, of the tasks that the twin's traffic
/// would bring in the whole period.
fn budgets(plan: &Plan, run: &Record, twin: &Record) -> Vec<f64> {
    let buckets = run.series.tiers.len();
    let each = |(index, slo): (usize, &crate::plan::SloPlan)| {
        let bad = |record: &Record| {
            let (good, all) = record.series.objective(index, 0, buckets);
            (all - good) as f64
        };
        let (_, tasks) = twin.series.objective(index, 0, buckets);
        let period_tasks = tasks as f64 / plan.end.seconds() * slo.period.seconds();
        let budget = slo.goal.complement().real() * period_tasks;
        let spent = (bad(run) - bad(twin)).max(0.0);
        if budget > 0.0 { spent / budget } else { 0.0 }
    };
    plan.slos.iter().enumerate().map(each).collect()
}
