//! Agents of somebody else's with a load of their own: a loop in the test that reports what it does.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Drill, Ended, agents};
use crate::http::{exchange, folder, request, until};

/// The shop whose agents stand elsewhere, but they get their orders from elsewhere too.
fn shop() -> String {
    let (before, rest) = agents::SHOP.split_once("[mocks.agents.endpoint]").unwrap();
    let (_, after) = rest.split_once("[mocks.orders]").unwrap();
    let reported = "reported = { effect = \"orders\" }";
    format!("{before}{reported}\n[mocks.orders]{after}[guard.agents]\ntimeout = \"30s\"\n")
}

/// A drill that is told of tasks, and the token of whoever tells.
struct Told {
    drill: Drill,
    token: String,
}

impl Told {
    fn begin(scenario: &str) -> Self {
        let path = folder().join("token");
        let drill = Drill::begin(scenario, &["--pace", "20", "--token-file", &path.to_string_lossy()]);
        let token = std::fs::read_to_string(&path).unwrap().trim().to_owned();
        Self { drill, token }
    }

    /// Reports something; nothing is answered once the drill is over.
    fn report(&self, report: &Value) -> Option<(u16, Value)> {
        let stream = TcpStream::connect(("127.0.0.1", self.drill.port)).ok()?;
        let headers = format!("authorization: Bearer {}\r\nconnection: close\r\n", self.token);
        let text = request("POST", "/tasks", &headers, &report.to_string());
        let text = text.replacen("host: 127.0.0.1", &format!("host: 127.0.0.1:{}", self.drill.port), 1);
        let reply = std::panic::catch_unwind(|| exchange(stream, &text)).ok()?;
        (reply.status != 410).then(|| (reply.status, reply.json()))
    }

    /// Works tasks until the drill is over, each an order that is placed, unless the agents only say so.
    fn work(self, is_lying: bool) -> (Ended, u64) {
        let mut tasks = 0;
        loop {
            let tier = if tasks % 2 == 0 { "critical" } else { "standard" };
            let Some((status, begun)) = self.report(&json!({ "state": "begun", "tier": tier })) else {
                break;
            };
            assert_eq!(status, 200, "{begun}");
            assert!(begun["traceparent"].as_str().unwrap().starts_with("00-"), "{begun}");
            let order = json!({ "query": begun["task"] }).to_string();
            let place = || {
                let stream = TcpStream::connect(("127.0.0.1", self.drill.mocks["orders"])).ok()?;
                let reply =
                    exchange(stream, &request("POST", "/tools/order", "connection: close\r\n", &order));
                Some(reply.status == 200)
            };
            let is_done = is_lying || place() == Some(true);
            let state = if is_done { "done" } else { "failed" };
            let Some((status, said)) = self.report(&json!({ "state": state, "task": begun["task"] })) else {
                break;
            };
            assert_eq!(status, 200, "{said}");
            tasks += 1;
            // Whoever gives the agents tasks gives one every so often.
            std::thread::park_timeout(Duration::from_millis(10));
        }
        (self.drill.end(), tasks)
    }
}

#[test]
fn agents_with_their_own_load_are_graded_by_what_they_report_and_by_what_they_did() {
    let (ended, tasks) = Told::begin(&shop()).work(false);
    let run = &ended.result["runs"][0];
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.said, ended.result["because"]);
    assert!(ended.said.contains("(reports of tasks)"), "{}", ended.said);
    let arrived = run["tasks"]["arrived"].as_u64().unwrap();
    assert!(arrived >= tasks && arrived <= tasks + 2 && tasks > 200, "{arrived} of {tasks}");
    // The fault lasts a fifth of the drill.
    let lost: u64 = run["harm"].as_array().unwrap().iter().map(|tier| tier["failed"].as_u64().unwrap()).sum();
    assert!(lost > tasks / 8 && lost < tasks / 3, "{lost} of {tasks}");
    let orders = run["effects"].as_array().unwrap().iter().find(|of| of["mock"] == "orders").unwrap();
    let executed = orders["executed"].as_u64().unwrap();
    assert!(executed > tasks / 2 && orders["duplicate"] == 0, "{orders}");
    assert!(run["times_s"]["detect"].as_f64().unwrap() < 60.0, "{}", run["times_s"]);
}

#[test]
fn what_is_reported_done_and_is_in_no_ledger_is_wrong() {
    let (ended, _) = Told::begin(&shop()).work(true);
    assert_eq!(ended.code, Some(3), "{}", ended.said);
    assert!(
        ended.result["because"][0].as_str().unwrap().contains("`success` was 0.00%"),
        "{}",
        ended.result["because"]
    );
}

#[test]
fn a_task_of_which_nothing_more_is_heard_is_given_up() {
    let told = Told::begin(&shop().replace("timeout = \"30s\"", "timeout = \"1s\""));
    let (_, begun) = told.report(&json!({ "state": "begun", "agent": "client" })).unwrap();
    let done = json!({ "state": "done", "task": begun["task"], "usd": 0.5 });
    // A twentieth of a second later.
    until(|| {
        told.drill.send("GET", "/metrics", "", "").body.contains("slo_bad_tasks_total{slo=\"success\"} 1")
    });
    let (status, why) = told.report(&done).unwrap();
    assert!(status == 409 && why["error"].as_str().unwrap().contains("given up"), "{why}");
    // What it has cost is spent all the same, once.
    assert_eq!(told.report(&done).unwrap().0, 409);
    until(|| told.drill.send("GET", "/metrics", "", "").body.contains("spent_dollars_total 0.5\n"));
    let refused = |report: Value, status: u16| {
        assert_eq!(told.report(&report).unwrap().0, status, "{report}");
    };
    refused(json!({ "state": "begun", "tier": "gold" }), 409);
    refused(json!({ "state": "begun", "agent": "nobody" }), 409);
    refused(json!({ "state": "done", "task": "task-1" }), 409);
    refused(json!({ "state": "lost" }), 400);
    let stranger = Told { token: "x".into(), ..told };
    assert_eq!(stranger.report(&done).unwrap().0, 401);
    let own = Told::begin(super::SHOP);
    assert_eq!(own.report(&json!({ "state": "begun" })).unwrap().0, 409);
}

#[test]
fn a_task_that_may_fail_is_no_step_for_reports() {
    let wrong =
        shop().replace("plan = [{ use = \"agents\" }]", "plan = [{ use = \"agents\", optional = true }]");
    let ended = Drill::begin(&wrong, &[]).end();
    assert!(
        ended.code == Some(2) && ended.said.contains("an agent's plan is the one step"),
        "{}",
        ended.said
    );
}

#[test]
fn what_cannot_be_reported_is_said_at_once() {
    let wrong = shop()
        .replace("plan = [{ use = \"agents\" }]", "plan = [{ use = \"agents\" }, { use = \"orders\" }]")
        .replace("do.acknowledge = {}", "do.reset-contexts = {}")
        .replace("reported = {", "price_per_call = \"$1\"\nreported = {")
        .replace("timeout = \"30s\"", "timeout = \"30s\"\nretry = { attempts = 3, backoff = \"1s\" }")
        .replace("effect = \"orders\"", "effect = \"agents\"")
        .replace("on = \"orders\"", "on = \"agents\"")
        .replace("success holds for 30s", "agents answers for 30s");
    let ended = Drill::begin(&wrong, &[]).end();
    assert_eq!(ended.code, Some(2));
    for said in [
        "an agent's plan is the one step that stands for them",
        "only their `timeout` can be guarded here",
        "no tool is called `agents` that is served here",
        "only what is served here can be made to fail",
        "nobody can ask it",
        "not the drill's to reset",
        "is reported too, as `usd`",
    ] {
        assert!(ended.said.contains(said), "{said} in\n{}", ended.said);
    }
}
