//! Reading a result that was saved, as far as comparing needs it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::report::result::{DrillResult, SCHEMA_VERSION};
use crate::scenario::problem::is_bidi;
use crate::study::compare::{Measured, Runs};

#[derive(Debug, Deserialize)]
struct SavedResult {
    schema_version: u32,
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

/// Reads the drills of a saved result; says why if it is none, or of another version.
pub fn drills(text: &str) -> Result<Vec<Runs>, String> {
    let saved: SavedResult =
        serde_json::from_str(text).map_err(|error| format!("not a result of `run`: {error}"))?;
    if saved.schema_version != SCHEMA_VERSION {
        return Err(format!(
            "its form is of version {}, and this program reads {SCHEMA_VERSION}",
            saved.schema_version
        ));
    }
    Ok(saved.drills.into_iter().map(runs).collect())
}

/// Returns the drills of a result that has just been made.
pub fn of(drills: &[DrillResult]) -> Vec<Runs> {
    let json = serde_json::json!({ "schema_version": SCHEMA_VERSION, "drills": drills });
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
