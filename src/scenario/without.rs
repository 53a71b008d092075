//! Switching parts of a scenario off: `--without faults|guards|alerts|runbooks|ID`.
//!
//! An ID is a fault's, an alert's or a runbook's name, a guard (`guard.search`), one control of it
//! (`guard.search.retry`), a step (`runbook.degrade-search.cap`), a step's bare name, or a control of a
//! rollout (`rollout.new-model.steps`: all of it goes out at once).

use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::faults::Inject;
use crate::scenario::file::guards::{Guards, Part, TaskGuard};
use crate::scenario::file::rollouts::{Rollout, RolloutStep};
use crate::scenario::source::{At, Place};

/// Takes the named parts out, or returns the first name that nothing has, with every name there is.
pub fn without(scenario: &Scenario, names: &[String]) -> Result<Scenario, (String, Vec<String>)> {
    let known = everything(&scenario.file);
    let mut reduced = scenario.clone();
    for name in names {
        if !known.contains(name) {
            return Err((name.clone(), known));
        }
        remove(&mut reduced.file, name);
    }
    forget_faults_of_guards(&mut reduced.file);
    Ok(reduced)
}

/// Returns every name that can be switched off.
pub fn everything(file: &ScenarioFile) -> Vec<String> {
    let mut names: Vec<String> = ["faults", "guards", "alerts", "runbooks"].map(String::from).into();
    names.extend(file.fault.iter().map(|fault| fault.id.value.0.clone()));
    names.extend(file.alert.0.keys().cloned());
    for (name, runbook) in file.runbook.iter() {
        names.push(name.clone());
        for step in &runbook.steps {
            names.push(step.id.value.0.clone());
            names.push(format!("runbook.{name}.{}", step.id.value.0));
        }
    }
    // A control is named by the record that has it, which must be borrowed to be changed.
    let mut guard = file.guard.clone();
    for (name, at) in &mut guard.calls.0 {
        names.push(format!("guard.{name}"));
        let there = at.value.parts().into_iter().filter(|part| part.1.is_there());
        names.extend(there.map(|part| format!("guard.{name}.{}", part.0)));
    }
    for (name, rollout) in file.rollout.iter() {
        let is_gate = |step: &RolloutStep| matches!(step, RolloutStep::Gate(_));
        let is_analysis = |step: &RolloutStep| matches!(step, RolloutStep::Analysis(_));
        let parts = [
            ("steps", true),
            ("canary", rollout.canary.is_some()),
            ("stop_loss", rollout.stop_loss.is_some()),
            ("analysis", rollout.steps.iter().any(is_analysis)),
            ("gates", rollout.steps.iter().any(is_gate)),
        ];
        names.extend(parts.iter().filter(|part| part.1).map(|part| format!("rollout.{name}.{}", part.0)));
    }
    if let Some(tasks) = &mut guard.tasks {
        names.push("guard.tasks".into());
        let there = tasks.parts().into_iter().filter(|part| part.1.is_there());
        names.extend(there.map(|part| format!("guard.tasks.{}", part.0)));
    }
    names
}

fn remove(file: &mut ScenarioFile, name: &str) {
    match name {
        "faults" => file.fault.clear(),
        "guards" => {
            file.guard = Guards::default();
            // What stops a rollout by itself is a guardrail too.
            for at in file.rollout.0.values_mut() {
                for part in ["canary", "stop_loss", "analysis"] {
                    remove_from_rollout(&mut at.value, part);
                }
            }
        }
        "alerts" => file.alert.0.clear(),
        "runbooks" => file.runbook.0.clear(),
        _ => {}
    }
    file.fault.retain(|fault| fault.id.value.0 != name);
    file.alert.0.remove(name);
    file.runbook.0.remove(name);
    for (runbook, at) in &mut file.runbook.0 {
        at.value.steps.retain(|step| {
            let id = &step.id.value.0;
            id != name && format!("runbook.{runbook}.{id}") != name
        });
    }
    for (rollout, at) in &mut file.rollout.0 {
        if let Some(part) = name.strip_prefix(&format!("rollout.{rollout}.")) {
            remove_from_rollout(&mut at.value, part);
        }
    }
    let mut parts = name.split('.');
    if parts.next() != Some("guard") {
        return;
    }
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("tasks", None) => file.guard.tasks = None,
        ("tasks", Some(part)) => clear(file.guard.tasks.iter_mut().flat_map(TaskGuard::parts), part),
        (mock, None) => {
            file.guard.calls.0.remove(mock);
        }
        (mock, Some(part)) => {
            let guard = file.guard.calls.0.get_mut(mock).into_iter();
            clear(guard.flat_map(|at| at.value.parts()), part);
        }
    }
}

/// Takes the control of a name away.
fn clear<'a>(parts: impl Iterator<Item = (&'static str, &'a mut dyn Part)>, name: &str) {
    for (_, part) in parts.filter(|part| part.0 == name) {
        part.clear();
    }
}

fn remove_from_rollout(rollout: &mut Rollout, part: &str) {
    match part {
        "steps" => rollout.at_once = Some(At { value: true, place: Place::NOWHERE }),
        "canary" => rollout.canary = None,
        "stop_loss" => rollout.stop_loss = None,
        "analysis" => rollout.steps.retain(|step| !matches!(step, RolloutStep::Analysis(_))),
        "gates" => rollout.steps.retain(|step| !matches!(step, RolloutStep::Gate(_))),
        _ => {}
    }
}

/// A guardrail that is switched off cannot fail: faults of it go with it.
fn forget_faults_of_guards(file: &mut ScenarioFile) {
    let calls = &file.guard.calls;
    file.fault.retain(|fault| {
        let guard = if let Inject::GuardrailOutage(outage) = &fault.inject {
            outage.guard.value
        } else if let Inject::FalseAllow(allow) = &fault.inject {
            allow.guard.value
        } else {
            return true;
        };
        calls.get(&fault.on.value.0).is_some_and(|of| of.screens().any(|(name, _)| name == guard))
    });
}
