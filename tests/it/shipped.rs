//! The shipped drills pass their self-test: reference PASS, do-nothing FAIL, saboteur FAIL, and
//! without a fault neither alert nor harm.

use std::collections::BTreeMap;

use stormdrill::grade::{RunVerdict, Scorecard, Verdict};
use stormdrill::plan::{Plan, without::without};
use stormdrill::record::Event;
use stormdrill::scenario::{Scenario, load_text};
use stormdrill::study::{self, Seeds};

/// The shipped mock files.
pub(crate) fn mocks() -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/mocks");
    let mut mocks = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        mocks.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    mocks
}

/// The shipped scenarios.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let load = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let loaded = load_text(&path.to_string_lossy(), &text, &mocks());
        assert!(loaded.problems.is_empty(), "{}: {:?}", path.display(), loaded.problems);
        loaded.scenario.unwrap()
    };
    paths.iter().map(load).collect()
}

fn cards(plan: &Plan, count: u64) -> Vec<Scorecard> {
    let seeds = Seeds { first: 1, count, threads: 0 };
    study::seeds(plan, seeds, |trial| trial.card, || ()).unwrap()
}

fn verdict(plan: &Plan, count: u64) -> Verdict {
    study::verdict(plan, &cards(plan, count)).verdict
}

fn lost(cards: &[Scorecard]) -> u64 {
    cards.iter().flat_map(|card| card.harm.tiers.iter()).map(|tier| tier.lost).sum()
}

#[test]
fn with_its_controls_every_drill_passes() {
    for scenario in scenarios() {
        assert_eq!(verdict(&Plan::of(&scenario), 60), Verdict::Pass, "{}", scenario.path);
    }
}

#[test]
fn doing_nothing_fails_with_plainly_worse_harm() {
    for scenario in scenarios() {
        let nothing = without(&scenario, &["guards".into(), "runbooks".into()]).unwrap();
        let (reference, nothing) = (cards(&Plan::of(&scenario), 10), cards(&Plan::of(&nothing), 10));
        let judged = study::verdict(&Plan::of(&scenario), &nothing).verdict;
        assert_eq!(judged, Verdict::Fail, "{}", scenario.path);
        assert!(
            lost(&nothing) > 5 * lost(&reference),
            "{}: {} {}",
            scenario.path,
            lost(&nothing),
            lost(&reference)
        );
    }
}

#[test]
fn a_saboteur_fails() {
    for scenario in scenarios() {
        let cards = cards(&Plan::of(&scenario).sabotaged(), 10);
        assert!(cards.iter().all(|card| card.verdict == RunVerdict::Fail), "{}", scenario.path);
    }
}

#[test]
fn without_a_fault_no_alert_fires_and_no_harm_is_done() {
    for scenario in scenarios() {
        let calm = Plan::of(&without(&scenario, &["faults".into()]).unwrap());
        let seeds = Seeds { first: 1, count: 30, threads: 0 };
        let look = |trial: study::Trial| {
            let alerts = trial.run.journal.count(|event| matches!(event, Event::AlertFiring(_)));
            (alerts, lost(std::slice::from_ref(&trial.card)), trial.card.verdict)
        };
        for (alerts, lost, verdict) in study::seeds(&calm, seeds, look, || ()).unwrap() {
            assert_eq!((alerts, lost, verdict), (0, 0, RunVerdict::NotExposed), "{}", scenario.path);
        }
    }
}

#[test]
fn grading_a_saved_record_again_gives_the_same_scorecard() {
    for scenario in scenarios() {
        let plan = Plan::of(&scenario);
        let trial = study::trial(&plan, 4);
        assert_eq!(stormdrill::grade::grade(&plan, &trial.run.clone(), &trial.twin.clone()), trial.card);
    }
}
