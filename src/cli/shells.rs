//! `stormdrill completions` and `stormdrill man`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::arguments::Arguments;
use crate::cli::output;

pub(super) fn completions(shell: Shell) -> Result<ExitCode, io::Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "stormdrill", &mut script);
    output::print(&String::from_utf8(script).map_err(io::Error::other)?, None)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(folder: Option<&Path>) -> Result<ExitCode, io::Error> {
    let command = Arguments::command();
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        output::print(&String::from_utf8(page).map_err(io::Error::other)?, None)?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)?;
    Ok(ExitCode::SUCCESS)
}
