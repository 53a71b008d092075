//! Targets: what was measured beside its limit.

use crate::base::{Ratio, Span, Time};
use crate::grade::harm::Harm;
use crate::grade::process::Process;
use crate::grade::times::Times;
use crate::plan::{Plan, TIERS};
use crate::record::{Event, Record, TierCounts};
use crate::scenario::file::load::Tier;

/// What a target is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since onset.
    Seconds,
    /// A share.
    Share,
    /// A count.
    Count,
}

/// A target of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetResult {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// The highest value that meets it.
    pub limit: f64,
    /// What was measured; absent if it never happened.
    pub measured: Option<f64>,
    /// Whether it was met.
    pub is_met: bool,
    /// What else there is to say, such as what was left behind.
    pub details: Vec<String>,
}

impl TargetResult {
    fn new(name: impl Into<String>, unit: Unit, limit: f64, measured: Option<f64>) -> Self {
        // What is absent never meets a target.
        let is_met = measured.is_some_and(|measured| measured <= limit);
        Self { name: name.into(), unit, limit, measured, is_met, details: Vec::new() }
    }

    /// Says in one clause how the target was missed.
    pub fn why(&self) -> String {
        let say = |value: f64| say(self.unit, value);
        let mut text = match self.measured {
            None => format!("{}: never, limit {}", self.name, say(self.limit)),
            Some(measured) => format!("{}: {}, limit {}", self.name, say(measured), say(self.limit)),
        };
        if !self.details.is_empty() {
            text.push_str(": ");
            text.push_str(&self.details.join("; "));
        }
        text
    }
}

/// Writes a measured value with its unit.
pub fn say(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => Span::from_secs_f64(value).to_string(),
        // A small one would round to nothing.
        Unit::Share if value != 0.0 && value.abs() < 0.000_5 => format!("{:.4}%", value * 100.0),
        Unit::Share => format!("{:.2}%", value * 100.0),
        Unit::Count => format!("{value:.0}"),
    }
}

/// Measures every stated target, and the aftermath.
pub fn targets(
    plan: &Plan,
    (run, twin): (&Record, &Record),
    (times, harm, process): (&Times, &Harm, &Process),
) -> Vec<TargetResult> {
    let stated = &plan.targets;
    let since_onset = |at: Option<Time>| Some(at?.since(times.onset?).seconds());
    let mut results = Vec::new();
    let spans = [
        ("detect", stated.detect, times.detect),
        ("acknowledge", stated.acknowledge, times.acknowledge),
        ("contain", stated.contain, times.contain),
        ("recover", stated.recover, times.recover),
    ];
    for (name, limit, at) in spans {
        if let Some(limit) = limit {
            results.push(TargetResult::new(name, Unit::Seconds, limit.seconds(), since_onset(at)));
        }
    }
    for tier in 0..TIERS {
        if let Some(limit) = stated.lost[tier] {
            let counts = &harm.tiers[tier];
            let share = (counts.arrived > 0).then(|| counts.lost as f64 / counts.arrived as f64);
            let name = format!("lost.{}", Tier::ALL[tier].word());
            results.push(TargetResult::new(name, Unit::Share, limit.real(), share));
        }
    }
    let mut share = |name: &str, limit: Option<Ratio>, measured: Option<f64>| {
        if let Some(limit) = limit {
            results.push(TargetResult::new(name, Unit::Share, limit.real(), measured));
        }
    };
    share("budget_spent", stated.budget_spent, harm.budgets.iter().copied().reduce(f64::max));
    share("cost_above", stated.cost_above, harm.cost_share);
    share("process_missed", stated.process_missed, process.missed());
    let mut count = |name: &str, limit: Option<u64>, measured: i64| {
        if let Some(limit) = limit {
            results.push(TargetResult::new(name, Unit::Count, limit as f64, Some(measured.max(0) as f64)));
        }
    };
    count("unsafe_acts", stated.unsafe_acts, harm.unsafe_acts);
    count("duplicate_acts", stated.duplicate_acts, harm.duplicate_acts);
    if let Some(mock) = stated.diagnosed {
        results.push(diagnosed(plan, run, mock));
    }
    results.push(aftermath(plan, run, twin));
    results
}

/// Whether the last diagnosis named the right mock: 0 if it did, 1 if not; absent without a diagnosis.
fn diagnosed(plan: &Plan, run: &Record, wanted: usize) -> TargetResult {
    let named =
        run.journal.entries().iter().rev().find_map(|entry| {
            if let Event::Diagnosed { mock, .. } = entry.event { Some(mock) } else { None }
        });
    let measured = named.map(|mock| if mock == Some(wanted) { 0.0 } else { 1.0 });
    let result = TargetResult::new("diagnosed", Unit::Count, 0.0, measured);
    let details = match named {
        Some(Some(mock)) if mock != wanted => vec![format!("it named {}", plan.mocks[mock].name)],
        Some(None) => vec!["it named nothing".into()],
        Some(Some(_)) | None => Vec::new(),
    };
    TargetResult { details, ..result }
}

/// The aftermath: steady state again, and nothing left behind.
fn aftermath(plan: &Plan, run: &Record, twin: &Record) -> TargetResult {
    let mut left = run.left_behind.clone();
    for (slo, (bad, all)) in plan.slos.iter().zip(run.last_window.iter().copied()) {
        if all == 0 {
            left.push(format!("no task of `{}` ended at the end", slo.name));
        } else if slo.goal.complement().is_exceeded(bad, all, Ratio::ONE) {
            let share = (all - bad) as f64 / all as f64 * 100.0;
            left.push(format!("`{}` is {share:.2}% at the end, below {}", slo.name, slo.goal));
        }
    }
    let (backlog, usual) = (open(run), open(twin));
    if backlog > 2 * usual + 5 {
        left.push(format!("{backlog} tasks are in flight at the end, {usual} in the twin"));
    }
    for (index, (fault, witness)) in plan.faults.iter().zip(&run.witnesses).enumerate() {
        if witness.decided.is_some_and(|decided| decided >= fault.end) {
            left.push(format!("fault `{}` changed calls after its release", fault.id));
        }
        if witness.first.is_some()
            && run.journal.first(|event| event == Event::FaultReleased(index)).is_none()
        {
            left.push(format!("fault `{}` was never released", fault.id));
        }
    }
    let count = left.len() as f64;
    TargetResult { details: left, ..TargetResult::new("aftermath", Unit::Count, 0.0, Some(count)) }
}

fn open(record: &Record) -> u64 {
    let arrived: u64 = record.tiers.iter().map(|tier| tier.arrived).sum();
    arrived - record.tiers.iter().map(TierCounts::ended).sum::<u64>()
}
