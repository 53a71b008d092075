//! `stormdrill check`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, problems};

pub(super) fn check(paths: &[PathBuf]) -> Result<ExitCode, io::Error> {
    let checked = problems::load(paths);
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let summary = format!(
        "{}: {}, {}\n",
        plural(checked.files, "file"),
        plural(checked.errors, "error"),
        plural(checked.warnings, "warning"),
    );
    io::stdout().lock().write_all(summary.as_bytes())?;
    Ok(ExitCode::from(if checked.errors == 0 { 0 } else { BAD_INPUT }))
}
