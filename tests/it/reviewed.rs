//! Bugs that were found once, each with the smallest scenario that showed it.

use stormdrill::engine::rehearse;
use stormdrill::grade::RunVerdict;
use stormdrill::plan::Plan;
use stormdrill::record::{Baseline, Event, Outcome};
use stormdrill::scenario::without::without;
use stormdrill::study;

use crate::{TOOL_AND_SPARE, plan, scenario, whole};

/// A tool under even load that fails between two minutes, watched by one alert.
fn failing(from: u64, minutes: u64, more: &str) -> String {
    format!(
        r#"{TOOL_AND_SPARE}
[roster.first]
day = {{ acknowledge = "exponential(1m)", step = "exponential(1m)" }}
[[fault]]
id = "down"
on = "tool"
start = "{from}m"
duration = "{minutes}m"
inject.error = {{ share = "100%" }}
{more}
"#
    )
}

const ALERT: &str = "[alert.Failing]\nwhen.threshold = { slo = \"done\", bad_above = \"50%\", over = \"1m\" }\nseverity = \"sev2\"\nrunbook = \"long\"\n";

#[test]
fn a_second_shorter_runbook_does_not_confuse_the_first() {
    let text = failing(
        10,
        5,
        &format!(
            "{ALERT}[runbook.long]\nrecovery = \"backlog < 9\"\nsteps = [\n\
             {{ id = \"one\", owner = \"auto\", within = \"1m\", do.acknowledge = {{}} }},\n\
             {{ id = \"two\", owner = \"auto\", within = \"1m\", do.update = {{}}, when = \"tool answers for 1m\" }},\n]\n\
             [alert.Other]\nwhen.threshold = {{ signal = \"backlog\", above = 100000 }}\nseverity = \"sev3\"\nrunbook = \"short\"\n\
             [runbook.short]\nrecovery = \"backlog < 9\"\nsteps = [{{ id = \"one\", owner = \"auto\", within = \"1m\", do.acknowledge = {{}} }}]\n"
        ),
    );
    let record = rehearse(&plan(&text), 1);
    assert_eq!(record.journal.count(|event| matches!(event, Event::IncidentClosed(_))), 1);
}

#[test]
fn an_old_answer_does_not_stand_for_a_mock_that_has_failed_again() {
    let second = "[[fault]]\nid = \"again\"\non = \"tool\"\nstart = \"30m\"\nduration = \"15m\"\ninject.error = { share = \"100%\" }\n";
    let runbook = "[runbook.long]\nrecovery = \"done holds for 1m\"\nsteps = [\
         { id = \"restore\", owner = \"auto\", within = \"60m\", do.update = {}, when = \"tool answers for 1m\" }]\n";
    let record = rehearse(&plan(&failing(10, 5, &format!("{second}{ALERT}{runbook}"))), 1);
    let done: Vec<u64> = record
        .journal
        .entries()
        .iter()
        .filter(|entry| matches!(entry.event, Event::StepDone { .. }))
        .map(|entry| entry.at.0 / 60_000_000_000)
        .collect();
    assert_eq!(done, [16, 46], "each time a minute after the fault was over");
}

#[test]
fn a_recovery_that_waits_for_an_answer_is_probed() {
    let runbook = "[runbook.long]\nrecovery = \"tool answers for 1m\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]\n";
    let record = rehearse(&plan(&failing(10, 5, &format!("{ALERT}{runbook}"))), 1);
    let closed = record.journal.first(|event| matches!(event, Event::IncidentClosed(_))).unwrap();
    assert_eq!(closed.0 / 60_000_000_000, 16);
}

#[test]
fn an_alert_that_fired_and_resolved_within_the_baseline_breaks_it() {
    // A burst of load that is over before the baseline is.
    let text = r#"
duration = "20m"
baseline = "10m"
[mocks.tool]
kind = "tool"
service = "20ms"
[load]
arrivals.constant = "200/s"
tiers = { standard = "100%" }
[[load.phase]]
at = "1m"
rate = "10/s"
[agents.a]
plan = [{ use = "tool" }, { think = "1s" }]
[slo.done]
success = "90%"
[alert.Busy]
when.threshold = { signal = "backlog", above = 100 }
severity = "sev2"
runbook = "look"
[runbook.look]
recovery = "backlog < 50"
steps = [{ id = "own", owner = "auto", within = "1m", do.acknowledge = {} }]
"#;
    let record = rehearse(&plan(text), 1);
    assert!(
        matches!(&record.baseline, Baseline::Broken(why) if why[0].contains("Busy")),
        "{:?}",
        record.baseline
    );
}

#[test]
fn a_fault_may_have_any_name_without_sharing_a_draw() {
    let lost = |id: &str| {
        let text = failing(10, 30, "")
            .replace("id = \"down\"", &format!("id = \"{id}\""))
            .replace("share = \"100%\"", "share = \"20%\"");
        let text = text
            .replace("[mocks.spare]", "error_rate = \"20%\"\n[mocks.spare]")
            .replace("\"90%\"", "\"10%\"");
        let plan = plan(&text);
        let trial = study::trial(&plan, 1);
        trial.card.harm.tiers[1].lost
    };
    // Of 18,000 calls 20 % meet the fault, and four fifths of these would have been answered well.
    for id in ["error", "right", "tenant", "some-other-name"] {
        assert!((2700..3060).contains(&lost(id)), "{id}: {}", lost(id));
    }
}

#[test]
fn a_fallback_draws_the_same_whether_the_call_was_retried_before_or_not() {
    let text = failing(
        10,
        30,
        "[guard.tool]\nretry = { attempts = 3, backoff = \"100ms\" }\nfallback = \"spare\"\n",
    )
    .replace(
        "[mocks.spare]\nkind = \"tool\"\nservice = \"20ms\"",
        "[mocks.spare]\nkind = \"tool\"\nservice = \"20ms\"\nright = \"80%\"",
    );
    let whole = scenario(&whole(&text));
    let reduced = without(&whole, &["guard.tool.retry".into()]).unwrap();
    let wrong = |scenario| rehearse(&Plan::of(scenario), 1).tiers[1].of(Outcome::Wrong);
    assert!(wrong(&whole) > 3000);
    assert_eq!(wrong(&whole), wrong(&reduced));
}

#[test]
fn taking_a_step_away_does_not_redraw_the_people_who_do_the_others() {
    let runbook = "[runbook.long]\nrecovery = \"done holds for 1m\"\nsteps = [\n\
         { id = \"degrade\", owner = \"auto\", within = \"1m\", do.degrade = { mock = \"tool\", to = \"spare\" } },\n\
         { id = \"own\", owner = \"first\", within = \"9m\", do.acknowledge = {} },\n\
         { id = \"tell\", owner = \"first\", within = \"9m\", do.update = {} }]\n";
    let whole = scenario(&whole(&failing(10, 20, &format!("{ALERT}{runbook}"))));
    let reduced = without(&whole, &["degrade".into()]).unwrap();
    let times = |scenario| {
        let record = rehearse(&Plan::of(scenario), 3);
        let at = |is_it: fn(Event) -> bool| record.journal.first(is_it);
        (
            at(|event| matches!(event, Event::Acknowledged { .. })),
            at(|event| matches!(event, Event::Updated(_))),
        )
    };
    assert!(times(&whole).0.is_some() && times(&whole).1.is_some());
    assert_eq!(times(&whole), times(&reduced));
}

#[test]
fn a_thaw_whose_expectation_is_not_met_gives_up_and_lets_the_next_step_come() {
    let runbook = "[runbook.long]\nrecovery = \"done holds for 1m\"\nsteps = [\n\
         { id = \"freeze\", owner = \"auto\", within = \"1m\", do.throttle = { tiers = [\"standard\"], to = \"50%\" } },\n\
         { id = \"thaw\", owner = \"auto\", within = \"2m\", do.thaw = { tiers = [\"standard\"], steps = [\"60%\", \"100%\"] }, expect = \"done holds for 1m\" },\n\
         { id = \"tell\", owner = \"auto\", within = \"9m\", do.update = {} }]\n";
    let record = rehearse(&plan(&failing(10, 20, &format!("{ALERT}{runbook}"))), 1);
    assert_eq!(
        record.journal.count(|event| matches!(event, Event::StepObserved { step: 1, is_seen: false, .. })),
        1
    );
    assert_eq!(record.journal.count(|event| matches!(event, Event::Updated(_))), 1);
    assert!(record.left_behind.iter().any(|left| left.contains("tier standard")), "{:?}", record.left_behind);
}

#[test]
fn an_effect_repeated_by_another_mock_is_a_duplicate_whatever_its_keys() {
    let text = failing(10, 20, "[guard.tool]\ntimeout = \"1s\"\nfallback = \"spare\"\nidempotency_keys = true\n[guard.spare]\nidempotency_keys = true\n")
        .replace("inject.error = { share = \"100%\" }", "inject.reply-lost = { share = \"20%\" }")
        .replace("{ use = \"tool\" }", "{ use = \"tool\", effect = \"write\" }");
    let record = rehearse(&plan(&text), 1);
    assert!(
        record.effects.iter().map(|effects| effects.duplicate).sum::<u64>() > 1000,
        "{:?}",
        record.effects
    );
}

#[test]
fn a_task_pays_for_the_attempts_that_it_gave_up() {
    let text = r#"
duration = "10m"
baseline = "1m"
[mocks.model]
kind = "model"
first_token = "5s"
per_token = "1ms"
price = { in = "$10", out = "$10" }
[load]
arrivals.constant = "1/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ ask = "model", tokens = { in = "900", out = "100" } }, { think = "10s" }]
[guard.model]
timeout = "4s"
retry = { attempts = 3, backoff = "2s" }
[guard.tasks]
budget = { per_task = "$0.015" }
[slo.done]
success = "1%"
"#;
    let record = rehearse(&plan(text), 1);
    // A cent an attempt, each answered after the client has gone: the third attempt comes after two cents.
    let per_task = record.mocks[0].requests as f64 / record.tiers[1].arrived as f64;
    assert!((1.9..2.1).contains(&per_task), "{per_task}");
}

#[test]
fn mocks_that_stand_in_for_each_other_in_a_circle_do_not_retry_for_ever() {
    let runbook = "[runbook.long]\nrecovery = \"done holds for 1m\"\nsteps = [\n\
         { id = \"a\", owner = \"auto\", within = \"1m\", do.degrade = { mock = \"tool\", to = \"spare\" } },\n\
         { id = \"b\", owner = \"auto\", within = \"1m\", do.degrade = { mock = \"spare\", to = \"third\" } },\n\
         { id = \"c\", owner = \"auto\", within = \"1m\", do.degrade = { mock = \"third\", to = \"tool\" } }]\n\
         [mocks.third]\nkind = \"tool\"\nservice = \"1ms\"\n\
         [guard.tool]\nretry = { attempts = 3, backoff = \"0s\" }\n[guard.spare]\nretry = { attempts = 3, backoff = \"0s\" }\n";
    let record = rehearse(&plan(&failing(10, 20, &format!("{ALERT}{runbook}"))), 1);
    assert!(record.events < 1_000_000);
}

#[test]
fn a_plan_that_goes_round_without_end_fails_its_task() {
    let text = failing(10, 5, "").replace(
        "plan = [{ use = \"tool\" }]",
        "plan = [{ repeat = 1000, steps = [{ repeat = 1000, steps = [{ branch = [] }] }] }]",
    );
    let text = text.replace("\"10/s\"", "\"1/min\"").replace("[[fault]]", "[[fault]]\n# nobody calls it");
    let record = rehearse(&plan(&text), 1);
    assert!(record.tiers[1].arrived > 50);
    assert_eq!(record.tiers[1].of(Outcome::Failed), record.tiers[1].arrived);
}

#[test]
fn a_baseline_shorter_than_a_bucket_of_the_series_is_judged_all_the_same() {
    let text = failing(10, 5, "")
        .replace("\"60m\"", "\"13d\"")
        .replace("\"10/s\"", "\"1/s\"")
        .replace("\"5m\"\n[mocks", "\"4m\"\n[mocks");
    let plan = plan(&text);
    assert!(plan.end.seconds() > 1e6);
    assert_eq!(rehearse(&plan, 1).baseline, Baseline::Held);
}

#[test]
fn an_unsafe_task_that_failed_is_not_fast() {
    let text = r#"
duration = "10m"
baseline = "1m"
[mocks.pay]
kind = "tool"
service = "10ms"
permission = "pay"
enforces_permission = false
[mocks.broken]
kind = "tool"
service = "10ms"
error_rate = "100%"
[load]
arrivals.constant = "1/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "pay", effect = "pay" }, { use = "broken" }]
[slo.fast]
latency = { share = "1%", below = "1s" }
"#;
    let record = rehearse(&plan(text), 1);
    let (good, all) = record.series.objective(0, 0, record.series.tiers.len());
    assert!(all > 500);
    assert_eq!((good, all), (0, record.tiers[1].of(Outcome::Unsafe)));
}

#[test]
fn a_count_between_one_and_three_tokens_is_two_on_average() {
    let text = r#"
duration = "2h"
baseline = "1m"
[mocks.model]
kind = "model"
first_token = "1ms"
per_token = "1us"
price = { in = "$0", out = "$1" }
[load]
arrivals.constant = "5/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ ask = "model", tokens = { in = "0", out = "1..3" } }]
[slo.done]
success = "1%"
"#;
    let record = rehearse(&plan(text), 1);
    // One micro-dollar a token.
    let tokens = record.spend.total() as f64 / 1e6 / record.mocks[0].completed as f64;
    assert!((1.97..2.03).contains(&tokens), "{tokens}");
}

#[test]
fn calls_beyond_what_a_run_can_hold_make_it_invalid_and_not_crash() {
    let text = r#"
duration = "2m"
baseline = "5s"
[mocks.tool]
kind = "tool"
service = "1d"
[load]
arrivals.constant = "20000/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "tool" }]
[guard.tool]
timeout = "1ms"
[slo.done]
success = "1%"
[[fault]]
id = "any"
on = "tool"
start = "60s"
duration = "10s"
inject.latency = { add = "1s" }
"#;
    let trial = study::trial(&plan(text), 1);
    assert_eq!(trial.card.verdict, RunVerdict::Invalid);
}

/// A task that only takes longer was once counted as lost in the window in which its twin had ended.
#[test]
fn tasks_that_are_only_slower_are_no_harm_to_contain() {
    let text = r#"
version = 1
title = "Slower, and nothing lost"
duration = "40m"
baseline = "5m"
[mocks.m]
kind = "tool"
service = "100ms"
[load]
arrivals.poisson = "3/s"
tiers = { critical = "100%" }
[agents.a]
deadline = "60s"
plan = [{ use = "m" }]
[[fault]]
id = "slow"
on = "m"
start = "6m"
duration = "30m"
inject.latency = { add = "lognormal(6s, 0.5)" }
[slo.done]
success = "95%"
[targets]
contain = { within = "1m", harm_below = "1%", sustained_for = "2m" }
lost = { critical = "1%" }
cost_above = "1%"
"#;
    let plan = Plan::of(&scenario(text));
    for seed in 1..20 {
        let card = study::trial(&plan, seed).card;
        assert_eq!(card.times.contain, card.times.onset, "seed {seed}: {:?}", card.because);
    }
}

/// A task refused at the door once counted as one that cost little.
#[test]
fn a_task_refused_at_the_door_is_no_cheap_task() {
    let text = failing(
        10,
        10,
        "[slo.cheap]\ncost = { share = \"90%\", below = \"$1\" }\n[guard.tasks]\nshed = { in_flight_above = 0, tiers = [\"standard\"] }",
    );
    let run = rehearse(&plan(&text.replace("20ms", "200ms")), 1);
    let (arrived, shed) = (run.tiers[1].arrived, run.tiers[1].of(Outcome::Shed));
    assert!(shed > 100, "{shed}");
    let buckets = run.series.tiers.len();
    let (_, counted) = run.series.objective(0, 0, buckets);
    assert!(counted <= arrived - shed, "{counted} of {arrived}, {shed} refused");
}

/// Of two runbooks that hold the same tier down, the last one to speak once had its way.
#[test]
fn the_tightest_of_several_runbooks_that_hold_a_tier_counts() {
    let runbook = |name: &str, to: &str, more: &str| {
        format!(
            r#"
[alert.{name}]
when.threshold = {{ slo = "done", bad_above = "5%", over = "1m" }}
severity = "sev2"
runbook = "{name}"
[runbook.{name}]
recovery = "done holds for 1m"
steps = [
  {{ id = "hold", owner = "auto", within = "1m", do.throttle = {{ tiers = ["standard"], to = "{to}" }} }},
  {more}
  {{ id = "free", owner = "auto", within = "1m", do.undo = {{ steps = ["hold"] }}, when = "backlog falling for 6h" }},
]
"#
        )
    };
    let at_once = "{ id = \"undo\", owner = \"auto\", within = \"1m\", do.undo = { steps = [\"hold\"] } },";
    let text = failing(10, 45, &(runbook("a", "10%", "") + &runbook("b", "50%", at_once)));
    let run = rehearse(&plan(&text), 1);
    assert!(run.left_behind.iter().any(|left| left.contains("admits only 10%")), "{:?}", run.left_behind);
}

/// The saboteur once refused every task as soon as one fault had been met, so that no later one was,
/// and the drill was called not exposed.
#[test]
fn the_saboteur_of_two_faults_meets_both() {
    let second = "[[fault]]\nid = \"again\"\non = \"tool\"\nstart = \"30m\"\nduration = \"10m\"\ninject.error = { share = \"100%\" }";
    let plan = plan(&failing(10, 10, second)).sabotaged();
    let card = study::trial(&plan, 1).card;
    assert_ne!(card.verdict, RunVerdict::NotExposed, "{:?}", card.because);
}

/// Only the first fault was once timed for detection: a later one could go unseen for long.
#[test]
fn a_later_fault_is_timed_too_and_the_longest_detection_counts() {
    let second = "[[fault]]\nid = \"again\"\non = \"tool\"\nstart = \"35m\"\nduration = \"15m\"\ninject.hang = { share = \"8%\", hold = \"10s\" }\n[alert.Down]\nwhen.threshold = { slo = \"done\", bad_above = \"50%\", over = \"1m\" }\nseverity = \"sev2\"\nrunbook = \"r\"\n[runbook.r]\nrecovery = \"done holds for 1m\"\nsteps = [{ id = \"own\", owner = \"auto\", within = \"1m\", do.acknowledge = {} }]";
    let text = failing(10, 10, second);
    let slow = "[alert.Slow]\nwhen.threshold = { signal = \"backlog\", above = 2 }\nfor = \"4m\"\nseverity = \"sev3\"\nrunbook = \"r\"\n";
    let times = |text: &str| study::trial(&plan(text), 1).card.times;
    let unseen = times(&text);
    assert_eq!(unseen.detect, None, "nobody hears of the second fault: {unseen:?}");
    let seen = times(&format!("{text}\n{slow}"));
    let took = seen.detect.unwrap().since(seen.onset.unwrap()).seconds();
    assert!((240.0..400.0).contains(&took), "the second took longer: {seen:?}");
}

/// A stop-loss once went on counting for ever, so that false alarms took a good version back.
#[test]
fn a_stop_loss_ends_some_time_after_its_rollout_is_done() {
    let text = r#"
duration = "60m"
baseline = "8m"
[mocks.old]
kind = "model"
first_token = "500ms"
per_token = "1ms"
[mocks.new]
kind = "model"
first_token = "500ms"
per_token = "1ms"
[load]
arrivals.constant = "5/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ ask = "old", tokens = { in = "100", out = "100" } }]
[slo.done]
success = "90%"
[evaluation.e]
sample = "25%"
false_alarms = "3%"
[rollout.v2]
mock = "old"
to = "new"
start = "10m"
stop_loss = { evaluation = "e", bad = 30 }
rollback = { takes = "10s" }
steps = [{ set-weight = "10%" }, { pause = "1m" }, { set-weight = "100%" }]
"#;
    let backs = |text: &str| {
        rehearse(&plan(text), 1).journal.count(|event| matches!(event, Event::RollbackBegun { .. }))
    };
    assert_eq!(backs(text), 0, "some 22 false alarms in ten minutes");
    assert_eq!(backs(&text.replace("rollback =", "watch = \"40m\"\nrollback =")), 1);
}
