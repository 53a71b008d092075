//! Mocks: the dependencies that agents call, and how a scenario uses them.

use serde_json::{Value, json};

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::{Decode, Definitions, Node, wrong_type};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::file::endpoint::{Endpoint, Reported};
use crate::scenario::file::wire::Wire;
use crate::scenario::problem::Sink;
use crate::scenario::record::{record, words};
use crate::scenario::source::{At, Place};
use crate::scenario::units::{Line, Name, Rate};

words! {
    /// What kind of dependency it is.
    pub enum MockKind {
        /// A model provider: tokens in, tokens out, priced.
        Model = "model",
        /// A tool, a store or any other service.
        Tool = "tool",
    }
}

words! {
    /// What the server does when its caller goes away.
    pub enum OnAbandon {
        /// It works on to the end, unaware: the usual case, and what makes retries dangerous.
        Finish = "finish",
        /// It notices at once, frees its slot or leaves the queue.
        Stop = "stop",
    }
}

words! {
    /// What a model does with more context than it takes.
    pub enum OnOverflow {
        /// It answers with status 400.
        Refuse = "refuse",
        /// It cuts the context silently, and the answer is wrong.
        Truncate = "truncate",
    }
}

record! {
    /// What a model costs, for each million tokens.
    pub struct Price {
        /// Input tokens.
        pub r#in: At<Money>,
        /// Output tokens.
        pub out: At<Money>,
        /// Input tokens that the previous call of the task had already sent; default: as other input.
        pub cached: Option<At<Money>>,
    }
}

record! {
    /// How much a provider admits; a request beyond it gets status 429 and the time to wait.
    pub struct Quota {
        /// Requests, for instance `"600/min"`; a full minute's worth may come at once.
        pub requests: Option<At<Rate>>,
        /// Tokens in and out, for instance `"90000/min"`.
        pub tokens: Option<At<Rate>>,
    }
}

record! {
    /// A dependency of the agents: a model provider or a tool.
    pub struct Mock {
        /// What kind of dependency it is.
        pub kind: At<MockKind>,
        /// What it stands for, in one line.
        pub title: Option<At<Line>>,
        /// How long it works on a request (tools).
        pub service: Option<At<SpanDist>>,
        /// How long until the first token of a reply (models).
        pub first_token: Option<At<SpanDist>>,
        /// How long each output token takes (models).
        pub per_token: Option<At<Span>>,
        /// How many requests it works on at once; default: without limit.
        pub concurrency: Option<At<u64>>,
        /// How many requests may wait for a slot; one more is refused as overloaded; default 10000.
        pub queue: Option<At<u64>>,
        /// What it does with a request whose caller has gone; default `finish`.
        pub on_abandon: Option<At<OnAbandon>>,
        /// The share of requests that it answers with an error of its own; default 0%.
        pub error_rate: Option<At<Ratio>>,
        /// The share of replies that are right; a wrong one makes the task wrong; default 100%.
        pub right: Option<At<Ratio>>,
        /// How many tokens of context it takes (models); default: without limit.
        pub context_max: Option<At<u64>>,
        /// What it does with more; default `refuse`.
        pub on_overflow: Option<At<OnOverflow>>,
        /// How many entries it holds, for agents to recall and to remember; the oldest goes (memories).
        pub entries: Option<At<u64>>,
        /// How many versioned objects it holds, for agents to read and to update (shared states).
        pub objects: Option<At<u64>>,
        /// How much it admits in a minute.
        pub quota: Option<Quota>,
        /// What its tokens cost (models).
        pub price: Option<Price>,
        /// What one request costs, beside its tokens.
        pub price_per_call: Option<At<Money>>,
        /// The permission that its effects need.
        pub permission: Option<At<Name>>,
        /// Whether it refuses an effect without the permission; default true.
        pub enforces_permission: Option<At<bool>>,
        /// What it is on the wire, where agents of any language call it.
        pub wire: Option<Wire>,
        /// That it stands for agents of your own, at an address: a live drill posts tasks there instead of serving it.
        pub endpoint: Option<Endpoint>,
        /// That it stands for agents of your own with a load of their own: a live drill is told of their tasks instead of serving it.
        pub reported: Option<Reported>,
    }
}

impl Mock {
    /// Whether it is none that a live drill serves: it stands for agents of somebody's own.
    pub fn is_elsewhere(&self) -> bool {
        self.endpoint.is_some() || self.reported.is_some()
    }
}

/// How a scenario uses a mock: a file's name, or a table with `use` and the keys it overrides.
///
/// The mock itself is decoded once its file has been read, from the file's keys and these.
#[derive(Debug, Clone, PartialEq)]
pub struct MockUse {
    /// The name of the file in `mocks/`, without `.toml`; none if the mock is described in place.
    pub file: Option<At<Name>>,
    /// The place of the whole statement.
    pub place: At<()>,
}

impl Decode for MockUse {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let place = At { value: (), place: node.place };
        if node.value.is_str() {
            return Self { file: Some(At::decode(node, sink)), place };
        }
        if node.value.is_table() {
            let mut fields = node.fields("a mock", sink);
            let file = fields.take("use").map(|(_, inner)| At::decode(inner, sink));
            return Self { file, place };
        }
        wrong_type(node, "a mock's name, or a table with `use`", sink);
        Self::hole()
    }

    fn hole() -> Self {
        let place = At { value: (), place: Place::NOWHERE };
        Self { file: Some(At::hole()), place }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        Mock::schema(definitions);
        let name = At::<Name>::schema(definitions);
        let mut table = definitions.get("Mock").cloned().unwrap_or_default();
        if let Some(object) = table.as_object_mut() {
            object.remove("required");
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                let about =
                    "The file in `mocks/` that the other keys override; without it they are the whole mock.";
                let mut used = name.clone();
                used["description"] = json!(about);
                properties.insert("use".into(), used);
            }
        }
        json!({ "anyOf": [name, table], "x-see": "Mock" })
    }
}
