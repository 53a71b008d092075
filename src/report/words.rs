//! How numbers are said, the same in every view.

use std::fmt::Write;

use crate::base::{Span, Time};
use crate::report::result::{DrillResult, JournalLine, LiveResult, TargetSummary};

/// Returns a value in the unit of a target.
pub(super) fn amount(target: &TargetSummary, value: Option<f64>) -> String {
    let Some(value) = value else { return "never".into() };
    match target.unit.as_ref() {
        "s" => span(value),
        "share" => share(value),
        _ => format!("{value:.0}"),
    }
}

/// Returns a length of time as people say it.
pub(super) fn span(seconds: f64) -> String {
    Span::from_secs_f64(seconds).to_string()
}

/// Returns a length of time, or `never`.
pub(super) fn perhaps(seconds: Option<f64>) -> String {
    seconds.map_or("never".into(), span)
}

/// Returns a moment as a clock since the drill began.
pub(super) fn clock(seconds: f64) -> String {
    (Time::ZERO + Span::from_secs_f64(seconds)).to_string()
}

/// Returns a share in percent with one digit.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Returns a share in percent, a small one with more digits.
pub(super) fn share(share: f64) -> String {
    crate::grade::say(crate::grade::Unit::Share, share)
}

/// Returns how long after onset something came, or that it never did.
pub(super) fn after_onset(seconds: Option<f64>) -> String {
    seconds.map_or("never".into(), |seconds| format!("{} after onset", span(seconds)))
}

/// Returns an amount of money.
pub(super) fn usd(dollars: f64) -> String {
    if dollars.abs() < 0.1 && dollars != 0.0 { format!("${dollars:.4}") } else { format!("${dollars:.2}") }
}

/// Returns how a live drill was held, and what its harm is measured against.
pub(super) fn held(live: &LiveResult) -> String {
    let pace = if live.pace > 1 { format!(" at {} times the clock", live.pace) } else { String::new() };
    let against = match live.reference.as_ref() {
        "control" => "a control arm without faults",
        _ => "its own baseline, carried on",
    };
    format!("held live{pace}; harm is measured against {against}")
}

/// Returns how many graded runs of a drill there were, as `N of M runs`.
pub(super) fn of_runs(count: u64, drill: &DrillResult) -> String {
    let runs = drill.graded_runs();
    format!("{count} of {runs} run{}", if runs == 1 { "" } else { "s" })
}

/// Returns the last folder and the stem of a drill's path, as a file or a tag is named after it.
pub fn stem(drill: &DrillResult) -> String {
    let name = drill.scenario.path.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".toml").unwrap_or(name);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let stem: String = name.chars().take(80).map(plain).collect();
    if stem.is_empty() { "drill".into() } else { stem }
}

/// Returns a journal line as a clause.
pub(super) fn happening(line: &JournalLine) -> String {
    let mut text = line.event.replace('-', " ");
    let parts = [(&line.of, " "), (&line.step, " / "), (&line.detail, ": "), (&line.owner, " by ")];
    for (part, before) in parts {
        if let Some(part) = part {
            text.push_str(before);
            text.push_str(part);
        }
    }
    text
}

/// Returns a text as an address has it (RFC 3986): letters, digits and what is to be kept; all else is encoded.
pub(super) fn encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes all");
        }
    }
    encoded
}
