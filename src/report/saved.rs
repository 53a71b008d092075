//! Reading a result that was saved.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::report::index::Head;
use crate::report::result::{DrillResult, SCHEMA_VERSION, WholeResult};
use crate::report::safe;
use crate::scenario::problem::is_bidi;
use crate::study::compare::{Measured, Runs};

#[derive(Debug, Deserialize)]
struct SavedResult {
    drills: Vec<SavedDrill>,
}

#[derive(Debug, Deserialize)]
struct SavedDrill {
    scenario: SavedScenario,
    without: Vec<String>,
    verdict: String,
    targets: Vec<SavedTarget>,
    runs: Vec<SavedRun>,
}

#[derive(Debug, Deserialize)]
struct SavedScenario {
    path: String,
    digest: String,
}

#[derive(Debug, Deserialize)]
struct SavedTarget {
    name: String,
    unit: String,
    limit: f64,
}

#[derive(Debug, Deserialize)]
struct SavedRun {
    seed: u64,
    verdict: String,
    targets: Vec<SavedValue>,
}

#[derive(Debug, Deserialize)]
struct SavedValue {
    name: String,
    value: Option<f64>,
}

/// Returns a text of a file without what could act on a terminal: a result may come from anywhere.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() || is_bidi(letter) { '?' } else { letter }).collect()
}

/// Only what every version has.
#[derive(Debug, Deserialize)]
struct Versioned {
    schema_version: u32,
}

/// Says why a text is no result of this version, if it is none.
fn refuse_other_versions(text: &str) -> Result<(), String> {
    let versioned: Versioned =
        serde_json::from_str(text).map_err(|error| format!("not a result of `run`: {error}"))?;
    let version = versioned.schema_version;
    if version == SCHEMA_VERSION {
        return Ok(());
    }
    Err(format!("its form is of version {version}, and this program reads {SCHEMA_VERSION}"))
}

/// Reads a saved result, whole; says why if it is none, or of another version.
pub fn whole(text: &str) -> Result<WholeResult, String> {
    refuse_other_versions(text)?;
    let mut result: WholeResult =
        serde_json::from_str(text).map_err(|error| format!("not a result of `run`: {error}"))?;
    if result.drills.is_empty() {
        return Err("it has no drill".into());
    }
    if let Some(drill) = result.drills.iter().find(|drill| drill.concluded().is_none()) {
        return Err(format!("`{}` is no verdict", plain(&drill.verdict)));
    }
    result.drills = result.drills.into_iter().map(DrillResult::with_its_own_path).collect();
    Ok(result)
}

#[derive(Debug, Deserialize)]
struct HeadResult {
    drills: Vec<HeadDrill>,
}

#[derive(Debug, Deserialize)]
struct HeadDrill {
    scenario: HeadScenario,
    verdict: String,
    pass_rate: HeadRate,
}

#[derive(Debug, Deserialize)]
struct HeadScenario {
    title: String,
}

#[derive(Debug, Deserialize)]
struct HeadRate {
    runs: u64,
    passed: u64,
}

/// Reads what an index says of the drills of a saved result, whatever its version.
pub fn heads(text: &str) -> Result<Vec<Head>, String> {
    let saved: HeadResult = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let head = |drill: HeadDrill| Head {
        title: safe::text(&drill.scenario.title),
        verdict: safe::text(&drill.verdict),
        passed: (drill.pass_rate.passed, drill.pass_rate.runs),
    };
    Ok(saved.drills.into_iter().map(head).collect())
}

/// Reads the drills of a saved result, as far as comparing needs them; says why if it is none.
pub fn drills(text: &str) -> Result<Vec<Runs>, String> {
    refuse_other_versions(text)?;
    let saved: SavedResult =
        serde_json::from_str(text).map_err(|error| format!("not a result of `run`: {error}"))?;
    Ok(saved.drills.into_iter().map(runs).collect())
}

/// Returns the drills of a result that has just been made.
pub fn of(drills: &[DrillResult]) -> Vec<Runs> {
    let json = serde_json::json!({ "drills": drills });
    let saved: SavedResult = serde_json::from_value(json).expect("a result can be read back");
    saved.drills.into_iter().map(runs).collect()
}

/// Whether a run passed; nothing if it proved nothing.
fn evidence(verdict: &str) -> Option<bool> {
    match verdict {
        "PASS" => Some(true),
        "FAIL" => Some(false),
        _ => None,
    }
}

/// How bad a verdict is: PASS before what proves nothing, that before FAIL.
fn badness(verdict: &str) -> u8 {
    match verdict {
        "PASS" => 0,
        "FAIL" => 2,
        _ => 1,
    }
}

fn runs(drill: SavedDrill) -> Runs {
    let mut name = plain(&drill.scenario.path);
    let mut without = drill.without;
    without.sort();
    for part in &without {
        name.push_str(" without ");
        name.push_str(&plain(part));
    }
    let values = |target: &str| -> BTreeMap<u64, Option<f64>> {
        let of = |run: &SavedRun| {
            run.targets.iter().find(|value| value.name == target).and_then(|value| value.value)
        };
        drill.runs.iter().map(|run| (run.seed, of(run))).collect()
    };
    Runs {
        name,
        digest: drill.scenario.digest,
        verdict: (plain(&drill.verdict), badness(&drill.verdict)),
        passed: drill.runs.iter().map(|run| (run.seed, evidence(&run.verdict))).collect(),
        targets: drill
            .targets
            .iter()
            .map(|target| Measured {
                name: plain(&target.name),
                unit: plain(&target.unit),
                limit: target.limit,
                values: values(&target.name),
            })
            .collect(),
    }
}
