//! How many requests a fault hits, when, and which.

use serde_json::{Value, json};

use super::{Mocks, SET};

fn statuses(mocks: &Mocks, count: usize) -> Vec<u16> {
    (0..count).map(|_| mocks.weather().status).collect()
}

fn error(share: &str) -> Value {
    json!({ "error": { "share": share, "status": 503 } })
}

#[test]
fn only_the_first_or_each_so_manieth_request_is_hit() {
    let mocks = Mocks::start(SET);
    mocks.arm_with("tools", &error("100%"), &json!({ "first_n": 2 }));
    assert_eq!(statuses(&mocks, 4), [503, 503, 200, 200]);
    // Armed anew, it counts anew.
    mocks.admin("/faults/it/arm", Some(&json!({ "for": "1h" })));
    assert_eq!(statuses(&mocks, 3), [503, 503, 200]);
    mocks.admin("/reset", Some(&json!({})));
    mocks.arm_with("tools", &error("100%"), &json!({ "every_nth": 3 }));
    assert_eq!(statuses(&mocks, 6), [200, 200, 503, 200, 200, 503]);
}

#[test]
fn requests_that_a_fault_cannot_touch_do_not_use_it_up() {
    let mocks = Mocks::start(SET);
    mocks.arm_with("tools", &error("100%"), &json!({ "first_n": 1 }));
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(mocks.post("tools", "/mcp", &list).status, 200);
    assert_eq!(mocks.post("tools", "/tools/weather", &json!([])).status, 400);
    assert_eq!(mocks.fault()["exposed"], 0);
    assert_eq!(statuses(&mocks, 2), [503, 200]);
}

#[test]
fn a_share_hits_about_that_many_and_the_dose_follows_the_clock() {
    let mocks = Mocks::with(SET, &["--hold"]);
    mocks.arm_with("tools", &error("50%"), &json!({ "duration": "100s", "ramp": "100s" }));
    let hits = |mocks: &Mocks| statuses(mocks, 200).iter().filter(|status| **status == 503).count();
    assert_eq!(hits(&mocks), 0, "at the beginning of the ramp");
    mocks.admin("/clock", Some(&json!({ "forward": "50s" })));
    assert!((30..70).contains(&hits(&mocks)), "a quarter, half way up");
    mocks.admin("/clock", Some(&json!({ "forward": "49s" })));
    assert!((75..125).contains(&hits(&mocks)), "nearly half, nearly at the top");
    mocks.admin("/clock", Some(&json!({ "forward": "1s" })));
    assert_eq!(hits(&mocks), 0, "it ends by itself");
}

#[test]
fn a_sticky_fault_hits_all_calls_of_a_session_or_none() {
    let mocks = Mocks::start(SET);
    mocks.arm_with("tools", &error("50%"), &json!({ "sticky": "session" }));
    let call = |session: usize| {
        let header = format!("x-stormdrill-session: s{session}\r\n");
        mocks.post_with("tools", "/tools/weather", &header, &json!({ "city": "Oslo" })).status
    };
    let first: Vec<u16> = (0..40).map(call).collect();
    assert_eq!((0..40).map(call).collect::<Vec<u16>>(), first);
    let hit = first.iter().filter(|status| **status == 503).count();
    assert!((10..30).contains(&hit), "{hit} of 40 sessions");
}

#[test]
fn faults_come_and_go_as_a_file_schedules_them() {
    let fault = "[[fault]]\nid = \"it\"\non = \"tools\"\nstart = \"10s\"\nduration = \"20s\"\ninject.error = { share = \"100%\", status = 503 }\n";
    let mocks = Mocks::with(&format!("{SET}{fault}"), &["--hold"]);
    let at = |at: &str| {
        mocks.admin("/clock", Some(&json!({ "at": at })));
        mocks.weather().status
    };
    assert_eq!(["9s", "10s", "29s", "30s"].map(at), [200, 503, 503, 200]);
    let journal = mocks.admin("/journal", None);
    let told: Vec<&str> =
        journal.as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(told, ["started", "fault-begun", "fault-witnessed", "fault-lifted"]);
    mocks.admin("/faults/it/disarm", Some(&json!({})));
    assert_eq!(at("15s"), 200);
    mocks.admin("/faults/it/schedule", Some(&json!({})));
    assert_eq!(at("15s"), 503);
}

#[test]
fn without_faults_each_is_off_until_it_is_armed() {
    let fault = "[[fault]]\nid = \"it\"\non = \"tools\"\nstart = \"0s\"\nduration = \"1h\"\ninject.error = { share = \"100%\" }\n";
    let mocks = Mocks::with(&format!("{SET}{fault}"), &["--without-faults"]);
    assert_eq!(mocks.weather().status, 200);
    mocks.admin("/faults/it/arm", Some(&json!({})));
    assert_eq!(mocks.weather().status, 500);
}
