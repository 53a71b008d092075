//! Timers of one constant delay expire in the order they were set: each delay has a lane, first in,
//! first out, of which only the head stands in the event queue.

use std::collections::VecDeque;

use crate::base::{Span, Time};
use crate::engine::queue::{Event, Kind, Queue};

/// A timer: when it is due, its turn, and the slot of its owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    at: Time,
    pub(crate) turn: u32,
    pub(crate) slot: u32,
}

/// The timers of one delay.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    number: u32,
    delay: Span,
    // Invariant: in order of `at` and `turn`; the head, if there is one, stands in the event queue.
    timers: VecDeque<Timer>,
}

impl Lane {
    pub(crate) fn new(number: u32, delay: Span) -> Self {
        Self { number, delay, timers: VecDeque::new() }
    }

    /// Sets a timer that is due one delay from now.
    pub(crate) fn set(&mut self, now: Time, turn: u32, slot: u32, queue: &mut Queue) {
        let timer = Timer { at: now + self.delay, turn, slot };
        if self.timers.is_empty() {
            queue.push(Event::new(timer.at, turn, Kind::Lane, self.number));
        }
        self.timers.push_back(timer);
    }

    /// Takes the head out, which is due, and puts the next living timer into the queue.
    pub(crate) fn due(&mut self, is_alive: impl Fn(Timer) -> bool, queue: &mut Queue) -> Option<Timer> {
        let head = self.timers.pop_front().filter(|timer| is_alive(*timer));
        while self.timers.front().is_some_and(|timer| !is_alive(*timer)) {
            self.timers.pop_front();
        }
        if let Some(next) = self.timers.front() {
            queue.push(Event::new(next.at, next.turn, Kind::Lane, self.number));
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_timers_are_passed_over_and_never_enter_the_queue() {
        let mut queue = Queue::default();
        let mut lane = Lane::new(3, Span(10));
        for turn in 1..=4 {
            lane.set(Time(u64::from(turn)), turn, turn * 100, &mut queue);
        }
        let is_alive = |timer: Timer| timer.turn != 2 && timer.turn != 3;
        let head = queue.pop().unwrap();
        assert_eq!((head.at(), head.slot()), (Time(11), 3));
        assert_eq!(lane.due(is_alive, &mut queue).map(|timer| timer.slot), Some(100));
        let next = queue.pop().unwrap();
        assert_eq!((next.at(), next.turn()), (Time(14), 4));
        assert_eq!(lane.due(is_alive, &mut queue).map(|timer| timer.slot), Some(400));
        assert_eq!(queue.pop(), None);
    }
}
