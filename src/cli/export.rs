//! `stormdrill export`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, problems};
use crate::report::rules;

pub(super) fn rules(
    path: &Path,
    output: &Path,
    (seed, runbooks): (u64, &str),
) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(path) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let stem = path.file_stem().map_or_else(|| "alerts".into(), |stem| stem.to_string_lossy().into_owned());
    std::fs::create_dir_all(output)?;
    for file in rules::files(&scenario, (&stem, runbooks), seed) {
        let written = output.join(&file.name);
        std::fs::write(&written, file.text)?;
        anstream::println!("{}", written.display());
    }
    Ok(ExitCode::SUCCESS)
}
