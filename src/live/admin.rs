//! The admin API: the state of the mocks, their clock, their faults and their ledgers, on a port of its own.
//!
//! Everything but readiness and metrics needs the token from the token file.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::base::{Span, Time};
use crate::live::desk::brings;
use crate::live::edges;
use crate::live::faults::Mode;
use crate::live::metrics;
use crate::live::world::{Left, Revoked, World};
use crate::model::Dose;
use crate::scenario::Scenario;
use crate::scenario::decode::Scalar;
use crate::scenario::served;
use crate::wire::prompt::hash;

/// The largest body of a request to the admin API.
const BODY_MAX: usize = 1 << 20;

/// What the admin API works on.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) world: Arc<World>,
    /// What faults told to it are checked against.
    pub(super) scenario: Scenario,
    pub(super) token: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockWish {
    at: Option<String>,
    forward: Option<String>,
    held: Option<bool>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmWish {
    r#for: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeWish {
    agent: Option<String>,
    token: Option<String>,
}

/// Reads a span that may be absent.
fn span(text: Option<&str>) -> Result<Option<Span>, (StatusCode, String)> {
    text.map(|text| Span::parse(text).map_err(bad)).transpose()
}

type Answer = Result<Value, (StatusCode, String)>;

fn bad(message: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, message.into())
}

impl Admin {
    /// Answers a request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().trim_matches('/').to_owned();
        if !is_local(&head.headers) {
            return Ok(reply(StatusCode::FORBIDDEN, &json!({ "error": "this host is not served" })));
        }
        match (&head.method, &*path) {
            (&Method::GET, "ready") => {
                let has_journal = !self.world.journal.has_failed();
                let status = if has_journal { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                return Ok(reply(status, &json!({ "ready": has_journal })));
            }
            (&Method::GET, "metrics") => {
                let mut response = Response::new(Full::new(Bytes::from(metrics::text(&self.world))));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                return Ok(response);
            }
            (_, _) => {}
        }
        if !brings(&head.headers, &self.token) {
            return Ok(reply(
                StatusCode::UNAUTHORIZED,
                &json!({ "error": "the token from the token file is needed" }),
            ));
        }
        let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
            return Ok(reply(
                StatusCode::PAYLOAD_TOO_LARGE,
                &json!({ "error": "the body is too large or broken" }),
            ));
        };
        let query = query(head.uri.query().unwrap_or_default());
        let answer = if head.method == Method::GET {
            self.look(&path, &query)
        } else if head.method == Method::POST {
            let answer = self.act(&path, &body.to_bytes());
            // What was asked for has happened when the answer comes.
            let _next: Option<Time> = edges::look(&self.world);
            answer
        } else {
            Err((StatusCode::METHOD_NOT_ALLOWED, "use GET to look and POST to act".into()))
        };
        Ok(match answer {
            Ok(value) => reply(StatusCode::OK, &value),
            Err((status, message)) => reply(status, &json!({ "error": message })),
        })
    }

    fn look(&self, path: &str, query: &BTreeMap<&str, &str>) -> Answer {
        match path {
            "state" => Ok(self.state()),
            "clock" => Ok(self.clock()),
            "faults" => Ok(self.faults()),
            "calls" => self.each(query, |mock, since| self.calls(mock, since)),
            "effects" => self.each(query, |mock, since| self.effects(mock, since)),
            "spend" => self.each(query, |mock, _| self.spend(mock)),
            "quotas" => self.each(query, |mock, _| self.quotas(mock)),
            "canaries" => {
                let (mocks, faults) = (self.world.mock_names(), self.world.fault_names());
                let canaries = self.world.canaries();
                let seen: Vec<Value> =
                    canaries.sightings().map(|sighting| sighting.json(&mocks, &faults)).collect();
                Ok(json!({ "seen": canaries.seen, "sightings": seen }))
            }
            "journal" => {
                let since = since(query)?;
                let entries = self.world.journal.since(since);
                Ok(json!(entries.iter().map(super::journal::Entry::json).collect::<Vec<_>>()))
            }
            _ => Err((StatusCode::NOT_FOUND, "there is nothing to see here".into())),
        }
    }

    fn act(&self, path: &str, body: &[u8]) -> Answer {
        let parts: Vec<&str> = path.split('/').collect();
        if self.world.told.is_some() && parts != ["release"] {
            let why =
                "a drill is being held: its clock and its faults are the scenario's; `release` stops it";
            return Err((StatusCode::CONFLICT, why.into()));
        }
        match parts[..] {
            ["clock"] => self.set_clock(body),
            ["faults"] => self.add_fault(body),
            ["faults", id, "arm"] => self.arm(id, body),
            ["faults", id, "disarm" | "release"] => {
                let index = self.fault(id)?;
                self.world.change_faults(|set| set.set(index, Mode::Off));
                Ok(self.faults())
            }
            ["faults", id, "schedule"] => {
                let index = self.fault(id)?;
                self.world.change_faults(|set| set.set(index, Mode::Scheduled));
                Ok(self.faults())
            }
            ["release"] => Ok(release(&self.world)),
            ["reset"] => {
                self.world.reset();
                Ok(json!({ "reset": true }))
            }
            ["revoke"] => self.revoke(body),
            ["purge"] => {
                let purge = |mock: usize| {
                    self.world.station(mock).texts.as_mut().map_or(0, |texts| texts.purge(|_| true))
                };
                let purged: usize = (0..self.world.served.mocks.len()).map(purge).sum();
                Ok(json!({ "purged": purged }))
            }
            _ => Err((StatusCode::NOT_FOUND, "there is nothing to do here".into())),
        }
    }

    fn clock(&self) -> Value {
        json!({ "at_s": self.world.clock.now().seconds(), "held": self.world.clock.is_held() })
    }

    /// Sets the clock: `{"at": "20m", "held": true}`, or `{"forward": "30s"}`.
    fn set_clock(&self, body: &[u8]) -> Answer {
        let wish: ClockWish = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        let now = self.world.clock.now();
        let to = match (span(wish.at.as_deref())?, span(wish.forward.as_deref())?) {
            (Some(at), None) => Time::ZERO + at,
            (None, Some(forward)) => now + forward,
            (None, None) if wish.held.is_some() => now,
            (None, None) => return Err(bad("`at`, `forward` or `held` says what to set")),
            (Some(_), Some(_)) => return Err(bad("`at` or `forward`, not both")),
        };
        self.world.settle_quotas(now, &self.world.faults());
        self.world.clock.set(to, wish.held.unwrap_or_else(|| self.world.clock.is_held()));
        self.world.changes.notify_one();
        Ok(self.clock())
    }

    fn fault(&self, id: &str) -> Result<usize, (StatusCode, String)> {
        let known = self.world.fault_names();
        let found = self.world.faults().index(id);
        found.ok_or_else(|| {
            (StatusCode::NOT_FOUND, format!("no such fault; known here: {}", known.join(", ")))
        })
    }

    /// Arms a fault from now on, for as long as it lasts by its statement, or `{"for": "30s"}`.
    fn arm(&self, id: &str, body: &[u8]) -> Answer {
        let index = self.fault(id)?;
        let lease = Self::lease(body)?;
        let now = self.world.clock.now();
        self.forget_decisions(index);
        self.world.change_faults(|set| {
            let until = now + lease.unwrap_or_else(|| set.lease(index));
            set.set(index, Mode::Armed { since: now, until });
        });
        Ok(self.faults())
    }

    /// A fault that is armed anew counts its dose anew.
    fn forget_decisions(&self, index: usize) {
        let mock = usize::from(self.world.faults().plans[index].mock);
        let mut station = self.world.station(mock);
        station.witnesses[index].decisions = 0;
    }

    fn lease(body: &[u8]) -> Result<Option<Span>, (StatusCode, String)> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let wish: ArmWish = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        span(wish.r#for.as_deref())
    }

    /// Adds a fault, as a scenario states it: TOML, or the same as JSON. Without `start` it is armed at once.
    fn add_fault(&self, body: &[u8]) -> Answer {
        let text = std::str::from_utf8(body).map_err(|error| bad(error.to_string()))?;
        let mut table: toml::Table = if text.trim_start().starts_with(['{', '[']) {
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?
        } else {
            text.parse().map_err(|error: toml::de::Error| bad(error.message().to_owned()))?
        };
        let is_armed = !table.contains_key("start");
        if is_armed {
            table.insert("start".into(), "0s".into());
        }
        table.entry("duration").or_insert_with(|| "1h".into());
        let text = toml::to_string(&table).map_err(|error| bad(error.to_string()))?;
        let fault = served::fault(&text, &self.scenario.file, &self.scenario.mocks)
            .map_err(|problems| bad(problems.join("; ")))?;
        let with = Scenario {
            file: crate::scenario::file::ScenarioFile { fault: vec![fault], ..self.scenario.file.clone() },
            ..self.scenario.clone()
        };
        let now = self.world.clock.now();
        for plan in crate::plan::Served::of(&with).faults {
            let mode = if is_armed {
                let lasts = plan.end.since(plan.start);
                Mode::Armed {
                    since: now + plan.start.since(Time::ZERO),
                    until: now + plan.start.since(Time::ZERO) + lasts,
                }
            } else {
                Mode::Scheduled
            };
            let added = self.world.change_faults(|set| set.add(plan, mode));
            self.forget_decisions(added.ok_or_else(|| bad("there are too many faults"))?);
        }
        Ok(self.faults())
    }

    /// Takes the permission of an agent or a credential away: `{"agent": "support"}` or `{"token": "..."}`.
    fn revoke(&self, body: &[u8]) -> Answer {
        let wish: RevokeWish = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        let agents = &self.world.served.agents;
        let whose = match (&wish.agent, &wish.token) {
            (Some(agent), None) => {
                let found = agents.iter().position(|known| known == agent);
                let unknown =
                    || (StatusCode::NOT_FOUND, format!("no such agent; known here: {}", agents.join(", ")));
                Revoked::Agent(found.ok_or_else(unknown)?)
            }
            (None, Some(token)) => Revoked::Credential(hash(token.as_bytes())),
            _ => return Err(bad("`agent` or `token` says whose permission is taken")),
        };
        let now = self.world.clock.now();
        for mock in 0..self.world.served.mocks.len() {
            let mut station = self.world.station(mock);
            if station.revoked.len() >= 1_000 {
                return Err(bad("too many permissions have been taken; reset first"));
            }
            station.revoked.push((whose, now));
        }
        // A token is as good as a password, and is not repeated.
        self.world.journal.push(now, "permission-revoked", json!({ "agent": wish.agent }));
        Ok(json!({ "revoked": true }))
    }

    fn faults(&self) -> Value {
        let (set, now) = (self.world.faults(), self.world.clock.now());
        let one = |(index, fault): (usize, &crate::plan::FaultPlan)| {
            let mock = usize::from(fault.mock);
            let witness = self.world.station(mock).witnesses[index];
            let mode = match set.modes[index] {
                Mode::Scheduled => "scheduled",
                Mode::Armed { .. } => "armed",
                Mode::Off => "off",
            };
            json!({
                "id": fault.id, "mock": self.world.served.mocks[mock].name, "mode": mode,
                "dose": Dose::at(fault, now).0, "start_s": fault.start.seconds(), "end_s": fault.end.seconds(),
                "exposed": witness.exposed, "decided": witness.decisions, "hits": witness.hits,
                "first_s": witness.first.map(Time::seconds), "last_s": witness.last.map(Time::seconds),
            })
        };
        json!(set.plans.iter().enumerate().map(one).collect::<Vec<_>>())
    }

    fn state(&self) -> Value {
        let mocks = self.each(&BTreeMap::new(), |mock, _| {
            let counts = self.world.traffic(mock).counts();
            let station = self.world.station(mock);
            let memory = station.texts.as_ref().map(|texts| json!({ "entries": texts.len(), "poisoned": texts.poisoned() }));
            json!({
                "busy": station.working(&counts), "waiting": station.waiting.iter().filter(|waiting| !waiting.is_closed()).count(),
                "statuses": counts.statuses, "rate_limited": station.ledger.rate_limited,
                "overloaded": station.ledger.overloaded, "abandoned": station.ledger.abandoned, "memory": memory,
            })
        });
        json!({
            "clock": self.clock(), "faults": self.faults(), "mocks": mocks.unwrap_or_default(),
            "journal_failed": self.world.journal.has_failed(),
        })
    }

    fn calls(&self, mock: usize, since: u64) -> Value {
        let (faults, traffic) = (self.world.fault_names(), self.world.traffic(mock));
        let tools: Vec<&str> =
            self.world.served.wires[mock].tools.iter().map(|tool| tool.name.as_str()).collect();
        let calls: Vec<Value> =
            traffic.calls_since(since).iter().map(|call| call.json(&faults, &tools)).collect();
        json!({ "retries": traffic.counts().retries, "calls": calls })
    }

    fn effects(&self, mock: usize, since: u64) -> Value {
        let station = self.world.station(mock);
        let counts = station.ledger.counts;
        let effects: Vec<Value> =
            station.ledger.effects_since(since).map(super::ledger::Effect::json).collect();
        json!({
            "executed": counts.executed, "duplicate": counts.duplicate, "deduplicated": counts.deduplicated,
            "unsafe": counts.unsafe_acts, "effects": effects,
        })
    }

    fn spend(&self, mock: usize) -> Value {
        let counts = self.world.traffic(mock).counts();
        let [input, cached, output] = counts.tokens;
        json!({
            "dollars": counts.spent.0 as f64 / 1e12,
            "tokens": { "input": input, "cached": cached, "output": output },
        })
    }

    fn quotas(&self, mock: usize) -> Value {
        let one = |left: Left| json!({ "limit": left.limit, "remaining": left.rest, "full_in_s": left.full_in.seconds() });
        let [requests, tokens] = self.world.quotas_left(mock).map(|left| left.map(one));
        json!({ "requests": requests, "tokens": tokens })
    }

    /// Gathers something of each mock, or of the one that is asked for.
    fn each(&self, query: &BTreeMap<&str, &str>, of: impl Fn(usize, u64) -> Value) -> Answer {
        let since = since(query)?;
        let only = query.get("mock");
        let names = self.world.mock_names();
        if let Some(only) = only.filter(|only| !names.iter().any(|name| name == *only)) {
            let only: String = only.chars().take(64).collect();
            return Err((
                StatusCode::NOT_FOUND,
                format!("no mock `{only}`; known here: {}", names.join(", ")),
            ));
        }
        let wanted = names.into_iter().enumerate().filter(|(_, name)| only.is_none_or(|only| name == only));
        Ok(Value::Object(wanted.map(|(mock, name)| (name, of(mock, since))).collect()))
    }
}

/// Lifts every fault and says whether none is left.
pub(super) fn release(world: &World) -> Value {
    world.change_faults(|set| (0..set.modes.len()).for_each(|index| set.set(index, Mode::Off)));
    let (set, now) = (world.faults(), world.clock.now());
    let is_none_left = set.plans.iter().all(|fault| Dose::at(fault, now).0 <= 0.0);
    world.journal.push(now, "faults-released", json!({ "verified": is_none_left }));
    world.released.send_modify(|count| *count += 1);
    json!({ "released": set.plans.len(), "verified": is_none_left })
}

fn since(query: &BTreeMap<&str, &str>) -> Result<u64, (StatusCode, String)> {
    let Some(since) = query.get("since") else { return Ok(0) };
    since.parse().map_err(|error| bad(format!("`since` is a number: {error}")))
}

/// Returns the pairs of a query; names and numbers need no escapes.
fn query(text: &str) -> BTreeMap<&str, &str> {
    text.split('&').filter_map(|pair| pair.split_once('=')).collect()
}

/// A page of some site must not reach a server of this machine by a name of its own.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_named =
        name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]") || host == "[::1]";
    is_named && !headers.contains_key(hyper::header::ORIGIN)
}

fn reply(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
