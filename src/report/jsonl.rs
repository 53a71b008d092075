//! The journals of the runs that are shown, a line of JSON for each entry.

use serde::Serialize;

use crate::report::result::{JournalLine, WholeResult};

#[derive(Serialize)]
struct Row<'a> {
    drill: usize,
    scenario: &'a str,
    seed: u64,
    #[serde(flatten)]
    line: &'a JournalLine,
}

/// Returns the lines, drill by drill and run by run, in order of time.
pub(super) fn text(result: &WholeResult) -> String {
    let mut text = String::new();
    for (number, drill) in result.drills.iter().enumerate() {
        for shown in &drill.shown {
            for line in &shown.journal {
                let row = Row { drill: number, scenario: &drill.scenario.path, seed: shown.run.seed, line };
                text.push_str(&serde_json::to_string(&row).expect("a journal line is JSON"));
                text.push('\n');
            }
        }
    }
    text
}
