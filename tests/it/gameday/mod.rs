//! Live drills in processes of their own: a small shop, at sixty times the clock.

mod console;
mod drills;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::live::{Reply, exchange, folder};

const SHOP: &str = include_str!("shop.toml");

/// A drill that is being held.
struct Drill {
    child: Child,
    folder: PathBuf,
    /// The port of the console, and the key of each role.
    port: u16,
    keys: BTreeMap<String, String>,
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
        let folder = folder();
        let path = folder.join("shop.toml");
        std::fs::write(&path, scenario).unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
            .arg("live")
            .arg(&path)
            .args(["--format", "json", "--output"])
            .arg(folder.join("result.json"))
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (mut port, mut keys) = (0, BTreeMap::new());
        while arguments.contains(&"--console") && keys.len() < 4 {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the drill ended before it began");
            let Some((role, link)) = line.strip_prefix("(console, ").and_then(|rest| rest.split_once(')'))
            else {
                continue;
            };
            let (place, key) =
                link.trim().strip_prefix("http://127.0.0.1:").unwrap().split_once("/#key=").unwrap();
            port = place.parse().unwrap();
            keys.insert(role.to_owned(), key.to_owned());
        }
        child.stderr = Some(lines.into_inner());
        Self { child, folder, port, keys }
    }

    /// Waits for the end.
    fn end(mut self) -> Ended {
        let mut said = String::new();
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
