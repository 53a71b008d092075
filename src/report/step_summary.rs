//! A short table of the drills in Markdown: for the summary of a step, or a comment on a pull request.

use std::fmt::Write;

use crate::grade::Verdict;
use crate::report::markup::escaped;
use crate::report::result::{DrillResult, WholeResult};
use crate::report::words::{amount, of_runs, percent, perhaps};

/// GitHub drops a larger summary whole, so that the last drills are left out before that.
const BYTES_MAX: usize = 900 * 1024;

/// Returns the table, and below it what was missed and the command that shows it.
pub(super) fn text(result: &WholeResult) -> String {
    let worst = WholeResult::worst(&result.drills).map_or("INVALID", Verdict::word);
    let mut text = format!("## {} {worst}\n\n", sign(worst));
    line!(text, "| verdict | drill | runs that met every target | detect | contain | recover |");
    line!(text, "|---|---|---|---|---|---|");
    for drill in &result.drills {
        let median = |name: &str| {
            let of = drill.moments.iter().find(|moment| moment.name == name);
            perhaps(of.and_then(|moment| moment.p50_s))
        };
        let rate = &drill.pass_rate;
        line!(
            text,
            "| {} {} | {} | {}/{} ({} to {}, {} required) | {} | {} | {} |",
            sign(&drill.verdict),
            escaped(&drill.verdict),
            escaped(&drill.scenario.title),
            rate.passed,
            rate.runs,
            percent(rate.lower),
            percent(rate.upper),
            percent(rate.required),
            median("detect"),
            median("contain"),
            median("recover"),
        );
    }
    line!(text, "\nTimes are medians after onset.");
    for (number, drill) in result.drills.iter().filter(|drill| drill.verdict != "PASS").enumerate() {
        if text.len() > BYTES_MAX {
            line!(text, "\n… and further drills that did not pass, from the {}th on.", number + 1);
            break;
        }
        not_passed(drill, &mut text);
    }
    text
}

fn sign(verdict: &str) -> &'static str {
    match verdict {
        "PASS" => "✅",
        "FAIL" => "❌",
        _ => "⚠️",
    }
}

fn not_passed(drill: &DrillResult, text: &mut String) {
    line!(text, "\n### {} {}\n", escaped(&drill.verdict), escaped(&drill.scenario.title));
    for reason in drill.because.iter().take(4) {
        line!(text, "* {}", escaped(reason));
    }
    for target in drill.missed() {
        line!(
            text,
            "* **{}** missed in {}: median {}, 95 of 100 {}, limit {}",
            escaped(&target.name),
            of_runs(drill.missed_runs(target), drill),
            amount(target, target.p50),
            amount(target, target.p95),
            amount(target, Some(target.limit)),
        );
    }
    if let Some(shown) = drill.shown.first() {
        line!(text, "* again: {} --seed {}", escaped(&drill.here.again), shown.run.seed);
    }
}
