//! Controls at their edges, in whole runs: alerts by their formulas, quotas, budgets, effects, people.

use stormdrill::engine::rehearse;
use stormdrill::record::{Event, Outcome, Record};

use crate::plan;

/// Even arrivals of ten a second at a tool that fails for a while, with a burn-rate alert.
fn burning(share: &str, minutes: u64, window: &str) -> Record {
    let plan = plan(&format!(
        r#"
duration = "6h"
baseline = "10m"
[mocks.server]
kind = "tool"
service = "10ms"
[load]
arrivals.constant = "10/s"
tiers = {{ standard = "100%" }}
[agents.client]
plan = [{{ use = "server" }}]
[slo.done]
success = "99%"
period = "30d"
[alert.Burning]
when.burn = {{ slo = "done", preset = "google-30d", window = "{window}" }}
severity = "sev2"
runbook = "look"
[runbook.look]
recovery = "backlog < 1000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
[[fault]]
id = "errors"
on = "server"
start = "30m"
duration = "{minutes}m"
inject.error = {{ share = "{share}", after = "1ms" }}
"#
    ));
    rehearse(&plan, 1)
}

fn fired(record: &Record) -> f64 {
    record.journal.first(|event| matches!(event, Event::AlertFiring(_))).unwrap().seconds() - 1800.0
}

/// Detection time = (1 - objective) / error ratio x window x factor (SRE Workbook, chapter 5).
#[test]
fn a_burn_rate_alert_fires_when_the_formula_says() {
    for (share, ratio, window, long, factor) in [
        ("100%", 1.0, "page-fast", 3600.0, 14.4),
        ("50%", 0.5, "page-fast", 3600.0, 14.4),
        ("100%", 1.0, "page-slow", 21_600.0, 6.0),
    ] {
        let expected = 0.01 / ratio * long * factor;
        let fired = fired(&burning(share, 120, window));
        // Evaluated every 15 s; half of the calls failing by chance strays a little.
        let slack = if ratio < 1.0 { 0.05 * expected } else { 0.2 };
        assert!(
            expected - slack <= fired && fired <= expected + 15.0 + slack,
            "{share} {window}: {fired}, formula {expected}"
        );
    }
}

/// After the errors stop, the short window holds less than 14.4 % bad tasks once 85.6 % of it have passed.
#[test]
fn a_burn_rate_alert_clears_when_the_short_window_does() {
    let record = burning("100%", 60, "page-fast");
    let cleared = record.journal.first(|event| matches!(event, Event::AlertResolved(_))).unwrap().seconds();
    let expected = 1800.0 + 3600.0 + 300.0 * (1.0 - 0.144);
    assert!(expected <= cleared && cleared <= expected + 15.2, "{cleared}, formula {expected}");
}

#[test]
fn the_notification_comes_one_group_wait_after_the_alert() {
    let record = burning("100%", 60, "page-fast");
    let firing = record.journal.first(|event| matches!(event, Event::AlertFiring(_))).unwrap();
    let notified = record.journal.first(|event| matches!(event, Event::Notified(_))).unwrap();
    assert!((notified.seconds() - firing.seconds() - 30.0).abs() < 1e-9);
}

#[test]
fn a_fault_of_all_requests_meets_every_one_and_no_other() {
    let record = burning("100%", 60, "page-fast");
    let witness = &record.witnesses[0];
    assert_eq!(witness.hits, witness.exposed);
    assert_eq!(record.tiers[1].of(Outcome::Failed), witness.hits);
    // Ten a second for an hour; one may fall on either edge.
    assert!((35_999..=36_001).contains(&witness.hits), "{}", witness.hits);
}

/// A quota of 600 a minute under 20 requests a second: the burst of a minute, then ten a second.
#[test]
fn a_quota_admits_its_burst_and_then_its_rate() {
    let plan = plan(
        r#"
duration = "10m"
baseline = "1m"
[mocks.server]
kind = "tool"
service = "1ms"
quota = { requests = "600/min" }
[load]
arrivals.constant = "20/s"
tiers = { standard = "100%" }
[agents.client]
plan = [{ use = "server" }]
[slo.done]
success = "1%"
"#,
    );
    let record = rehearse(&plan, 1);
    let admitted = record.mocks[0].requests - record.mocks[0].rate_limited;
    // In ten minutes: 600 at once, and 600 a minute.
    assert!((6599..=6601).contains(&admitted), "{admitted}");
}

/// Retries of at most a tenth of the calls, although every call fails.
#[test]
fn a_retry_budget_holds_when_everything_fails() {
    let plan = plan(
        r#"
duration = "30m"
baseline = "5m"
[mocks.server]
kind = "tool"
service = "1ms"
[load]
arrivals.poisson = "20/s"
tiers = { standard = "100%" }
[agents.client]
plan = [{ use = "server" }]
[guard.server]
retry = { attempts = 4, backoff = "50ms", budget = "10%", budget_burst = 5 }
[slo.done]
success = "1%"
[[fault]]
id = "down"
on = "server"
start = "5m"
duration = "25m"
inject.error = { share = "100%" }
"#,
    );
    let record = rehearse(&plan, 1);
    let server = &record.mocks[0];
    let calls = record.witnesses[0].exposed - server.retries;
    let allowed = 5 + calls / 10;
    assert!(
        server.retries <= allowed && server.retries + 3 >= allowed,
        "{} retries, {allowed} allowed",
        server.retries
    );
}

fn lost_replies(keys: bool) -> Record {
    let plan = plan(&format!(
        r#"
duration = "30m"
baseline = "5m"
[mocks.tickets]
kind = "tool"
service = "exponential(50ms)"
[load]
arrivals.poisson = "10/s"
tiers = {{ standard = "100%" }}
[agents.client]
plan = [{{ use = "tickets", effect = "update" }}]
[guard.tickets]
timeout = "1s"
retry = {{ attempts = 4, backoff = "100ms" }}
idempotency_keys = {keys}
[slo.done]
success = "1%"
[[fault]]
id = "lost"
on = "tickets"
start = "5m"
duration = "20m"
inject.reply-lost = {{ share = "20%" }}
"#
    ));
    rehearse(&plan, 7)
}

#[test]
fn a_lost_reply_doubles_the_effect_unless_the_call_carries_a_key() {
    let (without, with) = (lost_replies(false), lost_replies(true));
    assert!(without.effects[0].duplicate > 1000, "{:?}", without.effects[0]);
    assert_eq!(with.effects[0].duplicate, 0);
    // The same attempts were lost: what would have been a duplicate is now known by its key.
    assert_eq!(with.effects[0].deduplicated, without.effects[0].duplicate);
    assert_eq!(with.effects[0].first, without.effects[0].first);
}

#[test]
fn an_effect_without_its_permission_is_unsafe_where_nobody_enforces_it() {
    let plan = plan(
        r#"
duration = "10m"
baseline = "1m"
[mocks.payments]
kind = "tool"
service = "10ms"
permission = "pay"
enforces_permission = false
[load]
arrivals.constant = "1/s"
tiers = { standard = "100%" }
[agents.client]
plan = [{ use = "payments", effect = "pay" }]
[slo.done]
success = "1%"
"#,
    );
    let record = rehearse(&plan, 1);
    assert_eq!(record.effects[0].unsafe_acts, record.effects[0].executed);
    assert_eq!(record.tiers[1].of(Outcome::Unsafe), record.effects[0].executed);
}

/// A minute's budget refuses what comes after it is spent, except for the tiers that are spared.
#[test]
fn a_budget_of_a_minute_spares_the_critical_tier() {
    let plan = plan(
        r#"
duration = "20m"
baseline = "1m"
[mocks.model]
kind = "model"
first_token = "100ms"
per_token = "1ms"
price = { in = "$10", out = "$10" }
[load]
arrivals.poisson = "10/s"
tiers = { critical = "20%", standard = "80%" }
[agents.client]
plan = [{ ask = "model", tokens = { in = "900", out = "100" } }]
[guard.tasks]
budget = { per_minute = "$3", spare = ["critical"] }
[slo.done]
success = "1%"
"#,
    );
    let record = rehearse(&plan, 1);
    // A task costs a cent: 600 a minute would cost six dollars.
    assert_eq!(record.tiers[0].of(Outcome::Failed), 0);
    let per_minute = record.spend.total() as f64 / 1e12 / 20.0;
    assert!((3.0..3.9).contains(&per_minute), "{per_minute}");
}

/// At night nobody answers some pages; the next role is paged after the time the roster says.
#[test]
fn an_unanswered_page_goes_to_the_next_role() {
    let text = r#"
duration = "2h"
baseline = "10m"
starts_at = "23:00"
[mocks.server]
kind = "tool"
service = "10ms"
[load]
arrivals.constant = "10/s"
tiers = { standard = "100%" }
[agents.client]
plan = [{ use = "server" }]
[slo.done]
success = "99%"
[alert.Failing]
when.threshold = { slo = "done", bad_above = "50%", over = "1m" }
severity = "sev1"
runbook = "look"
[runbook.look]
recovery = "done holds for 5m"
steps = [
  { id = "own", owner = "first", within = "10m", do.acknowledge = {} },
  { id = "tell", owner = "first", within = "20m", do.update = { every = "10m" } },
]
[roster.first]
day = { acknowledge = "1m", step = "1m" }
night = { acknowledge = "2m", step = "3m", no_answer = "100%" }
escalate_after = "4m"
to = "second"
[roster.second]
day = { acknowledge = "1m", step = "1m" }
night = { acknowledge = "90s", step = "2m" }
[[fault]]
id = "down"
on = "server"
start = "20m"
duration = "30m"
inject.error = { share = "100%" }
"#;
    let plan = plan(text);
    let record = rehearse(&plan, 3);
    let at = |is_it: &dyn Fn(Event) -> bool| record.journal.first(is_it).unwrap().0 / 1_000_000_000;
    let notified = at(&|event| matches!(event, Event::Notified(_)));
    assert_eq!(at(&|event| matches!(event, Event::PageUnanswered(0))) - notified, 240);
    assert_eq!(at(&|event| matches!(event, Event::Acknowledged { .. })) - notified, 240 + 90);
    // The next step takes two minutes; then updates follow every ten until the incident is closed.
    let updates: Vec<u64> = record
        .journal
        .entries()
        .iter()
        .filter(|entry| matches!(entry.event, Event::Updated(_)))
        .map(|entry| entry.at.0 / 1_000_000_000 - notified)
        .collect();
    assert_eq!(updates[..3], [450, 1050, 1650]);
    assert!(record.journal.count(|event| matches!(event, Event::IncidentClosed(_))) == 1);
}
