//! The engine against a loop written by hand for one model, in one run: `cargo bench --bench engine`.
//!
//! The model is M/M/16 with timeouts and retries (`benches/mmc.toml`). The loop knows it by heart: a
//! four-way heap, lazy deletion, one generator, no bookkeeping but four sums. The engine reads the
//! scenario file and keeps its journal, series, histograms and ledgers. Rounds are interleaved and
//! the medians compared, because machines are noisy and ratios are not.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock and prints"
)]

use std::time::Instant;

use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::scenario::load_text;

/// Rounds of each, and requests of a round.
const ROUNDS: usize = 7;
const REQUESTS: u64 = 1_000_000;

fn main() {
    let loaded = load_text("benches/mmc.toml", include_str!("mmc.toml"), &std::collections::BTreeMap::new());
    let plan = Plan::of(&loaded.scenario.expect("the scenario is right"));
    let mut ratios = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut seen = [Seen::default(), Seen::default()];
    for round in 0..ROUNDS as u64 {
        let start = Instant::now();
        let record = rehearse(&plan, round);
        let engine = start.elapsed().as_nanos() as f64 / record.events as f64;
        let start = Instant::now();
        let by_hand = by_hand::run(round, REQUESTS);
        let floor = start.elapsed().as_nanos() as f64 / by_hand.events as f64;
        let server = &record.mocks[0];
        seen[0].add([
            record.tiers[1].arrived as f64,
            record.events as f64,
            server.requests as f64,
            server.timeouts as f64,
            server.started as f64,
            server.waited_ns as f64 / 1e9,
        ]);
        seen[1].add([
            REQUESTS as f64,
            by_hand.events as f64,
            by_hand.attempts as f64,
            by_hand.timeouts as f64,
            by_hand.started as f64,
            by_hand.waited,
        ]);
        ours.push(engine);
        theirs.push(floor);
        ratios.push(engine / floor);
    }
    for list in [&mut ours, &mut theirs, &mut ratios] {
        list.sort_by(f64::total_cmp);
    }
    println!("                 requests   events/request   timeouts/attempt   mean wait of served");
    seen[0].print("engine");
    seen[1].print("by hand");
    let middle = ROUNDS / 2;
    println!("\nengine {:.1} ns/event, by hand {:.1} ns/event", ours[middle], theirs[middle]);
    println!(
        "ratio {:.2} (median of {ROUNDS}; {:.2} to {:.2})",
        ratios[middle],
        ratios[0],
        ratios[ROUNDS - 1]
    );
    assert!(ratios[middle] <= 1.9, "the engine costs more than 1.9 times the loop");
}

/// What was seen of the model over all rounds, to know that both run the same: tasks, events,
/// attempts, timeouts, services begun, and seconds waited.
#[derive(Default)]
struct Seen([f64; 6]);

impl Seen {
    fn add(&mut self, round: [f64; 6]) {
        self.0.iter_mut().zip(round).for_each(|(sum, value)| *sum += value);
    }

    fn print(&self, name: &str) {
        let [tasks, events, attempts, timeouts, started, waited] = self.0;
        let (events, timeouts, waited) = (events / tasks, timeouts / attempts, waited / started);
        println!("{name:<12}{tasks:>13} {events:>16.3} {timeouts:>18.4} {waited:>19.3}s");
    }
}

/// The same model as one loop.
mod by_hand {
    use rand::SeedableRng;
    use rand_distr::{Distribution, Exp1};
    use rand_xoshiro::Xoshiro256PlusPlus;

    const SERVERS: usize = 16;
    const NONE: u32 = u32::MAX;

    pub(super) struct Totals {
        pub(super) events: u64,
        pub(super) attempts: u64,
        pub(super) timeouts: u64,
        pub(super) started: u64,
        pub(super) waited: f64,
    }

    #[derive(Clone, Copy)]
    struct Event {
        at: f64,
        turn: u32,
        /// Slot and kind: 0 arrival, 1 completion, 2 timeout, 3 backoff over.
        what: u32,
    }

    #[derive(Clone, Copy)]
    struct Request {
        queued_at: f64,
        /// The turns of the events that are still wanted.
        completion: u32,
        timeout: u32,
        tries: u32,
        is_serving: bool,
        before: u32,
        after: u32,
    }

    struct Heap(Vec<Event>);

    fn is_before(left: &Event, right: &Event) -> bool {
        let is_after = right.at < left.at;
        left.at < right.at || (!is_after && left.turn < right.turn)
    }

    impl Heap {
        fn push(&mut self, event: Event) {
            let mut index = self.0.len();
            self.0.push(event);
            while index > 0 {
                let parent = (index - 1) / 4;
                if !is_before(&event, &self.0[parent]) {
                    break;
                }
                self.0[index] = self.0[parent];
                index = parent;
            }
            self.0[index] = event;
        }

        fn pop(&mut self) -> Event {
            let top = self.0[0];
            let last = self.0.pop().expect("there is always an arrival");
            let length = self.0.len();
            if length == 0 {
                return top;
            }
            let mut index = 0;
            loop {
                let first = index * 4 + 1;
                if first >= length {
                    break;
                }
                let mut least = first;
                for child in first + 1..length.min(first + 4) {
                    if is_before(&self.0[child], &self.0[least]) {
                        least = child;
                    }
                }
                if !is_before(&self.0[least], &last) {
                    break;
                }
                self.0[index] = self.0[least];
                index = least;
            }
            self.0[index] = last;
            top
        }
    }

    struct World {
        heap: Heap,
        requests: Vec<Request>,
        free: Vec<u32>,
        turn: u32,
        busy: usize,
        head: u32,
        tail: u32,
        rng: Xoshiro256PlusPlus,
        totals: Totals,
    }

    impl World {
        fn exponential(&mut self) -> f64 {
            Exp1.sample(&mut self.rng)
        }

        fn schedule(&mut self, at: f64, kind: u32, slot: u32) -> u32 {
            self.turn += 1;
            self.heap.push(Event { at, turn: self.turn, what: slot << 2 | kind });
            self.turn
        }

        fn attempt(&mut self, now: f64, slot: u32) {
            self.totals.attempts += 1;
            let timeout = self.schedule(now + 4.3, 2, slot);
            let request = &mut self.requests[slot as usize];
            request.queued_at = now;
            request.timeout = timeout;
            if self.busy < SERVERS {
                self.serve(now, slot);
                return;
            }
            request.is_serving = false;
            request.before = self.tail;
            request.after = NONE;
            if self.tail == NONE {
                self.head = slot;
            } else {
                self.requests[self.tail as usize].after = slot;
            }
            self.tail = slot;
        }

        fn serve(&mut self, now: f64, slot: u32) {
            self.busy += 1;
            self.totals.started += 1;
            let service = self.exponential();
            let completion = self.schedule(now + service, 1, slot);
            let request = &mut self.requests[slot as usize];
            self.totals.waited += now - request.queued_at;
            request.is_serving = true;
            request.completion = completion;
        }

        fn leave(&mut self, slot: u32) {
            let Request { before, after, .. } = self.requests[slot as usize];
            if before == NONE {
                self.head = after;
            } else {
                self.requests[before as usize].after = after;
            }
            if after == NONE {
                self.tail = before;
            } else {
                self.requests[after as usize].before = before;
            }
        }

        fn next(&mut self, now: f64) {
            self.busy -= 1;
            if self.head != NONE {
                let slot = self.head;
                self.leave(slot);
                self.serve(now, slot);
            }
        }

        fn handle(&mut self, event: Event) {
            let (now, slot) = (event.at, event.what >> 2);
            match event.what & 3 {
                0 => {
                    self.totals.events += 1;
                    let request = Request {
                        queued_at: now,
                        completion: 0,
                        timeout: 0,
                        tries: 0,
                        is_serving: false,
                        before: NONE,
                        after: NONE,
                    };
                    let slot = self.free.pop().unwrap_or_else(|| {
                        self.requests.push(request);
                        (self.requests.len() - 1) as u32
                    });
                    self.requests[slot as usize] = request;
                    self.attempt(now, slot);
                }
                1 if self.requests[slot as usize].completion == event.turn => {
                    self.totals.events += 1;
                    let request = &mut self.requests[slot as usize];
                    (request.completion, request.timeout) = (0, 0);
                    self.free.push(slot);
                    self.next(now);
                }
                2 if self.requests[slot as usize].timeout == event.turn => self.timeout(now, slot),
                3 => {
                    self.totals.events += 1;
                    self.attempt(now, slot);
                }
                _ => {}
            }
        }

        fn timeout(&mut self, now: f64, slot: u32) {
            self.totals.events += 1;
            self.totals.timeouts += 1;
            let request = &mut self.requests[slot as usize];
            (request.completion, request.timeout) = (0, 0);
            request.tries += 1;
            let (tries, is_serving) = (request.tries, request.is_serving);
            if is_serving {
                self.next(now);
            } else {
                self.leave(slot);
            }
            if tries <= 3 {
                let unit: f64 = rand::RngExt::random(&mut self.rng);
                let pause = f64::from(1 << (tries - 1)) * (0.5 + unit);
                self.schedule(now + pause, 3, slot);
            } else {
                self.free.push(slot);
            }
        }
    }

    /// Runs `count` requests.
    pub(super) fn run(seed: u64, count: u64) -> Totals {
        let mut world = World {
            heap: Heap(Vec::new()),
            requests: Vec::new(),
            free: Vec::new(),
            turn: 0,
            busy: 0,
            head: NONE,
            tail: NONE,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            totals: Totals { events: 0, attempts: 0, timeouts: 0, started: 0, waited: 0.0 },
        };
        let mut arrived = 0;
        world.schedule(0.0, 0, 0);
        while !world.heap.0.is_empty() {
            let event = world.heap.pop();
            let is_arrival = event.what.trailing_zeros() >= 2;
            if is_arrival {
                arrived += 1;
                if arrived < count {
                    let gap = world.exponential() / 15.2;
                    world.schedule(event.at + gap, 0, 0);
                }
            }
            world.handle(event);
        }
        world.totals
    }
}
