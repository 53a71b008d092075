//! How punctual the drill itself was: what it could not send on time is not to be held against the system.

use hdrhistogram::Histogram;

use crate::base::{Span, Time};

/// How much later than intended, in the drill's time, a request may be sent before it counts as late.
const LATE: Span = Span(250_000_000);

/// The share of late requests beyond which a run proves nothing.
const LATE_SHARE_MAX: f64 = 0.01;

/// How late requests were sent.
#[derive(Debug)]
pub(super) struct Pacing {
    /// In microseconds of the machine's time.
    lags: Histogram<u64>,
    late: u64,
    unreached: u64,
    pace: u32,
}

/// What is said of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Punctuality {
    /// Requests sent.
    pub sent: u64,
    /// How often one was sent, or its reply looked at, more than [`LATE`] later than it was due.
    pub late: u64,
    /// The median and the 99th percentile of the delay, in milliseconds of the machine's time.
    pub lag_p50_ms: f64,
    /// The 99th percentile.
    pub lag_p99_ms: f64,
}

impl Pacing {
    /// Returns an empty count of a drill that runs so many times as fast as the wall's clock.
    pub(super) fn new(pace: u32) -> Self {
        let lags = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds suit three digits");
        Self { lags, late: 0, unreached: 0, pace }
    }

    /// Counts a request that was intended for one moment and sent at another.
    pub(super) fn sent(&mut self, intended: Time, sent: Time) {
        let lag = sent.since(intended);
        self.late += u64::from(lag > LATE);
        self.lags.saturating_record(lag.0 / 1_000 / u64::from(self.pace));
    }

    /// Counts a reply that came at one moment and was looked at at another, and whether it is none: the machine gave no
    /// connection.
    pub(super) fn received(&mut self, came: Time, seen: Time, is_unreached: bool) {
        self.late += u64::from(seen.since(came) > LATE);
        self.unreached += u64::from(is_unreached);
    }

    /// Returns why a run proves nothing: too much of it came too late, or not at all, for want of a faster machine.
    pub(super) fn objection(&self) -> Option<String> {
        let refused = self.unreached as f64 / self.lags.len().max(1) as f64;
        if refused > LATE_SHARE_MAX {
            let percent = refused * 100.0;
            return Some(format!(
                "{percent:.1}% of the requests got no connection: this machine is at its limits"
            ));
        }
        let share = self.late as f64 / self.lags.len().max(1) as f64;
        (share > LATE_SHARE_MAX).then(|| {
            format!(
                "{:.1}% of the requests were sent, or their replies seen, more than {LATE} late: this machine is too slow for the drill at {} times \
                 its own time, or too busy",
                share * 100.0,
                self.pace
            )
        })
    }

    /// Returns what is said of it.
    pub(super) fn said(&self) -> Punctuality {
        let quantile = |share: f64| self.lags.value_at_quantile(share) as f64 / 1e3;
        Punctuality {
            sent: self.lags.len(),
            late: self.late,
            lag_p50_ms: quantile(0.5),
            lag_p99_ms: quantile(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_proves_nothing_if_more_than_one_request_in_a_hundred_was_late() {
        let mut pacing = Pacing::new(10);
        let at = Time(5_000_000_000);
        (0..99).for_each(|_| pacing.sent(at, at + Span(1_000_000)));
        pacing.sent(at, at + Span::from_secs(1));
        assert!(pacing.objection().is_none());
        pacing.sent(at, at + Span::from_secs(1));
        assert!(pacing.objection().unwrap().starts_with("2.0% of the requests"));
        let said = pacing.said();
        assert_eq!((said.sent, said.late), (101, 2));
        assert!((said.lag_p50_ms - 0.1).abs() < 1e-3, "a millisecond of the drill, at ten times its pace");
    }
}
