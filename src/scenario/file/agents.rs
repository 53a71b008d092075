//! Agents: what they may do, and the plan of steps by which they work a task.

use serde_json::{Value, json};

use crate::base::{Ratio, Span};
use crate::scenario::decode::{Decode, Definitions, Named, Node, suggest};
use crate::scenario::dist_text::{CountDist, SpanDist};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::record::{record, words};
use crate::scenario::source::At;
use crate::scenario::units::Name;

record! {
    /// The tokens of one question to a model.
    pub struct Tokens {
        /// Tokens that this step adds to the context, which is sent whole.
        pub r#in: At<CountDist>,
        /// Tokens of the reply, which join the context.
        pub out: At<CountDist>,
    }
}

record! {
    /// A question to a model.
    pub struct Ask {
        /// The model.
        pub ask: At<Name>,
        /// How many tokens.
        pub tokens: Tokens,
        /// How often, one after the other; default 1.
        pub times: Option<At<CountDist>>,
        /// Whether the task goes on if this fails; default false.
        pub optional: Option<At<bool>>,
    }
}

words! {
    /// What a call does with a memory or a shared state.
    pub enum Access {
        /// It recalls entries of a memory.
        Recall = "recall",
        /// It puts an entry into a memory.
        Remember = "remember",
        /// It reads the task's object of a shared state.
        Read = "read",
        /// It updates the object that the task has read.
        Update = "update",
    }
}

record! {
    /// A call to a tool.
    pub struct Use {
        /// The tool.
        pub r#use: At<Name>,
        /// How often, one after the other; default 1.
        pub times: Option<At<CountDist>>,
        /// Tokens that the result adds to the context; default 0.
        pub adds: Option<At<CountDist>>,
        /// The effect that it has on the world, if it has one; it lands in the effects ledger.
        pub effect: Option<At<Name>>,
        /// What it does with what a memory or a shared state holds.
        pub access: Option<At<Access>>,
        /// How many entries it recalls; default 1.
        pub recalls: Option<At<CountDist>>,
        /// Whether the task goes on if this fails; default false.
        pub optional: Option<At<bool>>,
    }
}

record! {
    /// A block of steps done several times.
    pub struct Repeat {
        /// How often.
        pub repeat: At<CountDist>,
        /// The steps.
        pub steps: Vec<Step>,
    }
}

record! {
    /// One way to go on.
    pub struct Path {
        /// How likely it is.
        pub chance: At<Ratio>,
        /// The steps.
        pub steps: Vec<Step>,
    }
}

record! {
    /// A fork: one of several paths by chance; with what is missing to 100%, none.
    pub struct Branch {
        /// The paths.
        pub branch: Vec<Path>,
    }
}

record! {
    /// The rest of the task goes to another agent, with its context.
    pub struct HandOver {
        /// The other agent.
        pub hand_over: At<Name>,
        /// The tool that carries the message; default: none, so that nothing can happen to it.
        pub via: Option<At<Name>>,
    }
}

record! {
    /// A question to a model that looks for what is wrong with the work so far; found, it is begun again.
    pub struct Verify {
        /// The model.
        pub verify: At<Name>,
        /// How many tokens.
        pub tokens: Tokens,
        /// The share of wrong work that it finds.
        pub catches: At<Ratio>,
        /// The share of right work that it sends back; default 0%.
        pub false_positives: Option<At<Ratio>>,
    }
}

record! {
    /// Work of the agent's own, without a call.
    pub struct Think {
        /// How long it takes.
        pub think: At<SpanDist>,
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A question to a model.
    Ask(Ask),
    /// A call to a tool.
    Use(Use),
    /// A block done several times.
    Repeat(Repeat),
    /// A fork by chance.
    Branch(Branch),
    /// A hand-over to another agent.
    HandOver(HandOver),
    /// A look for what is wrong.
    Verify(Verify),
    /// Work without a call.
    Think(Think),
}

const STEP_KINDS: &[&str] = &["ask", "use", "repeat", "branch", "hand_over", "verify", "think"];

/// A step is told by the key that only its kind has.
impl Decode for Step {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let fields = node.fields("a step, such as { ask = \"planner\", tokens = { ... } }", sink);
        let kinds: Vec<&str> = STEP_KINDS.iter().copied().filter(|kind| fields.has(kind)).collect();
        match kinds.as_slice() {
            ["ask"] => Self::Ask(Ask::from_fields(fields, sink)),
            ["use"] => Self::Use(Use::from_fields(fields, sink)),
            ["repeat"] => Self::Repeat(Repeat::from_fields(fields, sink)),
            ["branch"] => Self::Branch(Branch::from_fields(fields, sink)),
            ["hand_over"] => Self::HandOver(HandOver::from_fields(fields, sink)),
            ["verify"] => Self::Verify(Verify::from_fields(fields, sink)),
            ["think"] => Self::Think(Think::from_fields(fields, sink)),
            [] => {
                if node.value.is_table() {
                    let first = fields.rest().next().map_or("", |(key, _)| key);
                    let message =
                        "a step says what it does: ask, use, repeat, branch, hand_over, verify or think";
                    let problem = Problem::error(Code::MissingKey, node.place, message);
                    sink.push(problem.hint(suggest(first, STEP_KINDS)));
                }
                Self::hole()
            }
            several => {
                let message = format!("a step does one thing, this one does {}", several.join(" and "));
                sink.push(Problem::error(Code::Contradiction, node.place, message));
                Self::hole()
            }
        }
    }

    fn hole() -> Self {
        Self::Think(Think::hole())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        // A step may hold steps: the name stands before its definition does.
        if !definitions.contains_key("Step") {
            definitions.insert("Step".into(), Value::Null);
            let kinds = [
                Ask::schema(definitions),
                Use::schema(definitions),
                Repeat::schema(definitions),
                Branch::schema(definitions),
                HandOver::schema(definitions),
                Verify::schema(definitions),
                Think::schema(definitions),
            ];
            let schema = json!({ "description": "One step of a plan.", "anyOf": kinds });
            definitions.insert("Step".into(), schema);
        }
        json!({ "$ref": "#/$defs/Step" })
    }
}

/// A deadline: one span for all tiers, or one for each.
#[derive(Debug, Clone, PartialEq)]
pub enum Deadline {
    /// The same for every tier.
    All(At<Span>),
    /// By tier; a tier that is not named has none.
    ByTier(Named<At<Span>>),
}

impl Decode for Deadline {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        if node.value.is_table() {
            return Self::ByTier(Named::decode(node, sink));
        }
        Self::All(At::decode(node, sink))
    }

    fn hole() -> Self {
        Self::All(At::hole())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let (one, many) = (At::<Span>::schema(definitions), Named::<At<Span>>::schema(definitions));
        json!({ "anyOf": [one, many] })
    }
}

record! {
    /// A kind of synthetic agent.
    pub struct Agent {
        /// The share of arriving tasks that it takes; 0% for one that only gets hand-overs; default 100%.
        pub share: Option<At<Ratio>>,
        /// How many copies of it work side by side, for faults that stick to an agent; default 1.
        pub instances: Option<At<u64>>,
        /// How long a task may take: one span, or one for each tier; default: as long as it likes.
        pub deadline: Option<Deadline>,
        /// The permissions it holds.
        pub permissions: Vec<At<Name>>,
        /// The steps by which it works a task.
        pub plan: Vec<Step>,
    }
}
