//! The arguments of `stormdrill live`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::arguments::{Format, ViewArguments};
use crate::cli::mock_arguments::AdminArguments;

pub(super) const LIVE_EXAMPLES: &str = "Examples:
  stormdrill live scenarios/tool-timeout-backlog.toml
  stormdrill live scenarios/tool-timeout-backlog.toml --console --hide-injects --journal gameday.jsonl
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
    #[command(flatten)]
    pub(super) admin: AdminArguments,
    /// The file that gets the journal, lines of JSON that are written ahead; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Serve the console, a page for each role on which people play the drill.
    #[arg(long)]
    pub(super) console: bool,
    /// The port of the console, the drill's metrics and the webhooks for alerts [default: any that is free].
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// Who says which alerts fire.
    #[arg(long, value_enum, default_value_t = Alerting::Own)]
    pub(super) alerting: Alerting,
    /// Show responders only what a real incident would show, and not what is injected.
    #[arg(long, requires = "console")]
    pub(super) hide_injects: bool,
    /// Hold a control arm beside the drill: the same load and agents, and mocks at which nothing goes wrong. Harm is
    /// measured against it [default: against the drill's own baseline].
    #[arg(long)]
    pub(super) control: bool,
    /// A host to which tasks may be posted, beside this machine; the scenario names it too.
    #[arg(long, value_name = "HOST")]
    pub(super) allow: Vec<String>,
    /// A program that steps of runbooks may run, as the scenario writes it.
    #[arg(long, value_name = "PROGRAM")]
    pub(super) allow_exec: Vec<String>,
    /// The roles on the roster whose part real people do; the others are drawn from the roster [default: all with a
    /// console, none without].
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    pub(super) people: Vec<String>,
    #[command(flatten)]
    pub(super) views: ViewArguments,
}

/// Who says which alerts fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Alerting {
    /// The scenario's own rules over what the drill measures.
    Own,
    /// Your alerting: Alertmanager's webhook, a plain one, or somebody who was paged and says so in the console.
    Webhook,
}

#[derive(Debug, clap::Args)]
pub(super) struct ParityArguments {
    /// The scenario file.
    pub(super) path: PathBuf,
    /// How many seeds to run in virtual time.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(super) seeds: u64,
    /// How many of them to run live too, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(super) live: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=u64::MAX / 2))]
    pub(super) seed: u64,
    /// How many times as fast as the wall's the live clock runs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) pace: u32,
    /// What to make of the result.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}
