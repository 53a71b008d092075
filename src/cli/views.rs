//! Which formats a result is wanted in, and where each goes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory};

use crate::cli::arguments::{Arguments, Command, ViewArguments};
use crate::cli::{BAD_INPUT, folder, output};
use crate::grade::Verdict;
use crate::report::views::View;
use crate::report::{DrillResult, WholeResult};

/// Gives each `--output` to the `--format` before it.
pub(super) fn order(arguments: &mut Arguments, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let views = if let Command::Run(of) = &mut arguments.command {
        &mut of.views
    } else if let Command::Live(of) = &mut arguments.command {
        &mut of.views
    } else if let Command::Resume { views, .. } = &mut arguments.command {
        views
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
    // An output that has no format yet: of the next one, or of the view for people.
    let mut open = None;
    for (_, given) in all {
        match (given, pairs.last_mut()) {
            (Ok(view), _) => pairs.push((view, open.take())),
            (Err(path), Some((_, output @ None))) => *output = Some(path),
            (Err(path), _) if open.is_none() => open = Some(path),
            (Err(path), _) => return Err(format!("`--output {}` has no `--format`", output::shown(&path))),
        }
    }
    match (open, pairs.is_empty()) {
        // Without another wish the terminal shows how it went, also beside what is kept.
        (open, true) => pairs.push((View::Human, open)),
        (Some(path), false) => return Err(format!("`--output {}` has no `--format`", output::shown(&path))),
        (None, false) => {}
    }
    let mut paths: Vec<&PathBuf> = pairs.iter().filter_map(|(_, output)| output.as_ref()).collect();
    paths.sort();
    if let Some(twice) = paths.windows(2).find(|two| two[0] == two[1]) {
        return Err(format!("two formats go to `{}`", output::shown(twice[0])));
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

    /// Says what cannot be written, before anything is run.
    pub(super) fn refuse(&self, drills: usize) -> Option<ExitCode> {
        let mut whys = Vec::new();
        if drills != 1 && self.order.iter().any(|(view, _)| *view == View::Chaos) {
            whys.push("a journal of Chaos Toolkit is of one drill: name one scenario".to_owned());
        }
        for path in self.order.iter().filter_map(|(_, output)| output.as_deref()) {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            if path.is_dir() {
                whys.push(format!("`{}` is a folder", output::shown(path)));
            } else if folder.is_some_and(|folder| !folder.is_dir()) {
                whys.push(format!("`{}` is in no folder that is there", output::shown(path)));
            }
        }
        for why in &whys {
            anstream::eprintln!("error[bad-output]: {why}");
        }
        (!whys.is_empty()).then(|| ExitCode::from(BAD_INPUT))
    }

    /// Shows and writes the result of one drill; returns its exit code.
    pub(super) fn finish(&self, result: DrillResult) -> Result<u8, io::Error> {
        self.show(&result)?;
        let code = WholeResult::worst(std::slice::from_ref(&result)).map_or(BAD_INPUT, Verdict::exit_code);
        self.write(&WholeResult::of(vec![result]))?;
        Ok(code)
    }

    /// Writes every other format.
    pub(super) fn write(&self, result: &WholeResult) -> Result<(), io::Error> {
        let mut failed = Ok(());
        for (view, path) in self.order.iter().filter(|pair| **pair != (View::Human, None)) {
            let text = view.render(result).map_err(io::Error::other);
            // One that fails does not take the others with it.
            failed = failed.and(text.and_then(|text| output::print(&text, path.as_deref())));
        }
        if let Some(root) = &self.save {
            let kept = folder::keep(root, result).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot keep in `{}`: {error}", output::shown(root)))
            });
            if let Ok(made) = &kept {
                anstream::eprintln!("kept in {}", output::shown(made));
            }
            failed = failed.and(kept.map(|_| ()));
        }
        failed
    }
}
