//! A drill as a page: one file, without a request to anywhere.

mod controls;
mod details;
mod first;
mod panels;
mod plot;
mod seeds;
mod timeline;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::report::lessons;
use crate::report::result::{DrillResult, WholeResult};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Returns the page of a result whose texts are inert.
pub(super) fn page(result: &WholeResult) -> String {
    let title = match result.drills.as_slice() {
        [drill] => format!("{} · {}", drill.verdict, drill.scenario.title),
        drills => format!("{} · {} drills", result.verdict, drills.len()),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title))
            body {
                main {
                    @if result.drills.len() != 1 { (overview(result)) }
                    @for (number, drill) in result.drills.iter().enumerate() { (self::drill(drill, number)) }
                }
                footer {
                    p { "stormdrill " (result.stormdrill) " · result version " (result.schema_version)
                        " · simulated in virtual time: no request was sent to anybody" }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// Returns the head of a page: what it may do, and how it looks.
pub(super) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="referrer" content="no-referrer";
            meta name="color-scheme" content="light dark";
            title { (title) }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// Nothing but the style and the script of this page: no request, no other script, no form.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Returns the class that a verdict is shown with.
pub(super) fn class(verdict: &str) -> &'static str {
    match verdict {
        "PASS" => "pass",
        "FAIL" => "fail",
        _ => "open",
    }
}

/// Returns a sentence in which names stand between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn overview(result: &WholeResult) -> Markup {
    html! {
        h1 { span class={ "verdict " (class(&result.verdict)) } { (result.verdict) } " "
            (result.drills.len()) " drills" }
        nav aria-label="Drills" {
            table {
                thead { tr { th scope="col" { "Verdict" } th scope="col" { "Drill" } th scope="col" class="number" { "Runs that met every target" } } }
                tbody {
                    @for (number, drill) in result.drills.iter().enumerate() {
                        tr {
                            td { span class={ "verdict small " (class(&drill.verdict)) } { (drill.verdict) } }
                            td { a href={ "#drill-" (number) } { (drill.scenario.title) } }
                            td class="number" { (drill.pass_rate.passed) "/" (drill.pass_rate.runs) }
                        }
                    }
                }
            }
        }
    }
}

fn drill(drill: &DrillResult, number: usize) -> Markup {
    let items = lessons::actions(drill);
    html! {
        article id={ "drill-" (number) } aria-labelledby={ "title-" (number) } {
            (first::screen(drill, number))
            @for (index, shown) in drill.shown.iter().enumerate() {
                (timeline::section(drill, shown, &format!("{number}-{index}")))
            }
            @if !drill.graded.is_empty() {
                (seeds::section(drill))
                (controls::section(drill))
            }
            @if !items.is_empty() {
                section {
                    h2 { "What to do about it" }
                    p class="lead" { "Derived from what was missed, late, idle or noisy; contributing conditions of the system, never a person." }
                    ol { @for item in &items { li { (prose(&item.what)) " " span class="quiet" { (item.owner) ", " (item.due) } } } }
                }
            }
            @if !drill.graded.is_empty() { (details::section(drill)) }
        }
    }
}
