//! A waiting line of attempts, linked through the attempts themselves.

use crate::engine::slab::{NONE, Slab};
use crate::engine::state::Attempt;

/// First in, first out; anybody may also leave from the middle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    head: u32,
    tail: u32,
    pub(crate) length: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, length: 0 }
    }
}

impl Line {
    pub(crate) fn push(&mut self, slot: u32, attempts: &mut Slab<Attempt>) {
        attempts[slot].before = self.tail;
        attempts[slot].after = NONE;
        if self.tail == NONE {
            self.head = slot;
        } else {
            attempts[self.tail].after = slot;
        }
        self.tail = slot;
        self.length += 1;
    }

    pub(crate) fn pop(&mut self, attempts: &mut Slab<Attempt>) -> Option<u32> {
        let slot = self.head;
        (slot != NONE).then(|| {
            self.leave(slot, attempts);
            slot
        })
    }

    pub(crate) fn leave(&mut self, slot: u32, attempts: &mut Slab<Attempt>) {
        let (before, after) = (attempts[slot].before, attempts[slot].after);
        if before == NONE {
            self.head = after;
        } else {
            attempts[before].after = after;
        }
        if after == NONE {
            self.tail = before;
        } else {
            attempts[after].before = before;
        }
        self.length -= 1;
    }
}
