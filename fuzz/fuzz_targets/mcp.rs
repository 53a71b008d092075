//! Any bytes as a message of MCP: understood, or an error of the protocol with a status.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match stormdrill::wire::mcp::read(body, None) {
        Ok(message) => drop(stormdrill::wire::mcp::mismatch(&message, Some("a"), Some("b"))),
        Err((id, era, error)) => {
            assert!(error.body(id.as_ref())["error"]["code"].is_i64());
            assert!((200..=500).contains(&error.status(era)));
        }
    }
});
