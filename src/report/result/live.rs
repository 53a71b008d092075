//! What a result says of a drill against the wall clock.

use serde::{Deserialize, Serialize};

use crate::report::result::Word;

/// How a live drill was held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveResult {
    /// How many times as fast as the wall's its clock ran.
    pub pace: u32,
    /// What harm is measured against, where virtual time has a twin: `baseline`, the run's own, carried on, or
    /// `control`, an arm without faults.
    pub reference: Word,
    /// Requests that the drill sent.
    pub sent: u64,
    /// How often one was sent, or its reply looked at, more than a quarter of a second of the drill's time late.
    pub late: u64,
    /// How late they were sent in the median, in milliseconds of the machine's time.
    pub lag_p50_ms: f64,
    /// The 99th percentile.
    pub lag_p99_ms: f64,
    /// Whether no fault was left when it was over.
    pub released: bool,
}
