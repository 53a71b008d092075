//! Bad input: every problem at once, drawn where it is; and no input makes the program panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::scenario::problem::draw;
use stormdrill::scenario::{load_text, schema};

use crate::shipped;

fn problems(text: &str) -> String {
    let loaded = load_text("scenarios/bad.toml", text, &shipped::mocks());
    loaded
        .problems
        .iter()
        .map(|problem| draw(problem, &loaded.sources, false) + "\n\n")
        .collect::<Vec<_>>()
        .concat()
}

/// One mistake of every kind, all reported in one go.
#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    insta::assert_snapshot!(problems(include_str!("bad/everything.toml")));
}

#[test]
fn a_syntax_error_does_not_hide_what_comes_after_it() {
    insta::assert_snapshot!(problems(include_str!("bad/syntax.toml")));
}

#[test]
fn alerts_that_cannot_work_are_pointed_out() {
    insta::assert_snapshot!(problems(include_str!("bad/alerts.toml")));
}

#[test]
fn faults_and_actions_that_nothing_is_there_for_are_pointed_out() {
    insta::assert_snapshot!(problems(include_str!("bad/boundaries.toml")));
}

#[test]
fn what_comes_from_a_scenario_cannot_act_on_a_terminal() {
    let drawn = problems("version = 1\ntitle = \"a\u{1b}[31m\u{202e}b\"\n\"k\u{7}ey\" = 1\n");
    assert!(!drawn.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{drawn}");
}

#[test]
fn the_shipped_schemas_are_those_of_the_types() {
    let kinds =
        [("scenario", schema::scenario()), ("mock", schema::mock()), ("mock-set", schema::mock_set())];
    for (file, schema) in kinds {
        let path = format!("{}/docs/{file}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let shipped = std::fs::read_to_string(&path).unwrap();
        let hint = format!("run `cargo run -- schema {file} > docs/{file}.schema.json`");
        assert!(shipped == schema::text(&schema), "{path} is stale: {hint}");
    }
}

#[test]
fn the_reference_of_keys_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenario.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let (_, reference) = docs.split_once("<!-- keys -->\n").unwrap();
    let hint = "run `cargo run -- schema keys` and put it below the mark";
    assert!(reference.trim() == schema::keys().trim(), "{path} is stale: {hint}");
}

/// Returns a TOML text as the JSON that editors check against a schema.
fn as_json(text: &str) -> serde_json::Value {
    let value: toml::Value = toml::from_str(text).unwrap();
    serde_json::to_value(value).unwrap()
}

#[test]
fn an_independent_validator_accepts_what_is_shipped_and_refuses_what_is_wrong() {
    let scenarios = jsonschema::validator_for(&schema::scenario()).unwrap();
    let mocks = jsonschema::validator_for(&schema::mock()).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#:schema ../docs/scenario.schema.json\n"), "{}", path.display());
        let errors: Vec<_> = scenarios.iter_errors(&as_json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert!(!scenarios.is_valid(&as_json(&text.replacen("deadline ", "deadlin ", 1))));
        assert!(!scenarios.is_valid(&as_json(&text.replacen("/s\"", "\"", 1))));
    }
    for (name, text) in shipped::mocks().into_iter().filter(|(name, _)| !name.contains('.')) {
        assert!(text.starts_with("#:schema ../docs/mock.schema.json\n"), "{name}");
        assert!(mocks.is_valid(&as_json(&text)), "{name}");
    }
}

/// Runs what a mutation left of a scenario, if that is small enough.
fn survive(text: &str) {
    let loaded = load_text("scenarios/mutated.toml", text, &shipped::mocks());
    let drawn: usize = loaded.problems.iter().map(|problem| draw(problem, &loaded.sources, true).len()).sum();
    let Some(scenario) = loaded.scenario else {
        assert!(drawn > 0, "a scenario that is refused has a reason");
        return;
    };
    let plan = Plan::of(&scenario);
    let rate = plan.traffic.segments.iter().map(|segment| segment.rate).fold(0.0, f64::max);
    if plan.end.seconds() * rate < 3000.0 {
        rehearse(&plan, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(text in "\\PC{0,400}") {
        survive(&text);
    }

    /// Lines taken out, doubled, swapped and broken.
    #[test]
    fn no_mutation_of_a_scenario_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..7_u8, "[ -~]{0,6}"), 1..6)
    ) {
        let small = include_str!("../../scenarios/tool-timeout-backlog.toml").replace("12/s", "0.5/s").replace("16/s", "1/s");
        let mut lines: Vec<String> = small.lines().map(String::from).collect();
        for (which, other, kind, noise) in edits {
            let (at, from) = (which.index(lines.len()), other.index(lines.len()));
            let middle = lines[at].chars().count() / 2;
            let halves = |line: &str| -> (String, String) { (line.chars().take(middle).collect(), line.chars().skip(middle).collect()) };
            match kind {
                0 => { lines.remove(at); }
                1 => lines.insert(at, lines[from].clone()),
                2 => lines.swap(at, from),
                3 => { let (left, right) = halves(&lines[at]); lines[at] = format!("{left}{noise}{right}"); }
                4 => lines[at] = halves(&lines[at]).0,
                5 => lines[at] = lines[at].replace(|c: char| c.is_ascii_digit(), &noise),
                _ => lines[at] = lines[at].replace('"', ""),
            }
            if lines.is_empty() { lines.push(String::new()); }
        }
        survive(&lines.join("\n"));
    }

    /// Values replaced by extreme ones of the right form.
    #[test]
    fn no_extreme_value_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5)
    ) {
        const VALUES: [&str; 14] = [
            "0s", "1us", "400d", "0%", "100%", "100000%", "$0", "$1000000", "0/s", "1/h", "pareto(1us, 0.01, 400d)",
            "lognormal(1s, 5)", "gamma(1s, 0.01)", "empirical(0%: 0s, 100%: 400d)",
        ];
        let small = include_str!("../../scenarios/tool-timeout-backlog.toml").replace("12/s", "0.5/s").replace("16/s", "1/s");
        let mut parts: Vec<String> = small.split('"').map(String::from).collect();
        for (which, value) in edits {
            // Every other part stands between quotes.
            let at = which.index(parts.len() / 2) * 2 + 1;
            parts[at] = VALUES[value.index(VALUES.len())].into();
        }
        survive(&parts.join("\""));
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let text = format!("title = \"{}\"", "x".repeat(2 << 20));
    let loaded = load_text("scenarios/large.toml", &text, &BTreeMap::new());
    assert_eq!(loaded.problems.len(), 1);
    assert!(loaded.scenario.is_none());
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(problems(&deep).contains("error[syntax]"));
    let steps = "{ repeat = \"1\", steps = [".repeat(40) + &"] }".repeat(40);
    assert!(problems(&format!("[agents.a]\nplan = [{steps}]")).contains("nest"));
}
