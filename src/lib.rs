//! Game-day drills for AI agents.
//!
//! A scenario file goes in, a graded verdict comes out. The modules are floors: each imports only
//! what stands below it (`docs/architecture.md`, and a test that holds them to it).
//!
//! The program is a thin skin; the same can be had from Rust:
//!
//! ```
//! use std::path::Path;
//! use stormdrill::{files, grade::Verdict, plan::Plan, study};
//!
//! let loaded = files::load(Path::new("scenarios/tool-timeout-backlog.toml"));
//! let plan = Plan::of(&loaded.scenario.expect("every problem is in `loaded.problems`"));
//! let seeds = study::Seeds { first: 1, count: 3, threads: 0 };
//! let cards = study::seeds(&plan, seeds, |trial| trial.card, || ())?;
//! // Three runs that pass are no proof yet: the judgement says how many would be.
//! let judgement = study::verdict(&plan, &cards);
//! assert_eq!(judgement.verdict, Verdict::Inconclusive);
//! assert_eq!(judgement.runs_needed, Some(59));
//! # Ok::<(), rayon::ThreadPoolBuildError>(())
//! ```

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
