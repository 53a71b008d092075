//! Runbooks taken up again, and what a review of that found: each bug has its test here.

use stormdrill::plan::Plan;
use stormdrill::record::{Event, Step};
use stormdrill::scenario::file::guards::TaskControl;
use stormdrill::study::ablate::{Worth, ablate};
use stormdrill::study::replay::replay;
use stormdrill::study::{self, Seeds, Trial};

use crate::kinds::{SYSTEM, fault};
use crate::{plan, scenario, whole};

/// A tool that is down from 10m to 18m and from 24m to 32m, and the steps of its runbook.
fn waves(steps: &str) -> Trial {
    let text = format!(
        r#"
duration = "60m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "20ms"
[load]
arrivals.constant = "10/s"
tiers = {{ standard = "80%", batch = "20%" }}
[agents.a]
plan = [{{ use = "tool" }}]
[slo.done]
success = "80%"
[[fault]]
id = "down"
on = "tool"
start = "10m"
duration = "8m"
inject.error = {{ share = "100%" }}
[[fault]]
id = "down-again"
on = "tool"
start = "24m"
duration = "8m"
inject.error = {{ share = "100%" }}
[alert.Down]
when.threshold = {{ signal = "call-errors", mock = "tool", bad_above = "20%", over = "1m" }}
group_interval = "1m"
severity = "sev2"
runbook = "r"
[runbook.r]
recovery = "tool answers for 10m"
steps = [{steps}]
[roster.first]
day = {{ acknowledge = "30s", step = "3m" }}
"#
    );
    study::trial(&Plan::of(&scenario(&whole(&text))), 1)
}

fn again(trial: &Trial) -> usize {
    trial.run.journal.count(|event| matches!(event, Event::RunbookAgain { .. }))
}

/// Automation that thaws as its first step was not called back, thawed on into the outage, and never
/// thawed what was frozen again.
#[test]
fn whoever_is_in_the_middle_of_a_first_step_begins_again_too() {
    let trial = waves(
        r#"
  { id = "freeze", owner = "first", within = "10m", do.freeze = { tiers = ["batch"] } },
  { id = "thaw", owner = "auto", within = "10m", do.thaw = { tiers = ["batch"], steps = ["20%", "50%", "100%"], hold = "2m" }, when = "tool answers for 3m", expect = "backlog < 1000" },
"#,
    );
    assert_eq!(again(&trial), 2);
    assert!(trial.run.left_behind.is_empty(), "{:?}", trial.run.left_behind);
}

/// An undo under way when the news came was finished in the middle of the outage, and nothing followed.
#[test]
fn nobody_takes_back_what_is_needed_again_while_it_is_being_said() {
    let trial = waves(
        r#"
  { id = "over", owner = "auto", within = "1m", do.freeze = { tiers = ["batch"] } },
  { id = "back", owner = "first", within = "10m", do.undo = { steps = ["over"] }, when = "tool answers for 4m" },
"#,
    );
    let done = |event| matches!(event, Event::StepDone { step: 1, .. });
    let undone = trial.run.journal.first(done).unwrap().seconds();
    assert!(undone > 36.0 * 60.0, "four minutes after the second wave, not within it: {undone}");
    assert!(trial.run.left_behind.is_empty(), "{:?}", trial.run.left_behind);
}

/// Automation that had paged somebody let that person do its steps in the second wave.
#[test]
fn automation_stays_automation_after_it_has_called_somebody() {
    let trial = waves(
        r#"
  { id = "over", owner = "auto", within = "1m", do.freeze = { tiers = ["batch"] } },
  { id = "call", owner = "auto", within = "5m", do.escalate = { to = "first" } },
  { id = "back", owner = "auto", within = "10m", do.undo = { steps = ["over"] }, when = "tool answers for 2m" },
"#,
    );
    assert_eq!(again(&trial), 1);
    let frozen: Vec<f64> = trial
        .run
        .journal
        .entries()
        .iter()
        .filter(|entry| matches!(entry.event, Event::StepDone { step: 0, is_late: false, .. }))
        .map(|entry| entry.at.seconds() / 60.0)
        .collect();
    assert!(frozen.len() == 2 && frozen[1] < 25.5, "at once in both waves: {frozen:?}");
}

/// A step that waited and then was not needed left the next one with a window that was over.
#[test]
fn a_step_behind_one_that_was_not_needed_is_not_called_late() {
    let trial = waves(
        r#"
  { id = "own", owner = "first", within = "10m", do.acknowledge = {} },
  { id = "look", owner = "first", within = "5m", do.diagnose = { find = "bottleneck" }, when = "tool answers for 2m", only_if = "alert Down quiet for 30m" },
  { id = "log", owner = "first", within = "4m", do.verify = {}, expect = "backlog < 1000" },
"#,
    );
    let skipped = |event| matches!(event, Event::StepSkipped { step: 1, .. });
    assert!(trial.run.journal.count(skipped) > 0);
    let late = |event| matches!(event, Event::StepDone { step: 2, is_late: true, .. });
    assert_eq!(trial.run.journal.count(late), 0);
}

/// A refusal counted only if the call was given up, and not if the deadline came first.
#[test]
fn an_effect_that_a_deadline_cuts_off_while_it_is_refused_was_wrongly_refused() {
    let run = |takes: &str| {
        let step_up = format!("step_up = {{ takes = \"{takes}\", approves = \"0%\", mistakes = \"0%\" }}");
        let system = SYSTEM.replace("[guard.tool]\n", &format!("[guard.tool]\n{step_up}\n"));
        let run = stormdrill::engine::rehearse(
            &plan(&format!("{system}{}", fault("scope-narrow", "tool", "{}"))),
            5,
        );
        run.effects.iter().map(|effects| effects.wrongly_refused).sum::<u64>()
    };
    let (soon, late) = (run("1s"), run("3m"));
    assert!(soon > 200 && late > 200, "{soon}, {late}");
}

const SPENDING: &str = r#"
duration = "30m"
baseline = "5m"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "1ms"
price = { in = "$3", out = "$15" }
[load]
arrivals.constant = "2/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ ask = "model", tokens = { in = "1000", out = "100" } }]
[slo.done]
success = "20%"
[guard.tasks]
velocity = { above = "$0.80", over = "1m", pause = "1m" }
[[fault]]
id = "dear"
on = "model"
start = "10m"
duration = "10m"
inject.token-inflation = { factor = "300%" }
"#;

/// The trace called every hold on spending a budget.
#[test]
fn a_trace_names_the_guardrail_that_acted() {
    let again = replay(&plan(SPENDING), None, 1);
    let named = |control| {
        let nodes = (0..again.tasks()).flat_map(|task| again.way(task));
        nodes.filter(|node| node.step == Step::TaskGuard(control)).count()
    };
    assert!(named(TaskControl::Velocity) > 100);
    assert_eq!(named(TaskControl::Budget), 0);
}

/// An alert and a fault of one name went together, and the alert was called harmful for it.
#[test]
fn an_alert_is_taken_away_without_the_fault_of_the_same_name() {
    let text = whole(&format!(
        r#"{SPENDING}
[alert.dear]
when.spend = {{ per_minute = "$0.90", over = "1m" }}
severity = "sev3"
runbook = "look"
[runbook.look]
recovery = "backlog < 1000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
"#
    ))
    .replace("velocity = { above = \"$0.80\", over = \"1m\", pause = \"1m\" }", "deadline = true")
    .replace("cost_above", "detect = \"5m\"\ncost_above");
    let found = ablate(&scenario(&text), Seeds { first: 1, count: 60, threads: 0 }, false, || ()).unwrap();
    let alert = found.single.iter().find(|one| one.names == ["dear"]).unwrap();
    assert_eq!(alert.worth, Worth::Needed, "{alert:?}");
}

/// Without a timeout of its own a call has that of the SDK, which is shorter than twenty minutes.
#[test]
fn a_timeout_longer_than_the_sdks_is_not_idle() {
    let text = whole(
        r#"
duration = "3h"
baseline = "60m"
[mocks.tool]
kind = "tool"
service = "11m..12m"
concurrency = 1000
[load]
arrivals.constant = "6/min"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "tool" }]
[slo.done]
success = "80%"
[guard.tool]
timeout = "20m"
[[fault]]
id = "slow"
on = "tool"
start = "70m"
duration = "20m"
inject.latency = { add = "30s" }
"#,
    );
    let found = ablate(&scenario(&text), Seeds { first: 1, count: 10, threads: 0 }, false, || ()).unwrap();
    let timeout = found.single.iter().find(|one| one.names == ["guard.tool.timeout"]).unwrap();
    assert_eq!(timeout.worth, Worth::Helps, "{timeout:?}");
    assert_eq!(timeout.flips, (10, 0), "without it the baseline does not hold");
}

/// That a run must be made again without a control does not mean that the control acted.
#[test]
fn a_control_of_a_rollout_that_never_acted_did_not_act_wrongly() {
    let rollout =
        crate::shipped::scenarios().into_iter().find(|of| of.path.ends_with("/fix-rollout-pressure.toml"));
    let found = ablate(&rollout.unwrap(), Seeds { first: 1, count: 2, threads: 0 }, false, || ()).unwrap();
    for name in ["rollout.mended-prompt.stop_loss", "rollout.mended-prompt.canary", "FixIsWorse"] {
        let one = found.single.iter().find(|one| one.names == [name]).unwrap();
        assert_eq!(one.acted_wrongly, 0, "{one:?}");
    }
}
