//! Live drills in processes of their own: a small shop, at many times the clock.
//!
//! Apart from the other tests, so that nothing that computes runs beside them: a drill notices when its machine is busy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::panic, reason = "a test that cannot go on should stop")]

mod agents;
mod console;
mod drills;
mod faults;
#[path = "../it/http.rs"]
mod http;
mod own_load;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Reply, exchange, folder};

const SHOP: &str = include_str!("shop.toml");

/// A drill that is being held.
struct Drill {
    child: Child,
    folder: PathBuf,
    /// The port of the console, and the key of each role.
    port: u16,
    keys: BTreeMap<String, String>,
    /// The port of each mock, as far as they have been read.
    mocks: BTreeMap<String, u16>,
    /// What it has said so far.
    said: String,
}

/// How a drill ended.
struct Ended {
    code: Option<i32>,
    result: Value,
    said: String,
}

impl Drop for Drill {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Drill {
    /// Begins a drill of a scenario.
    fn begin(scenario: &str, arguments: &[&str]) -> Self {
        Self::begin_by(Command::new(assert_cmd::cargo::cargo_bin!("stormdrill")), scenario, arguments)
    }

    /// Begins a drill by a command that is the program, or runs it.
    fn begin_by(mut program: Command, scenario: &str, arguments: &[&str]) -> Self {
        let folder = folder();
        let path = folder.join("shop.toml");
        std::fs::write(&path, scenario).unwrap();
        let mut child = program
            .arg("live")
            .arg(&path)
            .args(["--format", "json", "--output"])
            .arg(folder.join("result.json"))
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut port, mut keys, mut mocks, mut said) = (0, BTreeMap::new(), BTreeMap::new(), String::new());
        let wanted = if arguments.contains(&"--console") { 4 } else { 0 };
        while port == 0 || keys.len() < wanted {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                // It was refused.
                break;
            }
            said.push_str(&line);
            let Some((name, place)) = line.split_once(" http://127.0.0.1:") else { continue };
            let (name, place) = (name.trim(), place.trim());
            if let Some(role) = name.strip_prefix("(console, ") {
                let (_, key) = place.split_once("/#key=").unwrap();
                keys.insert(role.trim_end_matches(')').to_owned(), key.to_owned());
            } else if name == "(metrics, alerts)" {
                port = place.parse().unwrap();
            } else {
                mocks.extend(place.parse().ok().map(|port| (name.to_owned(), port)));
            }
        }
        child.stderr = Some(lines.into_inner());
        Self { child, folder, port, keys, mocks, said }
    }

    /// Waits for the end.
    fn end(mut self) -> Ended {
        let mut said = std::mem::take(&mut self.said);
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let code = self.child.wait().unwrap().code();
        let text = std::fs::read_to_string(self.folder.join("result.json")).unwrap_or_default();
        let result: Value = serde_json::from_str(&text).unwrap_or_default();
        Ended { code, result: result["drills"][0].clone(), said }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends a request with these headers, each with its end of line.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let (port, length) = (self.port, body.len());
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        exchange(self.connect(), &text)
    }

    fn bearer(&self, role: &str) -> String {
        format!("authorization: Bearer {}\r\n", self.keys[role])
    }

    fn state(&self, role: &str) -> Value {
        self.send("GET", "/state", &self.bearer(role), "").json()
    }

    /// Does something; returns the status and what was answered.
    fn act(&self, role: &str, command: &Value) -> (u16, String) {
        let headers = format!("{}content-type: application/json\r\n", self.bearer(role));
        let reply = self.send("POST", "/act", &headers, &command.to_string());
        let said = reply.json();
        let text = said["done"].as_str().or(said["error"].as_str()).unwrap_or_default().to_owned();
        (reply.status, text)
    }

    fn step(&self, id: &str) -> Option<Value> {
        let state = self.state("commander");
        let steps = state["incidents"][0]["steps"].as_array()?.clone();
        steps.into_iter().find(|step| step["id"] == id)
    }

    fn step_is(&self, id: &str, wanted: &str) -> bool {
        self.step(id).is_some_and(|step| step["state"] == wanted)
    }
}

fn done(step: u64) -> Value {
    json!({ "do": "done", "runbook": 0, "step": step })
}
