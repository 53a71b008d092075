//! `stormdrill report`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::BAD_INPUT;
use crate::cli::arguments::ViewArguments;
use crate::cli::compare::{refuse, text};
use crate::grade::Verdict;
use crate::report::{WholeResult, saved};

pub(super) fn report(path: &Path, views: &ViewArguments) -> Result<ExitCode, io::Error> {
    let Some(text) = text(path) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let result = match saved::whole(&text) {
        Ok(result) => result,
        Err(why) => {
            refuse(path, &why);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    if let Some(code) = views.refuse(result.drills.len()) {
        return Ok(code);
    }
    for drill in &result.drills {
        views.show(drill)?;
    }
    views.write(&result)?;
    Ok(ExitCode::from(WholeResult::worst(&result.drills).map_or(BAD_INPUT, Verdict::exit_code)))
}
