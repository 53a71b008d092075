//! What becomes of a request at a mock: its own doing first, then what faults lay over it.
//!
//! Both clocks ask here: the engine makes events of an [`Outcome`], the live servers make bytes of it.

use crate::base::{Key, Money, Ratio, Span, Time};
use crate::model::Dose;
use crate::plan::{FaultEffect, FaultPlan, Flaw, MockPlan};
use crate::scenario::limits::TOKENS_MAX;

// No name in a scenario has a space, so none can be the name of a stream of our own.
const FAULT: Key = Key::of_name("amount of fault");
const ERROR: Key = Key::of_name("own error");
const RIGHT: Key = Key::of_name("right answer");

/// How the mock will answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Well.
    Good,
    /// With an error of this status.
    Error(u16),
    /// Not at all: it holds the slot, and in the end gives up.
    Hang,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens sent to the model.
    pub input: u64,
    /// Of the input, what the model had been sent before.
    pub cached: u64,
    /// Tokens of the reply.
    pub output: u64,
}

impl Usage {
    /// Returns what the tokens cost at a mock's prices, the call itself included.
    pub fn cost(self, mock: &MockPlan) -> Money {
        let [price_in, price_out, price_cached] = mock.prices;
        let tokens = price_in.per_million(self.input.saturating_sub(self.cached))
            + price_cached.per_million(self.cached)
            + price_out.per_million(self.output);
        mock.price_per_call + tokens
    }
}

/// How much a model says, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Talk {
    /// Output tokens.
    pub tokens: u32,
    /// The factor of the time until the first of them.
    pub first: f64,
    /// The factor of the time that each takes.
    pub pace: f64,
    /// The faults that changed it, a bit for each.
    pub changed: u64,
}

impl Talk {
    /// Returns so many tokens at the usual pace.
    pub fn usual(tokens: u32) -> Self {
        Self { tokens, first: 1.0, pace: 1.0, changed: 0 }
    }
}

/// What a call is billed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// The tokens.
    pub usage: Usage,
    /// What they cost.
    pub cost: Money,
    /// The faults that changed it, a bit for each.
    pub changed: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// How the mock answers.
    pub reply: Reply,
    /// How long it works.
    pub service: Span,
    /// Whether the answer is right.
    pub is_right: bool,
    /// The reply is lost after the effect; and the connection is cut.
    pub is_lost: bool,
    /// Whether the caller sees the connection cut.
    pub is_cut: bool,
    /// The reply does not say what it cost.
    pub is_unsaid: bool,
    /// What a fault did to a good reply, and which.
    pub flaw: Option<(Flaw, u8)>,
    /// The faults that changed it, a bit for each.
    pub changed: u64,
}

/// What a reply is for: it decides whether a flaw would change anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// A task waits for it; nobody does anything with a probe's.
    pub is_task: bool,
    /// The task has asked before.
    pub has_history: bool,
    /// It is a message to another agent.
    pub is_message: bool,
    /// It reads a shared state.
    pub is_read: bool,
    /// It looks for what is wrong with the work.
    pub is_verifier: bool,
}

impl Use {
    /// Returns whether a flaw would change a reply.
    pub fn is_news(self, outcome: &Outcome, flaw: Flaw) -> bool {
        match flaw {
            // An answer that was wrong anyway has not been changed.
            Flaw::Wrong => outcome.is_right,
            Flaw::HistoryLost(_) => self.has_history,
            Flaw::Dropped | Flaw::Doubled | Flaw::Late(_) | Flaw::CutShort | Flaw::SentBack => {
                self.is_message
            }
            Flaw::OldRead => self.is_read,
            Flaw::Waved => self.is_verifier,
            // These are about what a task does with a reply.
            Flaw::Poisoned(..) | Flaw::Bleed | Flaw::Stale | Flaw::Flood(_) | Flaw::Again => self.is_task,
            Flaw::Corrupt | Flaw::ToolCall | Flaw::Truncated(_) | Flaw::Refused => true,
        }
    }
}

/// Goes through the faults whose bits are set.
fn each(faults: &[FaultPlan], hits: u64) -> impl Iterator<Item = (usize, &FaultPlan)> {
    faults.iter().enumerate().filter(move |(index, _)| hits >> index & 1 == 1)
}

/// Returns how much a model says that would say `usual` tokens.
pub fn talk(faults: &[FaultPlan], hits: u64, usual: u32) -> Talk {
    let mut talk = Talk::usual(usual);
    for (index, fault) in each(faults, hits) {
        let (tokens, first, pace) = match fault.effect {
            FaultEffect::Talk { tokens, latency, pace } => (tokens, latency, pace),
            FaultEffect::Flawed(Flaw::Truncated(left)) => (left, 1.0, 1.0),
            FaultEffect::Hang(_)
            | FaultEffect::Latency(_)
            | FaultEffect::Error(..)
            | FaultEffect::Capacity(_)
            | FaultEffect::ReplyLost { .. }
            | FaultEffect::RateLimit(_)
            | FaultEffect::Inflation(_)
            | FaultEffect::CacheLoss
            | FaultEffect::Price(_)
            | FaultEffect::Flawed(_)
            | FaultEffect::RetryAfter(_)
            | FaultEffect::Boundary(_)
            | FaultEffect::ScreenDown(_)
            | FaultEffect::ScreenBlind(_)
            | FaultEffect::MemoryPoison { .. }
            | FaultEffect::Contention(_)
            | FaultEffect::RetryLayers(_)
            | FaultEffect::UsageMissing => continue,
        };
        let before = talk.tokens;
        talk.tokens = (f64::from(before) * tokens + 0.5).min(TOKENS_MAX) as u32;
        talk.first *= first;
        talk.pace *= pace;
        // The exact comparison is meant: a factor of one changes nothing.
        let is_one = |factor: f64| factor.to_bits() == 1.0_f64.to_bits();
        if talk.tokens != before || !is_one(first) || !is_one(pace) {
            talk.changed |= 1 << index;
        }
    }
    talk
}

/// Returns what a call is billed as with the faults that hit it.
pub fn bill(faults: &[FaultPlan], hits: u64, mock: &MockPlan, usage: Usage) -> Bill {
    let (mut usage, mut price, mut changed) = (usage, Ratio::ONE, 0);
    let cost = |usage: Usage, price: Ratio| {
        let picos = u128::from(usage.cost(mock).0) * u128::from(price.0) / u128::from(Ratio::ONE.0);
        Money(u64::try_from(picos).unwrap_or(u64::MAX))
    };
    for (index, fault) in each(faults, hits) {
        let before = (usage.input, usage.output, cost(usage, price));
        if let FaultEffect::Inflation(factor) = &fault.effect {
            let inflate = |tokens: u64| factor.of_ceil(tokens).min(TOKENS_MAX as u64);
            usage = Usage {
                input: inflate(usage.input),
                cached: inflate(usage.cached),
                output: inflate(usage.output),
            };
        } else if fault.effect == FaultEffect::CacheLoss {
            usage.cached = 0;
        } else if let FaultEffect::Price(factor) = &fault.effect {
            price = Ratio(factor.of_ceil(price.0));
        }
        if before != (usage.input, usage.output, cost(usage, price)) {
            changed |= 1 << index;
        }
    }
    Bill { usage, cost: cost(usage, price), changed }
}

impl Outcome {
    /// Returns the mock's own doing, of a request whose stream is `key`.
    pub fn own(mock: &MockPlan, key: Key, talk: Talk) -> Self {
        let service = mock.service.sample(&mut key.draws()) * talk.first;
        let mut service = Span((service + 0.5) as u64);
        if let Some(per_token) = mock.per_token {
            // However the tokens are billed, each real one takes its time.
            service = service + per_token_span(per_token, talk);
        }
        let is_error = mock.error_rate > 0.0 && key.with(ERROR).unit() < mock.error_rate;
        Self {
            reply: if is_error { Reply::Error(500) } else { Reply::Good },
            service,
            is_right: is_right(mock, key),
            is_lost: false,
            is_cut: false,
            is_unsaid: false,
            flaw: None,
            changed: 0,
        }
    }

    /// Returns what became of a request to something that is no mock, of which it is known only whether it went right.
    pub fn seen(is_right: bool) -> Self {
        Self {
            reply: Reply::Good,
            service: Span::ZERO,
            is_right,
            is_lost: false,
            is_cut: false,
            is_unsaid: false,
            flaw: None,
            changed: 0,
        }
    }

    /// Lays the faults that hit a request over it.
    ///
    /// `is_priced` says whether it costs anything, `is_news` whether a flaw would change this reply.
    pub fn lay(
        &mut self,
        (faults, hits): (&[FaultPlan], u64),
        key: Key,
        is_priced: bool,
        is_news: impl Fn(&Self, Flaw) -> bool,
    ) {
        for (index, fault) in each(faults, hits) {
            let before = (self.reply, self.service, self.is_lost);
            let mut draws = key.with(FAULT).with(fault.key).draws();
            match &fault.effect {
                FaultEffect::Hang(hold) => (self.reply, self.service) = (Reply::Hang, *hold),
                FaultEffect::Latency(added) => {
                    self.service = self.service + Span(added.sample_count(&mut draws));
                }
                FaultEffect::Error(status, after) => {
                    if self.reply != Reply::Hang {
                        self.reply = Reply::Error(*status);
                        self.service = Span(after.sample_count(&mut draws));
                    }
                }
                FaultEffect::ReplyLost { is_cut } => (self.is_lost, self.is_cut) = (true, *is_cut),
                FaultEffect::UsageMissing => {
                    self.is_unsaid = true;
                    self.changed |= u64::from(is_priced) << index;
                }
                FaultEffect::Flawed(flaw) => {
                    // A reply has one flaw, the first that changes anything.
                    if self.reply == Reply::Good && self.flaw.is_none() && is_news(self, *flaw) {
                        self.flaw = Some((*flaw, index as u8));
                        // Whether a verifier would have found something shows only later.
                        self.changed |= u64::from(*flaw != Flaw::Waved) << index;
                    }
                }
                FaultEffect::Capacity(_)
                | FaultEffect::RateLimit(_)
                | FaultEffect::Inflation(_)
                | FaultEffect::CacheLoss
                | FaultEffect::Talk { .. }
                | FaultEffect::RetryAfter(_)
                | FaultEffect::Boundary(_)
                | FaultEffect::ScreenDown(_)
                | FaultEffect::ScreenBlind(_)
                | FaultEffect::MemoryPoison { .. }
                | FaultEffect::Contention(_)
                | FaultEffect::RetryLayers(_)
                | FaultEffect::Price(_) => {}
            }
            // A fault that another one hides, or that adds nothing, has not changed the call.
            if before != (self.reply, self.service, self.is_lost) {
                self.changed |= 1 << index;
            }
        }
    }
}

/// Returns whether a mock's own answer to a request is right.
pub fn is_right(mock: &MockPlan, key: Key) -> bool {
    mock.right >= 1.0 || key.with(RIGHT).unit() < mock.right
}

/// Returns how long all tokens of a reply take.
fn per_token_span(per_token: Span, talk: Talk) -> Span {
    let usual = per_token.0.saturating_mul(u64::from(talk.tokens));
    // A factor of one leaves whole nanoseconds alone.
    if talk.pace.to_bits() == 1.0_f64.to_bits() {
        Span(usual)
    } else {
        Span((usual as f64 * talk.pace) as u64)
    }
}

/// Returns the refusal of a call that a fault asks to wait: which fault, and how long.
pub fn put_off(faults: &[FaultPlan], hits: u64) -> Option<(usize, Span)> {
    each(faults, hits).find_map(|(index, fault)| {
        if let FaultEffect::RetryAfter(wait) = fault.effect { Some((index, wait)) } else { None }
    })
}

/// Returns the share of its quotas that faults leave a mock at `now`.
pub fn quota_left<'a>(faults: impl Iterator<Item = &'a FaultPlan>, now: Time) -> Ratio {
    let mut share = Ratio::ONE;
    for fault in faults {
        if let FaultEffect::RateLimit(to) = fault.effect {
            let left = 1.0 - to.complement().real() * Dose::at(fault, now).0;
            share = Ratio((share.0 as f64 * left + 0.5) as u64);
        }
    }
    share
}

/// Returns how many of its slots faults leave a mock at `now`.
pub fn slots_left<'a>(faults: impl Iterator<Item = &'a FaultPlan>, now: Time, slots: u32) -> u32 {
    let mut left = 1.0;
    for fault in faults {
        if let FaultEffect::Capacity(to) = fault.effect {
            left *= 1.0 - to.complement().real() * Dose::at(fault, now).0;
        }
    }
    // The small step down keeps 40 % of 10 at 4 where a float says 4.000000001.
    if left >= 1.0 { slots } else { (f64::from(slots) * left - 1e-6).ceil().max(0.0) as u32 }
}
