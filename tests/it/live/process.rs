//! The process: how it starts, what it prints, how it ends.

use std::process::{Child, Command, Stdio};

use super::{Mocks, SET, folder, until};

pub(super) fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn stormdrill(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn written(set: &str) -> String {
    let path = folder().join("set.toml");
    std::fs::write(&path, set).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn everything_that_is_wrong_with_a_set_is_said_at_once() {
    let set = "version = 1\n[mocks.a]\nkind = \"model\"\nfirst_token = \"1ms\"\nper_token = \"1ms\"\nwire.port = 7000\nwire.speaks = [\"mcp\"]\nwire.turn = [{ say = \"{{nothing}}\" }, {}]\n[mocks.b]\nkind = \"tool\"\nservice = \"1\"\nwire.port = 7000\nwire.fact = [\"x\"]\nwire.tool.t = { input = { type = \"string\" }, reply = { a = \"{{argument.x}} {{argumnt.x}}\" } }\n[[fault]]\nid = \"f\"\non = \"c\"\nstart = \"0s\"\nduration = \"1h\"\ninject.interruption = { share = \"1%\", stage = \"before-headers\", ending = \"clean\" }\n";
    let (code, _, said) = stormdrill(&["mock", &written(set)]);
    assert_eq!(code, Some(2));
    for wanted in [
        "a model does not speak `mcp`",
        "nothing fills `{{nothing}}`",
        "neither `say` nor `call`",
        "lacks a unit",
        "another mock has this port",
        "only a memory holds facts",
        "the arguments of a tool are an object",
        "nothing fills `{{argumnt.x}}`",
        "no mock is called `c`",
        "a reply cannot end `clean`",
    ] {
        let is_there = said.contains(wanted) || (wanted.starts_with("no mock") && said.contains("`c`"));
        assert!(is_there, "{wanted} in\n{said}");
    }
    assert!(!said.contains("{{argument.x}}`"), "the arguments are the caller's to name");
    let (code, _, said) = stormdrill(&["mock", &written("version = 1\n")]);
    assert!(code == Some(2) && said.contains("no mocks here"), "{said}");
}

#[test]
fn scenarios_folders_and_single_mocks_are_served() {
    // A mock alone speaks only its own provider's protocol.
    let served = [("scenarios/tool-timeout-backlog.toml", 2), ("mocks", 2), ("mocks/gpt-chat.toml", 1)];
    for (path, addresses) in served {
        let script = "echo $OPENAI_BASE_URL $ANTHROPIC_BASE_URL";
        let (code, out, said) = stormdrill(&["mock", path, "--", "sh", "-c", script]);
        assert_eq!((code, out.matches("http://127.0.0.1:").count()), (Some(0), addresses), "{path}: {said}");
    }
}

#[test]
fn a_command_gets_the_addresses_and_its_exit_code_is_passed_on() {
    let set = written(SET);
    let shell = |script: &str| stormdrill(&["mock", &set, "--", "sh", "-c", script]);
    let (code, out, _) =
        shell("env | grep -E '^(STORMDRILL|OPENAI|ANTHROPIC|MCP)_' | sed 's/=.*//' | sort; exit 7");
    assert_eq!(code, Some(7));
    let names: Vec<&str> = out.lines().collect();
    assert_eq!(
        names,
        [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "MCP_URL",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "STORMDRILL_ADMIN_TOKEN_FILE",
            "STORMDRILL_ADMIN_URL",
            "STORMDRILL_LLM_URL",
            "STORMDRILL_MEMORY_URL",
            "STORMDRILL_TOOLS_URL",
        ]
    );
    assert_eq!(shell("kill -KILL $$").0, Some(137));
    assert_eq!(stormdrill(&["mock", &set, "--", "/no/such/program"]).0, Some(127));
}

#[test]
fn a_signal_is_handed_on_to_the_command() {
    let set = written(SET);
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("stormdrill"))
        .args([
            "mock",
            &set,
            "--",
            "sh",
            "-c",
            "trap 'echo heard; exit 5' TERM; echo up; while :; do sleep 0.05; done",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "up");
    terminate(&child);
    assert_eq!(lines.next().unwrap().unwrap(), "heard");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_served() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let set = SET.replace("[mocks.tools]\n", &format!("[mocks.tools]\nwire.port = {port}\n"));
    let (code, out, said) = stormdrill(&["mock", &written(&set)]);
    assert_eq!((code, out.as_str()), (Some(70), ""));
    assert!(said.contains(&format!("mock `tools`, port {port}")), "{said}");
}

#[test]
fn the_end_lifts_every_fault_and_says_so_in_the_journal() {
    let fault = "[[fault]]\nid = \"it\"\non = \"tools\"\nstart = \"0s\"\nduration = \"1h\"\ninject.hang = { share = \"100%\" }\n";
    let folder = folder();
    let journal = folder.join("journal.jsonl");
    let mut mocks =
        Mocks::with(&format!("{SET}{fault}"), &["--journal", journal.to_str().unwrap(), "--drain", "30s"]);
    let mut hanging = mocks.connect("tools");
    std::io::Write::write_all(
        &mut hanging,
        super::request("POST", "/tools/weather", "", "{\"city\":\"x\"}").as_bytes(),
    )
    .unwrap();
    until(|| mocks.fault()["hits"] == 1);
    terminate(&mocks.child);
    // A request that would never be answered does not hold the end up.
    assert_eq!(super::read(&mut hanging).status, 504);
    assert!(mocks.child.wait().unwrap().success());
    let lines = std::fs::read_to_string(&journal).unwrap();
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = events.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(told[..3], ["started", "fault-begun", "fault-witnessed"]);
    assert!(told.contains(&"faults-released") && told.last() == Some(&"stopped"), "{told:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn faults_that_do_not_show_on_the_wire_are_named() {
    let fault = "[[fault]]\nid = \"it\"\non = \"tools\"\nstart = \"0s\"\nduration = \"1h\"\ninject.livelock = { share = \"100%\" }\n";
    let (code, _, said) = stormdrill(&["mock", &written(&format!("{SET}{fault}")), "--", "true"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("fault `it` (livelock) does not show on the wire"), "{said}");
}
