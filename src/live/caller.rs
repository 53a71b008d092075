//! Who calls, as far as a request says so: its session, its agent, its tenant, its credential.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};

use crate::wire::prompt::hash;

const AGENT: HeaderName = HeaderName::from_static("x-stormdrill-agent");
const SESSION: HeaderName = HeaderName::from_static("x-stormdrill-session");
const TENANT: HeaderName = HeaderName::from_static("x-stormdrill-tenant");
const RETRY: HeaderName = HeaderName::from_static("x-stainless-retry-count");

/// Who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Who {
    /// Its session, if anything tells it.
    pub(super) session: Option<u64>,
    /// The agent, if it is one of the scenario's.
    pub(super) agent: Option<usize>,
    /// The copy of the agent, as a number.
    pub(super) instance: u64,
    /// The tenant, as a number.
    pub(super) tenant: u64,
    /// Its credential, as a number.
    pub(super) credential: Option<u64>,
    /// How often it has tried before, as the SDKs say.
    pub(super) retry: Option<u32>,
}

impl Who {
    /// Returns who a request's headers say calls; `agents` are the scenario's.
    pub(super) fn of(headers: &HeaderMap, agents: &[String]) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(&AUTHORIZATION).map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
        let credential = bearer.or_else(|| text(&HeaderName::from_static("x-api-key")));
        // A token such as `support.7f3a` says whose it is.
        let named = text(&AGENT).or_else(|| credential.and_then(|token| token.split('.').next()));
        let trace = text(&HeaderName::from_static("traceparent")).and_then(|value| value.split('-').nth(1));
        let session = text(&SESSION).or_else(|| text(&HeaderName::from_static("mcp-session-id"))).or(trace);
        let number = |value: Option<&str>| value.map(|value| hash(value.as_bytes()));
        Self {
            session: number(session),
            agent: named.and_then(|name| agents.iter().position(|agent| agent == name)),
            instance: number(text(&AGENT).or(credential)).unwrap_or(0),
            tenant: number(
                text(&TENANT)
                    .or_else(|| text(&HeaderName::from_static("openai-organization")))
                    .or(credential),
            )
            .unwrap_or(0),
            credential: number(credential),
            retry: text(&RETRY).and_then(|value| value.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(headers: &[(&'static str, &str)]) -> Who {
        let pairs =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Who::of(&pairs.collect(), &["billing".into(), "support".into()])
    }

    #[test]
    fn an_agent_is_known_by_a_header_or_by_its_token() {
        assert_eq!(who(&[("authorization", "Bearer support.7f3a")]).agent, Some(1));
        assert_eq!(who(&[("x-api-key", "billing")]).agent, Some(0));
        assert_eq!(who(&[("x-stormdrill-agent", "support"), ("authorization", "Bearer k")]).agent, Some(1));
        assert_eq!(who(&[("authorization", "Bearer sk-other")]).agent, None);
    }

    #[test]
    fn a_session_is_known_by_header_or_trace() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(who(&[("traceparent", trace)]).session, Some(hash(b"4bf92f3577b34da6a3ce929d0e0e4736")));
        assert_eq!(who(&[("x-stormdrill-session", "s"), ("traceparent", trace)]).session, Some(hash(b"s")));
        assert_eq!(who(&[]).session, None);
    }
}
