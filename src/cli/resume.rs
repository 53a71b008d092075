//! `stormdrill resume`: a live drill from its journal.

use std::io;
use std::process::ExitCode;

use crate::cli::arguments::ViewArguments;
use crate::cli::{BAD_INPUT, output};
use crate::gameday;
use crate::report::safe;

pub(super) fn resume(path: &std::path::Path, views: &ViewArguments) -> Result<ExitCode, io::Error> {
    if let Some(code) = views.refuse(1) {
        return Ok(code);
    }
    let read = std::fs::read(path).map_err(|error| error.to_string());
    // A journal may end in the middle of a letter.
    let resumed = read.and_then(|bytes| gameday::resume(&String::from_utf8_lossy(&bytes)));
    let resumed = match resumed {
        Ok(resumed) => resumed,
        Err(why) => {
            anstream::eprintln!(
                "error[unreadable]: {}: {}",
                output::shown(path),
                safe::log(&safe::text(&why))
            );
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    for missing in &resumed.missing {
        anstream::eprintln!("missing: {}", safe::log(&safe::text(missing)));
    }
    let result = resumed.drilled.result(&resumed.scenario, &resumed.plan, &resumed.scenario.path);
    Ok(ExitCode::from(views.finish(result)?))
}
