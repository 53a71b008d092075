//! What is no evidence is never a PASS, and what happened is told in the journal.

use stormdrill::grade::{RunVerdict, Verdict};
use stormdrill::plan::Plan;
use stormdrill::record::{Baseline, Event, TierCounts};
use stormdrill::study::{self, Trial};

use crate::scenario;

fn system(error_rate: &str, fault_on: &str, targets: &str) -> String {
    format!(
        r#"
version = 1
title = "a test"
duration = "30m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "20ms"
error_rate = "{error_rate}"
[mocks.unused]
kind = "tool"
service = "20ms"
[load]
arrivals.poisson = "10/s"
tiers = {{ critical = "50%", standard = "50%" }}
[agents.a]
plan = [{{ use = "tool" }}]
[slo.done]
success = "95%"
[[fault]]
id = "errors"
on = "{fault_on}"
start = "10m"
duration = "5m"
inject.error = {{ share = "50%" }}
[targets]
cost_above = "0%"
{targets}
"#
    )
}

fn trial(text: &str) -> Trial {
    study::trial(&Plan::of(&scenario(text)), 1)
}

#[test]
fn a_baseline_that_does_not_hold_injects_nothing_and_is_invalid() {
    let Trial { run, card, .. } = trial(&system("20%", "tool", ""));
    assert_eq!(card.verdict, RunVerdict::Invalid);
    assert!(card.because[0].contains("over the baseline, below 95%"), "{:?}", card.because);
    assert_eq!(run.journal.count(|event| matches!(event, Event::FaultArmed(_))), 0);
    assert_eq!(run.witnesses[0].exposed, 0);
}

#[test]
fn a_fault_that_no_call_met_is_not_exposed() {
    let Trial { run, card, .. } = trial(&system("0%", "unused", ""));
    assert_eq!(run.journal.count(|event| matches!(event, Event::FaultArmed(_))), 1);
    assert_eq!(card.verdict, RunVerdict::NotExposed);
    let judged = study::verdict(&Plan::of(&scenario(&system("0%", "unused", ""))), &vec![card; 100]);
    assert_eq!(judged.verdict, Verdict::NotExposed);
}

#[test]
fn the_moments_of_a_plain_outage_are_where_it_began_and_ended() {
    let text = system("0%", "tool", "contain = \"10m\"\nrecover = \"10m\"\nlost = { critical = \"20%\" }");
    let Trial { card, .. } = trial(&text);
    let at = |moment: Option<stormdrill::base::Time>| moment.unwrap().seconds();
    assert!((600.0..602.0).contains(&at(card.times.onset)));
    // Nothing contains it but its end, after five minutes; 2 % of two minutes' tasks are tolerated.
    assert!((894.0..902.0).contains(&at(card.times.contain)), "{:?}", card.times);
    // Five minutes of evidence may begin a little before the last failures, as far as 95 % allows.
    assert!((880.0..902.0).contains(&at(card.times.recover)), "{:?}", card.times);
    assert_eq!((card.times.detect, card.times.acknowledge), (None, None), "nobody watched");
    assert_eq!(card.verdict, RunVerdict::Pass, "{:?}", card.because);
    // Half of the critical calls of five minutes of thirty.
    let lost = &card.harm.tiers[0];
    assert!((lost.lost as f64 / lost.arrived as f64 - 0.5 * 5.0 / 30.0).abs() < 0.01, "{lost:?}");
}

#[test]
fn what_never_happened_misses_its_target() {
    let Trial { card, .. } = trial(&system("0%", "tool", "detect = \"29m\""));
    assert_eq!(card.verdict, RunVerdict::Fail);
    assert_eq!(card.because, ["detect: never, limit 29m"]);
}

#[test]
fn the_budget_spent_is_that_of_the_whole_period() {
    let Trial { card, .. } = trial(&system("0%", "tool", ""));
    // Ten tasks a second for 28 days, 5 % of which may fail; 2.5 minutes' worth failed.
    let expected = 0.5 * 300.0 / (0.05 * 28.0 * 86_400.0);
    assert!((card.harm.budgets[0] / expected - 1.0).abs() < 0.05, "{:?} {expected}", card.harm.budgets);
}

#[test]
fn a_drill_without_a_stated_target_cannot_be_loaded() {
    let text = system("0%", "tool", "").replace("[targets]\ncost_above = \"0%\"", "");
    let loaded = stormdrill::scenario::load_text("x.toml", &text, &std::collections::BTreeMap::new());
    assert!(loaded.scenario.is_none());
    let codes: Vec<&str> = loaded.problems.iter().map(|problem| problem.code.name()).collect();
    assert_eq!(codes, ["unstated-target"]);
}

/// Tasks that hang until the drill is over have no outcome, and are lost all the same.
#[test]
fn tasks_that_never_end_are_lost() {
    let text = system("0%", "tool", "contain = \"5m\"\nlost = { critical = \"5%\" }")
        .replace("inject.error = { share = \"50%\" }", "inject.hang = { share = \"100%\", hold = \"1d\" }")
        .replace("duration = \"5m\"", "duration = \"20m\"");
    let text = format!("{text}\n[guard.tool]\ntimeout = \"2h\"\n");
    let Trial { run, card, .. } = trial(&text);
    assert_eq!(run.tiers.iter().map(TierCounts::bad).sum::<u64>(), 0, "nothing ended badly");
    let lost = &card.harm.tiers[0];
    assert!(lost.lost > lost.arrived / 2, "{lost:?}");
    assert_eq!(card.times.contain, None);
    assert_eq!(card.verdict, RunVerdict::Fail);
}

#[test]
fn a_relapse_puts_containment_and_recovery_off() {
    let again = "[[fault]]\nid = \"again\"\non = \"tool\"\nstart = \"10m\"\nduration = \"15m\"\nramp = \"15m\"\ninject.error = { share = \"60%\" }\n";
    // The same fault once more, rising slowly; its first hit comes soon after the first fault's.
    let text = format!("{}{again}", system("0%", "tool", "contain = \"20m\"\nrecover = \"20m\""));
    let Trial { card, .. } = trial(&text);
    assert!(card.times.contain.unwrap().seconds() > 1400.0, "{:?}", card.times);
    assert!(card.times.recover.unwrap().seconds() > 1400.0, "{:?}", card.times);
}

/// Two faults far apart: each has its own time, and the longer one counts.
#[test]
fn the_longest_of_several_faults_counts() {
    let again = "[[fault]]\nid = \"again\"\non = \"tool\"\nstart = \"20m\"\nduration = \"2m\"\ninject.error = { share = \"50%\" }\n";
    let text = format!("{}{again}", system("0%", "tool", "contain = \"6m\"\nrecover = \"6m\""));
    let Trial { card, .. } = trial(&text);
    assert!((894.0..902.0).contains(&card.times.contain.unwrap().seconds()), "{:?}", card.times);
    assert_eq!(card.verdict, RunVerdict::Pass, "{:?}", card.because);
}

/// Three faults end to end are one long harm: the clock does not begin anew with each.
#[test]
fn harm_that_goes_on_from_fault_to_fault_is_timed_as_one() {
    let mut text = system("0%", "tool", "contain = \"6m\"\nrecover = \"6m\"");
    for (id, start) in [("second", "14m"), ("third", "18m")] {
        let fault = format!(
            "[[fault]]\nid = \"{id}\"\non = \"tool\"\nstart = \"{start}\"\nduration = \"5m\"\ninject.error = {{ share = \"50%\" }}\n"
        );
        text.push_str(&fault);
    }
    let Trial { card, .. } = trial(&text);
    // From minute 10 to minute 23.
    assert!((1370.0..1382.0).contains(&card.times.contain.unwrap().seconds()), "{:?}", card.times);
    assert_eq!(card.verdict, RunVerdict::Fail);
}

#[test]
fn a_fault_that_changes_nothing_has_no_witness() {
    let nothing = |id: &str, inject: &str| {
        format!(
            "[[fault]]\nid = \"{id}\"\non = \"tool\"\nstart = \"10m\"\nduration = \"5m\"\ninject.{inject}\n"
        )
    };
    let real = system("0%", "tool", "")
        .replace(
            "service = \"20ms\"",
            "service = \"20ms\"\nconcurrency = 1\nquota = { requests = \"900/min\" }",
        )
        .replace("inject.error = { share = \"50%\" }", "inject.hang = { share = \"100%\", hold = \"1s\" }");
    for (id, inject) in [
        ("no-latency", "latency = { add = \"0s\" }"),
        ("hidden", "error = { share = \"100%\", after = \"20ms\" }"),
        ("full", "capacity = { to = \"100%\" }"),
        ("whole", "rate-limit = { to = \"100%\" }"),
    ] {
        let cuts =
            nothing("cut", "capacity = { to = \"0%\" }") + &nothing("slow", "rate-limit = { to = \"10%\" }");
        let Trial { run, card, .. } = trial(&format!("{real}{}{cuts}", nothing(id, inject)));
        assert_eq!(run.witnesses[1].hits, 0, "{id}");
        assert!(run.witnesses[1].exposed > 1000, "{id}");
        assert!(
            run.witnesses.iter().all(|witness| witness.hits <= witness.exposed),
            "{id}: {:?}",
            run.witnesses
        );
        assert_eq!(card.verdict, RunVerdict::NotExposed, "{id}");
    }
}

#[test]
fn an_arm_without_faults_that_was_in_no_steady_state_proves_nothing() {
    let plan = Plan::of(&scenario(&system("0%", "tool", "")));
    let Trial { run, mut twin, card } = study::trial(&plan, 1);
    assert_ne!(card.verdict, RunVerdict::Invalid);
    twin.baseline = Baseline::Broken(vec!["`done` was 90.00% over the baseline".into()]);
    let graded = stormdrill::grade::grade(&plan, &run, &twin);
    let why = "in the arm without faults `done` was 90.00% over the baseline";
    assert_eq!((graded.verdict, &graded.because[..]), (RunVerdict::Invalid, &[why.to_owned()][..]));
}

#[test]
fn a_fault_that_outlives_its_release_is_found_in_the_aftermath() {
    let plan = Plan::of(&scenario(&system("0%", "tool", "")));
    let Trial { mut run, twin, card } = study::trial(&plan, 1);
    let aftermath = |card: &stormdrill::grade::Scorecard| card.targets.last().unwrap().clone();
    assert!(aftermath(&card).is_met);
    run.witnesses[0].decided = Some(plan.faults[0].end);
    let doctored = stormdrill::grade::grade(&plan, &run, &twin);
    assert!(aftermath(&doctored).why().contains("after its release"), "{}", aftermath(&doctored).why());
}
