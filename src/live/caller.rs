//! Who calls, as far as a request says so: its session, its agent, its tenant, its credential.

use hyper::HeaderMap;

use crate::live::drilled::{self, Stated};
use crate::wire::prompt::hash;

/// Who calls.
#[derive(Debug, Clone, Default)]
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
    /// What it says of itself, if it is of a drill's own agents.
    pub(super) stated: Option<Box<Stated>>,
}

impl Who {
    /// Returns who a request's headers say calls; `agents` are the scenario's.
    pub(super) fn of(headers: &HeaderMap, agents: &[String]) -> Self {
        let (mut agent, mut session, mut tenant, mut credential) = (None, [None; 3], [None; 2], [None; 2]);
        let (mut retry, mut stated) = (None, None);
        // One walk over the few headers that there are.
        for (name, value) in headers {
            let Ok(text) = value.to_str() else { continue };
            match name.as_str() {
                drilled::HEADER => stated = Stated::read(text).map(Box::new),
                "x-stormdrill-agent" => agent = Some(text),
                "x-stormdrill-session" => session[0] = Some(text),
                "mcp-session-id" => session[1] = Some(text),
                "traceparent" => session[2] = text.split('-').nth(1),
                "x-stormdrill-tenant" => tenant[0] = Some(text),
                "openai-organization" => tenant[1] = Some(text),
                "authorization" => credential[0] = Some(text.strip_prefix("Bearer ").unwrap_or(text)),
                "x-api-key" => credential[1] = Some(text),
                "x-stainless-retry-count" => retry = text.parse().ok(),
                _ => {}
            }
        }
        let first = |of: &[Option<&str>]| of.iter().flatten().next().map(|value| hash(value.as_bytes()));
        let token = credential[0].or(credential[1]);
        // A token such as `support.7f3a` says whose it is.
        let named = agent.or_else(|| token.and_then(|token| token.split('.').next()));
        Self {
            session: first(&session),
            agent: named.and_then(|name| agents.iter().position(|agent| agent == name)),
            instance: first(&[agent, token]).unwrap_or(0),
            tenant: first(&[tenant[0], tenant[1], token]).unwrap_or(0),
            credential: first(&[token]),
            retry,
            stated,
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

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
