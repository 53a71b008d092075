//! The same file, seed and order of requests give the same replies, whatever the timing.

use serde_json::json;

use super::{Mocks, SET, chat};

const FAULTS: &str = r#"
[[fault]]
id = "drift"
on = "llm"
start = "0s"
duration = "1h"
inject.quality-drop = { share = "30%" }
[[fault]]
id = "errors"
on = "llm"
start = "0s"
duration = "1h"
inject.error = { share = "30%", status = 503 }
[[fault]]
id = "injection"
on = "tools"
start = "0s"
duration = "1h"
inject.injection = { share = "50%" }
"#;

/// Returns all that comes of a fixed row of requests.
fn row(seed: &str, pause_ms: u64) -> Vec<String> {
    let filler = "[mocks.filler]\nkind = \"model\"\nfirst_token = \"lognormal(2ms, 0.5)\"\nper_token = \"0ms\"\nwire.tokens = \"10..40\"\n";
    let mocks = Mocks::with(&format!("{SET}{filler}{FAULTS}"), &["--seed", seed]);
    let mut all = Vec::new();
    for number in 0..12 {
        let replies = [
            mocks.post("llm", "/v1/chat/completions", &chat("order 7", number % 2 == 0)),
            mocks.post(
                "filler",
                "/v1/messages",
                &json!({ "model": "m", "max_tokens": 99, "messages": [{ "role": "user", "content": "x" }] }),
            ),
            mocks.weather(),
        ];
        std::thread::park_timeout(std::time::Duration::from_millis(pause_ms));
        for reply in replies {
            let head: Vec<&str> = reply.head.lines().filter(|line| !line.starts_with("date:")).collect();
            all.push(format!("{}\n{}", head.join("\n"), reply.body));
        }
    }
    all
}

#[test]
fn the_same_seed_says_the_same_however_long_it_takes() {
    let first = row("7", 0);
    assert_eq!(row("7", 15), first);
    assert_ne!(row("8", 0), first);
    let errors = first.iter().filter(|reply| reply.contains("503")).count();
    assert!((1..12).contains(&errors), "some were hit, and some not: {errors}");
}
