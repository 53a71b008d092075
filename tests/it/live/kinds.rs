//! Every kind of fault that shows on the wire: share nothing changes nothing, share all is seen and witnessed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Mocks, Reply, SET, chat, until};

/// What is asked, to see a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ask {
    /// A chat.
    Chat,
    /// The second turn of a conversation, after a tool has been asked for.
    Later,
    /// A tool that reads.
    Weather,
    /// A tool with an effect.
    Refund,
    /// The list of tools.
    List,
    /// What a memory recalls.
    Recall,
}

impl Ask {
    fn of(self, mocks: &Mocks) -> Reply {
        let call = json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } }] });
        let later = json!({ "model": "m", "messages": [{ "role": "user", "content": "weather" }, call, { "role": "tool", "tool_call_id": "c", "content": "12" }] });
        match self {
            Self::Chat => mocks.post("llm", "/v1/chat/completions", &chat("order 7", false)),
            Self::Later => mocks.post("llm", "/v1/chat/completions", &later),
            Self::Weather => mocks.weather(),
            Self::Refund => mocks.post("tools", "/tools/refund", &json!({ "order": "7" })),
            Self::List => {
                mocks.post("tools", "/mcp", &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }))
            }
            Self::Recall => {
                mocks.post("memory", "/tools/recall", &json!({ "query": "customer refund", "limit": 20 }))
            }
        }
    }
}

/// Every kind: its mock, what is asked, and its statement with `DOSE` for the share.
const KINDS: [(&str, &str, Ask, &str); 33] = [
    ("error", "llm", Ask::Chat, r#"{ "share": "DOSE", "status": 429 }"#),
    ("retry-after", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("interruption", "llm", Ask::Chat, r#"{ "share": "DOSE", "ending": "clean" }"#),
    ("reply-lost", "tools", Ask::Refund, r#"{ "share": "DOSE", "ending": "cut" }"#),
    ("truncation", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("corruption", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("malformed", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("tool-call-degrade", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("refusal", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("quality-drop", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("wrong-answer", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("silent-swap", "llm", Ask::Chat, r#"{ "share": "DOSE", "tokens": "200%" }"#),
    ("reasoning-bloat", "llm", Ask::Chat, r#"{ "share": "DOSE", "factor": "300%" }"#),
    ("token-inflation", "llm", Ask::Chat, r#"{ "share": "DOSE", "factor": "300%" }"#),
    ("cache-loss", "llm", Ask::Later, r#"{ "share": "DOSE" }"#),
    ("usage-missing", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("history-loss", "llm", Ask::Later, r#"{ "share": "DOSE", "repeats": "100%" }"#),
    ("loop", "llm", Ask::Later, r#"{ "share": "DOSE" }"#),
    ("verifier-bypass", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("bleed", "llm", Ask::Chat, r#"{ "share": "DOSE" }"#),
    ("injection", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("impersonation", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("description-poison", "tools", Ask::List, r#"{ "share": "DOSE" }"#),
    ("overflow", "tools", Ask::Weather, r#"{ "share": "DOSE", "tokens": 500 }"#),
    ("stale", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("schema-drift", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("tool-vanish", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("scope-widen", "tools", Ask::List, r#"{ "share": "DOSE" }"#),
    ("scope-narrow", "tools", Ask::Refund, r#"{ "share": "DOSE" }"#),
    ("handover-truncation", "tools", Ask::Weather, r#"{ "share": "DOSE" }"#),
    ("hang", "tools", Ask::Weather, r#"{ "share": "DOSE", "hold": "50ms" }"#),
    ("token-expiry", "tools", Ask::Weather, r#"{ "share": "DOSE", "lifetime": "0s" }"#),
    ("memory-poison", "memory", Ask::Recall, r#"{ "entries": 5 }"#),
];

/// Those that show in times, in ledgers, in quotas, or not at all; each has a test elsewhere, or a line in the docs.
const ELSEWHERE: [&str; 18] = [
    "latency",
    "slow-stream",
    "capacity",
    "rate-limit",
    "price",
    "revocation-lag",
    "confused-deputy",
    "message-drop",
    "message-duplicate",
    "incident",
    "guardrail-outage",
    "false-allow",
    "retry-layers",
    "message-reorder",
    "deadlock",
    "livelock",
    "contention",
    "stale-read",
];

#[test]
fn every_kind_is_in_one_of_the_lists() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/scenario.schema.json")).unwrap();
    let there: BTreeSet<&str> =
        schema["$defs"]["Inject"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = KINDS.iter().map(|kind| kind.0).chain(ELSEWHERE).collect();
    assert_eq!(there, listed);
}

#[test]
fn share_nothing_changes_nothing_and_share_all_is_seen_and_witnessed() {
    let mocks = Mocks::with(SET, &["--hold"]);
    for (kind, mock, ask, dose) in KINDS {
        let answered = |share: &str| {
            // The same request of the same number: whatever differs is the fault's doing.
            mocks.admin("/reset", Some(&json!({})));
            mocks.admin("/faults/it/disarm", Some(&json!({})));
            let dose: Value = serde_json::from_str(&dose.replace("DOSE", share)).unwrap();
            if !share.is_empty() {
                mocks.arm(mock, &json!({ kind: dose }));
            }
            if kind == "memory-poison" && !share.is_empty() {
                until(|| mocks.admin("/state", None)["mocks"]["memory"]["memory"]["poisoned"] == 5);
            }
            let reply = ask.of(&mocks);
            let shown =
                reply.head.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n");
            (shown, reply.body, reply.end)
        };
        mocks.arm(mock, &json!({ "error": { "share": "0%" } }));
        let without = answered("");
        if dose.contains("DOSE") {
            assert_eq!(answered("0%"), without, "{kind}");
            assert_eq!(mocks.fault()["hits"], 0, "{kind}");
        }
        let with = answered("100%");
        assert_ne!(with, without, "{kind}");
        assert!(mocks.fault()["hits"].as_u64().unwrap() > 0, "{kind} is witnessed");
        let journal = mocks.admin("/journal", None);
        let last = journal
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .find(|entry| entry["event"] == "fault-witnessed")
            .unwrap();
        assert_eq!(last["detail"]["fault"], "it", "{kind}");
    }
}

#[test]
fn a_flaw_that_has_nothing_to_show_in_is_not_witnessed() {
    let set = SET.replace(
        "{ say = \"Hello, you said {{prompt}}.\" },\n  { say = \"Goodbye, order 12 is done.\" },",
        "{ say = \"Yes\" },",
    );
    let mocks = Mocks::start(&set);
    mocks.arm("llm", &json!({ "truncation": { "share": "100%" } }));
    assert_eq!(mocks.chat("x").json()["choices"][0]["message"]["content"], "Yes");
    assert_eq!((mocks.fault()["decided"].clone(), mocks.fault()["hits"].clone()), (json!(1), json!(0)));
}

#[test]
fn slow_replies_take_the_time_that_was_asked_for() {
    let set = SET
        .replace("first_token = \"2ms\"\nper_token = \"0ms\"", "first_token = \"20ms\"\nper_token = \"4ms\"");
    let mocks = Mocks::start(&set);
    mocks.arm("llm", &json!({ "slow-stream": { "first_token": "500%", "per_token": "300%" } }));
    mocks.chat("hi");
    // Said: "Hello, you said hi." has six tokens.
    let told = mocks.chat("hi");
    assert_eq!(told.header("openai-processing-ms"), Some("172"), "5 x 20 ms and 6 x 3 x 4 ms");
    mocks.arm("llm", &json!({ "latency": { "add": "100ms" } }));
    assert_eq!(mocks.chat("hi").header("openai-processing-ms"), Some("144"));
}
