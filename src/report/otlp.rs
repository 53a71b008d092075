//! A replay as OpenTelemetry spans: OTLP in JSON, a request a line, as the file exporter writes it.
//!
//! Names are those of the semantic conventions for generative AI, version 1.37: `invoke_agent` for a task,
//! `chat` and `execute_tool` for its calls, with a child for each attempt. Time counts from the epoch.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::base::{Key, Time};
use crate::plan::Plan;
use crate::record::{Node, Outcome, Step};
use crate::report::story::step_words;
use crate::study::replay::{Replay, outcome};

const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const ERROR: u8 = 2;

/// A span under way.
struct Span {
    name: String,
    kind: u8,
    id: String,
    parent: Option<String>,
    begun: Time,
    ended: Time,
    attributes: Vec<Value>,
    events: Vec<Value>,
    is_error: bool,
}

/// Returns the spans of tasks, of the run and of the other, a line for each.
pub fn lines(plan: &Plan, replay: &Replay, other: &str, tasks: &[u32]) -> String {
    let mut text = String::new();
    for (name, is_run) in [("run", true), (other, false)] {
        for task in tasks {
            let way = if is_run { replay.way(*task) } else { replay.other_way(*task) };
            if way.is_empty() {
                continue;
            }
            let key = Key::of_name("trace").at(replay.run.seed).at(u64::from(is_run)).at(u64::from(*task));
            let spans = spans(plan, way, key);
            line!(text, "{}", request(name, replay.run.seed, spans));
        }
    }
    text
}

fn request(run: &str, seed: u64, spans: Vec<Value>) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", "stormdrill"),
            text("stormdrill.run", run),
            number("stormdrill.seed", seed),
        ] },
        "scopeSpans": [{
            "scope": { "name": "stormdrill", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
            "schemaUrl": SCHEMA,
        }],
        "schemaUrl": SCHEMA,
    }] })
}

fn text(key: &str, value: impl Into<String>) -> Value {
    json!({ "key": key, "value": { "stringValue": value.into() } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

/// Returns the spans of one task: itself, its calls, their attempts.
fn spans(plan: &Plan, way: &[Node], key: Key) -> Vec<Value> {
    let trace = format!("{:016x}{:016x}", bits(key, 0), bits(key, 1));
    let mut ids = (2..).map(|index| format!("{:016x}", bits(key, index)));
    let mut id = || ids.next().expect("there is no end of numbers");
    let (first, last) = (way[0], way[way.len() - 1]);
    let agent = way
        .iter()
        .find_map(|node| if let Step::Arrived { agent, .. } = node.step { Some(agent) } else { None });
    let agent = agent.map_or("unknown", |agent| &plan.agents[usize::from(agent)].name);
    let mut root = Span {
        name: format!("invoke_agent {agent}"),
        kind: INTERNAL,
        id: id(),
        parent: None,
        begun: first.at,
        ended: last.at,
        attributes: vec![
            text("gen_ai.operation.name", "invoke_agent"),
            text("gen_ai.provider.name", "stormdrill"),
            text("gen_ai.agent.name", agent),
            number("stormdrill.task", u64::from(first.task)),
        ],
        events: Vec::new(),
        is_error: outcome(way) != Some(Outcome::Done),
    };
    let mut done = Vec::new();
    let (mut call, mut attempt): (Option<Span>, Option<Span>) = (None, None);
    for node in way {
        match node.step {
            Step::Call { mock, tokens, .. } => {
                done.extend(attempt.take().into_iter().chain(call.take()));
                call = Some(begin_call(plan, (mock, tokens), (id(), &root.id), node.at));
            }
            Step::Attempt { mock, number } => {
                done.extend(attempt.take());
                let parent = call.as_ref().map_or_else(|| root.id.clone(), |call| call.id.clone());
                attempt = Some(Span {
                    name: format!("attempt {number} {}", plan.mocks[usize::from(mock)].name),
                    kind: CLIENT,
                    id: id(),
                    parent: Some(parent),
                    begun: node.at,
                    ended: node.at,
                    attributes: vec![self::number("stormdrill.attempt", u64::from(number))],
                    events: Vec::new(),
                    is_error: false,
                });
            }
            Step::Ended { is_ok, tokens, .. } => {
                if let Some(mut ended) = attempt.take() {
                    (ended.ended, ended.is_error) = (node.at, !is_ok);
                    done.push(ended);
                }
                if let Some(call) = &mut call {
                    (call.ended, call.is_error) = (node.at, !is_ok);
                    call.attributes.retain(|attribute| !is_ok || attribute["key"] != "error.type");
                    if is_ok && call.kind == CLIENT {
                        call.attributes.push(number("gen_ai.usage.output_tokens", u64::from(tokens)));
                    }
                }
            }
            Step::Failed(ending) => {
                if let Some(call) = &mut call {
                    (call.ended, call.is_error) = (node.at, true);
                    call.attributes.retain(|attribute| attribute["key"] != "error.type");
                    call.attributes.push(text("error.type", ending.word()));
                }
            }
            Step::Fault(_)
            | Step::Guard(..)
            | Step::TaskGuard(_)
            | Step::Effect { .. }
            | Step::Tainted { .. } => {
                let on = attempt.as_mut().or(call.as_mut()).unwrap_or(&mut root);
                on.events.push(
                    json!({ "timeUnixNano": node.at.0.to_string(), "name": step_words(plan, node.step) }),
                );
            }
            Step::Arrived { .. } | Step::HandedOver(_) | Step::BeganAgain | Step::Outcome(_) => {
                let event =
                    json!({ "timeUnixNano": node.at.0.to_string(), "name": step_words(plan, node.step) });
                root.events.push(event);
            }
        }
    }
    done.extend(attempt.into_iter().chain(call));
    std::iter::once(root).chain(done).map(|span| written(&span, &trace)).collect()
}

fn begin_call(plan: &Plan, (mock, tokens): (u8, u32), (id, parent): (String, &str), at: Time) -> Span {
    let of = &plan.mocks[usize::from(mock)];
    let (name, operation, kind) =
        if tokens > 0 { ("chat", "chat", CLIENT) } else { ("execute_tool", "execute_tool", INTERNAL) };
    let mut attributes =
        vec![text("gen_ai.operation.name", operation), text("gen_ai.provider.name", "stormdrill")];
    if tokens > 0 {
        attributes.push(text("gen_ai.request.model", &of.name));
        attributes.push(number("gen_ai.usage.input_tokens", u64::from(tokens)));
    } else {
        attributes.push(text("gen_ai.tool.name", &of.name));
    }
    Span {
        name: format!("{name} {}", of.name),
        kind,
        id,
        parent: Some(parent.to_owned()),
        begun: at,
        ended: at,
        attributes,
        events: Vec::new(),
        is_error: false,
    }
}

fn written(span: &Span, trace: &str) -> Value {
    let mut value = json!({
        "traceId": trace,
        "spanId": span.id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.begun.0.to_string(),
        "endTimeUnixNano": span.ended.max(span.begun).0.to_string(),
        "attributes": span.attributes,
        "events": span.events,
        "status": if span.is_error { json!({ "code": ERROR }) } else { json!({}) },
    });
    if let (Some(parent), Some(value)) = (&span.parent, value.as_object_mut()) {
        value.insert("parentSpanId".into(), json!(parent));
    }
    value
}

/// Returns an id that is never zero, which would mean none.
fn bits(key: Key, index: u64) -> u64 {
    ((key.at(index).unit() * (1_u64 << 52) as f64) as u64) << 11 | 1
}
