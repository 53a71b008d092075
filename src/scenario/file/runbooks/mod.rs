//! Runbooks and the people who do them.

pub mod actions;

pub use actions::Action;

use serde_json::Value;

use crate::base::{Ratio, Span};
use crate::scenario::condition::Condition;
use crate::scenario::decode::{Decode, Definitions, Node};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::problem::Sink;
use crate::scenario::record::{record, words};
use crate::scenario::source::At;
use crate::scenario::units::Name;

words! {
    /// What happens when a step's expected observation does not come in its time window.
    pub enum Otherwise {
        /// The next step is done all the same.
        Continue = "continue",
        /// The role that its owner escalates to is paged and goes on.
        Escalate = "escalate",
    }
}

record! {
    /// One step of a runbook.
    pub struct RunbookStep {
        /// Its name, for reports and for `--without`.
        pub id: At<Name>,
        /// The role that does it, or `auto` for automation.
        pub owner: At<Name>,
        /// When it must be done, counted from the notification, or from when `when` held.
        pub within: At<Span>,
        /// What it does.
        pub r#do: Action,
        /// What must be observed before it is begun.
        pub when: Option<At<Condition>>,
        /// What must be observed then for it to be done at all; otherwise the next step follows.
        pub only_if: Option<At<Condition>>,
        /// What should be observed after it, within the same window again.
        pub expect: Option<At<Condition>>,
        /// What happens if that is not observed; default `continue`.
        pub otherwise: Option<At<Otherwise>>,
    }
}

record! {
    /// What is done when an alert is delivered: owners work side by side, each in the order of the steps.
    pub struct Runbook {
        /// What must be observed for the incident to be closed.
        pub recovery: At<Condition>,
        /// The steps.
        pub steps: Vec<RunbookStep>,
    }
}

record! {
    /// How somebody on call responds on a shift.
    pub struct Shift {
        /// How long until a page is acknowledged.
        pub acknowledge: At<SpanDist>,
        /// How long a step takes.
        pub step: At<SpanDist>,
        /// The share of pages that nobody answers; default 0%.
        pub no_answer: Option<At<Ratio>>,
        /// The share of attempts at a step that come to nothing and are made again; default 0%.
        pub fails: Option<At<Ratio>>,
        /// The share of steps that are forgotten; default 0%.
        pub skips: Option<At<Ratio>>,
        /// The share of steps that are done after the one which should follow them; default 0%.
        pub swaps: Option<At<Ratio>>,
    }
}

record! {
    /// A role on the roster.
    pub struct Role {
        /// By day.
        pub day: Shift,
        /// By night; default: as by day.
        pub night: Option<Shift>,
        /// How long a page may go unanswered before somebody else is paged; default `5m`.
        pub escalate_after: Option<At<Span>>,
        /// The role that is paged then.
        pub to: Option<At<Name>>,
    }
}

/// A runbook in place, or the name of a Markdown file that holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunbookUse(pub Runbook);

impl std::ops::Deref for RunbookUse {
    type Target = Runbook;
    fn deref(&self) -> &Runbook {
        &self.0
    }
}

impl std::ops::DerefMut for RunbookUse {
    fn deref_mut(&mut self) -> &mut Runbook {
        &mut self.0
    }
}

impl Decode for RunbookUse {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        // A file is read, and its page decoded, when the rest of the scenario has been.
        if node.value.is_str() { Self::hole() } else { Self(Runbook::decode(node, sink)) }
    }

    fn hole() -> Self {
        Self(Runbook::hole())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let runbook = Runbook::schema(definitions);
        let file = serde_json::json!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]+\\.md$",
            "description": "A page in `runbooks/`, beside the scenario or beside its folder.",
        });
        serde_json::json!({ "anyOf": [runbook, file], "x-see": "Runbook" })
    }
}
