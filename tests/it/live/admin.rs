//! The admin API: who may, what it tells, and what it refuses.

use serde_json::{Value, json};

use super::{Mocks, SET, chat, until};

#[test]
fn only_whoever_has_the_token_is_let_in_and_no_page_of_another_origin() {
    let mocks = Mocks::start(SET);
    for token in ["", "wrong", mocks.token.get(1..).unwrap()] {
        assert_eq!(mocks.admin_reply("/state", None, token).status, 401);
    }
    assert_eq!(mocks.admin_reply("/ready", None, "").status, 200);
    assert_eq!(mocks.admin_reply("/metrics", None, "").status, 200);
    let url = mocks.ready["admin"]["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    for header in ["origin: http://evil.example\r\n", ""] {
        let host = if header.is_empty() { "evil.example" } else { "127.0.0.1" };
        let request = format!(
            "GET /state HTTP/1.1\r\nhost: {host}\r\n{header}authorization: Bearer {}\r\n\r\n",
            mocks.token
        );
        let reply = super::exchange(std::net::TcpStream::connect(&url).unwrap(), &request);
        assert_eq!(reply.status, 403, "{header}{host}");
    }
    let origin = mocks.post_with(
        "tools",
        "/tools/refund",
        "origin: http://evil.example\r\n",
        &json!({ "order": "1" }),
    );
    assert_eq!(origin.status, 403);
}

#[test]
fn the_token_file_is_its_owners_alone_and_goes_with_the_servers() {
    use std::os::unix::fs::PermissionsExt;
    let mut mocks = Mocks::start(SET);
    let path = mocks.folder.join("token");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(mocks.token.len(), 48);
    super::process::terminate(&mocks.child);
    assert!(mocks.child.wait().unwrap().success());
    assert!(!path.exists());
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let mocks = Mocks::start(SET);
    let said = |path: &str, body: &Value| {
        let reply = mocks.admin_reply(path, Some(body), &mocks.token);
        format!("{path} {body} -> {} {}", reply.status, reply.json()["error"].as_str().unwrap_or("-"))
    };
    let lines = [
        said("/faults", &json!({ "id": "a", "on": "llm", "inject": { "hang": {} } })),
        said("/faults", &json!({ "id": "a", "on": "nobody", "inject": { "hang": { "share": "1%" } } })),
        said(
            "/faults",
            &json!({ "id": "a", "on": "llm", "inject": { "hang": { "share": "200%" } }, "more": 1 }),
        ),
        said("/faults", &json!([])),
        said("/faults/none/arm", &json!({})),
        said("/clock", &json!({ "at": "soon" })),
        said("/clock", &json!({ "to": "5m" })),
        said("/clock", &json!({ "at": "1m", "forward": "1m" })),
        said("/revoke", &json!({})),
        said("/nothing", &json!({})),
    ];
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(mocks.admin_reply("/calls?mock=none", None, &mocks.token).status, 404);
    assert_eq!(mocks.admin_reply("/calls?since=x", None, &mocks.token).status, 400);
}

#[test]
fn calls_are_told_with_their_faults_and_their_attempt() {
    let mocks = Mocks::start(SET);
    mocks.arm("llm", &json!({ "error": { "share": "100%", "status": 500 } }));
    mocks.post_with("llm", "/v1/chat/completions", "x-stainless-retry-count: 2\r\n", &chat("hi", false));
    let calls = mocks.admin("/calls?mock=llm", None)["llm"].clone();
    let call = &calls["calls"][0];
    assert_eq!(
        (call["status"].clone(), call["retry"].clone(), call["faults"].clone()),
        (json!(500), json!(2), json!(["it"]))
    );
    assert_eq!((call["operation"].clone(), call["tokens_in"].clone()), (json!("openai chat"), json!(5)));
    assert_eq!(calls["retries"][2], 1);
    // What a fault refuses at the door is its doing as well.
    mocks.arm("llm", &json!({ "retry-after": { "share": "100%" } }));
    let refused = mocks.chat("hi");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("300")));
    assert_eq!(mocks.admin("/calls?mock=llm&since=1", None)["llm"]["calls"][0]["faults"], json!(["it"]));
}

#[test]
fn a_reset_forgets_and_a_fault_that_is_there_begins_anew() {
    let mocks = Mocks::start(SET);
    mocks.chat("hi");
    mocks.arm("memory", &json!({ "memory-poison": { "entries": 5 } }));
    let poisoned =
        |mocks: &Mocks| mocks.admin("/state", None)["mocks"]["memory"]["memory"]["poisoned"].clone();
    until(|| poisoned(&mocks) == 5);
    assert_eq!(mocks.admin("/purge", Some(&json!({})))["purged"], 5);
    mocks.admin("/reset", Some(&json!({})));
    until(|| poisoned(&mocks) == 5);
    assert_eq!(mocks.admin("/calls", None)["llm"]["calls"], json!([]));
    assert_eq!(mocks.admin("/spend", None)["llm"]["tokens"]["input"], 0);
}

#[test]
fn metrics_count_what_happened() {
    let mocks = Mocks::start(SET);
    mocks.arm("tools", &json!({ "error": { "share": "100%", "status": 503 } }));
    mocks.weather();
    mocks.chat("hi");
    let page = mocks.admin_reply("/metrics", None, "").body;
    for line in [
        "stormdrill_mock_requests_total{mock=\"tools\",status=\"503\"} 1",
        "stormdrill_mock_requests_total{mock=\"llm\",status=\"200\"} 1",
        "stormdrill_mock_tokens_total{mock=\"llm\",kind=\"output\"} 6",
        "stormdrill_fault_hits_total{fault=\"it\",mock=\"tools\"} 1",
        "stormdrill_fault_dose{fault=\"it\",mock=\"tools\"} 1",
        "stormdrill_mock_reply_seconds_count{mock=\"llm\"} 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} in\n{page}");
    }
}

#[test]
fn a_subscriber_hears_that_the_tools_have_changed_and_of_its_end() {
    use std::io::{Read, Write};
    let mut mocks = Mocks::start(SET);
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    let listen =
        json!({ "jsonrpc": "2.0", "id": 5, "method": "subscriptions/listen", "params": { "_meta": meta } });
    let mut stream = mocks.connect("tools");
    stream.write_all(super::request("POST", "/mcp", "", &listen.to_string()).as_bytes()).unwrap();
    let mut heard = String::new();
    let mut hear = |wanted: &str, times: usize| {
        let mut part = [0; 4096];
        while heard.matches(wanted).count() < times {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "{wanted} in {heard}");
            heard.push_str(&String::from_utf8_lossy(&part[..read]));
        }
        assert_eq!(heard.matches(wanted).count(), times, "what happens to another mock is not told: {heard}");
    };
    hear("notifications/subscriptions/acknowledged", 1);
    mocks.arm("llm", &json!({ "latency": { "add": "1ms" } }));
    mocks.arm("tools", &json!({ "scope-widen": {} }));
    hear("notifications/tools/list_changed", 1);
    mocks.admin("/faults/it/disarm", Some(&json!({})));
    hear("notifications/tools/list_changed", 2);
    super::process::terminate(&mocks.child);
    hear("\"resultType\":\"complete\"", 1);
    assert!(mocks.child.wait().unwrap().success(), "and the servers did not have to wait for it");
}
