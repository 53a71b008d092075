//! Rendering of results: one versioned form, and views of it. Computes nothing about the drill.

/// Appends a line; writing to a string cannot fail.
macro_rules! line {
    ($text:expr, $($rest:tt)*) => {
        writeln!($text, $($rest)*).expect("a string takes every line")
    };
}

pub mod ablations;
pub mod comparisons;
mod gather;
pub mod human;
pub mod margins;
pub mod otlp;
pub mod page;
pub mod result;
pub mod saved;
pub mod story;
pub mod tunes;

pub use result::{DrillResult, RunResult, WholeResult};
