//! The protocols of `OpenAI`: chat completions, Responses, embeddings, models, and their errors.
//!
//! Forms: the API reference of 2026-11, and what the SDKs of Python (2, 3) and Node (5, 6, 7) accept.

pub mod chat;
pub mod embeddings;
pub mod errors;
pub mod models;
pub mod responses;

use crate::wire::frames::named;

/// Returns the number of an answer as its provider writes it.
fn id(prefix: &str, number: u64) -> String {
    named(prefix, number)
}
