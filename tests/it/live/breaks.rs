//! Where a reply breaks off, and how, as the bytes show it.

use serde_json::json;

use super::{Mocks, SET, chat};

#[test]
fn streams_are_one_event_in_one_chunk_in_every_protocol() {
    let mocks = Mocks::start(SET);
    for (path, body) in [
        ("/v1/chat/completions", chat("hi", true)),
        ("/v1/responses", json!({ "model": "m", "stream": true, "input": "weather" })),
        (
            "/v1/messages",
            json!({ "model": "m", "max_tokens": 99, "stream": true, "messages": [{ "role": "user", "content": "hi" }] }),
        ),
    ] {
        let reply = mocks.post("llm", path, &body);
        assert_eq!((reply.status, reply.end), (200, "whole"), "{path}");
        assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
        assert!(reply.chunks.len() > 8, "{path}: {} chunks", reply.chunks.len());
        for chunk in &reply.chunks {
            assert!(chunk.ends_with("\n\n") && chunk.matches("\n\n").count() == 1, "{path}: {chunk:?}");
        }
    }
}

#[test]
fn a_stream_breaks_off_at_each_stage_in_each_way() {
    let mocks = Mocks::start(SET);
    // The stage, the ending, how many events come, and how the connection is then.
    for (stage, ending, events, end) in [
        ("before-headers", "cut", 0, "closed"),
        ("before-headers", "reset", 0, "reset"),
        ("headers", "cut", 0, "closed"),
        ("headers", "clean", 0, "whole"),
        ("first-event", "reset", 0, "reset"),
        ("first-event", "error", 1, "whole"),
        ("event", "cut", 3, "closed"),
        ("event", "reset", 3, "reset"),
        ("event", "clean", 3, "whole"),
        ("event", "error", 4, "whole"),
        ("terminal", "clean", 7, "whole"),
        ("terminal", "cut", 7, "closed"),
        ("after-commit", "cut", 0, "closed"),
    ] {
        mocks.arm("llm", &json!({ "interruption": { "share": "100%", "stage": stage, "ending": ending } }));
        let reply = mocks.post("llm", "/v1/chat/completions", &chat("hi", true));
        let has_head = !matches!(stage, "before-headers" | "after-commit");
        assert_eq!(
            (reply.status == 200, reply.chunks.len(), reply.end),
            (has_head, events, end),
            "{stage}, {ending}"
        );
        assert!(!reply.body.contains("[DONE]"), "{stage}, {ending}");
        let is_error = reply.chunks.last().is_some_and(|last| last.contains("\"server_error\""));
        assert_eq!(is_error, ending == "error", "{stage}, {ending}");
    }
    let spent = mocks.admin("/spend", None)["llm"]["tokens"]["output"].as_u64().unwrap();
    assert!(spent > 0, "what was said, or worked after all, is billed");
}

#[test]
fn a_stalled_stream_stays_open_until_all_faults_are_released() {
    let mocks = Mocks::start(SET);
    mocks.arm("llm", &json!({ "interruption": { "share": "100%", "ending": "stall" } }));
    let mut stream = mocks.connect("llm");
    stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    std::io::Write::write_all(
        &mut stream,
        super::request("POST", "/v1/chat/completions", "", &chat("hi", true).to_string()).as_bytes(),
    )
    .unwrap();
    let stalled = super::read(&mut stream);
    assert_eq!((stalled.chunks.len(), stalled.end), (3, "open"));
    assert_eq!(mocks.admin("/release", Some(&json!({})))["verified"], true);
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    assert_eq!(super::read(&mut stream).end, "closed");
}

#[test]
fn whole_replies_and_those_of_tools_break_off_too() {
    let mocks = Mocks::start(SET);
    let mcp = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "weather", "arguments": { "city": "Oslo" } } });
    for (ending, tool, over_mcp) in [
        // The status, the body, and the connection afterwards; then the same for MCP.
        ("cut", (200, "{\"as_of\":\"now\",\"city\"", "closed"), (200, 1, "closed")),
        ("clean", (200, "{\"as_of\":\"now\",\"city\"", "whole"), (200, 1, "whole")),
        (
            "error",
            (500, "{\"error\":{\"code\":\"error\",\"message\":\"the tool failed\"}}", "whole"),
            (200, 2, "whole"),
        ),
    ] {
        mocks.arm(
            "tools",
            &json!({ "interruption": { "share": "100%", "after": 1, "stage": "event", "ending": ending } }),
        );
        let reply = mocks.weather();
        assert_eq!((reply.status, reply.body.as_str(), reply.end), tool, "{ending}");
        let reply = mocks.post("tools", "/mcp", &mcp);
        assert_eq!((reply.status, reply.chunks.len(), reply.end), over_mcp, "{ending} over MCP");
    }
}
