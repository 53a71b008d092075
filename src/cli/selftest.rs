//! `stormdrill selftest`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::cli::{BAD_INPUT, problems};
use crate::study::{Seeds, selftest as test};

pub(super) fn selftest(paths: &[PathBuf], seeds: u64, threads: usize) -> Result<ExitCode, io::Error> {
    let checked = problems::load(paths);
    if checked.errors > 0 {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let mut broken = 0;
    for (_, scenario) in &checked.scenarios {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", scenario.path)?;
        for variant in test(scenario, Seeds { first: 1, count: seeds, threads }).map_err(io::Error::other)? {
            let (style, mark) = if variant.is_held {
                (AnsiColor::Green.on_default(), "ok    ")
            } else {
                (AnsiColor::Red.on_default(), "BROKEN")
            };
            writeln!(out, "  {style}{mark}{style:#} {:<20} {}", variant.name, variant.found)?;
            if !variant.is_held {
                broken += 1;
                let faint = Style::new().dimmed();
                writeln!(out, "         {faint}hint: {}{faint:#}", variant.hint)?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(broken > 0)))
}
