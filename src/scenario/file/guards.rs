//! Guardrails: automatic controls in the path of a call or a task.

use serde_json::Value;

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::{Decode, Definitions, Named, Node, is_crowded, wrong_type};
use crate::scenario::dist_text::SpanDist;
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::load::Tier;
use crate::scenario::file::screens::{Screen, StepUp};
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
    /// Sending calls to a cheaper model while much is spent.
    pub struct Downgrade {
        /// The cheaper model.
        pub to: At<Name>,
        /// What is spent in the minute when it begins.
        pub above: At<Money>,
        /// Whose calls; default all tiers.
        pub tiers: Vec<At<Tier>>,
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
        /// A check of every reply's form: schema, script, end. What it catches is asked again.
        pub output: Option<Screen>,
        /// A search for instructions in replies; what it finds is cut out.
        pub sanitizer: Option<Screen>,
        /// A comparison of the tool's description with the approved one, which is used instead of another.
        pub description_pin: Option<Screen>,
        /// A check that a reply belongs to the tenant; any other is asked for again.
        pub tenant_check: Option<Screen>,
        /// A check of how old documents are; what is out of date is asked for again.
        pub freshness: Option<Screen>,
        /// A check that the model was sent the whole history; if not, it is asked again.
        pub history_check: Option<Screen>,
        /// A check of what a hand-over must carry; if something lacks, it is sent again.
        pub contract: Option<Screen>,
        /// A check of who sends a message; one of somebody else is thrown away, and the real one asked for.
        pub identity: Option<Screen>,
        /// A check of where a recalled entry comes from; one from nowhere is left out.
        pub provenance: Option<Screen>,
        /// A check of what is to be remembered; what looks wrong is put aside.
        pub quarantine: Option<Screen>,
        /// A check of every effect against the policy; what it forbids is not even asked for.
        pub policy: Option<Screen>,
        /// Whether effects beyond the agent's own permissions are refused before they are asked for; default false.
        pub allow_list: Option<At<bool>>,
        /// Whether every effect carries on whose behalf it is asked for; default false.
        pub origin_check: Option<At<bool>>,
        /// A person is asked when an effect is refused.
        pub step_up: Option<StepUp>,
        /// A new credential is fetched when one has expired; how long that takes.
        pub refresh: Option<At<SpanDist>>,
        /// The tool's schema is looked up again when it rejects a call; how long that takes.
        pub relist: Option<At<SpanDist>>,
        /// Whether messages are numbered, so that repeated and late ones are known; default false.
        pub sequence_numbers: Option<At<bool>>,
        /// Whether an update is refused if the object has changed since it was read; default false.
        pub compare_and_set: Option<At<bool>>,
        /// Whether the cost of replies that do not say it is estimated; default false.
        pub estimates_usage: Option<At<bool>>,
        /// Sending calls to a cheaper model while much is spent (models).
        pub downgrade: Option<Downgrade>,
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
        /// By tier, what its tasks may spend in a minute.
        pub per_tier: Named<At<Money>>,
    }
}

record! {
    /// A breaker on how fast money is spent.
    pub struct Velocity {
        /// It opens when more is spent in a minute, averaged over `over`.
        pub above: At<Money>,
        /// Over how long; default `1m`.
        pub over: Option<At<Span>>,
        /// How long calls that cost something are then refused; default `1m`.
        pub pause: Option<At<Span>>,
        /// The tiers that it does not hold back.
        pub spare: Vec<At<Tier>>,
    }
}

record! {
    /// Cutting the context of some tiers while much is spent.
    pub struct Compress {
        /// The tiers.
        pub tiers: Vec<At<Tier>>,
        /// What is spent in the minute when it begins.
        pub above: At<Money>,
        /// What is left of the tokens that a question sends.
        pub to: At<Ratio>,
    }
}

record! {
    /// Making a context shorter before it is sent.
    pub struct Compaction {
        /// A context of more tokens than this,
        pub above: At<u64>,
        /// is cut to this many.
        pub to: At<u64>,
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
        /// How often a task may do the same call over again before it is stopped.
        pub loop_limit: Option<At<u64>>,
        /// How often a task may be handed over.
        pub hop_limit: Option<At<u64>>,
        /// After how long without progress a task's last message is sent again.
        pub watchdog: Option<At<Span>>,
        /// A look at the context before each question; found poisoned, the task begins again with an empty one.
        pub context_reset: Option<Screen>,
        /// Making a context shorter before it is sent.
        pub compaction: Option<Compaction>,
        /// A breaker on how fast money is spent.
        pub velocity: Option<Velocity>,
        /// Cutting the context of some tiers while much is spent.
        pub compress: Option<Compress>,
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

/// A control that can be switched off.
pub(crate) trait Part {
    /// Whether it is there.
    fn is_there(&self) -> bool;
    /// Takes it away.
    fn clear(&mut self);
}

impl<T> Part for Option<T> {
    fn is_there(&self) -> bool {
        self.is_some()
    }
    fn clear(&mut self) {
        *self = None;
    }
}

/// Names the controls of a record: an enum of them, and a way to each.
macro_rules! controls {
    ($(#[doc = $doc:literal])+ pub enum $name:ident of $guard:ident { $($variant:ident = $field:ident,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($field), "`")] $variant,)+
        }

        impl $name {
            /// Every control, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the key of the control.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => stringify!($field),)+ }
            }
        }

        impl $guard {
            /// Returns its controls.
            pub(crate) fn parts(&mut self) -> Vec<($name, &mut dyn Part)> {
                vec![$(($name::$variant, &mut self.$field as &mut dyn Part)),+]
            }
        }
    };
}

controls! {
    /// A control in the path of every call to one mock.
    pub enum CallControl of CallGuard {
        Timeout = timeout,
        Retry = retry,
        Breaker = breaker,
        Bulkhead = bulkhead,
        Fallback = fallback,
        IdempotencyKeys = idempotency_keys,
        Output = output,
        Sanitizer = sanitizer,
        DescriptionPin = description_pin,
        TenantCheck = tenant_check,
        Freshness = freshness,
        HistoryCheck = history_check,
        Contract = contract,
        Identity = identity,
        Provenance = provenance,
        Quarantine = quarantine,
        Policy = policy,
        AllowList = allow_list,
        OriginCheck = origin_check,
        StepUp = step_up,
        Refresh = refresh,
        Relist = relist,
        SequenceNumbers = sequence_numbers,
        CompareAndSet = compare_and_set,
        EstimatesUsage = estimates_usage,
        Downgrade = downgrade,
    }
}

controls! {
    /// A control over every task.
    pub enum TaskControl of TaskGuard {
        Deadline = deadline,
        Shed = shed,
        Budget = budget,
        StepsMax = steps_max,
        LoopLimit = loop_limit,
        HopLimit = hop_limit,
        Watchdog = watchdog,
        ContextReset = context_reset,
        Compaction = compaction,
        Velocity = velocity,
        Compress = compress,
    }
}

impl CallControl {
    /// Returns the control that a screen is.
    pub fn of_screen(name: ScreenName) -> Self {
        match name {
            ScreenName::Output => Self::Output,
            ScreenName::Sanitizer => Self::Sanitizer,
            ScreenName::DescriptionPin => Self::DescriptionPin,
            ScreenName::TenantCheck => Self::TenantCheck,
            ScreenName::Freshness => Self::Freshness,
            ScreenName::HistoryCheck => Self::HistoryCheck,
            ScreenName::Contract => Self::Contract,
            ScreenName::Identity => Self::Identity,
            ScreenName::Provenance => Self::Provenance,
            ScreenName::Quarantine => Self::Quarantine,
            ScreenName::Policy => Self::Policy,
        }
    }
}

impl CallGuard {
    /// Returns its screens, by the name that a fault uses.
    pub(crate) fn screens(&self) -> impl Iterator<Item = (ScreenName, &Screen)> {
        let all = [
            (ScreenName::Output, &self.output),
            (ScreenName::Sanitizer, &self.sanitizer),
            (ScreenName::DescriptionPin, &self.description_pin),
            (ScreenName::TenantCheck, &self.tenant_check),
            (ScreenName::Freshness, &self.freshness),
            (ScreenName::HistoryCheck, &self.history_check),
            (ScreenName::Contract, &self.contract),
            (ScreenName::Identity, &self.identity),
            (ScreenName::Provenance, &self.provenance),
            (ScreenName::Quarantine, &self.quarantine),
            (ScreenName::Policy, &self.policy),
        ];
        all.into_iter().filter_map(|(name, screen)| Some((name, screen.as_ref()?)))
    }
}
