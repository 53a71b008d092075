//! The shipped drills pass their self-test: reference PASS, do-nothing FAIL, saboteur FAIL, and
//! without a fault neither alert nor harm.

use std::collections::BTreeMap;

use stormdrill::grade::{Scorecard, Verdict};
use stormdrill::plan::Plan;
use stormdrill::scenario::without::without;
use stormdrill::scenario::{Scenario, load_text};
use stormdrill::study::{self, Seeds};

/// The shipped mock files, and the pages of runbooks.
pub(crate) fn mocks() -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/mocks");
    let mut mocks = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        mocks.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/runbooks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        mocks.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    mocks
}

/// The shipped scenarios.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
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

/// Critical and standard tasks lost: batch is held back on purpose.
fn lost(cards: &[Scorecard]) -> u64 {
    cards.iter().flat_map(|card| card.harm.tiers[..2].iter()).map(|tier| tier.lost).sum()
}

#[test]
fn every_drill_passes_its_self_test() {
    for scenario in scenarios() {
        for variant in study::selftest(&scenario, Seeds { first: 1, count: 60, threads: 0 }).unwrap() {
            assert!(variant.is_held, "{}, {}: {}", scenario.path, variant.name, variant.found);
        }
    }
}

/// A drill whose fault hurts nobody proves nothing, and the self-test says so.
#[test]
fn a_drill_that_cannot_fail_is_found_out() {
    let harmless = crate::whole(
        r#"
duration = "20m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "20ms"
[load]
arrivals.poisson = "5/s"
tiers = { standard = "100%" }
[agents.a]
plan = [{ use = "tool" }]
[slo.done]
success = "90%"
[[fault]]
id = "slow"
on = "tool"
start = "10m"
duration = "5m"
inject.latency = { add = "10ms" }
"#,
    );
    let variants =
        study::selftest(&crate::scenario(&harmless), Seeds { first: 1, count: 60, threads: 0 }).unwrap();
    let broken: Vec<_> =
        variants.iter().filter(|variant| !variant.is_held).map(|variant| variant.name.as_str()).collect();
    assert_eq!(broken, ["do nothing"]);
}

#[test]
fn doing_nothing_fails_with_plainly_worse_harm() {
    for scenario in scenarios() {
        let nothing = without(&scenario, &["guards".into(), "runbooks".into()]).unwrap();
        let (reference, nothing) = (cards(&Plan::of(&scenario), 10), cards(&Plan::of(&nothing), 10));
        let judged = study::verdict(&Plan::of(&scenario), &nothing).verdict;
        assert_eq!(judged, Verdict::Fail, "{}", scenario.path);
        // Where money is the harm, nothing is lost by doing nothing.
        let above = |cards: &[Scorecard]| cards.iter().map(|card| card.harm.cost_micros.max(0)).sum::<i64>();
        let is_worse = lost(&nothing) > 5 * lost(&reference) || above(&nothing) > 5 * above(&reference);
        assert!(is_worse, "{}: {} {}", scenario.path, lost(&nothing), lost(&reference));
    }
}
