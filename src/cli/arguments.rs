//! The arguments of every command.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::cli::live_arguments::{LIVE_EXAMPLES, LiveArguments, ParityArguments};
use crate::cli::mock_arguments::{MOCK_EXAMPLES, MockArguments};
use crate::report::views::View;
use crate::study::Seeds;

const FIRST_STEPS: &str = "First steps:
  stormdrill new my-drill                          a scenario, its mocks and a runbook to begin with
  stormdrill check scenarios/                      everything that is wrong, all at once
  stormdrill run scenarios/my-drill.toml           the verdict over a hundred seeds
  stormdrill run scenarios/my-drill.toml --save    the same, with every report kept
  stormdrill replay scenarios/my-drill.toml --seed 7   one seed, step by step beside its twin
  stormdrill ablate scenarios/my-drill.toml        what each control is worth
  stormdrill explain INCONCLUSIVE                  what a word means, and what to do";

const RUN_EXAMPLES: &str = "Examples:
  stormdrill run scenarios/
  stormdrill run scenarios/ --seeds auto --baseline last-release.json
  stormdrill run scenarios/a.toml --format html --output a.html --format junit --output a.xml
  stormdrill run scenarios/a.toml --without guard.search.retry --without my-runbook
  stormdrill run scenarios/a.toml --seed 42 --bisect-seed --output smaller.toml";

const REPORT_EXAMPLES: &str = "Examples:
  stormdrill report result.json
  stormdrill report result.json --format html --output report.html --format markdown --output postmortem.md";

const STUDY_EXAMPLES: &str = "Examples:
  stormdrill margin scenarios/a.toml
  stormdrill margin scenarios/a.toml --fault search-hangs --dose share --from 50% --to 100%
  stormdrill margin scenarios/a.toml --late-people";

const TUNE_EXAMPLES: &str = "Examples:
  stormdrill tune scenarios/a.toml --vary guard.search.timeout=1s..10s --vary guard.search.retry.attempts=1,3,5";

const REPLAY_EXAMPLES: &str = "Examples:
  stormdrill replay scenarios/a.toml --seed 7
  stormdrill replay scenarios/a.toml --seed 7 --task 1204 --against without:guard.search.retry
  stormdrill replay scenarios/a.toml --seed 7 --format otlp --output spans.jsonl";

/// Game-day drills for AI agents: prove, before a release and on game day, that guardrails, alerts
/// and runbooks contain the failures that agent systems really have.
#[derive(Debug, Parser)]
#[command(name = "stormdrill", version, about, max_term_width = 100, after_help = FIRST_STEPS)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run drills in virtual time and give a verdict on each.
    ///
    /// Exit code: 0 PASS, 1 FAIL, 2 bad input, 3 INCONCLUSIVE, INVALID or NOT EXPOSED, 70 a bug or a
    /// failure of the machine; of several drills the worst counts.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Run a drill against the wall clock: mocks are real servers, agents send real requests.
    ///
    /// Exit code: 0 PASS, 1 FAIL, 2 bad input, 3 INVALID or NOT EXPOSED, 4 ABORTED, 70 a bug or a failure of the machine.
    #[command(after_help = LIVE_EXAMPLES)]
    Live(LiveArguments),
    /// Show the console of a live drill in this terminal, instead of in a browser.
    ///
    /// Exit code: 0 when it is left, 2 if the link is none of a drill's, or here is no terminal.
    Console {
        /// The link of a role, as `live --console` prints it; `-` reads it from the standard input, where no list of
        /// processes shows it.
        #[arg(value_name = "LINK")]
        link: String,
    },
    /// Grade a live drill from its journal, as far as that goes: after a crash, say.
    ///
    /// Exit code: as that of the drill; 3 if it broke off.
    Resume {
        /// The journal of `live --journal`.
        journal: PathBuf,
        #[command(flatten)]
        views: ViewArguments,
    },
    /// Run a scenario in both clocks and hold what they measure beside each other.
    ///
    /// Exit code: 0 if every live value lies where 95 of 100 virtual ones do, 1 if not, 2 for bad input.
    Parity(ParityArguments),
    /// Check scenario files and report every problem.
    ///
    /// Exit code: 0 if they can be run (there may be warnings), 2 if not.
    Check {
        /// Scenario files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// What to make of the problems.
        #[arg(long, value_enum, default_value_t = Findings::Human)]
        format: Findings,
        /// Where `sarif` goes [default: the standard output].
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Test whether drills can tell good controls from bad ones.
    ///
    /// For each scenario: with its controls it passes; doing nothing (no guardrails, no runbooks) fails; a
    /// saboteur that refuses nearly everything once a fault is met fails; and without a fault no alert fires and
    /// no harm is done. Exit code: 0 if all of that holds, 1 if not, 2 bad input.
    Selftest {
        /// Scenario files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// How many seeds to run of each variant.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        seeds: u64,
        /// How many threads to use [default: one for each core].
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,
    },
    /// Take each control away, on the same seeds, and say what it is worth.
    ///
    /// Each guardrail, alert, step of a runbook and control of a rollout is needed (the drill fails without it), helps
    /// (something is worse without it, beyond chance), is neutral (it acted, and no difference can be measured), idle (it
    /// never acted) or harmful (something is better without it). Exit code: 0, or 2 for bad input.
    Ablate(AblateArguments),
    /// Find how far a drill holds: how much harder a fault may hit, or how much later people may come.
    ///
    /// Each seed is bisected to the dose at which harm is no longer contained; the answer is the dose up to which the
    /// required share of runs holds, with an interval from order statistics. Exit code: 0, or 2 for bad input.
    #[command(after_help = STUDY_EXAMPLES)]
    Margin(MarginArguments),
    /// Vary a few values of a scenario together, on the same seeds, and show what no other setting beats.
    ///
    /// Exit code: 0, or 2 for bad input.
    #[command(after_help = TUNE_EXAMPLES)]
    Tune(TuneArguments),
    /// Make reports from a saved result.
    ///
    /// The result of `run --format json`. Exit code: as that of the run.
    #[command(after_help = REPORT_EXAMPLES)]
    Report {
        /// The saved result.
        result: PathBuf,
        #[command(flatten)]
        views: ViewArguments,
    },
    /// Serve the mocks of a scenario, or of a folder of mocks, as real servers on loopback, with their faults.
    ///
    /// Prints one line of JSON, or what `--format` says, when all of them listen; ends on SIGTERM or SIGINT, with every
    /// fault lifted first. With a command after `--`, runs that with the addresses in its environment, and ends when it
    /// does. Exit code: 0, or that of the command; 2 for bad input; 70 if a port is taken or a fault could not be lifted.
    #[command(after_help = MOCK_EXAMPLES)]
    Mock(MockArguments),
    /// Take what a scenario states to where it is used.
    Export {
        #[command(subcommand)]
        what: Export,
    },
    /// Start a scenario, with its mocks and a runbook, that passes `check` and `selftest`.
    ///
    /// Exit code: 0, or 2 if the name is no name or a file is there already.
    New {
        /// Its name: letters, digits, `-` and `_`.
        name: String,
        /// The folder that has, or gets, `scenarios/` and `mocks/`.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
    /// Explain the code of a problem, a verdict or a target; without one, list them all.
    ///
    /// Exit code: 0, or 2 if there is none of that name.
    Explain {
        /// The code, such as `low-traffic`, `INVALID` or `contain`.
        code: Option<String>,
    },
    /// Print the script that completes commands in a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command into a folder.
    Man {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Compare two saved results, paired by seed, and refuse a regression.
    ///
    /// Two results of `run --format json`, or two of `margin --format json`. Exit code: 0 if nothing regressed; 1 if a
    /// verdict got worse, fewer runs pass beyond chance, a drill or a target is gone, or a target got worse beyond chance
    /// and by more than is tolerated; 2 bad input.
    Compare(CompareArguments),
    /// Run one seed again with every step of every task, beside its twin, and tell where they part.
    ///
    /// Exit code: 0, or 2 for bad input.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// Print a runbook as the page that somebody on call wants.
    ///
    /// Exit code: 0, or 2 if something is wrong with it.
    Runbook {
        /// A runbook's page (`.md`), or a scenario: then all its runbooks.
        path: PathBuf,
    },
    /// Print the JSON Schema of scenario files, mock files or files of mocks and faults, or the reference of all keys.
    Schema {
        /// Which one.
        #[arg(value_enum, default_value_t = SchemaKind::Scenario)]
        kind: SchemaKind,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaKind {
    /// Scenario files.
    Scenario,
    /// Mock files.
    Mock,
    /// Files of mocks and faults, for `mock`.
    MockSet,
    /// Every key, as Markdown.
    Keys,
}

/// What can be taken elsewhere.
#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// The alerts as a rules file for Prometheus, with unit tests for `promtool test rules` from a run.
    ///
    /// Exit code: 0, or 2 for bad input.
    Rules {
        /// A scenario file.
        path: PathBuf,
        /// The folder that gets `NAME.rules.yml` and `NAME.tests.yml`.
        #[arg(long, value_name = "DIR", default_value = ".")]
        output: PathBuf,
        /// The seed of the run that the tests are made from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// What stands before a runbook's name in the `runbook_url` of an alert.
        #[arg(long, value_name = "PREFIX", default_value = "runbooks/")]
        runbook_url: String,
    },
}

/// What becomes of the problems that `check` finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Findings {
    /// Each drawn with its line, on the standard error.
    Human,
    /// Annotations for GitHub.
    Github,
    /// A SARIF log, for code scanning.
    Sarif,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// Scenario files, or folders of them.
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// How many seeds to run; `auto` goes on until PASS or FAIL is settled [default: 100, or 1 with --seed].
    #[arg(long, value_name = "N|auto", value_parser = seed_count)]
    pub(super) seeds: Option<SeedCount>,
    /// How many seeds `auto` runs at most.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) seeds_max: u64,
    /// The first seed [default: 1].
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// How many threads to use [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) views: ViewArguments,
    /// Switch something off: faults, guards, alerts, runbooks, or the ID of one of them.
    #[arg(long, value_name = "ID")]
    pub(super) without: Vec<String>,
    /// Shrink the scenario of a failing seed to a smaller one that still fails, and print that; exit code 0, or 2 if the
    /// seed does not fail.
    #[arg(long, requires = "seed", conflicts_with_all = ["without", "saboteur", "baseline", "seeds"])]
    pub(super) bisect_seed: bool,
    /// Compare with a saved result of `run --format json`; a regression makes the exit code 1.
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// By how much of a target's limit its value may get worse than the baseline, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub(super) tolerance: f64,
    /// Refuse nearly every task once a fault has been met: a drill that passes so proves nothing.
    #[arg(long)]
    pub(super) saboteur: bool,
}

/// What is made of a result, and where it goes.
#[derive(Debug, clap::Args)]
pub(super) struct ViewArguments {
    /// What to make of the result; may be given several times, each with its --output [default: human].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Vec<View>,
    /// Where the --format before it goes [default: the standard output].
    #[arg(long, value_name = "FILE")]
    pub(super) output: Vec<PathBuf>,
    /// Keep every format in a new folder below this one, and its index up to date [default: reports/runs].
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = "reports/runs")]
    pub(super) save: Option<PathBuf>,
    /// Which --output belongs to which --format, by their places on the command line.
    #[arg(skip)]
    pub(super) order: Vec<(View, Option<PathBuf>)>,
}

/// How many seeds to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeedCount {
    /// So many.
    Fixed(u64),
    /// Until the verdict is settled.
    Auto,
}

pub(super) fn seed_count(text: &str) -> Result<SeedCount, String> {
    if text == "auto" {
        return Ok(SeedCount::Auto);
    }
    let count = text.parse::<u64>().ok().filter(|count| (1..=1_000_000).contains(count));
    count.map(SeedCount::Fixed).ok_or_else(|| "`auto`, or a number from 1 to 1000000".to_owned())
}

/// How many runs a study makes, and what becomes of its answer.
#[derive(Debug, clap::Args)]
pub(super) struct StudyArguments {
    /// How many seeds to run of each variant.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// How many threads to use [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    pub(super) output: Option<PathBuf>,
}

impl StudyArguments {
    pub(super) fn seeds(&self) -> Seeds {
        Seeds { first: self.seed, count: self.seeds, threads: usize::from(self.threads.unwrap_or(0)) }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct AblateArguments {
    /// Scenario files, or folders of them.
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) study: StudyArguments,
    /// Also take pairs away, of controls of which neither is needed alone.
    #[arg(long)]
    pub(super) pairs: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MarginArguments {
    /// A scenario file.
    pub(super) path: PathBuf,
    /// A fault [default: each of them, and late people]; of two, how far the second may rise at doses of the first.
    #[arg(long, value_name = "ID", num_args = 1)]
    pub(super) fault: Vec<String>,
    /// What of the fault is raised, such as `share` or `duration` [default: the plainest that it has].
    #[arg(long, value_name = "FIELD", requires = "fault")]
    pub(super) dose: Option<String>,
    /// The mildest dose.
    #[arg(long, value_name = "VALUE", requires_all = ["to", "fault"])]
    pub(super) from: Option<String>,
    /// The harshest dose.
    #[arg(long, value_name = "VALUE", requires_all = ["from", "fault"])]
    pub(super) to: Option<String>,
    /// How much later people may come to the first page of an incident.
    #[arg(long)]
    pub(super) late_people: bool,
    #[command(flatten)]
    pub(super) study: StudyArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct TuneArguments {
    /// A scenario file.
    pub(super) path: PathBuf,
    /// What to vary: `guard.search.timeout=1s..10s`, or some values, `guard.search.retry.attempts=1,3,5`.
    #[arg(long, value_name = "PATH=VALUES", required = true)]
    pub(super) vary: Vec<String>,
    /// How many values of a range are tried.
    #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=50))]
    pub(super) points: usize,
    #[command(flatten)]
    pub(super) study: StudyArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompareArguments {
    /// The earlier result, of `run --format json` or `margin --format json`.
    pub(super) base: PathBuf,
    /// The newer result.
    pub(super) new: PathBuf,
    /// By how much of a target's limit its value may get worse, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub(super) tolerance: f64,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    pub(super) output: Option<PathBuf>,
}

/// Reads a percentage between 0 and 1000, with or without its sign.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number =
        text.trim_end_matches('%').parse::<f64>().ok().filter(|number| (0.0..=1000.0).contains(number));
    number.ok_or_else(|| "a percentage lies between 0 and 1000".to_owned())
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArguments {
    /// A scenario file.
    pub(super) path: PathBuf,
    /// The seed.
    #[arg(long)]
    pub(super) seed: u64,
    /// The task to walk, by the order of arrival from 0 [default: the first that came to harm].
    #[arg(long, value_name = "ID")]
    pub(super) task: Option<u32>,
    /// Switch something off, as for `run`.
    #[arg(long, value_name = "ID")]
    pub(super) without: Vec<String>,
    /// What it is set against: `twin`, or the run `without:ID` of a control or a fault.
    #[arg(long, value_name = "twin|without:ID", default_value = "twin", value_parser = against)]
    pub(super) against: String,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ReplayFormat::Human)]
    pub(super) format: ReplayFormat,
    /// With `jsonl` and `otlp`: all tasks, and not only those that came to harm.
    #[arg(long, conflicts_with = "task")]
    pub(super) all: bool,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReplayFormat {
    /// A story for people.
    Human,
    /// Every node as a line of JSON.
    Jsonl,
    /// OpenTelemetry spans (OTLP in JSON, a request a line), which trace viewers open.
    Otlp,
}

pub(super) fn against(text: &str) -> Result<String, String> {
    let is_good = text == "twin" || text.strip_prefix("without:").is_some_and(|id| !id.is_empty());
    if is_good { Ok(text.to_owned()) } else { Err("`twin`, or `without:` and what to switch off".into()) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One screen for people.
    Human,
    /// The result as JSON, with the version of its form.
    Json,
}
