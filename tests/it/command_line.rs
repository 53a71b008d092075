//! The program from outside: exit codes, bytes, and what it prints.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn stormdrill() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A folder of this test's own, with the shipped scenario made small.
fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["mocks", "scenarios", "scenarios/runbooks"] {
        std::fs::create_dir_all(root.join(part)).unwrap();
        for entry in std::fs::read_dir(source.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            std::fs::copy(&path, root.join(part).join(path.file_name().unwrap())).unwrap();
        }
    }
    root
}

const DRILL: &str = "scenarios/tool-timeout-backlog.toml";

fn json(arguments: &[&str]) -> Vec<u8> {
    let output = stormdrill().args(["run", DRILL, "--format", "json"]).args(arguments).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_bytes_do_not_depend_on_threads_folder_time_zone_or_language() {
    let one = json(&["--seeds", "4", "--threads", "1"]);
    assert!(one.len() > 5000);
    assert_eq!(one, json(&["--seeds", "4", "--threads", "1"]), "again");
    assert_eq!(one, json(&["--seeds", "4", "--threads", "3"]), "more threads");
    let elsewhere = folder("elsewhere");
    let output = stormdrill()
        .current_dir(&elsewhere)
        .env("TZ", "Asia/Kathmandu")
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "de_DE.UTF-8")
        .args(["run", "--seeds", "4", "--format", "json"])
        .arg(elsewhere.join(DRILL))
        .output()
        .unwrap();
    assert_eq!(one, output.stdout, "another folder, time zone and language");
    let output = stormdrill()
        .current_dir(elsewhere.join("scenarios"))
        .args(["run", "--seeds", "4", "--format", "json", "tool-timeout-backlog.toml"])
        .output()
        .unwrap();
    assert_eq!(one, output.stdout, "from the scenario's own folder");
}

#[test]
fn a_range_of_seeds_is_the_sum_of_its_seeds() {
    let value = |arguments: &[&str]| serde_json::from_slice::<serde_json::Value>(&json(arguments)).unwrap();
    let range = value(&["--seeds", "3"]);
    for (index, seed) in ["1", "2", "3"].iter().enumerate() {
        assert_eq!(range["drills"][0]["runs"][index], value(&["--seed", seed])["drills"][0]["runs"][0]);
    }
}

#[test]
fn the_result_has_the_promised_keys() {
    let result: serde_json::Value = serde_json::from_slice(&json(&["--seed", "1"])).unwrap();
    assert_eq!(result["schema_version"], 2);
    assert_eq!(result["verdict"], "INCONCLUSIVE");
    let drill = &result["drills"][0];
    for key in ["title", "path", "digest"] {
        assert!(drill["scenario"][key].is_string(), "{key}");
    }
    for key in ["runs", "passed", "lower", "upper", "required", "runs_needed"] {
        assert!(drill["pass_rate"][key].is_number(), "{key}");
    }
    assert_eq!(drill["pass_rate"]["runs_needed"], 59);
    for key in ["name", "limit", "p50", "p95", "met_runs"] {
        assert!(!drill["targets"][0][key].is_null(), "{key}");
    }
    let run = &drill["runs"][0];
    for key in ["onset", "detect", "acknowledge", "contain", "recover"] {
        assert!(run["times_s"][key].is_number(), "{key}");
    }
    for key in ["harm", "effects", "witness", "alerts", "runbook"] {
        assert!(!run[key].as_array().unwrap().is_empty(), "{key}");
    }
}

#[test]
fn absent_times_are_null_and_never_zero() {
    let result: serde_json::Value =
        serde_json::from_slice(&json(&["--seed", "1", "--without", "runbooks", "--without", "guards"]))
            .unwrap();
    let drill = &result["drills"][0];
    assert!(drill["runs"][0]["times_s"]["detect"].is_null());
    assert!(drill["targets"][0]["p50"].is_null());
}

#[track_caller]
fn exits(code: i32, arguments: &[&str]) -> String {
    let output = stormdrill().args(arguments).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn exit_codes_say_what_the_verdict_says() {
    exits(3, &["run", DRILL, "--seeds", "3"]);
    exits(1, &["run", DRILL, "--seeds", "10", "--without", "guards", "--without", "runbooks"]);
    let sabotaged = exits(1, &["run", DRILL, "--seeds", "5", "--saboteur"]);
    // The command to look closer is the command that was run.
    assert!(sabotaged.contains(&format!("stormdrill run {DRILL} --saboteur --seed 1")), "{sabotaged}");
    exits(3, &["run", DRILL, "--seeds", "3", "--without", "faults"]);
}

#[test]
fn the_self_test_of_the_shipped_drills_holds() {
    let text = exits(0, &["selftest", "scenarios", "--seeds", "60"]);
    assert!(!text.contains("BROKEN"), "{text}");
    exits(2, &["selftest", "nowhere.toml"]);
}

#[test]
fn bad_input_exits_with_two_and_says_what_to_do() {
    assert!(exits(2, &["run", "nowhere.toml"]).contains("nowhere.toml"));
    assert!(exits(2, &["run"]).contains("Usage"));
    assert!(exits(2, &["run", DRILL, "--seeds", "0"]).contains("seeds"));
    let unknown = exits(2, &["run", DRILL, "--without", "guard.serach"]);
    assert!(unknown.contains("did you mean `guard.search`?"), "{unknown}");
    let broken = exits(2, &["check", "tests/it/bad/everything.toml"]);
    assert!(broken.contains("error[unknown-key]: unknown key `titel`"), "{broken}");
    assert!(broken.contains("tests/it/bad/everything.toml:2:1"), "{broken}");
    exits(2, &["run", "tests/it/bad/everything.toml"]);
    exits(2, &["check", "Cargo.lock"]);
    exits(2, &["check", "tests/it/bad"]);
}

#[test]
fn a_file_that_is_no_text_is_bad_input() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("binary.toml");
    std::fs::write(&path, [0xff, 0xfe, 0, 1, 2]).unwrap();
    assert!(exits(2, &["check", path.to_str().unwrap()]).contains("UTF-8"));
}

#[test]
fn check_accepts_what_is_shipped() {
    assert!(exits(0, &["check", "scenarios"]).contains("0 errors, 0 warnings"));
}

#[test]
fn output_goes_to_a_file_and_a_folder_that_is_not_there_is_said() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("result.json");
    exits(3, &["run", DRILL, "--seed", "1", "--format", "json", "--output", path.to_str().unwrap()]);
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(result["drills"][0]["runs"][0]["seed"], 1);
    let nowhere = exits(2, &["run", DRILL, "--seed", "1", "--output", "nowhere/at/all.txt"]);
    assert!(nowhere.contains("nowhere/at/all.txt"), "{nowhere}");
}

#[test]
fn the_view_for_people_is_one_screen_without_colour_codes() {
    let text = exits(3, &["run", DRILL, "--seeds", "2"]);
    assert!(text.lines().count() <= 40, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn runbooks_are_printed_from_a_page_and_from_a_scenario() {
    let page = stormdrill().args(["runbook", "scenarios/runbooks/provider-outage.md"]).output().unwrap();
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(page.status.success() && text.starts_with("RUNBOOK  provider-outage"), "{text}");
    let both = stormdrill().args(["runbook", "scenarios/errors-at-night.toml"]).output().unwrap();
    let both = String::from_utf8(both.stdout).unwrap();
    assert_eq!(both.matches("RUNBOOK  ").count(), 2);
    assert!(both.contains(text.trim_end()), "the page of a scenario is the page itself");
    for missing in ["scenarios/runbooks/nowhere.md", "tests/it/bad/page.md", "scenarios/nowhere.toml"] {
        let output = stormdrill().args(["runbook", missing]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{missing}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{missing}");
    }
}
