//! Rendering of results: one versioned form, and views of it. Computes nothing about the drill.

mod gather;
pub mod human;
pub mod result;

pub use result::{DrillResult, RunResult, WholeResult};
