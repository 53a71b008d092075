//! `stormdrill mock`: the mocks as real servers.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::Pid;
use serde_json::json;

use crate::cli::mock_arguments::{MockArguments, MockFormat};
use crate::cli::serving::{Signals, Token, ended_by, recordings, settings};
use crate::cli::{BAD_INPUT, INTERNAL, output, problems};
use crate::live::{self, Running, Settings};
use crate::report::safe;
use crate::scenario::Scenario;
use crate::scenario::file::wire::Protocol;

pub(super) fn mock(arguments: &MockArguments) -> Result<ExitCode, io::Error> {
    let Some(scenario) = problems::load_served(&arguments.path) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let Some(recorded) = recordings(&arguments.path, &scenario) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let token = Token::new(arguments.admin.token_file.as_deref())?;
    let journal = arguments.journal.as_deref().map(appended).transpose()?;
    let settings = Settings {
        seed: arguments.seed,
        at: arguments.at,
        is_held: arguments.hold,
        is_scheduled: !arguments.without_faults,
        connections: arguments.connections,
        admin_port: arguments.admin.admin_port,
        journal: journal.map(|file| Box::new(file) as Box<dyn Write + Send>),
        ..settings(recorded, &token)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(serve(arguments, (scenario, settings), &token));
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn serve(
    arguments: &MockArguments,
    (scenario, settings): (Scenario, Settings),
    token: &Token,
) -> Result<ExitCode, io::Error> {
    let mut signals = Signals::new()?;
    let running = live::start(scenario, settings).await?;
    for (fault, kind) in &running.unseen {
        anstream::eprintln!("warning: fault `{fault}` ({kind}) does not show on the wire");
    }
    let environment = environment(&running, token);
    let mut code = 0;
    if arguments.command.is_empty() {
        output::print(&announced(arguments.format, &running, &environment), None)?;
        let _signal: i32 = signals.next().await;
    } else {
        code = run(arguments, &environment, &mut signals).await?;
    }
    // Whoever asks a second time does not want to wait.
    let is_clean = tokio::select! {
        is_clean = running.stop(Duration::from_nanos(arguments.drain.0)) => is_clean,
        signal = signals.next() => return Ok(ExitCode::from(ended_by(signal))),
    };
    Ok(ExitCode::from(if is_clean { code } else { INTERNAL }))
}

/// Runs the command to its end and returns its exit code; hands signals on to it.
async fn run(
    arguments: &MockArguments,
    environment: &BTreeMap<String, String>,
    signals: &mut Signals,
) -> Result<u8, io::Error> {
    let (program, rest) = arguments.command.split_first().expect("the caller has seen that there is one");
    let child = tokio::process::Command::new(program).args(rest).envs(environment).kill_on_drop(true).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let name = program.to_string_lossy();
            anstream::eprintln!("error: cannot run `{}`: {error}", safe::log(&safe::text(&name)));
            return Ok(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 });
        }
    };
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status?;
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return Ok(code.or(status.signal().map(ended_by)).unwrap_or(INTERNAL));
            }
            signal = signals.next() => {
                let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                if let (Some(pid), Some(signal)) = (pid, rustix::process::Signal::from_named_raw(signal)) {
                    // A child that has just ended needs no signal.
                    let _sent: Result<(), rustix::io::Errno> = rustix::process::kill_process(pid, signal);
                }
            }
        }
    }
}

/// Returns the environment that SDKs and clients read: the first mock of each protocol, and every mock by its name.
fn environment(running: &Running, token: &Token) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for mock in &running.mocks {
        let base = format!("http://127.0.0.1:{}", mock.port);
        let mut first = |name: &str, value: String| {
            all.entry(name.to_owned()).or_insert(value);
        };
        for protocol in &mock.speaks {
            match protocol {
                // A key keeps a client from looking for a real one.
                Protocol::Openai => {
                    first("OPENAI_BASE_URL", format!("{base}/v1"));
                    first("OPENAI_API_KEY", "stormdrill".into());
                }
                Protocol::Anthropic => {
                    first("ANTHROPIC_BASE_URL", base.clone());
                    first("ANTHROPIC_API_KEY", "stormdrill".into());
                }
                Protocol::Mcp => first("MCP_URL", format!("{base}/mcp")),
                Protocol::Http => {}
            }
        }
        let name: String = mock.name.to_uppercase().replace('-', "_");
        all.insert(format!("STORMDRILL_{name}_URL"), base);
    }
    all.insert("STORMDRILL_ADMIN_URL".into(), format!("http://127.0.0.1:{}", running.admin));
    all.insert("STORMDRILL_ADMIN_TOKEN_FILE".into(), token.path.to_string_lossy().into_owned());
    all
}

/// Returns what is printed when all mocks listen.
fn announced(format: MockFormat, running: &Running, environment: &BTreeMap<String, String>) -> String {
    match format {
        MockFormat::Json => {
            let one = |mock: &live::Address| {
                let speaks: Vec<&str> = mock.speaks.iter().map(|protocol| protocol.word()).collect();
                let value = json!({ "port": mock.port, "url": format!("http://127.0.0.1:{}", mock.port), "speaks": speaks });
                (mock.name.clone(), value)
            };
            let mocks: serde_json::Map<String, serde_json::Value> = running.mocks.iter().map(one).collect();
            let admin = json!({
                "url": environment["STORMDRILL_ADMIN_URL"], "token_file": environment["STORMDRILL_ADMIN_TOKEN_FILE"],
            });
            format!(
                "{}\n",
                json!({ "ready": true, "mocks": mocks, "admin": admin, "environment": environment })
            )
        }
        MockFormat::Env => {
            // Addresses are plain; only the path of the token file could hold a quote.
            let line = |(name, value): (&String, &String)| {
                format!("export {name}='{}'\n", value.replace('\'', "'\\''"))
            };
            environment.iter().map(line).collect::<Vec<_>>().concat()
        }
        MockFormat::Human => {
            let line = |mock: &live::Address| {
                let speaks: Vec<&str> = mock.speaks.iter().map(|protocol| protocol.word()).collect();
                format!("{:24} http://127.0.0.1:{:<5}  {}\n", mock.name, mock.port, speaks.join(", "))
            };
            let lines: Vec<String> = running.mocks.iter().map(line).collect();
            let admin = format!(
                "{:24} {}  token in {}\n",
                "(admin, metrics)",
                environment["STORMDRILL_ADMIN_URL"],
                environment["STORMDRILL_ADMIN_TOKEN_FILE"]
            );
            format!("{}{admin}", lines.concat())
        }
    }
}

/// Opens a file for lines that are written as they come, after those that are there.
fn appended(path: &Path) -> Result<File, io::Error> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
