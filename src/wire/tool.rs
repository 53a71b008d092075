//! Tools: what a call brings, and what faults make of it. Plain HTTP and MCP carry the same.

use serde_json::{Map, Value, json};

use crate::base::Key;
use crate::plan::{Flaw, ToolPlan};
use crate::wire::canary::{Canary, instruction};
use crate::wire::prompt::hash;
use crate::wire::say::{filled, filler, wrong};

/// The moment of every fresh reply, and of one that is out of date: ninety days before.
const AS_OF: &str = "2026-01-01T00:00:00Z";
const STALE: &str = "2025-10-03T00:00:00Z";

const FLOOD: Key = Key::of_name("words of flood");

/// Reads the arguments of a plain call; the error says what is wrong with them.
pub fn arguments(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("the body is a JSON object with the arguments".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns what a tool replies to a call, the `number`-th of its mock.
pub fn reply(tool: &ToolPlan, arguments: &Map<String, Value>, number: u64) -> Value {
    let all = Value::Object(arguments.clone());
    let Some(stated) = &tool.reply else {
        let entity = hash(all.to_string().as_bytes()) >> 40;
        return json!({ "tool": tool.name, "asked": all, "result": format!("{} answers", tool.name), "entity": format!("E-{entity:06}"), "as_of": AS_OF });
    };
    let value = |word: &str| match word {
        "arguments" => Some(all.to_string()),
        "request" => Some(number.to_string()),
        "as_of" => Some(AS_OF.to_owned()),
        other => {
            let found = other.strip_prefix("argument.").and_then(|name| arguments.get(name))?;
            Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
        }
    };
    fill(stated, &value)
}

fn fill(of: &Value, value: &impl Fn(&str) -> Option<String>) -> Value {
    match of {
        Value::String(text) => Value::String(filled(text, false, value)),
        Value::Array(items) => items.iter().map(|item| fill(item, value)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, item)| (key.clone(), fill(item, value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => of.clone(),
    }
}

/// Returns a reply as text, with what a flaw makes of it; `lure` is the tool that an injection asks for.
pub fn spoilt(reply: Value, flaw: Option<Flaw>, (canary, lure): (Canary, &str), key: Key) -> String {
    let Some(flaw) = flaw else { return text(&reply) };
    let with = |mut reply: Value, name: &str, value: Value| match &mut reply {
        Value::Object(map) => {
            map.insert(name.to_owned(), value);
            reply
        }
        Value::String(text) => {
            let more = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Value::String(format!("{text}\n{more}"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            json!({ "result": reply, name: value })
        }
    };
    match flaw {
        Flaw::Wrong => {
            let whole = text(&reply);
            wrong(&whole, !reply.is_string())
        }
        Flaw::Corrupt | Flaw::CutShort => {
            let whole = text(&reply);
            whole.chars().take(whole.chars().count() / 2).collect()
        }
        Flaw::Poisoned(..) => text(&with(reply, "note", json!(instruction(lure, canary)))),
        Flaw::Bleed => text(&with(reply, "account", json!(format!("of another customer: {canary}")))),
        Flaw::Stale => text(&stale(reply)),
        Flaw::Flood(tokens) => {
            let flood = filler(u64::from(tokens), key.with(FLOOD));
            text(&with(reply, "log", json!(flood)))
        }
        Flaw::ToolCall
        | Flaw::Truncated(_)
        | Flaw::Refused
        | Flaw::HistoryLost(_)
        | Flaw::Dropped
        | Flaw::Doubled
        | Flaw::Late(_)
        | Flaw::SentBack
        | Flaw::Waved
        | Flaw::Again
        | Flaw::OldRead => text(&reply),
    }
}

fn stale(reply: Value) -> Value {
    match reply {
        Value::Object(mut map) => {
            map.insert("as_of".into(), STALE.into());
            Value::Object(map)
        }
        Value::String(text) => Value::String(format!("[as of {STALE}] {text}")),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
            json!({ "result": other, "as_of": STALE })
        }
    }
}

/// A text stays a text; anything else is JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the schema that a tool has after a drift, and the property that must be there now.
pub fn drifted(input: &Value) -> (Value, String) {
    let mut input = input.clone();
    let mut renamed = "request_id".to_owned();
    if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
        let first = properties.keys().next().cloned();
        let schema = first.as_ref().and_then(|name| properties.remove(name));
        if let Some(name) = &first {
            renamed = format!("{name}_v2");
        }
        properties.insert(renamed.clone(), schema.unwrap_or_else(|| json!({ "type": "string" })));
        let kept: Vec<Value> = input
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|name| name.as_str() != first.as_deref())
            .cloned()
            .chain([json!(renamed)])
            .collect();
        input["required"] = Value::Array(kept);
    } else if let Some(object) = input.as_object_mut() {
        object.insert("properties".into(), json!({ &renamed: { "type": "string" } }));
        object.insert("required".into(), json!([renamed]));
    }
    (input, renamed)
}

/// Returns which required argument a call lacks.
pub fn lacking(input: &Value, arguments: &Map<String, Value>) -> Option<String> {
    let required = input.get("required").and_then(Value::as_array)?;
    let lacks = |name: &&Value| name.as_str().is_some_and(|name| !arguments.contains_key(name));
    required.iter().find(lacks).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(reply: Option<Value>) -> ToolPlan {
        let input =
            json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
        ToolPlan {
            name: "weather".into(),
            description: "Weather".into(),
            input,
            reply,
            fixed: None,
            is_effect: false,
        }
    }

    fn called(flaw: Option<Flaw>) -> String {
        let arguments = arguments(br#"{"city": "Oslo"}"#).unwrap();
        let stated = json!({ "city": "{{argument.city}}", "degrees": 12, "request": "{{request}}" });
        let reply = reply(&tool(Some(stated)), &arguments, 7);
        spoilt(reply, flaw, (Canary(3), "payments"), Key::of_seed(1))
    }

    #[test]
    fn flaws_show_in_what_a_tool_replies() {
        let flaws = [
            Flaw::Wrong,
            Flaw::Corrupt,
            Flaw::Poisoned(crate::plan::PoisonBy::Reply, 0.5),
            Flaw::Bleed,
            Flaw::Stale,
            Flaw::Flood(5),
        ];
        let texts: Vec<String> = [None].into_iter().chain(flaws.map(Some)).map(called).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn a_drifted_schema_asks_for_another_property() {
        let (input, renamed) = drifted(&tool(None).input);
        assert_eq!(renamed, "city_v2");
        assert_eq!(lacking(&input, &arguments(br#"{"city": "Oslo"}"#).unwrap()), Some("city_v2".into()));
        assert_eq!(lacking(&input, &arguments(br#"{"city_v2": "Oslo"}"#).unwrap()), None);
        assert_eq!(drifted(&json!({ "type": "object" })).1, "request_id");
    }
}
