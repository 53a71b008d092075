//! The limits of what a scenario may ask for; scenario files are untrusted input.

use crate::base::{Money, Span};

/// The largest file, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// The longest list.
pub const LIST_MAX: usize = 256;
/// The longest drill.
pub const DURATION_MAX: Span = Span::from_secs(14 * 86_400);
/// The longest span that may be written anywhere.
pub const SPAN_MAX: Span = Span::from_secs(400 * 86_400);
/// The most tasks that a drill may expect to see arrive.
pub const TASKS_MAX: f64 = 20_000_000.0;
/// The most mocks, agents, faults, guards, SLOs, alerts or runbooks (of each).
pub const NAMED_MAX: usize = 64;
/// The most operations that an agent's plan may compile to, and how deep its steps may nest.
pub const PLAN_OPS_MAX: usize = 256;
/// How deep repeats and branches may nest.
pub const PLAN_DEPTH_MAX: usize = 4;
/// The most times that one step or block may be repeated.
pub const TIMES_MAX: f64 = 1000.0;
/// The most tokens that one call may have.
pub const TOKENS_MAX: f64 = 10_000_000.0;
/// The largest number of slots, queue places or tasks in flight.
pub const SLOTS_MAX: u64 = 1_000_000;
/// The most objects of all shared states together: snapshots are kept of every one of them.
pub const OBJECTS_MAX: u64 = 10_000;
/// The most attempts of one call.
pub const ATTEMPTS_MAX: u64 = 100;
/// The most tiers are these three, so that every table stays small.
pub const TIERS: usize = 3;
/// The highest price, for a million tokens or for a call.
pub const PRICE_MAX: Money = Money::from_micros(10_000 * 1_000_000);
/// The most operations that a run may be expected to need, over all its tasks.
pub const OPS_MAX: f64 = 1e9;
/// The most clauses of a condition.
pub const CLAUSES_MAX: usize = 8;
/// The highest arrival rate, per second.
pub const RATE_MAX: f64 = 100_000.0;
