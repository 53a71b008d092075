//! Any bytes as the body of a chat completion: refused with a reason, or a prompt that adds up.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match stormdrill::wire::openai::chat::read(body) {
        Ok(prompt) => assert!(prompt.seen <= prompt.tokens),
        Err(why) => assert!(!why.is_empty()),
    }
});
