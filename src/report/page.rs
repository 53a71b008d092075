//! A runbook as the page that somebody on call wants: what it means, what to do, when it is over.

use std::fmt::Write;

use crate::scenario::condition::Condition;
use crate::scenario::file::runbooks::{Otherwise, Runbook, RunbookStep};
use crate::scenario::markdown::Page;
use crate::scenario::problem::printable;
use crate::scenario::source::{At, Source, call};

/// How wide the page is.
const WIDTH: usize = 100;

/// Returns the page of a runbook; `told` and sections are empty for one that is written in a scenario.
pub fn text(name: &str, page: &Page, runbook: &Runbook, source: &Source) -> String {
    let mut text = String::new();
    let title = if page.title.is_empty() || page.title == name { "" } else { page.title.as_str() };
    line!(text, "RUNBOOK  {}", printable(format!("{name}  {title}").trim_end()));
    for section in page.sections.iter().filter(|section| section.title != "Mitigation") {
        if !section.prose.is_empty() {
            line!(text, "\n{}", printable(&section.title));
            wrap(&section.prose, "  ", &mut text);
        }
    }
    line!(text, "\nSteps (owners work side by side, each in order)");
    for (index, step) in runbook.steps.iter().enumerate() {
        let until =
            runbook.steps.get(index + 1).map_or(source.text.len(), |next| next.id.place.start as usize);
        let written = source.text.get(step.id.place.start as usize..until).unwrap_or_default();
        self::step(index, step, (written, page.told.get(index).map_or("", String::as_str)), &mut text);
        for (word, at) in [("when", &step.when), ("only if", &step.only_if), ("then see", &step.expect)] {
            if let Some(at) = at {
                let line = format!("{word}: {}", condition(at, source));
                wrap(&line, "       ", &mut text);
            }
        }
        if step.otherwise.is_some_and(|at| at.value == Otherwise::Escalate) {
            wrap("otherwise: escalate", "       ", &mut text);
        }
    }
    line!(text, "\nOver when");
    wrap(&condition(&runbook.recovery, source), "  ", &mut text);
    line!(text, "\nSay in every update");
    let order = ["impact scope", "current state", "risk level", "mitigation plan", "recovery criteria"];
    for (number, what) in order.iter().enumerate() {
        line!(text, "  {}. {what}", number + 1);
    }
    text
}

fn step(index: usize, step: &RunbookStep, (written, told): (&str, &str), text: &mut String) {
    line!(
        text,
        "  {:>2}. [ ] {:<10} within {:<6} {}: {}",
        index + 1,
        printable(&step.owner.value.0),
        step.within.value.to_string(),
        printable(&step.id.value.0),
        printable(&call(written, "do", step.r#do.tag())),
    );
    if !told.is_empty() {
        wrap(told, "       ", text);
    }
}

/// Returns a condition as it is written.
fn condition(at: &At<Condition>, source: &Source) -> String {
    let written = source.text.get(at.place.start as usize..at.place.end as usize).unwrap_or_default();
    written.trim_matches(['"', '\'']).to_owned()
}

/// Writes text in lines of at most [`WIDTH`] characters.
fn wrap(words: &str, indent: &str, text: &mut String) {
    let mut line = String::new();
    for word in printable(words).split_whitespace() {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            line!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line!(text, "{indent}{line}");
}
