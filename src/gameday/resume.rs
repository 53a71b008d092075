//! A live drill from its journal: what is there is graded, and what is missing is said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gameday::{Drilled, Punctuality, Stopped};
use crate::grade::reference::{Usual, of_baseline};
use crate::grade::{RunVerdict, grade};
use crate::plan::Plan;
use crate::record::{Checkpoint, Entry, Record, Restored, Timed};
use crate::scenario::source::Source;
use crate::scenario::{Scenario, load_text};

/// The version of the journal's form.
pub(super) const VERSION: u32 = 1;

/// The first line of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    pub(super) kind: String,
    pub(super) version: u32,
    pub(super) seed: u64,
    pub(super) pace: u32,
    /// Whether there is a control arm.
    #[serde(default)]
    pub(super) is_controlled: bool,
    pub(super) path: String,
    pub(super) digest: String,
    /// The scenario, its mocks and its runbooks, as they were.
    pub(super) sources: Vec<Kept>,
}

/// A file that the drill was made from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) text: String,
}

/// The last line of a journal.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) kind: String,
    pub(super) stopped: Option<(String, bool)>,
    pub(super) verdict: String,
    pub(super) because: Vec<String>,
    pub(super) usual: Usual,
    pub(super) punctuality: Punctuality,
    pub(super) released: bool,
    pub(super) lines_lost: bool,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Happened {
    entry: Entry,
}

#[derive(Debug, Deserialize)]
struct State {
    checkpoint: Checkpoint,
    usual: Usual,
}

#[derive(Debug, Deserialize)]
struct ControlLine {
    checkpoint: Checkpoint,
    entries: Vec<Entry>,
}

/// What has been read of an arm.
#[derive(Debug)]
struct OfArm<'p> {
    plan: &'p Plan,
    restored: Restored,
    entries: Vec<Entry>,
}

impl<'p> OfArm<'p> {
    fn new(plan: &'p Plan, seed: u64) -> Self {
        Self { plan, restored: Restored::new(plan, seed), entries: Vec::new() }
    }

    fn happened(&mut self, entry: Entry) -> Result<(), String> {
        if entry.at > self.plan.end || !entry.event.fits(self.plan) {
            return Err("it is of another scenario".into());
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Returns the record up to the end of a plan.
    fn finish(self, plan: &Plan) -> Record {
        let mut run = self.restored.finish(plan, self.entries);
        run.timed = Some(Box::new(Timed::new(plan, run.series.width)));
        run
    }
}

/// A journal that has been read.
#[derive(Debug)]
pub struct Resumed {
    /// The scenario as it was.
    pub scenario: Scenario,
    /// Its plan.
    pub plan: Plan,
    /// The drill, as far as it is known.
    pub drilled: Drilled,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// Reads a journal and grades what is there; the error says why it cannot be read at all.
pub fn resume(text: &str) -> Result<Resumed, String> {
    let mut lines = text.lines();
    let first = lines.next().ok_or("the journal is empty")?;
    let begin: Begin = serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
    if begin.kind != "begin" || begin.version != VERSION {
        return Err(format!("line 1: this is no journal of version {VERSION}"));
    }
    let scenario = scenario(&begin)?;
    let whole = Plan::of(&scenario);
    let twin = begin.is_controlled.then(|| whole.twin());
    let control = twin.as_ref().map(|twin| OfArm::new(twin, begin.seed));
    let (mut found, mut missing) = (Found::new(OfArm::new(&whole, begin.seed), control), Vec::new());
    let lines: Vec<&str> = lines.collect();
    for (index, line) in lines.iter().enumerate() {
        if let Err(why) = found.read(line) {
            missing.push(format!("line {} of the journal: {why}", index + 2));
            // Only the last one may have been cut off by the end itself.
            found.has_gap |= index + 1 < lines.len();
        }
    }
    let Found { arm, control, end, usual, has_gap } = found;
    let until = arm.restored.until;
    let mut plan = whole.clone();
    if end.is_none() {
        missing.push(format!("the journal ends at {until} of {}: the drill broke off", plan.end));
        plan.end = until.max(plan.baseline).min(plan.end);
    }
    let is_whole = !has_gap && end.as_ref().is_some_and(|end| !end.lines_lost);
    if end.is_some() && !is_whole {
        missing.push("lines of the journal are missing".into());
    }
    let run = arm.finish(&plan);
    let usual = end.as_ref().map_or(usual, |end| end.usual.clone());
    let reference = match control {
        Some(control) => control.finish(&plan.twin()),
        None => of_baseline(&plan, &run, &usual, plan.end),
    };
    let mut card = grade(&plan, &run, &reference);
    let stopped = end.as_ref().and_then(|end| end.stopped.clone());
    let stopped = stopped.map(|(why, is_verified)| Stopped { why, is_verified });
    let concluded = end.as_ref().filter(|_| is_whole).and_then(|end| {
        let verdict = RunVerdict::ALL.into_iter().find(|verdict| verdict.word() == end.verdict)?;
        Some((verdict, end.because.clone()))
    });
    (card.verdict, card.because) = concluded.unwrap_or_else(|| (RunVerdict::Invalid, missing.clone()));
    missing.push("latencies, and the chains of contamination, are not in a journal".into());
    let drilled = Drilled {
        run,
        reference,
        is_controlled: begin.is_controlled,
        card,
        pace: begin.pace,
        punctuality: end.as_ref().map(|end| end.punctuality).unwrap_or_default(),
        is_released: end.as_ref().is_none_or(|end| end.released),
        stopped,
        is_journal_broken: false,
    };
    Ok(Resumed { scenario, plan, drilled, missing })
}

fn scenario(begin: &Begin) -> Result<Scenario, String> {
    let (first, rest) = begin.sources.split_first().ok_or("line 1: no scenario is kept")?;
    let name = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.strip_suffix(".toml").unwrap_or(file).to_owned()
    };
    let library: BTreeMap<String, String> = rest.iter().map(|of| (name(&of.path), of.text.clone())).collect();
    let loaded = load_text(&first.path, &first.text, &library);
    let mut scenario = loaded.scenario.ok_or("line 1: the scenario that is kept has problems")?;
    scenario.path.clone_from(&begin.path);
    scenario.digest.clone_from(&begin.digest);
    Ok(scenario)
}

/// Returns the files that a scenario was made from.
pub(super) fn kept(sources: &[Source]) -> Vec<Kept> {
    sources.iter().map(|of| Kept { path: of.path.clone(), text: of.text.clone() }).collect()
}

/// What has been read of a journal, beside the record.
#[derive(Debug)]
struct Found<'p> {
    arm: OfArm<'p>,
    control: Option<OfArm<'p>>,
    end: Option<End>,
    usual: Usual,
    has_gap: bool,
}

impl<'p> Found<'p> {
    fn new(arm: OfArm<'p>, control: Option<OfArm<'p>>) -> Self {
        Self { arm, control, end: None, usual: Usual::default(), has_gap: false }
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        let wrong = |error: serde_json::Error| error.to_string();
        let kind: Kind = serde_json::from_str(line).map_err(wrong)?;
        match kind.kind.as_str() {
            "event" => {
                self.arm.happened(serde_json::from_str::<Happened>(line).map_err(wrong)?.entry)?;
            }
            "state" => {
                let state: State = serde_json::from_str(line).map_err(wrong)?;
                self.arm.restored.put(self.arm.plan, &state.checkpoint)?;
                self.usual = state.usual;
            }
            "control" => {
                let of: ControlLine = serde_json::from_str(line).map_err(wrong)?;
                let control = self.control.as_mut().ok_or("the drill had no control arm")?;
                control.restored.put(control.plan, &of.checkpoint)?;
                of.entries.into_iter().try_for_each(|entry| control.happened(entry))?;
            }
            "end" => self.end = Some(serde_json::from_str(line).map_err(wrong)?),
            // What people did has been carried out; its effects are among the others.
            _ => {}
        }
        Ok(())
    }
}
