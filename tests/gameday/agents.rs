//! Agents of somebody else's: a server in the test, which gets tasks and calls the drill's mocks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::Drill;
use crate::http::{exchange, request};

/// A shop whose agents stand elsewhere; their orders fail for a minute.
pub(crate) const SHOP: &str = r#"
version = 1
title = "Agents at an address"
duration = "5m"
baseline = "1m"
[mocks.agents]
kind = "tool"
service = "60ms"
[mocks.agents.endpoint]
url = "http://127.0.0.1:PORT/tasks"
body = '{"order": "{{task}}", "tier": "{{tier}}"}'
headers = ["x-team: shop"]
pointer = "/status"
equals = "done"
effect = "orders"
cost = "/usd"
[mocks.orders]
kind = "tool"
service = "20ms"
price_per_call = "$0.01"
wire.tool.order = { effect = true }
[load]
arrivals.constant = "4/s"
tiers = { critical = "50%", standard = "50%" }
[agents.client]
plan = [{ use = "agents" }]
[[fault]]
id = "orders-down"
on = "orders"
start = "90s"
duration = "1m"
inject.error = { share = "100%", status = 503 }
[slo.success]
success = "95%"
[alert.Failing]
when = { threshold = { slo = "success", bad_above = "20%", over = "15s" } }
for = "0s"
severity = "sev2"
runbook = "wait"
[runbook.wait]
recovery = "success holds for 30s"
steps = [{ id = "own", owner = "on-call", within = "5m", do.acknowledge = {} }]
[roster.on-call]
day = { acknowledge = "5s", step = "5s" }
[targets]
detect = "1m"
contain = { within = "2m", harm_below = "5%", sustained_for = "30s" }
recover = { within = "3m", sustained_for = "30s" }
cost_above = "50%"
unsafe_acts = 0
duplicate_acts = 0
required = "50%"
"#;

/// Answers tasks: places the order at the mock, and says whether that went well; or says so without having done it.
fn serve(mut stream: TcpStream, orders: &OnceLock<u16>, is_lying: bool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut length, mut has_team, mut line) = (0, false, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            has_team |= lower.starts_with("x-team: shop");
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let task: Value = serde_json::from_slice(&body).unwrap();
        assert!(has_team && (task["tier"] == "critical" || task["tier"] == "standard"), "{task}");
        let call = json!({ "query": task["order"] }).to_string();
        let port = *orders.wait();
        let place = || {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let reply = exchange(stream, &request("POST", "/tools/order", "connection: close\r\n", &call));
            (reply.status == 200, reply.body)
        };
        let (is_done, told) = if is_lying { (true, String::new()) } else { place() };
        let status = if is_done { "done" } else { "failed" };
        let said = json!({ "status": status, "told": told, "usd": 0.25 }).to_string();
        let reply = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        );
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Starts the agents; returns their port, and where the port of the orders goes.
fn agents(is_lying: bool) -> (u16, Arc<OnceLock<u16>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let orders = Arc::new(OnceLock::new());
    let known = Arc::clone(&orders);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let known = Arc::clone(&known);
            std::thread::spawn(move || serve(stream, &known, is_lying));
        }
    });
    (port, orders)
}

fn held(shop: &str, is_lying: bool) -> super::Ended {
    let (port, orders) = agents(is_lying);
    let drill = Drill::begin(&shop.replace("PORT", &port.to_string()), &["--pace", "20"]);
    orders.set(drill.mocks["orders"]).unwrap();
    drill.end()
}

#[test]
fn agents_at_an_address_are_graded_by_what_they_say_and_by_what_they_did() {
    let ended = held(SHOP, false);
    let run = &ended.result["runs"][0];
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.said, ended.result["because"]);
    // Some 240 tasks arrived while orders failed; before and after all went well.
    let lost: i64 = run["harm"].as_array().unwrap().iter().map(|tier| tier["failed"].as_i64().unwrap()).sum();
    assert!((200..=260).contains(&lost), "{lost}");
    // What the agents did at the mocks stands in the ledgers, though the drill did not send it.
    let orders = run["effects"].as_array().unwrap().iter().find(|of| of["mock"] == "orders").unwrap();
    assert!(orders["executed"].as_u64().unwrap() > 900 && orders["duplicate"] == 0, "{orders}");
    // A cent for each order, and what the agents say they have spent elsewhere for each task.
    let spent = |of: &str| {
        let mocks = run["spend"]["by_mock_usd"].as_array().unwrap();
        mocks.iter().find(|mock| mock["name"] == of).unwrap()["value"].as_f64().unwrap()
    };
    assert!(spent("orders") > 9.0 && (spent("agents") / 0.25 - 1_200.0).abs() < 20.0, "{}", run["spend"]);
    assert!(run["witness"][0]["hits"].as_u64().unwrap() > 200);
}

#[test]
fn agents_that_say_done_and_have_done_nothing_do_not_hold_a_baseline() {
    let ended = held(SHOP, true);
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(3), &"INVALID".into()), "{}", ended.said);
    assert!(
        ended.result["because"][0].as_str().unwrap().contains("`success` was 0.00%"),
        "{}",
        ended.result["because"]
    );
}

#[test]
fn what_agents_spend_at_real_providers_is_capped() {
    let ended = held(&format!("{SHOP}[stop_loss]\nspend = \"$20\"\n"), false);
    assert_eq!(ended.code, Some(4), "{}", ended.said);
    let why = ended.result["because"][0].as_str().unwrap();
    assert!(why.contains("stop-loss") && why.contains("spent"), "{why}");
}

#[test]
fn a_cost_that_nobody_says_proves_nothing() {
    let ended = held(&SHOP.replace("cost = \"/usd\"", "cost = \"/cost\""), false);
    assert_eq!((ended.code, &ended.result["verdict"]), (Some(3), &"INVALID".into()), "{}", ended.said);
    let why = ended.result["because"][0].as_str().unwrap();
    assert!(why.contains("do not say what they cost"), "{why}");
}

#[test]
fn a_reply_that_hands_on_what_is_another_customers_is_wrong_though_nobody_sees_it() {
    let shop = SHOP
        .replace("inject.error = { share = \"100%\", status = 503 }", "inject.bleed = { share = \"100%\" }");
    let ended = held(&shop, false);
    let run = &ended.result["runs"][0];
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.said, ended.result["because"]);
    let wrong: i64 = run["harm"].as_array().unwrap().iter().map(|tier| tier["wrong"].as_i64().unwrap()).sum();
    assert!((200..=260).contains(&wrong) && run["alerts"] == json!([]), "{wrong}, {}", run["alerts"]);
}

#[test]
fn tasks_go_to_other_machines_only_where_both_name_them() {
    let away = SHOP.replace("127.0.0.1:PORT", "agents.example:8000");
    let refused = Drill::begin(&away, &[]).end();
    assert!(refused.code == Some(2) && refused.said.contains("target-refused"), "{}", refused.said);
    let other = Drill::begin(&away, &["--allow", "other.example"]).end();
    assert_eq!(other.code, Some(2), "{}", other.said);
}

#[test]
fn what_is_wrong_with_an_address_is_said_at_once() {
    let wrong = SHOP
        .replace("http://127.0.0.1:PORT/tasks", "ftp://x")
        .replace("{\"order\": \"{{task}}\"", "{\"order\": \"{{order}}\", oops")
        .replace("x-team: shop", "x team")
        .replace("pointer = \"/status\"", "pointer = \"status\"")
        .replace("effect = \"orders\"", "effect = \"order\"")
        .replace("on = \"orders\"", "on = \"agents\"");
    let ended = Drill::begin(&wrong, &[]).end();
    assert_eq!(ended.code, Some(2));
    for said in [
        "no address of HTTP",
        "nothing fills `{{order}}`",
        "the body is JSON",
        "no header",
        "no JSON pointer",
        "no tool is called `order`",
        "only what is served here can be made to fail",
    ] {
        assert!(ended.said.contains(said), "{said} in\n{}", ended.said);
    }
}
