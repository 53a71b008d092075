//! Checks of agents of your own: at an address, or with a load of their own.

use crate::scenario::check::Checked;
use crate::scenario::check::wire::placeholders;
use crate::scenario::decode::Decode;
use crate::scenario::file::agents::{Step, Use};
use crate::scenario::file::endpoint::{Address, Endpoint};
use crate::scenario::file::guards::CallGuard;
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::file::runbooks::Action;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// Headers that say how a request is framed, and where it goes.
const FRAMING: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "upgrade"];

/// What a body may have filled in.
const IN_BODY: [&str; 3] = ["task", "tier", "agent"];

pub(super) fn check(checked: &Checked<'_>, mock: &Mock, sink: &mut Sink) {
    if mock.is_elsewhere() && mock.kind.known() == Some(&MockKind::Model) {
        let message = "agents of your own are a tool to whoever gives them tasks";
        sink.push(Problem::error(Code::Contradiction, mock.kind.place, message).hint("kind = \"tool\""));
    }
    if mock.is_elsewhere()
        && let Some(wire) = &mock.wire
        && let Some(port) = &wire.port
    {
        let message = "what stands for agents of your own is not served";
        sink.push(Problem::error(Code::Contradiction, port.place, message));
    }
    if let Some(reported) = &mock.reported {
        effect(checked, reported.effect.as_ref(), sink);
    }
    let Some(endpoint) = &mock.endpoint else { return };
    if mock.reported.is_some() {
        let message = "tasks are either posted to agents or reported by them";
        sink.push(Problem::error(Code::Contradiction, endpoint.url.place, message));
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
    for pointer in [&endpoint.pointer, &endpoint.cost].into_iter().flatten() {
        if pointer.known().is_some_and(|text| !text.0.starts_with('/')) {
            let problem = Problem::error(Code::OutOfRange, pointer.place, "this is no JSON pointer");
            sink.push(problem.hint("it begins with a slash: /status"));
        }
    }
    effect(checked, endpoint.effect.as_ref(), sink);
}

/// Reports an effect that would stand in no ledger.
fn effect(checked: &Checked<'_>, of: Option<&At<Name>>, sink: &mut Sink) {
    if let Some(effect) = of.filter(|at| at.known().is_some()) {
        let is_served = |mock: &Mock| !mock.is_elsewhere() && mock.kind.known() == Some(&MockKind::Tool);
        if !checked.mocks.get(&effect.value.0).is_some_and(is_served) {
            let message = format!("no tool is called `{}` that is served here", effect.value.0);
            sink.push(Problem::error(Code::UnknownName, effect.place, message));
        }
    }
}

/// Tasks of which a drill is told are one step to it: the agents themselves do the rest, and their guardrails with it.
pub(super) fn reported(checked: &Checked<'_>, sink: &mut Sink) {
    let is_reported = |name: &str| checked.mocks.get(name).is_some_and(|mock| mock.reported.is_some());
    if !checked.mocks.values().any(|mock| mock.reported.is_some()) {
        return;
    }
    for at in checked.file.agents.0.values() {
        let is_one = match &at.value.plan[..] {
            [Step::Use(tool)] => {
                let plain = Use { r#use: tool.r#use.clone(), ..Use::hole() };
                is_reported(&tool.r#use.value.0) && *tool == plain
            }
            _ => false,
        };
        if !is_one {
            let message = "where tasks are reported, an agent's plan is the one step that stands for them";
            let problem = Problem::error(Code::Contradiction, at.place, message);
            sink.push(problem.hint("plan = [{ use = \"NAME\" }], the mock with `reported`"));
        }
    }
    let steps = checked.file.runbook.0.values().flat_map(|at| &at.value.steps);
    for step in steps.filter(|step| matches!(step.r#do, Action::ResetContexts(_))) {
        let message = "contexts of tasks that are reported are not the drill's to reset";
        let problem = Problem::error(Code::Contradiction, step.id.place, message);
        sink.push(problem.hint("`do.call` and `do.command` act on agents of your own"));
    }
    for price in checked
        .mocks
        .values()
        .filter(|mock| mock.reported.is_some())
        .filter_map(|mock| mock.price_per_call.as_ref())
    {
        let message = "what a reported task costs is reported too, as `usd`";
        sink.push(Problem::error(Code::Contradiction, price.place, message));
    }
    for (_, at) in checked.file.guard.calls.0.iter().filter(|(name, _)| is_reported(name)) {
        let timeout = at.value.timeout;
        if at.value != (CallGuard { timeout, ..CallGuard::hole() }) {
            let message = "tasks that are reported have begun: only their `timeout` can be guarded here";
            sink.push(Problem::error(Code::Contradiction, at.place, message));
        }
    }
}
