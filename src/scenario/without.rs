//! Switching parts of a scenario off: `--without faults|guards|alerts|runbooks|ID`.
//!
//! An ID is a fault's, an alert's or a runbook's name, a guard (`guard.search`), one control of it
//! (`guard.search.retry`), a step (`runbook.degrade-search.cap`), a step's bare name, or a control of a
//! rollout (`rollout.new-model.steps`: all of it goes out at once).

use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::faults::Inject;
use crate::scenario::file::guards::{CallControl, Guards, Part, TaskControl, TaskGuard};
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

/// One control that can be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// A guardrail of the calls to a mock.
    Call(String, CallControl),
    /// A guardrail of tasks.
    Task(TaskControl),
    /// An alert.
    Alert(String),
    /// A step of a runbook.
    Step(String, String),
    /// A control of a rollout.
    Rollout(String, &'static str),
}

impl Switch {
    /// Returns the name by which `--without` knows it.
    pub fn name(&self) -> String {
        match self {
            Self::Call(mock, control) => format!("guard.{mock}.{}", control.word()),
            Self::Task(control) => format!("guard.tasks.{}", control.word()),
            Self::Alert(name) => name.clone(),
            Self::Step(runbook, step) => format!("runbook.{runbook}.{step}"),
            Self::Rollout(name, part) => format!("rollout.{name}.{part}"),
        }
    }
}

/// Returns every single control of a scenario: guardrails, alerts, steps of runbooks, gates of rollouts.
pub fn switches(file: &ScenarioFile) -> Vec<Switch> {
    let mut switches = Vec::new();
    // A control is named by the record that has it, which must be borrowed to be changed.
    let mut guard = file.guard.clone();
    for (name, at) in &mut guard.calls.0 {
        let there = at.value.parts().into_iter().filter(|part| part.1.is_there());
        switches.extend(there.map(|part| Switch::Call(name.clone(), part.0)));
    }
    if let Some(tasks) = &mut guard.tasks {
        let there = tasks.parts().into_iter().filter(|part| part.1.is_there());
        switches.extend(there.map(|part| Switch::Task(part.0)));
    }
    for (name, rollout) in file.rollout.iter() {
        let is_gate = |step: &RolloutStep| matches!(step, RolloutStep::Gate(_));
        let is_analysis = |step: &RolloutStep| matches!(step, RolloutStep::Analysis(_));
        let parts = [
            ("steps", rollout.at_once.is_none_or(|at| !at.value)),
            ("canary", rollout.canary.is_some()),
            ("stop_loss", rollout.stop_loss.is_some()),
            ("analysis", rollout.steps.iter().any(is_analysis)),
            ("gates", rollout.steps.iter().any(is_gate)),
        ];
        let there = parts.iter().filter(|part| part.1);
        switches.extend(there.map(|part| Switch::Rollout(name.clone(), part.0)));
    }
    switches.extend(file.alert.0.keys().cloned().map(Switch::Alert));
    for (name, runbook) in file.runbook.iter() {
        let step = |id: &str| Switch::Step(name.clone(), id.to_owned());
        switches.extend(runbook.steps.iter().map(|of| step(&of.id.value.0)));
    }
    switches
}

/// Takes single controls out; one that is not there is no matter.
///
/// An alert, a fault and a step may have the same name: only what is meant goes.
pub fn without_switches(scenario: &Scenario, switches: &[&Switch]) -> Scenario {
    let mut reduced = scenario.clone();
    for switch in switches {
        match switch {
            Switch::Alert(name) => {
                reduced.file.alert.0.remove(name);
            }
            Switch::Call(..) | Switch::Task(_) | Switch::Step(..) | Switch::Rollout(..) => {
                remove(&mut reduced.file, &switch.name());
            }
        }
    }
    forget_faults_of_guards(&mut reduced.file);
    reduced
}

/// Returns every name that can be switched off.
pub fn everything(file: &ScenarioFile) -> Vec<String> {
    let mut names: Vec<String> = ["faults", "guards", "alerts", "runbooks"].map(String::from).into();
    names.extend(file.fault.iter().map(|fault| fault.id.value.0.clone()));
    names.extend(file.guard.calls.0.keys().map(|name| format!("guard.{name}")));
    names.extend(file.guard.tasks.iter().map(|_| "guard.tasks".to_owned()));
    names.extend(file.runbook.0.keys().cloned());
    for switch in switches(file) {
        if let Switch::Step(_, id) = &switch {
            names.push(id.clone());
        }
        names.push(switch.name());
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
        ("tasks", Some(part)) => {
            let parts = file.guard.tasks.iter_mut().flat_map(TaskGuard::parts);
            clear(parts.map(|(control, is)| (control.word(), is)), part);
        }
        (mock, None) => {
            file.guard.calls.0.remove(mock);
        }
        (mock, Some(part)) => {
            let guard = file.guard.calls.0.get_mut(mock).into_iter();
            let parts = guard.flat_map(|at| at.value.parts());
            clear(parts.map(|(control, is)| (control.word(), is)), part);
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
