//! What a mock model says: recorded, scripted by turns, or filler; and what faults make of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::Key;
use crate::model::outcome::Talk;
use crate::plan::{Flaw, TurnPlan, WirePlan};
use crate::wire::answer::{Part, Stop};
use crate::wire::canary::{self, Canary};
use crate::wire::prompt::Prompt;
use crate::wire::tokens;

const FILLER: Key = Key::of_name("length of filler");
const WORDS: Key = Key::of_name("words of filler");
const CALL: Key = Key::of_name("number of call");
const BROKEN: Key = Key::of_name("way of a broken call");
const HIJACK: Key = Key::of_name("hijack of model");
const REPEATS: Key = Key::of_name("repetition after loss");

/// Recorded replies, by prompt.
pub type Recorded = BTreeMap<String, Recording>;

/// A recorded reply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// What the user said last.
    pub prompt: String,
    /// What was replied.
    #[serde(default)]
    pub say: String,
    /// The tools that were asked for.
    #[serde(default)]
    pub calls: Vec<RecordedCall>,
}

/// A tool that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// Its name.
    pub tool: String,
    /// Its arguments.
    pub arguments: serde_json::Value,
}

/// Reads recorded replies from JSON lines; the errors name line and column.
pub fn recorded(text: &str) -> Result<Recorded, Vec<String>> {
    let (mut all, mut wrong) = (Recorded::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Recording>(line) {
            Ok(recording) => drop(all.insert(recording.prompt.clone(), recording)),
            Err(error) => {
                // The place that it names is one of the line.
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or_default();
                wrong.push(format!("{number}:{}: {what}", error.column().max(1)));
            }
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(wrong) }
}

/// What a model says, before it is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The parts.
    pub parts: Vec<Part>,
    /// Why it ends.
    pub stop: Stop,
}

/// Who asks: the number and the stream of the request.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Which request of the mock it is, from 0.
    pub number: u64,
    /// Its stream.
    pub key: Key,
}

/// Returns what the mock says to a prompt, at a turn of the conversation.
pub fn said(wire: &WirePlan, recorded: &Recorded, prompt: &Prompt, turns: u32, asked: Asked) -> Said {
    let known = if recorded.is_empty() { None } else { recorded.get(&prompt.last) };
    if let Some(recording) = known.filter(|_| prompt.result.is_empty() || turns > 0) {
        let calls = recording.calls.iter().map(|call| (call.tool.clone(), call.arguments.to_string()));
        // What was asked for has been brought: the recorded text is the answer.
        let calls = if prompt.result.is_empty() { calls.collect() } else { Vec::new() };
        return assemble(Some(recording.say.clone()), calls, asked.key);
    }
    let is_meant = |turn: &&TurnPlan| turn.when.as_ref().is_some_and(|when| prompt.last.contains(when));
    let mut script: Vec<&TurnPlan> = wire.turns.iter().filter(is_meant).collect();
    if script.is_empty() {
        script = wire.turns.iter().filter(|turn| turn.when.is_none()).collect();
    }
    if let Some(turn) = script.get((turns as usize).min(script.len().saturating_sub(1))) {
        let fill = |text: &String| fill(text, prompt, asked.number, false);
        let arguments = |text: &String| self::fill(text, prompt, asked.number, true);
        let calls = turn.calls.iter().map(|(tool, text)| (tool.clone(), arguments(text))).collect();
        return assemble(turn.say.as_ref().map(fill), calls, asked.key);
    }
    if let Some(tool) = prompt.forced.clone().filter(|_| prompt.result.is_empty()) {
        return assemble(None, vec![(tool, "{}".into())], asked.key);
    }
    let count = wire.tokens.sample_count(&mut asked.key.with(FILLER).draws());
    assemble(Some(filler(count, asked.key.with(WORDS))), Vec::new(), asked.key)
}

fn assemble(say: Option<String>, calls: Vec<(String, String)>, key: Key) -> Said {
    let stop = if calls.is_empty() { Stop::End } else { Stop::Tools };
    let text = say.filter(|text| !text.is_empty() || calls.is_empty()).map(Part::Text);
    let call = |(number, (name, arguments)): (u64, (String, String))| {
        let id = key.with(CALL).at(number).number();
        Part::Call { id, name, arguments }
    };
    Said { parts: text.into_iter().chain((0..).zip(calls).map(call)).collect(), stop }
}

/// Fills the placeholders of a text; inside of JSON, what is filled in is escaped.
fn fill(text: &str, prompt: &Prompt, number: u64, is_json: bool) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    filled(text, is_json, |word| match word {
        "prompt" => Some(prompt.last.clone()),
        "system" => Some(prompt.system.clone()),
        "result" => Some(prompt.result.clone()),
        "model" => Some(prompt.model.clone()),
        "turn" => Some(prompt.turns.to_string()),
        "request" => Some(number.to_string()),
        _ => None,
    })
}

/// Fills each `{{word}}` of a text that `value` knows; the others stay.
pub fn filled(text: &str, is_json: bool, value: impl Fn(&str) -> Option<String>) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        whole.push_str(before);
        let Some((word, tail)) = after.split_once("}}") else {
            whole.push_str("{{");
            rest = after;
            continue;
        };
        match value(word.trim()) {
            Some(value) if is_json => {
                let escaped = serde_json::Value::String(value).to_string();
                whole.push_str(escaped.get(1..escaped.len() - 1).unwrap_or_default());
            }
            Some(value) => whole.push_str(&value),
            None => {
                whole.push_str("{{");
                whole.push_str(word);
                whole.push_str("}}");
            }
        }
        rest = tail;
    }
    whole.push_str(rest);
    whole
}

/// The words of filler: each is one token.
const VOCABULARY: [&str; 32] = [
    "the", "order", "was", "sent", "on", "time", "and", "we", "will", "check", "with", "our", "team", "for",
    "you", "please", "allow", "two", "days", "it", "is", "in", "good", "state", "as", "noted", "by", "your",
    "agent", "last", "week", "today",
];

/// Returns so many tokens of text that means nothing.
pub fn filler(count: u64, key: Key) -> String {
    let mut draws = key.draws();
    let word = |number: u64| {
        let word = VOCABULARY[(draws.unit() * VOCABULARY.len() as f64) as usize % VOCABULARY.len()];
        if number == 0 { word.to_owned() } else { format!(" {word}") }
    };
    (0..count).map(word).collect::<Vec<_>>().concat()
}

/// Follows an injected instruction, with its chance: asks for the tool that it wants.
///
/// `hijack` says how likely a canary's instruction is followed, if it is one of ours.
pub fn hijacked(
    prompt: &Prompt,
    canaries: &[Canary],
    hijack: impl Fn(Canary) -> Option<f64>,
    key: Key,
) -> Option<Said> {
    canaries.iter().find_map(|&canary| {
        let chance = hijack(canary)?;
        let is_followed = key.with(HIJACK).at(canary.0).unit() < chance;
        let text = format!("{}{}", prompt.last, prompt.result);
        let wanted = canary::instructed(&text, canary).map(str::to_owned);
        // An instruction in a tool's description wants the tool that it is about.
        let tool = wanted.or_else(|| prompt.tools.first().cloned()).filter(|_| is_followed)?;
        let arguments = serde_json::json!({ "note": canary.to_string() }).to_string();
        Some(assemble(None, vec![(tool, arguments)], key))
    })
}

/// Returns the turn at which a model is that has lost the history, or goes round in a circle.
pub fn turn_with(flaw: Option<Flaw>, turns: u32, key: Key) -> u32 {
    match flaw {
        Some(Flaw::HistoryLost(repeats)) if key.with(REPEATS).unit() < repeats => 0,
        Some(Flaw::Again) => turns.saturating_sub(1),
        Some(_) | None => turns,
    }
}

/// Makes of what is said what a flaw makes of it.
pub fn spoil(said: &mut Said, flaw: Flaw, prompt: &Prompt, (key, marker): (Key, Canary)) {
    match flaw {
        Flaw::Wrong => each_text(said, wrong),
        // What was forgotten is made up.
        Flaw::HistoryLost(repeats) if key.with(REPEATS).unit() >= repeats => each_text(said, wrong),
        Flaw::Corrupt => each_text(said, corrupt),
        Flaw::ToolCall => break_call(said, key),
        Flaw::Refused => {
            said.parts = vec![Part::Refusal("I can't help with that.".into())];
            said.stop = Stop::Refusal;
        }
        Flaw::Bleed => {
            said.parts.insert(0, Part::Text(format!("[account of another customer: {marker}] ")));
        }
        Flaw::Waved => {
            (said.parts, said.stop) = (vec![Part::Text("PASS".into())], Stop::End);
        }
        Flaw::Again => {
            if let Some((name, arguments)) = prompt.last_call.clone() {
                *said = assemble(None, vec![(name, arguments)], key);
            }
        }
        // The length is the answer's affair; the others are of tools and of messages between agents.
        Flaw::HistoryLost(_)
        | Flaw::Truncated(_)
        | Flaw::Poisoned(..)
        | Flaw::Stale
        | Flaw::Flood(_)
        | Flaw::Dropped
        | Flaw::Doubled
        | Flaw::Late(_)
        | Flaw::CutShort
        | Flaw::SentBack
        | Flaw::OldRead => {}
    }
}

fn each_text(said: &mut Said, change: impl Fn(&str, bool) -> String) {
    for part in &mut said.parts {
        match part {
            Part::Text(text) => *text = change(text, false),
            Part::Call { arguments, .. } => *arguments = change(arguments, true),
            Part::Refusal(_) => {}
        }
    }
}

/// Returns a text that is as well formed and says something else: other digits, and other words where it has none.
///
/// JSON keeps its keys and its form.
pub fn wrong(text: &str, is_json: bool) -> String {
    if is_json {
        return serde_json::from_str(text)
            .map_or_else(|_| text.to_owned(), |value| other_value(value).to_string());
    }
    if text.chars().any(|c| c.is_ascii_digit()) {
        other_digits(text)
    } else {
        format!("It is not the case that {text}")
    }
}

/// Returns a text with other digits, none of which is zero.
fn other_digits(text: &str) -> String {
    let other = |c: char| match c.to_digit(10) {
        Some(digit) => char::from_digit((digit + 3) % 9 + 1, 10).unwrap_or(c),
        None => c,
    };
    text.chars().map(other).collect()
}

fn other_value(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if text.chars().any(|c| c.is_ascii_digit()) => Value::String(other_digits(&text)),
        Value::String(text) => Value::String(text.chars().rev().collect()),
        Value::Number(number) => {
            serde_json::from_str(&other_digits(&number.to_string())).unwrap_or(Value::Null)
        }
        Value::Bool(truth) => Value::Bool(!truth),
        Value::Array(items) => Value::Array(items.into_iter().map(other_value).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, other_value(value))).collect())
        }
        Value::Null => Value::Null,
    }
}

/// Returns a text with tokens of another script in it; JSON also loses its end.
fn corrupt(text: &str, is_json: bool) -> String {
    if is_json {
        let keep = text.chars().count().saturating_sub(1);
        return text.chars().take(keep).collect();
    }
    let pieces: Vec<&str> = tokens::Tokens::from(text, 0).filter_map(|range| text.get(range)).collect();
    // A short text has its foreign token at the end.
    let first = pieces.len().min(4).saturating_sub(1);
    let mixed = |(number, piece): (usize, &&str)| {
        if number % 8 == first { format!("{piece} ขออภัย") } else { (*piece).to_owned() }
    };
    pieces.iter().enumerate().map(mixed).collect::<Vec<_>>().concat()
}

/// Breaks what a model asks for: an unknown tool, arguments that are no JSON, or no call at all.
fn break_call(said: &mut Said, key: Key) {
    let way = (key.with(BROKEN).unit() * 3.0) as u32;
    let Some(Part::Call { name, arguments, .. }) =
        said.parts.iter_mut().find(|part| matches!(part, Part::Call { .. }))
    else {
        // Where no tool was wanted, one is asked for that nobody has.
        *said = assemble(None, vec![("unknown_tool".into(), "{}".into())], key);
        return;
    };
    match way {
        0 => name.push_str("_v2"),
        1 => *arguments = corrupt(arguments, true),
        _ => {
            said.parts = vec![Part::Text("I have done that.".into())];
            said.stop = Stop::End;
        }
    }
}

/// Brings what is said to the length that faults gave it: shorter it is cut, longer it goes on.
pub fn lengthen(said: &mut Said, usual: u64, talk: Talk, key: Key) {
    let more = u64::from(talk.tokens).saturating_sub(usual);
    if more == 0 {
        return;
    }
    let text = format!(" {}", filler(more, key.with(WORDS)));
    let last = said
        .parts
        .iter_mut()
        .rev()
        .find_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    match last {
        Some(said) => said.push_str(&text),
        None => said.parts.insert(0, Part::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_as_many_tokens_as_were_asked_for() {
        for count in [0, 1, 40, 333] {
            assert_eq!(tokens::count(&filler(count, Key::of_seed(3))), count);
        }
    }

    #[test]
    fn placeholders_are_filled_and_escaped_inside_of_json() {
        let prompt = Prompt { last: "say \"hi\"".into(), ..Prompt::default() };
        assert_eq!(fill("You: {{ prompt }} {{other}} {{", &prompt, 4, false), "You: say \"hi\" {{other}} {{");
        assert_eq!(
            fill("{\"q\":\"{{prompt}}\",\"n\":{{request}}}", &prompt, 4, true),
            "{\"q\":\"say \\\"hi\\\"\",\"n\":4}"
        );
    }

    #[test]
    fn what_is_wrong_is_as_well_formed() {
        for text in ["{\"city\":\"Oslo\"}", "{\"n\":109,\"s\":\"a1\"}", "{}"] {
            let spoilt = wrong(text, true);
            let value: serde_json::Value = serde_json::from_str(&spoilt).unwrap();
            assert!(value.is_object() && (spoilt != text || text == "{}"), "{spoilt}");
        }
        assert_ne!(wrong("It is 12 degrees.", false), "It is 12 degrees.");
        assert_ne!(wrong("It rains.", false), "It rains.");
    }

    #[test]
    fn corrupt_json_cannot_be_read_and_corrupt_text_has_another_script() {
        assert!(serde_json::from_str::<serde_json::Value>(&corrupt("{\"a\":1}", true)).is_err());
        assert!(corrupt("one two three four five", false).contains('ข'));
    }
}
