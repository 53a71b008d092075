//! The `stormdrill` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stormdrill::cli::main()
}
