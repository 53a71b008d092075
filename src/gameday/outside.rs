//! Steps that do something outside of the drill: a webhook, a command. Both only where they are allowed by name.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use rustix::process::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::gameday::client::{Called, Caller};
use crate::scenario::Scenario;
use crate::scenario::file::endpoint::Address;
use crate::scenario::file::runbooks::actions::Action;

/// The longest that a step may take outside, and how much of what a command says is kept.
const WITHIN: Duration = Duration::from_secs(30);
const SAID_MAX: usize = 500;

/// What a step does outside.
#[derive(Debug, Clone)]
enum Does {
    /// Posts something.
    Calls(Address, String),
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

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Refuses a host that is neither this machine nor allowed by name.
pub(super) fn permit(address: &Address, hosts: &[String]) -> io::Result<()> {
    if address.is_local() || address.is_among(hosts) {
        return Ok(());
    }
    Err(refused(format!("`{}` is not this machine, and not allowed by name", address.host)))
}

impl Outside {
    /// Returns what a scenario's steps do; refuses hosts and programs that are not allowed.
    pub(super) fn new(scenario: &Scenario, hosts: &[String], programs: &[String]) -> io::Result<Self> {
        let mut all = BTreeMap::new();
        for (number, book) in scenario.file.runbook.0.values().enumerate() {
            for (index, step) in book.value.steps.iter().enumerate() {
                let does = if let Action::Call(call) = &step.r#do {
                    let address = Address::parse(&call.url.value.0).expect("checked: it is an address");
                    permit(&address, hosts)?;
                    let body = call.body.as_ref().map_or("{}", |at| at.value.0.as_str());
                    Does::Calls(address, body.into())
                } else if let Action::Command(command) = &step.r#do {
                    let words: Vec<String> = command.run.iter().map(|at| at.value.0.clone()).collect();
                    let program = words.first().cloned().unwrap_or_default();
                    if !programs.contains(&program) {
                        return Err(refused(format!(
                            "the step `{}` runs `{program}`, which is not allowed by name",
                            step.id.value.0
                        )));
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

impl Does {
    async fn run(self, caller: &Caller) -> Result<String, String> {
        match self {
            Self::Calls(address, body) => {
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(format!("http://{}{}", address.authority, address.path))
                    .header(HOST, &address.authority)
                    .header(CONTENT_TYPE, "application/json")
                    .body(Full::new(Bytes::from(body)))
                    .map_err(|error| error.to_string())?;
                match caller.call(request, None).await {
                    Called::Replied(Ok(())) | Called::Said(_) => Ok("the webhook has answered".into()),
                    Called::Replied(Err(failure)) => Err(format!("the webhook failed: {failure:?}")),
                    Called::Unreached => Err("the webhook cannot be reached".into()),
                }
            }
            Self::Runs(words) => run(&words).await,
        }
    }
}

/// Runs a command to its end; what it says is read to the end, and little of it is kept. Whatever it has started goes
/// with it when it takes too long.
async fn run(words: &[String]) -> Result<String, String> {
    let (program, rest) = words.split_first().ok_or("there is no command")?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut started = Group(group);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = tokio::join!(said(out), said(err), child.wait());
    let status = status.map_err(|error| error.to_string())?;
    // What it leaves running on purpose goes on.
    started.0 = None;
    if status.success() { Ok(out) } else { Err(format!("{status}: {err}")) }
}

/// Reads to the end, and keeps the beginning.
async fn said(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let (mut kept, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = from.read(&mut part).await {
        let room = (4 * SAID_MAX).saturating_sub(kept.len());
        kept.extend_from_slice(&part[..read.min(room)]);
    }
    String::from_utf8_lossy(&kept).trim().chars().take(SAID_MAX).collect()
}

/// A group of processes, which ends when it is waited for no longer.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // One that has ended needs no signal.
            let _sent: Result<(), _> =
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
