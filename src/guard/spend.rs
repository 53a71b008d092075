//! A budget for each minute of the drill.

use crate::base::{Money, Time};

const MINUTE: u64 = 60_000_000_000;

/// What has been spent in the current minute.
#[derive(Debug, Clone, Default)]
pub struct MinuteBudget {
    minute: u64,
    spent: Money,
}

impl MinuteBudget {
    /// Adds what a call cost.
    pub fn spend(&mut self, now: Time, cost: Money) {
        self.turn(now);
        self.spent += cost;
    }

    /// Returns whether the minute's limit has been reached.
    pub fn is_spent(&mut self, now: Time, limit: Money) -> bool {
        self.turn(now);
        self.spent >= limit
    }

    fn turn(&mut self, now: Time) {
        let minute = now.0 / MINUTE;
        if minute != self.minute {
            *self = Self { minute, spent: Money::ZERO };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn a_new_minute_begins_with_nothing_spent() {
        let limit = Money::from_micros(100);
        let mut budget = MinuteBudget::default();
        let at = |seconds| Time::ZERO + Span::from_secs(seconds);
        budget.spend(at(10), Money::from_micros(99));
        assert!(!budget.is_spent(at(20), limit));
        budget.spend(at(30), Money::from_micros(1));
        assert!(budget.is_spent(at(59), limit));
        assert!(!budget.is_spent(at(60), limit));
    }
}
