//! Faults: on which mock, from when to when, and what they do.

use crate::base::{Dist, Key, Ratio, Span, Time};
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::faults::incidents::{Happens, Part};
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::faults::{Fault, Inject, LostEnding, Sticky};
use crate::scenario::source::At;

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultEffect {
    /// The request is never answered; its slot is held for this long.
    Hang(Span),
    /// The request takes longer.
    Latency(Dist),
    /// An error is answered, with this status and after this time.
    Error(u16, Dist),
    /// The share of slots that is left.
    Capacity(Ratio),
    /// The reply is lost after the effect; `true` if the connection is cut.
    ReplyLost {
        /// Whether the caller sees the connection cut; otherwise it sees nothing.
        is_cut: bool,
    },
    /// The share of the quotas that is left.
    RateLimit(Ratio),
    /// The same work is billed as so many times the tokens.
    Inflation(Ratio),
    /// What was sent before is billed as if it had not been.
    CacheLoss,
    /// Everything costs so many times as much.
    Price(Ratio),
    /// The reply has this flaw.
    Flawed(Flaw),
    /// The request is refused, and the server asks to wait this long.
    RetryAfter(Span),
    /// The boundary of what is permitted, or accepted, moves.
    Boundary(Boundary),
    /// A guardrail does not answer.
    ScreenDown(ScreenName),
    /// A guardrail lets everything through.
    ScreenBlind(ScreenName),
    /// Poisoned entries are put into a memory.
    MemoryPoison {
        /// How many at once.
        entries: u32,
        /// After how long again.
        every: Option<Span>,
        /// The chance that an agent follows one.
        hijack: f64,
    },
    /// Tasks are sent to so many objects of a shared state.
    Contention(u32),
    /// Each attempt is tried so often by a layer that the client does not know of.
    RetryLayers(u32),
    /// The reply does not say what it cost.
    UsageMissing,
    /// The model says so many times as much, and begins after so many times as long.
    Talk {
        /// The factor of its output tokens.
        tokens: f64,
        /// The factor of its time to the first token.
        latency: f64,
    },
}

/// How the boundary of what is permitted moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The server does not ask for the permission.
    Widened,
    /// The server refuses what is permitted.
    Narrowed,
    /// A task's credential expires after this.
    Expiry(Span),
    /// A revoked permission is honoured for this long.
    Lag(Span),
    /// One agent's call is taken for that of another.
    Deputy,
    /// Valid calls are rejected until the tool's schema is looked up again.
    Schema,
}

/// Where a poisoned instruction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoisonBy {
    /// In the reply.
    Reply,
    /// In the tool's description.
    Description,
    /// In a message of somebody else.
    Sender,
}

/// What is wrong with a reply that comes with status 200.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    /// Well formed and wrong: no look at its form shows it.
    Wrong,
    /// Foreign tokens or broken JSON.
    Corrupt,
    /// A tool call that cannot be made.
    ToolCall,
    /// It ends after this share of its tokens.
    Truncated(f64),
    /// A refusal.
    Refused,
    /// An instruction that the agent may follow, with this chance.
    Poisoned(PoisonBy, f64),
    /// Another session's data.
    Bleed,
    /// Made without the history; with this chance the agent starts over.
    HistoryLost(f64),
    /// Out of date.
    Stale,
    /// So many tokens too many.
    Flood(u32),
    /// It never arrives: a message is lost, or agents wait for each other.
    Dropped,
    /// It arrives twice.
    Doubled,
    /// It arrives after later ones, by this much.
    Late(Span),
    /// It lacks some of what it must carry.
    CutShort,
    /// The task is sent back to where it came from.
    SentBack,
    /// A verifier lets it pass without a look.
    Waved,
    /// The agent repeats the call.
    Again,
    /// A shared state as it was before the last update.
    OldRead,
}

impl Flaw {
    /// Returns the guardrail that is there for it, if there is one.
    pub fn seen_by(self) -> Option<ScreenName> {
        match self {
            Self::Corrupt | Self::ToolCall | Self::Truncated(_) => Some(ScreenName::Output),
            Self::Poisoned(PoisonBy::Reply, _) => Some(ScreenName::Sanitizer),
            Self::Poisoned(PoisonBy::Description, _) => Some(ScreenName::DescriptionPin),
            Self::Poisoned(PoisonBy::Sender, _) => Some(ScreenName::Identity),
            Self::Bleed => Some(ScreenName::TenantCheck),
            Self::HistoryLost(_) => Some(ScreenName::HistoryCheck),
            Self::Stale => Some(ScreenName::Freshness),
            Self::CutShort => Some(ScreenName::Contract),
            Self::Wrong
            | Self::Refused
            | Self::Flood(_)
            | Self::Dropped
            | Self::Doubled
            | Self::Late(_)
            | Self::SentBack
            | Self::Waved
            | Self::Again
            | Self::OldRead => None,
        }
    }
}

impl FaultEffect {
    /// Whether it changes single requests as the mock gets them.
    pub fn is_on_calls(&self) -> bool {
        match self {
            Self::Hang(_)
            | Self::Latency(_)
            | Self::Error(..)
            | Self::ReplyLost { .. }
            | Self::Inflation(_)
            | Self::CacheLoss
            | Self::Price(_)
            | Self::Flawed(_)
            | Self::RetryAfter(_)
            | Self::UsageMissing
            | Self::Talk { .. } => true,
            // These are asked for where they matter.
            Self::Boundary(_)
            | Self::ScreenDown(_)
            | Self::ScreenBlind(_)
            | Self::Contention(_)
            | Self::RetryLayers(_)
            | Self::Capacity(_)
            | Self::RateLimit(_)
            | Self::MemoryPoison { .. } => false,
        }
    }

    /// Whether it takes anything from the mock as a whole.
    pub fn takes_something(&self) -> bool {
        matches!(self, Self::Capacity(left) | Self::RateLimit(left) if *left < Ratio::ONE)
    }
}

/// A fault.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// Its name.
    pub id: String,
    /// Its stream.
    pub key: Key,
    /// The mock.
    pub mock: u8,
    /// When it begins.
    pub start: Time,
    /// When it is lifted.
    pub end: Time,
    /// How long the dose rises.
    pub ramp: Span,
    /// What one decision holds for.
    pub sticky: Sticky,
    /// The share of requests that it hits, at full dose.
    pub share: f64,
    /// How many calls it hits at most.
    pub first_n: u64,
    /// Which of those that come by it may hit: each so-manieth.
    pub every_nth: u64,
    /// What it does.
    pub effect: FaultEffect,
}

pub(super) fn faults(scenario: &Scenario) -> Vec<FaultPlan> {
    let each = |fault: &Fault| {
        let start = Time::ZERO + fault.start.value;
        let (share, effect) = effect(&fault.inject);
        let whole = FaultPlan {
            id: fault.id.value.0.clone(),
            key: Key::of_name(&format!("fault {}", fault.id.value.0)),
            mock: mock_index(scenario, &fault.on.value.0),
            start,
            end: start + fault.duration.value,
            ramp: fault.ramp.map_or(Span::ZERO, |at| at.value),
            sticky: fault.sticky.map_or(Sticky::Request, |at| at.value),
            share: share.real(),
            first_n: fault.first_n.map_or(u64::MAX, |at| at.value),
            every_nth: fault.every_nth.map_or(1, |at| at.value),
            effect,
        };
        if let Inject::Incident(incident) = &fault.inject {
            incidents(&whole, incident.preset.value.parts())
        } else {
            vec![whole]
        }
    };
    scenario.file.fault.iter().flat_map(each).collect()
}

/// Returns a fault for each part of an incident, stretched or cut to the whole.
fn incidents(whole: &FaultPlan, parts: &[Part]) -> Vec<FaultPlan> {
    let length = parts.iter().map(|part| part.to).fold(0.0, f64::max);
    let scale = whole.end.since(whole.start).seconds() / length;
    let at = |minutes: f64| whole.start + Span::from_secs_f64(minutes * scale);
    let each = |(number, part): (u64, &Part)| {
        let (share, effect, sticky) = match part.happens {
            Happens::Error(share, status) => {
                (share, FaultEffect::Error(status, Dist::Constant(1e7)), whole.sticky)
            }
            Happens::Hang(share) => (share, FaultEffect::Hang(Span::from_secs(60)), whole.sticky),
            Happens::Wrong(share) => (share, FaultEffect::Flawed(Flaw::Wrong), Sticky::Session),
            Happens::HistoryLoss(share) => (share, FaultEffect::Flawed(Flaw::HistoryLost(0.5)), whole.sticky),
            Happens::Loop(share) => (share, FaultEffect::Flawed(Flaw::Again), Sticky::Session),
        };
        let id = if number == 0 { whole.id.clone() } else { format!("{}.{}", whole.id, number + 1) };
        FaultPlan {
            id,
            key: whole.key.at(number),
            start: at(part.from),
            end: at(part.to).min(whole.end),
            ramp: Span::from_secs_f64(part.ramp * scale),
            share,
            effect,
            sticky,
            ..whole.clone()
        }
    };
    (0..).zip(parts).map(each).collect()
}

/// The chance that an agent follows a planted instruction, where none is stated (`AgentDojo`, 2024).
const HIJACK: f64 = 0.25;

/// Returns the share of calls that are hit, and what happens to them.
fn effect(inject: &Inject) -> (Ratio, FaultEffect) {
    let mostly = |at: Option<At<Ratio>>| at.map_or(Ratio::ONE, |at| at.value);
    match inject {
        Inject::QualityDrop(_)
        | Inject::Corruption(_)
        | Inject::ToolCallDegrade(_)
        | Inject::Truncation(_)
        | Inject::Refusal(_)
        | Inject::SilentSwap(_)
        | Inject::ReasoningBloat(_) => drift(inject),
        Inject::Hang(hang) => {
            let hold = hang.hold.map_or(Span::from_secs(60), |at| at.value);
            (hang.share.value, FaultEffect::Hang(hold))
        }
        Inject::Latency(latency) => {
            (mostly(latency.share), FaultEffect::Latency(latency.add.value.0.clone()))
        }
        Inject::Error(error) => {
            let after = error.after.as_ref().map_or(Dist::Constant(1e7), |at| at.value.0.clone());
            let status = error.status.map_or(500, |at| at.value as u16);
            (error.share.value, FaultEffect::Error(status, after))
        }
        Inject::Capacity(capacity) => (Ratio::ONE, FaultEffect::Capacity(capacity.to.value)),
        Inject::ReplyLost(lost) => {
            let is_cut = lost.ending.is_some_and(|at| at.value == LostEnding::Cut);
            (lost.share.value, FaultEffect::ReplyLost { is_cut })
        }
        Inject::RateLimit(limit) => (Ratio::ONE, FaultEffect::RateLimit(limit.to.value)),
        // It is several faults, each with its own.
        Inject::Incident(_) => (Ratio::ZERO, FaultEffect::Flawed(Flaw::Wrong)),
        Inject::RetryAfter(after) => {
            let wait = after.wait.map_or(Span::from_secs(300), |at| at.value);
            (after.share.value, FaultEffect::RetryAfter(wait))
        }
        Inject::TokenInflation(inflation) => {
            (mostly(inflation.share), FaultEffect::Inflation(inflation.factor.value))
        }
        Inject::CacheLoss(loss) => (mostly(loss.share), FaultEffect::CacheLoss),
        Inject::Price(price) => (Ratio::ONE, FaultEffect::Price(price.factor.value)),
        Inject::RetryLayers(layers) => (Ratio::ONE, FaultEffect::RetryLayers(layers.attempts.value as u32)),
        Inject::UsageMissing(missing) => (missing.share.value, FaultEffect::UsageMissing),
        Inject::MemoryPoison(_) | Inject::Contention(_) => stored(inject),
        Inject::SchemaDrift(_)
        | Inject::ScopeWiden(_)
        | Inject::ScopeNarrow(_)
        | Inject::TokenExpiry(_)
        | Inject::RevocationLag(_)
        | Inject::ConfusedDeputy(_)
        | Inject::GuardrailOutage(_)
        | Inject::FalseAllow(_) => boundary(inject),
        Inject::WrongAnswer(_)
        | Inject::Malformed(_)
        | Inject::Injection(_)
        | Inject::DescriptionPoison(_)
        | Inject::Impersonation(_)
        | Inject::HistoryLoss(_)
        | Inject::Overflow(_)
        | Inject::MessageReorder(_)
        | Inject::Bleed(_)
        | Inject::Stale(_)
        | Inject::Loop(_)
        | Inject::MessageDrop(_)
        | Inject::Deadlock(_)
        | Inject::MessageDuplicate(_)
        | Inject::HandoverTruncation(_)
        | Inject::Livelock(_)
        | Inject::StaleRead(_)
        | Inject::VerifierBypass(_) => flawed(inject),
    }
}

/// Returns what a fault of model drift does, and to which share of replies.
fn drift(inject: &Inject) -> (Ratio, FaultEffect) {
    let mostly = |at: Option<At<Ratio>>| at.map_or(Ratio::ONE, |at| at.value);
    let factor = |at: Option<At<Ratio>>| at.map_or(1.0, |at| at.value.real());
    if let Inject::Corruption(corrupt) = inject {
        (corrupt.share.value, FaultEffect::Flawed(Flaw::Corrupt))
    } else if let Inject::ToolCallDegrade(degrade) = inject {
        (degrade.share.value, FaultEffect::Flawed(Flaw::ToolCall))
    } else if let Inject::Truncation(cut) = inject {
        let left = cut.to.map_or(0.5, |at| at.value.real());
        (cut.share.value, FaultEffect::Flawed(Flaw::Truncated(left)))
    } else if let Inject::Refusal(refusal) = inject {
        (refusal.share.value, FaultEffect::Flawed(Flaw::Refused))
    } else if let Inject::SilentSwap(swap) = inject {
        let effect = FaultEffect::Talk { tokens: factor(swap.tokens), latency: factor(swap.latency) };
        (mostly(swap.share), effect)
    } else if let Inject::ReasoningBloat(bloat) = inject {
        (mostly(bloat.share), FaultEffect::Talk { tokens: bloat.factor.value.real(), latency: 1.0 })
    } else if let Inject::QualityDrop(drop) = inject {
        (drop.share.value, FaultEffect::Flawed(Flaw::Wrong))
    } else {
        unreachable!("only faults of model drift are asked for")
    }
}

/// Returns the flaw that a fault gives to replies, and to which share of them.
fn flawed(inject: &Inject) -> (Ratio, FaultEffect) {
    let mostly = |at: Option<At<Ratio>>| at.map_or(Ratio::ONE, |at| at.value);
    let hijack = |at: Option<At<Ratio>>| at.map_or(HIJACK, |at| at.value.real());
    if let Inject::WrongAnswer(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Wrong))
    } else if let Inject::Malformed(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Corrupt))
    } else if let Inject::Injection(of) = inject {
        (of.share.value, FaultEffect::Flawed(Flaw::Poisoned(PoisonBy::Reply, hijack(of.hijack))))
    } else if let Inject::DescriptionPoison(of) = inject {
        let flaw = Flaw::Poisoned(PoisonBy::Description, hijack(of.hijack));
        (mostly(of.share), FaultEffect::Flawed(flaw))
    } else if let Inject::Impersonation(of) = inject {
        (of.share.value, FaultEffect::Flawed(Flaw::Poisoned(PoisonBy::Sender, hijack(of.hijack))))
    } else if let Inject::HistoryLoss(loss) = inject {
        let repeats = loss.repeats.map_or(0.5, |at| at.value.real());
        (loss.share.value, FaultEffect::Flawed(Flaw::HistoryLost(repeats)))
    } else if let Inject::Overflow(flood) = inject {
        (flood.share.value, FaultEffect::Flawed(Flaw::Flood(flood.tokens.value as u32)))
    } else if let Inject::MessageReorder(late) = inject {
        (late.share.value, FaultEffect::Flawed(Flaw::Late(late.by.value)))
    } else if let Inject::Bleed(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Bleed))
    } else if let Inject::Stale(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Stale))
    } else if let Inject::Loop(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Again))
    } else if let Inject::MessageDrop(share) | Inject::Deadlock(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Dropped))
    } else if let Inject::MessageDuplicate(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Doubled))
    } else if let Inject::HandoverTruncation(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::CutShort))
    } else if let Inject::Livelock(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::SentBack))
    } else if let Inject::StaleRead(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::OldRead))
    } else if let Inject::VerifierBypass(share) = inject {
        (share.share.value, FaultEffect::Flawed(Flaw::Waved))
    } else {
        unreachable!("only faults of replies are asked for")
    }
}

/// Returns how a fault moves the boundary of what is permitted, or takes a guardrail away.
fn boundary(inject: &Inject) -> (Ratio, FaultEffect) {
    let mostly = |at: Option<At<Ratio>>| at.map_or(Ratio::ONE, |at| at.value);
    if let Inject::SchemaDrift(drift) = inject {
        (mostly(drift.share), FaultEffect::Boundary(Boundary::Schema))
    } else if let Inject::ScopeWiden(widen) = inject {
        (mostly(widen.share), FaultEffect::Boundary(Boundary::Widened))
    } else if let Inject::ScopeNarrow(narrow) = inject {
        (mostly(narrow.share), FaultEffect::Boundary(Boundary::Narrowed))
    } else if let Inject::TokenExpiry(expiry) = inject {
        let lifetime = expiry.lifetime.map_or(Span::from_secs(300), |at| at.value);
        (mostly(expiry.share), FaultEffect::Boundary(Boundary::Expiry(lifetime)))
    } else if let Inject::RevocationLag(lag) = inject {
        (Ratio::ONE, FaultEffect::Boundary(Boundary::Lag(lag.lag.value)))
    } else if let Inject::ConfusedDeputy(deputy) = inject {
        (deputy.share.value, FaultEffect::Boundary(Boundary::Deputy))
    } else if let Inject::GuardrailOutage(outage) = inject {
        (mostly(outage.share), FaultEffect::ScreenDown(outage.guard.value))
    } else if let Inject::FalseAllow(allow) = inject {
        (allow.share.value, FaultEffect::ScreenBlind(allow.guard.value))
    } else {
        unreachable!("only faults of boundaries are asked for")
    }
}

/// Returns what a fault does to a memory or a shared state.
fn stored(inject: &Inject) -> (Ratio, FaultEffect) {
    if let Inject::MemoryPoison(poison) = inject {
        let effect = FaultEffect::MemoryPoison {
            entries: poison.entries.value as u32,
            every: poison.every.map(|at| at.value),
            hijack: poison.hijack.map_or(HIJACK, |at| at.value.real()),
        };
        (Ratio::ONE, effect)
    } else if let Inject::Contention(contention) = inject {
        let objects = contention.objects.map_or(1, |at| at.value);
        (contention.share.value, FaultEffect::Contention(objects as u32))
    } else {
        unreachable!("only faults of stores are asked for")
    }
}
