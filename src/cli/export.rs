//! `stormdrill export`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, output, problems};
use crate::report::rules;

pub(super) fn rules(
    path: &Path,
    folder: &Path,
    (seed, runbooks): (u64, &str),
) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(path) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let stem = path.file_stem().map_or_else(|| "alerts".into(), |stem| stem.to_string_lossy().into_owned());
    std::fs::create_dir_all(folder)?;
    let (files, why) = rules::files(&scenario, (&stem, runbooks), seed);
    let mut written = String::new();
    for file in files {
        let path = folder.join(&file.name);
        std::fs::write(&path, file.text)?;
        written.push_str(&output::shown(&path));
        written.push('\n');
    }
    if let Some(why) = why {
        anstream::eprintln!("warning[no-evidence]: there are no unit tests: {why}");
    }
    output::print(&written, None)?;
    Ok(ExitCode::SUCCESS)
}
