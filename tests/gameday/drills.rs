//! Whole drills: what both clocks say, what is left behind, how one ends before its time.

use std::process::Command;

use serde_json::Value;

use super::{Drill, SHOP};
use crate::http::{folder, until};

fn target<'a>(result: &'a Value, name: &str) -> &'a Value {
    let run = &result["runs"][0];
    run["targets"].as_array().unwrap().iter().find(|target| target["name"] == name).unwrap()
}

#[test]
fn a_live_drill_says_what_virtual_time_says() {
    let ended = Drill::begin(SHOP, &["--pace", "60"]).end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let (result, run) = (&ended.result, &ended.result["runs"][0]);
    assert_eq!(result["verdict"], "PASS", "{result}");
    assert_eq!(
        (&result["live"]["reference"], &result["live"]["released"]),
        (&"baseline".into(), &true.into())
    );
    // In virtual time, with any seed: detect 45 s, contain 62 s, recover 64 s.
    for (name, wanted) in [("detect", 45.0), ("contain", 62.0), ("recover", 64.0)] {
        let value = target(result, name)["value"].as_f64().unwrap();
        assert!((value - wanted).abs() < 12.0, "{name}: {value}");
    }
    assert_eq!(run["effects"][0]["duplicate"], 0);
    let fault = &run["witness"][0];
    assert!(fault["hits"].as_u64().unwrap() > 50 && fault["first_s"].as_f64().unwrap() >= 180.0, "{fault}");
    assert!(result["live"]["sent"].as_u64().unwrap() > 5_000, "{}", result["live"]);
}

#[test]
fn without_its_runbook_the_same_drill_fails() {
    let scenario = SHOP.replace("do.degrade = { mock = \"search\", to = \"cache\" }", "do.update = {}");
    let scenario = scenario.replace("do.undo = { steps = [\"degrade\"] }", "do.update = {}");
    let ended = Drill::begin(&scenario, &["--pace", "60"]).end();
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(1), &"FAIL".into()), "{}", ended.said);
    assert_eq!(target(&ended.result, "contain")["met"], false);
}

#[test]
fn a_baseline_that_does_not_hold_injects_nothing() {
    let scenario = SHOP
        .replace("[mocks.search]\nkind = \"tool\"", "[mocks.search]\nkind = \"tool\"\nerror_rate = \"40%\"");
    let ended = Drill::begin(&scenario, &["--pace", "60"]).end();
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(3), &"INVALID".into()), "{}", ended.said);
    assert_eq!(ended.result["runs"][0]["witness"][0]["hits"], 0);
}

#[test]
fn a_signal_aborts_a_drill_and_lifts_its_faults() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console", "--people", "on-call"]);
    until(|| drill.state("commander")["faults"][0]["is_witnessed"] == true);
    let sent = Command::new("kill").args(["-INT", &drill.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = drill.end();
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(4), &"ABORTED".into()), "{}", ended.said);
    assert_eq!(ended.result["live"]["released"], true);
    assert!(ended.result["because"][0].as_str().unwrap().contains("signal 2"), "{}", ended.result["because"]);
}

#[test]
fn a_second_drill_on_the_same_ports_is_refused() {
    let first = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    let port = first.port.to_string();
    let second = Drill::begin(SHOP, &["--port", &port, "--people", "on-call"]).end();
    assert_eq!(second.code, Some(2), "{}", second.said);
    let path = folder().join("shop.toml");
    std::fs::write(&path, SHOP).unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
        .arg("live")
        .arg(&path)
        .args(["--console", "--port", &port])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(70) && said.contains(&format!("console, port {port}")), "{said}");
}

#[test]
fn what_cannot_be_held_is_refused_before_anything_begins() {
    let unknown = Drill::begin(SHOP, &["--people", "on-cal"]).end();
    assert!(unknown.code == Some(2) && unknown.said.contains("on-call"), "{}", unknown.said);
    let alone = Drill::begin(SHOP, &["--people", "on-call"]).end();
    assert!(alone.code == Some(2) && alone.said.contains("--console"), "{}", alone.said);
    let taken = folder().join("journal.jsonl");
    std::fs::write(&taken, "mine").unwrap();
    let kept = Drill::begin(SHOP, &["--journal", &taken.to_string_lossy()]).end();
    assert!(kept.code == Some(70) && kept.said.contains("journal.jsonl"), "{}", kept.said);
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
}

pub(crate) fn resumed(journal: &std::path::Path) -> (Option<i32>, Value, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
        .arg("resume")
        .arg(journal)
        .args(["--format", "json"])
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), result["drills"][0].clone(), said)
}

#[test]
fn a_journal_gives_the_grade_of_its_drill_again() {
    let journal = folder().join("journal.jsonl");
    let ended = Drill::begin(SHOP, &["--pace", "60", "--journal", &journal.to_string_lossy()]).end();
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let (code, result, said) = resumed(&journal);
    assert_eq!((code, &result["verdict"]), (Some(0), &"PASS".into()), "{said}");
    for name in ["detect", "contain", "recover"] {
        assert_eq!(target(&result, name), target(&ended.result, name));
    }
    let (run, own) = (&result["runs"][0], &ended.result["runs"][0]);
    for part in ["tasks", "effects", "witness", "runbook", "controls", "left_behind", "alerts", "incidents"] {
        assert_eq!(run[part], own[part], "{part}");
    }
    assert_eq!(
        (&result["shown"][0]["journal"], &run["spend"]["usd"]),
        (&ended.result["shown"][0]["journal"], &own["spend"]["usd"])
    );
    assert!(said.contains("latencies"), "{said}");
    // Whatever a line says in the place of a number, nothing panics, and nothing passes that has a gap.
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = 0;
    for (index, line) in lines.iter().enumerate().skip(1) {
        let digits = line.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at);
        for at in digits.step_by(1 + line.len() / 12) {
            let mut twisted = line.as_bytes().to_vec();
            twisted.splice(at..=at, *b"99999999");
            let twisted = String::from_utf8(twisted).unwrap();
            let mut all = lines.clone();
            all[index] = &twisted;
            wrong += usize::from(stormdrill::gameday::resume(&all.join("\n")).is_ok());
        }
    }
    assert!(wrong > 40, "{wrong} twisted journals were read");
    let mut gap = lines.clone();
    gap[lines.len() / 2] = "{\"kind\": \"ev";
    let resumed = stormdrill::gameday::resume(&gap.join("\n")).unwrap();
    assert_eq!(resumed.drilled.card.verdict.word(), "INVALID", "{:?}", resumed.missing);
}

#[test]
fn a_control_arm_shows_what_would_have_been() {
    let journal = folder().join("journal.jsonl");
    let page = folder().join("postmortem.md");
    let arguments = ["--pace", "20", "--control", "--journal", &journal.to_string_lossy()];
    let post = ["--format", "markdown", "--output", &page.to_string_lossy()];
    let ended = Drill::begin(SHOP, &[&arguments[..], &post[..]].concat()).end();
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.said, ended.result["because"]);
    assert_eq!(ended.result["live"]["reference"], "control");
    let own = &ended.result["runs"][0];
    let tasks = |name: &str| own["tasks"][name].as_u64().unwrap();
    // The same tasks arrive in both arms; in one of them nothing goes wrong, and no alert fires.
    assert!(
        tasks("twin_done") + 30 >= tasks("arrived") && tasks("twin_done") > tasks("done") + 30,
        "{}",
        own["tasks"]
    );
    assert_eq!(own["twin_alerts"], serde_json::json!([]));
    assert_ne!(own["alerts"], serde_json::json!([]));
    let post = std::fs::read_to_string(&page).unwrap();
    assert!(
        post.contains("A drill held live at 20 times the clock; harm is measured against a control arm"),
        "{post}"
    );
    let (code, result, said) = resumed(&journal);
    assert_eq!((code, &result["verdict"]), (Some(0), &"PASS".into()), "{said}");
    assert_eq!(result["live"]["reference"], "control");
    assert_eq!(result["runs"][0]["tasks"], own["tasks"]);
    let lost = |of: &Value| {
        of["harm"].as_array().unwrap().iter().map(|of| of["lost"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(lost(&result["runs"][0]), lost(own));
    let elsewhere = SHOP.replace(
        "[mocks.cache]\nkind = \"tool\"",
        "[mocks.cache]\nkind = \"tool\"\nendpoint = { url = \"http://127.0.0.1:1/\" }",
    );
    let refused = Drill::begin(&elsewhere, &["--control"]).end();
    assert!(
        refused.code == Some(2) && refused.said.contains("a control arm needs agents"),
        "{}",
        refused.said
    );
}

#[test]
fn a_journal_of_a_drill_with_many_tasks_under_way_at_its_end_says_the_same() {
    let busy = SHOP.replace("first_token = \"300ms\"", "first_token = \"8s\"");
    let journal = folder().join("journal.jsonl");
    let ended = Drill::begin(&busy, &["--pace", "60", "--journal", &journal.to_string_lossy()]).end();
    let (_, result, said) = resumed(&journal);
    assert!(ended.result["runs"][0]["tasks"]["in_flight"].as_u64().unwrap() > 20, "{}", ended.said);
    assert_eq!(
        (&result["verdict"], &result["because"]),
        (&ended.result["verdict"], &ended.result["because"]),
        "{said}"
    );
    assert_eq!(result["runs"][0]["tasks"], ended.result["runs"][0]["tasks"]);
    for name in ["contain", "recover", "aftermath"] {
        assert_eq!(target(&result, name), target(&ended.result, name), "{name}");
    }
}

#[test]
fn a_drill_that_is_killed_is_graded_as_far_as_its_journal_goes() {
    let journal = folder().join("journal.jsonl");
    let mut drill =
        Drill::begin(SHOP, &["--pace", "60", "--console", "--journal", &journal.to_string_lossy()]);
    until(|| drill.state("commander")["faults"][0]["is_witnessed"] == true);
    let noted = drill.act("scribe", &serde_json::json!({ "do": "note", "text": "before the crash" }));
    assert_eq!(noted.0, 200);
    let at_s = drill.state("commander")["at_s"].as_f64().unwrap();
    drill.child.kill().unwrap();
    drill.child.wait().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains("before the crash"), "what was answered is there");
    // Cut off in the middle of a line, as a crash may leave it.
    std::fs::write(&journal, &text.as_bytes()[..text.len() - 20]).unwrap();
    let (code, result, said) = resumed(&journal);
    assert_eq!((code, &result["verdict"]), (Some(3), &"INVALID".into()), "{said}");
    assert!(said.contains("the drill broke off"), "{said}");
    // At sixty times the clock, what is written every second is at most some two minutes old.
    let until = result["system"]["duration_s"].as_f64().unwrap();
    assert!(until > at_s - 150.0 && until <= at_s + 60.0, "{until} of {at_s}");
    assert!(result["runs"][0]["tasks"]["done"].as_u64().unwrap() > 300);
    let (code, _, said) = resumed(std::path::Path::new("Cargo.toml"));
    assert!(code == Some(2) && said.contains("line 1"), "{said}");
}

#[test]
fn a_drill_that_does_more_harm_than_it_may_stops_by_itself() {
    let scenario = format!("{SHOP}\n[stop_loss]\nbad_above = \"50%\"\nspend = \"$100\"\n");
    let ended = Drill::begin(&scenario, &["--pace", "60"]).end();
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(4), &"ABORTED".into()), "{}", ended.said);
    let why = ended.result["because"][0].as_str().unwrap();
    assert!(why.starts_with("stop-loss: ") && why.contains("above 50%"), "{why}");
    assert_eq!(ended.result["live"]["released"], true);
    let spends = SHOP.replace("[targets]", "[stop_loss]\nspend = \"$0.10\"\n[targets]");
    let ended = Drill::begin(&spends, &["--pace", "60"]).end();
    assert!(
        ended.result["because"][0].as_str().unwrap().contains("has been spent"),
        "{}",
        ended.result["because"]
    );
}

#[test]
fn steps_act_outside_where_that_is_allowed_by_name() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let posted = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let (mut text, mut part) = (String::new(), [0; 1024]);
        while !text.contains("cache") {
            let read = stream.read(&mut part).unwrap();
            text.push_str(&String::from_utf8_lossy(&part[..read]));
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        text
    });
    let steps = format!(
        "steps = [\n  {{ id = \"switch\", owner = \"auto\", within = \"1m\", do.call = {{ url = \"http://127.0.0.1:{port}/flags\", body = '{{\"search\": \"cache\"}}' }} }},\n  {{ id = \"tell\", owner = \"auto\", within = \"1m\", do.command = {{ run = [\"echo\", \"switched; now\"] }} }},\n  {{ id = \"gone\", owner = \"auto\", within = \"1m\", do.call = {{ url = \"http://127.0.0.1:1/none\" }} }},\n"
    );
    let scenario = SHOP.replace("steps = [\n", &steps);
    let refused = Drill::begin(&scenario, &[]).end();
    assert!(refused.code == Some(2) && refused.said.contains("runs `echo`"), "{}", refused.said);
    let journal = folder().join("journal.jsonl");
    let path = journal.to_string_lossy().into_owned();
    let ended = Drill::begin(&scenario, &["--pace", "60", "--allow-exec", "echo", "--journal", &path]).end();
    assert!(ended.code == Some(0) || ended.code == Some(1), "{}", ended.said);
    assert!(posted.join().unwrap().starts_with("POST /flags"));
    let lines: Vec<Value> = std::fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let outside: Vec<(&str, bool, &str)> = lines
        .iter()
        .filter(|line| line["kind"] == "outside")
        .map(|line| {
            (line["step"].as_str().unwrap(), line["ok"].as_bool().unwrap(), line["said"].as_str().unwrap())
        })
        .collect();
    assert!(outside.contains(&("switch", true, "the webhook has answered")), "{outside:?}");
    assert!(outside.contains(&("tell", true, "switched; now")), "no shell reads it: {outside:?}");
    assert!(outside.contains(&("gone", false, "the webhook cannot be reached")), "{outside:?}");
}

/// A closed loop would have sent little while the target stood still, and would have seen little of it.
#[test]
fn a_target_that_stands_still_for_a_second_shows_in_the_latencies() {
    let scenario = include_str!("../../benches/load.toml").replace("1000/s", "200/s");
    let ended = Drill::begin(&scenario, &[]).end();
    let (run, live) = (&ended.result["runs"][0], &ended.result["live"]);
    let sent = live["sent"].as_u64().unwrap();
    assert!(
        (3_990..=4_010).contains(&sent),
        "the load goes on while nothing comes back: {live} {}",
        ended.said
    );
    let p95 = run["harm"][0]["latency_p95_s"].as_f64().unwrap();
    assert!((0.9..1.6).contains(&p95), "one task in twenty waited: {p95} s");
    assert!(live["lag_p99_ms"].as_f64().unwrap() < 50.0, "{live}");
}
