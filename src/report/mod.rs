//! Rendering of results: one versioned form, and views of it. Computes nothing about the drill.

/// Appends a line; writing to a string cannot fail.
macro_rules! line {
    ($text:expr, $($rest:tt)*) => {
        writeln!($text, $($rest)*).expect("a string takes every line")
    };
}

pub mod ablations;
pub mod annotations;
mod chaos;
pub mod comparisons;
pub mod explain;
pub mod gather;
mod hlog;
mod html;
pub mod human;
pub mod index;
mod jsonl;
mod junit;
pub mod lessons;
pub mod margins;
mod markup;
pub mod otlp;
pub mod page;
pub mod parity;
mod postmortem;
pub mod result;
pub mod rules;
pub mod safe;
pub mod sarif;
pub mod saved;
mod step_summary;
pub mod story;
pub mod tunes;
pub mod views;
mod words;

pub use result::{DrillResult, RunResult, WholeResult};
