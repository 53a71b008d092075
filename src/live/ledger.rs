//! What a live mock remembers of the calls that it had: counts without limit, single ones with one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::{Money, Span, Time};
use crate::plan::ToolPlan;
use crate::wire::canary::Canary;
use crate::wire::prompt::hash;

/// The most calls, effects, and keys of effects that are kept for each mock.
const CALLS_KEPT: usize = 2_000;
const EFFECTS_KEPT: usize = 10_000;
const KEYS_KEPT: usize = 100_000;

/// The upper bounds of the buckets in which latencies are counted, in seconds.
pub(super) const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often a client says that it has tried before; one more for all above.
pub(super) const RETRIES: usize = 11;

/// A call, as the mock saw it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Its number at the mock.
    pub(super) number: u64,
    /// When it came.
    pub(super) at: Time,
    /// The protocol and the operation, such as `openai chat`.
    pub(super) operation: &'static str,
    /// The tool, of calls of tools that are known.
    pub(super) tool: Option<Arc<ToolPlan>>,
    /// The status; 0 if no headers were sent.
    pub(super) status: u16,
    /// The faults that changed it, a bit for each.
    pub(super) hits: u64,
    /// How often the client says that it has tried before.
    pub(super) retry: Option<u32>,
    /// Who called, as far as it said so: its session, as a number.
    pub(super) session: u64,
    /// Tokens in and out.
    pub(super) tokens: (u64, u64),
    /// Whether the reply was a stream.
    pub(super) is_stream: bool,
    /// Whether it failed whatever its status says: in the form of its protocol, or by breaking off.
    pub(super) has_failed: bool,
}

/// An effect on the world, as the mock executed it.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    /// Its number.
    pub(super) number: u64,
    /// The call.
    pub(super) call: u64,
    /// When.
    pub(super) at: Time,
    /// The tool.
    pub(super) tool: String,
    /// The key that the caller gave it.
    pub(super) key: Option<Known>,
    /// Its tool and arguments, as a number.
    pub(super) arguments: u64,
    /// The first effect of the same arguments, or key, if this is a repetition.
    pub(super) duplicate_of: Option<u64>,
    /// Whether the caller lacked the permission.
    pub(super) is_unsafe: bool,
    /// The canaries among its arguments.
    pub(super) canaries: Vec<Canary>,
    /// The tasks of a drill that its arguments name.
    pub(super) tasks: Vec<u64>,
}

/// A key that makes calls one call however often they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The whole of it, as a number.
    number: u64,
    /// As much of it as is shown.
    shown: String,
}

impl Known {
    /// Returns a key.
    pub(super) fn new(key: &str) -> Self {
        Self { number: hash(key.as_bytes()), shown: key.chars().take(200).collect() }
    }

    /// Returns as much of it as is shown.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

/// How many effects there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EffectCounts {
    /// Executed, repetitions included.
    pub(super) executed: u64,
    /// Of them, repetitions.
    pub(super) duplicate: u64,
    /// Not executed, since the key was known.
    pub(super) deduplicated: u64,
    /// Executed without permission, or on contaminated context.
    pub(super) unsafe_acts: u64,
}

/// Everything that a mock counts.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    calls: VecDeque<Call>,
    effects: VecDeque<Effect>,
    next_effect: u64,
    known: Bounded<u64>,
    same: Bounded<u64>,
    /// Tasks of a drill that have had an effect.
    tasks: Bounded<u64>,
    /// Effects.
    pub(super) counts: EffectCounts,
    /// Replies by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Calls by how often the client had tried before.
    pub(super) retries: [u64; RETRIES],
    /// Latencies of replies, until the last byte: by bucket, the rest, and their sum.
    pub(super) latencies: [u64; BUCKETS.len() + 1],
    /// Their sum.
    pub(super) latency_sum: f64,
    /// Tokens in, of them from the cache, and out.
    pub(super) tokens: [u64; 3],
    /// What it all cost.
    pub(super) spent: Money,
    /// Refused for want of quota, and of slots.
    pub(super) rate_limited: u64,
    /// Refused since every slot and place was taken.
    pub(super) overloaded: u64,
    /// Worked although nobody waited any more, and given up.
    pub(super) abandoned: u64,
}

/// A map that forgets the oldest of too many entries.
#[derive(Debug)]
struct Bounded<K> {
    map: BTreeMap<K, u64>,
    order: VecDeque<K>,
}

impl<K> Default for Bounded<K> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<K: Ord + Clone> Bounded<K> {
    /// Returns what is known under a key, or notes `value` under it.
    fn get_or_note(&mut self, key: K, value: u64) -> Option<u64> {
        if let Some(known) = self.map.get(&key) {
            return Some(*known);
        }
        if self.order.len() == KEYS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.map.insert(key, value);
        None
    }
}

impl Ledger {
    /// Notes a call that has been answered, and how long that took.
    pub(super) fn call(&mut self, call: Call, took: Span) {
        *self.statuses.entry(call.status).or_default() += 1;
        if let Some(retry) = call.retry {
            self.retries[(retry as usize).min(RETRIES - 1)] += 1;
        }
        let seconds = took.seconds();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        self.latencies[bucket] += 1;
        self.latency_sum += seconds;
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Returns whether an effect of a task has been executed, as far as single ones are kept.
    pub(super) fn has_effect_of(&self, task: u64) -> bool {
        self.tasks.map.contains_key(&task)
    }

    /// Returns the effect that a key stands for already.
    pub(super) fn known(&self, key: Option<&Known>) -> Option<u64> {
        key.and_then(|key| self.known.map.get(&key.number).copied())
    }

    /// Executes an effect; returns what stands in the ledger about it.
    pub(super) fn effect(&mut self, mut effect: Effect) -> &Effect {
        effect.number = self.next_effect;
        self.next_effect += 1;
        if let Some(key) = &effect.key {
            effect.duplicate_of = self.known.get_or_note(key.number, effect.number);
        } else {
            // Without a key only the arguments tell.
            effect.duplicate_of = self.same.get_or_note(effect.arguments, effect.number);
        }
        for task in &effect.tasks {
            let _known: Option<u64> = self.tasks.get_or_note(*task, effect.number);
        }
        self.counts.executed += 1;
        self.counts.duplicate += u64::from(effect.duplicate_of.is_some());
        self.counts.unsafe_acts += u64::from(effect.is_unsafe);
        if self.effects.len() == EFFECTS_KEPT {
            self.effects.pop_front();
        }
        self.effects.push_back(effect);
        self.effects.back().expect("it has just been put there")
    }

    /// Returns the calls from a number on, those that are still kept.
    pub(super) fn calls_since(&self, number: u64) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.number >= number)
    }

    /// Returns the effects from a number on, those that are still kept.
    pub(super) fn effects_since(&self, number: u64) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(move |effect| effect.number >= number)
    }
}

impl Call {
    /// Returns the call as JSON; `faults` are the names of the faults.
    pub(super) fn json(&self, faults: &[String]) -> Value {
        let named: Vec<&String> = faults
            .iter()
            .enumerate()
            .filter(|(index, _)| self.hits >> index & 1 == 1)
            .map(|(_, id)| id)
            .collect();
        json!({
            "number": self.number, "at_s": self.at.seconds(), "operation": self.operation, "tool": self.tool.as_ref().map(|tool| &tool.name),
            "status": self.status, "faults": named, "retry": self.retry,
            "session": format!("{:016x}", self.session), "tokens_in": self.tokens.0, "tokens_out": self.tokens.1,
            "stream": self.is_stream,
        })
    }
}

impl Effect {
    /// Returns the effect as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "effect_id": self.number, "call": self.call, "applied_at_s": self.at.seconds(), "tool": self.tool,
            "key": self.key.as_ref().map(Known::shown), "args_hash": format!("{:016x}", self.arguments), "duplicate_of": self.duplicate_of,
            "unsafe": self.is_unsafe,
            "canaries": self.canaries.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(key: Option<&str>, arguments: u64) -> Effect {
        Effect {
            number: 0,
            call: 0,
            at: Time::ZERO,
            tool: "pay".into(),
            key: key.map(Known::new),
            arguments,
            duplicate_of: None,
            is_unsafe: false,
            canaries: Vec::new(),
            tasks: Vec::new(),
        }
    }

    #[test]
    fn repetitions_are_known_by_key_and_by_arguments() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.effect(effect(Some("k"), 1)).duplicate_of, None);
        assert_eq!(ledger.known(Some(&Known::new("k"))), Some(0));
        assert_eq!(ledger.effect(effect(None, 1)).duplicate_of, None);
        assert_eq!(ledger.effect(effect(None, 1)).duplicate_of, Some(1));
        assert_eq!(ledger.effect(effect(Some("other"), 2)).duplicate_of, None);
        assert_eq!((ledger.counts.executed, ledger.counts.duplicate), (4, 1));
    }

    #[test]
    fn memory_stays_bounded_however_many_effects_there_are() {
        let mut ledger = Ledger::default();
        for number in 0..(KEYS_KEPT as u64 + 50_000) {
            ledger.effect(effect(Some(&number.to_string()), number));
        }
        assert_eq!((ledger.effects.len(), ledger.known.map.len()), (EFFECTS_KEPT, KEYS_KEPT));
        assert_eq!(ledger.effects_since(0).count(), EFFECTS_KEPT);
    }
}
