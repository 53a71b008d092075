//! `stormdrill ablate`.

use std::io;
use std::process::ExitCode;

use crate::cli::progress::Progress;
use crate::cli::{AblateArguments, BAD_INPUT, Format, output, problems};
use crate::report::ablations::{AblationsResult, human};
use crate::report::result::SCHEMA_VERSION;
use crate::study::ablate::ablate as take_away;

pub(super) fn ablate(arguments: &AblateArguments) -> Result<ExitCode, io::Error> {
    let checked = problems::load(&arguments.paths);
    if checked.errors > 0 {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let seeds = arguments.study.seeds();
    let (mut texts, mut results) = (Vec::new(), Vec::new());
    for (_, scenario) in &checked.scenarios {
        let progress = Progress::new(seeds.count, &scenario.path);
        let ablations = take_away(scenario, seeds, arguments.pairs, || progress.advance());
        let ablations = ablations.map_err(io::Error::other)?;
        progress.finish();
        texts.push(human(scenario, &ablations));
        results.push(AblationsResult::of(scenario, &ablations));
    }
    let text = match arguments.study.format {
        Format::Human => texts.join("\n"),
        Format::Json => {
            output::json(&serde_json::json!({ "schema_version": SCHEMA_VERSION, "drills": results }))?
        }
    };
    output::print(&text, arguments.study.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
