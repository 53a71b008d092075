//! Loading scenario files and printing what is wrong with them.

use std::path::{Path, PathBuf};

use crate::files;
use crate::report::safe;
use crate::scenario::problem::{Code, Problem, Severity, draw};
use crate::scenario::source::{Place, Source};
use crate::scenario::{Loaded, Scenario};

/// What loading came to: the scenarios that can be run, and how many problems of each severity.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) scenarios: Vec<(PathBuf, Scenario)>,
    pub(super) files: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    /// By file, what was found and the texts that it points into.
    pub(super) found: Vec<(Vec<Problem>, Vec<Source>)>,
}

/// Loads every scenario that the paths mean; draws every problem on the standard error.
pub(super) fn load(paths: &[PathBuf]) -> Checked {
    let mut checked = Checked::default();
    for path in paths {
        match files::scenarios(path) {
            Ok(files) => files.iter().for_each(|file| load_one(file, &mut checked)),
            Err(why) => {
                checked.errors += 1;
                anstream::eprintln!("error[unreadable]: {}", safe::log(&safe::text(&why)));
                let place = Place { source: 0, start: 0, end: 0 };
                let source = Source { path: path.to_string_lossy().into_owned(), text: String::new() };
                checked.found.push((vec![Problem::error(Code::Unreadable, place, why)], vec![source]));
            }
        }
    }
    checked
}

/// Loads the one scenario that a path names; what is wrong has been said if there is none.
pub(super) fn load_only(path: &Path) -> Option<(PathBuf, Scenario)> {
    let mut checked = load(std::slice::from_ref(&path.to_owned()));
    if checked.errors > 0 {
        return None;
    }
    if checked.scenarios.len() != 1 {
        anstream::eprintln!("error[unreadable]: name one scenario file");
        return None;
    }
    checked.scenarios.pop()
}

/// Loads what a path says is to be served; what is wrong has been said if there is none.
pub(super) fn load_served(path: &Path) -> Option<Scenario> {
    let Loaded { scenario, problems, sources } = files::load_served(path);
    draw_all(&problems, &sources);
    scenario
}

/// The most problems of one file that are drawn.
const SHOWN_MAX: usize = 100;

/// Draws problems on the standard error, as many as anybody reads.
pub(super) fn draw_all(problems: &[Problem], sources: &[Source]) {
    for problem in problems.iter().take(SHOWN_MAX) {
        anstream::eprintln!("{}\n", draw(problem, sources, true));
    }
    if problems.len() > SHOWN_MAX {
        anstream::eprintln!("... and {} more problems\n", problems.len() - SHOWN_MAX);
    }
}

fn load_one(path: &Path, checked: &mut Checked) {
    checked.files += 1;
    let Loaded { scenario, problems, sources } = files::load(path);
    for problem in &problems {
        match problem.severity {
            Severity::Error => checked.errors += 1,
            Severity::Warning => checked.warnings += 1,
        }
    }
    draw_all(&problems, &sources);
    checked.found.push((problems, sources));
    checked.scenarios.extend(scenario.map(|scenario| (path.to_owned(), scenario)));
}
