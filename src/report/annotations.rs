//! Annotations for GitHub: workflow commands, at most as many as GitHub shows.
//!
//! Escaped as GitHub's own toolkit does it (`actions/toolkit`, `command.ts`); the texts have been made inert
//! for logs before.

use std::fmt::Write;

use crate::report::result::{DrillResult, TargetSummary, WholeResult};
use crate::report::safe;
use crate::report::words::{amount, of_runs};
use crate::scenario::problem::{Problem, Severity};
use crate::scenario::source::Source;

/// GitHub shows so many of each kind in a step.
const SHOWN_MAX: usize = 10;

/// An annotation of a line.
struct Annotation<'a> {
    level: &'a str,
    file: &'a str,
    line: usize,
    /// The column, from 1, where it is known.
    column: Option<usize>,
    title: String,
    message: String,
}

/// Returns the annotations of a result: each missed target at its line, and a notice for each drill.
pub fn of_result(result: &WholeResult) -> String {
    let mut text = String::new();
    let mut errors = Vec::new();
    for drill in &result.drills {
        let missed = drill.missed();
        if drill.verdict == "FAIL" {
            errors.extend(missed.map(|target| (drill, Some(target))));
        } else if drill.verdict != "PASS" {
            errors.push((drill, None));
        }
    }
    // If there are more than are shown, each drill has its first one before any has its second.
    let rank = |(drill, _): &(&DrillResult, Option<&TargetSummary>), before: usize| {
        errors[..before].iter().filter(|other| std::ptr::eq(other.0, *drill)).count()
    };
    let mut order: Vec<usize> = (0..errors.len()).collect();
    order.sort_by_key(|index| rank(&errors[*index], *index));
    for index in order.into_iter().take(SHOWN_MAX) {
        let (drill, target) = errors[index];
        write(&mut text, &error(drill, target));
    }
    for drill in result.drills.iter().take(SHOWN_MAX) {
        let message = drill.because.first().cloned().unwrap_or_default();
        let title = format!("{}: {}", drill.verdict, drill.scenario.title);
        write(
            &mut text,
            &Annotation { level: "notice", file: &drill.here.file, line: 1, column: None, title, message },
        );
    }
    text
}

fn error<'a>(drill: &'a DrillResult, target: Option<&TargetSummary>) -> Annotation<'a> {
    let Some(target) = target else {
        let message = drill.because.join("; ");
        let title = format!("{}: {}", drill.verdict, drill.scenario.title);
        return Annotation { level: "error", file: &drill.here.file, line: 1, column: None, title, message };
    };
    let again = target
        .missed_seed
        .map_or(String::new(), |seed| format!("; again: {} --seed {seed}", drill.here.again));
    Annotation {
        level: "error",
        file: &drill.here.file,
        line: target.line.unwrap_or(1),
        column: None,
        title: format!("{}: {} missed", drill.verdict, target.name),
        message: format!(
            "{} missed it: median {}, 95 of 100 {}, limit {}{again}",
            of_runs(drill.missed_runs(target), drill),
            amount(target, target.p50),
            amount(target, target.p95),
            amount(target, Some(target.limit)),
        ),
    }
}

/// Returns the annotations of problems: each with its source's line, errors first.
pub fn of_problems(found: &[(Vec<Problem>, Vec<Source>)]) -> String {
    let mut text = String::new();
    for severity in [Severity::Error, Severity::Warning] {
        let all = found
            .iter()
            .flat_map(|(problems, sources)| problems.iter().map(move |problem| (problem, sources)));
        for (problem, sources) in all.filter(|(problem, _)| problem.severity == severity).take(SHOWN_MAX) {
            let source = sources.get(usize::from(problem.place.source));
            let at = source.map(|source| source.line_and_column(problem.place.start));
            let said = |of: &str| safe::log(&safe::text(of));
            let hint =
                if problem.hint.is_empty() { String::new() } else { format!(" ({})", said(&problem.hint)) };
            let file = source.map_or(String::new(), |source| said(&source.path));
            let annotation = Annotation {
                level: if severity == Severity::Error { "error" } else { "warning" },
                file: &file,
                line: at.map_or(1, |at| at.0),
                column: at.map(|at| at.1),
                title: problem.code.name().to_owned(),
                message: said(&problem.message) + &hint,
            };
            write(&mut text, &annotation);
        }
    }
    text
}

fn write(text: &mut String, of: &Annotation<'_>) {
    let column = of.column.map_or(String::new(), |column| format!(",col={column}"));
    line!(
        text,
        "::{} file={},line={}{column},title={}::{}",
        of.level,
        property(of.file),
        of.line,
        property(&of.title),
        message(&of.message)
    );
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
