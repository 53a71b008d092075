//! Guardrails as pure machines: they see what a client sees, never the fault, and never a clock.

pub mod breaker;
pub mod retry;
pub mod spend;
pub mod velocity;

pub use breaker::{Admission, Breaker, Change};
pub use retry::RetryBudget;
pub use spend::MinuteBudget;
pub use velocity::Velocity;
