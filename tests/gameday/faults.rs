//! Faults of what a drill itself stands on: a full disk, and a webhook that keeps it waiting.

use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::drills::resumed;
use super::{Drill, SHOP};
use crate::http::{folder, until};

/// A disk that is full is a file that may not grow: the kernel answers both with an error, once its signal is ignored.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_no_drill_and_whoever_acts_is_told() {
    let journal = folder().join("journal.jsonl");
    let mut program = Command::new("sh");
    program.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(assert_cmd::cargo::cargo_bin!("stormdrill"));
    let drill = Drill::begin_by(
        program,
        SHOP,
        &["--pace", "30", "--console", "--journal", &journal.to_string_lossy()],
    );
    let pid = i32::try_from(drill.child.id()).unwrap();
    let note = |text: &str| drill.act("scribe", &json!({ "do": "note", "text": text }));
    let lines = || std::fs::read_to_string(&journal).unwrap();
    assert_eq!(note("before"), (200, "Noted.".into()));
    until(|| drill.state("commander")["at_s"].as_f64().unwrap() > 60.0);
    let room = |bytes: u64| {
        rlimit::prlimit(pid, rlimit::Resource::FSIZE, Some((bytes, rlimit::INFINITY)), None).unwrap();
    };
    let full = std::fs::metadata(&journal).unwrap().len();
    room(full);
    let (status, said) = note("on a full disk");
    assert!(status == 200 && said.contains("the journal cannot be written"), "{status}: {said}");
    let (code, result, said) = resumed(&journal);
    assert_eq!((code, &result["verdict"]), (Some(3), &"INVALID".into()), "{said}");
    assert!(
        lines().contains("before") && result["runs"][0]["tasks"]["done"].as_u64().unwrap() > 100,
        "{said}"
    );
    // There is room again: the journal goes on, and does not claim to be whole.
    room(rlimit::INFINITY);
    until(|| note("after") == (200, "Noted.".into()));
    assert!(lines().contains("after"), "what was answered is there");
    let ended = drill.end();
    assert!(
        ended.code == Some(0) || ended.code == Some(1),
        "the drill has a grade of its own: {}",
        ended.said
    );
    assert!(ended.said.contains("lines of the journal could not be written"), "{}", ended.said);
    let (code, result, said) = resumed(&journal);
    assert_eq!((code, &result["verdict"]), (Some(3), &"INVALID".into()), "{said}");
    assert!(said.contains("lines of the journal are missing"), "{said}");
}

#[test]
fn a_webhook_that_never_answers_holds_nothing_up() {
    // It is listened to and never read.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let steps = format!(
        "steps = [\n  {{ id = \"switch\", owner = \"auto\", within = \"1m\", do.call = {{ url = \"http://127.0.0.1:{port}/\" }} }},\n"
    );
    let journal = folder().join("journal.jsonl");
    let scenario = SHOP.replace("steps = [\n", &steps);
    let ended = Drill::begin(&scenario, &["--pace", "60", "--journal", &journal.to_string_lossy()]).end();
    assert_eq!(ended.code, Some(0), "the other steps go on: {}\n{}", ended.said, ended.result["because"]);
    let text = std::fs::read_to_string(&journal).unwrap();
    let outside = text.lines().find(|line| line.contains("\"kind\":\"outside\"")).unwrap();
    assert!(
        outside.contains("\"ok\":false") && outside.contains("not done when the drill ended"),
        "{outside}"
    );
}
