//! `stormdrill mock`: the mocks as real servers.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::mock_arguments::{MockArguments, MockFormat};
use crate::cli::{BAD_INPUT, INTERNAL, output, problems};
use crate::files;
use crate::live::{self, Running, Settings};
use crate::plan::Served;
use crate::scenario::Scenario;
use crate::scenario::file::wire::Protocol;
use crate::wire::say::{Recorded, recorded};

pub(super) fn mock(arguments: &MockArguments) -> Result<ExitCode, io::Error> {
    let Some(scenario) = problems::load_served(&arguments.path) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let recorded = match recordings(&arguments.path, &scenario) {
        Ok(recorded) => recorded,
        Err(why) => {
            anstream::eprintln!(
                "error[unreadable]: {}",
                crate::report::safe::log(&crate::report::safe::text(&why))
            );
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    // Where it cannot be raised there are as many connections as there can be.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let token = Token::new(arguments.token_file.as_deref())?;
    let journal = arguments.journal.as_deref().map(created).transpose()?;
    let settings = Settings {
        seed: arguments.seed,
        at: arguments.at,
        is_held: arguments.hold,
        is_scheduled: !arguments.without_faults,
        connections: arguments.connections,
        admin_port: arguments.admin_port,
        token: token.text.clone(),
        journal: journal.map(|file| Box::new(file) as Box<dyn Write + Send>),
        recorded,
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
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = live::start(scenario, settings).await?;
    let environment = environment(&running, token);
    let mut code = 0;
    if let Some((program, rest)) = arguments.command.split_first() {
        let child =
            tokio::process::Command::new(program).args(rest).envs(&environment).kill_on_drop(true).spawn();
        let mut child = child.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run `{}`: {error}", program.to_string_lossy()))
        })?;
        tokio::select! {
            status = child.wait() => code = status?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(INTERNAL),
            _ = terminated.recv() => code = INTERNAL,
            _ = interrupted.recv() => code = INTERNAL,
        }
    } else {
        output::print(&announced(arguments.format, &running, &environment), None)?;
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    }
    let is_clean = running.stop(Duration::from_nanos(arguments.drain.0)).await;
    Ok(ExitCode::from(if is_clean { code } else { INTERNAL }))
}

/// Reads the recorded replies of every mock that has some.
fn recordings(path: &Path, scenario: &Scenario) -> Result<Vec<Recorded>, String> {
    let one = |wire: &crate::plan::WirePlan| {
        let Some(name) = &wire.recorded else { return Ok(Recorded::new()) };
        let text = files::beside(path, name)?;
        recorded(&text).map_err(|why| format!("{name}, {why}"))
    };
    Served::of(scenario).wires.iter().map(one).collect()
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

/// The token of the admin API, in a file that only its owner may read; the file goes when the servers do.
struct Token {
    text: String,
    path: PathBuf,
    folder: Option<PathBuf>,
}

impl Token {
    fn new(path: Option<&Path>) -> Result<Self, io::Error> {
        let mut bytes = [0_u8; 30];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let written =
            |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        // The name of the folder must not tell anything of the token.
        let (name, text) = (written(&bytes[..6]), written(&bytes[6..]));
        let (path, folder) = if let Some(path) = path {
            (path.to_owned(), None)
        } else {
            let folder = std::env::temp_dir().join(format!("stormdrill-{name}"));
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder)?;
            (folder.join("token"), Some(folder))
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(folder.is_some()).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        writeln!(file, "{text}")?;
        Ok(Self { text, path, folder })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // What cannot be removed guards nothing any more.
        drop(std::fs::remove_file(&self.path));
        if let Some(folder) = &self.folder {
            drop(std::fs::remove_dir(folder));
        }
    }
}

/// Creates a file anew, for lines that are written as they come.
fn created(path: &Path) -> Result<std::fs::File, io::Error> {
    std::fs::File::create(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
