//! The JSON Schema of scenario and mock files, generated from the types that read them.

use serde_json::{Map, Value, json};

use crate::scenario::decode::{Decode, Definitions, Fields, Node, suggest, wrong_type};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::Place;

/// One key of a record: its name, its schema, and whether it must be there.
#[derive(Debug)]
pub struct FieldSchema {
    key: &'static str,
    schema: Value,
    is_required: bool,
}

/// Returns the TOML key of a Rust field name: the same word without a raw mark.
pub fn key(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Describes one field of a record.
pub fn field<T: Decode>(name: &'static str, doc: &str, definitions: &mut Definitions) -> FieldSchema {
    let mut schema = T::schema(definitions);
    let told = tidy(doc);
    if let Some(object) = schema.as_object_mut() {
        let form = object.get("description").and_then(Value::as_str).map(String::from);
        let text = match form {
            Some(form) if !object.contains_key("$ref") && !object.contains_key("enum") => {
                format!("{told} Form: {form}.")
            }
            Some(_) | None => told,
        };
        object.insert("description".into(), Value::String(text));
    }
    FieldSchema { key: key(name), schema, is_required: T::absent().is_none() }
}

/// Registers a record under its name and returns a reference to it.
pub fn record(name: &str, doc: &str, fields: &[FieldSchema], definitions: &mut Definitions) -> Value {
    let required: Vec<&str> = fields.iter().filter(|f| f.is_required).map(|f| f.key).collect();
    let keys: Vec<&str> = fields.iter().map(|f| f.key).collect();
    let properties: Map<String, Value> = fields.iter().map(|f| (f.key.into(), f.schema.clone())).collect();
    let schema = json!({
        "type": "object", "description": tidy(doc), "properties": properties, "required": required,
        "additionalProperties": false, "x-order": keys,
    });
    let known = definitions.insert(name.into(), schema.clone());
    // Two records of one name would silently describe each other's keys.
    assert!(known.is_none_or(|known| known == schema), "two records are called {name}");
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Registers an externally tagged choice and returns a reference to it.
pub fn choice(
    name: &str,
    doc: &str,
    variants: Vec<(&'static str, &str, Value)>,
    definitions: &mut Definitions,
) -> Value {
    let tags: Vec<&str> = variants.iter().map(|variant| variant.0).collect();
    let described = |(tag, doc, mut schema): (&str, &str, Value)| {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), Value::String(tidy(doc)));
        }
        (tag.to_owned(), schema)
    };
    let properties: Map<String, Value> = variants.into_iter().map(described).collect();
    let schema = json!({
        "type": "object", "description": tidy(doc), "properties": properties,
        "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "x-order": tags,
    });
    definitions.insert(name.into(), schema);
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Returns the single choice that was found, or reports that there were none or several.
pub fn one_choice<T>(
    found: Vec<(Place, T)>,
    fields: Fields<'_>,
    tags: &[&str],
    sink: &mut Sink,
) -> Option<T> {
    let place = fields.place;
    let has_unknown = !fields.is_empty();
    for (key, at) in fields.rest() {
        let problem = if SILENCING.contains(&key) {
            Problem::error(Code::MonitoringSwitchedOff, at, format!("`{key}` would switch off monitoring"))
                .hint("no step may silence an alert; use `inhibited_by` where two alerts say the same")
        } else {
            Problem::error(Code::UnknownKey, at, format!("unknown choice `{key}`")).hint(suggest(key, tags))
        };
        sink.push(problem);
    }
    let mut found = found.into_iter();
    let first = found.next();
    if let Some((second, _)) = found.next() {
        let message = "only one choice can stand here";
        sink.push(Problem::error(Code::Contradiction, second, message));
    }
    if first.is_none() && !has_unknown && place != Place::NOWHERE {
        let message = format!("a choice is missing here: {}", tags.join(", "));
        sink.push(Problem::error(Code::MissingKey, place, message));
    }
    first.map(|(_, value)| value)
}

/// What people call the actions that no runbook may take.
const SILENCING: &[&str] = &["silence", "mute", "disable-alert", "disable-monitoring", "snooze"];

/// Returns which of `words` a string is, or reports that it is none of them.
pub fn one_word(node: Node<'_>, words: &[&str], sink: &mut Sink) -> Option<usize> {
    let Some(text) = node.value.as_str() else {
        wrong_type(node, &format!("one of {}", words.join(", ")), sink);
        return None;
    };
    let index = words.iter().position(|word| *word == text);
    if index.is_none() {
        let problem = Problem::error(Code::UnknownWord, node.place, format!("unknown word `{text}`"));
        sink.push(problem.hint(suggest(text, words)));
    }
    index
}

/// Joins the lines of a doc comment into one paragraph.
fn tidy(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the JSON Schema of scenario files.
pub fn scenario() -> Value {
    whole::<crate::scenario::file::ScenarioFile>("Stormdrill scenario, version 1")
}

/// Returns the JSON Schema of mock files.
pub fn mock() -> Value {
    whole::<crate::scenario::file::mocks::Mock>("Stormdrill mock, version 1")
}

/// Returns the schema of a file of mocks and faults.
pub fn mock_set() -> Value {
    whole::<crate::scenario::served::MockSet>("Stormdrill mocks and faults, version 1")
}

fn whole<T: Decode>(title: &str) -> Value {
    let mut definitions = Definitions::new();
    let mut schema = T::schema(&mut definitions);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!(title));
        object.insert("$defs".into(), json!(definitions));
    }
    schema
}

/// Returns a schema as text.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Returns the reference of every key of scenario and mock files, as Markdown.
pub fn keys() -> String {
    let mut definitions = Definitions::new();
    crate::scenario::file::ScenarioFile::schema(&mut definitions);
    crate::scenario::file::mocks::Mock::schema(&mut definitions);
    let mut text = String::new();
    let mut done = Vec::new();
    let mut waiting = vec!["ScenarioFile".to_owned()];
    while let Some(name) = waiting.pop() {
        if done.contains(&name) {
            continue;
        }
        let Some(schema) = definitions.get(&name) else { continue };
        let mut below = Vec::new();
        section(&name, schema, &mut text, &mut below);
        below.reverse();
        waiting.extend(below);
        done.push(name);
    }
    text
}

/// Writes a table of the keys of one record or choice, and notes what it refers to.
fn section(name: &str, schema: &Value, text: &mut String, below: &mut Vec<String>) {
    use std::fmt::Write as _;
    let say = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut push = |line: String| writeln!(text, "{line}").expect("a string takes every line");
    push(format!("### {name}\n\n{}\n", say(&schema["description"])));
    references(schema, below);
    let Some(keys) = schema["x-order"].as_array() else {
        for kind in below.iter() {
            push(format!("- [{kind}](#{})", kind.to_lowercase()));
        }
        push(String::new());
        return;
    };
    if keys.is_empty() {
        push("It has no keys.\n".into());
        return;
    }
    push("| key | | what it says |\n|---|---|---|".into());
    for key in keys.iter().map(say) {
        let property = &schema["properties"][&key];
        let is_required = schema["required"].as_array().is_some_and(|keys| keys.contains(&json!(key)));
        let needed = if is_required { "required" } else { "" };
        let mut kinds = Vec::new();
        references(property, &mut kinds);
        let see = kinds.first().map(|kind| format!(" See [{kind}](#{}).", kind.to_lowercase()));
        let words = property["enum"].as_array().or_else(|| property["items"]["enum"].as_array());
        let words = words.map(|words| {
            let words: Vec<String> = words.iter().map(|word| format!("`{}`", say(word))).collect();
            format!(" One of {}.", words.join(", "))
        });
        let about = say(&property["description"]).replace('|', "\\|");
        let (see, words) = (see.unwrap_or_default(), words.unwrap_or_default());
        push(format!("| `{key}` | {needed} | {about}{words}{see} |"));
    }
    push(String::new());
}

/// Gathers the definitions that a schema refers to, in order.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(name) = object.get("x-see").and_then(Value::as_str) {
                found.push(name.to_owned());
                return;
            }
            if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                found.push(name.trim_start_matches("#/$defs/").to_owned());
            }
            let order = object.get("x-order").and_then(Value::as_array);
            if let (Some(order), Some(properties)) = (order, object.get("properties")) {
                order.iter().filter_map(Value::as_str).for_each(|key| references(&properties[key], found));
            } else {
                object.values().for_each(|value| references(value, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
