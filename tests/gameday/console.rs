//! The console: a game day played by several people, and what it refuses.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::{Drill, SHOP, done};
use crate::http::{folder, until};

#[test]
fn people_play_a_game_day_in_and_out_of_order() {
    let journal = folder().join("journal.jsonl");
    let journal_path = journal.to_string_lossy().into_owned();
    let drill = Drill::begin(SHOP, &["--pace", "30", "--console", "--journal", &journal_path]);
    let early = drill.act("responder", &json!({ "do": "acknowledge", "runbook": 0 }));
    assert_eq!(early, (409, "no runbook is being done".into()));
    let contained = drill.act("commander", &json!({ "do": "declare-contained" }));
    assert_eq!(contained.0, 409, "nothing has happened yet: {}", contained.1);
    until(|| drill.step_is("own", "paged"));
    let recovered = drill.act("commander", &json!({ "do": "declare-recovered", "runbook": 0 }));
    assert_eq!(recovered.0, 409, "no recovery without evidence: {}", recovered.1);
    assert_eq!(drill.act("responder", &json!({ "do": "acknowledge", "runbook": 0 })).0, 200);
    until(|| drill.step_is("degrade", "doing"));
    assert_eq!(drill.act("responder", &json!({ "do": "start", "runbook": 0, "step": 1 })).0, 200);
    // The third step before the second; then the second.
    assert_eq!(drill.act("responder", &done(2)).0, 200);
    assert!(drill.step_is("locate", "done") && drill.step_is("degrade", "doing"));
    assert_eq!(drill.act("commander", &done(1)).0, 200);
    assert_eq!(drill.act("responder", &done(1)), (409, "this step is not open".into()));
    let empty = json!({ "do": "skip", "runbook": 0, "step": 3, "reason": " " });
    assert_eq!(drill.act("responder", &empty).0, 409);
    assert_eq!(drill.act("scribe", &json!({ "do": "note", "text": "the cache \u{202e}serves <b>" })).0, 200);
    until(|| drill.act("commander", &json!({ "do": "declare-contained" })).0 == 200);
    let skip = json!({ "do": "skip", "runbook": 0, "step": 3, "reason": "search is back by itself" });
    assert_eq!(drill.act("responder", &skip).0, 200);
    let notes = drill.state("observer")["notes"].as_array().unwrap().clone();
    let texts: Vec<&str> = notes.iter().filter_map(|note| note["text"].as_str()).collect();
    assert_eq!(texts[1], "the cache \u{fffd}serves <b>", "nothing in a text acts: {texts:?}");
    assert!(texts[2].contains("search is back by itself"), "{texts:?}");
    let ended = drill.end();
    // What was left out is left behind: the drill fails on that, and says so.
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let because = ended.result["because"].to_string();
    assert!(because.contains("search is degraded to cache"), "{because}");
    assert_eq!(ended.result["runs"][0]["process"]["swapped"], 1, "{}", ended.result["runs"][0]["process"]);
    assert_eq!(ended.result["runs"][0]["process"]["forgotten"], 1);
    let lines: Vec<Value> = std::fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((kinds("begin"), kinds("end")), (1, 1));
    assert!(kinds("act") >= 12 && kinds("event") >= 15, "{} acts, {} events", kinds("act"), kinds("event"));
}

#[test]
fn whoever_stops_a_drill_finds_every_fault_lifted() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    until(|| drill.state("commander")["faults"][0]["is_witnessed"] == true);
    let stop = json!({ "do": "stop", "reason": "a real incident" });
    assert_eq!(drill.act("responder", &stop).0, 403);
    assert_eq!(drill.act("commander", &stop), (200, "Stopped. Every fault is lifted.".into()));
    let ended = drill.end();
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(4), &"ABORTED".into()), "{}", ended.said);
    assert!(ended.result["because"][0].as_str().unwrap().contains("a real incident"));
}

#[test]
fn an_observer_looks_on_and_does_nothing() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    for command in [
        json!({ "do": "note", "text": "x" }),
        json!({ "do": "acknowledge", "runbook": 0 }),
        done(0),
        json!({ "do": "declare-contained" }),
        json!({ "do": "stop", "reason": "x" }),
    ] {
        let (status, why) = drill.act("observer", &command);
        assert!(status == 403 && why.contains("observer"), "{command}: {status} {why}");
    }
    assert_eq!(drill.state("observer")["title"], "Search goes down");
}

#[test]
fn the_console_is_for_those_with_a_key_and_for_its_own_page() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    let own = drill.bearer("commander");
    let json_kind = "content-type: application/json\r\n";
    let status =
        |method: &str, path: &str, headers: &str, body: &str| drill.send(method, path, headers, body).status;
    for path in ["/state", "/me", "/events"] {
        assert_eq!(status("GET", path, "", ""), 401);
        assert_eq!(status("GET", path, "authorization: Bearer x\r\n", ""), 401);
        let cookie = format!("cookie: key={}\r\n", drill.keys["commander"]);
        assert_eq!(status("GET", path, &cookie, ""), 401, "no cookie stands for anybody");
    }
    let page = drill.send("GET", "/", "", "");
    assert!(
        page.status == 200 && page.header("content-security-policy").unwrap().contains("default-src 'none'")
    );
    assert!(!page.body.contains("Search goes down"), "the page alone tells nothing");
    let note = r#"{"do":"note","text":"x"}"#;
    let from = |origin: &str| status("POST", "/act", &format!("{own}{json_kind}origin: {origin}\r\n"), note);
    assert_eq!(from("http://evil.example"), 403);
    assert_eq!(from("null"), 403);
    assert_eq!(from(&format!("http://127.0.0.1:{}", drill.port)), 200);
    assert_eq!(status("GET", "/act", &own, ""), 405, "nothing changes by GET");
    assert_eq!(status("POST", "/act", &format!("{own}content-type: text/plain\r\n"), note), 415);
    let mut stream = drill.connect();
    let foreign = format!("GET / HTTP/1.1\r\nhost: evil.example:{}\r\n\r\n", drill.port);
    stream.write_all(foreign.as_bytes()).unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 403", "a name that points here is not ours");
    let large = format!("{own}{json_kind}");
    let body = json!({ "do": "note", "text": "x".repeat(70_000) }).to_string();
    assert_eq!(status("POST", "/act", &large, &body), 413);
}

#[test]
fn responders_do_not_see_what_is_injected_if_it_is_hidden() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console", "--hide-injects"]);
    until(|| drill.step_is("own", "paged"));
    let (seen, whole) = (drill.state("responder"), drill.state("commander"));
    assert!(seen["faults"].is_null() && whole["faults"].is_array());
    let tells = |state: &Value| state["journal"].to_string().contains("fault-");
    assert!(!tells(&seen) && tells(&whole));
    assert!(seen["alerts"][0]["name"] == "Failing" && seen["incidents"].is_array());
}

#[test]
fn many_who_look_on_and_one_who_never_reads_hold_nobody_up() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    let listen =
        format!("GET /events HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{}\r\n", drill.port, drill.bearer("observer"));
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut stream = drill.connect();
        stream.write_all(listen.as_bytes()).unwrap();
        streams.push(stream);
    }
    // Nobody reads but one, who sees the state again and again.
    let mut reader = drill.connect();
    reader.write_all(listen.as_bytes()).unwrap();
    let mut text = String::new();
    while text.matches("event: state").count() < 5 {
        let mut part = vec![0; 65_536];
        let read = reader.read(&mut part).unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    assert_eq!(drill.act("scribe", &json!({ "do": "note", "text": "all is well" })).0, 200);
    let ended = drill.end();
    assert_eq!(ended.result["live"]["released"], true, "{}", ended.said);
    assert!(ended.code == Some(0) || ended.code == Some(1), "{:?}", ended.code);
    drop(streams);
}

#[test]
fn your_own_alerting_says_what_fires() {
    let token = folder().join("token");
    let token_path = token.to_string_lossy().into_owned();
    let drill = Drill::begin(
        SHOP,
        &[
            "--pace",
            "60",
            "--console",
            "--alerting",
            "webhook",
            "--token-file",
            &token_path,
            "--people",
            "on-call",
        ],
    );
    let token = std::fs::read_to_string(&token).unwrap();
    let post = |path: &str, token: &str, body: &Value| {
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let reply = drill.send("POST", path, &headers, &body.to_string());
        (reply.status, reply.json())
    };
    let alert = |status: &str, name: &str| json!({ "status": status, "labels": { "alertname": name }, "annotations": {} });
    let webhook = |alerts: Vec<Value>| json!({ "version": "4", "status": "firing", "alerts": alerts, "groupKey": "{}:{}" });
    let path = "/alerts/alertmanager";
    let firing = webhook(vec![alert("firing", "Failing"), alert("firing", "Strange")]);
    assert_eq!(post(path, "x", &firing).0, 401);
    assert_eq!(post(path, token.trim(), &json!({ "version": "3", "alerts": [] })).0, 400);
    until(|| drill.state("commander")["faults"][0]["is_witnessed"] == true);
    let (status, known) = post(path, token.trim(), &firing);
    assert_eq!((status, &known), (200, &json!({ "matched": ["Failing"], "unknown": ["Strange"] })));
    let again = post(path, token.trim(), &firing);
    assert_eq!(again.0, 200, "the same news again is no news");
    assert!(drill.step_is("own", "paged"), "the runbook has begun at once");
    let events = drill.state("commander")["journal"].to_string();
    assert_eq!(events.matches("\"notified\"").count(), 1, "{events}");
    let metrics = drill.send("GET", "/metrics", "", "").body;
    assert!(metrics.contains("stormdrill_slo_bad_tasks_total{slo=\"success\"} "), "{metrics}");
    let resolved = json!({ "alert": "Failing", "status": "resolved" });
    assert_eq!(post("/alerts/webhook", token.trim(), &resolved).0, 200);
    assert!(drill.state("commander")["alerts"].as_array().unwrap().is_empty());
    // Somebody's phone rang.
    assert_eq!(drill.act("responder", &json!({ "do": "paged", "alert": "Failing" })).0, 200);
    assert_eq!(drill.act("responder", &json!({ "do": "paged", "alert": "None" })).0, 409);
    assert_eq!(drill.state("commander")["alerts"][0]["name"], "Failing");
    assert_eq!(drill.act("responder", &json!({ "do": "resolved", "alert": "Failing" })).0, 200);
    assert!(drill.state("commander")["alerts"].as_array().unwrap().is_empty());
}

#[test]
fn a_drill_with_rules_of_its_own_takes_no_alerts_from_elsewhere() {
    let drill = Drill::begin(SHOP, &["--pace", "60", "--console"]);
    let (status, why) = drill.act("responder", &json!({ "do": "paged", "alert": "Failing" }));
    assert!(status == 409 && why.contains("--alerting webhook"), "{why}");
}

/// A new model goes out by steps, and somebody is asked half way.
const ROLLOUT: &str = include_str!("rollout.toml");

#[test]
fn a_gate_waits_for_somebody_real_and_for_what_it_wants_to_see() {
    let scenario = format!("{SHOP}{ROLLOUT}");
    let at_gate = |what: &str| json!({ "do": what, "rollout": 0, "step": 2 });
    let drill = Drill::begin(&scenario, &["--pace", "30", "--console"]);
    let early = drill.act("responder", &at_gate("pass"));
    assert_eq!(early, (409, "nobody is asked at this gate".into()));
    let is_asked = |drill: &Drill| drill.state("commander")["gates"][0]["owner"] == "on-call";
    until(|| is_asked(&drill));
    assert_eq!(drill.act("scribe", &at_gate("pass")).0, 403);
    let other = json!({ "do": "pass", "rollout": 0, "step": 5 });
    assert_eq!(drill.act("responder", &other).0, 409, "it is not the gate that is asked at");
    until(|| drill.state("commander")["gates"][0]["seen"] == 1);
    assert_eq!(drill.act("responder", &at_gate("pass")), (200, "The gate of upgrade is passed.".into()));
    assert_eq!(drill.state("commander")["gates"], json!([]));
    let events = drill.state("commander")["journal"].to_string();
    assert!(events.contains("gate-passed") && events.contains("rollout-done"), "{events}");
    drop(drill);
    // What it waits for is never seen: nothing is judged.
    let unseen = scenario.replace("sample = \"50%\"", "sample = \"0%\"");
    let drill = Drill::begin(&unseen, &["--pace", "30", "--console"]);
    until(|| is_asked(&drill));
    let (status, why) = drill.act("commander", &at_gate("pass"));
    assert!(status == 409 && why.contains("0 of 1 hold"), "{why}");
    assert_eq!(drill.act("commander", &at_gate("take-back")), (200, "upgrade is taken back.".into()));
    until(|| drill.state("commander")["journal"].to_string().contains("rolled-back"));
}
