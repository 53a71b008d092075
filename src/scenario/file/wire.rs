//! What a mock is on the wire: the protocols that it speaks, what it says, the tools that it offers.
//!
//! In virtual time none of this matters but the tokens, which agents' plans state.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::scenario::decode::{Decode, Definitions, Named, Node};
use crate::scenario::dist_text::CountDist;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::record::{record, words};
use crate::scenario::source::{At, Place};
use crate::scenario::units::{Line, Name, Text};

words! {
    /// A protocol that a mock speaks on the wire.
    pub enum Protocol {
        /// `OpenAI`: chat completions, Responses, embeddings, models.
        Openai = "openai",
        /// Anthropic: Messages, token counts, models.
        Anthropic = "anthropic",
        /// The Model Context Protocol over streamable HTTP, in both of its eras.
        Mcp = "mcp",
        /// Plain JSON over HTTP.
        Http = "http",
    }
}

record! {
    /// What a mock is on the wire.
    pub struct Wire {
        /// The protocols that it speaks, all on one port; default: all that its kind can.
        pub speaks: Vec<At<Protocol>>,
        /// Its port on loopback; default 0: any that is free.
        pub port: Option<At<u64>>,
        /// The model that it says it is; default: the one that was asked for.
        pub model: Option<At<Line>>,
        /// How many tokens a reply has where no turn says what it says; default 40.
        pub tokens: Option<At<CountDist>>,
        /// What it says, turn by turn of a conversation; after the last, the last again (models).
        pub turn: Vec<Turn>,
        /// Recorded replies by prompt: a file of JSON lines beside the mock's, each `{"prompt": ..., "say": ...}` (models).
        pub recorded: Option<At<Line>>,
        /// The tools that it offers, by name; default: one of the mock's own name (tools).
        pub tool: Named<Tool>,
        /// What it holds for agents to find: the first of its entries (memories).
        pub fact: Vec<At<Text>>,
    }
}

record! {
    /// What a model says at one turn. The placeholders `{{prompt}}`, `{{system}}`, `{{result}}` (of the last tool),
    /// `{{model}}`, `{{turn}}` and `{{request}}` are filled in.
    pub struct Turn {
        /// Only to prompts that contain this.
        pub when: Option<At<Line>>,
        /// What it says.
        pub say: Option<At<Text>>,
        /// The tools that it asks for.
        pub call: Vec<Call>,
    }
}

record! {
    /// A tool that a model asks for.
    pub struct Call {
        /// Its name.
        pub tool: At<Name>,
        /// Its arguments, as a table or as JSON; placeholders are filled in.
        pub arguments: Option<At<Json>>,
    }
}

record! {
    /// A tool that a mock offers. `{{arguments}}`, `{{argument.NAME}}` and `{{request}}` in its reply are filled in.
    pub struct Tool {
        /// What it says it does.
        pub description: Option<At<Line>>,
        /// The JSON Schema of its arguments; default: one optional string, `query`.
        pub input: Option<At<Json>>,
        /// What it replies, as a table or as text; default: what was asked, who answers, and as of when.
        pub reply: Option<At<Json>>,
        /// Whether it changes the world, and so stands in the ledger of effects; default: if the mock has a `permission`.
        pub effect: Option<At<bool>>,
    }
}

/// A JSON value, written as TOML.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub Value);

/// How deep a JSON value may nest.
const DEPTH_MAX: usize = 16;

impl Decode for At<Json> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        match json(node.value, DEPTH_MAX) {
            Ok(value) => Self { value: Json(value), place: node.place },
            Err(message) => {
                sink.push(Problem::error(Code::OutOfRange, node.place, message));
                Self::hole()
            }
        }
    }

    fn hole() -> Self {
        Self { value: Json(Value::Null), place: Place::NOWHERE }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": ["string", "number", "boolean", "array", "object"] })
    }
}

fn json(value: &DeValue<'_>, depth: usize) -> Result<Value, String> {
    if depth == 0 {
        return Err(format!("this nests deeper than {DEPTH_MAX}"));
    }
    match value {
        DeValue::String(text) => Ok(Value::String(text.to_string())),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map(Value::from).map_err(|error| format!("`{}`: {error}", number.as_str()))
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse::<f64>().map_err(|error| error.to_string())?;
            serde_json::Number::from_f64(parsed).map(Value::Number).ok_or("JSON has no such number".into())
        }
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        DeValue::Datetime(moment) => Ok(Value::String(moment.to_string())),
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(item.get_ref(), depth - 1))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        DeValue::Table(table) => {
            let entry =
                |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                    Ok((key.get_ref().to_string(), json(value.get_ref(), depth - 1)?))
                };
            table.iter().map(entry).collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
    }
}

/// Returns whether a file name can only lead to a file beside the mock's.
pub fn is_beside(at: &At<Line>) -> bool {
    let stem = at.value.0.strip_suffix(".jsonl");
    stem.is_some_and(|stem| crate::scenario::units::name(stem).is_ok())
}
