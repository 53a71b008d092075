//! `stormdrill compare`, and `run --baseline`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, CompareArguments, Format, output};
use crate::report::comparisons::{ComparisonsResult, human};
use crate::report::margins::{self, MarginsResult};
use crate::report::saved;
use crate::study::compare::{Runs, Tolerance, compare as beside};

pub(super) fn compare(arguments: &CompareArguments) -> Result<ExitCode, io::Error> {
    if let (Some(before), Some(now)) = (margins(&arguments.base), margins(&arguments.new)) {
        return shrunk(&before, &now, arguments);
    }
    let (Some(before), Some(now)) = (read(&arguments.base), read(&arguments.new)) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let result = paired(&before, &now, tolerance(arguments.tolerance));
    if result.drills.is_empty() {
        anstream::eprintln!("error[nothing-to-compare]: the two results have no drill in common");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let text = match arguments.format {
        Format::Human => human(&result),
        Format::Json => output::json(&result)?,
    };
    output::print(&text, arguments.output.as_deref())?;
    Ok(ExitCode::from(u8::from(result.regression)))
}

/// Reads saved margins, if that is what a file holds.
fn margins(path: &Path) -> Option<MarginsResult> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn shrunk(
    before: &MarginsResult,
    now: &MarginsResult,
    arguments: &CompareArguments,
) -> Result<ExitCode, io::Error> {
    match margins::compared(before, now) {
        Ok((text, has_shrunk)) => {
            output::print(&text, arguments.output.as_deref())?;
            Ok(ExitCode::from(u8::from(has_shrunk)))
        }
        Err(why) => {
            anstream::eprintln!("error[nothing-to-compare]: {why}");
            Ok(ExitCode::from(BAD_INPUT))
        }
    }
}

/// Reads a saved result; says on the standard error why it cannot.
pub(super) fn read(path: &Path) -> Option<Vec<Runs>> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    match text.and_then(|text| saved::drills(&text)) {
        Ok(drills) => Some(drills),
        Err(why) => {
            anstream::eprintln!("error[unreadable]: cannot read `{}`: {why}", path.display());
            anstream::eprintln!("hint: save a result with `stormdrill run PATH --format json --output FILE`");
            None
        }
    }
}

/// Returns what is tolerated, in percent of a target's limit.
pub(super) fn tolerance(percent: f64) -> Tolerance {
    Tolerance { share: percent / 100.0, confidence: 0.95 }
}

/// Pairs the drills of two results by their names.
pub(super) fn paired(before: &[Runs], now: &[Runs], tolerance: Tolerance) -> ComparisonsResult {
    let of = |runs: &[Runs], name: &str| runs.iter().position(|other| other.name == name);
    let compared: Vec<_> = now
        .iter()
        .filter_map(|new| Some(beside(&before[of(before, &new.name)?], new, tolerance)))
        .filter(|compared| compared.pairs > 0)
        .collect();
    let only = |these: &[Runs], those: &[Runs]| {
        these.iter().filter(|runs| of(those, &runs.name).is_none()).map(|runs| runs.name.clone()).collect()
    };
    ComparisonsResult::of(&compared, only(before, now), only(now, before))
}
