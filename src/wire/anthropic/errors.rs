//! Errors as Anthropic writes them.

use serde_json::{Value, json};

use crate::wire::openai::errors::gateway;
use crate::wire::refusal::{Limit, Refusal, Refused, limit_headers, wait_headers};

/// Returns a refusal in the provider's form; `request` is the id of the request.
pub fn refused(refusal: &Refusal, request: &str) -> Refused {
    let mut headers = Vec::new();
    let (status, kind, message) = match refusal {
        Refusal::Bad(what) => (400, "invalid_request_error", what.clone()),
        Refusal::NotFound(what) => (404, "not_found_error", what.clone()),
        Refusal::NoCredential => (401, "authentication_error", "x-api-key header is required".into()),
        Refusal::Expired => (401, "authentication_error", "invalid x-api-key".into()),
        Refusal::Denied(scope) => {
            (403, "permission_error", format!("Your API key does not have permission to use {scope}."))
        }
        Refusal::RateLimited { wait, limit } => {
            headers = wait_headers(*wait);
            let (what, most) = match limit {
                Limit::Requests(most) => ("requests", most),
                Limit::Tokens(most) => ("tokens", most),
            };
            let message = format!(
                "This request would exceed your organization's rate limit of {most} {what} per minute."
            );
            (429, "rate_limit_error", message)
        }
        Refusal::PutOff(wait) => {
            headers = wait_headers(*wait);
            (429, "rate_limit_error", "This request would exceed your organization's rate limit.".into())
        }
        Refusal::Overloaded => return refused(&Refusal::Status(529, None), request),
        Refusal::ContextTooLong { most, got } => {
            (400, "invalid_request_error", format!("prompt is too long: {got} tokens > {most} maximum"))
        }
        Refusal::TooLarge(most) => {
            (413, "request_too_large", format!("Request exceeds the maximum size of {most} bytes"))
        }
        Refusal::TooSlow => (408, "timeout_error", "The request took too long to arrive.".into()),
        Refusal::Status(status, code) => {
            headers = limit_headers(*status, code.as_deref());
            // Billing has a form of its own here; what no provider has is a gateway's.
            if let Some(body) = gateway(*status, code.as_deref()).filter(|_| *status != 402) {
                return Refused { status: *status, headers, body: body.to_string() };
            }
            if *status == 529 {
                headers.push(("x-should-retry", "true".into()));
            }
            let (kind, message) = said(*status);
            let body = body(kind, message, code.as_deref(), request);
            return Refused { status: *status, headers, body: body.to_string() };
        }
    };
    Refused { status, headers, body: body(kind, &message, None, request).to_string() }
}

/// Returns what the provider says with a status.
pub fn said(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "Your credit balance is too low to access the API."),
        403 => ("permission_error", "Your API key does not have permission to use this resource."),
        404 => ("not_found_error", "The requested resource could not be found."),
        408 | 504 => ("timeout_error", "The request timed out."),
        409 => ("conflict_error", "The resource was changed by another request."),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => ("rate_limit_error", "This request would exceed your organization's rate limit."),
        529 => ("overloaded_error", "Overloaded"),
        500..=599 => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", "The request was refused."),
    }
}

fn body(kind: &str, message: &str, code: Option<&str>, request: &str) -> Value {
    let mut error = json!({ "type": kind, "message": message });
    if let Some(code) = code {
        error["details"] = json!({ "error_code": code });
    }
    json!({ "type": "error", "error": error, "request_id": request })
}

/// Returns the data of an error inside a stream.
pub fn inside(status: u16, request: &str) -> Value {
    let (kind, message) = said(status);
    json!({ "type": "error", "error": { "details": null, "type": kind, "message": message }, "request_id": request })
}
