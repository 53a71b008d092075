//! Chance belongs to whom it happens to: a fault that does nothing and a guardrail that is taken
//! away move no other draw.

use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::record::Record;

use crate::plan;

const SYSTEM: &str = r#"
duration = "30m"
baseline = "5m"
[mocks.first]
kind = "tool"
service = "lognormal(200ms, 0.5)"
error_rate = "20%"
concurrency = 4
quota = { requests = "700/min" }
price_per_call = "$0.001"
[mocks.second]
kind = "model"
first_token = "gamma(300ms, 2)"
per_token = "5ms"
right = "90%"
price = { in = "$3", out = "$15" }
[load]
arrivals.gamma = { rate = "5/s", variation = "200%" }
tiers = { critical = "30%", standard = "50%", batch = "20%" }
# The last task ends before the drill does, so that none is cut off.
[[load.phase]]
at = "25m"
rate = "0/s"
[agents.a]
share = "60%"
plan = [
  { use = "first", times = "1..3", optional = true },
  { repeat = "0..2", steps = [{ branch = [{ chance = "50%", steps = [{ think = "exponential(1s)" }] }] }] },
  { ask = "second", tokens = { in = "lognormal(500, 0.3)", out = "lognormal(200, 0.3)" } },
]
[agents.b]
share = "40%"
plan = [{ use = "first", optional = true }, { hand_over = "c" }]
[agents.c]
share = "0%"
plan = [{ ask = "second", tokens = { in = "100", out = "50..150" } }]
[slo.done]
success = "10%"
"#;

const RETRY: &str = "[guard.first]\nretry = { attempts = 3, backoff = \"100ms\", jitter = \"50%\" }\n";

fn nothing(inject: &str) -> String {
    format!(
        "[[fault]]\nid = \"nothing\"\non = \"first\"\nstart = \"6m\"\nduration = \"20m\"\nramp = \"1m\"\ninject.{inject}\n"
    )
}

/// Everything of a record that a fault of dose zero may not change.
pub(crate) fn essence(record: &Record) -> String {
    let latencies = record.latencies.each_ref().map(|of| (of.len(), of.mean().to_bits(), of.max()));
    let Record { tiers, mocks, effects, spend, series, left_behind, provenance, .. } = record;
    format!(
        "{tiers:?} {mocks:?} {effects:?} {spend:?} {series:?} {latencies:?} {left_behind:?} {provenance:?}"
    )
}

#[test]
fn a_fault_of_dose_zero_changes_nothing() {
    let without = essence(&rehearse(&plan(&format!("{SYSTEM}{RETRY}")), 5));
    for inject in [
        "hang = { share = \"0%\" }",
        "latency = { share = \"0%\", add = \"5s\" }",
        "latency = { add = \"0s\" }",
        "error = { share = \"0%\" }",
        "reply-lost = { share = \"0%\" }",
        "capacity = { to = \"100%\" }",
        "rate-limit = { to = \"100%\" }",
        "token-inflation = { share = \"0%\", factor = \"300%\" }",
        "price = { factor = \"100%\" }",
    ] {
        let with = rehearse(&plan(&format!("{SYSTEM}{RETRY}{}", nothing(inject))), 5);
        assert_eq!(essence(&with), without, "{inject}");
        assert_eq!(with.witnesses[0].hits, 0, "{inject}");
    }
    for inject in [
        "quality-drop = { share = \"0%\" }",
        "corruption = { share = \"0%\" }",
        "tool-call-degrade = { share = \"0%\" }",
        "truncation = { share = \"0%\" }",
        "truncation = { share = \"0%\", to = \"0%\" }",
        "refusal = { share = \"0%\" }",
        "silent-swap = { tokens = \"100%\" }",
        "silent-swap = { share = \"0%\", tokens = \"300%\", latency = \"300%\" }",
        "reasoning-bloat = { factor = \"100%\" }",
        "reasoning-bloat = { share = \"0%\", factor = \"300%\" }",
        "cache-loss = { share = \"0%\" }",
    ] {
        let cached = SYSTEM.replace("out = \"$15\" }", "out = \"$15\", cached = \"$0.30\" }");
        let without = essence(&rehearse(&plan(&format!("{cached}{RETRY}")), 5));
        let fault = nothing(inject).replace("on = \"first\"", "on = \"second\"");
        let with = rehearse(&plan(&format!("{cached}{RETRY}{fault}")), 5);
        assert_eq!(essence(&with), without, "{inject}");
        assert_eq!(with.witnesses[0].hits, 0, "{inject}");
    }
}

#[test]
fn a_guardrail_taken_away_moves_no_draw_of_another_mock() {
    let without = rehearse(&plan(SYSTEM), 5);
    for guard in [
        RETRY,
        "[guard.first]\ntimeout = \"150ms\"\n",
        "[guard.first]\nbulkhead = { concurrent = 1 }\n",
        "[guard.first]\nbreaker = { window = \"30s\", calls_min = 5, open_above = \"20%\", probe_after = \"5s\" }\n",
    ] {
        let with = rehearse(&plan(&format!("{SYSTEM}{guard}")), 5);
        assert_ne!(with.mocks[0], without.mocks[0], "{guard}: it acts");
        // The model is asked as often, works as long, and costs as much, to the nanosecond and picodollar.
        assert_eq!(with.mocks[1].requests, without.mocks[1].requests, "{guard}");
        assert_eq!(with.mocks[1].busy_ns, without.mocks[1].busy_ns, "{guard}");
        assert_eq!(with.spend.by_mock[1], without.spend.by_mock[1], "{guard}");
        assert_eq!(with.tiers, without.tiers, "{guard}");
    }
}

#[test]
fn adding_a_mock_and_an_objective_moves_nothing() {
    let before = rehearse(&plan(SYSTEM), 9);
    let more = "[mocks.another]\nkind = \"tool\"\nservice = \"1s\"\n[slo.safe]\nsafety = \"99%\"\n";
    let after = rehearse(&plan(&format!("{SYSTEM}{more}")), 9);
    assert_eq!(before.tiers, after.tiers);
    assert_eq!(before.spend.total(), after.spend.total());
}

#[test]
fn the_same_seed_gives_the_same_record_and_another_seed_another() {
    let plan = plan(&format!("{SYSTEM}{RETRY}"));
    assert_eq!(essence(&rehearse(&plan, 1)), essence(&rehearse(&plan, 1)));
    assert_ne!(essence(&rehearse(&plan, 1)), essence(&rehearse(&plan, 2)));
}

#[test]
fn every_control_of_a_scenario_can_be_switched_off_alone() {
    let text = include_str!("../../scenarios/tool-timeout-backlog.toml");
    let library = crate::shipped::mocks();
    let loaded = stormdrill::scenario::load_text("scenarios/x.toml", text, &library);
    let whole = loaded.scenario.unwrap();
    let names = stormdrill::scenario::without::everything(&whole.file);
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let reduced = stormdrill::scenario::without::without(&whole, std::slice::from_ref(&name)).unwrap();
        assert_ne!(reduced, whole, "`{name}` is switched off");
        // It still compiles: nothing refers to what is gone.
        Plan::of(&reduced);
    }
    let unknown = stormdrill::scenario::without::without(&whole, &["guard.serach".into()]);
    assert_eq!(unknown.unwrap_err().0, "guard.serach");
}
