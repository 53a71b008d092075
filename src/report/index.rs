//! The page that leads to past runs.

use maud::{DOCTYPE, html};

use crate::report::html::{class, head};
use crate::report::words::encoded;
pub use crate::report::words::stem;

/// A result that was kept.
#[derive(Debug, Clone)]
pub struct PastRun {
    /// The folder that it is kept in, which is named after the moment.
    pub folder: String,
    /// Its drills.
    pub drills: Vec<Head>,
}

/// What an index says of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its title, made inert.
    pub title: String,
    /// Its verdict.
    pub verdict: String,
    /// Runs that passed, and all of them.
    pub passed: (u64, u64),
}

/// Returns the page.
pub fn page(runs: &[PastRun]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head("Past drills"))
            body {
                main {
                    h1 { "Past drills" }
                    table {
                        thead { tr { th scope="col" { "When (UTC)" } th scope="col" { "Verdict" } th scope="col" { "Drill" } th scope="col" class="number" { "Runs that met every target" } } }
                        tbody {
                            @for run in runs { @for (number, drill) in run.drills.iter().enumerate() { tr {
                                td { a href={ (address(&run.folder)) "/report.html#drill-" (number) } { (when(&run.folder)) } }
                                td { span class={ "verdict small " (class(&drill.verdict)) } { (drill.verdict) } }
                                td { (drill.title) }
                                td class="number" { (drill.passed.0) "/" (drill.passed.1) }
                            } } }
                        }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// Returns the moment that a folder is named after, as people write it.
fn when(folder: &str) -> String {
    match folder.split_once('Z').map(|(stamp, _)| stamp.split_once('T')) {
        Some(Some((day, time))) => format!("{day} {}", time.replace('-', ":")),
        _ => folder.to_owned(),
    }
}

/// Returns the name of a folder as an address has it; it cannot leave this page's folder.
fn address(folder: &str) -> String {
    format!("./{}", encoded(folder, b"-_"))
}
