//! `stormdrill console`: the console of a live drill in a terminal.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use crate::cli::BAD_INPUT;
use crate::terminal;

/// The longest link that is read.
const LINK_MAX: u64 = 4_096;

pub(super) fn console(link: &str) -> Result<ExitCode, io::Error> {
    if !io::stdout().is_terminal() {
        return Ok(refused(
            "error[no-terminal]",
            "the console is drawn in a terminal",
            "open the link in a browser",
        ));
    }
    let mut given = link.to_owned();
    if link == "-" {
        given.clear();
        let _read: usize = io::stdin().take(LINK_MAX).read_to_string(&mut given)?;
    }
    let Err(error) = terminal::open(&given) else { return Ok(ExitCode::SUCCESS) };
    let hint = "`live --console` prints a link for each role";
    let theirs =
        [io::ErrorKind::InvalidInput, io::ErrorKind::PermissionDenied, io::ErrorKind::ConnectionRefused];
    if theirs.contains(&error.kind()) {
        return Ok(refused("error[no-link]", &error.to_string(), hint));
    }
    Err(error)
}

fn refused(error: &str, why: &str, hint: &str) -> ExitCode {
    anstream::eprintln!("{error}: {why}");
    anstream::eprintln!("hint: {hint}");
    ExitCode::from(BAD_INPUT)
}
