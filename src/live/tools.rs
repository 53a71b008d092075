//! Tools on the wire: what a call does, whichever protocol it came by; and plain JSON over HTTP.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::base::Money;
use crate::live::caller::Who;
use crate::live::canaries::Place;
use crate::live::decide::{self, Hits};
use crate::live::ledger::{Effect, Known};
use crate::live::line::Line;
use crate::live::perform::{Deed, perform};
use crate::live::reply::{Cut, Note, ReplyBody};
use crate::live::taken::Taken;
use crate::live::work::Job;
use crate::live::world::World;
use crate::live::{drilled, headers, serve, toolbox};
use crate::model::outcome::{self, Outcome, Talk};
use crate::plan::{Boundary, Break, FaultEffect, FaultPlan, Flaw, PoisonBy, ToolPlan};
use crate::scenario::file::faults::wire::BreakEnding;
use crate::wire::canary::{self, Canary};
use crate::wire::prompt::hash;
use crate::wire::refusal::{Refusal, Refused, wait_headers};
use crate::wire::tool;

const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is called: a tool, its arguments, and the key that makes it one call however often it is sent.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    pub(super) tool: &'a str,
    pub(super) arguments: Map<String, Value>,
    /// The bytes that it came in.
    pub(super) raw: &'a [u8],
    pub(super) key: Option<Known>,
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Called {
    /// A reply, as text, and where it breaks off, if it does.
    Replied(String, Option<Break>, bool),
    /// A refusal of the server.
    Refused(Refusal),
    /// There is no such tool.
    Unknown,
    /// The arguments are not what the tool takes.
    Rejected(String),
}

/// What is decided of a call before its work begins.
#[derive(Debug)]
struct Decided {
    /// What it replies, if nothing comes between.
    text: String,
    hits: Hits,
    deed: Deed,
}

/// Calls a tool; cut, if the connection is to be. What the invocation says is not kept while the tool works.
pub(super) fn call<'a>(
    taken: &'a Arc<Taken>,
    invocation: &Invocation<'_>,
    (note, has_flag): (&mut Note, bool),
) -> impl Future<Output = Result<Called, Cut>> + Send + use<'a> {
    let decided = decide_call(taken, invocation, (note, has_flag));
    async move {
        let Decided { text, hits, mut deed } = match decided {
            Ok(decided) => decided,
            Err(called) => return Ok(called),
        };
        Ok(match perform(taken, &hits, &mut deed).await? {
            Ok(due) => Called::Replied(text, due.broken, hits.flagged.is_some()),
            Err(refusal) => Called::Refused(refusal),
        })
    }
}

/// Decides what comes of a call: a reply and a deed, unless it gets no further.
fn decide_call(
    taken: &Taken,
    invocation: &Invocation<'_>,
    (note, has_flag): (&mut Note, bool),
) -> Result<Decided, Called> {
    let world = taken.world();
    let stated = &world.served.wires[taken.mock].tools;
    note.call.tool = stated.iter().position(|tool| tool.name == invocation.tool);
    let parameters = &world.served.mocks[taken.mock];
    let hits = Hits::of(taken);
    let canaries = world.sight(taken.seen(), &canary::find(invocation.raw), Place::Arguments);
    if let Some(refusal) = decide::turned_away(world, taken, &hits) {
        return Err(Called::Refused(refusal));
    }
    if let Some(fault) = hits.vanished {
        world.witness(taken, 1 << fault);
        return Err(Called::Unknown);
    }
    let Some(of) = toolbox::find(world, taken, invocation.tool) else { return Err(Called::Unknown) };
    if let Some(why) = toolbox::rejected(world, taken, &of, &invocation.arguments) {
        return Err(Called::Rejected(why));
    }
    let of = match world.stated(taken) {
        // Whoever drills says itself what its steps do to the world.
        Some(stated) if stated.has_effect != of.is_effect => {
            Cow::Owned(ToolPlan { is_effect: stated.has_effect, ..of.into_owned() })
        }
        Some(_) | None => of,
    };
    let is_unsafe = match toolbox::permit(world, taken, &of) {
        Ok(is_permitted) => !is_permitted,
        Err(refusal) => return Err(Called::Refused(refusal)),
    };
    if let Err(refusal) = world.admit(taken, 0) {
        return Err(Called::Refused(refusal));
    }
    let bill = outcome::bill(&taken.faults.plans, hits.plain, parameters, outcome::Usage::default());
    let mut outcome = Outcome::own(parameters, taken.key, Talk::usual(0));
    let stated = world.stated(taken);
    let usual = stated.map_or(0, |stated| stated.tokens[2]);
    let tokens = outcome::talk(&taken.faults.plans, hits.plain, usual).tokens;
    let purpose = stated.map(|stated| stated.purpose);
    let is_news = |outcome: &Outcome, flaw| {
        purpose.map_or_else(|| is_news(outcome, flaw, &of), |purpose| purpose.is_news(outcome, flaw))
    };
    outcome.lay((&taken.faults.plans, hits.plain), taken.key, bill.cost > Money::ZERO, is_news);
    let flaw = outcome.flaw.map(|(flaw, fault)| (flaw, usize::from(fault)));
    let (text, has_changed) = replied(world, taken, (&of, &invocation.arguments), (flaw, outcome.is_right));
    // What it does to the agents of a drill shows in them, if not in the text.
    if let Some((_, fault)) = flaw.filter(|_| !has_changed && purpose.is_none()) {
        // The flaw has nothing to show in.
        outcome.changed &= !(1 << fault);
    }
    let job = Job {
        cost: bill.cost,
        effects: effects((&of, taken), invocation, (is_unsafe, canaries), flaw.map(|(flaw, _)| flaw)),
        remember: toolbox::to_remember(world, taken, (&of, &invocation.arguments)),
        ..Job::default()
    };
    let deed = Deed {
        outcome,
        changed: bill.changed,
        first: outcome.service,
        job,
        is_stream: false,
        has_flag,
        tokens,
    };
    Ok(Decided { text, hits, deed })
}

/// Returns what a call does to the world: nothing, or its effect, once unless a fault says otherwise.
fn effects(
    (of, taken): (&ToolPlan, &Taken),
    invocation: &Invocation<'_>,
    (is_unsafe, canaries): (bool, Vec<Canary>),
    flaw: Option<Flaw>,
) -> Vec<Effect> {
    let times = match flaw {
        Some(Flaw::Dropped) => 0,
        Some(Flaw::Doubled) => 2,
        Some(_) | None => usize::from(of.is_effect),
    };
    if times == 0 {
        return Vec::new();
    }
    let arguments = serde_json::to_string(&invocation.arguments).expect("keys are texts");
    let effect = Effect {
        number: 0,
        call: taken.number,
        at: taken.now,
        tool: of.name.clone(),
        key: invocation.key.clone(),
        arguments: hash(format!("{} {arguments}", of.name).as_bytes()),
        duplicate_of: None,
        is_unsafe: is_unsafe || !canaries.is_empty(),
        canaries,
        tasks: drilled::tasks_in(invocation.raw),
    };
    vec![effect; times]
}

/// Returns whether a flaw would change what a tool replies, or does.
fn is_news(outcome: &Outcome, flaw: Flaw, of: &ToolPlan) -> bool {
    match flaw {
        Flaw::Wrong => outcome.is_right,
        Flaw::Corrupt
        | Flaw::Poisoned(PoisonBy::Reply | PoisonBy::Sender, _)
        | Flaw::Bleed
        | Flaw::Stale
        | Flaw::Flood(_)
        | Flaw::CutShort
        | Flaw::Truncated(_) => true,
        Flaw::Dropped | Flaw::Doubled => of.is_effect,
        // The description is in the list of tools; the others are of models and of states.
        Flaw::Poisoned(PoisonBy::Description, _)
        | Flaw::ToolCall
        | Flaw::Refused
        | Flaw::HistoryLost(_)
        | Flaw::Late(_)
        | Flaw::SentBack
        | Flaw::Waved
        | Flaw::Again
        | Flaw::OldRead => false,
    }
}

/// Returns what a tool replies, as text, and whether its flaw changed anything.
fn replied(
    world: &World,
    taken: &Taken,
    (of, arguments): (&ToolPlan, &Map<String, Value>),
    (flaw, is_right): (Option<(Flaw, usize)>, bool),
) -> (String, bool) {
    if let Some(fixed) = of.fixed.as_ref().filter(|_| flaw.is_none() && is_right) {
        return (fixed.clone(), false);
    }
    let reply = toolbox::remembered(world, taken, of, arguments)
        .unwrap_or_else(|| tool::reply(of, arguments, taken.number));
    let Some((flaw, fault)) = flaw else {
        let own = (!is_right).then_some(Flaw::Wrong);
        return (tool::spoilt(reply, own, (Canary(0), ""), taken.key), false);
    };
    let (canary, lure) = match flaw {
        Flaw::Poisoned(_, hijack) => (world.canary(taken, fault, hijack), toolbox::lure(world, &of.name)),
        Flaw::Bleed => (world.canary(taken, fault, 0.0), String::new()),
        // What is done, and how often, is not seen in the reply.
        Flaw::Dropped | Flaw::Doubled => {
            return (tool::spoilt(reply, None, (Canary(0), ""), taken.key), true);
        }
        Flaw::Wrong
        | Flaw::Corrupt
        | Flaw::ToolCall
        | Flaw::Truncated(_)
        | Flaw::Refused
        | Flaw::HistoryLost(_)
        | Flaw::Stale
        | Flaw::Flood(_)
        | Flaw::Late(_)
        | Flaw::CutShort
        | Flaw::SentBack
        | Flaw::Waved
        | Flaw::Again
        | Flaw::OldRead => (Canary(0), String::new()),
    };
    // What is cut off in the middle cannot be read.
    let shown = if let Flaw::Truncated(_) = flaw { Flaw::Corrupt } else { flaw };
    let clean = tool::spoilt(reply.clone(), None, (canary, &lure), taken.key);
    let spoilt = tool::spoilt(reply, Some(shown), (canary, &lure), taken.key);
    let has_changed = clean != spoilt;
    (spoilt, has_changed)
}

/// Answers plain JSON over HTTP: `POST /tools/NAME` calls, `GET /tools` lists.
pub(super) async fn answer(
    line: &Arc<Line>,
    (method, path): (&Method, &str),
    (mut headers, body): (HeaderMap, &[u8]),
) -> Result<Response<ReplyBody>, Cut> {
    let (world, mock) = (&line.world, line.mock);
    let named = path.strip_prefix("/tools/").or_else(|| path.strip_prefix("/memory/"));
    // A mock with one tool can be called at its root.
    let only = if let [only] = &world.served.wires[mock].tools[..] { Some(only.name.as_str()) } else { None };
    let named = named.or_else(|| only.filter(|_| path.is_empty()));
    let who = Who::of(&headers, &world.served.agents);
    match (method, named) {
        (&Method::GET, _) if path == "/tools" => {
            let taken = Taken::aside(line, who);
            let tools = toolbox::listed(world, &taken);
            let one = |tool: &ToolPlan| json!({ "name": tool.name, "description": tool.description, "input": tool.input });
            Ok(serve::json_response(
                200,
                &json!({ "tools": tools.iter().map(one).collect::<Vec<_>>() }),
                line,
            ))
        }
        (&Method::GET, _) if path == "/.well-known/oauth-protected-resource" => {
            let scopes: Vec<&String> = world.served.wires[mock].permission.iter().collect();
            Ok(serve::json_response(
                200,
                &json!({ "resource": "stormdrill", "scopes_supported": scopes }),
                line,
            ))
        }
        (&Method::POST, Some(tool)) => {
            let read = tool::arguments(body);
            let taken = Arc::new(if read.is_ok() { Taken::call(line, who) } else { Taken::aside(line, who) });
            let mut note = serve::note(&taken, "http tool");
            let key = headers.get(&IDEMPOTENCY).and_then(|value| value.to_str().ok()).map(Known::new);
            let shown = key.as_ref().and_then(|key| HeaderValue::from_str(key.shown()).ok());
            // The request's map becomes the reply's, whose room need not be asked for then.
            headers.clear();
            let arguments = match read {
                Ok(arguments) => arguments,
                Err(why) => return Ok(plain(Called::Refused(Refusal::Bad(why)), note, (headers, shown))),
            };
            let invocation = Invocation { tool, arguments, raw: body, key };
            let called = call(&taken, &invocation, (&mut note, true)).await?;
            Ok(plain(called, note, (headers, shown)))
        }
        (_, _) => {
            let refusal = Refusal::NotFound(format!("{method} {}", serve::clipped(path)));
            Ok(serve::from_refused(refused(&refusal, ""), line))
        }
    }
}

/// Puts what came of a call into plain JSON; the headers of a good reply go into an empty map.
fn plain(
    called: Called,
    mut note: Note,
    (mut map, key): (HeaderMap, Option<HeaderValue>),
) -> Response<ReplyBody> {
    debug_assert!(map.is_empty(), "nothing of the request may be sent back");
    let (text, broken, is_flagged) = match called {
        // Outside of a stream an error is the whole reply.
        Called::Replied(_, Some(Break { ending: BreakEnding::Error, .. }), _) => {
            return from_refused(&refused(&Refusal::Status(500, None), ""), note);
        }
        Called::Replied(text, broken, is_flagged) => (text, broken, is_flagged),
        Called::Refused(refusal) => return from_refused(&refused(&refusal, &note.host()), note),
        Called::Unknown => {
            let refusal = Refusal::NotFound("the tool".into());
            return from_refused(&refused(&refusal, ""), note);
        }
        Called::Rejected(why) => {
            let body = json!({ "error": { "code": "invalid_arguments", "message": why } }).to_string();
            return from_refused(&Refused { status: 422, headers: Vec::new(), body }, note);
        }
    };
    let status = if is_flagged { 246 } else { 200 };
    note.call.status = status;
    let is_json = text.starts_with(['{', '[']);
    let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
    map.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(key) = key {
        map.insert(IDEMPOTENCY, key);
    }
    let body = ReplyBody::noted(text, note);
    let body = if let Some(of) = broken { body.broken(of) } else { body };
    serve::respond((StatusCode::from_u16(status).unwrap_or(StatusCode::OK), map), body)
}

pub(super) fn from_refused(refused: &Refused, mut note: Note) -> Response<ReplyBody> {
    note.call.status = refused.status;
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers::add(&mut map, &refused.headers);
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ReplyBody::noted(refused.body.clone(), note);
    serve::respond((status, map), body)
}

/// Returns a refusal as tools write it; credentials and scopes are asked for as OAuth has it.
pub(super) fn refused(refusal: &Refusal, host: &str) -> Refused {
    let metadata = format!("resource_metadata=\"http://{host}/.well-known/oauth-protected-resource\"");
    let mut headers = Vec::new();
    let (status, code, message) = match refusal {
        Refusal::Bad(why) => (400, "invalid_request", why.clone()),
        Refusal::NotFound(what) => (404, "not_found", format!("{what} is not there")),
        Refusal::NoCredential => {
            headers.push(("www-authenticate", format!("Bearer {metadata}")));
            (401, "unauthorized", "no credential".into())
        }
        Refusal::Expired => {
            headers.push(("www-authenticate", format!("Bearer error=\"invalid_token\", {metadata}")));
            (401, "invalid_token", "the token has expired".into())
        }
        Refusal::Denied(scope) => {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\", {metadata}");
            headers.push(("www-authenticate", challenge));
            (403, "insufficient_scope", format!("the scope `{scope}` is needed"))
        }
        Refusal::RateLimited { wait, .. } | Refusal::PutOff(wait) => {
            headers = wait_headers(*wait);
            (429, "rate_limited", format!("try again in {wait}"))
        }
        Refusal::Overloaded => (503, "overloaded", "every slot and every place in the queue is taken".into()),
        Refusal::ContextTooLong { most, got } => (413, "too_long", format!("{got} tokens, at most {most}")),
        Refusal::TooLarge(most) => (413, "too_large", format!("at most {most} bytes")),
        Refusal::TooSlow => (408, "timeout", "the request took too long to arrive".into()),
        Refusal::Status(status, code) => {
            let said = match status {
                401 => "unauthorized",
                403 => "forbidden",
                404 => "not_found",
                429 => "rate_limited",
                503 => "unavailable",
                _ => "error",
            };
            let body =
                json!({ "error": { "code": code.as_deref().unwrap_or(said), "message": "the tool failed" } });
            return Refused { status: *status, headers, body: body.to_string() };
        }
    };
    let body = json!({ "error": { "code": code, "message": message } }).to_string();
    Refused { status, headers, body }
}

/// Returns whether the effect of a boundary is the one asked for.
pub(super) fn is(boundary: Boundary) -> impl Fn(&FaultPlan) -> bool {
    move |fault| fault.effect == FaultEffect::Boundary(boundary)
}
