//! Faults: on which mock, from when to when, and what they do.

use crate::base::{Dist, Key, Ratio, Span, Time};
use crate::plan::effects::{effect, wire};
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::faults::incidents::{Happens, Part};
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::faults::wire::{BreakEnding, Stage};
use crate::scenario::file::faults::{Fault, Inject, Sticky};

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
        /// The factor of the time that each token takes.
        pace: f64,
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
    /// How that shows on the wire, where that is more than virtual time tells.
    pub wire: WireForm,
}

/// How a fault shows on the wire, beyond what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireForm {
    /// As its effect says.
    Plain,
    /// The reply breaks off.
    Broken(Break),
    /// The error calls itself so.
    Code(String),
    /// A gateway flags the reply with status 246, and serves it.
    Flagged,
    /// The tool is not there.
    Vanished,
    /// The tokens too many are reasoning.
    Reasoning,
    /// Another model answers.
    Swapped,
}

/// Where and how a reply breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Up to where it comes.
    pub stage: Stage,
    /// After how many events, of that stage.
    pub after: u32,
    /// How it ends.
    pub ending: BreakEnding,
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
            wire: wire(&fault.inject),
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
