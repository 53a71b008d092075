//! Any bytes as the body of a message.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match stormdrill::wire::anthropic::messages::read(body) {
        Ok(prompt) => assert!(prompt.seen <= prompt.tokens && prompt.most.is_some()),
        Err(why) => assert!(!why.is_empty()),
    }
});
