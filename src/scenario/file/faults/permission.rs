//! Permission-boundary drift: what agents may do changes, or is not checked any more.

use crate::base::{Ratio, Span};
use crate::scenario::record::{record, words};
use crate::scenario::source::At;

record! {
    /// For how long a server honours a permission that has been revoked.
    pub struct RevocationLag {
        /// How long.
        pub lag: At<Span>,
    }
}

record! {
    /// Credentials expire in the middle of tasks.
    pub struct TokenExpiry {
        /// How long a task's credential lives; default `5m`.
        pub lifetime: Option<At<Span>>,
        /// The share of requests whose credential is looked at; default 100%.
        pub share: Option<At<Ratio>>,
    }
}

words! {
    /// A check in front of or behind calls to a mock.
    pub enum ScreenName {
        /// The check of a reply's form.
        Output = "output",
        /// The search for instructions in replies.
        Sanitizer = "sanitizer",
        /// The comparison of a tool's description with the approved one.
        DescriptionPin = "description_pin",
        /// The check that a reply belongs to the tenant.
        TenantCheck = "tenant_check",
        /// The check of how old documents are.
        Freshness = "freshness",
        /// The check that the history is whole.
        HistoryCheck = "history_check",
        /// The check of what a hand-over must carry.
        Contract = "contract",
        /// The check of who sends a message.
        Identity = "identity",
        /// The check of where a recalled entry comes from.
        Provenance = "provenance",
        /// The check of what is to be remembered.
        Quarantine = "quarantine",
        /// The check of every effect against the policy.
        Policy = "policy",
    }
}

record! {
    /// A guardrail does not answer: it fails open or closed, as it says.
    pub struct GuardrailOutage {
        /// The guardrail of the mock.
        pub guard: At<ScreenName>,
        /// The share of calls that it does not answer; default 100%.
        pub share: Option<At<Ratio>>,
    }
}

record! {
    /// A guardrail lets everything through.
    pub struct FalseAllow {
        /// The guardrail of the mock.
        pub guard: At<ScreenName>,
        /// The share of calls that it lets through unseen.
        pub share: At<Ratio>,
    }
}
