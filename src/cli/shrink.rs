//! `stormdrill run --bisect-seed`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, RunArguments, output};
use crate::files::{self, Folders};
use crate::scenario::Scenario;
use crate::study::margin::Draft;
use crate::study::shrink::shrink as smaller;

pub(super) fn shrink(
    scenarios: &[(PathBuf, Scenario)],
    arguments: &RunArguments,
) -> Result<ExitCode, io::Error> {
    let ([(path, scenario)], Some(seed)) = (scenarios, arguments.seed) else {
        anstream::eprintln!("error[too-many]: one scenario is made smaller at a time");
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let text = files::text(path).map_err(io::Error::other)?.text;
    let folders = Folders::of(path);
    let draft = Draft { path: &scenario.path, text, library: &folders };
    let Some(shrunk) = smaller(&draft, seed) else {
        anstream::eprintln!("error[does-not-fail]: seed {seed} of {} does not fail", scenario.path);
        return Ok(ExitCode::from(BAD_INPUT));
    };
    anstream::eprintln!(
        "seed {seed} still misses `{}` after {} steps ({} runs):",
        shrunk.missed,
        shrunk.steps.len(),
        shrunk.runs
    );
    for step in &shrunk.steps {
        anstream::eprintln!("  {step}");
    }
    output::print(&shrunk.text, arguments.views.output.first().map(PathBuf::as_path))?;
    Ok(ExitCode::SUCCESS)
}
