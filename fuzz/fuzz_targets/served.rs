//! Any text as a file of mocks and faults: refused with reasons, or it can be served.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loaded =
        stormdrill::scenario::served::load("mocks/fuzz.toml", text, &std::collections::BTreeMap::new());
    match loaded.scenario {
        Some(scenario) => drop(stormdrill::plan::Served::of(&scenario)),
        None => assert!(!loaded.problems.is_empty(), "what is refused has a reason"),
    }
});
