//! Guardrails: automatic controls in the path of a call or a task.

use serde_json::Value;

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::{Decode, Definitions, Named, Node, is_crowded, wrong_type};
use crate::scenario::file::load::Tier;
use crate::scenario::problem::Sink;
use crate::scenario::record::record;
use crate::scenario::source::At;
use crate::scenario::units::Name;

record! {
    /// Trying again.
    pub struct Retry {
        /// How often a call is tried at most, the first time included.
        pub attempts: At<u64>,
        /// The pause before the second attempt.
        pub backoff: At<Span>,
        /// How much longer each further pause is; default 200%.
        pub factor: Option<At<Ratio>>,
        /// The longest pause; default `60s`.
        pub backoff_max: Option<At<Span>>,
        /// How far a pause may stray to either side, by chance; default 0%.
        pub jitter: Option<At<Ratio>>,
        /// Retries allowed as a share of calls, over all tasks; default: without limit.
        pub budget: Option<At<Ratio>>,
        /// Retries that the budget allows at once before it is held to its share; default 10.
        pub budget_burst: Option<At<u64>>,
        /// The longest wait that a server may ask for (`retry-after`); asked for more, the call is given up; default `30s`.
        pub retry_after_max: Option<At<Span>>,
    }
}

record! {
    /// A circuit breaker.
    pub struct Breaker {
        /// Over how long failures are counted.
        pub window: At<Span>,
        /// How many calls the window must hold before it may open.
        pub calls_min: At<u64>,
        /// It opens when a greater share of them failed.
        pub open_above: At<Ratio>,
        /// How long it stays open before it lets probes through.
        pub probe_after: At<Span>,
        /// How many probes must succeed, one at a time, to close it; default 1.
        pub probes: Option<At<u64>>,
    }
}

record! {
    /// A limit on calls under way.
    pub struct Bulkhead {
        /// How many calls may be under way at once.
        pub concurrent: At<u64>,
        /// How many may wait for their turn; default 0.
        pub queue: Option<At<u64>>,
    }
}

record! {
    /// A check of every reply's form: schema, script, end. What it catches is asked again.
    pub struct OutputCheck {
        /// The share of malformed replies that it catches.
        pub catches: At<Ratio>,
        /// The share of good replies that it refuses all the same; default 0%.
        pub false_positives: Option<At<Ratio>>,
    }
}

record! {
    /// The controls in the path of every call to one mock.
    pub struct CallGuard {
        /// How long an attempt may take, waiting in the bulkhead included.
        pub timeout: Option<At<Span>>,
        /// Trying again.
        pub retry: Option<Retry>,
        /// A circuit breaker.
        pub breaker: Option<Breaker>,
        /// A limit on calls under way.
        pub bulkhead: Option<Bulkhead>,
        /// The mocks to ask instead, in order, when the call is given up.
        pub fallback: Option<OneOrMore>,
        /// Whether calls with an effect carry a key by which the mock knows a repetition; default false.
        pub idempotency_keys: Option<At<bool>>,
        /// A check of every reply's form (models).
        pub output: Option<OutputCheck>,
    }
}

record! {
    /// Refusing new tasks while too many are in flight.
    pub struct Shed {
        /// More tasks in flight than this.
        pub in_flight_above: At<u64>,
        /// The tiers that are refused.
        pub tiers: Vec<At<Tier>>,
    }
}

record! {
    /// Limits on what is spent.
    pub struct Budget {
        /// What one task may cost; one more call that costs something fails the task.
        pub per_task: Option<At<Money>>,
        /// What may be spent in a minute; calls that cost something are refused until the next.
        pub per_minute: Option<At<Money>>,
        /// The tiers that `per_minute` does not hold back.
        pub spare: Vec<At<Tier>>,
    }
}

record! {
    /// The controls over every task.
    pub struct TaskGuard {
        /// Whether a task and its call under way are stopped at its deadline; default false.
        pub deadline: Option<At<bool>>,
        /// Refusing new tasks while too many are in flight.
        pub shed: Option<Shed>,
        /// Limits on what is spent.
        pub budget: Option<Budget>,
        /// How many calls a task may make, retries not counted.
        pub steps_max: Option<At<u64>>,
    }
}

/// One name, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMore(pub Vec<At<Name>>);

impl Decode for OneOrMore {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        if node.value.is_array() {
            return Self(Vec::decode(node, sink));
        }
        Self(vec![At::decode(node, sink)])
    }

    fn hole() -> Self {
        Self(Vec::new())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let (one, many) = (At::<Name>::schema(definitions), Vec::<At<Name>>::schema(definitions));
        serde_json::json!({ "anyOf": [one, many] })
    }
}

/// All guardrails: those of the tasks, and those of each mock.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Guards {
    /// Over every task.
    pub tasks: Option<TaskGuard>,
    /// In the path of the calls to a mock, by the mock's name.
    pub calls: Named<CallGuard>,
}

/// The name under which the guardrails of every task stand.
pub const TASKS: &str = "tasks";

impl Decode for Guards {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let Some(table) = node.value.as_table() else {
            wrong_type(node, "a table", sink);
            return Self::default();
        };
        let tasks = table.get(TASKS).map(|value| TaskGuard::decode(node.child(value), sink));
        let mut calls = Named::default();
        if is_crowded(table.len(), node.place, sink) {
            return Self::default();
        }
        for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != TASKS) {
            let guard = CallGuard::decode(node.child(value), sink);
            calls.0.insert(key.get_ref().to_string(), At { value: guard, place: node.at(key.span()) });
        }
        Self { tasks, calls }
    }

    fn hole() -> Self {
        Self::default()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let (tasks, call) = (TaskGuard::schema(definitions), CallGuard::schema(definitions));
        serde_json::json!({ "type": "object", "properties": { TASKS: tasks }, "additionalProperties": call })
    }
}
