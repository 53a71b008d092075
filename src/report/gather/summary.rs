//! What runs say together.

use super::{digits, millis};
use crate::base::stats::quantile_sorted;
use crate::grade::{Scorecard, TargetResult, Unit};
use crate::report::result::{
    AlertSummary, ControlSummary, HarmResult, HarmSummary, MomentSummary, RunResult, SpendSummary,
    StepSummary, TargetSummary, TimesResult,
};
use crate::scenario::Scenario;
use crate::scenario::file::alerts::Alert;
use crate::scenario::source::{At, Place};
use crate::scenario::without::{Switch, switches};

/// Returns a quantile of values of which some never came: those stand at the far end.
fn quantile(values: impl Iterator<Item = Option<f64>>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    quantile_sorted(&values, share).filter(|value| value.is_finite())
}

/// Summarises every target over the runs; runs in which it never happened stand at the far end.
pub(super) fn targets(scenario: &Scenario, cards: &[&Scorecard]) -> Vec<TargetSummary> {
    let Some(first) = cards.first() else { return Vec::new() };
    let each = |(index, target): (usize, &TargetResult)| {
        let of = |card: &Scorecard| card.targets[index].clone();
        let round = |value: f64| if target.unit == Unit::Share { digits(value) } else { millis(value) };
        let values: Vec<Option<f64>> = cards.iter().map(|card| of(card).measured.map(round)).collect();
        TargetSummary {
            name: target.name.clone(),
            unit: match target.unit {
                Unit::Seconds => "s".into(),
                Unit::Share => "share".into(),
                Unit::Count => "count".into(),
            },
            limit: target.limit,
            line: line(scenario, &target.name),
            p50: quantile(values.iter().copied(), 0.5),
            p95: quantile(values.iter().copied(), 0.95),
            met_runs: cards.iter().filter(|card| card.targets[index].is_met).count() as u64,
            missed_seed: cards.iter().find(|card| !card.targets[index].is_met).map(|card| card.seed),
            values,
        }
    };
    first.targets.iter().enumerate().map(each).collect()
}

fn of<T>(at: Option<&At<T>>) -> Option<Place> {
    Some(at?.place)
}

/// Returns the line at which a target is stated.
fn line(scenario: &Scenario, name: &str) -> Option<usize> {
    let targets = scenario.file.targets.as_ref()?;
    let place = match name.split_once('.') {
        Some(("lost", tier)) => of(targets.lost.get(tier)),
        _ => match name {
            "detect" => of(targets.detect.as_ref()),
            "acknowledge" => of(targets.acknowledge.as_ref()),
            "contain" => targets.contain.as_ref().map(|short| short.0.within.place),
            "recover" => targets.recover.as_ref().map(|short| short.0.within.place),
            "budget_spent" => of(targets.budget_spent.as_ref()),
            "cost_above" => of(targets.cost_above.as_ref()),
            "unsafe_acts" => of(targets.unsafe_acts.as_ref()),
            "duplicate_acts" => of(targets.duplicate_acts.as_ref()),
            "process_missed" => of(targets.process_missed.as_ref()),
            "diagnosed" => of(targets.diagnosed.as_ref()),
            _ => None,
        },
    };
    place.filter(|place| *place != Place::NOWHERE).map(|place| scenario.line(place))
}

type OfTimes = fn(&TimesResult) -> Option<f64>;

/// Summarises when things happened.
pub(super) fn moments(runs: &[&RunResult]) -> Vec<MomentSummary> {
    let of: [(&'static str, OfTimes); 5] = [
        ("onset", |times| times.onset),
        ("detect", |times| times.detect),
        ("acknowledge", |times| times.acknowledge),
        ("contain", |times| times.contain),
        ("recover", |times| times.recover),
    ];
    let each = |(name, of): (&'static str, OfTimes)| {
        let values = || runs.iter().copied().map(|run| of(&run.times_s));
        MomentSummary {
            name: name.into(),
            p50_s: quantile(values(), 0.5),
            p95_s: quantile(values(), 0.95),
            runs: values().flatten().count() as u64,
        }
    };
    of.into_iter().map(each).collect()
}

/// Summarises harm by tier.
pub(super) fn harm(runs: &[&RunResult]) -> Vec<HarmSummary> {
    let Some(first) = runs.first() else { return Vec::new() };
    let each = |tier: &HarmResult| {
        let of = |share: f64, of: fn(&HarmResult) -> i64| {
            let harms =
                runs.iter().copied().filter_map(|run| run.harm.iter().find(|harm| harm.tier == tier.tier));
            let mut values: Vec<i64> = harms.map(of).collect();
            values.sort_unstable();
            quantile_sorted(&values, share).unwrap_or(0)
        };
        let count = |share: f64, of_run: fn(&HarmResult) -> i64| of(share, of_run).max(0) as u64;
        HarmSummary {
            tier: tier.tier.clone(),
            arrived: count(0.5, |harm| harm.arrived as i64),
            lost: count(0.5, |harm| harm.lost as i64),
            lost_p95: count(0.95, |harm| harm.lost as i64),
            failed: of(0.5, |harm| harm.failed),
            late: of(0.5, |harm| harm.late),
            wrong: of(0.5, |harm| harm.wrong),
            shed: of(0.5, |harm| harm.shed),
            r#unsafe: of(0.5, |harm| harm.r#unsafe),
        }
    };
    first.harm.iter().map(each).collect()
}

/// Summarises what was spent; nothing without a run.
pub(super) fn spend(runs: &[&RunResult]) -> Option<SpendSummary> {
    let spent = |share: f64| quantile(runs.iter().copied().map(|run| Some(run.spend.usd)), share);
    Some(SpendSummary {
        usd: spent(0.5)?,
        usd_p95: spent(0.95)?,
        twin_usd: quantile(runs.iter().copied().map(|run| Some(run.spend.twin_usd)), 0.5)?,
    })
}

/// Summarises every guardrail, those that never acted too.
pub(super) fn controls(scenario: &Scenario, runs: &[&RunResult]) -> Vec<ControlSummary> {
    let is_guard = |switch: &Switch| matches!(switch, Switch::Call(..) | Switch::Task(_));
    let each = |switch: &Switch| {
        let name = switch.name();
        let acts = || runs.iter().copied().map(|run| run.controls.iter().find(|act| act.name == name));
        let times = acts().map(|act| Some(act.map_or(0.0, |act| act.times as f64)));
        ControlSummary {
            runs: acts().flatten().filter(|act| act.times > 0).count() as u64,
            times: quantile(times, 0.5).unwrap_or(0.0) as u64,
            after_onset_s: quantile(
                acts().flatten().filter(|act| act.after_onset_s.is_some()).map(|act| act.after_onset_s),
                0.5,
            ),
            twin_runs: acts().flatten().filter(|act| act.twin_times > 0).count() as u64,
            name,
        }
    };
    switches(&scenario.file).iter().filter(|switch| is_guard(switch)).map(each).collect()
}

/// Summarises every alert, those that never fired too.
pub(super) fn alerts(scenario: &Scenario, runs: &[&RunResult]) -> Vec<AlertSummary> {
    let each = |(name, at): (&String, &At<Alert>)| {
        // When it first fired since onset, in each run.
        let after = |run: &RunResult| {
            let onset = run.times_s.onset?;
            let fired = run.alerts.iter().filter(|alert| alert.name == *name).map(|alert| alert.fired_s);
            fired.map(|at| millis(at - onset)).find(|since| *since >= 0.0)
        };
        let is_early = |run: &&RunResult| {
            let mut of = run.alerts.iter().filter(|alert| alert.name == *name);
            of.any(|alert| run.times_s.onset.is_none_or(|onset| alert.fired_s < onset))
        };
        let fired = runs.iter().copied().filter_map(after);
        AlertSummary {
            name: name.clone(),
            severity: at.value.severity.value.word().into(),
            runbook: at.value.runbook.value.0.clone(),
            when: when(scenario.written(at.place, None), at.value.when.tag()),
            line: scenario.line(at.place),
            runs: fired.clone().count() as u64,
            after_onset_s: quantile(fired.map(Some), 0.5),
            early_runs: runs.iter().copied().filter(is_early).count() as u64,
            twin_runs: runs.iter().copied().filter(|run| run.twin_alerts.contains(name)).count() as u64,
        }
    };
    scenario.file.alert.0.iter().map(each).collect()
}

/// Returns an alert's condition as it is written on a line of its table, or else the name of its kind alone.
fn when(written: &str, kind: &str) -> String {
    let own = written
        .lines()
        .enumerate()
        .take_while(|(index, line)| *index == 0 || !line.trim_start().starts_with('['));
    let line = own.map(|(_, line)| line.trim_start()).find_map(|line| line.strip_prefix("when"));
    let said = line.unwrap_or_default().trim_start_matches([' ', '=', '.']).trim();
    if said.contains(kind) { said.to_owned() } else { kind.to_owned() }
}

/// Summarises every step of every runbook.
pub(super) fn steps(scenario: &Scenario, runs: &[&RunResult]) -> Vec<StepSummary> {
    let each = |(runbook, step, owner): (&String, &String, &String)| {
        let opened =
            || runs.iter().copied().filter(|run| run.incidents.iter().any(|of| of.runbook == *runbook));
        let of = |run: &RunResult| {
            let is_it = |name: &str, id: &str| name == runbook && id == step;
            let of = run.runbook.iter().filter(|of| is_it(&of.runbook, &of.step)).cloned();
            of.collect::<Vec<_>>()
        };
        let skipped = |run: &RunResult, forgotten: bool| {
            let is_it = |of: &crate::report::result::SkippedResult| {
                of.runbook == *runbook && of.step == *step && of.forgotten == forgotten
            };
            run.skipped.iter().any(is_it)
        };
        let count = |is: &dyn Fn(&RunResult) -> bool| opened().filter(|run| is(run)).count() as u64;
        let done_after = |run: &RunResult| {
            let begun = run.incidents.iter().find(|of| of.runbook == *runbook)?.opened_s;
            of(run).iter().find_map(|step| Some(millis(step.done_s? - begun)))
        };
        StepSummary {
            runbook: runbook.clone(),
            step: step.clone(),
            owner: owner.clone(),
            opened_runs: opened().count() as u64,
            done_runs: count(&|run| of(run).iter().any(|step| step.done_s.is_some())),
            late_runs: count(&|run| of(run).iter().any(|step| step.done_s.is_some() && step.late)),
            forgotten_runs: count(&|run| skipped(run, true)),
            unneeded_runs: count(&|run| skipped(run, false)),
            unobserved_runs: count(&|run| of(run).iter().any(|step| step.observed == Some(false))),
            done_s: quantile(opened().filter_map(done_after).map(Some), 0.5),
        }
    };
    let books = scenario.file.runbook.iter();
    let steps = books.flat_map(|(name, book)| book.steps.iter().map(move |step| (name, step)));
    steps.map(|(name, step)| each((name, &step.id.value.0, &step.owner.value.0))).collect()
}
