//! What a live mock remembers of the effects that it had: counts without limit, single ones with one.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::base::Time;
use crate::wire::canary::Canary;
use crate::wire::prompt::hash;

/// The most effects, and keys of effects, that are kept for each mock.
const EFFECTS_KEPT: usize = 10_000;
const KEYS_KEPT: usize = 100_000;

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

/// The effects of a mock, and how often it had no room.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    effects: VecDeque<Effect>,
    next_effect: u64,
    known: Bounded<u64>,
    same: Bounded<u64>,
    /// Tasks of a drill that have had an effect.
    tasks: Bounded<u64>,
    /// Effects.
    pub(super) counts: EffectCounts,
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

    /// Returns the effects from a number on, those that are still kept.
    pub(super) fn effects_since(&self, number: u64) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(move |effect| effect.number >= number)
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
