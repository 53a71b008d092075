//! `stormdrill new`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, output};
use crate::scenario::problem::printable;
use crate::scenario::units;

/// The files that are written, with what stands in them; `NAME` is the scenario's name.
const FILES: [(&str, &str); 5] = [
    ("scenarios/NAME.toml", include_str!("scenario.toml")),
    ("scenarios/runbooks/NAME.md", include_str!("runbook.md")),
    ("mocks/NAME-model.toml", include_str!("model.toml")),
    ("mocks/NAME-tool.toml", include_str!("tool.toml")),
    ("mocks/NAME-standby.toml", include_str!("standby.toml")),
];

pub(super) fn new(name: &str, into: &Path) -> Result<ExitCode, io::Error> {
    if let Err(why) = units::name(name) {
        anstream::eprintln!("error[bad-name]: `{}`: {why}", printable(name));
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let paths: Vec<(PathBuf, &str)> =
        FILES.iter().map(|(path, text)| (into.join(path.replace("NAME", name)), *text)).collect();
    // Nothing is written if anything is there already.
    if let Some((path, _)) = paths.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        anstream::eprintln!("error[exists]: `{}` is there already", path.display());
        anstream::eprintln!("hint: take another name, or another folder with `--into`");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let mut said = String::new();
    for (path, text) in &paths {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.replace("NAME", name).as_bytes())?;
        said.push_str("wrote ");
        said.push_str(&path.to_string_lossy());
        said.push('\n');
    }
    said.push_str("\nNext: stormdrill run ");
    said.push_str(&paths[0].0.to_string_lossy());
    said.push('\n');
    output::print(&said, None)?;
    Ok(ExitCode::SUCCESS)
}
