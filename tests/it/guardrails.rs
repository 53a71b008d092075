//! Guardrails, alerts and actions in whole runs, each where it begins to act.

use stormdrill::engine::rehearse;
use stormdrill::record::{Event, Outcome, Record, TierCounts};

use crate::plan;

/// A tool that fails entirely from minute 10 to minute 20, with more of a scenario beside it.
fn run(guards: &str) -> Record {
    let system = format!(
        r#"
duration = "40m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "20ms"
[mocks.second]
kind = "tool"
service = "20ms"
[mocks.third]
kind = "tool"
service = "20ms"
[load]
arrivals.constant = "10/s"
tiers = {{ critical = "50%", batch = "50%" }}
[agents.a]
plan = [{{ use = "tool" }}]
[slo.done]
success = "90%"
[[fault]]
id = "down"
on = "tool"
start = "10m"
duration = "10m"
inject.error = {{ share = "100%" }}
{guards}
"#
    );
    rehearse(&plan(&system), 1)
}

fn at(record: &Record, is_it: impl Fn(Event) -> bool) -> Option<u64> {
    record.journal.first(is_it).map(|at| at.0 / 1_000_000_000)
}

#[test]
fn a_breaker_opens_probes_and_closes_again_after_the_fault() {
    let breaker = "[guard.tool]\nbreaker = { window = \"10s\", calls_min = 10, open_above = \"50%\", probe_after = \"15s\" }\n";
    let record = run(breaker);
    // Ten calls a second, the ones before all good: after 5 s more than half of the window has failed.
    let opened = at(&record, |event| matches!(event, Event::BreakerOpened(_))).unwrap();
    assert!((604..=606).contains(&opened), "{opened}");
    let closed = at(&record, |event| matches!(event, Event::BreakerClosed(_))).unwrap();
    assert!((1200..=1216).contains(&closed), "{closed}");
    // One probe every 15 s meets the fault; the rest are refused without a call.
    let witness = &record.witnesses[0];
    assert!((45 + 40..=62 + 40).contains(&witness.hits), "{}", witness.hits);
    assert!(record.mocks[2].breaker_refused > 5000, "{:?}", record.mocks[2]);
}

#[test]
fn a_breaker_held_open_by_hand_sends_calls_to_the_fallback_until_it_is_undone() {
    let record = run(
        "[guard.tool]\nfallback = \"second\"\nbreaker = { window = \"10s\", calls_min = 100000, open_above = \"99%\", probe_after = \"15s\" }\n\
         [alert.Errors]\nwhen.threshold = { signal = \"call-errors\", mock = \"tool\", bad_above = \"50%\", over = \"1m\" }\nseverity = \"sev2\"\nrunbook = \"hold\"\n\
         [runbook.hold]\nrecovery = \"backlog < 100\"\nsteps = [\n\
         { id = \"hold\", owner = \"auto\", within = \"1m\", do.open-breaker = { mock = \"tool\" } },\n\
         { id = \"undo\", owner = \"auto\", within = \"9m\", do.undo = { steps = [\"hold\"] }, when = \"tool answers for 1m\" }]\n",
    );
    let held = at(&record, |event| matches!(event, Event::StepDone { step: 0, .. })).unwrap();
    // From then on the fault meets probes alone.
    let last_calls = record.witnesses[0].hits;
    let probes = (1200 - held) / 15;
    assert!(last_calls <= (held - 600) * 10 + probes + 2, "{last_calls}, held at {held}");
    assert_eq!(record.tiers.iter().map(TierCounts::bad).sum::<u64>(), 0, "the fallback answered");
    assert_eq!(record.left_behind, Vec::<String>::new());
}

#[test]
fn fallbacks_are_tried_in_their_order() {
    let also = "[[fault]]\nid = \"too\"\non = \"second\"\nstart = \"10m\"\nduration = \"10m\"\ninject.error = { share = \"100%\" }\n";
    let record = run(&format!("{also}[guard.tool]\nfallback = [\"second\", \"third\"]\n"));
    let (second, third) = (record.mocks[0], record.mocks[1]);
    assert_eq!((second.requests, third.requests), (record.witnesses[0].hits, record.witnesses[0].hits));
    assert_eq!(record.tiers.iter().map(TierCounts::bad).sum::<u64>(), 0);
}

#[test]
fn shedding_refuses_the_named_tiers_alone() {
    // Each task thinks for 30 s: 300 are in flight, above the line of 200.
    let system = "[guard.tasks]\nshed = { in_flight_above = 200, tiers = [\"batch\"] }\n";
    let text = format!(
        "duration = \"20m\"\nbaseline = \"5m\"\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\n[load]\narrivals.constant = \"10/s\"\ntiers = {{ critical = \"50%\", batch = \"50%\" }}\n[agents.a]\nplan = [{{ think = \"30s\" }}, {{ use = \"tool\" }}]\n[slo.done]\nsuccess = \"1%\"\n{system}"
    );
    let record = rehearse(&plan(&text), 1);
    assert_eq!(record.tiers[0].of(Outcome::Shed), 0);
    let share = record.tiers[2].of(Outcome::Shed) as f64 / record.tiers[2].arrived as f64;
    // 150 critical tasks leave room for about 50 batch tasks in 150.
    assert!((0.55..0.75).contains(&share), "{share}");
}

#[test]
fn a_step_limit_fails_the_task_at_the_call_beyond_it() {
    let text = "duration = \"10m\"\nbaseline = \"1m\"\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\n[load]\narrivals.constant = \"1/s\"\ntiers = { standard = \"100%\" }\n[agents.a]\nplan = [{ use = \"tool\", times = \"1..9\" }]\n[slo.done]\nsuccess = \"1%\"\n[guard.tasks]\nsteps_max = 5\n";
    let record = rehearse(&plan(text), 1);
    let failed = record.tiers[1].of(Outcome::Failed) as f64 / record.tiers[1].arrived as f64;
    assert!((4.0 / 9.0 - failed).abs() < 0.08, "{failed}");
    assert!(record.mocks[0].requests <= 5 * record.tiers[1].arrived);
}

#[test]
fn a_wait_that_a_server_asks_for_is_obeyed_up_to_its_cap() {
    let text = |cap: &str| {
        format!(
            "duration = \"30m\"\nbaseline = \"1m\"\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\nquota = {{ requests = \"60/min\" }}\n[load]\narrivals.constant = \"2/s\"\ntiers = {{ standard = \"100%\" }}\n[agents.a]\nplan = [{{ use = \"tool\" }}]\n[slo.done]\nsuccess = \"1%\"\n[guard.tool]\nretry = {{ attempts = 2, backoff = \"1ms\", retry_after_max = \"{cap}\" }}\n"
        )
    };
    let (patient, impatient) = (rehearse(&plan(&text("30s")), 1), rehearse(&plan(&text("1ms")), 1));
    assert!(patient.mocks[0].retries > 1000, "{:?}", patient.mocks[0]);
    assert!(
        impatient.mocks[0].retries < 20,
        "asked for up to a second, it gives up: {:?}",
        impatient.mocks[0]
    );
}

#[test]
fn an_alert_on_absence_fires_when_nothing_ends_any_more() {
    let text = "duration = \"30m\"\nbaseline = \"5m\"\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\n[load]\narrivals.constant = \"1/s\"\ntiers = { standard = \"100%\" }\n[[load.phase]]\nat = \"10m\"\nrate = \"0/s\"\n[[load.phase]]\nat = \"20m\"\nrate = \"1/s\"\n[agents.a]\nplan = [{ use = \"tool\" }]\n[slo.done]\nsuccess = \"1%\"\n\
         [alert.Silence]\nwhen.absence = { slo = \"done\", over = \"2m\" }\nseverity = \"sev2\"\nrunbook = \"look\"\n[runbook.look]\nrecovery = \"backlog < 9\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]\n";
    let record = rehearse(&plan(text), 1);
    let fired = at(&record, |event| matches!(event, Event::AlertFiring(_))).unwrap();
    let resolved = at(&record, |event| matches!(event, Event::AlertResolved(_))).unwrap();
    assert!((720..=735).contains(&fired) && (1200..=1216).contains(&resolved), "{fired} {resolved}");
}

#[test]
fn an_alert_on_spend_fires_above_its_line() {
    let text = "duration = \"30m\"\nbaseline = \"5m\"\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\nprice_per_call = \"$0.01\"\n[load]\narrivals.constant = \"1/s\"\ntiers = { standard = \"100%\" }\n[[load.phase]]\nat = \"10m\"\nrate = \"3/s\"\n[agents.a]\nplan = [{ use = \"tool\" }]\n[slo.done]\nsuccess = \"1%\"\n\
         [alert.Dear]\nwhen.spend = { per_minute = \"$1.20\", over = \"5m\" }\nseverity = \"sev2\"\nrunbook = \"look\"\n[runbook.look]\nrecovery = \"backlog < 9\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]\n";
    let record = rehearse(&plan(text), 1);
    // From $0.60 to $1.80 a minute: half of the window must be dear.
    let fired = at(&record, |event| matches!(event, Event::AlertFiring(_))).unwrap();
    assert!((750..=766).contains(&fired), "{fired}");
}

#[test]
fn an_inhibited_alert_fires_and_notifies_nobody() {
    let alert = |name: &str, more: &str| {
        format!(
            "[alert.{name}]\nwhen.threshold = {{ slo = \"done\", bad_above = \"50%\", over = \"1m\" }}\nseverity = \"sev2\"\nrunbook = \"look\"\n{more}\n"
        )
    };
    let look = "[runbook.look]\nrecovery = \"backlog < 9\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]\n";
    let record = run(&format!("{}{}{look}", alert("Loud", ""), alert("Quiet", "inhibited_by = [\"Loud\"]")));
    let count = |is_it: fn(usize) -> Event, alert| record.journal.count(|event| event == is_it(alert));
    assert_eq!((count(Event::AlertFiring, 0), count(Event::AlertFiring, 1)), (1, 1));
    assert_eq!((count(Event::Notified, 0), count(Event::Notified, 1)), (1, 0));
}

/// Health probes keep their own pace, however often alerts are evaluated.
#[test]
fn a_slow_but_answering_mock_answers_whatever_the_evaluation_interval() {
    let done = |over: &str| {
        let more = format!(
            "[alert.Failing]\nwhen.threshold = {{ slo = \"done\", bad_above = \"50%\", over = \"{over}\" }}\nseverity = \"sev2\"\nrunbook = \"look\"\n\
             [runbook.look]\nrecovery = \"backlog < 1000\"\nsteps = [{{ id = \"own\", owner = \"auto\", within = \"30m\", do.acknowledge = {{}}, when = \"third answers for 1m\" }}]\n"
        );
        let text = more
            .replace("[runbook", "[mocks.fourth]\nkind = \"tool\"\nservice = \"exponential(1s)\"\n[runbook")
            .replace("third answers", "fourth answers");
        at(&run(&text), |event| matches!(event, Event::StepDone { .. }))
    };
    let (even, odd) = (done("1m").unwrap(), done("61s").unwrap());
    assert!(even.abs_diff(odd) <= 30, "{even} {odd}");
}

/// A task whose budget is used up may still use what costs nothing.
#[test]
fn a_spent_budget_holds_back_only_what_costs() {
    let text = |last: &str| {
        format!(
            "duration = \"10m\"\nbaseline = \"1m\"\n[mocks.model]\nkind = \"model\"\nfirst_token = \"1ms\"\nper_token = \"1us\"\nprice = {{ in = \"$10\", out = \"$10\" }}\n[mocks.tool]\nkind = \"tool\"\nservice = \"1ms\"\n[load]\narrivals.constant = \"1/s\"\ntiers = {{ standard = \"100%\" }}\n[agents.a]\nplan = [{{ ask = \"model\", tokens = {{ in = \"900\", out = \"100\" }} }}, {last}]\n[slo.done]\nsuccess = \"1%\"\n[guard.tasks]\nbudget = {{ per_task = \"$0.01\" }}\n"
        )
    };
    let free = rehearse(&plan(&text("{ use = \"tool\" }")), 1);
    assert_eq!(free.tiers[1].of(Outcome::Failed), 0);
    let dear = rehearse(&plan(&text("{ ask = \"model\", tokens = { in = \"1\", out = \"1\" } }")), 1);
    assert_eq!(dear.tiers[1].of(Outcome::Done), 0);
    assert_eq!(dear.mocks[0].requests, dear.tiers[1].arrived);
}
