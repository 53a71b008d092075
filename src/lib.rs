//! Game-day drills for AI agents.
//!
//! A scenario file goes in, a graded verdict comes out. The modules are floors: each imports only
//! what stands below it (`docs/architecture.md`, and a test that holds them to it).
//!
//! The program is a thin skin; the same can be had from Rust:
//!
//! ```
//! use stormdrill::drill::Drill;
//! use stormdrill::grade::Verdict;
//!
//! let drill = Drill::load("scenarios/tool-timeout-backlog.toml")?;
//! // Three runs that pass are no proof yet: the result says how many would be.
//! let result = drill.seeds(3).run()?;
//! assert_eq!(result.concluded(), Some(Verdict::Inconclusive));
//! assert_eq!(result.pass_rate.runs_needed, Some(59));
//! # Ok::<(), stormdrill::drill::DrillError>(())
//! ```

pub mod base;
pub mod cli;
pub mod drill;
pub mod engine;
pub mod files;
pub mod gameday;
pub mod grade;
pub mod guard;
pub mod live;
pub mod model;
pub mod ops;
pub mod plan;
pub mod record;
pub mod report;
pub mod scenario;
pub mod study;
pub mod terminal;
pub mod wire;
