//! The arguments of `stormdrill mock`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;

use crate::base::Span;
use crate::scenario::decode::Scalar;

pub(super) const MOCK_EXAMPLES: &str = "Examples:
  stormdrill mock mocks/
  stormdrill mock scenarios/tool-timeout-backlog.toml --at 12m
  stormdrill mock mocks/ --format env > mocks.env &
  stormdrill mock scenarios/token-cost-spike.toml --without-faults -- pytest tests/";

#[derive(Debug, clap::Args)]
pub(super) struct MockArguments {
    /// A scenario, a mock's file, a file of mocks and faults, or a folder of mock files.
    pub(super) path: PathBuf,
    /// The seed of every draw.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What the drill's clock shows at first, such as `12m`: faults come by it.
    #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = span)]
    pub(super) at: Span,
    /// Let the drill's clock stand until the admin API moves it.
    #[arg(long)]
    pub(super) hold: bool,
    /// Leave every fault off until the admin API arms it.
    #[arg(long)]
    pub(super) without_faults: bool,
    #[command(flatten)]
    pub(super) admin: AdminArguments,
    /// The file that gets the journal, a line of JSON for each entry, after those that are there.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// The most connections of all mocks together.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub(super) connections: usize,
    /// How long requests under way may take to end when the servers stop.
    #[arg(long, value_name = "SPAN", default_value = "5s", value_parser = span)]
    pub(super) drain: Span,
    /// What is printed when all mocks listen.
    #[arg(long, value_enum, default_value_t = MockFormat::Json)]
    pub(super) format: MockFormat,
    /// A command to run with the addresses in its environment.
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// The admin API of mocks.
#[derive(Debug, clap::Args)]
pub(super) struct AdminArguments {
    /// The port of the admin API and of the metrics [default: any that is free].
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) admin_port: u16,
    /// The file that gets the token of the admin API; only its owner may read it [default: in a new temporary folder].
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
}

/// What is printed when all mocks listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MockFormat {
    /// One line of JSON: addresses, environment, and the admin API.
    Json,
    /// Lines for a shell to evaluate: `export OPENAI_BASE_URL=...`.
    Env,
    /// A table for people.
    Human,
}

/// Reads a span such as `250ms` or `12m`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    Span::parse(text)
}
