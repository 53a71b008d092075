//! Slots, queues, and work for callers that have gone.

use std::io::Write;

use serde_json::{Value, json};

use super::{Mocks, SET, read, request, until};

/// One slot, one place in the queue, and a tool with an effect that takes long.
fn narrow(abandon: &str) -> String {
    SET.replace(
        "[mocks.tools]\nkind = \"tool\"\nservice = \"1ms\"\n",
        &format!("[mocks.tools]\nkind = \"tool\"\nservice = \"500ms\"\nconcurrency = 1\nqueue = 1\non_abandon = \"{abandon}\"\n"),
    )
}

fn begin(mocks: &Mocks, order: &str) -> std::net::TcpStream {
    let mut stream = mocks.connect("tools");
    let body = json!({ "order": order }).to_string();
    stream.write_all(request("POST", "/tools/refund", "", &body).as_bytes()).unwrap();
    stream
}

fn state(mocks: &Mocks) -> Value {
    mocks.admin("/state", None)["mocks"]["tools"].clone()
}

fn executed(mocks: &Mocks) -> Value {
    mocks.admin("/effects?mock=tools", None)["tools"]["executed"].clone()
}

#[test]
fn beyond_slots_and_queue_a_request_is_refused() {
    let mocks = Mocks::start(&narrow("finish"));
    let mut first = begin(&mocks, "1");
    until(|| state(&mocks)["busy"] == 1);
    let mut second = begin(&mocks, "2");
    until(|| state(&mocks)["waiting"] == 1);
    assert_eq!(read(&mut begin(&mocks, "3")).status, 503);
    assert_eq!((read(&mut first).status, read(&mut second).status), (200, 200));
    assert_eq!((executed(&mocks), state(&mocks)["overloaded"].clone()), (json!(2), json!(1)));
}

#[test]
fn a_server_that_does_not_notice_works_on_for_callers_that_have_gone() {
    let mocks = Mocks::start(&narrow("finish"));
    let gone = begin(&mocks, "1");
    until(|| state(&mocks)["busy"] == 1);
    drop(gone);
    until(|| executed(&mocks) == 1);
    let first = begin(&mocks, "2");
    until(|| state(&mocks)["busy"] == 1);
    let second = begin(&mocks, "3");
    until(|| state(&mocks)["waiting"] == 1);
    drop((second, first));
    until(|| executed(&mocks) == 3);
    until(|| state(&mocks)["busy"] == 0);
    assert_eq!(state(&mocks)["abandoned"], 3);
}

#[test]
fn a_server_that_notices_stops_and_its_slot_is_free() {
    let mocks = Mocks::start(&narrow("stop"));
    let first = begin(&mocks, "1");
    until(|| state(&mocks)["busy"] == 1);
    let second = begin(&mocks, "2");
    until(|| state(&mocks)["waiting"] == 1);
    drop((first, second));
    until(|| state(&mocks)["busy"] == 0);
    assert_eq!(read(&mut begin(&mocks, "3")).status, 200);
    assert_eq!(executed(&mocks), 1, "only the last was worked to its end");
}

#[test]
fn whoever_waits_is_served_as_soon_as_lost_capacity_is_back() {
    let mocks = Mocks::start(&narrow("finish"));
    mocks.arm("tools", &json!({ "capacity": { "to": "0%" } }));
    let mut waiting = begin(&mocks, "1");
    until(|| state(&mocks)["waiting"] == 1);
    mocks.admin("/faults/it/disarm", Some(&json!({})));
    assert_eq!(read(&mut waiting).status, 200);
    assert_eq!(mocks.fault()["hits"], 1);
}
