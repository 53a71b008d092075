//! How synthetic agents call: over kept connections, and what a client makes of a reply or of the want of one.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use crate::base::{Money, Span};
use crate::engine::Failure;
use crate::plan::EndpointPlan;
use crate::wire::canary::{self, Canary};

/// The largest reply that is read.
const REPLY_MAX: usize = 64 << 20;

/// A client of the mocks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Caller {
    /// Returns a client without connections.
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A connection is given up long before the mocks would close it: nobody uses one that is about to go.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(std::time::Duration::from_secs(10))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }

    /// Sends a request and reads the reply to its end.
    ///
    /// Of agents that are somebody else's it is also said whether a good reply is a right one.
    pub(super) async fn call(
        &self,
        request: Request<Full<Bytes>>,
        endpoint: Option<&EndpointPlan>,
    ) -> Called {
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Called::Unreached,
            Err(_broken) => return Called::Replied(Err(Failure::Cut)),
        };
        let (head, body) = response.into_parts();
        let Ok(body) = Limited::new(body, REPLY_MAX).collect().await else {
            return Called::Replied(Err(Failure::Cut));
        };
        let body = body.to_bytes();
        let result = judge(head.status, &head.headers, &body);
        match endpoint {
            Some(endpoint) => Called::Said(said(endpoint, result, &body)),
            None => Called::Replied(result),
        }
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// A good reply, or why it is none.
    Replied(Result<(), Failure>),
    /// Somebody else's agents say whether they have done it.
    Said(Said),
    /// No connection could be made: the machine, and no mock, is at its limits.
    Unreached,
}

/// What a reply of somebody else's agents says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// That the task was done, or why not, as whoever waits for it sees it.
    pub(super) result: Result<(), Failure>,
    /// Whether it contains what a right one does, which nobody who waits for it looks for.
    pub(super) is_whole: bool,
    /// Marks in it that may be the drill's.
    pub(super) canaries: Vec<Canary>,
    /// What the task has cost; nothing if that should be said and is not.
    pub(super) cost: Option<Money>,
}

fn said(endpoint: &EndpointPlan, result: Result<(), Failure>, body: &[u8]) -> Said {
    let is_read = endpoint.pointer.is_some() || endpoint.cost.is_some();
    let reply: Value = if is_read { serde_json::from_slice(body).unwrap_or_default() } else { Value::Null };
    let amount = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let cost = match &endpoint.cost {
        None => Some(Money::ZERO),
        Some(pointer) => reply.pointer(pointer).and_then(amount).map(Money::measured),
    };
    // That it was not done they say themselves: whoever waits for it sees it.
    let declined = if says_done(endpoint, &reply) { Ok(()) } else { Err(Failure::Declined) };
    Said {
        result: result.and(declined),
        is_whole: endpoint.contains.iter().all(|part| memchr::memmem::find(body, part.as_bytes()).is_some()),
        canaries: canary::find(body),
        cost,
    }
}

/// Returns whether a reply says that the task was done well.
fn says_done(endpoint: &EndpointPlan, reply: &Value) -> bool {
    let Some((pointer, wanted)) = &endpoint.pointer else { return true };
    match (reply.pointer(pointer), wanted) {
        (None | Some(Value::Null | Value::Bool(false)), None) => false,
        (Some(_), None) => true,
        (found, Some(wanted)) => {
            let text = |found: &Value| found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            found.map(text).as_ref() == Some(wanted)
        }
    }
}

/// Says what a client makes of a reply.
fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    match status.as_u16() {
        200..300 => Ok(()),
        401 => Err(Failure::Expired),
        403 => Err(Failure::Denied),
        422 if memchr::memmem::find(body, b"invalid_arguments").is_some() => Err(Failure::Rejected),
        429 => Err(wait(headers).map_or(Failure::Status(429), Failure::RateLimited)),
        status => Err(Failure::Status(status)),
    }
}

/// Returns how long the headers of a refusal ask to wait.
fn wait(headers: &HeaderMap) -> Option<Span> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<f64>().ok();
    let millis = number("retry-after-ms").map(|millis| millis / 1e3);
    millis.or_else(|| number("retry-after")).map(Span::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::file::endpoint::Address;

    fn judged(status: u16, header: Option<(&'static str, &str)>, body: &str) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        judge(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_reply_of_other_agents_is_right_if_it_says_so() {
        let endpoint = |pointer: Option<(&str, Option<&str>)>| EndpointPlan {
            address: Address::parse("http://127.0.0.1:1/").unwrap(),
            body: String::new(),
            headers: Vec::new(),
            pointer: pointer.map(|(pointer, equals)| (pointer.into(), equals.map(Into::into))),
            cost: Some("/usd".into()),
            contains: vec!["done".into(), "steps".into()],
            effect: None,
        };
        let body = br#"{"status": "done", "steps": 3, "ok": false, "usd": 0.25}"#;
        let right = |pointer, equals| said(&endpoint(Some((pointer, equals))), Ok(()), body).result.is_ok();
        assert!(right("/status", Some("done")) && right("/steps", Some("3")) && right("/status", None));
        assert!(!right("/status", Some("failed")) && !right("/ok", None) && !right("/none", None));
        let whole = said(&endpoint(None), Ok(()), body);
        let quarter = Some(Money::from_micros(250_000));
        assert!(whole.result.is_ok() && whole.is_whole && whole.cost == quarter);
        let part = said(&endpoint(None), Ok(()), b"data: done");
        assert!(part.result.is_ok() && !part.is_whole && part.cost.is_none(), "what it cost is not said");
        let failed = said(&endpoint(None), Err(Failure::Status(500)), br#"{"usd": "0.25"}"#);
        assert!(failed.result == Err(Failure::Status(500)) && failed.cost == quarter, "failures cost too");
        assert!(said(&endpoint(Some(("/status", None))), Ok(()), b"no json").result.is_err());
    }

    #[test]
    fn a_client_makes_of_a_reply_what_its_status_says() {
        assert_eq!(judged(200, None, "{}"), Ok(()));
        assert_eq!(judged(246, None, "{}"), Ok(()));
        assert_eq!(judged(503, None, ""), Err(Failure::Status(503)));
        assert_eq!(judged(401, None, ""), Err(Failure::Expired));
        assert_eq!(judged(422, None, "{\"code\":\"invalid_arguments\"}"), Err(Failure::Rejected));
        assert_eq!(judged(422, None, ""), Err(Failure::Status(422)));
        assert_eq!(judged(429, None, ""), Err(Failure::Status(429)));
        let asked = judged(429, Some(("retry-after", "3")), "");
        assert_eq!(asked, Err(Failure::RateLimited(Span::from_secs(3))));
        let asked = judged(429, Some(("retry-after-ms", "250")), "");
        assert_eq!(asked, Err(Failure::RateLimited(Span(250_000_000))));
    }
}
