//! Pauses between attempts, and a budget over all of them.

use crate::base::{Ratio, Span};
use crate::plan::RetryPlan;

const ONE: u64 = Ratio::ONE.0;

/// Retries as a share of calls: every call earns a share of a retry, every retry costs one.
///
/// The balance starts full and never exceeds the burst (the token scheme of Finagle's `RetryBudget`).
#[derive(Debug, Clone)]
pub struct RetryBudget {
    share: u64,
    balance: u64,
    full: u64,
}

impl RetryBudget {
    /// Returns a full budget.
    pub fn new(share: Ratio, burst: u64) -> Self {
        Self { share: share.0, balance: burst * ONE, full: burst * ONE }
    }

    /// A call is made for the first time.
    pub fn on_call(&mut self) {
        self.balance = (self.balance + self.share).min(self.full);
    }

    /// Takes a retry out, if there is one.
    pub fn try_retry(&mut self) -> bool {
        let has_one = self.balance >= ONE;
        if has_one {
            self.balance -= ONE;
        }
        has_one
    }
}

/// Returns the pause before attempt `number` (2 for the first retry).
///
/// `unit` in `[0, 1)` places the jitter: from `1 - jitter` to `1 + jitter` times the pause.
pub fn pause(plan: &RetryPlan, number: u32, unit: f64) -> Span {
    let grown = plan.backoff.seconds() * libm::pow(plan.factor, f64::from(number.saturating_sub(2)));
    let capped = grown.min(plan.backoff_max.seconds());
    Span::from_secs_f64(capped * (1.0 + plan.jitter * (2.0 * unit - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_a_tenth_allows_its_burst_and_then_one_retry_in_ten_calls() {
        let mut budget = RetryBudget::new(Ratio::from_percent(10), 2);
        assert!(budget.try_retry() && budget.try_retry());
        assert!(!budget.try_retry());
        for _ in 0..9 {
            budget.on_call();
        }
        assert!(!budget.try_retry(), "nine tenths of a retry are none");
        budget.on_call();
        assert!(budget.try_retry());
        for _ in 0..1000 {
            budget.on_call();
        }
        assert!(budget.try_retry() && budget.try_retry());
        assert!(!budget.try_retry(), "no more than the burst is saved up");
    }

    #[test]
    fn pauses_grow_up_to_their_cap_and_stray_by_the_jitter() {
        let plan = RetryPlan {
            attempts: 9,
            backoff: Span::from_secs(1),
            factor: 2.0,
            backoff_max: Span::from_secs(5),
            jitter: 0.5,
            budget: None,
            retry_after_max: Span::ZERO,
        };
        let pauses: Vec<String> = (2..=5).map(|number| pause(&plan, number, 0.5).to_string()).collect();
        assert_eq!(pauses, ["1s", "2s", "4s", "5s"]);
        assert_eq!(pause(&plan, 2, 0.0), Span::from_secs_f64(0.5));
        assert!(pause(&plan, 2, 0.999_999) < Span::from_secs_f64(1.5));
    }
}
