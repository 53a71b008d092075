//! Overload comes from load on finite slots: retries can keep a collapse alive that nothing else does.

use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::record::{Outcome, Record, TierCounts};

use crate::plan;

/// A service at two thirds of its capacity that loses most of its slots for one minute.
fn service(retry: &str) -> Plan {
    plan(&format!(
        r#"
duration = "40m"
baseline = "5m"
[mocks.server]
kind = "tool"
service = "exponential(500ms)"
concurrency = 20
queue = 2000
on_abandon = "finish"
[load]
arrivals.poisson = "27/s"
tiers = {{ standard = "100%" }}
[agents.client]
plan = [{{ use = "server" }}]
[guard.server]
timeout = "2s"
retry = {{ {retry} }}
[slo.done]
success = "90%"
[[fault]]
id = "trigger"
on = "server"
start = "10m"
duration = "1m"
inject.capacity = {{ to = "20%" }}
"#
    ))
}

/// The share of tasks done that ended between two minutes.
fn done(record: &Record, from: u64, to: u64) -> f64 {
    let width = record.series.width.0 / 1_000_000_000;
    let buckets = &record.series.tiers[(from * 60 / width) as usize..(to * 60 / width) as usize];
    let good: u64 = buckets.iter().flatten().map(|counts| counts.of(Outcome::Done)).sum();
    let ended: u64 = buckets.iter().flatten().map(TierCounts::ended).sum();
    good as f64 / ended as f64
}

#[test]
fn retries_without_a_budget_keep_a_collapse_alive_after_the_trigger_is_gone() {
    let plan = service(r#"attempts = 5, backoff = "100ms", jitter = "50%""#);
    for seed in 0..5 {
        let record = rehearse(&plan, seed);
        assert!(done(&record, 5, 10) > 0.99, "seed {seed}: it was well before");
        assert!(record.witnesses[0].last.unwrap().seconds() < 661.0, "seed {seed}: the trigger is gone");
        assert!(done(&record, 30, 40) < 0.2, "seed {seed}: 20 minutes later it has not come back");
    }
}

#[test]
fn a_retry_budget_lets_the_service_come_back() {
    let plan = service(r#"attempts = 5, backoff = "100ms", jitter = "50%", budget = "10%""#);
    for seed in 0..5 {
        let record = rehearse(&plan, seed);
        assert!(done(&record, 11, 12) < 0.9, "seed {seed}: the trigger was felt");
        assert!(done(&record, 20, 40) > 0.99, "seed {seed}: it has come back");
    }
}

#[test]
fn without_the_trigger_there_is_no_collapse() {
    let plan = service(r#"attempts = 5, backoff = "100ms", jitter = "50%""#).twin();
    for seed in 0..5 {
        assert!(done(&rehearse(&plan, seed), 5, 40) > 0.99, "seed {seed}");
    }
}
