//! From records to verdicts: a run beside its twin becomes a scorecard, many scorecards a judgement.
//!
//! Pure functions; nothing here knows which clock made the record.

pub mod harm;
pub mod judge;
pub mod process;
pub mod reference;
pub mod targets;
pub mod times;
pub mod verdict;

pub use harm::{Harm, TierHarm};
pub use judge::{Judgement, Stopping, judge};
pub use process::Process;
pub use targets::{TargetResult, Unit, say};
pub use times::Times;
pub use verdict::{RunVerdict, Verdict};

use crate::plan::Plan;
use crate::record::{Baseline, Event, Record};

/// The grade of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorecard {
    /// The seed.
    pub seed: u64,
    /// What the run showed.
    pub verdict: RunVerdict,
    /// Why, with the numbers that decided it.
    pub because: Vec<String>,
    /// When things happened.
    pub times: Times,
    /// What the fault cost, against the twin.
    pub harm: Harm,
    /// How the runbooks were done.
    pub process: Process,
    /// Every graded target.
    pub targets: Vec<TargetResult>,
}

/// Grades a run beside its twin: the same plan and seed without a fault.
pub fn grade(plan: &Plan, run: &Record, twin: &Record) -> Scorecard {
    let times = times::times(plan, run, twin);
    let harm = harm::harm(plan, run, twin);
    let process = process::process(plan, run);
    let targets = targets::targets(plan, (run, twin), (&times, &harm, &process));
    let (verdict, because) = verdict(plan, (run, twin), &targets);
    Scorecard { seed: run.seed, verdict, because, times, harm, process, targets }
}

/// Returns why a record does not begin in a steady state, if it does not.
fn unsteady(record: &Record) -> Option<Vec<String>> {
    match &record.baseline {
        Baseline::Held => None,
        Baseline::Broken(reasons) => Some(reasons.clone()),
        Baseline::Unmeasured(slo) => {
            Some(vec![format!("no task of objective `{slo}` ended in the baseline")])
        }
        Baseline::Unjudged => Some(vec!["the baseline was never judged".into()]),
    }
}

fn verdict(
    plan: &Plan,
    (run, twin): (&Record, &Record),
    targets: &[TargetResult],
) -> (RunVerdict, Vec<String>) {
    if let Some(reasons) = unsteady(run) {
        return (RunVerdict::Invalid, reasons);
    }
    // A twin has the run's own baseline; an arm that was held beside it has one that may not hold.
    if let Some(reasons) = unsteady(twin) {
        return (RunVerdict::Invalid, vec![format!("in the arm without faults {}", reasons.join("; "))]);
    }
    for (name, record) in [("run", run), ("twin", twin)] {
        let limits = [Event::EventsLimit, Event::CallsLimit];
        let is_overfull = record.journal.is_overfull || record.provenance.is_overfull;
        if is_overfull || record.journal.count(|event| limits.contains(&event)) > 0 {
            return (RunVerdict::Invalid, vec![format!("the {name} reached a limit of what a run can hold")]);
        }
    }
    if plan.faults.is_empty() {
        return (RunVerdict::NotExposed, vec!["no fault was injected, so nothing was proved".into()]);
    }
    let unmet = plan.faults.iter().zip(&run.witnesses).filter(|(_, witness)| witness.first.is_none());
    let unmet: Vec<String> = unmet
        .map(|(fault, witness)| format!("no call met fault `{}` ({} passed by)", fault.id, witness.exposed))
        .collect();
    if !unmet.is_empty() {
        return (RunVerdict::NotExposed, unmet);
    }
    let missed: Vec<String> = targets.iter().filter(|target| !target.is_met).map(TargetResult::why).collect();
    if missed.is_empty() {
        let measured: Vec<String> = targets.iter().map(TargetResult::why).collect();
        let reason = format!("all {} targets were met: {}", targets.len(), measured.join("; "));
        return (RunVerdict::Pass, vec![reason]);
    }
    (RunVerdict::Fail, missed)
}
