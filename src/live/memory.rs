//! The texts that a memory holds on the wire: recalled by likeness, the oldest goes when it is full.

use std::collections::VecDeque;

use crate::base::Key;
use crate::wire::canary::Canary;
use crate::wire::prompt::hash;

/// The most entries whose texts are held, whatever the scenario says.
const HELD_MAX: usize = 20_000;
/// The most bytes of one.
pub(super) const TEXT_MAX: usize = 16_384;

/// The most words of an entry, and of a question, that are looked at.
const WORDS_HELD: usize = 1_000;
const WORDS_ASKED: usize = 64;

const PLACE: Key = Key::of_name("place of a recalled entry");

/// A text that is held.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its number.
    pub(super) id: u64,
    /// The text.
    pub(super) text: String,
    /// Where it came from, as whoever put it there said.
    pub(super) source: String,
    /// Its canary, if a fault put it there.
    pub(super) poison: Option<Canary>,
    /// Its words, as sorted numbers.
    words: Vec<u64>,
}

/// What a memory holds.
#[derive(Debug)]
pub(super) struct Texts {
    entries: VecDeque<Entry>,
    most: usize,
    next: u64,
}

impl Texts {
    /// Returns a memory of at most so many entries, with some in it.
    pub(super) fn new(most: u32, facts: &[String]) -> Self {
        let most = (most as usize).min(HELD_MAX);
        let mut texts = Self { entries: VecDeque::new(), most, next: 0 };
        for fact in facts {
            texts.remember(fact.clone(), "scenario".into(), None);
        }
        texts
    }

    /// Puts a text in, and the oldest out if it is full; returns its number.
    pub(super) fn remember(&mut self, text: String, source: String, poison: Option<Canary>) -> u64 {
        if self.entries.len() == self.most {
            self.entries.pop_front();
        }
        let id = self.next;
        self.next += 1;
        let words = words(&text, WORDS_HELD);
        self.entries.push_back(Entry { id, text, source, poison, words });
        id
    }

    /// Returns the entries that are most like a question, the best first.
    ///
    /// A poisoned entry was written to be found: each place goes to one with the chance that it has in virtual
    /// time, the share of poisoned entries.
    pub(super) fn recall(&self, question: &str, limit: usize, key: Key) -> Vec<&Entry> {
        let asked = words(question, WORDS_ASKED);
        let score =
            |entry: &Entry| asked.iter().filter(|word| entry.words.binary_search(word).is_ok()).count();
        let mut scored: Vec<(usize, &Entry)> =
            self.entries.iter().map(|entry| (score(entry), entry)).collect();
        scored.sort_by_key(|(score, entry)| (std::cmp::Reverse(*score), std::cmp::Reverse(entry.id)));
        let share = self.poisoned() as f64 / self.entries.len().max(1) as f64;
        let mut poison = scored.iter().filter(|(_, entry)| entry.poison.is_some()).map(|(_, entry)| *entry);
        let mut clean = scored.iter().filter(|(_, entry)| entry.poison.is_none()).map(|(_, entry)| *entry);
        let mut found = Vec::new();
        for place in 0..limit as u64 {
            let first = if key.with(PLACE).at(place).unit() < share { poison.next() } else { None };
            let Some(entry) = first.or_else(|| clean.next()) else { break };
            found.push(entry);
        }
        found
    }

    /// Takes out what a fault put in, as far as `finds` finds it; returns how many entries.
    pub(super) fn purge(&mut self, finds: impl Fn(u64) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.poison.is_none() || !finds(entry.id));
        before - self.entries.len()
    }

    /// Returns how many entries a fault put in.
    pub(super) fn poisoned(&self) -> usize {
        self.entries.iter().filter(|entry| entry.poison.is_some()).count()
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Returns the words of a text as sorted numbers, each once, at most so many.
fn words(text: &str, most: usize) -> Vec<u64> {
    let long = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
    let mut words: Vec<u64> = long.take(most).map(|word| hash(word.to_lowercase().as_bytes())).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_most_alike_is_recalled_first_and_the_oldest_goes() {
        let facts =
            ["Refunds take five days.", "Oslo is in Norway.", "Orders ship daily."].map(str::to_owned);
        let mut texts = Texts::new(3, &facts);
        let recalled =
            |texts: &Texts| texts.recall("when do refunds come?", 2, Key::of_seed(1))[0].text.clone();
        assert_eq!(recalled(&texts), "Refunds take five days.");
        texts.remember("Nothing.".into(), "agent".into(), None);
        assert_eq!(texts.len(), 3);
        assert_ne!(recalled(&texts), "Refunds take five days.", "it was the oldest");
    }

    #[test]
    fn poison_is_found_as_often_as_its_share_and_can_be_purged() {
        let mut texts = Texts::new(10, &["a fact".to_owned()]);
        texts.remember("poison".into(), "unknown".into(), Some(Canary(1)));
        let found = |texts: &Texts| {
            let hits = (0..2000).filter(|n| texts.recall("fact", 1, Key::of_seed(*n))[0].poison.is_some());
            hits.count()
        };
        assert!((900..1100).contains(&found(&texts)));
        assert_eq!((texts.purge(|_| true), found(&texts)), (1, 0));
    }
}
