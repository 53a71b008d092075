//! Any bytes as the arguments of a tool, and any JSON as its schema.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bodies: (&[u8], &[u8])| {
    let Ok(arguments) = stormdrill::wire::tool::arguments(bodies.0) else { return };
    let Ok(schema) = serde_json::from_slice::<serde_json::Value>(bodies.1) else { return };
    let (drifted, renamed) = stormdrill::wire::tool::drifted(&schema);
    if drifted.is_object() {
        let lacks = stormdrill::wire::tool::lacking(&drifted, &arguments);
        assert!(lacks.is_some() || arguments.contains_key(&renamed));
    }
});
