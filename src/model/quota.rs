//! A quota per minute as a token bucket that refills continuously.

use crate::base::{Ratio, Span, Time};

/// One unit of quota is so many parts, so that a limit of `n` a minute refills `n` parts a nanosecond.
const PARTS: u128 = 60_000_000_000;

/// A token bucket; a full minute's worth may be taken at once.
#[derive(Debug, Clone)]
pub struct Quota {
    per_minute: u64,
    level: u128,
    at: Time,
}

impl Quota {
    /// Returns a full bucket.
    pub fn new(per_minute: u64) -> Self {
        Self { per_minute, level: u128::from(per_minute) * PARTS, at: Time::ZERO }
    }

    /// Brings the bucket to `now`, at `share` of its limit since the last time.
    fn refill(&mut self, now: Time, share: Ratio) -> u128 {
        let limit = u128::from(share.of_ceil(self.per_minute));
        let refilled = self.level + limit * u128::from(now.since(self.at).0);
        self.level = refilled.min(limit * PARTS);
        self.at = now;
        limit
    }

    /// Returns how long until `amount` may be taken: nothing if at once.
    ///
    /// An amount above the whole limit has to wait for a full bucket.
    pub fn wait(&mut self, now: Time, share: Ratio, amount: u64) -> Option<Span> {
        let limit = self.refill(now, share);
        let wanted = (u128::from(amount) * PARTS).min(limit * PARTS);
        if limit == 0 {
            return Some(Span::from_secs(3600));
        }
        (self.level < wanted).then(|| Span((wanted - self.level).div_ceil(limit) as u64))
    }

    /// Returns what is left, the limit, and how long until the bucket is full again.
    pub fn left(&mut self, now: Time, share: Ratio) -> (u64, u64, Span) {
        let limit = self.refill(now, share);
        let missing = (limit * PARTS).saturating_sub(self.level);
        let full = if limit == 0 { Span::from_secs(3600) } else { Span(missing.div_ceil(limit) as u64) };
        ((self.level / PARTS) as u64, limit as u64, full)
    }

    /// Takes `amount` out; an amount above the level empties the bucket.
    pub fn take(&mut self, amount: u64) {
        self.level = self.level.saturating_sub(u128::from(amount) * PARTS);
    }
}

/// The quotas of a mock: requests and tokens a minute, each beside one that no fault has cut.
#[derive(Debug, Clone)]
pub struct Quotas([Option<(Quota, Quota)>; 2]);

/// A request that the quotas refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// How long to wait.
    pub wait: Span,
    /// Which quota makes it wait the longest: 0 for requests, 1 for tokens.
    pub which: usize,
    /// Whether it would have been admitted had no fault cut anything.
    pub is_faults_doing: bool,
}

impl Quotas {
    /// Returns full buckets.
    pub fn new(per_minute: [Option<u64>; 2]) -> Self {
        Self(per_minute.map(|quota| quota.map(|limit| (Quota::new(limit), Quota::new(limit)))))
    }

    /// Takes a request of so many tokens, at `share` of every limit, or refuses it and takes nothing.
    pub fn admit(&mut self, now: Time, share: Ratio, tokens: u64) -> Result<(), Refusal> {
        let (mut wait, mut uncut_wait) = (None::<(Span, usize)>, None);
        for (which, amount) in [1, tokens].into_iter().enumerate() {
            let Some((cut, uncut)) = &mut self.0[which] else { continue };
            wait = wait.max(cut.wait(now, share, amount).map(|wait| (wait, which)));
            uncut_wait = uncut_wait.max(uncut.wait(now, Ratio::ONE, amount));
        }
        if let Some((wait, which)) = wait {
            return Err(Refusal { wait, which, is_faults_doing: uncut_wait.is_none() });
        }
        for (quota, amount) in self.0.iter_mut().zip([1, tokens]) {
            if let Some((cut, uncut)) = quota {
                cut.take(amount);
                uncut.take(amount);
            }
        }
        Ok(())
    }

    /// Returns what is left of each, the limit, and how long until the bucket is full again.
    pub fn left(&mut self, now: Time, share: Ratio) -> [Option<(u64, u64, Span)>; 2] {
        self.0.each_mut().map(|quota| quota.as_mut().map(|(cut, _)| cut.left(now, share)))
    }

    /// Returns whether there are none.
    pub fn are_none(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    #[test]
    fn a_minutes_worth_comes_at_once_and_then_at_the_rate() {
        let mut quota = Quota::new(60);
        for _ in 0..60 {
            assert_eq!(quota.wait(at(0), Ratio::ONE, 1), None);
            quota.take(1);
        }
        assert_eq!(quota.wait(at(0), Ratio::ONE, 1), Some(Span::from_secs(1)));
        assert_eq!(quota.wait(at(999), Ratio::ONE, 1), Some(Span(1_000_000)));
        assert_eq!(quota.wait(at(1000), Ratio::ONE, 1), None);
    }

    #[test]
    fn what_is_left_is_told_with_the_time_until_all_of_it_is() {
        let mut quota = Quota::new(60);
        quota.take(3);
        assert_eq!(quota.left(at(0), Ratio::ONE), (57, 60, Span::from_secs(3)));
        assert_eq!(quota.left(at(2_500), Ratio::ONE), (59, 60, Span(500_000_000)));
        assert_eq!(quota.left(at(9_000), Ratio::ONE), (60, 60, Span::ZERO));
    }

    #[test]
    fn a_cut_quota_holds_less_and_refills_slower() {
        let mut quota = Quota::new(60);
        let cut = Ratio::from_percent(10);
        for _ in 0..6 {
            assert_eq!(quota.wait(at(0), cut, 1), None);
            quota.take(1);
        }
        assert_eq!(quota.wait(at(0), cut, 1), Some(Span::from_secs(10)));
        assert_eq!(quota.wait(at(10_000), Ratio::ONE, 1), None, "lifted, it refills at the full rate");
    }

    #[test]
    fn an_amount_above_the_limit_waits_for_a_full_bucket_only() {
        let mut quota = Quota::new(10);
        assert_eq!(quota.wait(at(0), Ratio::ONE, 1000), None);
        quota.take(1000);
        assert_eq!(quota.wait(at(0), Ratio::ONE, 1000), Some(Span::from_secs(60)));
    }
}
