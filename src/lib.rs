//! Game-day drills for AI agents.
pub mod base;
pub mod guard;
pub mod model;
pub mod plan;
pub mod record;
pub mod scenario;
