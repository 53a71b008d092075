//! Clients that mean no good: each gets a clear answer, and the servers go on.

use std::io::{Read, Write};
use std::net::Shutdown;

use serde_json::json;

use super::{Mocks, Reply, SET, chat, exchange, read, request, until};

fn raw(mocks: &Mocks, mock: &str, bytes: &[u8]) -> Reply {
    let mut stream = mocks.connect(mock);
    // The server may have closed before all has been written.
    drop(stream.write_all(bytes));
    read(&mut stream)
}

#[test]
fn bad_bytes_in_any_protocol_get_an_error_in_its_form() {
    let mocks = Mocks::start(SET);
    let deep = format!("{{\"model\":\"m\",\"messages\":{}", "[".repeat(100_000));
    let bodies: [&[u8]; 6] = [
        b"",
        b"\xff\xfe{}",
        b"{\"model\":",
        b"[]",
        deep.as_bytes(),
        b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":7}]}",
    ];
    for (mock, path, field) in [
        ("llm", "/v1/chat/completions", "/error/type"),
        ("llm", "/v1/responses", "/error/type"),
        ("llm", "/v1/embeddings", "/error/type"),
        ("llm", "/v1/messages", "/error/type"),
        ("llm", "/v1/messages/count_tokens", "/error/type"),
        ("tools", "/mcp", "/error/code"),
        ("tools", "/tools/weather", "/error/code"),
    ] {
        for body in bodies {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
            let reply = raw(&mocks, mock, &[head.as_bytes(), body].concat());
            assert!((400..=422).contains(&reply.status), "{path} {body:?}: {reply:?}");
            assert!(reply.json().pointer(field).is_some(), "{path}: {reply:?}");
        }
    }
    assert_eq!(mocks.chat("still there").status, 200);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let mocks = Mocks::start(SET);
    let head =
        |length: u64| format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    let reply = raw(&mocks, "llm", head(100_000_000_000).as_bytes());
    assert_eq!((reply.status, reply.json()["error"]["type"].clone()), (413, json!("request_too_large")));
    // A million bytes of headers, and a thousand of them.
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(1_000_000));
    assert_eq!(raw(&mocks, "llm", long.as_bytes()).status, 431);
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(1000));
    assert_eq!(raw(&mocks, "llm", many.as_bytes()).status, 431);
    let query = json!({ "input": "a ".repeat(10_000), "model": "m" });
    assert_eq!(mocks.post("llm", "/v1/embeddings", &query).status, 400);
    let question = json!({ "query": "refund ".repeat(400_000) });
    assert_eq!(
        mocks.post("memory", "/tools/recall", &question).status,
        200,
        "only its beginning is looked at"
    );
    assert_eq!(mocks.chat("still there").status, 200);
}

#[test]
fn no_client_can_make_the_memory_grow_with_long_keys() {
    let mocks = Mocks::start(SET);
    let key = "k".repeat(1_000_000);
    for number in 0..3 {
        let meta = json!({ "idempotencyKey": format!("{key}{number}") });
        let params = json!({ "name": "refund", "arguments": { "order": "1" }, "_meta": meta });
        let reply = mocks.post(
            "tools",
            "/mcp",
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
        );
        assert_eq!(reply.status, 200);
    }
    let effects = mocks.admin("/effects?mock=tools", None)["tools"].clone();
    assert_eq!(effects["executed"], 3, "keys that begin alike are not the same");
    assert!(effects.to_string().len() < 5_000);
}

#[test]
fn numbers_from_a_client_never_overflow() {
    let set = SET.replace(
        "price = { in = \"$1\", out",
        "context_max = 1000\non_overflow = \"truncate\"\nprice = { in = \"$9999\", out",
    );
    let mocks = Mocks::start(&set);
    for id in
        ["resp_0000000000000000ffffffffffffff", "resp_0000000000000000000100989680", "resp_é", "resp_", "x"]
    {
        let reply = mocks.post(
            "llm",
            "/v1/responses",
            &json!({ "model": "m", "input": "x", "previous_response_id": id }),
        );
        assert!(matches!(reply.status, 200 | 400), "{id}: {reply:?}");
    }
    assert_eq!(mocks.chat("still there").status, 200);
}

#[test]
fn a_conversation_does_not_inherit_inflated_tokens() {
    let mocks = Mocks::start(SET);
    mocks.arm("llm", &json!({ "token-inflation": { "factor": "500%" } }));
    let first = mocks.post("llm", "/v1/responses", &json!({ "model": "m", "input": "hi" })).json();
    mocks.admin("/faults/it/disarm", Some(&json!({})));
    let second = mocks
        .post(
            "llm",
            "/v1/responses",
            &json!({ "model": "m", "input": "hi", "previous_response_id": first["id"] }),
        )
        .json();
    assert_eq!(
        (first["usage"]["total_tokens"].clone(), second["usage"]["input_tokens"].clone()),
        (json!(55), json!(16))
    );
}

#[test]
fn half_closed_and_abandoned_connections_are_let_go() {
    let mocks = Mocks::start(SET);
    for _ in 0..50 {
        let mut half = mocks.connect("llm");
        half.write_all(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{").unwrap();
        half.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        drop(half.read_to_end(&mut rest));
        drop(mocks.connect("llm").write_all(
            request("POST", "/v1/chat/completions", "", &chat("hi", true).to_string()).as_bytes(),
        ));
    }
    until(|| mocks.admin("/state", None)["mocks"]["llm"]["busy"] == 0);
    assert_eq!(mocks.chat("still there").status, 200);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let mocks = Mocks::with(SET, &["--connections", "3"]);
    let open: Vec<_> = (0..3).map(|_| mocks.connect("llm")).collect();
    // Those must have been taken before the next one comes.
    let mut first = &open[0];
    first.write_all(request("GET", "/v1/models", "", "").as_bytes()).unwrap();
    let mut byte = [0; 1];
    first.read_exact(&mut byte).unwrap();
    let refused = mocks.chat("hi");
    assert_eq!(
        (refused.status, refused.json()["error"]["message"].clone()),
        (503, json!("Too many connections are open."))
    );
    drop(open);
    until(|| mocks.chat("hi").status == 200);
}

#[test]
fn requests_that_providers_take_are_taken() {
    let mocks = Mocks::start(SET);
    let object = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": [{ "type": "web_fetch_tool_result", "content": { "type": "web_fetch_result", "url": "u" } }, { "type": "text", "text": "hi" }] }] });
    assert_eq!(mocks.post("llm", "/v1/messages", &object).status, 200);
    let custom = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }, { "role": "assistant", "tool_calls": [{ "id": "c", "type": "custom", "custom": { "name": "n", "input": "i" } }] }] });
    assert_eq!(mocks.post("llm", "/v1/chat/completions", &custom).status, 200);
    let continued =
        request("POST", "/v1/chat/completions", "expect: 100-continue\r\n", &chat("hi", false).to_string());
    let reply = exchange(mocks.connect("llm"), &continued);
    assert!(matches!(reply.status, 100 | 200), "{reply:?}");
}

#[test]
fn no_header_of_a_request_comes_back_but_the_key_of_a_tool() {
    let mocks = Mocks::start(SET);
    let secret = "authorization: Bearer sk-1\r\nx-api-key: sk-2\r\ncookie: sk-3\r\nx-mine: sk-4\r\n";
    let order = json!({ "order": "1" });
    for (mock, path, body) in [
        ("llm", "/v1/chat/completions", chat("hi", false)),
        ("llm", "/v1/chat/completions", chat("hi", true)),
        ("llm", "/v1/chat/completions", json!({})),
        ("tools", "/tools/refund", order.clone()),
        ("tools", "/tools/refund", json!([])),
        ("tools", "/tools/none", order.clone()),
    ] {
        let reply = mocks.post_with(mock, path, &format!("{secret}idempotency-key: k\r\n"), &body);
        let head = &reply.head;
        assert!(!head.contains("sk-") && !head.contains("x-mine"), "{path} {body}: {head}");
        assert!(reply.status != 0, "{path} {body}");
        let has_key = head.contains("idempotency-key");
        assert_eq!(has_key, path == "/tools/refund" && reply.status == 200, "{path} {body}: {head}");
    }
}

#[test]
fn heavy_requests_are_answered_as_light_ones_are() {
    let mocks = Mocks::start(SET);
    let long = "word ".repeat(200_000);
    let reply = mocks.chat(&long);
    assert_eq!((reply.status, reply.json()["usage"]["prompt_tokens"].clone()), (200, json!(200_005)));
    let texts = json!({ "model": "m", "input": ["a", "b"] });
    assert_eq!(mocks.post("llm", "/v1/embeddings", &texts).json()["data"].as_array().unwrap().len(), 2);
    // Whoever goes away meanwhile leaves nothing behind.
    for _ in 0..5 {
        let whole = request("POST", "/v1/chat/completions", "", &chat(&long, true).to_string());
        mocks.connect("llm").write_all(whole.as_bytes()).unwrap();
    }
    until(|| mocks.admin("/state", None)["mocks"]["llm"]["busy"] == 0);
    assert_eq!(mocks.chat("still there").status, 200);
}
