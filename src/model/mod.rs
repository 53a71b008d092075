//! How traffic, mocks, faults and responders behave, as pure machines.
//!
//! Chance comes from keyed streams; time is an argument; nothing here waits.

pub mod memory;
pub mod outcome;
pub mod overlay;
pub mod quota;
pub mod responder;
pub mod state;
pub mod told;
pub mod traffic;

pub use memory::Memory;
pub use outcome::{Outcome, Reply, Usage, Use};
pub use overlay::Dose;
pub use quota::Quotas;
pub use state::SharedState;
pub use told::Told;
pub use traffic::Arrivals;
