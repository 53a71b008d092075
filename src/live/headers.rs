//! The headers that providers send beside their replies.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::base::Span;
use crate::live::clock::wall_after;
use crate::live::world::Left;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OPENAI_VERSION: HeaderName = HeaderName::from_static("openai-version");
const OPENAI_ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
pub(super) const OPENAI_PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const ANTHROPIC_ORGANIZATION: HeaderName = HeaderName::from_static("anthropic-organization-id");
const ORGANIZATION: HeaderValue = HeaderValue::from_static("org-stormdrill");

/// The limit, the rest and the reset of requests, then those of tokens.
static OPENAI: [[HeaderName; 3]; 2] = [
    [
        HeaderName::from_static("x-ratelimit-limit-requests"),
        HeaderName::from_static("x-ratelimit-remaining-requests"),
        HeaderName::from_static("x-ratelimit-reset-requests"),
    ],
    [
        HeaderName::from_static("x-ratelimit-limit-tokens"),
        HeaderName::from_static("x-ratelimit-remaining-tokens"),
        HeaderName::from_static("x-ratelimit-reset-tokens"),
    ],
];
static ANTHROPIC: [[HeaderName; 3]; 2] = [
    [
        HeaderName::from_static("anthropic-ratelimit-requests-limit"),
        HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
        HeaderName::from_static("anthropic-ratelimit-requests-reset"),
    ],
    [
        HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
        HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
        HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
    ],
];

/// Adds the headers that name the provider and the request.
pub(super) fn of_provider(map: &mut HeaderMap, is_openai: bool, id: &str) {
    let id = HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("req_0"));
    if is_openai {
        map.insert(X_REQUEST_ID, id);
        map.insert(OPENAI_VERSION, HeaderValue::from_static("2020-10-01"));
        map.insert(OPENAI_ORGANIZATION, ORGANIZATION);
    } else {
        map.insert(REQUEST_ID, id);
        map.insert(ANTHROPIC_ORGANIZATION, ORGANIZATION);
    }
}

/// Adds what is left of the quotas.
pub(super) fn of_quotas(map: &mut HeaderMap, is_openai: bool, [requests, tokens]: [Option<Left>; 2]) {
    let names = if is_openai { &OPENAI } else { &ANTHROPIC };
    for ([limit, rest, reset], left) in names.iter().zip([requests, tokens]) {
        let Some(left) = left else { continue };
        map.insert(limit, number(left.limit));
        map.insert(rest, number(left.rest));
        let full = if is_openai { go_duration(left.full_in) } else { moment(left.full_in) };
        map.insert(reset, full);
    }
}

/// Returns a number as a header. What `HeaderValue` makes of numbers takes three pieces of memory, this one.
pub(super) fn number(of: u64) -> HeaderValue {
    with_unit(of, *b"")
}

/// Returns a number with a unit after it.
fn with_unit<const LENGTH: usize>(of: u64, unit: [u8; LENGTH]) -> HeaderValue {
    let (mut text, mut from, mut rest) = ([b'0'; 24], 24 - LENGTH, of);
    text[from..].copy_from_slice(&unit);
    while rest > 0 || from == 24 - LENGTH {
        from -= 1;
        text[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    HeaderValue::from_bytes(&text[from..]).expect("digits can stand in a header")
}

/// Adds headers that are texts.
pub(super) fn add(map: &mut HeaderMap, headers: &[(&'static str, String)]) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            map.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Returns a span as Go writes it: `12ms`, `1.5s`, `6m0s`.
fn go_duration(span: Span) -> HeaderValue {
    let millis = span.0.div_ceil(1_000_000);
    if millis < 1_000 {
        return with_unit(millis, *b"ms");
    }
    let (minutes, seconds) = (millis / 60_000, (millis % 60_000) as f64 / 1e3);
    value(match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    })
}

/// Returns the moment that lies so far ahead, as RFC 3339 has it.
fn moment(after: Span) -> HeaderValue {
    let seconds = i64::try_from(wall_after(after)).unwrap_or(i64::MAX);
    value(jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |moment| moment.to_string()))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and letters can stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        for of in [0, 7, 10, 900_000_000, u64::MAX] {
            assert_eq!(number(of).to_str().unwrap(), of.to_string());
        }
    }

    #[test]
    fn spans_are_written_as_go_writes_them() {
        let written = [0, 12_000_000, 999_000_001, 1_500_000_000, 360_000_000_000, 3_723_000_000_000]
            .map(|nanos| go_duration(Span(nanos)).to_str().unwrap().to_owned());
        assert_eq!(written, ["0ms", "12ms", "1s", "1.5s", "6m0s", "1h2m3s"]);
    }
}
