//! Effects, spend, quotas, permissions and canaries: what the mocks know of what was done.

use serde_json::{Value, json};

use super::{Mocks, SET};

fn refund(mocks: &Mocks, headers: &str, order: &str) -> u16 {
    mocks.post_with("tools", "/tools/refund", headers, &json!({ "order": order })).status
}

fn effects(mocks: &Mocks) -> Value {
    mocks.admin("/effects?mock=tools", None)["tools"].clone()
}

#[test]
fn a_repeated_effect_is_known_by_its_key_or_by_its_arguments() {
    let mocks = Mocks::start(SET);
    let key = "idempotency-key: k1\r\n";
    assert_eq!(
        [
            refund(&mocks, key, "1"),
            refund(&mocks, key, "1"),
            refund(&mocks, "", "2"),
            refund(&mocks, "", "2")
        ],
        [200; 4]
    );
    let ledger = effects(&mocks);
    assert_eq!(
        (ledger["executed"].clone(), ledger["deduplicated"].clone(), ledger["duplicate"].clone()),
        (json!(3), json!(1), json!(1))
    );
    assert_eq!(ledger["effects"][2]["duplicate_of"], 1);
    assert_eq!(ledger["effects"][0]["key"], "k1");
}

#[test]
fn a_lost_reply_leaves_its_effect_and_a_lost_message_its_reply() {
    let mocks = Mocks::start(SET);
    mocks.arm("tools", &json!({ "reply-lost": { "share": "100%", "ending": "cut" } }));
    assert_eq!(refund(&mocks, "", "1"), 0);
    assert_eq!(effects(&mocks)["executed"], 1);
    mocks.arm("tools", &json!({ "message-drop": { "share": "100%" } }));
    assert_eq!((refund(&mocks, "", "2"), effects(&mocks)["executed"].clone()), (200, json!(1)));
    mocks.arm("tools", &json!({ "message-duplicate": { "share": "100%" } }));
    assert_eq!((refund(&mocks, "", "3"), effects(&mocks)["executed"].clone()), (200, json!(3)));
}

#[test]
fn tokens_and_prices_stand_in_the_ledger_of_spend() {
    let mocks = Mocks::start(SET);
    let reply = mocks.chat("hi").json();
    assert_eq!(
        (reply["usage"]["prompt_tokens"].clone(), reply["usage"]["completion_tokens"].clone()),
        (json!(5), json!(6))
    );
    let spend = || mocks.admin("/spend?mock=llm", None)["llm"]["dollars"].as_f64().unwrap();
    assert!((spend() - (5.0 + 60.0) / 1e6).abs() < 1e-12);
    mocks.arm("llm", &json!({ "price": { "factor": "200%" } }));
    mocks.chat("hi");
    assert!((spend() - 3.0 * (5.0 + 60.0) / 1e6).abs() < 1e-12);
    assert_eq!(mocks.fault()["hits"], 1);
}

#[test]
fn quotas_refuse_when_they_say_that_nothing_is_left_and_refill_with_the_clock() {
    let set = SET.replace("[mocks.tools]", "quota = { requests = \"2/min\" }\n[mocks.tools]");
    let mocks = Mocks::with(&set, &["--hold"]);
    let left = |mocks: &Mocks| {
        let reply = mocks.chat("hi");
        (reply.status, reply.header("x-ratelimit-remaining-requests").unwrap().to_owned())
    };
    assert_eq!(left(&mocks), (200, "1".into()));
    assert_eq!(left(&mocks), (200, "0".into()));
    let refused = mocks.chat("hi");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("30")));
    mocks.admin("/clock", Some(&json!({ "forward": "30s" })));
    assert_eq!(left(&mocks), (200, "0".into()));
    mocks.admin("/clock", Some(&json!({ "forward": "10m" })));
    mocks.arm("llm", &json!({ "rate-limit": { "to": "50%" } }));
    assert_eq!((left(&mocks).0, left(&mocks).0), (200, 429));
    assert_eq!(mocks.fault()["hits"], 1);
    let anthropic = mocks.post(
        "llm",
        "/v1/messages",
        &json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(anthropic.header("anthropic-ratelimit-requests-limit"), Some("1"));
    assert!(anthropic.header("anthropic-ratelimit-requests-reset").unwrap().ends_with('Z'));
}

#[test]
fn a_permission_can_be_taken_and_its_boundary_moves_with_faults() {
    let mocks = Mocks::start(SET);
    let token = "authorization: Bearer t1\r\n";
    assert_eq!(refund(&mocks, token, "1"), 200);
    mocks.admin("/revoke", Some(&json!({ "token": "t1" })));
    let denied = mocks.post_with("tools", "/tools/refund", token, &json!({ "order": "2" }));
    assert_eq!(denied.status, 403);
    let challenge = denied.header("www-authenticate").unwrap();
    let port = mocks.port("tools");
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("scope=\"refunds-write\""),
        "{challenge}"
    );
    assert!(challenge.contains(&format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource")));
    mocks.arm("tools", &json!({ "scope-widen": {} }));
    assert_eq!(refund(&mocks, token, "3"), 200);
    assert_eq!(effects(&mocks)["unsafe"], 1);
    mocks.arm("tools", &json!({ "revocation-lag": { "lag": "1h" } }));
    assert_eq!((refund(&mocks, token, "4"), effects(&mocks)["unsafe"].clone()), (200, json!(2)));
    mocks.arm("tools", &json!({ "confused-deputy": { "share": "100%" } }));
    assert_eq!(refund(&mocks, token, "5"), 200);
    assert_eq!(mocks.admin_reply("/revoke", Some(&json!({ "agent": "nobody" })), &mocks.token).status, 404);
}

#[test]
fn an_injected_instruction_is_followed_and_its_canary_traced_to_the_effect() {
    let mocks = Mocks::start(SET);
    mocks.arm("tools", &json!({ "injection": { "share": "100%", "hijack": "100%" } }));
    let found = mocks.weather().body;
    mocks.admin("/faults/it/disarm", Some(&json!({})));
    let hijacked = mocks.chat(&found).json();
    let call = &hijacked["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "refund", "the tool that has an effect");
    let mut arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    arguments["order"] = json!("7");
    mocks.post("tools", "/tools/refund", &arguments);
    let canaries = mocks.admin("/canaries", None);
    let seen: Vec<&Value> =
        canaries["sightings"].as_array().unwrap().iter().map(|sighting| &sighting["place"]).collect();
    assert_eq!(seen, ["prompt", "arguments", "effect"]);
    assert_eq!(
        canaries["sightings"][2]["source"],
        json!({ "fault": "it", "mock": "tools", "call": 0, "at_s": canaries["sightings"][2]["source"]["at_s"] })
    );
    assert_eq!(effects(&mocks)["unsafe"], 1);
    // A mark that somebody made up is none of ours.
    mocks.chat("SDC-0123456789abcdef");
    assert_eq!(mocks.admin("/canaries", None)["seen"], 3);
}

#[test]
fn recorded_replies_are_said_again() {
    let set = SET.replace("wire.turn = [", "wire.recorded = \"said.jsonl\"\nwire.turn = [");
    let folder = super::folder();
    std::fs::write(folder.join("said.jsonl"), "{\"prompt\":\"hi\",\"say\":\"As recorded.\"}\n").unwrap();
    let mocks = Mocks::inside(folder.clone(), &set, &[]);
    assert_eq!(mocks.chat("hi").json()["choices"][0]["message"]["content"], "As recorded.");
    assert_eq!(mocks.chat("other").json()["choices"][0]["message"]["content"], "Hello, you said other.");
    let path = folder.join("set.toml");
    std::fs::write(folder.join("said.jsonl"), "{\"prompt\":\"hi\"}\nnonsense\n{\"say\":1}\n").unwrap();
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
        .args(["mock", path.to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("said.jsonl:2:") && said.contains("said.jsonl:3:"), "{said}");
}
