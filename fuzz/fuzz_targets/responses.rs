//! Any bytes as the body of a request for a response.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match stormdrill::wire::openai::responses::read(body) {
        Ok(prompt) => assert!(prompt.seen <= prompt.tokens),
        Err(why) => assert!(!why.is_empty()),
    }
});
