//! Process beside outcome: runbooks that branch, and people who forget, fail and confuse.

use stormdrill::grade::Process;
use stormdrill::plan::Plan;
use stormdrill::record::Event;
use stormdrill::study::{self, Trial};

use crate::{TOOL_AND_SPARE, scenario, whole};

/// A tool that fails for ten minutes, and a runbook of five steps by one person.
fn drill(slips: &str, second: &str) -> Vec<Trial> {
    let text = format!(
        r#"{TOOL_AND_SPARE}
[[fault]]
id = "down"
on = "tool"
start = "10m"
duration = "10m"
inject.error = {{ share = "100%" }}
[alert.Down]
when.threshold = {{ slo = "done", bad_above = "20%", over = "1m" }}
severity = "sev2"
runbook = "r"
[runbook.r]
recovery = "done holds for 2m"
steps = [
  {{ id = "one", owner = "first", within = "10m", do.acknowledge = {{}} }},
  {{ id = "two", owner = "first", within = "20m", do.degrade = {{ mock = "tool", to = "spare" }}{second} }},
  {{ id = "three", owner = "first", within = "20m", do.verify = {{}}, expect = "done holds for 1m" }},
  {{ id = "four", owner = "first", within = "20m", do.undo = {{ steps = ["two"] }}, when = "tool answers for 2m" }},
  {{ id = "five", owner = "first", within = "20m", do.declare-recovered = {{}} }},
]
[roster.first]
day = {{ acknowledge = "30s", step = "30s"{slips} }}
"#
    );
    let text =
        whole(&text).replace("cost_above = \"1000%\"", "process_missed = \"10%\"\ncost_above = \"1000%\"");
    let plan = Plan::of(&scenario(&text));
    (1..=60).map(|seed| study::trial(&plan, seed)).collect()
}

fn sum(trials: &[Trial], of: fn(&Process) -> u64) -> u64 {
    trials.iter().map(|trial| of(&trial.card.process)).sum()
}

fn is_met(trial: &Trial) -> bool {
    trial.card.targets.iter().any(|target| target.name == "process_missed" && target.is_met)
}

#[test]
fn a_runbook_done_as_it_is_written_has_nothing_missed() {
    let trials = drill("", "");
    assert_eq!(sum(&trials, |process| process.planned), 300);
    assert_eq!(sum(&trials, |process| process.good), 300, "{:?}", trials[0].card.process);
    assert!(trials.iter().all(is_met));
    let evidence = |event| matches!(event, Event::Declared { has_evidence: true, .. });
    assert!(trials.iter().all(|trial| trial.run.journal.count(evidence) == 1));
}

#[test]
fn steps_are_forgotten_fail_and_change_places_as_often_as_stated() {
    let forgetful = drill(", skips = \"20%\"", "");
    let forgotten = sum(&forgetful, |process| process.forgotten);
    assert!((40..=85).contains(&forgotten), "{forgotten} of 300");
    assert!(forgetful.iter().filter(|trial| !is_met(trial)).count() > 20);
    let clumsy = drill(", fails = \"30%\"", "");
    let failed = sum(&clumsy, |process| process.failed_attempts);
    // Owning up cannot fail; each of the others fails 0.3 / 0.7 times.
    assert!((70..=135).contains(&failed), "{failed} of 240 steps");
    assert_eq!(sum(&clumsy, |process| process.forgotten), 0);
    let confused = drill(", swaps = \"20%\"", "");
    let swapped = sum(&confused, |process| process.swapped);
    assert!((25..=70).contains(&swapped), "{swapped} of 240");
}

#[test]
fn a_step_that_is_not_needed_is_left_out_and_is_no_miss() {
    let trials = drill("", ", only_if = \"errors of spare < 0% over 1m\"");
    let planned = sum(&trials, |process| process.planned);
    assert_eq!(planned, 240, "the degrade was left out: the spare was never called");
    let skipped = |event| matches!(event, Event::StepSkipped { step: 1, is_forgotten: false, .. });
    assert!(trials.iter().all(|trial| trial.run.journal.count(skipped) == 1));
}

/// The outcome may be fine although the process was not, and the grade tells them apart.
#[test]
fn a_good_outcome_does_not_hide_a_bad_process() {
    let trials = drill(", skips = \"40%\"", "");
    let lucky = trials.iter().find(|trial| !is_met(trial) && trial.card.harm.tiers[1].lost < 7000);
    let lucky = &lucky.unwrap().card;
    assert!(lucky.process.good < lucky.process.planned);
    let outcome = lucky.targets.iter().find(|target| target.name == "cost_above").unwrap();
    assert!(outcome.is_met);
}

/// A tool that fails twice, with good times between that are shorter than the recovery criteria.
fn waves(second_start: &str) -> Trial {
    let text = format!(
        r#"{TOOL_AND_SPARE}
[[fault]]
id = "down"
on = "tool"
start = "10m"
duration = "5m"
inject.error = {{ share = "100%" }}
[[fault]]
id = "down-again"
on = "tool"
start = "{second_start}"
duration = "5m"
inject.error = {{ share = "100%" }}
[alert.Down]
when.threshold = {{ slo = "done", bad_above = "20%", over = "1m" }}
group_interval = "1m"
severity = "sev2"
runbook = "r"
[runbook.r]
recovery = "tool answers for 6m"
steps = [
  {{ id = "own", owner = "first", within = "10m", do.acknowledge = {{}} }},
  {{ id = "verify", owner = "first", within = "5m", do.verify = {{}}, expect = "backlog < 1000", when = "tool answers for 2m" }},
  {{ id = "log", owner = "first", within = "2m", do.verify = {{}}, expect = "backlog < 1000" }},
  {{ id = "over", owner = "auto", within = "1m", do.degrade = {{ mock = "tool", to = "spare" }} }},
  {{ id = "back", owner = "auto", within = "1m", do.undo = {{ steps = ["over"] }}, when = "tool answers for 2m" }},
]
[roster.first]
day = {{ acknowledge = "30s", step = "30s" }}
"#
    );
    study::trial(&Plan::of(&scenario(&whole(&text))), 1)
}

/// Automation that has taken back what it did does it again in the second wave, also while the
/// incident of the first is open.
#[test]
fn what_was_taken_back_is_done_again_when_the_alert_fires_anew() {
    let trial = waves("19m");
    let count = |is_it: fn(Event) -> bool| trial.run.journal.count(is_it);
    assert_eq!(count(|event| matches!(event, Event::IncidentOpened(_))), 1, "one incident");
    assert_eq!(count(|event| matches!(event, Event::RunbookAgain { .. })), 2, "by automation and by people");
    assert_eq!(count(|event| matches!(event, Event::StepDone { step: 3, .. })), 2, "over to the spare");
    assert_eq!(count(|event| matches!(event, Event::StepDone { step: 4, .. })), 2, "and back");
    assert_eq!(count(|event| matches!(event, Event::PageAnswered(_))), 1, "who is there is not paged");
    assert!(trial.run.left_behind.is_empty(), "{:?}", trial.run.left_behind);
    // Each wave costs the minute or so until the notification, not its five minutes.
    assert!(trial.card.harm.tiers[1].lost < 1600, "{}", trial.card.harm.tiers[1].lost);
    let process = trial.card.process;
    assert_eq!((process.planned, process.good), (10, 10), "{process:?}");
}

/// While nothing has been taken back there is nothing to do again.
#[test]
fn an_alert_that_fires_anew_while_all_is_in_force_changes_nothing() {
    let trial = waves("15m30s");
    let again = |event| matches!(event, Event::RunbookAgain { .. });
    assert_eq!(trial.run.journal.count(again), 0);
}

/// The step behind one that waits is due its window after that, not after the notification.
#[test]
fn a_step_behind_one_that_waits_is_not_called_late() {
    let trial = waves("55m");
    let late = |event| matches!(event, Event::StepDone { is_late: true, .. });
    assert_eq!(trial.run.journal.count(late), 0, "{:?}", trial.card.process);
    let done = |event| matches!(event, Event::StepDone { step: 2, .. });
    let logged = trial.run.journal.first(done).unwrap().seconds();
    assert!(logged > 17.0 * 60.0, "long after the notification: {logged}");
}
