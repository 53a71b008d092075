//! The reports from outside: formats and outputs, folders, what is refused, and what is started anew.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn stormdrill() -> Command {
    let mut command = Command::cargo_bin("stormdrill").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A new folder of a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

const DRILL: &str = "scenarios/errors-at-night.toml";

#[track_caller]
fn exits(code: i32, command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
    (out, err)
}

#[test]
fn one_run_writes_every_format_and_a_saved_result_gives_the_same() {
    let folder = folder("every-format");
    let path = |name: &str| folder.join(name);
    let mut run = stormdrill();
    run.args(["run", DRILL, "--seeds", "3", "--format", "json", "--output"]).arg(path("result.json"));
    run.args(["--format", "html", "--output"]).arg(path("a.html")).args(["--format", "human"]);
    run.args(["--format", "junit", "--output"]).arg(path("a.xml"));
    let (shown, _) = exits(3, &mut run);
    assert!(shown.starts_with("INCONCLUSIVE"), "{shown}");
    let mut report = stormdrill();
    report.arg("report").arg(path("result.json")).args(["--format", "html", "--output"]).arg(path("b.html"));
    report.args(["--format", "junit", "--output"]).arg(path("b.xml")).args(["--format", "human"]);
    let (again, _) = exits(3, &mut report);
    assert_eq!(shown, again);
    for (one, other) in [("a.html", "b.html"), ("a.xml", "b.xml")] {
        assert_eq!(std::fs::read(path(one)).unwrap(), std::fs::read(path(other)).unwrap(), "{one}");
    }
}

#[test]
fn an_output_without_its_format_and_two_formats_for_the_terminal_are_refused() {
    let (_, err) = exits(2, stormdrill().args(["run", DRILL, "--output", "a", "--output", "b"]));
    assert!(err.contains("`--output b` has no `--format`"), "{err}");
    let (_, err) = exits(2, stormdrill().args(["run", DRILL, "--format", "json", "--output", "src"]));
    assert!(err.contains("`src` is a folder"), "before anything is run: {err}");
    let twice = ["run", DRILL, "--format", "json", "--output", "a", "--format", "html", "--output", "a"];
    let (_, err) = exits(2, stormdrill().args(twice));
    assert!(err.contains("two formats go to `a`"), "{err}");
    let (_, err) = exits(2, stormdrill().args(["run", DRILL, "--format", "json", "--format", "html"]));
    assert!(err.contains("only one `--format` can go to the standard output"), "{err}");
    let two = ["run", DRILL, DRILL, "--seeds", "1", "--format", "chaos"];
    let (_, err) = exits(2, stormdrill().args(two));
    assert!(err.contains("error[bad-output]"), "{err}");
}

#[test]
fn a_kept_result_has_a_folder_of_its_own_and_the_index_leads_to_it() {
    let root = folder("kept");
    for _ in 0..2 {
        let save = format!("--save={}", root.display());
        let (_, err) = exits(3, stormdrill().args(["run", DRILL, "--seeds", "2", &save]));
        assert!(err.contains("kept in"), "{err}");
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert_eq!(folders.len(), 2, "also within one second");
    let index = std::fs::read_to_string(root.join("index.html")).unwrap();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("./{name}/report.html")), "{index}");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let expected = "chaos.json journal.jsonl junit.xml latency.hlog postmortem.md report.html result.json summary.md";
        assert_eq!(files.join(" "), expected);
    }
    // A folder that holds something else is no past run, and does not disturb.
    std::fs::create_dir(root.join("zzz")).unwrap();
    std::fs::write(root.join("zzz/result.json"), "{").unwrap();
    exits(3, stormdrill().args(["run", DRILL, "--seeds", "2", &format!("--save={}", root.display())]));
    assert!(!std::fs::read_to_string(root.join("index.html")).unwrap().contains("zzz"));
}

#[test]
fn what_is_no_result_is_refused_with_a_hint() {
    let folder = folder("no-result");
    let path = folder.join("x.json");
    std::fs::write(&path, "{\"schema_version\": 99}").unwrap();
    let (_, err) = exits(2, stormdrill().arg("report").arg(&path));
    assert!(err.contains("its form is of version 99") && err.contains("hint: save a result with"), "{err}");
    exits(2, stormdrill().arg("report").arg(folder.join("missing.json")));
}

#[test]
fn a_new_scenario_passes_check_and_self_test_and_nothing_is_written_over() {
    let folder = folder("new");
    let into = folder.to_str().unwrap();
    let (out, _) = exits(0, stormdrill().args(["new", "my-drill", "--into", into]));
    assert_eq!(out.matches("wrote ").count(), 5, "{out}");
    let scenario = folder.join("scenarios/my-drill.toml");
    let (out, err) = exits(0, stormdrill().arg("check").arg(&scenario));
    assert_eq!((out.as_str(), err.as_str()), ("1 file: 0 errors, 0 warnings\n", ""));
    exits(0, stormdrill().arg("selftest").arg(&scenario).args(["--seeds", "60"]));
    std::fs::write(&scenario, "mine").unwrap();
    let (_, err) = exits(2, stormdrill().args(["new", "my-drill", "--into", into]));
    assert!(err.contains("error[exists]"), "{err}");
    assert_eq!(std::fs::read_to_string(&scenario).unwrap(), "mine");
    for name in ["../x", "a b", "", "x/y"] {
        let (_, err) = exits(2, stormdrill().args(["new", name, "--into", into]));
        assert!(err.contains("error[bad-name]"), "{name}: {err}");
    }
}

#[test]
fn problems_are_findings_for_github_and_for_code_scanning() {
    let bad = "tests/it/bad/everything.toml";
    let (out, _) = exits(2, stormdrill().args(["check", bad, "--format", "github"]));
    assert!(
        out.lines().all(|line| line.starts_with("::error file=tests/it/bad/everything.toml,line=")
            || line.starts_with("::warning file=tests/it/bad/everything.toml,line=")),
        "{out}"
    );
    let (out, _) = exits(2, stormdrill().args(["check", bad, "--format", "sarif"]));
    let log: serde_json::Value = serde_json::from_str(&out).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(results.len() > 10);
    for result in results {
        let rule = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    }
}

#[test]
fn codes_are_explained_and_unknown_ones_get_a_hint() {
    let (out, _) = exits(0, stormdrill().args(["explain", "lost.critical"]));
    assert!(out.starts_with("lost: "), "{out}");
    let (out, _) = exits(0, stormdrill().args(["explain", "not exposed"]));
    assert!(out.starts_with("NOT EXPOSED: "), "{out}");
    let (_, err) = exits(2, stormdrill().args(["explain", "low-trafic"]));
    assert!(err.contains("low-traffic"), "{err}");
    let (out, _) = exits(0, stormdrill().arg("explain"));
    assert!(out.lines().count() > 50, "{out}");
}

#[test]
fn shells_and_readers_of_manuals_know_every_command() {
    let (help, _) = exits(0, stormdrill().arg("--help"));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   "))
        })
        .collect();
    assert!(commands.len() > 12, "{help}");
    let folder = folder("man");
    exits(0, stormdrill().args(["man", "--output"]).arg(&folder));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (script, _) = exits(0, stormdrill().args(["completions", shell]));
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
    for command in commands.iter().filter(|command| **command != "help") {
        assert!(folder.join(format!("stormdrill-{command}.1")).exists(), "{command}");
    }
}

#[test]
fn exported_rules_name_every_alert_and_its_tests_say_when_it_fires() {
    let folder = folder("rules");
    let into = folder.to_str().unwrap();
    exits(
        0,
        stormdrill().args(["export", "rules", DRILL, "--output", into, "--runbook-url", "https://wiki/"]),
    );
    let rules = std::fs::read_to_string(folder.join("errors-at-night.rules.yml")).unwrap();
    let scenario = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DRILL)).unwrap();
    let alerts = scenario.lines().filter_map(|line| line.strip_prefix("[alert.")?.strip_suffix(']'));
    for alert in alerts {
        assert!(rules.contains(&format!("- alert: \"{alert}\"")), "{alert}\n{rules}");
    }
    assert!(rules.contains("runbook_url: \"https://wiki/provider-outage\""), "{rules}");
    let tests = std::fs::read_to_string(folder.join("errors-at-night.tests.yml")).unwrap();
    assert!(tests.contains("exp_alerts: []") && tests.contains("exp_labels:"), "some fire, and not always");
}

/// The samples are what their results render to; that these are what a run gives now is the end-to-end tests' to see.
#[test]
fn each_sample_is_what_its_result_gives() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/samples");
    let mut count = 0;
    for entry in std::fs::read_dir(&samples).unwrap() {
        let sample = entry.unwrap().path();
        let out = folder("sample");
        let mut report = stormdrill();
        report.arg("report").arg(sample.join("result.json"));
        for (format, file) in [
            ("html", "report.html"),
            ("markdown", "postmortem.md"),
            ("junit", "junit.xml"),
            ("json-trimmed", "result.json"),
        ] {
            report.args(["--format", format, "--output"]).arg(out.join(file));
        }
        exits(0, &mut report);
        for file in ["report.html", "postmortem.md", "junit.xml", "result.json"] {
            let same = std::fs::read(out.join(file)).unwrap() == std::fs::read(sample.join(file)).unwrap();
            assert!(same, "{} is stale: run reports/refresh", sample.join(file).display());
        }
        count += 1;
    }
    assert_eq!(count, 9, "a sample for each shipped drill");
}
