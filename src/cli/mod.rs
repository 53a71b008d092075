//! The command line: arguments, files, printing, exit codes. Decides nothing about a drill.

mod ablate;
mod arguments;
mod check;
mod compare;
mod console;
mod explain;
mod export;
mod folder;
mod live;
mod live_arguments;
mod margin;
mod mock;
mod mock_arguments;
mod new;
mod output;
mod parity;
mod problems;
mod progress;
mod replay;
mod report;
mod resume;
mod run;
mod runbook;
mod selftest;
mod serving;
mod shells;
mod shrink;
mod tune;
mod views;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use arguments::{
    AblateArguments, Arguments, Command, CompareArguments, Export, Format, MarginArguments, ReplayArguments,
    ReplayFormat, RunArguments, SchemaKind, SeedCount, TuneArguments,
};

/// Exit code for input that is wrong.
const BAD_INPUT: u8 = 2;
/// Exit code for a failure of the program or the machine.
const INTERNAL: u8 = 70;

/// Runs the program with its arguments and returns its exit code.
pub fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches().and_then(|matches| {
        let mut arguments = Arguments::from_arg_matches(&matches)?;
        views::order(&mut arguments, &matches)?;
        Ok(arguments)
    });
    let arguments = match parsed {
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
        Command::Live(arguments) => live::live(arguments),
        Command::Console { link } => console::console(link),
        Command::Parity(arguments) => parity::parity(arguments),
        Command::Resume { journal, views } => resume::resume(journal, views),
        Command::Check { paths, format, output } => check::check(paths, *format, output.as_deref()),
        Command::Report { result, views } => report::report(result, views),
        Command::Export { what: Export::Rules { path, output, seed, runbook_url } } => {
            export::rules(path, output, (*seed, runbook_url))
        }
        Command::Mock(arguments) => mock::mock(arguments),
        Command::New { name, into } => new::new(name, into),
        Command::Explain { code } => explain::explain(code.as_deref()),
        Command::Completions { shell } => shells::completions(*shell),
        Command::Man { output } => shells::man(output.as_deref()),
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
    let text = match kind {
        SchemaKind::Scenario => crate::scenario::schema::text(&crate::scenario::schema::scenario()),
        SchemaKind::Mock => crate::scenario::schema::text(&crate::scenario::schema::mock()),
        SchemaKind::MockSet => crate::scenario::schema::text(&crate::scenario::schema::mock_set()),
        SchemaKind::Keys => crate::scenario::schema::keys(),
    };
    output::print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}
