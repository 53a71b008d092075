//! The event queue: a four-way implicit heap of 16-byte events, ordered by time and then by turn.

use crate::base::Time;

/// What an event is about, with the slot of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A mock has worked an attempt to the end.
    Complete = 0,
    /// A task's pause is over.
    Wake = 1,
    /// The head of a timer lane is due.
    Lane = 2,
    /// A fault begins, does something again, or ends.
    Fault = 3,
    /// The control plane wants to be called.
    Ops = 4,
    /// A moment from which tasks are counted.
    Mark = 5,
    /// A judgement of an answer is known.
    Judged = 6,
    /// A canary question is due.
    Canary = 7,
}

const KINDS: [Kind; 8] =
    [Kind::Complete, Kind::Wake, Kind::Lane, Kind::Fault, Kind::Ops, Kind::Mark, Kind::Judged, Kind::Canary];

/// An event: time, turn (the order in which events were scheduled), kind and slot, in one number
/// whose order is the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event(u128);

const SLOT_BITS: u32 = 28;

impl Event {
    pub(crate) fn new(at: Time, turn: u32, kind: Kind, slot: u32) -> Self {
        debug_assert!(slot < 1 << SLOT_BITS, "a slot fits");
        let what = (kind as u32) << SLOT_BITS | slot;
        Self(u128::from(at.0) << 64 | u128::from(turn) << 32 | u128::from(what))
    }

    pub(crate) fn at(self) -> Time {
        Time((self.0 >> 64) as u64)
    }

    pub(crate) fn turn(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn kind(self) -> Kind {
        KINDS[(self.0 as u32 >> SLOT_BITS) as usize]
    }

    pub(crate) fn slot(self) -> u32 {
        self.0 as u32 & ((1 << SLOT_BITS) - 1)
    }
}

/// A priority queue of events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    // Invariant: no event is before its parent `(index - 1) / 4`.
    heap: Vec<Event>,
}

impl Queue {
    /// Returns the next event without taking it out.
    pub(crate) fn peek(&self) -> Option<Event> {
        self.heap.first().copied()
    }

    /// Adds an event.
    pub(crate) fn push(&mut self, event: Event) {
        let mut index = self.heap.len();
        self.heap.push(event);
        while index > 0 {
            let parent = (index - 1) / 4;
            if self.heap[parent] <= event {
                break;
            }
            self.heap[index] = self.heap[parent];
            index = parent;
        }
        self.heap[index] = event;
    }

    /// Keeps only events of which something holds.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(Event) -> bool) {
        for event in std::mem::take(&mut self.heap).into_iter().filter(|event| is_kept(*event)) {
            self.push(event);
        }
    }

    /// Takes the next event out.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let last = self.heap.pop()?;
        let Some(&top) = self.heap.first() else { return Some(last) };
        let length = self.heap.len();
        let mut index = 0;
        loop {
            let first = index * 4 + 1;
            if first >= length {
                break;
            }
            let children = &self.heap[first..length.min(first + 4)];
            let (mut least, mut child) = (children[0], first);
            for (offset, event) in children.iter().enumerate().skip(1) {
                if *event < least {
                    (least, child) = (*event, first + offset);
                }
            }
            if last <= least {
                break;
            }
            self.heap[index] = least;
            index = child;
        }
        self.heap[index] = last;
        Some(top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    #[test]
    fn an_event_gives_back_what_it_was_made_of() {
        let event = Event::new(Time(u64::MAX - 1), 77, Kind::Ops, 123_456);
        assert_eq!(
            (event.at(), event.turn(), event.kind(), event.slot()),
            (Time(u64::MAX - 1), 77, Kind::Ops, 123_456)
        );
    }

    #[test]
    fn the_queue_agrees_with_the_standard_heap_also_on_ties() {
        let (mut queue, mut model) = (Queue::default(), BinaryHeap::new());
        let mut draws = Key::of_seed(4).draws();
        for turn in 0..20_000_u32 {
            // Few distinct times, so that many events tie.
            let event = Event::new(Time((draws.unit() * 50.0) as u64), turn, Kind::Wake, turn);
            queue.push(event);
            model.push(Reverse(event));
            if draws.unit() < 0.45 {
                assert_eq!(queue.pop(), model.pop().map(|Reverse(event)| event));
            }
        }
        while let Some(Reverse(event)) = model.pop() {
            assert_eq!(queue.pop(), Some(event));
        }
        assert_eq!(queue.pop(), None);
    }
}
