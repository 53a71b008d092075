//! Which formats a result is wanted in, and where each goes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory};

use crate::cli::arguments::{Arguments, Command, ViewArguments};
use crate::cli::{BAD_INPUT, folder, output};
use crate::report::views::View;
use crate::report::{DrillResult, WholeResult};

/// Gives each `--output` to the `--format` before it.
pub(super) fn order(arguments: &mut Arguments, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let views = if let Command::Run(of) = &mut arguments.command {
        &mut of.views
    } else if let Command::Report { views, .. } = &mut arguments.command {
        views
    } else {
        return Ok(());
    };
    views.order = pairs(views, matches).map_err(|why| {
        let mut command = Arguments::command();
        let command = command.find_subcommand_mut(name).expect("the command that was parsed");
        command.error(ErrorKind::ArgumentConflict, why)
    })?;
    Ok(())
}

fn pairs(views: &ViewArguments, matches: &ArgMatches) -> Result<Vec<(View, Option<PathBuf>)>, String> {
    let places = |name: &str| matches.indices_of(name).map_or_else(Vec::new, Iterator::collect::<Vec<usize>>);
    let formats = places("format").into_iter().zip(views.format.iter().copied().map(Ok));
    let outputs = places("output").into_iter().zip(views.output.iter().cloned().map(Err));
    let mut all: Vec<(usize, Result<View, PathBuf>)> = formats.chain(outputs).collect();
    all.sort_by_key(|(place, _)| *place);
    let mut pairs: Vec<(View, Option<PathBuf>)> = Vec::new();
    for (_, given) in all {
        match (given, pairs.last_mut()) {
            (Ok(view), _) => pairs.push((view, None)),
            (Err(path), Some((_, output @ None))) => *output = Some(path),
            (Err(path), None) => pairs.push((View::Human, Some(path))),
            (Err(path), Some((_, Some(_)))) => {
                return Err(format!("`--output {}` has no `--format` before it", path.display()));
            }
        }
    }
    // Without another wish the terminal shows how it went, also beside what is kept.
    if pairs.is_empty() {
        pairs.push((View::Human, None));
    }
    if pairs.iter().filter(|(_, output)| output.is_none()).count() > 1 {
        return Err("only one `--format` can go to the standard output: give the others an `--output`".into());
    }
    Ok(pairs)
}

impl ViewArguments {
    /// Whether the standard output shows each drill as it ends.
    pub(super) fn is_shown_at_once(&self) -> bool {
        self.order.contains(&(View::Human, None))
    }

    /// Prints a drill that has ended, if that is wanted.
    pub(super) fn show(&self, drill: &DrillResult) -> Result<(), io::Error> {
        if !self.is_shown_at_once() {
            return Ok(());
        }
        let text = View::Human.render(&WholeResult::of(vec![drill.clone()])).map_err(io::Error::other)?;
        output::print(&format!("{text}\n"), None)
    }

    /// Writes every other format; says which one cannot be had.
    pub(super) fn write(&self, result: &WholeResult) -> Result<Option<ExitCode>, io::Error> {
        for (view, path) in self.order.iter().filter(|pair| **pair != (View::Human, None)) {
            match view.render(result) {
                Ok(text) => output::print(&text, path.as_deref())?,
                Err(why) => {
                    anstream::eprintln!("error[bad-output]: {why}");
                    return Ok(Some(ExitCode::from(BAD_INPUT)));
                }
            }
        }
        if let Some(root) = &self.save {
            let made = folder::keep(root, result)?;
            anstream::eprintln!("kept in {}", Path::new(&made).display());
        }
        Ok(None)
    }
}
