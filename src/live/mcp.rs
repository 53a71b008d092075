//! MCP on the wire, in both of its eras on one path.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::live::caller::Who;
use crate::live::ledger::Known;
use crate::live::line::Line;
use crate::live::reply::{Cut, Note, ReplyBody};
use crate::live::taken::Taken;
use crate::live::tools::{self, Called, Invocation};
use crate::live::{headers, serve, toolbox};
use crate::plan::Break;
use crate::scenario::file::faults::wire::{BreakEnding, Stage};
use crate::wire::mcp::{self, Era, Message, Method as Asked, RpcError};
use crate::wire::refusal::Refusal;

/// How many messages a subscription may lag behind.
const LAG_MAX: usize = 64;

/// Answers a message.
pub(super) async fn answer(
    line: &Arc<Line>,
    (method, headers): (&Method, &HeaderMap),
    body: &[u8],
) -> Result<Response<ReplyBody>, Cut> {
    let (world, mock) = (&line.world, line.mock);
    if method != Method::POST {
        // Whatever the server has to say comes with the reply to a request.
        let mut response = serve::json_response(405, &RpcError::new(-32600, "Use POST.").body(None), line);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(response);
    }
    let text = |name| headers.get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok());
    let message = match mcp::read(body, text("mcp-protocol-version")) {
        Ok(message) => message,
        Err((id, era, error)) => return Ok(failed(&error, (id.as_ref(), era), line)),
    };
    if let Some(error) = mcp::mismatch(&message, text("mcp-method"), text("mcp-name")) {
        return Ok(failed(&error, (message.id.as_ref(), message.era), line));
    }
    if message.id.is_none() {
        return Ok(serve::respond((StatusCode::ACCEPTED, HeaderMap::new()), ReplyBody::empty(line)));
    }
    let server = &world.served.mocks[mock].name;
    let result = match &message.method {
        Asked::Discover => mcp::discovered(server),
        Asked::Initialize(version) => mcp::initialized(version, server),
        Asked::Ping => json!({}),
        Asked::Empty(key) => mcp::empty(key),
        Asked::ListTools => {
            let who = Who::of(headers, &world.served.agents);
            mcp::listed(&toolbox::listed(world, &Taken::aside(line, who)))
        }
        Asked::Listen if message.era == Era::Modern => return Ok(listen(&message, line)),
        Asked::CallTool(tool, arguments, key) => {
            let key = key.as_deref().map(Known::new);
            let invocation = Invocation { tool, arguments: arguments.clone(), raw: body, key };
            return call(line, headers, (&message, invocation)).await;
        }
        Asked::Listen | Asked::Unknown(_) => {
            let error = RpcError::new(-32601, format!("Method not found: {}", message.name));
            return Ok(failed(&error, (message.id.as_ref(), message.era), line));
        }
    };
    Ok(serve::json_response(200, &mcp::result(&message, result, server), line))
}

fn failed(error: &RpcError, (id, era): (Option<&Value>, Era), line: &Arc<Line>) -> Response<ReplyBody> {
    serve::json_response(error.status(era), &error.body(id), line)
}

/// Calls a tool.
async fn call(
    line: &Arc<Line>,
    headers: &HeaderMap,
    (message, invocation): (&Message, Invocation<'_>),
) -> Result<Response<ReplyBody>, Cut> {
    let (world, mock) = (&line.world, line.mock);
    let mut who = Who::of(headers, &world.served.agents);
    who.session = who.session.or(who.credential);
    let taken = Arc::new(Taken::call(line, who));
    let mut note = serve::note(&taken, "mcp tool");
    let name = invocation.tool;
    let called = tools::call(&taken, &invocation, (&mut note, false)).await?;
    let server = &world.served.mocks[mock].name;
    let answered = |result: Value| mcp::result(message, result, server);
    let id = message.id.as_ref();
    Ok(match called {
        Called::Replied(text, None, _) => {
            let body = answered(mcp::called(&text, false)).to_string();
            json_note(200, body, note)
        }
        Called::Replied(text, Some(broken), _) => {
            broken_off(&answered(mcp::called(&text, false)), (broken, id), note)
        }
        Called::Unknown => {
            note.call.has_failed = true;
            let error = RpcError::new(-32602, format!("Unknown tool: {}", serve::clipped(name)));
            json_note(error.status(message.era), error.body(id).to_string(), note)
        }
        Called::Rejected(why) => {
            note.call.has_failed = true;
            let error = RpcError::new(-32602, format!("Invalid params: {why}"));
            json_note(error.status(message.era), error.body(id).to_string(), note)
        }
        // A tool that fails says so in its result; a server that fails, in an error of the protocol.
        Called::Refused(Refusal::Status(_, Some(code))) if code == "tool-error" => {
            note.call.has_failed = true;
            let body = answered(mcp::called("the tool failed", true)).to_string();
            json_note(200, body, note)
        }
        Called::Refused(Refusal::Status(_, Some(code))) if code == "rpc-error" => {
            note.call.has_failed = true;
            json_note(200, RpcError::new(-32603, "Internal error").body(id).to_string(), note)
        }
        Called::Refused(refusal) => {
            let refused = tools::refused(&refusal, &note.host());
            tools::from_refused(&refused, note)
        }
    })
}

fn json_note(status: u16, body: String, mut note: Note) -> Response<ReplyBody> {
    note.call.status = status;
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    serve::respond((status, map), ReplyBody::noted(body, note))
}

/// A reply that breaks off is a stream: a notice of progress, then the answer, as far as they come.
fn broken_off(answer: &Value, (broken, id): (Break, Option<&Value>), mut note: Note) -> Response<ReplyBody> {
    note.call.status = 200;
    note.call.is_stream = true;
    let frame = |value: &Value| Bytes::from(format!("event: message\ndata: {value}\n\n"));
    let notice = json!({
        "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "info", "data": "working" },
    });
    let last = if broken.ending == BreakEnding::Error {
        RpcError::new(-32603, "Internal error").body(id)
    } else {
        answer.clone()
    };
    let is_first = matches!(broken.stage, Stage::Headers | Stage::FirstEvent);
    let frames = if broken.ending == BreakEnding::Error && is_first {
        vec![frame(&last)]
    } else {
        vec![frame(&notice), frame(&last)]
    };
    let line = Arc::clone(&note.taken.line);
    let body = ReplyBody::frames(frames, &line).with(None, Some(note));
    // An error inside the stream is the answer, and the stream ends well.
    let body = if broken.ending == BreakEnding::Error { body } else { body.broken(broken) };
    serve::respond((StatusCode::OK, sse()), body)
}

fn sse() -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers::add(&mut map, &[("x-accel-buffering", "no".into()), ("cache-control", "no-cache".into())]);
    map
}

/// Keeps a subscription open, and says when the tools change.
fn listen(message: &Message, line: &Arc<Line>) -> Response<ReplyBody> {
    let (world, mock) = (&line.world, line.mock);
    let (sender, receiver) = tokio::sync::mpsc::channel(LAG_MAX);
    let (mut changes, ending) = (world.tools_watch(mock), Arc::clone(world));
    let id = message.id.clone().unwrap_or(Value::Null);
    let end = mcp::result(message, json!({}), &world.served.mocks[mock].name);
    let frame = |value: &Value| Bytes::from(format!("event: message\ndata: {value}\n\n"));
    drop(tokio::spawn(async move {
        if sender.send(frame(&mcp::acknowledged(&id))).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() || sender.send(frame(&mcp::changed(&id))).await.is_err() {
                        return;
                    }
                }
                // A subscription that ends well has a result.
                () = ending.is_over() => {
                    drop(sender.send(frame(&end)).await);
                    return;
                }
                // The client has gone.
                () = sender.closed() => return,
            }
        }
    }));
    serve::respond((StatusCode::OK, sse()), ReplyBody::channel(receiver, line))
}
