//! Where contamination came from, how it spread, and which effects were executed on it.

use crate::base::Time;

/// How what does not belong there got into a context, an entry or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// With a reply of a tool or a model.
    Reply,
    /// With a tool's description.
    Description,
    /// With data of another session.
    Session,
    /// Put into a memory, or recalled from it.
    Memory,
    /// With a message from one agent to another.
    Message,
    /// With a shared state, written or read.
    State,
    /// An update of a shared state that somebody else's update had not seen.
    LostUpdate,
}

/// One place that contamination has reached. Those without `from` are sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// When.
    pub at: Time,
    /// The mock at which it happened; none for a hand-over without one.
    pub mock: Option<u8>,
    /// The fault whose doing it is, for a source.
    pub fault: Option<u8>,
    /// Where it came from.
    pub from: Option<u32>,
    /// How.
    pub via: Via,
    /// Steps from the source, which has 0.
    pub distance: u16,
    /// The source's own number. Chains may be as long as the run: nobody walks them.
    source: u32,
}

impl Spread {
    /// Returns a spread that has not been added yet.
    pub fn new(at: Time, (mock, fault): (Option<u8>, Option<u8>), from: Option<u32>, via: Via) -> Self {
        Self { at, mock, fault, from, via, distance: 0, source: 0 }
    }
}

/// An effect that was executed on a contaminated context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaintedAct {
    /// When.
    pub at: Time,
    /// The mock that executed it.
    pub mock: u8,
    /// The spread that had reached the context.
    pub spread: u32,
}

/// All contamination of a run, as a forest: every spread points to the one it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    spreads: Vec<Spread>,
    acts: Vec<TaintedAct>,
    /// Whether one did not fit: the run cannot be graded.
    pub is_overfull: bool,
}

/// The most spreads, and the most acts, that are kept.
const KEPT_MAX: usize = 1_000_000;

impl Provenance {
    /// Adds a spread; its number.
    pub fn spread(&mut self, spread: Spread) -> u32 {
        if self.spreads.len() >= KEPT_MAX {
            self.is_overfull = true;
            return (KEPT_MAX - 1) as u32;
        }
        let number = self.spreads.len() as u32;
        let (distance, source) = spread.from.map_or((0, number), |from| {
            let from = self.spreads[from as usize];
            (from.distance.saturating_add(1), from.source)
        });
        self.spreads.push(Spread { distance, source, ..spread });
        number
    }

    /// Adds an effect that was executed on a contaminated context.
    pub fn act(&mut self, act: TaintedAct) {
        if self.acts.len() >= KEPT_MAX {
            self.is_overfull = true;
            return;
        }
        self.acts.push(act);
    }

    /// Returns every place that contamination has reached, in order of time.
    pub fn spreads(&self) -> &[Spread] {
        &self.spreads
    }

    /// Returns every effect executed on a contaminated context, in order of time.
    pub fn acts(&self) -> &[TaintedAct] {
        &self.acts
    }

    /// Returns the source of a spread.
    pub fn source(&self, spread: u32) -> Spread {
        self.spreads[self.spreads[spread as usize].source as usize]
    }

    /// Checks that every spread comes from an earlier one, or is a source that says where it came in.
    pub fn assert_conserved(&self) {
        for (number, spread) in self.spreads.iter().enumerate() {
            let is_earlier = spread.from.is_none_or(|from| (from as usize) < number);
            assert!(is_earlier, "a spread comes from an earlier one");
            let is_named = spread.from.is_some() || spread.mock.is_some();
            assert!(is_named, "a source says at which mock it came in");
            let is_rooted = match spread.from {
                Some(from) => self.spreads[from as usize].source == spread.source,
                None => spread.source as usize == number,
            };
            assert!(is_rooted, "a spread has the source of the one that it comes from");
        }
        for act in &self.acts {
            assert!(self.source(act.spread).at <= act.at, "an act comes after its source");
        }
    }
}
