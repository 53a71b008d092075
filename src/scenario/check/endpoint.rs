//! Checks of agents of your own, at an address.

use crate::scenario::check::Checked;
use crate::scenario::check::wire::placeholders;
use crate::scenario::file::endpoint::{Address, Endpoint};
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::problem::{Code, Problem, Sink};

/// Headers that say how a request is framed, and where it goes.
const FRAMING: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "upgrade"];

/// What a body may have filled in.
const IN_BODY: [&str; 3] = ["task", "tier", "agent"];

pub(super) fn check(checked: &Checked<'_>, mock: &Mock, sink: &mut Sink) {
    let Some(endpoint) = &mock.endpoint else { return };
    if mock.kind.known() == Some(&MockKind::Model) {
        let message = "agents at an address are a tool to whoever posts tasks to them";
        sink.push(Problem::error(Code::Contradiction, endpoint.url.place, message).hint("kind = \"tool\""));
    }
    if let Some(wire) = &mock.wire
        && let Some(port) = &wire.port
    {
        let message = "what is at an address of its own is not served";
        sink.push(Problem::error(Code::Contradiction, port.place, message));
    }
    if endpoint.url.known().is_some_and(|url| Address::parse(&url.0).is_none()) {
        let problem = Problem::error(Code::OutOfRange, endpoint.url.place, "this is no address of HTTP");
        sink.push(problem.hint("http://127.0.0.1:8000/tasks"));
    }
    for header in endpoint.headers.iter().filter(|at| at.known().is_some()) {
        let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = header.value.0.split_once(": ").map(|(name, _)| name);
        if name.is_some_and(|name| FRAMING.contains(&&*name.to_ascii_lowercase())) {
            let message = "this header is the connection's own";
            sink.push(Problem::error(Code::Contradiction, header.place, message));
        } else if !name.is_some_and(|name| !name.is_empty() && name.chars().all(is_token))
            || !header.value.0.is_ascii()
        {
            let problem = Problem::error(Code::OutOfRange, header.place, "this is no header");
            sink.push(problem.hint("write `name: value`"));
        }
    }
    if let Some(body) = endpoint.body.as_ref().filter(|at| at.known().is_some()) {
        placeholders(&body.value.0, body.place, &IN_BODY, sink);
        // Whatever is filled in is the inside of a text.
        let filled: String = body
            .value
            .0
            .split("{{")
            .enumerate()
            .map(|(n, part)| match part.split_once("}}") {
                Some((_, rest)) if n > 0 => format!("x{rest}"),
                Some(_) | None if n > 0 => format!("{{{{{part}"),
                Some(_) | None => part.to_owned(),
            })
            .collect();
        if serde_json::from_str::<serde_json::Value>(&filled).is_err() {
            sink.push(Problem::error(Code::WrongType, body.place, "the body is JSON"));
        }
    }
    holds(checked, endpoint, sink);
}

fn holds(checked: &Checked<'_>, endpoint: &Endpoint, sink: &mut Sink) {
    if let (Some(equals), None) = (&endpoint.equals, &endpoint.pointer) {
        let problem = Problem::error(Code::Contradiction, equals.place, "nothing says where this must stand");
        sink.push(problem.hint("add `pointer`"));
    }
    if let Some(pointer) = endpoint.pointer.as_ref().filter(|at| at.known().is_some())
        && !pointer.value.0.starts_with('/')
    {
        let problem = Problem::error(Code::OutOfRange, pointer.place, "this is no JSON pointer");
        sink.push(problem.hint("it begins with a slash: /status"));
    }
    if let Some(effect) = endpoint.effect.as_ref().filter(|at| at.known().is_some()) {
        let is_served = |mock: &Mock| mock.endpoint.is_none() && mock.kind.known() == Some(&MockKind::Tool);
        if !checked.mocks.get(&effect.value.0).is_some_and(is_served) {
            let message = format!("no tool is called `{}` that is served here", effect.value.0);
            sink.push(Problem::error(Code::UnknownName, effect.place, message));
        }
    }
}
