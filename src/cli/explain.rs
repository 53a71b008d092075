//! `stormdrill explain`.

use std::io;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, output};
use crate::report::explain::{ENTRIES, Kind, find};
use crate::scenario::decode::suggest;
use crate::scenario::problem::printable;

pub(super) fn explain(code: Option<&str>) -> Result<ExitCode, io::Error> {
    let Some(code) = code else {
        output::print(&list(), None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(entry) = find(code) else {
        let known: Vec<&str> = ENTRIES.iter().map(|entry| entry.code).collect();
        anstream::eprintln!("error[unknown-name]: no code is called `{}`", printable(code));
        anstream::eprintln!("hint: {}", suggest(code, &known));
        return Ok(ExitCode::from(BAD_INPUT));
    };
    output::print(&format!("{}: {}\n\n{}\n", entry.code, entry.short, entry.long), None)?;
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    let kinds = [
        (Kind::Verdict, "Verdicts"),
        (Kind::Target, "Targets"),
        (Kind::Problem, "Problems that `check` finds"),
        (Kind::Refusal, "What commands refuse"),
    ];
    let part = |(kind, title): (Kind, &str)| {
        let lines = ENTRIES.iter().filter(|entry| entry.kind == kind);
        let lines: Vec<String> =
            lines.map(|entry| format!("  {:<24}{}\n", entry.code, entry.short)).collect();
        format!("{title}\n{}", lines.concat())
    };
    kinds.map(part).join("\n")
}
