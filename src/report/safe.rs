//! Making the texts of a result inert: every view is made from a copy in which no text can act.
//!
//! A result may come from anywhere, and its texts from agents, mocks and file names. Control characters,
//! those that reorder or hide what is around them, and endless words are taken out here; markup is
//! escaped by each view in its own way.

use serde_json::Value;

use crate::report::result::{Here, WholeResult};
use crate::report::views::trimmed;
use crate::scenario::problem::is_bidi;

/// Longer texts are cut: nobody reads them, and a page of one word is no page.
const CHARACTERS_MAX: usize = 600;

/// Returns the result with inert texts.
pub fn inert(result: &WholeResult) -> WholeResult {
    mapped(result, text)
}

/// Returns the result with texts that no log takes for a command either.
///
/// GitHub's runner takes `::name::` at the beginning of a line for a command, and `##[name]` anywhere.
pub fn for_logs(result: &WholeResult) -> WholeResult {
    mapped(result, |of| log(&text(of)))
}

/// Returns a text without what a log could take for a command.
pub fn log(text: &str) -> String {
    text.replace("::", ": :").replace("##[", "# #[")
}

/// Returns an inert text.
pub fn text(of: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' | '\r' => ' ',
        c if c.is_control() || is_bidi(c) || is_outside_xml(c) => '\u{fffd}',
        c => c,
    };
    let mut text: String = of.chars().take(CHARACTERS_MAX).map(plain).collect();
    if of.chars().nth(CHARACTERS_MAX).is_some() {
        text.push('…');
    }
    text
}

/// Characters that XML 1.0 does not have, and tags that no reader shows.
fn is_outside_xml(c: char) -> bool {
    matches!(
        c,
        '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'
            ..='\u{e0fff}'
    )
}

fn mapped(result: &WholeResult, of: impl Fn(&str) -> String) -> WholeResult {
    // No view shows the single runs: they need not be looked through.
    let mut value = serde_json::to_value(trimmed(result)).expect("a result is JSON");
    map(&mut value, &of);
    let mut copy: WholeResult = serde_json::from_value(value).expect("other texts are texts too");
    for (drill, original) in copy.drills.iter_mut().zip(&result.drills) {
        drill.here = Here { file: of(&original.here.file), again: of(&original.here.again) };
        // Histograms are no text that anybody reads; in base64 nothing can act.
        drill.latencies.clone_from(&original.latencies);
        for log in &mut drill.latencies {
            for text in [&mut log.run, &mut log.twin] {
                text.retain(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
            }
            log.tier = of(&log.tier).into();
        }
    }
    copy
}

fn map(value: &mut Value, of: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = of(text),
        Value::Array(values) => values.iter_mut().for_each(|value| map(value, of)),
        Value::Object(fields) => fields.values_mut().for_each(|value| map(value, of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
