//! What every command that serves needs: signals, recorded replies, the token of the admin API, how mocks are served.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::Span;
use crate::cli::INTERNAL;
use crate::files;
use crate::live;
use crate::plan::Served;
use crate::report::safe;
use crate::scenario::Scenario;
use crate::wire::say::{Recorded, recorded};

/// The signals that end the servers.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, io::Error> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns the number of the next of them.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    }
}

/// Returns the exit code of what a signal ended, as shells have it.
pub(super) fn ended_by(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(INTERNAL)
}

/// Reads the recorded replies of every mock that has some; says everything that is wrong with them.
///
/// What is wrong has been said if there is nothing.
pub(super) fn recordings(path: &Path, scenario: &Scenario) -> Option<Vec<Recorded>> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for wire in Served::of(scenario).wires {
        let read = match &wire.recorded {
            None => Ok(Recorded::new()),
            Some(name) => files::beside(path, name).map_err(|why| vec![why]).and_then(|text| {
                recorded(&text).map_err(|wrong| wrong.iter().map(|why| format!("{name}:{why}")).collect())
            }),
        };
        match read {
            Ok(read) => all.push(read),
            Err(more) => wrong.extend(more),
        }
    }
    for why in &wrong {
        anstream::eprintln!("error[unreadable]: {}", safe::log(&safe::text(why)));
    }
    if wrong.is_empty() {
        return Some(all);
    }
    anstream::eprintln!("hint: a line is {{\"prompt\": ..., \"say\": ..., \"calls\": [...]}}");
    None
}

/// Returns how mocks are served where the arguments do not say it otherwise.
pub(super) fn settings(recorded: Vec<Recorded>, token: &Token) -> live::Settings {
    // Where it cannot be raised there are as many connections as there can be.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    live::Settings {
        seed: 1,
        at: Span::ZERO,
        is_held: false,
        is_scheduled: true,
        connections: 16_384,
        has_any_ports: false,
        admin_port: 0,
        token: token.text.clone(),
        journal: None,
        recorded,
        pace: 1,
        told: None,
    }
}

/// The token of the admin API, in a file that only its owner may read; the file goes when the servers do.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) path: PathBuf,
    folder: Option<PathBuf>,
}

/// Returns so many random bytes, in hexadecimal.
fn random<const N: usize>() -> Result<String, io::Error> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

impl Token {
    /// Returns fresh keys, such as nobody can guess.
    pub(super) fn keys<const N: usize>() -> Result<[String; N], io::Error> {
        let mut keys = std::array::from_fn(|_| String::new());
        for key in &mut keys {
            *key = random::<24>()?;
        }
        Ok(keys)
    }

    pub(super) fn new(path: Option<&Path>) -> Result<Self, io::Error> {
        // The name of the folder must not tell anything of the token.
        let (name, text) = (random::<6>()?, random::<24>()?);
        let (path, folder) = if let Some(path) = path {
            (path.to_owned(), None)
        } else {
            let folder = std::env::temp_dir().join(format!("stormdrill-{name}"));
            let mut builder = DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder)?;
            (folder.join("token"), Some(folder))
        };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        // A file of one's own first, then in the place of whatever was there: no link is followed, and nobody can read
        // it at any moment.
        let fresh = path.with_extension(format!("{name}.tmp"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh).map_err(named)?;
        writeln!(file, "{text}")?;
        std::fs::rename(&fresh, &path).map_err(named)?;
        Ok(Self { text, path, folder })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Another one's token stays where it is; what cannot be removed guards nothing any more.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text.trim_end() == self.text) {
            drop(std::fs::remove_file(&self.path));
        }
        if let Some(folder) = &self.folder {
            drop(std::fs::remove_dir(folder));
        }
    }
}
