//! Any bytes as the body of a request for embeddings: refused, or vectors of length one.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(texts) = stormdrill::wire::openai::embeddings::read(body) {
        if texts.texts.len() <= 8 {
            let whole = stormdrill::wire::openai::embeddings::whole(&texts, "m");
            assert_eq!(whole["data"].as_array().map(Vec::len), Some(texts.texts.len()));
        }
    }
});
