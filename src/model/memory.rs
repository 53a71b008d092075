//! A memory: entries that agents recall and remember. The oldest goes when it is full.

/// What an entry holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Entry {
    /// What belongs there.
    Clean,
    /// What does not: the number of its spread, and the chance that an agent follows it.
    Poisoned(u32, f64),
}

/// A memory, full of clean entries when the drill begins.
#[derive(Debug, Clone)]
pub struct Memory {
    entries: Vec<Entry>,
    next: usize,
    poisoned: u32,
}

impl Memory {
    /// Returns a memory of so many clean entries.
    pub fn new(entries: u32) -> Self {
        Self { entries: vec![Entry::Clean; entries as usize], next: 0, poisoned: 0 }
    }

    /// Puts an entry in place of the oldest.
    pub fn remember(&mut self, entry: Entry) {
        let old = std::mem::replace(&mut self.entries[self.next], entry);
        self.poisoned -= u32::from(old != Entry::Clean);
        self.poisoned += u32::from(entry != Entry::Clean);
        self.next = (self.next + 1) % self.entries.len();
    }

    /// Returns the entry that a draw in `[0, 1)` finds: each is as likely as any other.
    pub fn recall(&self, unit: f64) -> Entry {
        self.entries[((unit * self.entries.len() as f64) as usize).min(self.entries.len() - 1)]
    }

    /// Takes out the poisoned entries that `finds` finds; returns how many.
    pub fn purge(&mut self, mut finds: impl FnMut(usize) -> bool) -> u32 {
        let mut taken = 0;
        for (number, entry) in self.entries.iter_mut().enumerate() {
            if *entry != Entry::Clean && finds(number) {
                *entry = Entry::Clean;
                taken += 1;
            }
        }
        self.poisoned -= taken;
        taken
    }

    /// Returns how many entries are poisoned.
    pub fn poisoned(&self) -> u32 {
        self.poisoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_and_a_purge_leaves_none() {
        let mut memory = Memory::new(3);
        for number in 0..4 {
            memory.remember(Entry::Poisoned(number, 0.25));
        }
        assert_eq!(memory.poisoned(), 3);
        assert_eq!(memory.recall(0.0), Entry::Poisoned(3, 0.25), "the first place was used again");
        memory.remember(Entry::Clean);
        assert_eq!((memory.poisoned(), memory.recall(0.5)), (2, Entry::Clean));
        assert_eq!(memory.purge(|number| number == 0), 1);
        assert_eq!(memory.purge(|_| true), 1);
        assert_eq!(memory.poisoned(), 0);
    }
}
