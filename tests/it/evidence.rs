//! Studies: what each control is worth, and that what is not run again would have been the same.

use stormdrill::ops;
use stormdrill::plan::Plan;
use stormdrill::scenario::without::without;
use stormdrill::study::ablate::{Worth, ablate};
use stormdrill::study::{self, Seeds};

use crate::shipped::scenarios;
use crate::{TOOL_AND_SPARE, scenario, whole};

/// A tool that fails for ten minutes, with a breaker and a fallback that save the day, a bulkhead that
/// is never full, and a shed that refuses good work.
fn guarded() -> stormdrill::scenario::Scenario {
    let text = format!(
        r#"{TOOL_AND_SPARE}
[guard.tool]
timeout = "1s"
breaker = {{ window = "30s", calls_min = 20, open_above = "50%", probe_after = "15s" }}
fallback = "spare"
bulkhead = {{ concurrent = 100, queue = 100 }}
[guard.tasks]
shed = {{ in_flight_above = 0, tiers = ["batch"] }}
[[fault]]
id = "down"
on = "tool"
start = "10m"
duration = "10m"
inject.hang = {{ share = "100%" }}
[alert.Down]
when.threshold = {{ signal = "call-errors", mock = "tool", bad_above = "20%", over = "1m" }}
severity = "sev2"
runbook = "r"
[runbook.r]
recovery = "tool answers for 2m"
steps = [{{ id = "own", owner = "auto", within = "10m", do.acknowledge = {{}} }}]
"#
    );
    let text = whole(&text)
        .replace("duration = \"60m\"", "duration = \"30m\"")
        .replace("constant", "poisson")
        .replace("tiers = { standard = \"100%\" }", "tiers = { standard = \"80%\", batch = \"20%\" }")
        .replace("cost_above", "detect = \"3m\"\nlost = { standard = \"2%\" }\ncost_above");
    scenario(&text)
}

#[test]
fn an_ablation_tells_what_is_needed_from_what_is_idle_and_what_does_harm() {
    let found = ablate(&guarded(), Seeds { first: 1, count: 60, threads: 0 }, false, || ()).unwrap();
    let worth = |name: &str| found.single.iter().find(|one| one.names == [name]).unwrap();
    assert_eq!(worth("guard.tool.fallback").worth, Worth::Needed);
    assert_eq!(worth("guard.tool.fallback").flips, (60, 0));
    assert_eq!(worth("Down").worth, Worth::Needed, "without it nobody is told");
    assert_eq!(worth("guard.tool.bulkhead").worth, Worth::Idle);
    assert_eq!(worth("guard.tool.bulkhead").acted, (0, None));
    assert_eq!(worth("guard.tool.breaker").worth, Worth::Helps, "{:?}", worth("guard.tool.breaker"));
    let shed = worth("guard.tasks.shed");
    assert_eq!((shed.worth, shed.acted_wrongly), (Worth::Harmful, 60), "{shed:?}");
}

/// Two breakers of which either suffices: neither is needed, and both together are.
#[test]
fn pairs_show_what_backs_up_what() {
    let text = format!(
        r#"{TOOL_AND_SPARE}
[mocks.third]
kind = "tool"
service = "20ms"
[guard.tool]
timeout = "1s"
fallback = ["spare"]
retry = {{ attempts = 20, backoff = "20ms", factor = "100%" }}
[[fault]]
id = "shaky"
on = "tool"
start = "10m"
duration = "10m"
inject.error = {{ share = "50%" }}
"#
    );
    let text = whole(&text)
        .replace("duration = \"60m\"", "duration = \"30m\"")
        .replace("cost_above", "lost = { standard = \"2%\" }\ncost_above");
    let found = ablate(&scenario(&text), Seeds { first: 1, count: 60, threads: 0 }, true, || ()).unwrap();
    assert!(found.single.iter().all(|one| one.worth != Worth::Needed), "{:?}", found.single);
    let pairs: Vec<_> = found.pairs.iter().map(|pair| pair.names.join(" + ")).collect();
    assert_eq!(pairs, ["guard.tool.retry + guard.tool.fallback"]);
}

/// `ablate` does not run again what cannot differ; here it is run, and does not.
#[test]
fn a_control_that_did_nothing_leaves_the_same_grade_when_it_is_taken_away() {
    let mut idle = 0;
    for scenario in scenarios() {
        let base = Plan::of(&scenario);
        let seeds = Seeds { first: 3, count: 1, threads: 0 };
        let found = ablate(&scenario, seeds, false, || ()).unwrap();
        let with = study::trial(&base, 3).card;
        for one in found.single.iter().filter(|one| one.worth == Worth::Idle) {
            let reduced = without(&scenario, &one.names).unwrap();
            let plan = Plan { tick: Some(ops::tick(&base)), ..Plan::of(&reduced) };
            assert_eq!(study::trial(&plan, 3).card, with, "{} without {:?}", scenario.path, one.names);
            idle += 1;
        }
    }
    assert!(idle > 40, "{idle}");
}
