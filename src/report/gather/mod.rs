//! From records and grades to the versioned result.

mod drill;
mod journal;
mod runbooks;
mod shown;
mod summary;
mod system;

pub use drill::{Gathered, Latencies, SABOTEUR};
pub use journal::line as journal_line;
pub use shown::{one as shown_run, shown};
pub use system::system;

use crate::base::{Span, Time};
use crate::grade::{TargetResult, Unit};
use crate::plan::{FaultPlan, MockPlan, Owner, Plan, TIERS};
use crate::record::{Act, EffectTotals, Event, Outcome, Record, RollbackReason, TierCounts, Witness};
use crate::report::result::{
    ActResult, AlertResult, CameResult, ContaminationResult, EffectsResult, HarmResult, JudgedResult,
    NamedValue, RolloutResult, RunResult, RunTarget, SpendResult, TasksResult, TimesResult, WitnessResult,
};
use crate::scenario::file::guards::{CallControl, TaskControl};
use crate::scenario::file::load::Tier;
use crate::study::Trial;

pub(super) fn millis(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Rounds a share to six digits.
pub(super) fn digits(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn moment(at: Time) -> f64 {
    millis(at.seconds())
}

pub(super) fn usd(picodollars: u128) -> f64 {
    ((picodollars + 500_000) / 1_000_000) as f64 / 1e6
}

impl RunResult {
    /// Returns what a trial looks like from outside.
    pub fn of(plan: &Plan, trial: &Trial) -> Self {
        let Trial { run, twin, card } = trial;
        let since = |at: Option<Time>| Some(millis(at?.since(card.times.onset?).seconds()));
        let sum = |record: &Record, of: fn(&TierCounts) -> u64| record.tiers.iter().map(of).sum();
        let done = |record: &Record| sum(record, |tier| tier.of(Outcome::Done));
        let by_mock = run.spend.by_mock.iter().zip(&plan.mocks).filter(|(spent, _)| **spent > 0);
        let budgets = plan.slos.iter().zip(&card.harm.budgets);
        Self {
            seed: card.seed,
            verdict: card.verdict.word().into(),
            because: card.because.clone(),
            targets: card.targets.iter().map(target).collect(),
            times_s: TimesResult {
                onset: card.times.onset.map(moment),
                detect: since(card.times.detect),
                acknowledge: since(card.times.acknowledge),
                contain: since(card.times.contain),
                recover: since(card.times.recover),
            },
            came_s: CameResult {
                onset: card.times.onset.map(moment),
                detect: card.times.came.detect.map(moment),
                acknowledge: card.times.came.acknowledge.map(moment),
                contain: card.times.came.contain.map(moment),
                recover: card.times.came.recover.map(moment),
            },
            harm: (0..TIERS).map(|tier| harm(trial, tier)).filter(|harm| harm.arrived > 0).collect(),
            tasks: TasksResult {
                arrived: sum(run, |tier| tier.arrived),
                done: done(run),
                twin_done: done(twin),
                in_flight: run.in_flight,
            },
            spend: SpendResult {
                usd: usd(run.spend.total()),
                twin_usd: usd(twin.spend.total()),
                by_mock_usd: by_mock
                    .map(|(spent, mock)| NamedValue { name: mock.name.clone(), value: usd(*spent) })
                    .collect(),
            },
            budget_spent: budgets
                .map(|(slo, spent)| NamedValue { name: slo.name.clone(), value: digits(*spent) })
                .collect(),
            effects: effects(plan, run),
            witness: witnesses(plan, run),
            alerts: alerts(plan, run),
            twin_alerts: alerts(plan, twin).into_iter().map(|alert| alert.name).collect(),
            incidents: runbooks::incidents(plan, run),
            runbook: runbooks::steps(plan, run),
            skipped: runbooks::skipped(plan, run),
            process: card.process,
            diagnosed: diagnosed(plan, run),
            rollouts: rollouts(plan, run),
            judged: plan
                .evaluations
                .iter()
                .zip(&run.judged)
                .map(|(of, (bad, all))| JudgedResult { evaluation: of.name.clone(), bad: *bad, all: *all })
                .collect(),
            contamination: contamination(run),
            controls: acts(trial, plan),
            left_behind: run.left_behind.clone(),
            events: run.events,
        }
    }
}

fn target(of: &TargetResult) -> RunTarget {
    let round = |value: f64| if of.unit == Unit::Share { digits(value) } else { millis(value) };
    RunTarget { name: of.name.clone(), value: of.measured.map(round), met: of.is_met }
}

/// Returns what the guardrails did that acted in the run or in its twin.
fn acts(trial: &Trial, plan: &Plan) -> Vec<ActResult> {
    let onset = trial.card.times.onset;
    let act = |name: String, run: Act, twin: Act| {
        let after = run.first_after_onset.and_then(|at| Some(millis(at.since(onset?).seconds())));
        let result = ActResult { name, times: run.count, after_onset_s: after, twin_times: twin.count };
        (run.count + twin.count > 0).then_some(result)
    };
    let of_calls = |mock: usize, control: CallControl| {
        let name = format!("guard.{}.{}", plan.mocks[mock].name, control.word());
        act(name, trial.run.acts.of_calls(mock, control), trial.twin.acts.of_calls(mock, control))
    };
    let of_tasks = |control: TaskControl| {
        let name = format!("guard.tasks.{}", control.word());
        act(name, trial.run.acts.of_tasks(control), trial.twin.acts.of_tasks(control))
    };
    let mocks = 0..plan.mocks.len();
    let calls = mocks.flat_map(|mock| CallControl::ALL.iter().map(move |control| (mock, control)));
    calls
        .filter_map(|(mock, control)| of_calls(mock, *control))
        .chain(TaskControl::ALL.iter().filter_map(|control| of_tasks(*control)))
        .collect()
}

fn contamination(run: &Record) -> Option<ContaminationResult> {
    let spreads = run.provenance.spreads();
    let last = spreads.last()?;
    Some(ContaminationResult {
        sources: spreads.iter().filter(|spread| spread.from.is_none()).count() as u64,
        spread: spreads.len() as u64,
        distance_max: spreads.iter().map(|spread| spread.distance).max().unwrap_or(0),
        acts: run.provenance.acts().len() as u64,
        last_s: moment(last.at),
        lost_updates: run.mocks.iter().map(|mock| mock.lost_updates).sum(),
    })
}

fn harm(trial: &Trial, tier: usize) -> HarmResult {
    let harm = &trial.card.harm.tiers[tier];
    let latency = &trial.run.latencies[tier];
    let quantile = |share: f64| {
        let micros = latency.value_at_quantile(share) * 1_000;
        (!latency.is_empty()).then(|| millis(Span(micros).seconds()))
    };
    HarmResult {
        tier: Tier::ALL[tier].word().into(),
        arrived: harm.arrived,
        lost: harm.lost,
        failed: harm.failed,
        late: harm.late,
        wrong: harm.wrong,
        shed: harm.shed,
        r#unsafe: harm.unsafe_tasks,
        latency_p50_s: quantile(0.5),
        latency_p95_s: quantile(0.95),
    }
}

fn effects(plan: &Plan, run: &Record) -> Vec<EffectsResult> {
    let touched =
        run.effects.iter().zip(&plan.mocks).filter(|(totals, _)| totals.executed + totals.refused > 0);
    let each = |(totals, mock): (&EffectTotals, &MockPlan)| EffectsResult {
        mock: mock.name.clone(),
        executed: totals.executed,
        duplicate: totals.duplicate,
        deduplicated: totals.deduplicated,
        refused: totals.refused,
        wrongly_refused: totals.wrongly_refused,
        r#unsafe: totals.unsafe_acts,
        contaminated: totals.contaminated,
    };
    touched.map(each).collect()
}

fn witnesses(plan: &Plan, run: &Record) -> Vec<WitnessResult> {
    let each = |(witness, fault): (&Witness, &FaultPlan)| WitnessResult {
        fault: fault.id.clone(),
        first_s: witness.first.map(moment),
        last_s: witness.last.map(moment),
        hits: witness.hits,
        exposed: witness.exposed,
    };
    run.witnesses.iter().zip(&plan.faults).map(each).collect()
}

fn alerts(plan: &Plan, run: &Record) -> Vec<AlertResult> {
    let mut alerts: Vec<(usize, AlertResult)> = Vec::new();
    for entry in run.journal.entries() {
        let at = moment(entry.at);
        if let Event::AlertFiring(alert) = entry.event {
            let name = plan.alerts[alert].name.clone();
            alerts.push((alert, AlertResult { name, fired_s: at, notified_s: None, resolved_s: None }));
        } else if let Event::Notified(alert) = entry.event
            && let Some(result) = latest(&mut alerts, alert)
        {
            result.notified_s = result.notified_s.or(Some(at));
        } else if let Event::AlertResolved(alert) = entry.event
            && let Some(result) = latest(&mut alerts, alert)
        {
            result.resolved_s = Some(at);
        }
    }
    alerts.into_iter().map(|(_, result)| result).collect()
}

/// Returns the last time that an alert began to fire.
fn latest(alerts: &mut [(usize, AlertResult)], alert: usize) -> Option<&mut AlertResult> {
    alerts.iter_mut().rev().find(|known| known.0 == alert).map(|known| &mut known.1)
}

/// Returns the name of an owner.
pub fn owner_name(plan: &Plan, owner: Owner) -> String {
    match owner {
        Owner::Auto => "auto".into(),
        Owner::Role(role) => plan.roles[role].name.clone(),
    }
}

fn diagnosed(plan: &Plan, run: &Record) -> Vec<Option<String>> {
    let mut named = Vec::new();
    for entry in run.journal.entries() {
        if let Event::Diagnosed { mock, .. } = entry.event {
            named.push(mock.map(|mock| plan.mocks[mock].name.clone()));
        }
    }
    named
}

fn rollouts(plan: &Plan, run: &Record) -> Vec<RolloutResult> {
    let mut told = Vec::new();
    for entry in run.journal.entries() {
        let Some((rollout, event, detail)) = rollout_event(entry.event) else { continue };
        let name = plan.rollouts[rollout].name.clone();
        told.push(RolloutResult { rollout: name, at_s: moment(entry.at), event: event.into(), detail });
    }
    told
}

/// Returns the rollout that an event is about, its word, and what else it says.
fn rollout_event(event: Event) -> Option<(usize, &'static str, Option<String>)> {
    if let Event::RolloutWeight { rollout, share } = event {
        Some((rollout, "weight", Some(share.to_string())))
    } else if let Event::RollbackBegun { rollout, reason } = event {
        Some((rollout, "rollback-begun", Some(self::reason(reason).to_owned())))
    } else if let Event::RollbackFailed(rollout) = event {
        Some((rollout, "rollback-failed", None))
    } else if let Event::RolledBack(rollout) = event {
        Some((rollout, "rolled-back", None))
    } else if let Event::RolloutInconclusive(rollout) = event {
        Some((rollout, "inconclusive", None))
    } else if let Event::GatePassed(rollout) = event {
        Some((rollout, "gate-passed", None))
    } else if let Event::RolloutDone(rollout) = event {
        Some((rollout, "done", None))
    } else {
        None
    }
}

/// Returns the word for why a rollout is taken back.
fn reason(reason: RollbackReason) -> &'static str {
    match reason {
        RollbackReason::Canary => "canary",
        RollbackReason::StopLoss => "stop-loss",
        RollbackReason::Analysis => "analysis",
        RollbackReason::Runbook => "runbook",
        RollbackReason::Gate => "gate",
    }
}
