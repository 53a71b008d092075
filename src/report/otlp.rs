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
            line!(text, "{}", request(name, replay.run.seed, &spans));
        }
    }
    text
}

fn request(run: &str, seed: u64, spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", "stormdrill"),
            text("stormdrill.run", run),
            text("stormdrill.seed", seed.to_string()),
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

/// The spans of one task while its steps are read: itself, its calls, their attempts.
struct Task<'a> {
    plan: &'a Plan,
    key: Key,
    /// How many ids have been given away.
    ids: u64,
    root: Span,
    call: Option<Span>,
    attempt: Option<Span>,
    done: Vec<Span>,
}

/// Returns the spans of one task.
fn spans(plan: &Plan, way: &[Node], key: Key) -> Vec<Value> {
    let mut task = Task {
        plan,
        key,
        ids: 3,
        root: root(plan, way, id(key, 2)),
        call: None,
        attempt: None,
        done: Vec::new(),
    };
    for node in way {
        task.read(*node);
    }
    task.done.extend(task.attempt.into_iter().chain(task.call));
    let trace = format!("{:016x}{:016x}", bits(key, 0), bits(key, 1));
    std::iter::once(task.root).chain(task.done).map(|span| written(&span, &trace)).collect()
}

fn root(plan: &Plan, way: &[Node], id: String) -> Span {
    let (first, last) = (way[0], way[way.len() - 1]);
    let agent = way
        .iter()
        .find_map(|node| if let Step::Arrived { agent, .. } = node.step { Some(agent) } else { None });
    let agent = agent.map_or("unknown", |agent| &plan.agents[usize::from(agent)].name);
    Span {
        name: format!("invoke_agent {agent}"),
        kind: INTERNAL,
        id,
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
    }
}

impl Task<'_> {
    fn id(&mut self) -> String {
        self.ids += 1;
        id(self.key, self.ids)
    }

    fn read(&mut self, node: Node) {
        match node.step {
            Step::Call { mock, tokens, .. } => {
                self.done.extend(self.attempt.take().into_iter().chain(self.call.take()));
                let id = self.id();
                self.call = Some(begin_call(self.plan, (mock, tokens), (id, &self.root.id), node.at));
            }
            Step::Attempt { mock, number } => self.begin_attempt(mock, number, node.at),
            Step::Ended { is_ok, tokens, .. } => self.end_attempt((is_ok, tokens), node.at),
            Step::Failed(ending) => {
                if let Some(call) = &mut self.call {
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
                let event = self.event(node);
                let on = self.attempt.as_mut().or(self.call.as_mut()).unwrap_or(&mut self.root);
                on.events.push(event);
            }
            Step::Arrived { .. } | Step::HandedOver(_) | Step::BeganAgain | Step::Outcome(_) => {
                let event = self.event(node);
                self.root.events.push(event);
            }
        }
    }

    fn event(&self, node: Node) -> Value {
        json!({ "timeUnixNano": node.at.0.to_string(), "name": step_words(self.plan, node.step) })
    }

    fn begin_attempt(&mut self, mock: u8, number: u32, at: Time) {
        self.done.extend(self.attempt.take());
        let parent = self.call.as_ref().map_or_else(|| self.root.id.clone(), |call| call.id.clone());
        self.attempt = Some(Span {
            name: format!("attempt {number} {}", self.plan.mocks[usize::from(mock)].name),
            kind: CLIENT,
            id: self.id(),
            parent: Some(parent),
            begun: at,
            ended: at,
            attributes: vec![self::number("stormdrill.attempt", u64::from(number))],
            events: Vec::new(),
            is_error: false,
        });
    }

    fn end_attempt(&mut self, (is_ok, tokens): (bool, u32), at: Time) {
        if let Some(mut ended) = self.attempt.take() {
            (ended.ended, ended.is_error) = (at, !is_ok);
            self.done.push(ended);
        }
        if let Some(call) = &mut self.call {
            (call.ended, call.is_error) = (at, !is_ok);
            call.attributes.retain(|attribute| !is_ok || attribute["key"] != "error.type");
            if is_ok && call.kind == CLIENT {
                call.attributes.retain(|attribute| attribute["key"] != "gen_ai.usage.output_tokens");
                call.attributes.push(number("gen_ai.usage.output_tokens", u64::from(tokens)));
            }
        }
    }
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

fn id(key: Key, index: u64) -> String {
    format!("{:016x}", bits(key, index))
}

/// Returns an id that is never zero, which would mean none.
fn bits(key: Key, index: u64) -> u64 {
    ((key.at(index).unit() * (1_u64 << 52) as f64) as u64) << 11 | 1
}
