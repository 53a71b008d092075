//! Steps that do something outside of the drill: a webhook, a command. Both only where they are allowed by name.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use tokio::process::Command;

use crate::gameday::client::{Called, Caller};
use crate::scenario::Scenario;
use crate::scenario::file::endpoint::{is_loopback, parts};
use crate::scenario::file::runbooks::actions::Action;

/// The longest that a step may take outside, and how much of what a command says is kept.
const WITHIN: Duration = Duration::from_secs(30);
const SAID_MAX: usize = 500;

/// What a step does outside.
#[derive(Debug, Clone)]
enum Does {
    /// Posts something.
    Calls { authority: String, path: String, body: String },
    /// Runs a command.
    Runs(Vec<String>),
}

/// What the steps of a scenario do outside, by runbook and step.
#[derive(Debug, Default)]
pub(super) struct Outside {
    all: BTreeMap<(usize, usize), Does>,
}

/// A step has been done outside, or has not.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) runbook: usize,
    pub(super) step: usize,
    pub(super) result: Result<String, String>,
}

impl Outside {
    /// Returns what a scenario's steps do; refuses hosts and programs that are not allowed.
    pub(super) fn new(scenario: &Scenario, hosts: &[String], programs: &[String]) -> io::Result<Self> {
        let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let mut all = BTreeMap::new();
        for (number, book) in scenario.file.runbook.0.values().enumerate() {
            for (index, step) in book.value.steps.iter().enumerate() {
                let does = if let Action::Call(call) = &step.r#do {
                    let (authority, path) = parts(&call.url.value.0).unwrap_or(("", "/"));
                    if !is_loopback(authority) && !hosts.iter().any(|host| host == host_of(authority)) {
                        return refused(format!(
                            "`{}` is not this machine, and not allowed by name",
                            host_of(authority)
                        ));
                    }
                    let body = call.body.as_ref().map_or("{}", |at| at.value.0.as_str());
                    Does::Calls { authority: authority.into(), path: path.into(), body: body.into() }
                } else if let Action::Command(command) = &step.r#do {
                    let words: Vec<String> = command.run.iter().map(|at| at.value.0.clone()).collect();
                    let program = words.first().cloned().unwrap_or_default();
                    if !programs.contains(&program) {
                        return refused(format!(
                            "the step `{}` runs `{program}`, which is not allowed by name",
                            step.id.value.0
                        ));
                    }
                    Does::Runs(words)
                } else {
                    continue;
                };
                all.insert((number, index), does);
            }
        }
        Ok(Self { all })
    }

    /// Does what a step does; what came of it is told.
    pub(super) fn run(
        &self,
        (runbook, step): (usize, usize),
        caller: std::sync::Arc<Caller>,
        told: tokio::sync::mpsc::UnboundedSender<Came>,
    ) {
        let Some(does) = self.all.get(&(runbook, step)).cloned() else { return };
        drop(tokio::spawn(async move {
            let done = tokio::time::timeout(WITHIN, does.run(&caller)).await;
            let result = done.unwrap_or_else(|_late| Err(format!("not done within {} s", WITHIN.as_secs())));
            // A drill that is over does not listen any more.
            let _sent: Result<(), _> = told.send(Came { runbook, step, result });
        }));
    }
}

fn host_of(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

impl Does {
    async fn run(self, caller: &Caller) -> Result<String, String> {
        match self {
            Self::Calls { authority, path, body } => {
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(format!("http://{authority}{path}"))
                    .header(HOST, &authority)
                    .header(CONTENT_TYPE, "application/json")
                    .body(Full::new(Bytes::from(body)))
                    .map_err(|error| error.to_string())?;
                match caller.call(request, None).await {
                    Called::Replied(Ok(())) | Called::Done => Ok("the webhook has answered".into()),
                    Called::Replied(Err(failure)) => Err(format!("the webhook failed: {failure:?}")),
                    Called::Unreached => Err("the webhook cannot be reached".into()),
                }
            }
            Self::Runs(words) => {
                let (program, rest) = words.split_first().ok_or("there is no command")?;
                let output =
                    Command::new(program).args(rest).stdin(Stdio::null()).kill_on_drop(true).output().await;
                let output = output.map_err(|error| format!("`{program}` cannot be run: {error}"))?;
                let text = if output.status.success() { output.stdout } else { output.stderr };
                let said: String = String::from_utf8_lossy(&text).trim().chars().take(SAID_MAX).collect();
                if output.status.success() { Ok(said) } else { Err(format!("{}: {said}", output.status)) }
            }
        }
    }
}
