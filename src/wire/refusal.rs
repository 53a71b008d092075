//! Why a request is refused, before any provider's form is given to it.

use crate::base::Span;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be understood.
    Bad(String),
    /// What it asks for is not there.
    NotFound(String),
    /// It has no credential.
    NoCredential,
    /// Its credential has expired.
    Expired,
    /// It may not do that; the permission that it would need.
    Denied(String),
    /// The quota is used up.
    RateLimited {
        /// How long to wait.
        wait: Span,
        /// Which quota, and its limit a minute.
        limit: Limit,
    },
    /// It is asked to wait for very long.
    PutOff(Span),
    /// Every slot and every place in the queue is taken.
    Overloaded,
    /// Its context is too long.
    ContextTooLong {
        /// The most tokens.
        most: u64,
        /// Its tokens.
        got: u64,
    },
    /// Its body is too large.
    TooLarge(u64),
    /// It took too long to arrive.
    TooSlow,
    /// A status, and what the error calls itself.
    Status(u16, Option<String>),
}

/// Which quota is used up, and its limit a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests.
    Requests(u64),
    /// Tokens.
    Tokens(u64),
}

/// A refusal in a provider's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The headers beyond the usual.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
}

/// Returns the headers of a status that a provider's limit has: a second to wait, unless waiting is of no use.
pub fn limit_headers(status: u16, code: Option<&str>) -> Vec<(&'static str, String)> {
    let is_of_rate = matches!(code, None | Some("ramp_limit_exceeded" | "slow_down" | "rate_limit_exceeded"));
    if status == 429 && is_of_rate { wait_headers(Span::from_secs(1)) } else { Vec::new() }
}

/// Returns the headers that ask to wait: whole seconds, rounded up, and milliseconds.
pub fn wait_headers(wait: Span) -> Vec<(&'static str, String)> {
    let seconds = wait.0.div_ceil(1_000_000_000).max(1);
    let millis = wait.0.div_ceil(1_000_000).max(1);
    // Whoever is asked to wait for hours is not told it in milliseconds.
    let mut headers = vec![("retry-after", seconds.to_string())];
    if seconds <= 120 {
        headers.push(("retry-after-ms", millis.to_string()));
    }
    headers
}
