//! Errors as `OpenAI` writes them, and the gateways in front of it.

use serde_json::{Value, json};

use crate::wire::refusal::{Limit, Refusal, Refused, limit_headers, wait_headers};

/// An error: its status, type, code, parameter and message.
type Row = (u16, &'static str, Option<&'static str>, Option<&'static str>, String);

/// Returns a refusal in the provider's form, for a model of this name.
pub fn refused(refusal: &Refusal, model: &str) -> Refused {
    let mut headers = Vec::new();
    let (status, kind, code, param, message): Row = match refusal {
        Refusal::Bad(what) => (400, "invalid_request_error", None, None, what.clone()),
        Refusal::NotFound(what) => {
            (404, "invalid_request_error", Some("not_found"), None, format!("{what} does not exist."))
        }
        Refusal::NoCredential => (
            401,
            "invalid_request_error",
            Some("invalid_api_key"),
            None,
            "You didn't provide an API key.".into(),
        ),
        Refusal::Expired => (
            401,
            "invalid_request_error",
            Some("invalid_api_key"),
            None,
            "Incorrect API key provided: it has expired.".into(),
        ),
        Refusal::Denied(scope) => (
            403,
            "insufficient_permissions",
            Some("missing_scope"),
            None,
            format!("You have insufficient permissions for this operation. Missing scopes: {scope}."),
        ),
        Refusal::RateLimited { wait, limit } => {
            headers = wait_headers(*wait);
            let (kind, what, most) = match limit {
                Limit::Requests(most) => ("requests", "requests per min (RPM)", most),
                Limit::Tokens(most) => ("tokens", "tokens per min (TPM)", most),
            };
            let message = format!(
                "Rate limit reached for {model} in organization org-stormdrill on {what}: Limit {most}. Please try again in {wait}."
            );
            (429, kind, Some("rate_limit_exceeded"), None, message)
        }
        Refusal::PutOff(wait) => {
            headers = wait_headers(*wait);
            let message = format!("Rate limit reached for {model}. Please try again in {wait}.");
            (429, "requests", Some("rate_limit_exceeded"), None, message)
        }
        Refusal::Overloaded => coded(503, None),
        Refusal::ContextTooLong { most, got } => (
            400,
            "invalid_request_error",
            Some("context_length_exceeded"),
            Some("messages"),
            format!(
                "This model's maximum context length is {most} tokens. However, your messages resulted in {got} tokens. Please reduce the length of the messages."
            ),
        ),
        Refusal::TooLarge(most) => {
            (413, "invalid_request_error", None, None, format!("The request is larger than {most} bytes."))
        }
        Refusal::TooSlow => (408, "timeout", None, None, "The request took too long to arrive.".into()),
        Refusal::Status(status, code) => return of_status(*status, code.as_deref()),
    };
    Refused { status, headers, body: envelope(kind, code, param, &message).to_string() }
}

/// Returns the refusal of a status, which may call itself something.
fn of_status(status: u16, code: Option<&str>) -> Refused {
    let headers = limit_headers(status, code);
    let body = gateway(status, code).unwrap_or_else(|| {
        if let Some(code) = code {
            let (kind, message) = of_code(status, code);
            return envelope(kind, Some(code), None, &message);
        }
        let (_, kind, code, param, message) = coded(status, None);
        envelope(kind, code, param, &message)
    });
    Refused { status, headers, body: body.to_string() }
}

/// Returns the body of an error.
pub fn envelope(kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}

/// Returns what the provider says with a status.
fn coded(status: u16, param: Option<&'static str>) -> Row {
    let (kind, code, message) = match status {
        401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
        403 => (
            "unsupported_country_region_territory",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        404 => (
            "invalid_request_error",
            Some("model_not_found"),
            "The model does not exist or you do not have access to it.",
        ),
        408 => ("timeout", None, "Request timed out."),
        409 => ("invalid_request_error", Some("conflict"), "The resource was updated by another request."),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached. Please try again later."),
        503 => (
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "The requested model does not have enough capacity. Please try again later.",
        ),
        500..=599 => {
            ("server_error", None, "The server had an error while processing your request. Sorry about that!")
        }
        _ => ("invalid_request_error", None, "The request was refused."),
    };
    (status, kind, code, param, message.into())
}

/// Returns type and message of an error that calls itself `code`.
fn of_code(status: u16, code: &str) -> (&'static str, String) {
    let (kind, message) = match code {
        "insufficient_quota" | "credit_balance_exhausted" => (
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        "slow_down" => {
            ("rate_limit_error", "You are sending requests faster than your traffic may grow. Slow down.")
        }
        "content_filter" | "content_policy_violation" => (
            "invalid_request_error",
            "The response was filtered because the prompt triggered the content management policy.",
        ),
        "context_length_exceeded" => {
            ("invalid_request_error", "Your input exceeds the context window of this model.")
        }
        _ => (coded(status, None).1, "The request was refused."),
    };
    (kind, message.to_owned())
}

/// Returns the body of a gateway's refusal, for the statuses that no provider has.
pub fn gateway(status: u16, code: Option<&str>) -> Option<Value> {
    match (status, code) {
        (402, _) => {
            Some(json!({ "error": { "message": "Insufficient credits. Add more to go on.", "code": 402 } }))
        }
        (412, _) => Some(json!({
            "status": "failure",
            "message": "The budget of this key is used up.",
            "error": { "message": "The budget of this key is used up.", "type": "budget_exceeded", "code": "412" },
        })),
        (_, Some("budget_exceeded")) => Some(json!({
            "error": {
                "message": "Budget has been exceeded! Current cost: 100.0, Max budget: 100.0",
                "type": "budget_exceeded", "param": null, "code": status.to_string(),
            },
        })),
        (446, _) => Some(json!({
            "error": { "message": "The guardrail checks defined in the config failed.", "type": "hooks_failed", "param": null, "code": null },
            "hook_results": hooks(false),
        })),
        _ => None,
    }
}

/// Returns what a gateway says about the checks that it made.
pub fn hooks(is_good: bool) -> Value {
    json!({
        "before_request_hooks": [{ "verdict": is_good, "id": "stormdrill", "checks": [], "deny": !is_good }],
        "after_request_hooks": [],
    })
}
