//! `GET /v1/models` and `GET /v1/models/{id}`.

use serde_json::{Value, json};

/// Returns one model.
pub fn one(model: &str, created: u64) -> Value {
    json!({ "id": model, "object": "model", "created": created, "owned_by": "stormdrill" })
}

/// Returns the list of models.
pub fn list(models: &[&str], created: u64) -> Value {
    let data: Vec<Value> = models.iter().map(|model| one(model, created)).collect();
    json!({ "object": "list", "data": data })
}
