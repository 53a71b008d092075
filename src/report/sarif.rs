//! The findings of `check` as a SARIF 2.1.0 log (OASIS), as code scanning reads it.

use serde_json::{Value, json};

use crate::report::safe;
use crate::report::words::encoded;
use crate::scenario::problem::{Code, Problem, Severity};
use crate::scenario::source::Source;

/// Code scanning keeps no more results of a run.
const RESULTS_MAX: usize = 5000;

/// Returns the log of the problems of some files, each with the texts that they point into.
pub fn text(found: &[(Vec<Problem>, Vec<Source>)]) -> String {
    let results = found
        .iter()
        .flat_map(|(problems, sources)| problems.iter().map(move |problem| result(problem, sources)));
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "stormdrill",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.take(RESULTS_MAX).collect::<Vec<Value>>(),
        }],
    });
    serde_json::to_string_pretty(&log).expect("a log is JSON") + "\n"
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "shortDescription": { "text": code.entry().short },
        "fullDescription": { "text": code.entry().long },
        "help": { "text": code.entry().long },
        "properties": { "tags": ["reliability"], "precision": "high" },
    })
}

fn result(problem: &Problem, sources: &[Source]) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let hint = if problem.hint.is_empty() { String::new() } else { format!(" Hint: {}", problem.hint) };
    let source = sources.get(usize::from(problem.place.source)).or(sources.first());
    let region = source.map(|source| {
        let (start_line, start_column) = source.line_and_column(problem.place.start);
        let (end_line, end_column) = source.line_and_column(problem.place.end.max(problem.place.start));
        json!({ "startLine": start_line, "startColumn": start_column, "endLine": end_line, "endColumn": end_column })
    });
    json!({
        "ruleId": problem.code.name(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == problem.code),
        "level": level,
        "message": { "text": safe::text(&(problem.message.clone() + &hint)) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": encoded(source.map_or("", |source| source.path.trim_start_matches("./")), b"-._~/") },
            "region": region,
        }}],
    })
}
