//! What is served on the wire: mocks with what they say, and the faults over them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::Dist;
use crate::plan::{FaultPlan, MockPlan, StorePlan, faults, system};
use crate::scenario::Scenario;
use crate::scenario::file::endpoint::{Address, Endpoint};
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::file::wire::{Protocol, Tool, Turn, Wire};
use crate::scenario::source::At;
use crate::scenario::units::{Line, Name};

/// Everything that live mocks need to know.
#[derive(Debug, Clone)]
pub struct Served {
    /// The mocks, in the order of their names.
    pub mocks: Vec<MockPlan>,
    /// What each of them is on the wire.
    pub wires: Vec<WirePlan>,
    /// The faults, in the order of the file.
    pub faults: Vec<FaultPlan>,
    /// The names of the agents, in the order of the tables of permissions.
    pub agents: Vec<String>,
}

/// What a mock is on the wire.
#[derive(Debug, Clone)]
pub struct WirePlan {
    /// The protocols.
    pub speaks: Vec<Protocol>,
    /// The port; 0 is any.
    pub port: u16,
    /// The model that it says it is.
    pub model: Option<String>,
    /// How many tokens a reply has where no turn says what it says.
    pub tokens: Dist,
    /// What it says, turn by turn.
    pub turns: Vec<TurnPlan>,
    /// The file of its recorded replies.
    pub recorded: Option<String>,
    /// The tools that it offers, in the order of their names.
    pub tools: Vec<Arc<ToolPlan>>,
    /// What a memory holds at first.
    pub facts: Vec<String>,
    /// The permission that its effects need.
    pub permission: Option<String>,
    /// Where it is, if it is not served here.
    pub endpoint: Option<Arc<EndpointPlan>>,
    /// That it is none, but tasks of which a drill is told.
    pub reported: Option<ReportedPlan>,
}

/// Agents of your own, at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPlan {
    /// Where it is.
    pub address: Address,
    /// What is posted, with placeholders.
    pub body: String,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// Where in the reply it stands whether the task was done well, and what must stand there.
    pub pointer: Option<(String, Option<String>)>,
    /// Where in the reply it stands what the task has cost, in dollars.
    pub cost: Option<String>,
    /// What a right reply contains.
    pub contains: Vec<String>,
    /// The mock in whose ledger an effect of the task must stand.
    pub effect: Option<usize>,
}

/// Agents of your own with a load of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedPlan {
    /// The mock in whose ledger an effect of the task must stand.
    pub effect: Option<usize>,
}

impl WirePlan {
    /// Whether a live drill does not serve it.
    pub fn is_elsewhere(&self) -> bool {
        self.endpoint.is_some() || self.reported.is_some()
    }

    /// Returns the mock in whose ledger an effect of a task must stand, of agents that are somebody else's.
    pub fn effect(&self) -> Option<usize> {
        self.endpoint.as_ref().and_then(|of| of.effect).or(self.reported.and_then(|of| of.effect))
    }
}

/// What a model says at a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnPlan {
    /// Only to prompts that contain this.
    pub when: Option<String>,
    /// The text, with placeholders.
    pub say: Option<String>,
    /// The tools that it asks for, with their arguments as JSON with placeholders.
    pub calls: Vec<(String, String)>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolPlan {
    /// Its name.
    pub name: String,
    /// What it says it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input: Value,
    /// What it replies.
    pub reply: Option<Value>,
    /// The reply as text, if it is always the same.
    pub fixed: Option<String>,
    /// Whether it changes the world.
    pub is_effect: bool,
}

impl Served {
    /// Returns what a scenario, or a set of mocks, serves.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            mocks: system::mocks(scenario),
            wires: scenario.mocks.iter().map(|(name, mock)| wire(scenario, name, mock)).collect(),
            faults: faults::faults(scenario),
            agents: scenario.file.agents.0.keys().cloned().collect(),
        }
    }
}

fn wire(scenario: &Scenario, name: &str, mock: &Mock) -> WirePlan {
    let stated = mock.wire.as_ref();
    let own: &[Protocol] = match mock.kind.value {
        MockKind::Model => &[Protocol::Openai, Protocol::Anthropic],
        MockKind::Tool => &[Protocol::Mcp, Protocol::Http],
    };
    let speaks: Vec<Protocol> = stated.iter().flat_map(|wire| &wire.speaks).map(|at| at.value).collect();
    let is_effect = mock.permission.is_some();
    let tools = match stated {
        Some(_) | None if mock.entries.is_some() => memory(),
        Some(wire) if !wire.tool.0.is_empty() => {
            wire.tool.iter().map(|(name, stated)| Arc::new(tool(name, stated, is_effect))).collect()
        }
        Some(_) | None if mock.kind.value == MockKind::Tool => vec![Arc::new(usual(name, mock, is_effect))],
        Some(_) | None => Vec::new(),
    };
    WirePlan {
        speaks: if speaks.is_empty() { own.to_vec() } else { speaks },
        port: stated.and_then(|wire| wire.port).map_or(0, |at| at.value as u16),
        model: stated.and_then(|wire| wire.model.as_ref()).map(|at| at.value.0.clone()),
        tokens: stated
            .and_then(|wire| wire.tokens.as_ref())
            .map_or(Dist::Constant(40.0), |at| at.value.0.clone()),
        turns: stated.iter().flat_map(|wire| &wire.turn).map(turn).collect(),
        recorded: stated.and_then(|wire: &Wire| wire.recorded.as_ref()).map(|at| at.value.0.clone()),
        tools,
        facts: stated.iter().flat_map(|wire| &wire.fact).map(|at| at.value.0.clone()).collect(),
        permission: mock.permission.as_ref().map(|at| at.value.0.clone()),
        endpoint: mock.endpoint.as_ref().map(|of| Arc::new(endpoint(scenario, of))),
        reported: mock
            .reported
            .as_ref()
            .map(|of| ReportedPlan { effect: place(scenario, of.effect.as_ref()) }),
    }
}

/// Returns the place of a mock among all, by its name.
fn place(scenario: &Scenario, name: Option<&At<Name>>) -> Option<usize> {
    name.and_then(|at| scenario.mocks.keys().position(|mock| *mock == at.value.0))
}

fn endpoint(scenario: &Scenario, of: &Endpoint) -> EndpointPlan {
    let address = Address::parse(&of.url.value.0).expect("checked: it is an address");
    let header = |at: &At<Line>| {
        let (name, value) = at.value.0.split_once(": ").unwrap_or_default();
        (name.to_owned(), value.to_owned())
    };
    let body = of.body.as_ref().map(|at| at.value.0.clone());
    EndpointPlan {
        address,
        body: body.unwrap_or_else(|| r#"{"task": "{{task}}", "tier": "{{tier}}"}"#.to_owned()),
        headers: of.headers.iter().map(header).collect(),
        pointer: of.pointer.as_ref().map(|at| {
            let equals = of.equals.as_ref().map(|at| at.value.0.clone());
            (at.value.0.clone(), equals)
        }),
        cost: of.cost.as_ref().map(|at| at.value.0.clone()),
        contains: of.contains.iter().map(|at| at.value.0.clone()).collect(),
        effect: place(scenario, of.effect.as_ref()),
    }
}

fn turn(of: &Turn) -> TurnPlan {
    let call = |call: &crate::scenario::file::wire::Call| {
        let arguments = call.arguments.as_ref().map_or_else(|| json!({}), |at| at.value.0.clone());
        // A text is JSON already.
        let text = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
        (call.tool.value.0.clone(), text)
    };
    TurnPlan {
        when: of.when.as_ref().map(|at| at.value.0.clone()),
        say: of.say.as_ref().map(|at| at.value.0.clone()),
        calls: of.call.iter().map(call).collect(),
    }
}

fn tool(name: &str, of: &Tool, is_effect: bool) -> ToolPlan {
    let reply = of.reply.as_ref().map(|at| at.value.0.clone());
    let text = reply.as_ref().map(|reply| reply.as_str().map_or_else(|| reply.to_string(), str::to_owned));
    ToolPlan {
        name: name.to_owned(),
        description: of.description.as_ref().map_or_else(|| name.to_owned(), |at| at.value.0.clone()),
        input: of.input.as_ref().map_or_else(query, |at| at.value.0.clone()),
        reply,
        fixed: text.filter(|text| !text.contains("{{")),
        is_effect: of.effect.map_or(is_effect, |at| at.value),
    }
}

/// The tool of a mock that names none.
fn usual(name: &str, mock: &Mock, is_effect: bool) -> ToolPlan {
    let title = mock.title.as_ref().map_or(name, |at| at.value.0.as_str());
    ToolPlan {
        name: name.to_owned(),
        description: title.to_owned(),
        input: query(),
        reply: None,
        fixed: None,
        is_effect,
    }
}

/// The tools of a memory.
fn memory() -> Vec<Arc<ToolPlan>> {
    let tool = |name: &str, description: &str, of: &str| ToolPlan {
        name: name.into(),
        description: description.into(),
        input: json!({ "type": "object", "properties": { of: { "type": "string" } }, "required": [of] }),
        reply: None,
        fixed: None,
        is_effect: false,
    };
    let recall = tool("recall", "Finds what has been remembered that is most like a question.", "query");
    vec![Arc::new(recall), Arc::new(tool("remember", "Remembers a text.", "text"))]
}

fn query() -> Value {
    json!({ "type": "object", "properties": { "query": { "type": "string" } } })
}

impl MockPlan {
    /// Whether it is a memory.
    pub fn is_memory(&self) -> bool {
        matches!(self.store, StorePlan::Memory(_))
    }
}
