//! `stormdrill tune`.

use std::io;
use std::process::ExitCode;

use crate::cli::progress::Progress;
use crate::cli::{BAD_INPUT, Format, TuneArguments, output, problems};
use crate::files::{self, Folders};
use crate::report::result::SCHEMA_VERSION;
use crate::report::tunes::{SettingResult, TuneResult, human};
use crate::study::margin::Draft;
use crate::study::scale::ladder;
use crate::study::tune::tune as sweep;

pub(super) fn tune(arguments: &TuneArguments) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let text = files::text(&path).map_err(io::Error::other)?.text;
    let folders = Folders::of(&path);
    let draft = Draft { path: &scenario.path, text, library: &folders };
    let seeds = arguments.study.seeds();
    let varied: Result<Vec<_>, String> =
        arguments.vary.iter().map(|vary| varied(&draft, vary, arguments.points)).collect();
    let swept = varied.and_then(|varied| {
        let settings = varied.iter().map(|(_, values)| values.len() as u64).fold(1, u64::saturating_mul);
        let progress = Progress::new(seeds.count.saturating_mul(settings.saturating_add(1)), &scenario.path);
        let swept = sweep(&draft, &varied, seeds, || progress.advance()).map_err(|why| why.to_string());
        progress.finish();
        Ok((varied, swept?))
    });
    let (varied, settings) = match swept {
        Ok(swept) => swept,
        Err(why) => {
            anstream::eprintln!("error[no-sweep]: {why}");
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let result = TuneResult {
        schema_version: SCHEMA_VERSION,
        scenario: scenario.path.clone(),
        seeds: seeds.count,
        varied: varied.into_iter().map(|(path, _)| path).collect(),
        settings: settings.iter().map(SettingResult::of).collect(),
    };
    let text = match arguments.study.format {
        Format::Human => human(&result),
        Format::Json => output::json(&result)?,
    };
    output::print(&text, arguments.study.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// Reads `PATH=FROM..TO`, or `PATH=ONE,OTHER`, as a place and its values.
fn varied(draft: &Draft<'_>, text: &str, points: usize) -> Result<(String, Vec<String>), String> {
    let (path, values) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not like `guard.search.timeout=1s..10s`"))?;
    let Some((from, to)) = values.split_once("..") else {
        return Ok((path.to_owned(), values.split(',').map(|value| value.trim().to_owned()).collect()));
    };
    let levels = ladder(&draft.text, path, Some((from, to)), false)?.levels;
    let last = levels.len() - 1;
    let mut values: Vec<String> =
        (0..points).map(|point| levels[(last * point + (points - 1) / 2) / (points - 1)].clone()).collect();
    values.dedup();
    Ok((path.to_owned(), values))
}
