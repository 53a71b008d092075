//! Faults of cost: they break nothing, slow nothing, and are exact to the picodollar.

use stormdrill::engine::rehearse;
use stormdrill::record::Record;

use crate::plan;

/// Agents that ask twice, so that the second question finds a prefix in the cache.
fn spend(inject: &str) -> Record {
    let fault = format!(
        "[[fault]]\nid = \"dear\"\non = \"model\"\nstart = \"10m\"\nduration = \"20m\"\ninject.{inject}\n"
    );
    let fault = if inject.is_empty() { String::new() } else { fault };
    let text = format!(
        r#"
duration = "60m"
baseline = "5m"
[mocks.model]
kind = "model"
first_token = "lognormal(300ms, 0.3)"
per_token = "5ms"
price = {{ in = "$3", out = "$15", cached = "$0.30" }}
[load]
arrivals.constant = "1/s"
tiers = {{ standard = "100%" }}
[[load.phase]]
at = "50m"
rate = "0/s"
[agents.a]
plan = [
  {{ ask = "model", tokens = {{ in = "1000", out = "100" }} }},
  {{ ask = "model", tokens = {{ in = "200", out = "100" }} }},
]
[slo.done]
success = "90%"
{fault}"#
    );
    rehearse(&plan(&text), 3)
}

/// What the two questions of a task cost, in picodollars, at prices in micro-dollars a million.
const FIRST: u128 = 1000 * 3_000_000 + 100 * 15_000_000;
const SECOND: u128 = 200 * 3_000_000 + 1100 * 300_000 + 100 * 15_000_000;

#[test]
fn without_a_fault_the_ledger_is_tasks_times_price() {
    let record = spend("");
    let tasks = u128::from(record.tiers[1].arrived);
    assert_eq!(record.spend.total(), tasks * (FIRST + SECOND));
}

#[test]
fn each_fault_adds_exactly_what_it_says_and_breaks_nothing() {
    let calm = spend("");
    let added = |inject: &str| {
        let record = spend(inject);
        assert_eq!(record.tiers, calm.tiers, "{inject}: nothing fails");
        assert_eq!(record.mocks, calm.mocks, "{inject}: nothing is slower");
        (record.spend.total() - calm.spend.total(), record.witnesses[0])
    };
    let (loss, witness) = added("cache-loss = {}");
    // Only second questions have something in the cache: 1100 tokens at $2.70 a million more.
    assert_eq!(loss, u128::from(witness.hits) * 1100 * 2_700_000);
    assert!((1190..=1210).contains(&witness.hits), "{witness:?}");
    let (price, witness) = added("price = { factor = \"250%\" }");
    assert_eq!(witness.hits, witness.exposed);
    assert!(price.abs_diff(1200 * (FIRST + SECOND) * 3 / 2) <= 10 * (FIRST + SECOND));
    let (inflation, witness) = added("token-inflation = { factor = \"300%\" }");
    assert_eq!(witness.hits, witness.exposed);
    assert!(inflation.abs_diff(1200 * (FIRST + SECOND) * 2) <= 10 * (FIRST + SECOND));
}

#[test]
fn an_alert_on_errors_misses_what_an_alert_on_spend_finds() {
    let alert = |name: &str, when: &str| {
        format!("[alert.{name}]\nwhen.{when}\nseverity = \"sev2\"\nrunbook = \"look\"\n")
    };
    let controls = alert("Errors", "threshold = { slo = \"done\", bad_above = \"1%\", over = \"1m\" }")
        + &alert("Spend", "spend = { per_minute = \"$1.20\", over = \"2m\" }")
        + "[runbook.look]\nrecovery = \"backlog < 1000\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]\n";
    // A task costs 0.69 cents: 41 cents a minute before, and four times that under the fault.
    let record = spend(&format!("price = {{ factor = \"400%\" }}\n{controls}"));
    let fired = |alert| record.journal.first(|event| event == stormdrill::record::Event::AlertFiring(alert));
    assert_eq!(fired(0), None, "nothing fails");
    let minutes = fired(1).unwrap().seconds() / 60.0;
    assert!((11.0..12.1).contains(&minutes), "{minutes}");
}
