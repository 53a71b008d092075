//! The ground floor: quantities, chance and statistics that every other floor uses.
//!
//! Nothing here asks the machine for anything: no clock, no files, no entropy.

pub mod chance;
pub mod dist;
pub mod drift;
pub mod money;
pub mod ratio;
pub mod stats;
pub mod time;

pub use chance::{Chance, Key};
pub use dist::Dist;
pub use money::Money;
pub use ratio::Ratio;
pub use time::{Span, Time};
