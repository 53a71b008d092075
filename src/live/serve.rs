//! One request: which protocol it is in, its body within limits, and who answers it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::base::Span;
use crate::live::clock::{Moment, until};
use crate::live::line::{Line, Open};
use crate::live::models::{self, CREATED, Dialect};
use crate::live::reply::{Cut, Note, ReplyBody};
use crate::live::taken::Taken;
use crate::live::tools;
use crate::live::world::World;
use crate::live::{embeddings, mcp};
use crate::plan::WirePlan;
use crate::scenario::file::faults::wire::BreakEnding;
use crate::scenario::file::wire::Protocol;
use crate::wire::anthropic::{self, messages};
use crate::wire::openai::models as openai_models;
use crate::wire::refusal::{Refusal, Refused};

/// The largest body, and the longest time that it may take to arrive.
pub(super) const BODY_MAX: usize = 32 << 20;
/// The largest body of a call of a tool: all of it becomes values in memory.
const TOOL_BODY_MAX: usize = 4 << 20;
/// From where on a body is a large one, and how many of them may be read at once.
const LARGE: u64 = 1 << 20;
pub(super) const LARGE_AT_ONCE: usize = 16;
/// From where on the work on a body takes long enough to keep other connections waiting: half a millisecond or so.
const HEAVY: usize = 256 << 10;
const BODY_WITHIN: Span = Span::from_secs(60);

/// How long a reply that never comes is waited for, if the client does not go away.
const LOST: Span = Span::from_secs(3_600);

/// A request, with all of its body.
struct Whole {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers a request to a mock.
pub(super) fn serve(
    line: &Arc<Line>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Cut>> + Send {
    let open = Open::new(&**line);
    // Taken apart at once: otherwise there would be room for the whole as well as for its parts.
    let (Parts { method, uri, headers, .. }, incoming) = request.into_parts();
    async move {
        let _open = open;
        if !is_local(&headers) {
            return Ok(json_response(
                403,
                &json!({ "error": { "message": "Pages of other origins are not served." } }),
                line,
            ));
        }
        let most = if uri.path().starts_with("/v1/") { BODY_MAX } else { TOOL_BODY_MAX };
        let body = match body(&line.world, incoming, most).await {
            Ok(body) => body,
            Err(refusal) => {
                let mut response = refuse(dialect(uri.path(), &headers), &refusal, line);
                // What is left of the body is not read.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                return Ok(response);
            }
        };
        let is_heavy = body.len() > HEAVY || uri.path().contains("/embeddings");
        let request = Whole { method, uri, headers, body };
        if is_heavy { aside(line, request).await } else { route(line, request).await }
    }
}

/// Answers a request that takes a while to be read or written where it keeps no other connection waiting.
async fn aside(line: &Arc<Line>, request: Whole) -> Result<Response<ReplyBody>, Cut> {
    // A set, since it ends with whoever waits for it.
    let (mut only, own) = (JoinSet::new(), Arc::clone(line));
    drop(only.spawn_on(async move { route(&own, request).await }, &line.world.aside));
    // Otherwise the servers have ended.
    if let Some(Ok(response)) = only.join_next().await { response } else { Err(Cut) }
}

/// Hands a request to whoever answers it.
fn route(line: &Arc<Line>, request: Whole) -> impl Future<Output = Result<Response<ReplyBody>, Cut>> + Send {
    let Whole { method, uri, headers, body } = request;
    async move {
        let (world, mock) = (&line.world, line.mock);
        let path = uri.path().trim_end_matches('/');
        let wire = &world.served.wires[mock];
        let speaks = |protocol| wire.speaks.contains(&protocol);
        let bytes = &body[..];
        // Boxed is what each protocol does: otherwise every request would move the room that the largest needs.
        let tail =
            path.strip_prefix("/v1").filter(|_| speaks(Protocol::Openai) || speaks(Protocol::Anthropic));
        match (&method, tail.unwrap_or(path)) {
            (&Method::POST, "/chat/completions") if speaks(Protocol::Openai) => {
                Box::pin(models::answer(line, Dialect::Chat, (headers, bytes))).await
            }
            (&Method::POST, "/responses") if speaks(Protocol::Openai) => {
                Box::pin(models::answer(line, Dialect::Responses, (headers, bytes))).await
            }
            (&Method::POST, "/embeddings") if speaks(Protocol::Openai) => {
                Box::pin(embeddings::answer(line, (&headers, bytes))).await
            }
            (&Method::POST, "/messages") if speaks(Protocol::Anthropic) => {
                Box::pin(models::answer(line, Dialect::Messages, (headers, bytes))).await
            }
            (&Method::POST, "/messages/count_tokens") if speaks(Protocol::Anthropic) => {
                Ok(count(bytes, line))
            }
            (&Method::GET, path) if tail.is_some() && (path == "/models" || path.starts_with("/models/")) => {
                Ok(models_list(wire, (&world.served.mocks[mock].name, path), &headers, line))
            }
            (_, "/mcp") if speaks(Protocol::Mcp) => {
                Box::pin(mcp::answer(line, (&method, &headers), bytes)).await
            }
            (_, path) if speaks(Protocol::Http) || speaks(Protocol::Mcp) => {
                Box::pin(tools::answer(line, (&method, path), (headers, bytes))).await
            }
            (_, "/chat/completions" | "/responses" | "/embeddings" | "/messages")
                if method != Method::POST =>
            {
                let mut response = json_response(405, &json!({ "error": { "message": "Use POST." } }), line);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                Ok(response)
            }
            (_, _) => Ok(refuse(
                dialect(path, &headers),
                &Refusal::NotFound(format!("{method} {}", clipped(path))),
                line,
            )),
        }
    }
}

/// Returns a text that is not too long to be repeated.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Returns the provider whose errors a request gets.
fn dialect(path: &str, headers: &HeaderMap) -> Dialect {
    if path.contains("/messages") || headers.contains_key("anthropic-version") {
        Dialect::Messages
    } else {
        Dialect::Chat
    }
}

/// A page of some site must not reach a server of this machine.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    matches!(name, Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Reads a body within its limits.
async fn body(world: &World, incoming: Incoming, most: usize) -> Result<Bytes, Refusal> {
    let stated = incoming.size_hint().exact();
    if stated.is_some_and(|stated| stated > most as u64) {
        return Err(Refusal::TooLarge(most as u64));
    }
    // Only so many large ones are in memory at once.
    let is_small = stated.is_some_and(|stated| stated <= LARGE);
    let _place = if is_small { None } else { Box::pin(world.large.acquire()).await.ok() };
    let read = Limited::new(incoming, most).collect();
    let late = async { until(Moment::now().after(BODY_WITHIN)).await };
    // The body first: where it has come with the head, as nearly always, nobody looks at the clock.
    let read = tokio::select! {
        biased;
        read = read => read,
        () = late => return Err(Refusal::TooSlow),
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge(most as u64)),
        Err(error) => Err(Refusal::Bad(format!("The body could not be read: {error}"))),
    }
}

fn count(body: &[u8], line: &Arc<Line>) -> Response<ReplyBody> {
    match messages::read_any(body) {
        Ok(prompt) => json_response(200, &json!({ "input_tokens": prompt.tokens }), line),
        Err(why) => refuse(Dialect::Messages, &Refusal::Bad(why), line),
    }
}

fn models_list(
    wire: &WirePlan,
    (mock, path): (&str, &str),
    headers: &HeaderMap,
    line: &Arc<Line>,
) -> Response<ReplyBody> {
    let is_anthropic = headers.contains_key("anthropic-version");
    let model = wire.model.as_deref().unwrap_or(mock);
    let wanted = path.strip_prefix("/models").map(|rest| rest.trim_start_matches('/')).unwrap_or_default();
    let value = match (wanted, is_anthropic) {
        ("", true) => anthropic::models(&[model]),
        ("", false) => openai_models::list(&[model], CREATED),
        // A mock answers for any model, so each of them is there.
        (wanted, true) => anthropic::model(wanted),
        (wanted, false) => openai_models::one(wanted, CREATED),
    };
    json_response(200, &value, line)
}

/// Returns a refusal before a request is a call of the mock.
fn refuse(dialect: Dialect, refusal: &Refusal, line: &Arc<Line>) -> Response<ReplyBody> {
    from_refused(dialect.refused(refusal, "", "req_0"), line)
}

/// Returns the reply of a refusal.
pub(super) fn from_refused(refused: Refused, line: &Arc<Line>) -> Response<ReplyBody> {
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    crate::live::headers::add(&mut map, &refused.headers);
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond((status, map), ReplyBody::whole(refused.body, line))
}

/// Returns a reply of JSON.
pub(super) fn json_response(status: u16, value: &Value, line: &Arc<Line>) -> Response<ReplyBody> {
    from_refused(Refused { status, headers: Vec::new(), body: value.to_string() }, line)
}

/// Puts head and body together.
pub(super) fn respond((status, headers): (StatusCode, HeaderMap), body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns the note of a call that begins.
pub(super) fn note(taken: &Arc<Taken>, operation: &'static str) -> Note {
    Note { taken: Arc::clone(taken), call: models::blank(taken, operation) }
}

/// Breaks a reply off before its headers.
pub(super) async fn break_off(line: &Line, ending: BreakEnding) -> Cut {
    match ending {
        BreakEnding::Stall => stall(&line.world).await,
        BreakEnding::Reset => line.reset.store(true, Ordering::Release),
        // Before the headers there is nothing else to end.
        BreakEnding::Cut | BreakEnding::Clean | BreakEnding::Error => {}
    }
    Cut
}

/// Loses a reply: the connection is cut, or nothing comes.
pub(super) async fn lose(line: &Line, is_cut: bool) -> Cut {
    break_off(line, if is_cut { BreakEnding::Cut } else { BreakEnding::Stall }).await
}

/// Waits for as long as a reply that never comes keeps its connection.
pub(super) async fn stall(world: &World) {
    tokio::select! {
        () = until(Moment::now().after(LOST)) => {}
        () = world.all_released() => {}
    }
}
