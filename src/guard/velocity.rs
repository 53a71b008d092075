//! A breaker on how fast money is spent.

use crate::base::{Money, Span, Time};
use crate::plan::VelocityPlan;

/// How many parts the window is looked at in.
const PARTS: usize = 12;

/// Spending over a sliding window, and until when calls are held back.
#[derive(Debug, Clone, Default)]
pub struct Velocity {
    parts: [Money; PARTS],
    part: u64,
    until: Time,
}

impl Velocity {
    /// Adds what a call cost; opens if that is too much for the window.
    pub fn spend(&mut self, now: Time, cost: Money, plan: &VelocityPlan) {
        self.turn(now, plan.over);
        self.parts[(self.part % PARTS as u64) as usize] += cost;
        let spent: u128 = self.parts.iter().map(|part| u128::from(part.0)).sum();
        let minute = u128::from(Span::from_secs(60).0);
        if spent * minute > u128::from(plan.above.0) * u128::from(plan.over.0) {
            self.until = now + plan.pause;
        }
    }

    /// Returns whether calls that cost something are held back.
    pub fn is_open(&self, now: Time) -> bool {
        now < self.until
    }

    /// Forgets what lies further back than the window.
    fn turn(&mut self, now: Time, over: Span) {
        let part = now.0 / (over.0 / PARTS as u64).max(1);
        for gone in (self.part + 1..=part).take(PARTS) {
            self.parts[(gone % PARTS as u64) as usize] = Money::ZERO;
        }
        self.part = part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TierSet;

    #[test]
    fn it_opens_when_more_than_the_limit_is_spent_in_the_window_and_closes_by_itself() {
        let plan = VelocityPlan {
            above: Money::from_micros(600),
            over: Span::from_secs(60),
            pause: Span::from_secs(30),
            spare: TierSet::of([]),
        };
        let at = |seconds| Time::ZERO + Span::from_secs(seconds);
        let mut velocity = Velocity::default();
        velocity.spend(at(10), Money::from_micros(400), &plan);
        velocity.spend(at(40), Money::from_micros(200), &plan);
        assert!(!velocity.is_open(at(40)), "exactly the limit is allowed");
        velocity.spend(at(80), Money::from_micros(300), &plan);
        assert!(!velocity.is_open(at(80)), "the first has left the window");
        velocity.spend(at(81), Money::from_micros(200), &plan);
        assert!(velocity.is_open(at(110)) && !velocity.is_open(at(111)));
    }
}
