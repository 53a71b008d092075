//! Permissions, guardrails that fail, shared state that is put back, costs that nobody says.

use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::record::{Event, Outcome, Record};
use stormdrill::study;

use crate::kinds::{SYSTEM, fault};
use crate::{plan, scenario, whole};

fn unsafe_acts(record: &Record) -> u64 {
    record.effects.iter().map(|effects| effects.unsafe_acts).sum()
}

fn executed(record: &Record) -> u64 {
    record.effects.iter().map(|effects| effects.executed).sum()
}

/// The system with a policy that catches everything, and what it does while it is down.
fn with_policy(on_outage: &str) -> String {
    let policy = format!("policy = {{ catches = \"100%\", on_outage = \"{on_outage}\" }}");
    SYSTEM.replace("policy = { catches = \"50%\" }", &policy)
}

#[test]
fn a_guardrail_that_is_down_fails_open_or_closed_as_it_says() {
    let widened = fault("scope-widen", "tool", "{}");
    let outage = fault("guardrail-outage", "tool", "{ guard = \"policy\" }").replace("\"it\"", "\"down\"");
    let run =
        |on_outage: &str, faults: &str| rehearse(&plan(&format!("{}{faults}", with_policy(on_outage))), 5);
    let guarded = run("closed", &widened);
    assert_eq!(unsafe_acts(&guarded), 0, "the policy forbids what the server has begun to allow");
    let both = format!("{widened}{outage}");
    let (closed, open) = (run("closed", &both), run("open", &both));
    assert_eq!(unsafe_acts(&closed), 0);
    assert!(unsafe_acts(&open) > 300, "{}", unsafe_acts(&open));
    assert!(executed(&closed) + 300 < executed(&guarded), "closed, it refuses what is permitted too");
}

#[test]
fn an_allow_list_does_not_see_a_call_in_another_name_and_an_origin_check_does() {
    let deputy = fault("confused-deputy", "tool", "{ share = \"100%\" }");
    let system = SYSTEM.replace("policy = { catches = \"50%\" }\n", "GUARD\n");
    let run = |guard: &str| rehearse(&plan(&format!("{}{deputy}", system.replace("GUARD", guard))), 5);
    assert!(unsafe_acts(&run("allow_list = true")) > 300);
    assert_eq!(unsafe_acts(&run("allow_list = true\norigin_check = true")), 0);
}

/// A runbook that acts as soon as effects are denied too often, which they always are.
fn acting(steps: &str) -> String {
    format!(
        r#"
[alert.Denied]
when.threshold = {{ signal = "denials", mock = "tool", bad_above = "20%", over = "1m" }}
for = "6m30s"
severity = "sev2"
runbook = "act"
[runbook.act]
recovery = "backlog < 1000"
steps = [{steps}]
"#
    )
}

fn step(id: &str, action: &str) -> String {
    format!("{{ id = \"{id}\", owner = \"auto\", within = \"1m\", do.{action} }},")
}

#[test]
fn a_revoked_permission_is_honoured_for_as_long_as_the_server_lags() {
    let revoke = acting(&step("revoke", "revoke = { permission = \"write\", agent = \"planner\" }"));
    let run = |lag: &str| {
        let fault = fault("revocation-lag", "tool", &format!("{{ lag = \"{lag}\" }}"));
        rehearse(&plan(&format!("{SYSTEM}{revoke}{fault}")), 5)
    };
    let (none, some, more) = (run("0s"), run("1m"), run("5m"));
    assert_eq!((unsafe_acts(&none), none.witnesses[0].hits), (0, 0));
    assert!(unsafe_acts(&some) > 20, "{}", unsafe_acts(&some));
    assert!(unsafe_acts(&more) > 3 * unsafe_acts(&some));
    // A call that was let in may still fail.
    assert!(some.witnesses[0].hits >= unsafe_acts(&some), "each of them is witnessed");
    // A switch at the gateway does not wait for the server.
    let kill = acting(
        &(step("revoke", "revoke = { permission = \"write\", agent = \"planner\" }")
            + &step("kill", "kill-switch = { mock = \"tool\" }")),
    );
    let fault = fault("revocation-lag", "tool", "{ lag = \"5m\" }");
    let killed = rehearse(&plan(&format!("{SYSTEM}{kill}{fault}")), 5);
    assert!(unsafe_acts(&killed) < 5, "{}", unsafe_acts(&killed));
    assert!(killed.left_behind.iter().any(|left| left.contains("effects switched off")));
}

/// Whoever approves effects by hand sees from which context they come.
#[test]
fn a_person_who_approves_effects_stops_those_of_contaminated_contexts() {
    let approve = acting(&step("approve", "require-approval = { mock = \"tool\" }")).replace(
        "signal = \"denials\", mock = \"tool\", bad_above = \"20%\", over = \"1m\"",
        "signal = \"backlog\", above = 0",
    );
    let injection = fault("injection", "board", "{ share = \"50%\" }");
    let run = |mistakes: &str| {
        let step_up =
            format!("step_up = {{ takes = \"1s\", approves = \"100%\", mistakes = \"{mistakes}\" }}");
        let system = SYSTEM.replace("[guard.tool]\n", &format!("[guard.tool]\n{step_up}\n"));
        rehearse(&plan(&format!("{system}{approve}{injection}")), 5)
    };
    let approved_from = |run: &Record| {
        let done = |event| matches!(event, Event::StepDone { .. });
        run.journal.first(done).unwrap()
    };
    let contaminated = |run: &Record| {
        let from = approved_from(run);
        // What had been sent by then is still executed.
        let late = |at: stormdrill::base::Time| at.seconds() > from.seconds() + 5.0;
        run.provenance.acts().iter().filter(|act| late(act.at)).count()
    };
    let (careful, careless) = (run("0%"), run("100%"));
    assert_eq!(contaminated(&careful), 0);
    assert!(contaminated(&careless) > 40, "{}", contaminated(&careless));
}

/// What is refused first and approved then has not been refused wrongly; what is never approved has.
#[test]
fn an_effect_is_wrongly_refused_only_if_it_stays_refused() {
    let narrowed = fault("scope-narrow", "tool", "{}");
    let run = |approves: &str| {
        let step_up = format!("step_up = {{ takes = \"1s\", approves = \"{approves}\", mistakes = \"0%\" }}");
        let system = SYSTEM.replace("[guard.tool]\n", &format!("[guard.tool]\n{step_up}\n"));
        let run = rehearse(&plan(&format!("{system}{narrowed}")), 5);
        let tool = run.effects.iter().find(|effects| effects.refused > 0).unwrap();
        (tool.refused, tool.wrongly_refused)
    };
    let (all, none) = (run("100%"), run("0%"));
    assert!(all.0 > 500 && all.1 == 0, "{all:?}");
    assert!(none.1 > 200 && none.1 < none.0, "{none:?}");
}

#[test]
fn a_boundary_is_valid_only_once_what_is_permitted_is_what_is_declared() {
    let steps = step("kill", "kill-switch = { mock = \"tool\" }")
        + &step("look", "validate = { mock = \"tool\" }")
        + &step("back", "undo = { steps = [\"kill\"] }");
    let audit = acting(&steps).replace(
        "when.threshold = { signal = \"denials\", mock = \"tool\", bad_above = \"20%\", over = \"1m\" }\nfor = \"6m30s\"",
        "when.audit = { mock = \"tool\" }\nevery = \"1m\"",
    );
    let text = format!("{SYSTEM}{audit}{}", fault("scope-widen", "tool", "{}"));
    let run = rehearse(&plan(&text), 5);
    let fired = run.journal.first(|event| matches!(event, Event::AlertFiring(_))).unwrap();
    assert!((360.0..=420.0).contains(&fired.seconds()), "the next audit finds it: {fired:?}");
    let done = |number| {
        run.journal.first(|event| matches!(event, Event::StepDone { step, .. } if step == number)).unwrap()
    };
    assert!(done(1).seconds() >= 840.0, "not before the scope is narrow again: {:?}", done(1));
    assert!(run.left_behind.is_empty(), "{:?}", run.left_behind);
}

#[test]
fn what_a_reply_does_not_say_is_in_no_budget_unless_it_is_estimated() {
    let budget = "[guard.model]\nGUARD\n";
    let system = SYSTEM.replace("deadline = true\n", "deadline = true\nbudget = { per_minute = \"$0.5\" }\n");
    let silent = fault("usage-missing", "model", "{ share = \"100%\" }");
    let run = |guard: &str, fault: &str| {
        let text = format!("{system}{}{fault}", budget.replace("GUARD", guard));
        rehearse(&plan(&text), 5).spend.total()
    };
    let (said, unsaid) = (run("timeout = \"60s\"", ""), run("timeout = \"60s\"", &silent));
    assert!(unsaid * 10 > said * 12, "the budget holds nothing back: {said} and {unsaid}");
    assert_eq!(run("timeout = \"60s\"\nestimates_usage = true", &silent), said, "to the picodollar");
}

/// Every agent reads and writes one board; the bus cuts messages short for a while.
fn disagreeing(cause: &str) -> String {
    let heal = step("replay", "diagnose = { find = \"distortion\" }")
        + &step("pin", "pin-snapshot = { state = \"board\" }")
        + &step("back", "restore = { state = \"board\" }")
        + &step("unpin", "undo = { steps = [\"pin\"] }");
    let planner = SYSTEM.lines().find(|line| line.contains("verify =")).unwrap();
    let system = SYSTEM
        .replace(&format!("{planner}\n"), "")
        .replace(
            "{ ask = \"model\", tokens = { in = \"200\", out = \"100\" } },\n]",
            "{ use = \"board\", access = \"read\" }, { ask = \"model\", tokens = { in = \"200\", out = \"100\" } }, { use = \"board\", access = \"update\" },\n]",
        )
        .replace("objects = 20", "objects = 500");
    // The alarm is rung when the fault is over, so that nothing distorts the board again.
    let bell = "[[fault]]\nid = \"bell\"\non = \"lookup\"\nstart = \"15m\"\nduration = \"1m\"\ninject.error = { share = \"100%\" }\n";
    let runbook = acting(&heal).replace(
        "when.threshold = { signal = \"denials\", mock = \"tool\", bad_above = \"20%\", over = \"1m\" }\nfor = \"6m30s\"",
        "when.threshold = { signal = \"call-errors\", mock = \"lookup\", bad_above = \"20%\", over = \"15s\" }",
    );
    format!("{system}{runbook}{cause}{bell}").replace("at = \"16m\"", "at = \"19m\"")
}

#[test]
fn a_replay_names_the_node_that_distorted_the_state_first_in_every_run() {
    let causes = [
        (fault("handover-truncation", "bus", "{ share = \"10%\" }"), "bus"),
        (fault("injection", "memory", "{ share = \"30%\", hijack = \"100%\" }"), "memory"),
    ];
    for (cause, culprit) in causes {
        let text = whole(&disagreeing(&cause))
            .replace("cost_above", &format!("diagnosed = \"{culprit}\"\ncost_above"));
        let plan = Plan::of(&scenario(&text));
        for seed in 1..=100 {
            let card = study::trial(&plan, seed).card;
            let target = card.targets.iter().find(|target| target.name == "diagnosed").unwrap();
            assert!(target.is_met, "{culprit}, seed {seed}: {}", target.why());
        }
    }
}

#[test]
fn distorted_objects_are_put_back_to_the_snapshot_before_the_distortion() {
    let cause = fault("handover-truncation", "bus", "{ share = \"5%\" }");
    let run = rehearse(&plan(&disagreeing(&cause)), 1);
    let put_back = run.journal.entries().iter().find_map(|entry| {
        if let Event::PutBack { objects, .. } = entry.event { Some(objects) } else { None }
    });
    assert!(put_back.is_some_and(|objects| objects > 5), "{put_back:?}");
    let board = |record: &Record| record.left_behind.iter().any(|left| left.contains("distorted"));
    let still = format!("{:?}", run.left_behind);
    let nothing = disagreeing(&cause)
        .replace("do.restore = { state = \"board\" }", "do.diagnose = { find = \"distortion\" }");
    assert!(board(&rehearse(&plan(&nothing), 1)), "without it they stay");
    assert!(!still.contains("pinned"), "{still}");
}

/// Credentials that expire at once were once fetched anew without end.
#[test]
fn a_credential_is_fetched_once_for_a_call() {
    let expiry = fault("token-expiry", "board", "{ lifetime = \"0s\" }");
    let system = SYSTEM.replace("[guard.board]\n", "[guard.board]\nrefresh = \"0s\"\n");
    let run = rehearse(&plan(&format!("{system}{expiry}")), 5);
    assert!(run.mocks.iter().all(|mock| mock.requests < 20_000));
    assert!(run.witnesses[0].hits > 300);
}

/// A fault of a guardrail that is switched off could never be met, and the drill was not exposed.
#[test]
fn a_fault_of_a_guardrail_goes_with_the_guardrail() {
    let outage = fault("guardrail-outage", "tool", "{ guard = \"policy\" }");
    let whole = scenario(&whole(&format!("{SYSTEM}{outage}")));
    assert_eq!(Plan::of(&whole).faults.len(), 1);
    for name in ["guards", "guard.tool", "guard.tool.policy"] {
        let reduced = stormdrill::scenario::without::without(&whole, &[name.into()]).unwrap();
        assert_eq!(Plan::of(&reduced).faults.len(), 0, "{name}");
    }
}

/// What is prevented wholly was never met by the server, and counted as not exposed.
#[test]
fn a_widening_that_is_wholly_prevented_is_witnessed_at_the_gateway() {
    let system = SYSTEM.replace("policy = { catches = \"50%\" }\n", "allow_list = true\n");
    let run = rehearse(&plan(&format!("{system}{}", fault("scope-widen", "tool", "{}"))), 5);
    assert_eq!(unsafe_acts(&run), 0);
    assert!(run.witnesses[0].hits > 300);
    let alone = SYSTEM.replace("policy = { catches = \"50%\" }\n", "origin_check = true\n");
    let deputy = fault("confused-deputy", "tool", "{ share = \"100%\" }");
    assert_eq!(unsafe_acts(&rehearse(&plan(&format!("{alone}{deputy}")), 5)), 0);
}

/// A conflict once sent a task to the step at which it had read, in the program of another agent.
#[test]
fn an_update_that_is_refused_is_read_again_by_whoever_read_it() {
    let text = r#"
duration = "20m"
baseline = "5m"
[mocks.board]
kind = "tool"
service = "50ms"
objects = 1
[load]
arrivals.poisson = "2/s"
tiers = { standard = "100%" }
[agents.a]
deadline = "60s"
plan = [{ think = "100ms" }, { think = "100ms" }, { use = "board", access = "read" }, { think = "300ms" }, { hand_over = "b" }]
[agents.b]
share = "0%"
plan = [{ use = "board", access = "update" }]
[guard.board]
compare_and_set = true
[slo.done]
success = "10%"
"#;
    let run = rehearse(&plan(text), 1);
    assert!(run.mocks[0].conflicts > 300, "{:?}", run.mocks[0]);
    assert_eq!(run.mocks[0].lost_updates, 0);
    // Each conflict is one more read and one more update.
    let tasks: u64 = run.tiers.iter().map(|tier| tier.arrived).sum();
    assert!(run.mocks[0].requests > 2 * tasks + run.mocks[0].conflicts);
}

/// Two shared states of different size: what was read of one once served as an index into the other.
#[test]
fn an_update_of_a_state_that_was_not_read_is_written_blindly() {
    let text = r#"
duration = "20m"
baseline = "5m"
[mocks.large]
kind = "tool"
service = "50ms"
objects = 100
[mocks.small]
kind = "tool"
service = "50ms"
objects = 2
[load]
arrivals.poisson = "2/s"
tiers = { standard = "100%" }
[agents.a]
share = "0%"
plan = [{ think = "1s" }]
[agents.b]
plan = [{ use = "large", access = "read" }, { use = "small", access = "update" }]
[guard.small]
compare_and_set = true
[slo.done]
success = "10%"
"#;
    let run = rehearse(&plan(text), 1);
    let done: u64 = run.tiers.iter().map(|tier| tier.of(Outcome::Done)).sum();
    assert!(done > 2000, "{done}");
    assert!(run.mocks.iter().all(|mock| mock.conflicts + mock.lost_updates == 0));
}

/// One entry that every task recalls and remembers: a chain as long as the drill, walked by nobody.
#[test]
fn a_chain_of_contamination_as_long_as_the_drill_is_no_burden() {
    let text = r#"
duration = "10h"
baseline = "5m"
[mocks.memory]
kind = "tool"
service = "1ms"
entries = 1
[load]
arrivals.constant = "10/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "memory", access = "recall" }, { use = "memory", access = "remember" }]
[slo.done]
success = "0.1%"
"#;
    let poison = fault("memory-poison", "memory", "{ entries = 1, hijack = \"100%\" }");
    let run = rehearse(&plan(&format!("{text}{poison}")), 1);
    let spreads = run.provenance.spreads();
    assert!(spreads.len() > 500_000, "{}", spreads.len());
    let last = (spreads.len() - 1) as u32;
    assert_eq!(run.provenance.source(last), spreads[0]);
}

/// A message that is delivered twice at every hop would be two to the power of the hops.
#[test]
fn second_deliveries_end_where_no_more_tasks_may_be_in_flight() {
    let chain: Vec<String> = (0..40)
        .map(|number| {
            let share = if number == 0 { "100%" } else { "0%" };
            let next = number + 1;
            format!("[agents.a{number}]\nshare = \"{share}\"\nplan = [{{ hand_over = \"a{next}\", via = \"bus\" }}]\n")
        })
        .collect();
    let text = format!(
        r#"
duration = "12m"
baseline = "5m"
[mocks.bus]
kind = "tool"
service = "1s"
[load]
arrivals.constant = "1/s"
tiers = {{ standard = "100%" }}
in_flight_max = 500
{}
[agents.a40]
share = "0%"
plan = [{{ think = "1ms" }}]
[slo.done]
success = "0.1%"
{}"#,
        chain.concat(),
        fault("message-duplicate", "bus", "{ share = \"100%\" }").replace("8m", "4m")
    );
    let run = rehearse(&plan(&text), 1);
    assert!(run.mocks[0].requests < 500 * 60 * 12, "{}", run.mocks[0].requests);
    assert_eq!(run.journal.count(|event| event == Event::TasksLimit), 1);
}
