//! Any text as recorded replies, and as a reply with tokens and canaries in it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match stormdrill::wire::say::recorded(text) {
        Ok(recorded) => assert!(recorded.len() <= text.lines().count()),
        Err(wrong) => assert!(!wrong.is_empty()),
    }
    let tokens =
        stormdrill::wire::tokens::Tokens::from(text, 0).map(|range| text.get(range).unwrap_or_default());
    assert_eq!(tokens.collect::<Vec<_>>().concat(), text);
    let counted = stormdrill::wire::tokens::Tokens::from(text, 0).count() as u64;
    assert_eq!(stormdrill::wire::tokens::count(text), counted);
    for canary in stormdrill::wire::canary::find(text.as_bytes()) {
        assert!(stormdrill::wire::canary::instructed(text, canary).is_none_or(|tool| tool.len() <= 128));
    }
});
