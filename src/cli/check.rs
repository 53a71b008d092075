//! `stormdrill check`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::arguments::Findings;
use crate::cli::{BAD_INPUT, output, problems};
use crate::report::{annotations, sarif};

pub(super) fn check(
    paths: &[PathBuf],
    findings: Findings,
    path: Option<&Path>,
) -> Result<ExitCode, io::Error> {
    let checked = problems::load(paths);
    match findings {
        Findings::Human => output::print(&summary(&checked), path)?,
        Findings::Github => output::print(&annotations::of_problems(&checked.found), path)?,
        Findings::Sarif => output::print(&sarif::text(&checked.found), path)?,
    }
    Ok(ExitCode::from(if checked.errors == 0 { 0 } else { BAD_INPUT }))
}

fn summary(checked: &problems::Checked) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}\n",
        plural(checked.files, "file"),
        plural(checked.errors, "error"),
        plural(checked.warnings, "warning"),
    )
}
