//! The canaries that are out, where each came from, and where it has been seen.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::base::Time;
use crate::live::world::World;
use crate::wire::canary::Canary;

/// The most canaries that are known at once, and the most sightings that are kept.
const KNOWN: usize = 100_000;
const SIGHTINGS: usize = 10_000;

/// Where a canary came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Source {
    /// The fault that put it there.
    pub(super) fault: usize,
    /// The mock, and the call at it.
    pub(super) mock: usize,
    /// The number of the call.
    pub(super) call: u64,
    /// When.
    pub(super) at: Time,
    /// The chance that a model follows its instruction; 0 if it is only a mark.
    pub(super) hijack: f64,
}

/// Where a canary was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In what a model was sent.
    Prompt,
    /// Among the arguments of a call.
    Arguments,
    /// In an effect that was executed.
    Effect,
    /// In what agents at an address replied.
    Reply,
}

impl Place {
    /// Returns the word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Arguments => "arguments",
            Self::Effect => "effect",
            Self::Reply => "reply",
        }
    }
}

/// A sighting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    canary: Canary,
    place: Place,
    mock: usize,
    call: u64,
    at: Time,
    source: Source,
}

/// All canaries.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    known: BTreeMap<Canary, Source>,
    order: VecDeque<Canary>,
    sightings: VecDeque<Sighting>,
    /// How many sightings there were, those forgotten included.
    pub(super) seen: u64,
}

impl Canaries {
    /// Lets a canary out.
    pub(super) fn out(&mut self, canary: Canary, source: Source) {
        if self.known.insert(canary, source).is_some() {
            return;
        }
        if self.order.len() == KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(canary);
    }

    /// Returns where a canary came from, if it is one of ours.
    pub(super) fn source(&self, canary: Canary) -> Option<Source> {
        self.known.get(&canary).copied()
    }

    /// Notes that a canary was seen; returns where it came from, if it is one of ours.
    pub(super) fn sight(
        &mut self,
        canary: Canary,
        place: Place,
        (mock, call): (usize, u64),
        at: Time,
    ) -> Option<Source> {
        let source = self.source(canary)?;
        if self.sightings.len() == SIGHTINGS {
            self.sightings.pop_front();
        }
        self.sightings.push_back(Sighting { canary, place, mock, call, at, source });
        self.seen += 1;
        Some(source)
    }

    /// Returns all sightings that are kept.
    pub(super) fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.sightings.iter()
    }
}

impl World {
    /// Notes canaries that were seen at a mock; returns those that are ours.
    pub(super) fn sight(
        &self,
        (mock, call, now): (usize, u64, Time),
        found: &[Canary],
        place: Place,
    ) -> Vec<Canary> {
        let mut ours = Vec::new();
        for canary in found {
            let source = self.canaries().sight(*canary, place, (mock, call), now);
            let Some(source) = source else { continue };
            let detail = json!({
                "canary": canary.to_string(), "place": place.word(), "mock": self.served.mocks[mock].name,
                "call": call, "from": self.served.mocks[source.mock].name, "from_call": source.call,
                "fault": self.faults().plans.get(source.fault).map(|fault| fault.id.clone()),
            });
            self.journal.push(now, "canary-seen", detail);
            ours.push(*canary);
        }
        ours
    }
}

impl Sighting {
    /// Returns the sighting as JSON, with the names of mocks and faults.
    pub(super) fn json(&self, mocks: &[String], faults: &[String]) -> Value {
        json!({
            "canary": self.canary.to_string(), "place": self.place.word(), "mock": mocks.get(self.mock),
            "call": self.call, "at_s": self.at.seconds(),
            "source": {
                "fault": faults.get(self.source.fault), "mock": mocks.get(self.source.mock),
                "call": self.source.call, "at_s": self.source.at.seconds(),
            },
        })
    }
}
