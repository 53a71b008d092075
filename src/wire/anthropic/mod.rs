//! The protocol of Anthropic: Messages, token counts, models, and their errors.
//!
//! Forms: the API reference of 2026-11, and what the SDKs of Python (0, 1, 2) and TypeScript (0, 1) accept.

pub mod errors;
pub mod messages;

use serde_json::{Value, json};

/// Returns the list of models.
pub fn models(models: &[&str]) -> Value {
    let data: Vec<Value> = models.iter().map(|of| model(of)).collect();
    json!({ "data": data, "has_more": false, "first_id": models.first(), "last_id": models.last() })
}

/// Returns one model.
pub fn model(model: &str) -> Value {
    json!({ "type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z" })
}
