//! Any bytes as a scenario file: it is refused with reasons, or it compiles to a plan.
//!
//! `cargo fuzz run -s none scenario -- -max_total_time=60` (the stable toolchain will do).

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use stormdrill::plan::Plan;
use stormdrill::scenario::load_text;
use stormdrill::scenario::problem::draw;

fuzz_target!(|text: &str| {
    let loaded = load_text("scenarios/fuzz.toml", text, &BTreeMap::new());
    for problem in &loaded.problems {
        draw(problem, &loaded.sources, true);
    }
    match loaded.scenario {
        Some(scenario) => drop(Plan::of(&scenario)),
        None => assert!(!loaded.problems.is_empty(), "what is refused has a reason"),
    }
});
