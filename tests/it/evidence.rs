//! Studies: what each control is worth, and that what is not run again would have been the same.

use stormdrill::engine::{Fork, rehearse, rehearse_traced};
use stormdrill::grade::Verdict;
use stormdrill::ops;
use stormdrill::plan::Plan;
use stormdrill::record::{Done, Outcome, Record, Step, TierCounts};
use stormdrill::report::{otlp, story};
use stormdrill::scenario::edit;
use stormdrill::scenario::without::{switches, without};
use stormdrill::study::ablate::{Worth, ablate, is_fresh};
use stormdrill::study::margin::{Draft, of_dose};
use stormdrill::study::replay::replay;
use stormdrill::study::shrink::shrink;
use stormdrill::study::{self, Seeds, scale};

use crate::shipped::scenarios;
use crate::{TOOL_AND_SPARE, scenario, whole};

/// Returns a shipped scenario.
fn shipped(name: &str) -> stormdrill::scenario::Scenario {
    let is_it = |scenario: &stormdrill::scenario::Scenario| scenario.path.ends_with(&format!("/{name}.toml"));
    scenarios().into_iter().find(is_it).unwrap()
}

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
            let plan = Plan::reduced(&reduced, &base, ops::tick(&base));
            assert_eq!(study::trial(&plan, 3).card, with, "{} without {:?}", scenario.path, one.names);
            idle += 1;
        }
    }
    assert!(idle > 40, "{idle}");
}

/// What the trace of a run tells is what the run has counted.
#[test]
fn a_trace_counts_what_the_run_counts() {
    for scenario in scenarios() {
        let plan = Plan::of(&scenario);
        let traced = rehearse_traced(&plan, 5);
        let plain = rehearse(&plan, 5);
        let trace = traced.trace.as_ref().unwrap();
        assert!(!trace.is_cut && plain.trace.is_none());
        assert_eq!(
            (&traced.journal, &traced.tiers, traced.events),
            (&plain.journal, &plain.tiers, plain.events)
        );
        let count =
            |is_it: &dyn Fn(Step) -> bool| trace.nodes.iter().filter(|node| is_it(node.step)).count() as u64;
        for tier in 0..3 {
            let arrived = count(&|step| matches!(step, Step::Arrived { tier: of, .. } if of == tier));
            assert_eq!(arrived, plain.tiers[usize::from(tier)].arrived, "{}", scenario.path);
        }
        let all = |of: fn(&TierCounts) -> u64| plain.tiers.iter().map(of).sum::<u64>();
        for outcome in [Outcome::Done, Outcome::Wrong, Outcome::Late, Outcome::Failed, Outcome::Shed] {
            let told = count(&|step| step == Step::Outcome(outcome));
            assert_eq!(told, plain.tiers.iter().map(|tier| tier.of(outcome)).sum::<u64>(), "{outcome:?}");
        }
        assert_eq!(count(&|step| matches!(step, Step::Outcome(_))), all(TierCounts::ended));
        for (index, mock) in plain.mocks.iter().enumerate() {
            let is = |of: u8| usize::from(of) == index;
            let ok = count(&|step| matches!(step, Step::Ended { mock, is_ok: true, .. } if is(mock)));
            let bad = count(&|step| matches!(step, Step::Ended { mock, is_ok: false, .. } if is(mock)));
            assert_eq!((ok, bad), (mock.calls_ok, mock.calls_failed), "{} {index}", scenario.path);
            let effects = &plain.effects[index];
            let done = |which: Done| {
                count(&|step| matches!(step, Step::Effect { mock, done, .. } if is(mock) && done == which))
            };
            let told = (done(Done::First), done(Done::Duplicate), done(Done::Deduplicated));
            assert_eq!(
                told,
                (effects.first, effects.duplicate, effects.deduplicated),
                "{} {index}",
                scenario.path
            );
            let is_unsafe = |step| matches!(step, Step::Effect { mock, is_unsafe: true, .. } if is(mock));
            assert_eq!(count(&is_unsafe), effects.unsafe_acts);
        }
    }
}

/// The harm that a replay lists is the harm that the run was graded for.
#[test]
fn a_replay_lists_every_task_that_came_to_harm_and_where_it_parted() {
    let scenario = shipped("tool-timeout-backlog");
    let plan = Plan::of(&scenario);
    let again = replay(&plan, None, 4);
    assert_eq!(again.card, study::trial(&plan, 4).card);
    let listed: usize = again.harmed().iter().map(|group| group.tasks.len()).sum();
    // Some tasks are done in the run and not in the twin.
    let harmed: i64 = again
        .run
        .tiers
        .iter()
        .zip(&again.other.tiers)
        .map(|(run, twin)| twin.of(Outcome::Done) as i64 - run.of(Outcome::Done) as i64)
        .sum();
    assert!(listed as i64 >= harmed && listed as i64 <= harmed + 20, "{listed} listed, {harmed} fewer done");
    let before_onset = again.card.times.onset.unwrap();
    for (task, parting) in again.parted() {
        let at = [parting.run, parting.other].into_iter().flatten().map(|node| node.at).min().unwrap();
        assert!(at >= before_onset, "task {task} parted at {at}, before anything went wrong");
        assert_eq!(again.way(task)[..parting.after], again.other_way(task)[..parting.after]);
    }
    // The same plan on both sides: nothing parts.
    let same = replay(&plan, Some(&plan), 4);
    assert!(same.parted().is_empty() && same.harmed().is_empty());
}

#[test]
fn a_replay_finds_the_node_that_first_distorted_the_shared_state_in_every_seed() {
    let scenario = shipped("agents-disagree");
    let plan = Plan::of(&scenario);
    let seeds = Seeds { first: 1, count: 100, threads: 0 };
    let found = study::for_each_seed(seeds, |seed| {
        let origin = replay(&plan, None, seed).origin().unwrap();
        let mock = origin.mock.map(|mock| plan.mocks[usize::from(mock)].name.clone());
        let fault = origin.fault.map(|fault| plan.faults[usize::from(fault)].id.clone());
        (mock, fault)
    });
    for (index, (mock, fault)) in found.unwrap().into_iter().enumerate() {
        assert_eq!(mock.as_deref(), Some("bus"), "seed {}", index + 1);
        assert_eq!(fault.as_deref(), Some("hand-overs-cut"), "seed {}", index + 1);
    }
}

/// Every line is JSON, and every span but the first has its parent in the same trace, begun before it.
#[test]
fn the_lines_of_a_replay_are_json_and_its_spans_a_tree() {
    let scenario = shipped("agents-disagree");
    let plan = Plan::of(&scenario);
    let again = replay(&plan, None, 2);
    let tasks: Vec<u32> = again.harmed().into_iter().flat_map(|group| group.tasks).collect();
    let lines = story::json_lines(&plan, &again, "twin", &tasks);
    let nodes: usize = tasks.iter().map(|task| again.way(*task).len() + again.other_way(*task).len()).sum();
    assert_eq!(lines.lines().count(), nodes);
    for line in lines.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["event"].is_string() && value["at_s"].is_number(), "{line}");
    }
    let text = otlp::lines(&plan, &again, "twin", &tasks);
    assert_eq!(text, otlp::lines(&plan, &again, "twin", &tasks), "the same bytes");
    assert_eq!(text.lines().count(), 2 * tasks.len());
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let spans = value["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
        let nanos = |span: &serde_json::Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        let roots = spans.iter().filter(|span| span["parentSpanId"].is_null()).count();
        assert_eq!(roots, 1);
        for span in spans {
            assert_eq!(span["traceId"], spans[0]["traceId"]);
            assert!(nanos(span, "startTimeUnixNano") <= nanos(span, "endTimeUnixNano"));
            let parent = spans.iter().find(|other| other["spanId"] == span["parentSpanId"]);
            assert!(
                parent.is_none_or(
                    |parent| nanos(parent, "startTimeUnixNano") <= nanos(span, "startTimeUnixNano")
                )
            );
            assert!(parent.is_some() || span["parentSpanId"].is_null(), "{span}");
        }
    }
}

/// A failing seed made smaller fails in the same way, and is not made smaller than that.
#[test]
fn a_failing_scenario_shrinks_to_one_that_still_fails_in_the_same_way() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/compound-storm.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let library = crate::shipped::mocks();
    let strict = edit::set(&text, "targets.contain.within", "30s").unwrap();
    let draft = Draft { path: "scenarios/compound-storm.toml", text: strict, library: &library };
    let shrunk = shrink(&draft, 3).unwrap();
    assert_eq!(shrunk.missed, "contain");
    assert_eq!(edit::names(&shrunk.text, "fault").len(), 1, "{:?}", shrunk.steps);
    assert!(shrunk.runs < 200, "{}", shrunk.runs);
    let small = Draft { text: shrunk.text.clone(), ..draft };
    let scenario = small.with(&[]).unwrap();
    let card = study::trial(&Plan::of(&scenario), 3).card;
    assert!(card.targets.iter().any(|target| target.name == "contain" && !target.is_met));
    // It is as small as it gets.
    assert_eq!(shrink(&small, 3).unwrap().text, shrunk.text);
    assert!(shrink(&Draft { text, ..small }, 3).is_none(), "a seed that passes has nothing to shrink");
}

/// A tool whose capacity falls: what is left must carry ten calls a second of 300 ms, so it breaks below
/// three of ten slots, and that is where the margin must find it.
#[test]
fn a_margin_finds_the_break_point_that_queueing_theory_says() {
    let text = whole(
        r#"
duration = "40m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "300ms"
concurrency = 100
queue = 10000
[load]
arrivals.poisson = "100/s"
tiers = { standard = "100%" }
[agents.a]
deadline = "5s"
plan = [{ use = "tool" }]
[slo.done]
success = "90%"
[[fault]]
id = "squeezed"
on = "tool"
start = "6m"
duration = "25m"
inject.capacity = { to = "80%" }
"#,
    )
    .replace("cost_above", "contain = { within = \"1m\", harm_below = \"2%\" }\ncost_above");
    let library = crate::shipped::mocks();
    let draft = Draft { path: "scenarios/test.toml", text, library: &library };
    let scale = scale::of_fault(&draft.text, "squeezed", None, None).unwrap();
    let margin = of_dose(&draft, &[], &scale, Seeds { first: 1, count: 80, threads: 0 }).unwrap();
    let percent =
        |text: &Option<String>| text.as_ref().unwrap().trim_end_matches('%').parse::<f64>().unwrap();
    // 100/s of 0.3 s are 30 erlang: 30 slots of 100 never catch up, 33 do.
    let (holds, breaks) = (percent(&margin.holds_to), percent(&margin.breaks_at));
    assert!((29.0..34.0).contains(&holds) && (28.0..=31.0).contains(&breaks) && breaks < holds, "{margin:?}");
    assert_eq!(margin.found.contradictions.0, 0);
    assert!(margin.found.runs < 900, "{}", margin.found.runs);
}

#[test]
fn seeds_stop_when_the_verdict_is_settled_and_not_before() {
    let plan = Plan::of(&guarded());
    let keep = |trial: study::Trial| ((), trial.card);
    let most = Seeds { first: 1, count: 500, threads: 0 };
    let (_, judged) = study::until_settled(&plan, most, keep, || ()).unwrap();
    assert_eq!((judged.verdict, judged.runs), (Verdict::Pass, 80), "65 would do; one looks every 20");
    let bad = Plan::of(&without(&guarded(), &["guard.tool.fallback".to_owned()]).unwrap());
    let (_, judged) = study::until_settled(&bad, most, keep, || ()).unwrap();
    assert_eq!((judged.verdict, judged.runs), (Verdict::Fail, 20));
    let few = Seeds { count: 30, ..most };
    let (kept, judged) = study::until_settled(&plan, few, keep, || ()).unwrap();
    assert_eq!((judged.verdict, kept.len()), (Verdict::Inconclusive, 30));
}

/// Everything that is kept of a run, as text.
fn told(record: &Record) -> String {
    let Record { journal, series, tiers, latencies, mocks, effects, acts, spend, judged, .. } = record;
    let one = format!("{journal:?}{series:?}{tiers:?}{mocks:?}{effects:?}{acts:?}{spend:?}{judged:?}");
    let latencies: Vec<(u64, u64)> =
        latencies.iter().map(|all| (all.len(), all.value_at_quantile(0.9))).collect();
    let Record { provenance, witnesses, in_flight, last_window, left_behind, baseline, events, .. } = record;
    let rest = format!(
        "{provenance:?}{witnesses:?}{in_flight:?}{last_window:?}{left_behind:?}{baseline:?}{events:?}"
    );
    format!("{one}{latencies:?}{rest}")
}

/// A run that is held before the first fault and goes on is the run itself; without the faults it is the
/// twin, and without a control that had not acted yet, the run without that control.
#[test]
fn what_goes_on_from_before_the_fault_is_what_would_have_been_from_the_beginning() {
    let mut reduced_runs = 0;
    for scenario in scenarios() {
        let base = Plan::of(&scenario);
        let twin = base.twin();
        let fork = Fork::new(&base, 8);
        let run = rehearse(&base, 8);
        assert_eq!(told(&fork.finish()), told(&run), "{}", scenario.path);
        assert_eq!(told(&fork.finish_twin(&twin)), told(&rehearse(&twin, 8)), "{}", scenario.path);
        for switch in switches(&scenario.file) {
            if !is_fresh(&base, &switch, &run, &fork) {
                continue;
            }
            let less = without(&scenario, &[switch.name()]).unwrap();
            let plan = Plan::reduced(&less, &base, ops::tick(&base));
            if plan.faults.len() == base.faults.len() {
                let (went_on, anew) = (fork.finish_reduced(&plan), rehearse(&plan, 8));
                assert_eq!(told(&went_on), told(&anew), "{} without {}", scenario.path, switch.name());
                reduced_runs += 1;
            }
        }
    }
    assert!(reduced_runs >= 120, "{reduced_runs}");
}
