//! Finding the bottleneck from telemetry alone: the dependency that has got worst since the baseline.

use crate::base::Span;
use crate::base::drift::worse;
use crate::ops::{Calls, Telemetry};

/// How far before the incident was opened a diagnosis looks.
pub(super) const LOOK_BACK: Span = Span::from_secs(300);

/// A dependency is only named if it costs at least this much more time a call, in seconds.
const WORSE_MIN: f64 = 0.05;

/// What a failed call costs beyond the time it took, in seconds: somebody has to do something else.
const FAILURE_COSTS: f64 = 1.0;

/// Returns the mock whose calls have got worst: more time and more failures than in the baseline.
///
/// Each has running totals at the end of the baseline, before the incident, and now.
pub(super) fn bottleneck(totals: &[(Calls, Calls, Calls)]) -> Option<usize> {
    let mut worst = None;
    for (mock, (baseline, before, now)) in totals.iter().enumerate() {
        let ended = now.ended - before.ended;
        if ended == 0 || baseline.ended == 0 {
            continue;
        }
        let per_call = |calls: u64, failed: u64, took_us: u64| {
            (took_us as f64 / 1e6 + failed as f64 * FAILURE_COSTS) / calls as f64
        };
        let usual = per_call(baseline.ended, baseline.failed, baseline.took_us);
        let recent = per_call(ended, now.failed - before.failed, now.took_us - before.took_us);
        let worse = recent - usual;
        // All its calls together: a rare call that got slow is no bottleneck.
        let pain = worse * ended as f64;
        if worse >= WORSE_MIN && worst.is_none_or(|(_, most)| pain > most) {
            worst = Some((mock, pain));
        }
    }
    worst.map(|(mock, _)| mock)
}

/// How sure a version must be worse than the others to be named: one wrong naming in a hundred.
const WORSE_RATIO: f64 = 100.0;

/// Returns the model whose tasks are judged worse than all other tasks, most surely of all.
pub(super) fn version(telemetry: &Telemetry) -> Option<usize> {
    let mocks = telemetry.calls.len();
    let mut worst = None;
    for (evaluation, (bad, all)) in telemetry.judged.iter().enumerate() {
        for (mock, of) in telemetry.judged_of[evaluation * mocks..][..mocks].iter().enumerate() {
            let ratio = worse(*of, (bad - of.0, all - of.1), 0.1);
            if ratio >= WORSE_RATIO && worst.is_none_or(|(_, most)| ratio > most) {
                worst = Some((mock, ratio));
            }
        }
    }
    worst.map(|(mock, _)| mock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(ended: u64, failed: u64, seconds: u64) -> Calls {
        Calls { ended, failed, took_us: seconds * 1_000_000, denied: 0 }
    }

    #[test]
    fn the_dependency_that_got_slower_is_named_not_the_slowest_one() {
        let none = Calls::default();
        let slow_as_ever = (calls(100, 0, 1000), none, calls(100, 0, 1000));
        let got_slower = (calls(100, 0, 50), none, calls(100, 0, 300));
        assert_eq!(bottleneck(&[slow_as_ever, got_slower]), Some(1));
    }

    #[test]
    fn fast_failures_count_too_and_steady_state_names_nobody() {
        let none = Calls::default();
        let steady = (calls(100, 1, 50), none, calls(100, 1, 50));
        let failing = (calls(100, 0, 50), none, calls(100, 80, 5));
        assert_eq!(bottleneck(&[steady, failing]), Some(1));
        assert_eq!(bottleneck(&[steady, steady]), None);
    }
}
