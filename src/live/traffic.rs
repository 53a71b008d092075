//! The calls that a mock has answered: counts without limit, single ones with one.
//!
//! Each thread counts for itself, and whoever wants to know adds up: cores that hand one count to each other spend
//! longer on that than on the rest of a short call.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::base::{Money, Span, Time};
use crate::live::clock::Moment;

/// The most single calls that are kept for each mock.
const CALLS_KEPT: usize = 2_000;

/// The upper bounds of the buckets in which latencies are counted, in seconds.
pub(super) const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often a client says that it has tried before; one more for all above.
const RETRIES: usize = 11;

/// How many counts there are for each mock; more threads than that share them, which is only slower.
const SHARES: usize = 16;

/// A call, as the mock saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Its number at the mock.
    pub(super) number: u64,
    /// When it came.
    pub(super) at: Time,
    /// The protocol and the operation, such as `openai chat`.
    pub(super) operation: &'static str,
    /// Which of the mock's tools it called, if it is one of those that are stated.
    pub(super) tool: Option<usize>,
    /// The status; 0 if no headers were sent.
    pub(super) status: u16,
    /// The faults that changed it, a bit for each.
    pub(super) hits: u64,
    /// How often the client says that it has tried before.
    pub(super) retry: Option<u32>,
    /// Who called, as far as it said so: its session, as a number.
    pub(super) session: u64,
    /// Tokens in and out.
    pub(super) tokens: (u64, u64),
    /// Whether the reply was a stream.
    pub(super) is_stream: bool,
    /// Whether it failed whatever its status says: in the form of its protocol, or by breaking off.
    pub(super) has_failed: bool,
}

impl Call {
    /// Returns the call as JSON; `faults` and `tools` are their names.
    pub(super) fn json(&self, faults: &[String], tools: &[&str]) -> Value {
        let hit = faults.iter().enumerate().filter(|(index, _)| self.hits >> index & 1 == 1);
        let named: Vec<&String> = hit.map(|(_, id)| id).collect();
        json!({
            "number": self.number, "at_s": self.at.seconds(), "operation": self.operation,
            "tool": self.tool.and_then(|tool| tools.get(tool)),
            "status": self.status, "faults": named, "retry": self.retry,
            "session": format!("{:016x}", self.session), "tokens_in": self.tokens.0, "tokens_out": self.tokens.1,
            "stream": self.is_stream,
        })
    }
}

/// What is counted of calls.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Replies by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Calls by how often the client had tried before.
    pub(super) retries: [u64; RETRIES],
    /// Latencies of replies, until the last byte: by bucket, and the rest.
    pub(super) latencies: [u64; BUCKETS.len() + 1],
    /// Their sum, in seconds.
    pub(super) latency_sum: f64,
    /// Tokens in, of them from the cache, and out.
    pub(super) tokens: [u64; 3],
    /// What it all cost.
    pub(super) spent: Money,
    /// Requests that are being worked on without a slot. What a client leaves behind may end on another thread than it
    /// began on, so that a share of it can be less than none.
    pub(super) working: i64,
}

impl Counts {
    /// Adds what work has cost.
    pub(super) fn pay(&mut self, cost: Money, tokens: [u64; 3]) {
        self.spent += cost;
        sum(&mut self.tokens, &tokens);
    }

    fn call(&mut self, call: &Call, took: Span) {
        *self.statuses.entry(call.status).or_default() += 1;
        if let Some(retry) = call.retry {
            self.retries[(retry as usize).min(RETRIES - 1)] += 1;
        }
        let seconds = took.seconds();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        self.latencies[bucket] += 1;
        self.latency_sum += seconds;
    }

    fn add(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        sum(&mut self.retries, &other.retries);
        sum(&mut self.latencies, &other.latencies);
        self.latency_sum += other.latency_sum;
        self.pay(other.spent, other.tokens);
        self.working += other.working;
    }
}

fn sum<const LENGTH: usize>(sums: &mut [u64; LENGTH], more: &[u64; LENGTH]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

/// What one thread has counted.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// The counts.
    pub(super) counts: Counts,
    /// With when they were over.
    calls: VecDeque<(Moment, Call)>,
}

impl Share {
    /// Notes a call whose reply is over, and how long that took in the drill's time.
    pub(super) fn call(&mut self, call: Call, over: Moment, took: Span) {
        self.counts.call(&call, took);
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back((over, call));
    }
}

/// A share alone in its lines of memory: 128 bytes, since processors fetch two of 64 at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart(Mutex<Share>);

/// All calls of a mock.
#[derive(Debug, Default)]
pub(super) struct Traffic([Apart; SHARES]);

impl Traffic {
    /// Returns the share of this thread, to add to; nobody may wait while holding it.
    pub(super) fn own(&self) -> MutexGuard<'_, Share> {
        lock(&self.0[own_number()])
    }

    /// Returns the sums of all counts.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for share in &self.0 {
            counts.add(&lock(share).counts);
        }
        counts
    }

    /// Returns the calls from a number on, in the order in which they were over: the last, as many as are kept.
    pub(super) fn calls_since(&self, number: u64) -> Vec<Call> {
        let mut calls: Vec<(Moment, Call)> = Vec::new();
        for share in &self.0 {
            calls.extend(&lock(share).calls);
        }
        calls.sort_by_key(|(over, _)| *over);
        let last = calls.drain(calls.len().saturating_sub(CALLS_KEPT)..);
        last.map(|(_, call)| call).filter(|call| call.number >= number).collect()
    }

    /// Forgets every call but those that are being worked on.
    pub(super) fn reset(&self) {
        for share in &self.0 {
            let mut share = lock(share);
            let working = share.counts.working;
            *share = Share { counts: Counts { working, ..Counts::default() }, ..Share::default() };
        }
    }
}

fn lock(share: &Apart) -> MutexGuard<'_, Share> {
    share.0.lock().expect("nobody panics while counting")
}

/// Returns which share is this thread's.
fn own_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.with(|own| {
        own.get().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed) % SHARES;
            own.set(Some(number));
            number
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u64) -> Call {
        Call {
            number,
            at: Time::ZERO,
            operation: "openai chat",
            tool: None,
            status: 200,
            hits: 0,
            retry: Some(1),
            session: 0,
            tokens: (1, 2),
            is_stream: false,
            has_failed: false,
        }
    }

    #[test]
    fn what_several_threads_count_is_one_sum() {
        let traffic = Traffic::default();
        std::thread::scope(|scope| {
            for thread in 0..20 {
                let traffic = &traffic;
                scope.spawn(move || {
                    for number in 0..1_000 {
                        let mut own = traffic.own();
                        own.call(call(thread * 1_000 + number), Moment::now(), Span::from_secs(1));
                        own.counts.pay(Money(3), [1, 0, 2]);
                        own.counts.working += 1;
                    }
                });
            }
        });
        let counts = traffic.counts();
        assert_eq!((counts.statuses[&200], counts.retries[1], counts.latencies[7]), (20_000, 20_000, 20_000));
        assert_eq!(
            (counts.spent, counts.tokens, counts.working),
            (Money(60_000), [20_000, 0, 40_000], 20_000)
        );
        assert_eq!(traffic.calls_since(0).len(), CALLS_KEPT);
        traffic.reset();
        assert_eq!((traffic.counts().working, traffic.calls_since(0).len()), (20_000, 0));
    }

    #[test]
    fn a_call_that_took_long_is_the_last_of_those_that_are_kept() {
        let (traffic, begun) = (Traffic::default(), Moment::now());
        let over = |after| begun.after(Span(after)).unwrap();
        traffic.own().call(call(0), over(1_000_000), Span::ZERO);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=CALLS_KEPT as u64 {
                    traffic.own().call(call(number), over(number), Span::ZERO);
                }
            });
        });
        let kept: Vec<u64> = traffic.calls_since(0).iter().map(|call| call.number).collect();
        assert_eq!((kept.len(), kept[0], kept[CALLS_KEPT - 1]), (CALLS_KEPT, 2, 0));
        assert_eq!(traffic.calls_since(CALLS_KEPT as u64).len(), 1);
    }
}
