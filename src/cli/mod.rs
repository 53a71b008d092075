//! The command line: arguments, files, printing, exit codes. Decides nothing about a drill.

mod ablate;
mod check;
mod compare;
mod margin;
mod output;
mod problems;
mod progress;
mod replay;
mod run;
mod runbook;
mod selftest;
mod shrink;
mod tune;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::study::Seeds;

/// Exit code for input that is wrong.
const BAD_INPUT: u8 = 2;
/// Exit code for a failure of the program or the machine.
const INTERNAL: u8 = 70;

/// Game-day drills for AI agents: prove, before a release and on game day, that guardrails, alerts
/// and runbooks contain the failures that agent systems really have.
#[derive(Debug, Parser)]
#[command(name = "stormdrill", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run drills in virtual time and give a verdict on each.
    ///
    /// Exit code: 0 PASS, 1 FAIL, 2 bad input, 3 INCONCLUSIVE, INVALID or NOT EXPOSED, 70 a bug or a
    /// failure of the machine; of several drills the worst counts.
    Run(RunArguments),
    /// Check scenario files and report every problem.
    ///
    /// Exit code: 0 if they can be run (there may be warnings), 2 if not.
    Check {
        /// Scenario files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
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
    Margin(MarginArguments),
    /// Vary a few values of a scenario together, on the same seeds, and show what no other setting beats.
    ///
    /// Exit code: 0, or 2 for bad input.
    Tune(TuneArguments),
    /// Compare two saved results, paired by seed, and refuse a regression.
    ///
    /// Two results of `run --format json`, or two of `margin --format json`. Exit code: 0 if nothing regressed; 1 if a
    /// verdict got worse, fewer runs pass beyond chance, a drill or a target is gone, or a target got worse beyond chance
    /// and by more than is tolerated; 2 bad input.
    Compare(CompareArguments),
    /// Run one seed again with every step of every task, beside its twin, and tell where they part.
    ///
    /// Exit code: 0, or 2 for bad input.
    Replay(ReplayArguments),
    /// Print a runbook as the page that somebody on call wants.
    ///
    /// Exit code: 0, or 2 if something is wrong with it.
    Runbook {
        /// A runbook's page (`.md`), or a scenario: then all its runbooks.
        path: PathBuf,
    },
    /// Print the JSON Schema of scenario or mock files, or the reference of all their keys.
    Schema {
        /// Which one.
        #[arg(value_enum, default_value_t = SchemaKind::Scenario)]
        kind: SchemaKind,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaKind {
    /// Scenario files.
    Scenario,
    /// Mock files.
    Mock,
    /// Every key, as Markdown.
    Keys,
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// Scenario files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How many seeds to run; `auto` goes on until PASS or FAIL is settled [default: 100, or 1 with --seed].
    #[arg(long, value_name = "N|auto", value_parser = seed_count)]
    seeds: Option<SeedCount>,
    /// How many seeds `auto` runs at most.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds_max: u64,
    /// The first seed [default: 1].
    #[arg(long)]
    seed: Option<u64>,
    /// How many threads to use [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    output: Option<PathBuf>,
    /// Switch something off: faults, guards, alerts, runbooks, or the ID of one of them.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Shrink the scenario of a failing seed to a smaller one that still fails, and print that; exit code 0, or 2 if the
    /// seed does not fail.
    #[arg(long, requires = "seed", conflicts_with_all = ["without", "saboteur", "baseline", "seeds"])]
    bisect_seed: bool,
    /// Compare with a saved result of `run --format json`; a regression makes the exit code 1.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// By how much of a target's limit its value may get worse than the baseline, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    tolerance: f64,
    /// Refuse nearly every task once a fault has been met: a drill that passes so proves nothing.
    #[arg(long)]
    saboteur: bool,
}

/// How many seeds to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SeedCount {
    /// So many.
    Fixed(u64),
    /// Until the verdict is settled.
    Auto,
}

fn seed_count(text: &str) -> Result<SeedCount, String> {
    if text == "auto" {
        return Ok(SeedCount::Auto);
    }
    let count = text.parse::<u64>().ok().filter(|count| (1..=1_000_000).contains(count));
    count.map(SeedCount::Fixed).ok_or_else(|| "`auto`, or a number from 1 to 1000000".to_owned())
}

/// How many runs a study makes, and what becomes of its answer.
#[derive(Debug, clap::Args)]
struct StudyArguments {
    /// How many seeds to run of each variant.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many threads to use [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    output: Option<PathBuf>,
}

impl StudyArguments {
    fn seeds(&self) -> Seeds {
        Seeds { first: self.seed, count: self.seeds, threads: usize::from(self.threads.unwrap_or(0)) }
    }
}

#[derive(Debug, clap::Args)]
struct AblateArguments {
    /// Scenario files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    study: StudyArguments,
    /// Also take pairs away, of controls of which neither is needed alone.
    #[arg(long)]
    pairs: bool,
}

#[derive(Debug, clap::Args)]
struct MarginArguments {
    /// A scenario file.
    path: PathBuf,
    /// A fault [default: each of them, and late people]; of two, how far the second may rise at doses of the first.
    #[arg(long, value_name = "ID", num_args = 1)]
    fault: Vec<String>,
    /// What of the fault is raised, such as `share` or `duration` [default: the plainest that it has].
    #[arg(long, value_name = "FIELD", requires = "fault")]
    dose: Option<String>,
    /// The mildest dose.
    #[arg(long, value_name = "VALUE", requires_all = ["to", "fault"])]
    from: Option<String>,
    /// The harshest dose.
    #[arg(long, value_name = "VALUE", requires_all = ["from", "fault"])]
    to: Option<String>,
    /// How much later people may come to the first page of an incident.
    #[arg(long)]
    late_people: bool,
    #[command(flatten)]
    study: StudyArguments,
}

#[derive(Debug, clap::Args)]
struct TuneArguments {
    /// A scenario file.
    path: PathBuf,
    /// What to vary: `guard.search.timeout=1s..10s`, or some values, `guard.search.retry.attempts=1,3,5`.
    #[arg(long, value_name = "PATH=VALUES", required = true)]
    vary: Vec<String>,
    /// How many values of a range are tried.
    #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=50))]
    points: usize,
    #[command(flatten)]
    study: StudyArguments,
}

#[derive(Debug, clap::Args)]
struct CompareArguments {
    /// The earlier result, of `run --format json` or `margin --format json`.
    base: PathBuf,
    /// The newer result.
    new: PathBuf,
    /// By how much of a target's limit its value may get worse, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    tolerance: f64,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Reads a percentage between 0 and 1000, with or without its sign.
fn percent(text: &str) -> Result<f64, String> {
    let number =
        text.trim_end_matches('%').parse::<f64>().ok().filter(|number| (0.0..=1000.0).contains(number));
    number.ok_or_else(|| "a percentage lies between 0 and 1000".to_owned())
}

#[derive(Debug, clap::Args)]
struct ReplayArguments {
    /// A scenario file.
    path: PathBuf,
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// The task to walk, by the order of arrival from 0 [default: the first that came to harm].
    #[arg(long, value_name = "ID")]
    task: Option<u32>,
    /// Switch something off, as for `run`.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// What it is set against: `twin`, or the run `without:ID` of a control or a fault.
    #[arg(long, value_name = "twin|without:ID", default_value = "twin", value_parser = against)]
    against: String,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ReplayFormat::Human)]
    format: ReplayFormat,
    /// With `jsonl` and `otlp`: all tasks, and not only those that came to harm.
    #[arg(long, conflicts_with = "task")]
    all: bool,
    /// Where to print it [default: the standard output].
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReplayFormat {
    /// A story for people.
    Human,
    /// Every node as a line of JSON.
    Jsonl,
    /// OpenTelemetry spans (OTLP in JSON, a request a line), which trace viewers open.
    Otlp,
}

fn against(text: &str) -> Result<String, String> {
    let is_good = text == "twin" || text.strip_prefix("without:").is_some_and(|id| !id.is_empty());
    if is_good { Ok(text.to_owned()) } else { Err("`twin`, or `without:` and what to switch off".into()) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen for people.
    Human,
    /// The result as JSON, with the version of its form.
    Json,
}

/// Runs the program with its arguments and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let is_help = error.exit_code() == 0;
            if error.print().is_err() {
                return ExitCode::from(INTERNAL);
            }
            return ExitCode::from(if is_help { 0 } else { BAD_INPUT });
        }
    };
    // A bug is said in a line, without a backtrace, and has an exit code of its own.
    std::panic::set_hook(Box::new(|panic| {
        anstream::eprintln!("error[internal]: {panic}");
        anstream::eprintln!(
            "hint: this is a bug in stormdrill; please report it with the scenario and the seed"
        );
    }));
    let outcome = std::panic::catch_unwind(|| dispatch(&arguments));
    let Ok(outcome) = outcome else { return ExitCode::from(INTERNAL) };
    outcome.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error}");
        ExitCode::from(INTERNAL)
    })
}

fn dispatch(arguments: &Arguments) -> Result<ExitCode, std::io::Error> {
    match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check { paths } => check::check(paths),
        Command::Selftest { paths, seeds, threads } => {
            selftest::selftest(paths, *seeds, usize::from(threads.unwrap_or(0)))
        }
        Command::Ablate(arguments) => ablate::ablate(arguments),
        Command::Margin(arguments) => margin::margin(arguments),
        Command::Tune(arguments) => tune::tune(arguments),
        Command::Compare(arguments) => compare::compare(arguments),
        Command::Replay(arguments) => replay::replay(arguments),
        Command::Runbook { path } => runbook::runbook(path),
        Command::Schema { kind } => schema(*kind),
    }
}

fn schema(kind: SchemaKind) -> Result<ExitCode, std::io::Error> {
    use std::io::Write;
    let text = match kind {
        SchemaKind::Scenario => crate::scenario::schema::text(&crate::scenario::schema::scenario()),
        SchemaKind::Mock => crate::scenario::schema::text(&crate::scenario::schema::mock()),
        SchemaKind::Keys => crate::scenario::schema::keys(),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
