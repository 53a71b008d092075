//! Faults: on which mock, from when to when, and what they do.

use crate::base::{Dist, Key, Ratio, Span, Time};
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::faults::{Inject, LostEnding, Sticky};
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
    /// The model says so many times as much, and begins after so many times as long.
    Talk {
        /// The factor of its output tokens.
        tokens: f64,
        /// The factor of its time to the first token.
        latency: f64,
    },
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
}

impl FaultEffect {
    /// Whether it changes single calls; the others take something from the mock as a whole.
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
            | Self::Talk { .. } => true,
            Self::Capacity(_) | Self::RateLimit(_) => false,
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
    /// What it does.
    pub effect: FaultEffect,
}

pub(super) fn faults(scenario: &Scenario) -> Vec<FaultPlan> {
    let each = |fault: &crate::scenario::file::faults::Fault| {
        let (share, effect) = match &fault.inject {
            Inject::QualityDrop(drop) => (drop.share.value, FaultEffect::Flawed(Flaw::Wrong)),
            Inject::Corruption(corrupt) => (corrupt.share.value, FaultEffect::Flawed(Flaw::Corrupt)),
            Inject::ToolCallDegrade(degrade) => (degrade.share.value, FaultEffect::Flawed(Flaw::ToolCall)),
            Inject::Truncation(cut) => {
                let left = cut.to.map_or(0.5, |at| at.value.real());
                (cut.share.value, FaultEffect::Flawed(Flaw::Truncated(left)))
            }
            Inject::Refusal(refusal) => (refusal.share.value, FaultEffect::Flawed(Flaw::Refused)),
            Inject::SilentSwap(swap) => {
                let factor = |at: Option<At<Ratio>>| at.map_or(1.0, |at| at.value.real());
                let effect = FaultEffect::Talk { tokens: factor(swap.tokens), latency: factor(swap.latency) };
                (swap.share.map_or(Ratio::ONE, |at| at.value), effect)
            }
            Inject::ReasoningBloat(bloat) => {
                let effect = FaultEffect::Talk { tokens: bloat.factor.value.real(), latency: 1.0 };
                (bloat.share.map_or(Ratio::ONE, |at| at.value), effect)
            }
            Inject::Hang(hang) => {
                let hold = hang.hold.map_or(Span::from_secs(60), |at| at.value);
                (hang.share.value, FaultEffect::Hang(hold))
            }
            Inject::Latency(latency) => {
                let share = latency.share.map_or(Ratio::ONE, |at| at.value);
                (share, FaultEffect::Latency(latency.add.value.0.clone()))
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
            Inject::TokenInflation(inflation) => {
                let share = inflation.share.map_or(Ratio::ONE, |at| at.value);
                (share, FaultEffect::Inflation(inflation.factor.value))
            }
            Inject::CacheLoss(loss) => (loss.share.map_or(Ratio::ONE, |at| at.value), FaultEffect::CacheLoss),
            Inject::Price(price) => (Ratio::ONE, FaultEffect::Price(price.factor.value)),
        };
        let start = Time::ZERO + fault.start.value;
        FaultPlan {
            id: fault.id.value.0.clone(),
            key: Key::of_name(&format!("fault {}", fault.id.value.0)),
            mock: mock_index(scenario, &fault.on.value.0),
            start,
            end: start + fault.duration.value,
            ramp: fault.ramp.map_or(Span::ZERO, |at| at.value),
            sticky: fault.sticky.map_or(Sticky::Request, |at| at.value),
            share: share.real(),
            effect,
        }
    };
    scenario.file.fault.iter().map(each).collect()
}
