//! The console: a page on loopback on which people play a live drill together.
//!
//! Each role has a link with a key of its own, behind its `#`: a browser keeps that to the page, which sends it in a
//! header. There are no cookies, so that no other page can act in somebody's name. Nothing changes by GET. The state
//! comes as server-sent events, whole each time, so that a browser that comes back has missed nothing.

mod events;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::gameday::alerting::{alertmanager, plain};
use crate::gameday::command::{Asked, Command, Role};
use crate::gameday::reports;
use crate::live::DrillClock;
use crate::live::desk::{self, brings};

use events::Events;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("script.js");
const STYLE: &str = include_str!("style.css");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The most people at once, and the largest command.
const CONNECTIONS: usize = 512;
const COMMAND_MAX: usize = 64 << 10;
/// The largest body with news of alerts or tasks.
const NEWS_MAX: usize = 4 << 20;

/// How long the drill may take to answer a command.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What the console shows: the state as JSON, for those who see everything and for those to whom injects are hidden.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) whole: Arc<str>,
    pub(super) hidden: Arc<str>,
    /// The metrics, for Prometheus.
    pub(super) metrics: Arc<str>,
}

/// A console that is served.
#[derive(Debug)]
pub(super) struct Console {
    /// Its port on 127.0.0.1.
    pub(super) port: u16,
    server: JoinHandle<()>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What the server works on.
struct Room {
    port: u16,
    /// The keys of the roles; nobody has one where there is no console.
    keys: Option<[String; Role::ALL.len()]>,
    /// The token of whoever tells of alerts and tasks.
    token: String,
    clock: DrillClock,
    hides_injects: bool,
    shown: watch::Receiver<Shown>,
    asked: mpsc::Sender<Asked>,
}

type Answer = Response<BoxBody<Bytes, std::convert::Infallible>>;

/// Serves the console, the metrics and the webhooks for alerts; `keys` are those of the roles, in their order.
pub(super) async fn serve(
    port: u16,
    (keys, token, clock): (Option<[String; Role::ALL.len()]>, String, DrillClock),
    hides_injects: bool,
    (shown, asked): (watch::Receiver<Shown>, mpsc::Sender<Asked>),
) -> io::Result<Console> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("console, port {port}: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(named)?;
    let port = listener.local_addr()?.port();
    let room = Arc::new(Room { port, keys, token, clock, hides_injects, shown, asked });
    let answer = move |request| {
        let room = Arc::clone(&room);
        async move { Ok::<_, std::convert::Infallible>(room.answer(request).await) }
    };
    // Whoever looks at the state stays connected.
    Ok(Console { port, server: tokio::spawn(desk::serve(listener, (CONNECTIONS, None), answer)) })
}

impl Room {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        if !self.is_own_host(&head.headers) {
            return said(StatusCode::FORBIDDEN, "this host is not served");
        }
        let path = head.uri.path();
        match (&head.method, path) {
            // The page alone tells nothing.
            (&Method::GET, "/") => return text("text/html; charset=utf-8", PAGE),
            (&Method::GET, "/script.js") => return text("text/javascript; charset=utf-8", SCRIPT),
            (&Method::GET, "/style.css") => return text("text/css; charset=utf-8", STYLE),
            (&Method::GET, "/metrics") => {
                let metrics = Arc::clone(&self.shown.borrow().metrics);
                let kind = "text/plain; version=0.0.4; charset=utf-8";
                return reply_text(StatusCode::OK, kind, metrics.as_bytes().to_vec());
            }
            (&Method::POST, "/alerts/alertmanager") => {
                let asked = |news, answer| Asked::Alerts { news, answer };
                return self.news(&head.headers, body, alertmanager, asked).await;
            }
            (&Method::POST, "/alerts/webhook") => {
                let asked = |news, answer| Asked::Alerts { news, answer };
                return self.news(&head.headers, body, plain, asked).await;
            }
            (&Method::POST, "/tasks") => {
                // It has come once it is there as a whole: a slow sender is no slow machine.
                let asked = |report, answer| Asked::Task { report, at: self.clock.now(), answer };
                let mut said = self.news(&head.headers, body, reports::read, asked).await;
                // Whoever reports holds no place that people could need.
                said.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                return said;
            }
            (_, _) => {}
        }
        let Some(role) = self.role(&head.headers) else {
            return said(
                StatusCode::UNAUTHORIZED,
                "a link with a key is needed; the drill has printed one for each role",
            );
        };
        match (&head.method, path) {
            (&Method::GET, "/me") => reply(StatusCode::OK, &json!({ "role": role.word() })),
            (&Method::GET, "/state") => {
                let state = self.state(role);
                reply_text(StatusCode::OK, "application/json", state.as_bytes().to_vec())
            }
            (&Method::GET, "/events") => self.events(role),
            (&Method::POST, "/act") => self.act(role, &head.headers, body).await,
            (_, "/act") => said(StatusCode::METHOD_NOT_ALLOWED, "use POST to act"),
            (_, _) => said(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    fn state(&self, role: Role) -> Arc<str> {
        let shown = self.shown.borrow();
        let is_hidden = self.hides_injects && role == Role::Responder;
        Arc::clone(if is_hidden { &shown.hidden } else { &shown.whole })
    }

    fn events(&self, role: Role) -> Answer {
        let events = Events::new(self.shown.clone(), self.hides_injects && role == Role::Responder);
        let mut response = Response::new(BoxBody::new(events));
        headers(response.headers_mut(), "text/event-stream; charset=utf-8");
        response
    }

    async fn act(&self, role: Role, headers: &HeaderMap, body: Incoming) -> Answer {
        if !self.is_own_origin(headers) {
            return said(StatusCode::FORBIDDEN, "pages of other origins may not act");
        }
        let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        if !is_json {
            return said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a command is application/json");
        }
        let Ok(body) = Limited::new(body, COMMAND_MAX).collect().await else {
            return said(StatusCode::PAYLOAD_TOO_LARGE, "the command is too large or broken");
        };
        let command: Command = match serde_json::from_slice(&body.to_bytes()) {
            Ok(command) => command,
            Err(error) => return said(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        if !role.may(&command) {
            return said(StatusCode::FORBIDDEN, &format!("a role of {} may not do this", role.word()));
        }
        let (answer, answered) = oneshot::channel();
        match self.ask(Asked::Person { role, command, answer }, answered).await {
            Ok(Ok(done)) => reply(StatusCode::OK, &json!({ "done": done })),
            Ok(Err(refused)) => said(StatusCode::CONFLICT, &refused),
            Err(response) => response,
        }
    }

    /// Takes news, of alerts or of tasks, from whoever has the token.
    async fn news<T>(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        read: fn(&[u8]) -> Result<T, String>,
        asked: impl FnOnce(T, oneshot::Sender<Result<Value, String>>) -> Asked,
    ) -> Answer {
        if !brings(headers, &self.token) || headers.contains_key(ORIGIN) {
            return said(StatusCode::UNAUTHORIZED, "the token from the token file is needed");
        }
        let Ok(body) = Limited::new(body, NEWS_MAX).collect().await else {
            return said(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broken");
        };
        let news = match read(&body.to_bytes()) {
            Ok(news) => news,
            Err(why) => return said(StatusCode::BAD_REQUEST, &why),
        };
        let (answer, answered) = oneshot::channel();
        match self.ask(asked(news, answer), answered).await {
            Ok(Ok(known)) => reply(StatusCode::OK, &known),
            Ok(Err(why)) => said(StatusCode::CONFLICT, &why),
            Err(response) => response,
        }
    }

    /// Hands something to the drill and waits for its answer.
    async fn ask<T>(&self, asked: Asked, answered: oneshot::Receiver<T>) -> Result<T, Answer> {
        let waited = tokio::time::timeout(ANSWER_WITHIN, async {
            self.asked.send(asked).await.ok()?;
            answered.await.ok()
        });
        match waited.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(said(StatusCode::GONE, "the drill is over")),
            Err(_late) => Err(said(StatusCode::GATEWAY_TIMEOUT, "the drill did not answer in time")),
        }
    }

    /// Returns who a request comes from.
    fn role(&self, headers: &HeaderMap) -> Option<Role> {
        let found: Vec<bool> = self.keys.as_ref()?.iter().map(|key| brings(headers, key)).collect();
        Role::ALL.into_iter().zip(found).find(|(_, is_it)| *is_it).map(|(role, _)| role)
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        port == self.port.to_string() && (name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1")
    }

    /// A browser always says where a command comes from; a program without a browser says nothing.
    fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let own = [format!("http://127.0.0.1:{}", self.port), format!("http://localhost:{}", self.port)];
        origin.to_str().is_ok_and(|origin| own.iter().any(|own| own == origin))
    }
}

fn headers(map: &mut HeaderMap, kind: &'static str) {
    map.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    map.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    map.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    map.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    map.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    map.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn reply_text(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Answer {
    let mut response = Response::new(BoxBody::new(Full::new(Bytes::from(bytes))));
    *response.status_mut() = status;
    headers(response.headers_mut(), kind);
    response
}

fn text(kind: &'static str, body: &'static str) -> Answer {
    reply_text(StatusCode::OK, kind, body.as_bytes().to_vec())
}

fn reply(status: StatusCode, value: &Value) -> Answer {
    reply_text(status, "application/json", value.to_string().into_bytes())
}

fn said(status: StatusCode, why: &str) -> Answer {
    reply(status, &json!({ "error": why }))
}
