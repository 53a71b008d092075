//! How seeds scale over threads: `cargo bench --bench threads`.
//!
//! The shipped drill, 40 seeds with their twins, on one thread and on two, in turns; the ratio of
//! the medians counts, because machines are noisy.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock and prints"
)]

use std::path::Path;
use std::time::Instant;

use stormdrill::plan::Plan;
use stormdrill::study::{self, Seeds};

const ROUNDS: usize = 5;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/tool-timeout-backlog.toml");
    let plan = Plan::of(&stormdrill::files::load(&path).scenario.expect("the shipped drill is right"));
    let once = |threads| {
        let start = Instant::now();
        let seeds = Seeds { first: 1, count: 40, threads };
        let keep = |trial: study::Trial| trial.run.events + trial.twin.events;
        let events: u64 = study::seeds(&plan, seeds, keep, || ()).expect("threads can be had").iter().sum();
        (start.elapsed().as_secs_f64(), events)
    };
    let (mut ones, mut twos, mut events) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (one, counted) = once(1);
        ones.push(one);
        twos.push(once(2).0);
        events = counted;
    }
    ones.sort_by(f64::total_cmp);
    twos.sort_by(f64::total_cmp);
    let (one, two) = (ones[ROUNDS / 2], twos[ROUNDS / 2]);
    println!("one thread {one:.2} s, two threads {two:.2} s: {:.2} times", one / two);
    println!("{:.0} ns an event on one thread, over {events} events", one * 1e9 / events as f64);
    assert!(one / two >= 1.8, "two threads are less than 1.8 times as fast: {:.2}", one / two);
}
