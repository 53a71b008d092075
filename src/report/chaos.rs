//! A drill as a journal of Chaos Toolkit, as `chaostoolkit-lib` 1.44 writes it.
//!
//! The hypothesis is that the drill passes; the method is that of the run that is shown first. Time is the
//! drill's own, counted from the first of January 2000: virtual time has no date. An activity is a process that
//! shows the run again, so that Chaos Toolkit can make the experiment that the journal describes.

use serde_json::{Value, json};

use crate::report::gather::SABOTEUR;
use crate::report::result::{DrillResult, FaultResult, JournalLine, RunResult, ShownRun, StepResult};
use crate::report::words::happening;

/// Returns the journal of a drill.
pub(super) fn text(drill: &DrillResult) -> String {
    let Some(shown) = drill.shown.first() else {
        return journal(drill, None, &[]);
    };
    let mut happened: Vec<(f64, Value)> = Vec::new();
    for fault in &drill.system.faults {
        happened.push((fault.start_s, injection(drill, shown, fault)));
    }
    for step in &shown.run.runbook {
        happened.push((step.done_s.unwrap_or(drill.system.duration_s), self::step(drill, shown, step)));
    }
    happened.sort_by(|one, other| one.0.total_cmp(&other.0));
    let run: Vec<Value> = happened.into_iter().map(|(_, value)| value).collect();
    journal(drill, Some(shown), &run)
}

fn journal(drill: &DrillResult, shown: Option<&ShownRun>, run: &[Value]) -> String {
    let is_aborted = shown.is_none_or(|shown| shown.run.verdict == "INVALID");
    let is_met = drill.verdict == "PASS";
    let value = json!({
        "chaoslib-version": "1.44.0",
        "platform": format!("stormdrill {} (virtual time)", env!("CARGO_PKG_VERSION")),
        "node": "virtual",
        "experiment": experiment(drill, run),
        "start": date(0.0),
        "status": if is_aborted { "failed" } else { "completed" },
        "deviated": !is_met,
        "steady_states": {
            "before": shown.map(|shown| state(drill, shown, !is_aborted, drill.system.baseline_s)),
            "after": shown.map(|shown| state(drill, shown, is_met, drill.system.duration_s)),
            "during": [],
        },
        "run": if is_aborted { &[] } else { run },
        "rollbacks": [],
        "end": date(drill.system.duration_s),
        "duration": drill.system.duration_s,
    });
    serde_json::to_string_pretty(&value).expect("a journal is JSON") + "\n"
}

fn experiment(drill: &DrillResult, run: &[Value]) -> Value {
    let method: Vec<&Value> = run.iter().map(|of| &of["activity"]).collect();
    json!({
        "version": "1.0.0",
        "title": drill.scenario.title,
        "description": drill.because.join(" "),
        "tags": ["stormdrill", drill.scenario.situation.clone().unwrap_or_else(|| "drill".into())],
        "steady-state-hypothesis": {
            "title": "The drill passes",
            "probes": [probe(drill)],
        },
        "method": method,
        "rollbacks": [],
        "extensions": [{
            "name": "stormdrill",
            "scenario": drill.scenario,
            "seeds": drill.seeds,
            "verdict": drill.verdict,
            "pass_rate": drill.pass_rate,
            "targets": drill.targets,
        }],
    })
}

/// A command about the drill, as a process.
fn process(drill: &DrillResult, verb: &str, more: &[(&str, u64)]) -> Value {
    let mut arguments = vec![verb.to_owned(), drill.scenario.path.clone()];
    arguments.extend(more.iter().flat_map(|(option, value)| [(*option).to_owned(), value.to_string()]));
    for part in &drill.without {
        // A replay has no saboteur.
        match (part.as_str(), verb) {
            (SABOTEUR, "run") => arguments.push("--saboteur".to_owned()),
            (SABOTEUR, _) => {}
            (part, _) => arguments.extend(["--without".to_owned(), part.to_owned()]),
        }
    }
    json!({ "type": "process", "path": "stormdrill", "arguments": arguments })
}

fn probe(drill: &DrillResult) -> Value {
    let provider = process(drill, "run", &[("--seed", drill.seeds.first), ("--seeds", drill.seeds.count)]);
    json!({ "type": "probe", "name": "the drill passes", "tolerance": 0, "provider": provider })
}

fn state(drill: &DrillResult, shown: &ShownRun, is_met: bool, at: f64) -> Value {
    let activity = probe(drill);
    // Before the faults the drill has not passed yet: what was seen is that steady state held.
    let told = match (at < drill.system.duration_s, is_met) {
        (true, true) => "the baseline held".to_owned(),
        _ => shown.run.because.join("; "),
    };
    json!({
        "steady_state_met": is_met,
        "probes": [{
            "activity": activity,
            "output": { "status": i32::from(!is_met), "stdout": told, "stderr": "" },
            "start": date(at),
            "status": "succeeded",
            "end": date(at),
            "duration": 0.0,
            "tolerance_met": is_met,
        }],
    })
}

fn activity(drill: &DrillResult, run: &RunResult, name: &str) -> Value {
    json!({ "type": "action", "name": name, "provider": process(drill, "replay", &[("--seed", run.seed)]) })
}

fn injection(drill: &DrillResult, shown: &ShownRun, fault: &FaultResult) -> Value {
    let witness = shown.run.witness.iter().find(|of| of.fault == fault.id);
    let told = shown.journal.iter().filter(|line| line.of.as_ref() == Some(&fault.id)).map(happening);
    json!({
        "activity": activity(drill, &shown.run, &format!("inject {}: {}", fault.id, fault.does)),
        "output": { "status": 0, "stdout": told.collect::<Vec<_>>().join("; "), "stderr": "", "witness": witness },
        "start": date(fault.start_s),
        "status": if witness.is_some_and(|of| of.hits > 0) { "succeeded" } else { "failed" },
        "end": date(fault.end_s),
        "duration": fault.end_s - fault.start_s,
    })
}

fn step(drill: &DrillResult, shown: &ShownRun, step: &StepResult) -> Value {
    let opened = shown.run.incidents.iter().filter(|of| of.runbook == step.runbook).map(|of| of.opened_s);
    let end = step.done_s.unwrap_or(drill.system.duration_s);
    let start = opened.filter(|at| *at <= end).fold(f64::NAN, f64::max);
    let start = if start.is_nan() { end } else { start };
    let is_it = |line: &&JournalLine| {
        line.of.as_ref() == Some(&step.runbook) && line.step.as_ref() == Some(&step.step)
    };
    let told: Vec<String> = shown.journal.iter().filter(is_it).map(happening).collect();
    json!({
        "activity": activity(drill, &shown.run, &format!("{} / {} by {}", step.runbook, step.step, step.owner)),
        "output": { "status": 0, "stdout": told.join("; "), "stderr": "" },
        "start": date(start),
        "status": if step.done_s.is_some() { "succeeded" } else { "failed" },
        "end": date(end),
        "duration": end - start,
    })
}

/// Returns a moment of the drill as a date, from the first of January 2000 on.
fn date(seconds: f64) -> String {
    let micros = (seconds.max(0.0) * 1e6) as u64;
    let (days, rest) = (micros / 86_400_000_000, micros % 86_400_000_000);
    let (hours, minutes) = (rest / 3_600_000_000, rest / 60_000_000 % 60);
    // A drill lasts two weeks at most; a saved result that says more ends with the month.
    let day = days.min(30) + 1;
    format!("2000-01-{day:02}T{hours:02}:{minutes:02}:{:09.6}+00:00", (rest % 60_000_000) as f64 / 1e6)
}
