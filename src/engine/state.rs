//! What the engine keeps of tasks, attempts and mocks while they are under way.

use crate::base::{Key, Money, Span, Time};
use crate::engine::line::Line;
use crate::engine::slab::NONE;
use crate::guard::{Breaker, RetryBudget};
use crate::model::{Memory, Outcome, Quotas, Reply, SharedState};
use crate::plan::Flaw;
use crate::record::Ending;

/// How many loops of a plan may be open at once.
pub(crate) const LOOPS: usize = crate::scenario::limits::PLAN_DEPTH_MAX + 1;

/// A task being worked.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Which task it is, by the order of arrival.
    pub(crate) number: u32,
    /// Its stream.
    pub(crate) key: Key,
    /// The stream of the task whose work it is: its own, unless it was delivered a second time.
    pub(crate) home: Key,
    pub(crate) arrived: Time,
    /// What it has cost.
    pub(crate) cost: Money,
    /// Tokens of context, and how many of them the last question already sent.
    pub(crate) context: u64,
    pub(crate) sent: u64,
    /// The model that it was sent to.
    pub(crate) sent_to: u8,
    /// The attempt under way, if any.
    pub(crate) attempt: u32,
    /// The turn of the pause it sleeps through; 0 for none.
    pub(crate) wake: u32,
    /// Whether that is the pause before another attempt; otherwise it thinks.
    pub(crate) is_backing_off: bool,
    /// The turn of its deadline; 0 for none.
    pub(crate) deadline: u32,
    /// The operation it is at, and how many it has begun: the identity of its draws.
    pub(crate) pc: u16,
    pub(crate) visit: u32,
    pub(crate) loops: [u16; LOOPS],
    /// Calls it has made, retries not counted.
    pub(crate) calls: u32,
    pub(crate) call: Call,
    pub(crate) agent: u8,
    /// The agent that it came to first.
    pub(crate) origin: u8,
    pub(crate) tier: u8,
    pub(crate) is_wrong: bool,
    pub(crate) is_unsafe: bool,
    /// The models whose answers it took, a bit for each.
    pub(crate) models: u64,
    /// The spread that has contaminated its context; [`NONE`] if none has.
    pub(crate) taint: u32,
    /// Since when its credential is valid.
    pub(crate) credential: Time,
    /// How often contexts had been reset when it began, or began again.
    pub(crate) resets: u32,
    /// Operations whose effects it has executed since it began again, and before that, a bit for each.
    pub(crate) acted: u64,
    pub(crate) acted_before: u64,
    /// What it has read of a shared state.
    pub(crate) read: Option<Read>,
    /// Updates that were refused, hand-overs, repetitions of one call, and new beginnings.
    pub(crate) conflicts: u8,
    pub(crate) redone: u8,
    pub(crate) hops: u32,
    pub(crate) repeated: u32,
    /// Its outcome has been counted, at its deadline; what it still does is wasted.
    pub(crate) is_counted: bool,
}

/// What a task has read of a shared state, and by which operation of which agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) mock: u8,
    pub(crate) agent: u8,
    pub(crate) pc: u16,
    pub(crate) object: u32,
    pub(crate) version: u32,
}

/// The call that a task is making.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// The mock that the plan names.
    pub(crate) wanted: u8,
    /// The mock that is asked now.
    pub(crate) mock: u8,
    /// How many fallbacks of the wanted mock have been turned to.
    pub(crate) fallbacks: u8,
    /// Attempts at the mock that is asked now, and over the whole call.
    pub(crate) tries: u32,
    pub(crate) attempts: u32,
    pub(crate) tokens_in: u32,
    pub(crate) tokens_out: u32,
    /// What is known of its effect; [`NONE`] if it has none.
    pub(crate) token: u32,
    pub(crate) is_optional: bool,
    pub(crate) is_ask: bool,
    /// A person has been asked about its effect, and has approved it.
    pub(crate) is_asked: bool,
    pub(crate) is_approved: bool,
    /// The mock at which its effect was refused although it is permitted.
    pub(crate) refused_by: Option<u8>,
    /// A new credential has been fetched for it.
    pub(crate) is_refreshed: bool,
    /// The tool's schema has been looked up again.
    pub(crate) is_relisted: bool,
}

impl Call {
    pub(crate) const NONE: Self = Self {
        wanted: 0,
        mock: 0,
        fallbacks: 0,
        tries: 0,
        attempts: 0,
        tokens_in: 0,
        tokens_out: 0,
        token: NONE,
        is_optional: false,
        is_ask: false,
        is_asked: false,
        is_approved: false,
        refused_by: None,
        is_refreshed: false,
        is_relisted: false,
    };

    /// Returns a call to a mock.
    pub(crate) fn to(mock: u8) -> Self {
        Self { wanted: mock, mock, ..Self::NONE }
    }
}

/// Whether the effect of a call has been executed, shared by the call and all its attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// The mocks that have executed it, a bit for each.
    pub(crate) executed_by: u64,
    /// How many of them still hold it.
    pub(crate) holders: u32,
}

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Waiting in the client's bulkhead.
    Bulkhead,
    /// Waiting in the mock's queue.
    Queue,
    /// In one of the mock's slots.
    Slot,
    /// Worked, and its reply lost on the way.
    Lost,
    /// On its way to a mock that is elsewhere, or back from it.
    Abroad,
}

/// How an attempt ends badly for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client's timeout passed.
    Timeout,
    /// The server answered with an error.
    Status(u16),
    /// The server's quota is used up; it asks to wait this long.
    RateLimited(Span),
    /// The connection was cut.
    Cut,
    /// The server refused for want of a permission.
    Denied,
    /// The reply came with status 200, and the output guardrail found it malformed.
    Malformed,
    /// The model refused to answer.
    Declined,
    /// The credential has expired.
    Expired,
    /// The tool rejected the call's form.
    Rejected,
    /// The client's own breaker, bulkhead or budget refused.
    Refused,
}

impl Failure {
    /// Returns how a trace names it.
    pub(crate) fn ending(self) -> Ending {
        match self {
            Self::Timeout => Ending::Timeout,
            Self::Status(status) => Ending::Status(status),
            Self::RateLimited(_) => Ending::RateLimited,
            Self::Cut => Ending::Cut,
            Self::Denied => Ending::Denied,
            Self::Malformed => Ending::Malformed,
            Self::Declined => Ending::Declined,
            Self::Expired => Ending::Expired,
            Self::Rejected => Ending::Rejected,
            Self::Refused => Ending::Refused,
        }
    }

    /// Whether trying again may help (the statuses that SDKs retry).
    pub(crate) fn is_retryable(self) -> bool {
        match self {
            Self::Timeout | Self::RateLimited(_) | Self::Cut | Self::Malformed => true,
            Self::Status(status) => matches!(status, 408 | 409 | 429) || status >= 500,
            Self::Denied | Self::Declined | Self::Expired | Self::Rejected | Self::Refused => false,
        }
    }
}

/// One attempt of a call, from the client's bulkhead to the end of the mock's work.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The number of the task it was made for.
    pub(crate) number: u32,
    /// The task that waits for it; [`NONE`] if the client has gone, or it is a probe.
    pub(crate) task: u32,
    /// The task it was made for, even after that has given it up, and that task's stream.
    pub(crate) owner: u32,
    pub(crate) owner_key: Key,
    /// Neighbours in a waiting line.
    pub(crate) before: u32,
    pub(crate) after: u32,
    /// The turn of its completion, and of its timeout; 0 for none.
    pub(crate) complete: u32,
    pub(crate) timeout: u32,
    /// When the client began to wait, and when the mock took it up.
    pub(crate) begun: Time,
    pub(crate) reached: Time,
    pub(crate) service: Span,
    pub(crate) cost: Money,
    pub(crate) key: Key,
    pub(crate) mock: u8,
    pub(crate) tier: u8,
    pub(crate) place: Place,
    pub(crate) reply: Reply,
    pub(crate) is_probe: bool,
    /// Nobody waits for it any more.
    pub(crate) is_gone: bool,
    /// A mock that is elsewhere has done its work.
    pub(crate) is_worked: bool,
    /// The breaker let it through to see whether the mock has recovered.
    pub(crate) is_trial: bool,
    pub(crate) is_right: bool,
    /// What a fault did to a good reply.
    pub(crate) flaw: Option<Flaw>,
    /// The fault whose doing that is.
    pub(crate) flaw_by: u8,
    /// The spread that had contaminated the context it was made from; [`NONE`] if none had.
    pub(crate) taint: u32,
    /// It does not say what it cost.
    pub(crate) is_unsaid: bool,
    /// Output tokens of the reply, as faults make them.
    pub(crate) tokens_out: u32,
    /// The evaluation whose canary question it is; [`NO_EVALUATION`] for none.
    pub(crate) canary: u8,
    pub(crate) is_lost: bool,
    pub(crate) is_cut: bool,
    /// The faults that hit it, a bit for each.
    pub(crate) hits: u64,
    pub(crate) effect: Effect,
    pub(crate) token: u32,
}

impl Attempt {
    /// Notes what becomes of it.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.reply = outcome.reply;
        self.service = outcome.service;
        self.is_right = outcome.is_right;
        (self.is_lost, self.is_cut, self.is_unsaid) = (outcome.is_lost, outcome.is_cut, outcome.is_unsaid);
        if let Some((flaw, by)) = outcome.flaw {
            (self.flaw, self.flaw_by) = (Some(flaw), by);
        }
    }
}

/// No evaluation.
pub(crate) const NO_EVALUATION: u8 = u8::MAX;

/// A judgement that is on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement {
    pub(crate) evaluation: u8,
    /// The models that it is about, a bit for each.
    pub(crate) models: u64,
    pub(crate) is_bad: bool,
}

/// What an attempt does to the world when it is worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// An effect within the agent's permissions.
    Permitted,
    /// An effect beyond them.
    Unsafe,
}

/// What a mock holds for agents.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// Nothing.
    None,
    /// Entries to recall and to remember.
    Memory(Memory),
    /// Versioned objects to read and to update.
    State(SharedState),
}

/// A mock's slots and lines, and the client's controls in front of it.
#[derive(Debug, Clone)]
pub(crate) struct Station {
    pub(crate) busy: u32,
    pub(crate) queue: Line,
    /// Requests per minute and tokens per minute.
    pub(crate) quotas: Quotas,
    pub(crate) faults: Vec<u8>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) retries: Option<RetryBudget>,
    /// Calls under way in the bulkhead, and those that wait for it.
    pub(crate) under_way: u32,
    pub(crate) waiting: Line,
    /// Waiting calls are being let in; whoever frees a place meanwhile need not do it again.
    pub(crate) is_letting_in: bool,
    /// What it holds for agents.
    pub(crate) store: Store,
    /// What a runbook has set: nobody recalls or remembers, effects are refused or need approval, and
    /// the agents whose permission has been taken, with the moment of that.
    pub(crate) is_quarantined: bool,
    pub(crate) is_killed: bool,
    pub(crate) needs_approval: bool,
    pub(crate) revoked: Vec<(u8, Time)>,
    /// What a runbook has set: where calls go instead, and how often they are tried.
    pub(crate) degraded_to: Option<u8>,
    /// The mock that a rollout sends a share of tasks to.
    pub(crate) rollout: Option<(u8, f64)>,
    pub(crate) attempts_max: Option<u32>,
}
