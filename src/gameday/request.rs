//! What synthetic agents send: the requests of the engine as HTTP, each in the protocol that its mock speaks.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::{Map, Value, json};

use crate::base::Key;
use crate::engine;
use crate::live::{HEADER, Stated, task_name};
use crate::plan::{Access, EndpointPlan, Served, ToolPlan, WirePlan};
use crate::scenario::file::load::Tier;
use crate::scenario::file::wire::Protocol;
use crate::wire::say::filled;
use crate::wire::tool;

/// Where a mock is, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Target {
    authority: String,
    wire: WirePlan,
    is_model: bool,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Targets {
    all: Vec<Target>,
    agents: Vec<String>,
}

impl Targets {
    /// Returns the mocks of a scenario, which are at these ports.
    pub(super) fn new(served: &Served, ports: &[u16]) -> Self {
        let target = |((mock, wire), port): ((&crate::plan::MockPlan, &WirePlan), &u16)| Target {
            authority: format!("127.0.0.1:{port}"),
            wire: wire.clone(),
            is_model: mock.per_token.is_some(),
        };
        let all = served.mocks.iter().zip(&served.wires).zip(ports).map(target).collect();
        Self { all, agents: served.agents.clone() }
    }

    /// Returns where a mock is that is none: agents of somebody else's.
    pub(super) fn endpoint(&self, mock: usize) -> Option<&Arc<EndpointPlan>> {
        self.all[mock].wire.endpoint.as_ref()
    }

    /// Whether a mock stands for tasks that are reported.
    pub(super) fn is_reported(&self, mock: usize) -> bool {
        self.all[mock].wire.reported.is_some()
    }

    /// Whether a mock is none: nobody says what somebody else's agents still do.
    pub(super) fn is_elsewhere(&self, mock: usize) -> bool {
        self.all[mock].wire.is_elsewhere()
    }

    /// Returns the mock in whose ledger an effect of a task must stand when somebody else's agents say that it is done.
    pub(super) fn effect(&self, mock: usize) -> Option<usize> {
        self.all[mock].wire.effect()
    }

    /// Returns the place of an agent; without a name that of the first.
    pub(super) fn agent(&self, name: Option<&str>) -> Option<usize> {
        name.map_or(Some(0), |name| self.agents.iter().position(|agent| agent == name))
    }

    /// Returns a request of the engine as it is sent.
    pub(super) fn request(&self, of: &engine::Request) -> Request<Full<Bytes>> {
        let target = &self.all[of.mock];
        if let Some(endpoint) = &target.wire.endpoint {
            return self.posted(endpoint, of);
        }
        let (path, body) = if target.is_model { target.question(of) } else { target.call(of) };
        let agent = of.agent.map_or("stormdrill", |agent| self.agents[agent].as_str());
        let stated = Stated {
            serial: of.serial,
            caller: of.caller,
            call: of.call,
            tokens: of.tokens,
            purpose: of.purpose,
            has_effect: of.effect.is_some(),
            is_approved: of.is_approved,
            credential: of.credential,
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{path}", target.authority))
            .header(HOST, &target.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {agent}.{:x}", of.credential.0))
            .header("x-stormdrill-agent", agent)
            .header("x-stormdrill-tier", Tier::ALL[of.tier].word())
            .header("traceparent", trace(of))
            .header(HEADER, stated.text());
        if path == "/v1/messages" {
            request = request.header("anthropic-version", "2023-06-01");
        }
        if let Some(effect) = of.effect.filter(|_| of.has_key) {
            request = request.header("idempotency-key", format!("{effect:016x}"));
        }
        request
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("names of a scenario can stand in headers")
    }
}

impl Targets {
    /// A task for agents of somebody else's: with the name by which its effects are known, and a trace to go on with.
    fn posted(&self, endpoint: &EndpointPlan, of: &engine::Request) -> Request<Full<Bytes>> {
        let agent = of.agent.map_or("stormdrill", |agent| self.agents[agent].as_str());
        let tier = Tier::ALL[of.tier].word();
        let task = of.caller.task;
        let value = |word: &str| match word {
            "task" => Some(task_name(task.number())),
            "tier" => Some(tier.to_owned()),
            "agent" => Some(agent.to_owned()),
            _ => None,
        };
        let filled = filled(&endpoint.body, true, value);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{}", endpoint.address.authority, endpoint.address.path))
            .header(HOST, &endpoint.address.authority)
            .header(CONTENT_TYPE, "application/json")
            .header("x-stormdrill-tier", tier)
            .header("traceparent", trace(of));
        if let Some(headers) = request.headers_mut() {
            for (name, value) in &endpoint.headers {
                // Checked: each is a header. What is named here takes the place of what would be sent otherwise.
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    headers.insert(name, value);
                }
            }
        }
        request.body(Full::new(Bytes::from(filled))).expect("an address and headers have been checked")
    }
}

/// Returns the trace of a task, and the span of this attempt.
pub(super) fn trace(of: &engine::Request) -> String {
    let task = of.caller.task;
    let (first, second, span) = (task.number(), task.with(TRACE).number(), of.caller.attempt.number() | 1);
    format!("00-{first:016x}{second:016x}-{span:016x}-01")
}

const TRACE: Key = Key::of_name("second half of trace");

impl Target {
    /// A question to a model. Its context is said in a header and not sent.
    fn question(&self, of: &engine::Request) -> (String, Value) {
        let model = self.wire.model.as_deref().unwrap_or("stormdrill");
        let said = json!([{ "role": "user", "content": format!("Step {:x}", of.call.number()) }]);
        let most = of.tokens[2].max(1);
        let body = json!({ "model": model, "max_tokens": most, "messages": said });
        let is_openai = self.wire.speaks.contains(&Protocol::Openai);
        let path = if is_openai { "/v1/chat/completions" } else { "/v1/messages" };
        (path.to_owned(), body)
    }

    /// A call of a tool, with what its schema asks for.
    fn call(&self, of: &engine::Request) -> (String, Value) {
        let named = |name: &str| self.wire.tools.iter().find(|tool| tool.name == name);
        let found = match of.access {
            Access::Recall(_) => named("recall"),
            Access::Remember => named("remember"),
            Access::None | Access::Read | Access::Update => {
                self.wire.tools.iter().find(|tool| tool.is_effect == of.effect.is_some())
            }
        };
        let Some(tool) = found.or(self.wire.tools.first()) else { return ("/tools/none".into(), json!({})) };
        (format!("/tools/{}", tool.name), Value::Object(arguments(tool, of)))
    }
}

/// Returns arguments that a tool's schema takes, and by which the same effect is known again.
fn arguments(tool: &Arc<ToolPlan>, of: &engine::Request) -> Map<String, Value> {
    let identity = format!("{:016x}", of.effect.unwrap_or(of.call.number()));
    // Whoever has looked the schema up again is understood by the old one too.
    let drifted = of.is_relisted.then(|| tool::drifted(&tool.input).0);
    let mut arguments = Map::new();
    for input in [Some(&tool.input), drifted.as_ref()].into_iter().flatten() {
        let property = |name: &str| input.get("properties").and_then(|all| all.get(name));
        let required = input.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            arguments.insert(name.to_owned(), example(property(name), &identity));
        }
    }
    arguments.insert("order".into(), json!(identity));
    arguments
}

/// Returns a value of a schema's type.
fn example(schema: Option<&Value>, text: &str) -> Value {
    let of = |name: &str| schema.and_then(|schema| schema.get(name));
    if let Some(first) = of("enum").and_then(Value::as_array).and_then(|all| all.first()) {
        return first.clone();
    }
    match of("type").and_then(Value::as_str) {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        Some(_) | None => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_the_type_that_the_schema_states() {
        let of = |schema: Value| example(Some(&schema), "t");
        let values = [
            of(json!({ "type": "integer" })),
            of(json!({ "type": "boolean" })),
            of(json!({ "type": "array" })),
            of(json!({ "enum": ["a", "b"] })),
            of(json!({})),
        ];
        assert_eq!(values, [json!(1), json!(true), json!([]), json!("a"), json!("t")]);
    }
}
