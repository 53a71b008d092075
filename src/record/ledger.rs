//! Ledgers: what mocks did, what they did to the world, what it cost, and which fault was met.

use crate::base::{Money, Time};
use crate::plan::TIERS;

/// What a mock did with the requests that reached it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MockTotals {
    /// Requests.
    pub requests: u64,
    /// Requests that found a slot, at once or after waiting.
    pub started: u64,
    /// Requests worked to the end.
    pub completed: u64,
    /// Requests refused because the queue was full.
    pub overloaded: u64,
    /// Requests refused by a quota.
    pub rate_limited: u64,
    /// Requests whose caller went away before the reply.
    pub abandoned: u64,
    /// Time that started requests had waited for a slot, in nanoseconds.
    pub waited_ns: u128,
    /// Slot time used, in nanoseconds.
    pub busy_ns: u128,
    /// Calls that ended well, as the client saw them.
    pub calls_ok: u64,
    /// Attempts that ended badly, as the client saw them.
    pub calls_failed: u64,
    /// Attempts that the client gave up after their timeout.
    pub timeouts: u64,
    /// Attempts that repeated an earlier one.
    pub retries: u64,
    /// Calls refused by the client's own breaker.
    pub breaker_refused: u64,
    /// Calls refused by the client's own bulkhead.
    pub bulkhead_refused: u64,
    /// Calls that it took for another mock, as fallback or in degraded mode.
    pub stood_in: u64,
    /// Replies and effects that a guardrail stopped or cleaned.
    pub caught: u64,
    /// Updates that overwrote one they had not seen.
    pub lost_updates: u64,
    /// Updates that were refused because the object had changed.
    pub conflicts: u64,
}

/// What a mock did to the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EffectTotals {
    /// Effects executed.
    pub executed: u64,
    /// Of these, the first of their kind.
    pub first: u64,
    /// Of these, repetitions of one that had been executed before.
    pub duplicate: u64,
    /// Repetitions that were known by their key and not executed.
    pub deduplicated: u64,
    /// Effects refused for want of a permission.
    pub refused: u64,
    /// Of these, those that are within the agent's permissions, from a context that is not contaminated, and
    /// that nobody approved later.
    pub wrongly_refused: u64,
    /// Effects executed without the permission they need, or on a contaminated context.
    pub unsafe_acts: u64,
    /// Of these, those executed on a contaminated context.
    pub contaminated: u64,
}

/// What was spent, in picodollars.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spend {
    /// By mock.
    pub by_mock: Vec<u128>,
    /// By the tier of the task it was spent for.
    pub by_tier: [u128; TIERS],
    /// For health probes and canary questions.
    pub probes: u128,
    /// For judgements of answers.
    pub judging: u128,
}

impl Spend {
    /// Returns an empty ledger.
    pub fn new(mocks: usize) -> Self {
        Self { by_mock: vec![0; mocks], by_tier: [0; TIERS], probes: 0, judging: 0 }
    }

    /// Returns the total in picodollars.
    pub fn total(&self) -> u128 {
        self.by_mock.iter().sum::<u128>() + self.judging
    }

    /// Adds a cost for a task of a tier, or for a probe.
    pub fn add(&mut self, mock: usize, tier: Option<usize>, cost: Money) {
        self.by_mock[mock] += u128::from(cost.0);
        match tier {
            Some(tier) => self.by_tier[tier] += u128::from(cost.0),
            None => self.probes += u128::from(cost.0),
        }
    }
}

/// The proof that a fault took effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Witness {
    /// When it first changed a reply or an effect.
    pub first: Option<Time>,
    /// When it last did.
    pub last: Option<Time>,
    /// When it last decided to change a request; a release is verified by this.
    pub decided: Option<Time>,
    /// How many requests it decided to change.
    pub decisions: u64,
    /// How many requests it changed.
    pub hits: u64,
    /// How many requests it could have changed.
    pub exposed: u64,
}

impl Witness {
    /// Notes that the fault decided to change a request.
    pub fn decide(&mut self, now: Time) {
        self.decided = Some(now);
        self.decisions += 1;
    }

    /// Counts a request that the fault changed; returns whether it was the first.
    pub fn hit(&mut self, now: Time) -> bool {
        let is_first = self.first.is_none();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.hits += 1;
        is_first
    }
}
