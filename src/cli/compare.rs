//! `stormdrill compare`, and `run --baseline`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, CompareArguments, Format, output};
use crate::report::comparisons::{ComparisonsResult, human};
use crate::report::margins::{self, MarginsResult};
use crate::report::result::SCHEMA_VERSION;
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
    if let Some(why) = nothing(&result) {
        anstream::eprintln!("error[nothing-to-compare]: {why}");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let text = match arguments.format {
        Format::Human => human(&result),
        Format::Json => output::json(&result)?,
    };
    output::print(&text, arguments.output.as_deref())?;
    // A drill that nobody runs any more proves nothing: it is not let go in silence.
    Ok(ExitCode::from(u8::from(result.regression || !result.gone.is_empty())))
}

/// Says why two results cannot be compared, if they cannot: what is not compared is not in favour.
pub(super) fn nothing(result: &ComparisonsResult) -> Option<String> {
    if let Some(name) = result.unpaired.first() {
        return Some(format!("{name} was run with other seeds: none is in both results"));
    }
    result.drills.is_empty().then(|| "the two results have no drill in common".to_owned())
}

/// Reads saved margins, if that is what a file holds.
fn margins(path: &Path) -> Option<MarginsResult> {
    // Escapes are read as what they mean before anything of it is shown.
    let mut margins: MarginsResult = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    if margins.schema_version != SCHEMA_VERSION {
        return None;
    }
    margins.scenario = saved::plain(&margins.scenario);
    for margin in &mut margins.margins {
        let texts = [&mut margin.path, &mut margin.reference, &mut margin.from, &mut margin.to];
        let levels = [&mut margin.holds_to, &mut margin.breaks_about, &mut margin.breaks_at];
        for text in texts.into_iter().chain(levels.into_iter().flatten()) {
            *text = saved::plain(text);
        }
    }
    Some(margins)
}

fn shrunk(
    before: &MarginsResult,
    now: &MarginsResult,
    arguments: &CompareArguments,
) -> Result<ExitCode, io::Error> {
    match margins::compared(before, now) {
        Ok((changes, has_shrunk)) => {
            let text = match arguments.format {
                Format::Human => margins::told(&changes),
                Format::Json => output::json(&changes)?,
            };
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
    let text = text(path)?;
    saved::drills(&text).map_err(|why| refuse(path, &why)).ok()
}

/// Reads a file; says on the standard error why it cannot.
pub(super) fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).map_err(|error| refuse(path, &error.to_string())).ok()
}

/// Says why a file is no saved result.
pub(super) fn refuse(path: &Path, why: &str) {
    let shown = output::shown(path);
    anstream::eprintln!("error[unreadable]: cannot read `{shown}`: {}", saved::plain(why));
    anstream::eprintln!("hint: save a result with `stormdrill run PATH --format json --output FILE`");
}

/// Returns what is tolerated, in percent of a target's limit.
pub(super) fn tolerance(percent: f64) -> Tolerance {
    Tolerance { share: percent / 100.0, confidence: 0.95 }
}

/// Pairs the drills of two results by their names; of several with one name, in their order.
pub(super) fn paired(before: &[Runs], now: &[Runs], tolerance: Tolerance) -> ComparisonsResult {
    let mut left: Vec<&Runs> = before.iter().collect();
    let (mut compared, mut new) = (Vec::new(), Vec::new());
    for runs in now {
        let is_it = |old: &&Runs| old.name == runs.name;
        let same = left.iter().position(|old| is_it(old) && old.digest == runs.digest);
        match same.or_else(|| left.iter().position(is_it)) {
            Some(index) => compared.push(beside(left.remove(index), runs, tolerance)),
            None => new.push(runs.name.clone()),
        }
    }
    ComparisonsResult::of(&compared, left.into_iter().map(|runs| runs.name.clone()).collect(), new)
}
