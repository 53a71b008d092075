//! `stormdrill runbook`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, problems};
use crate::files;
use crate::report::page;
use crate::scenario::markdown::{self, Page};
use crate::scenario::problem::{Code, Problem, Severity, Sink};
use crate::scenario::source::{Place, Source};

/// Prints a runbook's page, or those of all runbooks of a scenario.
pub(super) fn runbook(path: &Path) -> Result<ExitCode, io::Error> {
    let is_page = path.extension().is_some_and(|extension| extension == "md");
    let (texts, problems, sources) = if is_page { of_page(path) } else { of_scenario(path) };
    problems::draw_all(&problems, &sources);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    io::stdout().lock().write_all(texts.join("\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

type Pages = (Vec<String>, Vec<Problem>, Vec<Source>);

fn of_page(path: &Path) -> Pages {
    let source = match files::text(path) {
        Ok(source) => source,
        Err(why) => {
            let source = Source { path: path.to_string_lossy().into_owned(), text: String::new() };
            let place = Place { source: 0, start: 0, end: 0 };
            let problem = Problem::error(Code::Unreadable, place, format!("cannot read this file: {why}"));
            return (Vec::new(), vec![problem], vec![source]);
        }
    };
    let mut sink = Sink::default();
    let page = markdown::page(&source.text, 0, &mut sink);
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let text = page.runbook.as_ref().map(|runbook| page::text(&name, &page, runbook, &source));
    (text.into_iter().collect(), sink.problems, vec![source])
}

fn of_scenario(path: &Path) -> Pages {
    let loaded = files::load(path);
    let mut texts = Vec::new();
    for (name, runbook) in loaded.scenario.iter().flat_map(|scenario| scenario.file.runbook.iter()) {
        let Some(source) = loaded.sources.get(usize::from(runbook.recovery.place.source)) else { continue };
        let is_page = Path::new(&source.path).extension().is_some_and(|extension| extension == "md");
        let page =
            if is_page { markdown::page(&source.text, 0, &mut Sink::default()) } else { Page::default() };
        texts.push(page::text(name, &page, runbook, source));
    }
    (texts, loaded.problems, loaded.sources)
}
