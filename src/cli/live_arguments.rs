//! The arguments of `stormdrill live`.

use std::path::PathBuf;

use crate::cli::arguments::ViewArguments;

pub(super) const LIVE_EXAMPLES: &str = "Examples:
  stormdrill live scenarios/tool-timeout-backlog.toml
  stormdrill live scenarios/tool-timeout-backlog.toml --pace 30 --format html --output drill.html";

#[derive(Debug, clap::Args)]
pub(super) struct LiveArguments {
    /// The scenario file.
    pub(super) path: PathBuf,
    /// The seed of every draw.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// How many times as fast as the wall's the drill's clock runs: the waiting of mocks and agents, the load, the
    /// faults and the roster all keep step with it.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) pace: u32,
    /// The port of the admin API and of the metrics [default: any that is free].
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) admin_port: u16,
    /// The file that gets the token of the admin API; only its owner may read it [default: in a new temporary folder].
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// The file that gets the journal, a line of JSON for each entry, after those that are there.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(super) views: ViewArguments,
}
