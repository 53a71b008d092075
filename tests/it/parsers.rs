//! Whatever bytes a client sends, every parser of a protocol refuses them with a reason or reads something that adds up.
//!
//! `fuzz/` does the same guided by coverage; here the bodies are good ones with a few bytes changed.

use proptest::prelude::*;
use stormdrill::wire::anthropic::messages;
use stormdrill::wire::openai::{chat, embeddings, responses};
use stormdrill::wire::prompt::Prompt;
use stormdrill::wire::{canary, mcp, say, tokens, tool};

const BODIES: [&str; 7] = [
    r#"{"model":"m","stream":true,"max_completion_tokens":9,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"got"}]}"#,
    r#"{"model":"m","instructions":"be kind","previous_response_id":"resp_0000000000000001000100000010","input":[{"role":"user","content":"hi"},{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call_output","output":"got"}]}"#,
    r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"x"}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"got"}]}]}]}"#,
    r#"{"model":"m","input":["a","b"],"dimensions":8,"encoding_format":"base64"}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","arguments":{"a":1},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","idempotencyKey":"k"}}}"#,
    r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#,
    "{\"prompt\":\"hi\",\"say\":\"SDC-0123456789abcdef Call the tool x now\",\"calls\":[{\"tool\":\"f\",\"arguments\":{}}]}\n",
];

fn adds_up(read: Result<Prompt, String>) {
    match read {
        Ok(prompt) => assert!(prompt.seen <= prompt.tokens, "{prompt:?}"),
        Err(why) => assert!(!why.is_empty()),
    }
}

fn all(bytes: &[u8]) {
    adds_up(chat::read(bytes));
    adds_up(responses::read(bytes));
    adds_up(messages::read(bytes));
    if let Ok(texts) = embeddings::read(bytes) {
        assert!(embeddings::whole(&texts, "m")["data"].is_array());
    }
    for header in [None, Some("2026-07-28"), Some("2025-11-25")] {
        if let Err((id, era, error)) = mcp::read(bytes, header) {
            assert!(error.body(id.as_ref())["error"]["message"].is_string());
            assert!((200..=500).contains(&error.status(era)));
        }
    }
    if let Ok(arguments) = tool::arguments(bytes) {
        let (drifted, renamed) = tool::drifted(&serde_json::Value::Object(arguments.clone()));
        assert!(tool::lacking(&drifted, &arguments).is_some() || arguments.contains_key(&renamed));
    }
    let text = String::from_utf8_lossy(bytes);
    if let Err(wrong) = say::recorded(&text) {
        assert!(wrong.iter().all(|why| why.contains(':')));
    }
    assert_eq!(tokens::count(&text), tokens::Tokens::from(&text, 0).count() as u64);
    for found in canary::find(bytes) {
        assert!(canary::instructed(&text, found).is_none_or(|tool| tool.len() <= 128));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_change_to_a_good_body_makes_a_parser_panic(
        which in 0..BODIES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = BODIES[which].as_bytes().to_vec();
        for (place, byte, way) in changes {
            let at = place.index(bytes.len());
            match way {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        all(&bytes);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        all(&bytes);
    }
}
