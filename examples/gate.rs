//! A Rust project that gates itself: `cargo run --release --example gate`, or the same in a `#[test]`.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use stormdrill::drill::{Drill, DrillError};

fn main() -> Result<(), DrillError> {
    let drill = Drill::load("scenarios/tool-timeout-backlog.toml")?;

    // With its controls the drill passes: 59 runs that all pass are enough for 95 % at 95 % confidence.
    let result = drill.clone().seeds(60).run()?;
    result.assert_pass();

    // Without them it does not: otherwise it would prove nothing.
    let bare = drill.without("guards")?.without("runbooks")?.until_settled(100).run()?;
    bare.assert_fail();

    let recover = result.moments.iter().find(|moment| moment.name == "recover");
    let p95 = recover.and_then(|moment| moment.p95_s).unwrap_or(f64::INFINITY);
    println!("{}: recovered after {p95:.0} s in 95 of 100 runs", result.verdict);
    Ok(())
}
