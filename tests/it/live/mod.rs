//! Live mocks over real sockets: each test has servers of its own, and speaks HTTP by hand where bytes matter.

mod admin;
mod breaks;
mod doses;
mod hostile;
mod kinds;
mod ledgers;
mod process;
mod same_again;
mod slots;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Reply, exchange, folder, read, request, until};

/// A model, tools of which one has an effect, and a memory.
const SET: &str = r#"
version = 1
[mocks.llm]
kind = "model"
first_token = "2ms"
per_token = "0ms"
price = { in = "$1", out = "$10", cached = "$0.1" }
wire.turn = [
  { when = "weather", call = [{ tool = "weather", arguments = { city = "Oslo" } }] },
  { when = "weather", say = "It says: {{result}}" },
  { say = "Hello, you said {{prompt}}." },
  { say = "Goodbye, order 12 is done." },
]
[mocks.tools]
kind = "tool"
service = "1ms"
permission = "refunds-write"
price_per_call = "$0.01"
[mocks.tools.wire.tool.weather]
input = { type = "object", properties = { city = { type = "string" } }, required = ["city"] }
reply = { city = "{{argument.city}}", degrees = 12, as_of = "now" }
effect = false
[mocks.tools.wire.tool.refund]
input = { type = "object", properties = { order = { type = "string" } }, required = ["order"] }
reply = { refunded = "{{argument.order}}" }
[mocks.memory]
kind = "tool"
service = "1ms"
entries = 20
wire.fact = ["Refunds take five days.", "Oslo is in Norway."]
"#;

/// Mocks that run in a process of their own, until the test ends.
struct Mocks {
    child: Child,
    ready: Value,
    token: String,
    folder: PathBuf,
}

impl Drop for Mocks {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Mocks {
    fn start(set: &str) -> Self {
        Self::with(set, &[])
    }

    /// Starts mocks with more arguments.
    fn with(set: &str, arguments: &[&str]) -> Self {
        Self::inside(folder(), set, arguments)
    }

    /// Starts mocks from a file in a folder, which may hold more.
    fn inside(folder: PathBuf, set: &str, arguments: &[&str]) -> Self {
        let path = folder.join("set.toml");
        std::fs::write(&path, set).unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
            .arg("mock")
            .arg(&path)
            .arg("--token-file")
            .arg(folder.join("token"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let token = std::fs::read_to_string(folder.join("token")).unwrap().trim().to_owned();
        Self { child, ready, token, folder }
    }

    fn port(&self, mock: &str) -> u16 {
        self.ready["mocks"][mock]["port"].as_u64().unwrap() as u16
    }

    fn connect(&self, mock: &str) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port(mock))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    fn post(&self, mock: &str, path: &str, body: &Value) -> Reply {
        self.post_with(mock, path, "", body)
    }

    fn post_with(&self, mock: &str, path: &str, headers: &str, body: &Value) -> Reply {
        exchange(self.connect(mock), &request("POST", path, headers, &body.to_string()))
    }

    /// Asks the admin API; a body makes it a POST.
    fn admin(&self, path: &str, body: Option<&Value>) -> Value {
        let reply = self.admin_reply(path, body, &self.token);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()
    }

    fn admin_reply(&self, path: &str, body: Option<&Value>, token: &str) -> Reply {
        let url = self.ready["admin"]["url"].as_str().unwrap();
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let method = if body.is_some() { "POST" } else { "GET" };
        let text = body.map(ToString::to_string).unwrap_or_default();
        exchange(stream, &request(method, path, &format!("authorization: Bearer {token}\r\n"), &text))
    }

    /// Arms a fault at once.
    fn arm(&self, mock: &str, inject: &Value) -> Value {
        self.arm_with(mock, inject, &json!({}))
    }

    fn arm_with(&self, mock: &str, inject: &Value, more: &Value) -> Value {
        let mut fault = json!({ "id": "it", "on": mock, "inject": inject });
        for (key, value) in more.as_object().unwrap() {
            fault[key] = value.clone();
        }
        self.admin("/faults", Some(&fault))
    }

    /// Returns what is known of the fault that was armed.
    fn fault(&self) -> Value {
        self.admin("/faults", None)
            .as_array()
            .unwrap()
            .iter()
            .find(|fault| fault["id"] == "it")
            .unwrap()
            .clone()
    }

    fn chat(&self, prompt: &str) -> Reply {
        self.post("llm", "/v1/chat/completions", &chat(prompt, false))
    }

    fn weather(&self) -> Reply {
        self.post("tools", "/tools/weather", &json!({ "city": "Oslo" }))
    }
}

fn chat(prompt: &str, is_stream: bool) -> Value {
    json!({ "model": "m", "stream": is_stream, "messages": [{ "role": "user", "content": prompt }] })
}
