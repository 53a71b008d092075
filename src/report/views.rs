//! Every view of a result: what `--format` names.

use std::borrow::Cow;

use clap::ValueEnum;

use crate::report::result::WholeResult;
use crate::report::{annotations, chaos, hlog, html, human, jsonl, junit, postmortem, safe, step_summary};

/// A form in which a result can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// One screen for people, drill by drill.
    Human,
    /// The result as JSON, with the version of its form.
    Json,
    /// The same in one line and without the single runs: everything that the other formats show.
    JsonTrimmed,
    /// A page with pictures, in one file that needs nothing else.
    Html,
    /// The draft of a postmortem, in Markdown.
    Markdown,
    /// A table of the drills in Markdown, for the summary of a step in GitHub or a comment.
    Summary,
    /// `JUnit` XML, for GitLab, Jenkins and others.
    Junit,
    /// Annotations for GitHub, on the scenario's own lines.
    Github,
    /// The journals of the runs that are shown, a line of JSON for each entry.
    Jsonl,
    /// The latencies of tasks over all runs, as an `HdrHistogram` log.
    Hlog,
    /// A journal as Chaos Toolkit writes it; of one drill.
    Chaos,
}

impl View {
    /// The views that are kept as files, and their names.
    pub const FILES: [(Self, &'static str); 8] = [
        (Self::Json, "result.json"),
        (Self::Html, "report.html"),
        (Self::Markdown, "postmortem.md"),
        (Self::Summary, "summary.md"),
        (Self::Junit, "junit.xml"),
        (Self::Jsonl, "journal.jsonl"),
        (Self::Hlog, "latency.hlog"),
        (Self::Chaos, "chaos.json"),
    ];

    /// Returns the text of this view; says why if there is none.
    pub fn render(self, result: &WholeResult) -> Result<String, String> {
        let safe = || safe::inert(result);
        Ok(match self {
            Self::Human => {
                let texts: Vec<String> = safe::for_logs(result).drills.iter().map(human::drill).collect();
                texts.join("\n")
            }
            Self::Json => json(result),
            Self::JsonTrimmed => serde_json::to_string(&trimmed(result)).expect("a result is JSON") + "\n",
            Self::Html => html::page(&safe()),
            Self::Markdown => postmortem::text(&safe()),
            Self::Summary => step_summary::text(&safe()),
            Self::Junit => junit::text(&safe()),
            Self::Github => annotations::of_result(&safe::for_logs(result)),
            Self::Jsonl => jsonl::text(&safe()),
            Self::Hlog => hlog::text(&safe()),
            Self::Chaos => {
                let safe = safe();
                let [drill] = safe.drills.as_slice() else {
                    return Err("a journal of Chaos Toolkit is of one drill: name one scenario".into());
                };
                chaos::text(drill)
            }
        })
    }
}

/// Returns the result without its single runs; those that are shown stay.
pub fn trimmed(result: &WholeResult) -> WholeResult {
    let mut trimmed = result.clone();
    trimmed.drills.iter_mut().for_each(|drill| drill.runs.clear());
    trimmed
}

fn json(result: &WholeResult) -> String {
    let text = serde_json::to_string_pretty(result).expect("a result is JSON");
    text + "\n"
}

/// Returns one drill of a result as a result of its own.
pub fn only(result: &WholeResult, index: usize) -> Cow<'_, WholeResult> {
    match result.drills.get(index) {
        Some(drill) if result.drills.len() > 1 => Cow::Owned(WholeResult::of(vec![drill.clone()])),
        Some(_) | None => Cow::Borrowed(result),
    }
}
