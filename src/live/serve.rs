//! One request: which protocol it is in, its body within limits, and who answers it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::base::Span;
use crate::live::clock::{Moment, until};
use crate::live::models::{self, CREATED, Dialect};
use crate::live::reply::{Cut, Note, Open, ReplyBody, Reset};
use crate::live::tools;
use crate::live::world::{Taken, World};
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
const LARGE: usize = 1 << 20;
pub(super) const LARGE_AT_ONCE: usize = 16;
const BODY_WITHIN: Span = Span::from_secs(60);

/// How long a reply that never comes is waited for, if the client does not go away.
const LOST: Span = Span::from_secs(3_600);

/// Answers a request to a mock.
pub(super) async fn serve(
    (world, mock): (Arc<World>, usize),
    request: Request<Incoming>,
    reset: Reset,
) -> Result<Response<ReplyBody>, Cut> {
    let _open = Open::new(&reset);
    let (head, incoming) = request.into_parts();
    // Boxed is what each protocol does: otherwise every request would move the room that the largest needs.
    let path = head.uri.path().trim_end_matches('/').to_owned();
    let wire = &world.served.wires[mock];
    let speaks = |protocol| wire.speaks.contains(&protocol);
    if !is_local(&head.headers) {
        return Ok(json_response(
            403,
            &json!({ "error": { "message": "Pages of other origins are not served." } }),
            &reset,
        ));
    }
    let most = if path.starts_with("/v1/") { BODY_MAX } else { TOOL_BODY_MAX };
    let body = match body((&world, &head.headers), incoming, most).await {
        Ok(body) => body,
        Err(refusal) => {
            let mut response = refuse(dialect(&path, &head.headers), &refusal, &reset);
            // What is left of the body is not read.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return Ok(response);
        }
    };
    let (here, bytes) = ((&world, mock), &body[..]);
    let tail = path.strip_prefix("/v1").filter(|_| speaks(Protocol::Openai) || speaks(Protocol::Anthropic));
    match (&head.method, tail.unwrap_or(&path)) {
        (&Method::POST, "/chat/completions") if speaks(Protocol::Openai) => {
            Box::pin(models::answer(here, Dialect::Chat, (&head.headers, bytes), &reset)).await
        }
        (&Method::POST, "/responses") if speaks(Protocol::Openai) => {
            Box::pin(models::answer(here, Dialect::Responses, (&head.headers, bytes), &reset)).await
        }
        (&Method::POST, "/embeddings") if speaks(Protocol::Openai) => {
            Box::pin(embeddings::answer(here, (&head.headers, bytes), &reset)).await
        }
        (&Method::POST, "/messages") if speaks(Protocol::Anthropic) => {
            Box::pin(models::answer(here, Dialect::Messages, (&head.headers, bytes), &reset)).await
        }
        (&Method::POST, "/messages/count_tokens") if speaks(Protocol::Anthropic) => Ok(count(bytes, &reset)),
        (&Method::GET, path) if tail.is_some() && (path == "/models" || path.starts_with("/models/")) => {
            Ok(models_list(wire, (&world.served.mocks[mock].name, path), &head.headers, &reset))
        }
        (_, "/mcp") if speaks(Protocol::Mcp) => Box::pin(mcp::answer(here, &head, bytes, &reset)).await,
        (_, path) if speaks(Protocol::Http) || speaks(Protocol::Mcp) => {
            Box::pin(tools::answer(here, (&head, path), bytes, &reset)).await
        }
        (_, "/chat/completions" | "/responses" | "/embeddings" | "/messages")
            if head.method != Method::POST =>
        {
            let mut response = json_response(405, &json!({ "error": { "message": "Use POST." } }), &reset);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            Ok(response)
        }
        (_, _) => Ok(refuse(
            dialect(&path, &head.headers),
            &Refusal::NotFound(format!("{} {}", head.method, clipped(&path))),
            &reset,
        )),
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
async fn body(
    (world, headers): (&World, &HeaderMap),
    incoming: Incoming,
    most: usize,
) -> Result<Bytes, Refusal> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|stated| stated > most) {
        return Err(Refusal::TooLarge(most as u64));
    }
    // Only so many large ones are in memory at once.
    let is_small = stated.is_some_and(|stated| stated <= LARGE) || incoming.is_end_stream();
    let _place = if is_small { None } else { world.large.acquire().await.ok() };
    let read = Limited::new(incoming, most).collect();
    let late = until(Moment::now().after(BODY_WITHIN));
    // The body first: where it has come with the head, as nearly always, no timer is set.
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

fn count(body: &[u8], reset: &Reset) -> Response<ReplyBody> {
    match messages::read_any(body) {
        Ok(prompt) => json_response(200, &json!({ "input_tokens": prompt.tokens }), reset),
        Err(why) => refuse(Dialect::Messages, &Refusal::Bad(why), reset),
    }
}

fn models_list(
    wire: &WirePlan,
    (mock, path): (&str, &str),
    headers: &HeaderMap,
    reset: &Reset,
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
    json_response(200, &value, reset)
}

/// Returns a refusal before a request is a call of the mock.
fn refuse(dialect: Dialect, refusal: &Refusal, reset: &Reset) -> Response<ReplyBody> {
    from_refused(dialect.refused(refusal, "", "req_0"), reset)
}

/// Returns the reply of a refusal.
pub(super) fn from_refused(refused: Refused, reset: &Reset) -> Response<ReplyBody> {
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    crate::live::headers::add(&mut map, &refused.headers);
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond((status, map), ReplyBody::whole(refused.body, reset))
}

/// Returns a reply of JSON.
pub(super) fn json_response(status: u16, value: &Value, reset: &Reset) -> Response<ReplyBody> {
    from_refused(Refused { status, headers: Vec::new(), body: value.to_string() }, reset)
}

/// Puts head and body together.
pub(super) fn respond((status, headers): (StatusCode, HeaderMap), body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns the note of a call that begins.
pub(super) fn note(world: &Arc<World>, taken: &Arc<Taken>, operation: &'static str) -> Note {
    Note { world: Arc::clone(world), taken: Arc::clone(taken), call: models::blank(taken, operation) }
}

/// Breaks a reply off before its headers.
pub(super) async fn break_off(world: &World, ending: BreakEnding, reset: &Reset) -> Cut {
    match ending {
        BreakEnding::Stall => stall(world).await,
        BreakEnding::Reset => reset.reset.store(true, Ordering::Release),
        // Before the headers there is nothing else to end.
        BreakEnding::Cut | BreakEnding::Clean | BreakEnding::Error => {}
    }
    Cut
}

/// Loses a reply: the connection is cut, or nothing comes.
pub(super) async fn lose(world: &World, is_cut: bool, reset: &Reset) -> Cut {
    break_off(world, if is_cut { BreakEnding::Cut } else { BreakEnding::Stall }, reset).await
}

/// Waits for as long as a reply that never comes keeps its connection.
pub(super) async fn stall(world: &World) {
    tokio::select! {
        () = until(Moment::now().after(LOST)) => {}
        () = world.all_released() => {}
    }
}
