//! Rollouts: by steps, watched, and taken back, also when the way back is slow or fails.

use stormdrill::base::Span;
use stormdrill::engine::rehearse;
use stormdrill::record::{Event, Outcome, Record, RollbackReason};

use crate::plan;

const STEPS: &str = r#"[{ set-weight = "10%" }, { pause = "10m" }, { set-weight = "50%" }, { pause = "10m" }, { set-weight = "100%" }]"#;

/// A model and its successor, whose answers are wrong as often as said, and a rollout from 10m on.
fn drill(wrong: &str, rollout: &str, more: &str) -> Record {
    drill_with(wrong, rollout, more, 11)
}

fn drill_with(wrong: &str, rollout: &str, more: &str, seed: u64) -> Record {
    let fault = format!(
        "[[fault]]\nid = \"worse\"\non = \"new\"\nstart = \"10m\"\nduration = \"60m\"\ninject.quality-drop = {{ share = \"{wrong}\" }}\n"
    );
    let text = format!(
        r#"
duration = "80m"
baseline = "8m"
[mocks.old]
kind = "model"
first_token = "300ms"
per_token = "5ms"
[mocks.new]
kind = "model"
first_token = "300ms"
per_token = "5ms"
[load]
arrivals.constant = "5/s"
tiers = {{ standard = "100%" }}
[agents.a]
plan = [{{ ask = "old", tokens = {{ in = "100", out = "100" }}, times = "2" }}]
[slo.done]
success = "50%"
[evaluation.answers]
sample = "50%"
[evaluation.late]
sample = "50%"
delay = "3m"
[roster.boss]
day = {{ acknowledge = "2m", step = "1m" }}
[rollout.upgrade]
mock = "old"
to = "new"
start = "10m"
{rollout}
{more}{fault}"#
    );
    rehearse(&plan(&text), seed)
}

/// What the rollout did, as lines of minutes and words.
fn story(record: &Record) -> Vec<String> {
    let say = |event: Event| {
        if let Event::RolloutWeight { share, .. } = event {
            return Some(format!("{share}"));
        }
        if let Event::RollbackBegun { reason, .. } = event {
            return Some(format!("{reason:?}"));
        }
        let words = [
            (Event::RollbackFailed(0), "failed"),
            (Event::RolledBack(0), "back"),
            (Event::RolloutInconclusive(0), "stuck"),
            (Event::GatePassed(0), "agreed"),
            (Event::RolloutDone(0), "done"),
        ];
        words.iter().find(|known| known.0 == event).map(|known| known.1.to_owned())
    };
    let entries = record.journal.entries().iter();
    entries.filter_map(|entry| Some(format!("{} {}", entry.at, say(entry.event)?))).collect()
}

fn calls(record: &Record) -> (f64, f64) {
    // Mocks stand in the order of their names: new, old.
    (record.mocks[0].calls_ok as f64, record.mocks[1].calls_ok as f64)
}

#[test]
fn a_good_version_goes_out_by_its_steps_and_takes_its_share() {
    let rollout = format!(
        "steps = {STEPS}\nrollback = {{}}\ncanary = {{ evaluation = \"answers\" }}\nstop_loss = {{ evaluation = \"answers\", bad = 100 }}"
    );
    let record = drill("0%", &rollout, "");
    assert_eq!(story(&record), ["10:00 10%", "20:00 50%", "30:00 100%", "30:00 done"]);
    // 10 minutes at 10 %, 10 at half, 50 at all, of 80.
    let (new, old) = calls(&record);
    assert!((new / (new + old) - (1.0 + 5.0 + 50.0) / 80.0).abs() < 0.01, "{new} {old}");
    assert_eq!(record.left_behind, Vec::<String>::new());
}

#[test]
fn a_task_stays_with_its_version() {
    let rollout = "steps = [{ set-weight = \"50%\" }, { pause = \"60m\" }, { set-weight = \"100%\" }]\nrollback = {}\nstop_loss = { evaluation = \"answers\", bad = 100000 }";
    let record = drill("100%", rollout, "");
    let wrong = record.tiers[1].of(Outcome::Wrong) as f64;
    // Both questions go to the new version or none: half of the tasks are wrong, not three quarters.
    assert!((wrong / (5.0 * 3600.0) - 0.5).abs() < 0.02, "{wrong}");
}

#[test]
fn the_sequential_test_takes_a_worse_version_back() {
    let rollout =
        format!("steps = {STEPS}\nrollback = {{ takes = \"2m\" }}\ncanary = {{ evaluation = \"answers\" }}");
    let record = drill("30%", &rollout, "");
    let found = story(&record);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[1].ends_with(" Canary") && found[2].ends_with(" 0%") && found[3].ends_with(" back"));
    let of = |is: fn(Event) -> bool| record.journal.first(is).unwrap();
    let begun = of(|event| matches!(event, Event::RollbackBegun { .. }));
    let back = of(|event| matches!(event, Event::RolledBack(_)));
    assert_eq!(back.since(begun), Span::from_secs(120), "a slow way back takes its time");
    assert!(begun.seconds() < 20.0 * 60.0, "within the first step: {begun}");
}

#[test]
fn the_stop_loss_bounds_the_bad_judgements_whatever_a_test_says() {
    let rollout =
        format!("steps = {STEPS}\nrollback = {{}}\nstop_loss = {{ evaluation = \"answers\", bad = 20 }}\n");
    let record = drill("20%", &rollout, "");
    let stop = |event| matches!(event, Event::RollbackBegun { reason: RollbackReason::StopLoss, .. });
    assert!(record.journal.first(stop).is_some(), "{:?}", story(&record));
    assert!((20..30).contains(&record.judged[0].0), "{:?}", record.judged);
}

#[test]
fn an_analysis_fails_or_sees_too_little_and_never_passes_on_nothing() {
    let steps = |least: u64| {
        format!(
            "steps = [{{ set-weight = \"10%\" }}, {{ analysis = {{ evaluation = \"answers\", bad_above = \"10%\", interval = \"2m\", count = 3, judged_min = {least} }} }}, {{ set-weight = \"100%\" }}]\nrollback = {{}}\nstop_loss = {{ evaluation = \"answers\", bad = 1000 }}"
        )
    };
    assert_eq!(story(&drill("0%", &steps(10), ""))[1..], ["16:00 100%", "16:00 done"]);
    assert_eq!(story(&drill("50%", &steps(10), ""))[1..], ["12:00 Analysis", "12:00 0%", "12:00 back"]);
    let stuck = drill("0%", &steps(1000), "");
    assert_eq!(story(&stuck)[1..], ["12:00 stuck"]);
    assert_eq!(stuck.left_behind, ["rollout upgrade is half done, at 10%"]);
}

#[test]
fn a_gate_waits_for_somebody_and_for_evidence() {
    let steps = |when: &str| {
        format!(
            "steps = [{{ set-weight = \"10%\" }}, {{ gate = {{ owner = \"boss\"{when} }} }}, {{ set-weight = \"100%\" }}]\nrollback = {{}}\nstop_loss = {{ evaluation = \"answers\", bad = 100000 }}"
        )
    };
    assert_eq!(story(&drill("0%", &steps(""), ""))[1..], ["13:00 agreed", "13:00 100%", "13:00 done"]);
    let when = ", when = \"bad in answers < 2% over 10m\"";
    let waiting = drill("60%", &steps(when), "");
    // The fault is lifted after 70 minutes; it takes until bad judgements have left the window.
    let agreed = waiting.journal.first(|event| event == Event::GatePassed(0)).unwrap();
    assert!(agreed.seconds() > 70.0 * 60.0, "{agreed}");
}

#[test]
fn a_way_back_that_fails_is_tried_again() {
    let rollout = format!(
        "steps = {STEPS}\nrollback = {{ takes = \"1m\", fails = \"80%\" }}\ncanary = {{ evaluation = \"answers\" }}"
    );
    let mut failures = 0;
    for seed in 1..=20 {
        let found = story(&drill_with("40%", &rollout, "", seed));
        failures += found.iter().filter(|line| line.ends_with("failed")).count();
        assert!(found.last().unwrap().ends_with("back"), "seed {seed}: {found:?}");
    }
    // Geometric: four failures for each success, twenty times; 4 standard deviations are 80.
    assert!((20..160).contains(&failures), "{failures}");
}

#[test]
fn all_at_once_does_more_harm_than_by_steps() {
    let tests = "rollback = {}\nstop_loss = { evaluation = \"late\", bad = 10 }";
    let of = |steps: &str, seed| {
        let rollout = format!("steps = {STEPS}\n{steps}{tests}");
        drill_with("30%", &rollout, "", seed).tiers[1].of(Outcome::Wrong)
    };
    let sum = |steps: &str| (1..=5).map(|seed| of(steps, seed)).sum::<u64>();
    let (by_steps, at_once) = (sum(""), sum("at_once = true\n"));
    // Both end after as many bad judgements, but these come late: what is done meanwhile is ten times as much.
    assert!(at_once > 3 * by_steps, "{at_once} {by_steps}");
    let record = drill("30%", &format!("steps = {STEPS}\nat_once = true\n{tests}"), "");
    assert_eq!(story(&record)[0], "10:00 100%");
}

#[test]
fn a_runbook_holds_a_rollout_takes_it_back_and_lets_it_go_on() {
    let rollout =
        format!("steps = {STEPS}\nrollback = {{}}\nstop_loss = {{ evaluation = \"answers\", bad = 100000 }}");
    let book = |action: &str, more: &str| {
        format!(
            r#"
[alert.Worse]
when.compare = {{ evaluation = "answers", model = "new", with = "old" }}
severity = "sev2"
runbook = "look"
[runbook.look]
recovery = "backlog < 10000"
steps = [{{ id = "one", owner = "auto", within = "1m", do.{action} = {{ rollout = "upgrade" }} }}{more}]
"#
        )
    };
    let back = story(&drill("30%", &rollout, &book("roll-back", "")));
    assert!(back[1].ends_with("Runbook") && back.last().unwrap().ends_with("back"), "{back:?}");
    let held = drill("30%", &rollout, &book("hold-rollout", ""));
    assert_eq!(story(&held), ["10:00 10%"]);
    assert!(held.left_behind.contains(&"rollout upgrade is half done, at 10%".to_owned()));
    let undo = ", { id = \"two\", owner = \"boss\", within = \"1h\", do.undo = { steps = [\"one\"] } }";
    let resumed = story(&drill("30%", &rollout, &book("hold-rollout", undo)));
    assert!(resumed.last().unwrap().ends_with("done"), "{resumed:?}");
}

#[test]
fn a_rollout_of_weight_nothing_moves_no_draw() {
    let rollout = |weight: &str| {
        format!(
            "steps = [{{ set-weight = \"{weight}\" }}, {{ pause = \"75m\" }}, {{ set-weight = \"100%\" }}]\nrollback = {{}}\nstop_loss = {{ evaluation = \"answers\", bad = 1000 }}"
        )
    };
    let (none, nearly) = (drill("0%", &rollout("0%"), ""), drill("0%", &rollout("0.0000001%"), ""));
    assert_eq!((none.tiers, &none.mocks), (nearly.tiers, &nearly.mocks));
    assert_eq!(none.mocks[0].requests, 0);
    // One task more on the new version takes nothing from any other: both draw for themselves.
    let few = drill("0%", &rollout("1%"), "");
    assert!(few.mocks[0].requests > 0);
    assert_eq!(few.tiers, none.tiers);
}
