//! The studies from outside: exit codes, the same bytes on any number of threads, and what they refuse.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn stormdrill() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs the program and returns what it says on both outputs.
#[track_caller]
fn exits(code: i32, arguments: &[&str]) -> String {
    let output = stormdrill().args(arguments).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

const DRILL: &str = "scenarios/token-cost-spike.toml";

#[test]
fn every_study_prints_the_same_bytes_on_any_number_of_threads() {
    let studies: [&[&str]; 5] = [
        &["ablate", DRILL, "--seeds", "3", "--format", "json"],
        &["margin", DRILL, "--fault", "cache-lost", "--seeds", "12", "--format", "json"],
        &["tune", DRILL, "--vary", "guard.writer.retry.attempts=1,3", "--seeds", "4", "--format", "json"],
        &["run", DRILL, "--seeds", "auto", "--seeds-max", "25", "--format", "json"],
        &["ablate", DRILL, "--seeds", "3"],
    ];
    for study in studies {
        let with = |threads: &str| {
            let output = stormdrill().args(study).args(["--threads", threads]).output().unwrap();
            assert!(output.stdout.len() > 200, "{study:?}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        assert_eq!(with("1"), with("3"), "{study:?}");
    }
}

#[test]
fn a_result_is_compared_with_itself_with_a_worse_one_and_not_with_what_is_none() {
    let (base, worse) = (file("base.json"), file("worse.json"));
    let (base, worse) = (base.to_str().unwrap(), worse.to_str().unwrap());
    exits(3, &["run", DRILL, "--seeds", "20", "--format", "json", "--output", base]);
    assert!(exits(0, &["compare", base, base]).contains("no regression"));
    // The same drill, in which nobody comes for a while.
    let slow = std::fs::read_to_string(DRILL)
        .unwrap()
        .replace("acknowledge = \"lognormal(60s", "acknowledge = \"lognormal(170s");
    let folder = file("slow");
    std::fs::create_dir_all(folder.join("scenarios")).unwrap();
    std::fs::create_dir_all(folder.join("mocks")).unwrap();
    for entry in std::fs::read_dir("mocks").unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join("mocks").join(path.file_name().unwrap())).unwrap();
    }
    let drill = folder.join(DRILL);
    std::fs::write(&drill, slow).unwrap();
    let drill = drill.to_str().unwrap();
    stormdrill()
        .args(["run", drill, "--seeds", "20", "--format", "json", "--output", worse])
        .output()
        .unwrap();
    let told = exits(1, &["compare", base, worse]);
    assert!(told.contains("regressed  acknowledge") && told.contains("the scenario has changed"), "{told}");
    exits(1, &["run", drill, "--seeds", "20", "--baseline", base]);
    exits(3, &["run", DRILL, "--seeds", "20", "--baseline", base]);
    // What cannot be compared is not in favour.
    assert!(
        exits(2, &["run", DRILL, "--seed", "500", "--seeds", "5", "--baseline", base])
            .contains("other seeds")
    );
    assert!(exits(2, &["compare", base, "Cargo.toml"]).contains("not a result of `run`"));
    assert!(exits(2, &["compare", base, "nowhere.json"]).contains("cannot read"));
    let margins = file("margins.json");
    let margins = margins.to_str().unwrap();
    exits(
        0,
        &["margin", DRILL, "--fault", "cache-lost", "--seeds", "8", "--format", "json", "--output", margins],
    );
    assert!(exits(0, &["compare", margins, margins]).contains("same"));
}

#[test]
fn what_a_study_cannot_do_is_said_with_what_there_is() {
    assert!(exits(2, &["margin", DRILL, "--fault", "nothing"]).contains("there are cache-lost"));
    assert!(
        exits(2, &["margin", DRILL, "--fault", "cache-lost", "--dose", "id"]).contains("which has no dose")
    );
    assert!(
        exits(2, &["tune", DRILL, "--vary", "guard.writer.timeout"]).contains("guard.search.timeout=1s..10s")
    );
    assert!(
        exits(2, &["tune", DRILL, "--vary", "guard.nobody.timeout=1s,2s"])
            .contains("guard.nobody.timeout = 1s")
    );
    assert!(exits(2, &["replay", DRILL, "--seed", "1", "--task", "4000000000"]).contains("there is no task"));
    assert!(
        exits(2, &["replay", DRILL, "--seed", "1", "--against", "without:nothing"]).contains("`nothing`")
    );
    assert!(exits(2, &["replay", "scenarios", "--seed", "1"]).contains("name one scenario file"));
    assert!(exits(2, &["run", DRILL, "--seed", "1", "--bisect-seed"]).contains("does not fail"));
    exits(2, &["run", DRILL, "--seeds", "many"]);
    exits(2, &["ablate", "nowhere.toml"]);
}

/// A saved result may come from anywhere: what it says cannot act on a terminal.
#[test]
fn a_hostile_result_is_shown_without_its_escapes() {
    let target = r#"{"name":"recover\u001b]0;x\u0007\u202e","unit":"s","limit":1.0}"#;
    let run = |seed: u64, value: u64| {
        format!(
            r#"{{"seed":{seed},"verdict":"PASS","targets":[{{"name":"recover\u001b]0;x\u0007\u202e","value":{value}}}]}}"#
        )
    };
    let write = |name: &str, value: u64| {
        let runs: Vec<String> = (0..20).map(|seed| run(seed, value + seed)).collect();
        let text = format!(
            r#"{{"schema_version":2,"drills":[{{"scenario":{{"path":"a\u001b[2Jb.toml","digest":""}},"without":[],"verdict":"PASS","targets":[{target}],"runs":[{}]}}]}}"#,
            runs.join(",")
        );
        let path = file(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (base, new) = (write("hostile-base.json", 1), write("hostile-new.json", 900));
    let told = exits(1, &["compare", &base, &new]);
    assert!(told.contains("a?[2Jb.toml") && told.contains("recover?]0;x??"), "{told}");
    assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{told:?}");
}

/// What a task did is told beside what it did in the twin.
#[test]
fn a_replay_tells_one_task_node_by_node() {
    let told = exits(0, &["replay", DRILL, "--seed", "2"]);
    assert!(told.contains("here they part") && told.contains("twin: done"), "{told}");
    let same = exits(0, &["replay", DRILL, "--seed", "2", "--task", "0"]);
    assert!(same.contains("task 0, node by node") && same.contains("the same in both"), "{same}");
    let lines = exits(0, &["replay", DRILL, "--seed", "2", "--task", "0", "--format", "jsonl"]);
    assert!(lines.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{lines}");
}
