//! What the values of a scenario must satisfy together: names, contradictions, house rules, lints.

mod actions;
mod alerts;
mod boundaries;
mod controls;
mod endpoint;
mod evaluations;
mod faults;
mod house;
mod mocks;
mod plans;
mod rollouts;
mod traffic;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Ratio, Span};
use crate::scenario::decode::{Named, suggest};
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::faults::{Fault, Inject};
use crate::scenario::file::load::Tier;
use crate::scenario::file::mocks::Mock;
use crate::scenario::limits::{DURATION_MAX, NAMED_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::units::Name;

/// What every check looks at.
pub(crate) struct Checked<'a> {
    file: &'a ScenarioFile,
    mocks: &'a BTreeMap<String, Mock>,
}

/// Reports everything about a decoded scenario that does not fit together.
pub fn check(file: &ScenarioFile, mocks: &BTreeMap<String, Mock>, sink: &mut Sink) {
    let checked = Checked { file, mocks };
    head(&checked, sink);
    mocks::check(&checked, sink);
    traffic::check(&checked, sink);
    plans::check(&checked, sink);
    faults::check(&checked, sink);
    controls::check(&checked, sink);
    evaluations::check(&checked, sink);
    rollouts::check(&checked, sink);
    alerts::check(&checked, sink);
    house::check(&checked, sink);
}

/// Reports everything about mocks and faults without a drill that does not fit together.
pub fn served(file: &ScenarioFile, mocks: &BTreeMap<String, Mock>, sink: &mut Sink) {
    let checked = Checked { file, mocks };
    if file.version.known().is_some_and(|version| *version != 1) {
        let message = "this program reads version 1";
        sink.push(Problem::error(Code::OutOfRange, file.version.place, message));
    }
    few(&file.mocks, "mocks", sink);
    if mocks.is_empty() {
        let place = Place { source: 0, start: 0, end: 0 };
        let problem = Problem::error(Code::MissingKey, place, "there are no mocks here");
        sink.push(problem.hint("add `[mocks]`, or name a folder of mock files"));
    }
    few_faults(file, sink);
    mocks::check(&checked, sink);
    faults::check(&checked, sink);
}

/// Reports what is wrong with the faults of a file.
pub fn faults_alone(file: &ScenarioFile, mocks: &BTreeMap<String, Mock>, sink: &mut Sink) {
    faults::check(&Checked { file, mocks }, sink);
}

fn head(checked: &Checked<'_>, sink: &mut Sink) {
    let file = checked.file;
    if file.version.known().is_some_and(|version| *version != 1) {
        let message = "this program reads version 1";
        sink.push(Problem::error(Code::OutOfRange, file.version.place, message));
    }
    within(&file.duration, Span::from_secs(10), DURATION_MAX, sink);
    within(&file.baseline, Span::from_secs(5), DURATION_MAX, sink);
    if let (Some(baseline), Some(duration)) = (file.baseline.known(), file.duration.known())
        && baseline >= duration
    {
        let problem =
            Problem::error(Code::Contradiction, file.baseline.place, "the baseline is the whole drill");
        sink.push(problem.hint("make `duration` longer or `baseline` shorter"));
    }
    few(&file.mocks, "mocks", sink);
    few(&file.agents, "agents", sink);
    few(&file.guard.calls, "guards", sink);
    few(&file.slo, "objectives", sink);
    few(&file.evaluation, "evaluations", sink);
    few(&file.alert, "alerts", sink);
    few(&file.rollout, "rollouts", sink);
    few(&file.variant, "variants", sink);
    few(&file.runbook, "runbooks", sink);
    few(&file.roster, "roles", sink);
    few_faults(file, sink);
}

fn few_faults(file: &ScenarioFile, sink: &mut Sink) {
    // An incident is as many faults as it has parts.
    let parts = |fault: &Fault| {
        if let Inject::Incident(incident) = &fault.inject { incident.preset.value.parts().len() } else { 1 }
    };
    if file.fault.iter().map(parts).sum::<usize>() > NAMED_MAX {
        let message = format!("a drill may have at most {NAMED_MAX} faults");
        let place = file.fault.last().map_or(Place::NOWHERE, |fault| fault.id.place);
        sink.push(Problem::error(Code::Limit, place, message));
    }
}

fn few<T>(named: &Named<T>, what: &str, sink: &mut Sink) {
    if let Some(at) = named.0.values().nth(NAMED_MAX) {
        sink.push(Problem::error(
            Code::Limit,
            at.place,
            format!("a drill may have at most {NAMED_MAX} {what}"),
        ));
    }
}

impl Checked<'_> {
    fn mock(&self, name: &At<Name>, sink: &mut Sink) -> Option<&Mock> {
        let names: Vec<&str> = self.mocks.keys().map(String::as_str).collect();
        refer(name, "mock", &names, sink);
        self.mocks.get(&name.value.0)
    }

    /// Like `mock`, of one that is to be asked: whatever stands for tasks that are reported cannot be.
    fn asked(&self, name: &At<Name>, sink: &mut Sink) -> Option<&Mock> {
        let mock = self.mock(name, sink)?;
        if mock.reported.is_some() && name.place != Place::NOWHERE {
            let message = format!("`{}` stands for tasks that are reported: nobody can ask it", name.value.0);
            sink.push(Problem::error(Code::Contradiction, name.place, message));
        }
        Some(mock)
    }
}

/// Reports a name that is none of `known`.
fn refer(name: &At<Name>, what: &str, known: &[&str], sink: &mut Sink) {
    let Some(Name(word)) = name.known() else { return };
    if !known.contains(&word.as_str()) {
        let problem = Problem::error(Code::UnknownName, name.place, format!("no {what} is called `{word}`"));
        sink.push(problem.hint(suggest(word, known)));
    }
}

/// Reports a name that is not a key of `named`.
fn refer_to<T>(name: &At<Name>, what: &str, named: &Named<T>, sink: &mut Sink) {
    let known: Vec<&str> = named.0.keys().map(String::as_str).collect();
    refer(name, what, &known, sink);
}

/// Reports names that occur twice.
fn unique<'a>(names: impl IntoIterator<Item = &'a At<Name>>, what: &str, sink: &mut Sink) {
    let mut seen = BTreeSet::new();
    for name in names {
        if let Some(Name(word)) = name.known()
            && !seen.insert(word)
        {
            sink.push(Problem::error(
                Code::NameTaken,
                name.place,
                format!("another {what} is called `{word}`"),
            ));
        }
    }
}

/// Reports a span outside its bounds.
fn within(span: &At<Span>, low: Span, high: Span, sink: &mut Sink) {
    if span.known().is_some_and(|span| *span < low || *span > high) {
        let message = format!("this must lie between {low} and {high}");
        sink.push(Problem::error(Code::OutOfRange, span.place, message));
    }
}

/// Reports a count outside its bounds.
fn count_within(count: &At<u64>, low: u64, high: u64, sink: &mut Sink) {
    if count.known().is_some_and(|count| *count < low || *count > high) {
        let message = format!("this must lie between {low} and {high}");
        sink.push(Problem::error(Code::OutOfRange, count.place, message));
    }
}

/// Reports a share above one.
fn share(ratio: &At<Ratio>, sink: &mut Sink) {
    if ratio.known().is_some_and(|ratio| *ratio > Ratio::ONE) {
        sink.push(Problem::error(Code::OutOfRange, ratio.place, "a share is at most 100%"));
    }
}

/// Returns the tier of a name, or reports that it is none.
fn tier(name: &str, place: Place, sink: &mut Sink) -> Option<Tier> {
    let found = Tier::ALL.iter().copied().find(|tier| tier.word() == name);
    if found.is_none() {
        let words: Vec<&str> = Tier::ALL.iter().map(|tier| tier.word()).collect();
        let problem = Problem::error(Code::UnknownName, place, format!("no tier is called `{name}`"));
        sink.push(problem.hint(suggest(name, &words)));
    }
    found
}
