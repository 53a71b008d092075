//! What each kind of fault does, and to which share of requests.

use crate::base::{Dist, Ratio, Span};
use crate::plan::{Boundary, Break, FaultEffect, Flaw, PoisonBy, WireForm};
use crate::scenario::file::faults::wire::{BreakEnding, Interruption, Stage};
use crate::scenario::file::faults::{ErrorReply, Inject, LostEnding};
use crate::scenario::source::At;

/// The chance that an agent follows a planted instruction, where none is stated (`AgentDojo`, 2024).
const HIJACK: f64 = 0.25;

/// Returns the share of calls that are hit, and what happens to them.
pub(super) fn effect(inject: &Inject) -> (Ratio, FaultEffect) {
    let mostly = |at: Option<At<Ratio>>| at.map_or(Ratio::ONE, |at| at.value);
    match inject {
        Inject::QualityDrop(_)
        | Inject::Corruption(_)
        | Inject::ToolCallDegrade(_)
        | Inject::Truncation(_)
        | Inject::Refusal(_)
        | Inject::SilentSwap(_)
        | Inject::SlowStream(_)
        | Inject::ReasoningBloat(_) => drift(inject),
        Inject::Hang(hang) => {
            let hold = hang.hold.map_or(Span::from_secs(60), |at| at.value);
            (hang.share.value, FaultEffect::Hang(hold))
        }
        Inject::Latency(latency) => {
            (mostly(latency.share), FaultEffect::Latency(latency.add.value.0.clone()))
        }
        Inject::Interruption(broken) => (broken.share.value, interrupted(broken_off(broken))),
        Inject::ToolVanish(gone) => (mostly(gone.share), FaultEffect::Error(404, Dist::Constant(1e7))),
        Inject::Error(error) => self::error(error),
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

fn error(error: &ErrorReply) -> (Ratio, FaultEffect) {
    let after = error.after.as_ref().map_or(Dist::Constant(1e7), |at| at.value.0.clone());
    let effect = match error.status.map_or(500, |at| at.value as u16) {
        // A gateway looks at the reply, which takes its time, and serves it.
        246 => FaultEffect::Latency(after),
        status => FaultEffect::Error(status, after),
    };
    (error.share.value, effect)
}

/// Returns how a fault shows on the wire, beyond what it does.
pub(super) fn wire(inject: &Inject) -> WireForm {
    if let Inject::Interruption(broken) = inject {
        WireForm::Broken(broken_off(broken))
    } else if let Inject::ToolVanish(_) = inject {
        WireForm::Vanished
    } else if let Inject::ReasoningBloat(_) = inject {
        WireForm::Reasoning
    } else if let Inject::SilentSwap(_) = inject {
        WireForm::Swapped
    } else if let Inject::Error(error) = inject {
        let is_flagged = error.status.is_some_and(|at| at.value == 246);
        let code = error.code.as_ref().map(|code| WireForm::Code(code.value.0.clone()));
        if is_flagged { WireForm::Flagged } else { code.unwrap_or(WireForm::Plain) }
    } else {
        WireForm::Plain
    }
}

fn broken_off(of: &Interruption) -> Break {
    Break {
        stage: of.stage.map_or(Stage::Event, |at| at.value),
        after: of.after.map_or(3, |at| at.value as u32),
        ending: of.ending.map_or(BreakEnding::Cut, |at| at.value),
    }
}

/// Returns what clients make of a reply that breaks off (`docs/faults.md` says for which clients).
fn interrupted(of: Break) -> FaultEffect {
    let is_undone = of.stage == Stage::BeforeHeaders;
    match of.ending {
        BreakEnding::Cut | BreakEnding::Reset if is_undone => FaultEffect::Error(502, Dist::Constant(1e7)),
        BreakEnding::Stall if is_undone => FaultEffect::Hang(Span::from_secs(60)),
        BreakEnding::Cut | BreakEnding::Reset => FaultEffect::ReplyLost { is_cut: true },
        BreakEnding::Stall => FaultEffect::ReplyLost { is_cut: false },
        BreakEnding::Error => FaultEffect::Error(500, Dist::Constant(1e7)),
        BreakEnding::Clean => FaultEffect::Flawed(Flaw::Truncated(0.5)),
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
        let effect =
            FaultEffect::Talk { tokens: factor(swap.tokens), latency: factor(swap.latency), pace: 1.0 };
        (mostly(swap.share), effect)
    } else if let Inject::SlowStream(slow) = inject {
        let (latency, pace) = (factor(slow.first_token), factor(slow.per_token));
        (mostly(slow.share), FaultEffect::Talk { tokens: 1.0, latency, pace })
    } else if let Inject::ReasoningBloat(bloat) = inject {
        (
            mostly(bloat.share),
            FaultEffect::Talk { tokens: bloat.factor.value.real(), latency: 1.0, pace: 1.0 },
        )
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
