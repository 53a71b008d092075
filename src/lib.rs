//! Game-day drills for AI agents.
//!
//! A scenario file goes in, a graded verdict comes out. The modules are floors: each imports only
//! what stands below it (`docs/architecture.md`, and a test that holds them to it).

pub mod base;
pub mod cli;
pub mod engine;
pub mod files;
pub mod grade;
pub mod guard;
pub mod model;
pub mod ops;
pub mod plan;
pub mod record;
pub mod report;
pub mod scenario;
pub mod study;
