//! `stormdrill run`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::progress::Progress;
use crate::cli::{BAD_INPUT, RunArguments, SeedCount, compare, output, problems, shrink};
use crate::drill::{Drill, DrillError};
use crate::grade::Verdict;
use crate::report::{DrillResult, WholeResult, comparisons, saved};
use crate::scenario::Scenario;

pub(super) fn run(arguments: &RunArguments) -> Result<ExitCode, io::Error> {
    let checked = problems::load(&arguments.paths);
    if checked.errors > 0 {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    if arguments.bisect_seed {
        return shrink::shrink(&checked.scenarios, arguments);
    }
    let (first, count) = (arguments.seed.unwrap_or(1), seed_count(arguments));
    if first.checked_add(count - 1).is_none() {
        anstream::eprintln!("error[out-of-range]: {count} seeds from {first} on are more than there are");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let baseline = match &arguments.baseline {
        None => None,
        Some(path) => match compare::read(path) {
            None => return Ok(ExitCode::from(BAD_INPUT)),
            some => some,
        },
    };
    let mut planned = Vec::new();
    for (path, scenario) in &checked.scenarios {
        match drill(scenario, arguments) {
            Ok(drill) => planned.push((path, drill)),
            Err(DrillError::UnknownName { name, hint }) => {
                let path = output::shown(path);
                anstream::eprintln!("error[unknown-name]: {path} has no `{name}` to switch off");
                anstream::eprintln!("hint: {hint}");
                return Ok(ExitCode::from(BAD_INPUT));
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    if let Some(code) = arguments.views.refuse(planned.len()) {
        return Ok(code);
    }
    let mut drills = Vec::new();
    for (path, drill) in &planned {
        let result = made(drill, path)?;
        arguments.views.show(&result)?;
        drills.push(result);
    }
    let compared = baseline
        .map(|before| compare::paired(&before, &saved::of(&drills), compare::tolerance(arguments.tolerance)));
    let code = WholeResult::worst(&drills).map_or(BAD_INPUT, Verdict::exit_code);
    arguments.views.write(&WholeResult::of(drills))?;
    let Some(compared) = compared else { return Ok(ExitCode::from(code)) };
    // The result itself stays the same with a baseline and without.
    anstream::eprint!("{}", comparisons::human(&compared));
    if let Some(why) = compare::nothing(&compared) {
        anstream::eprintln!("error[nothing-to-compare]: {why}");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    Ok(ExitCode::from(if compared.regression { 1 } else { code }))
}

/// Returns how many seeds are run, or how many at most.
fn seed_count(arguments: &RunArguments) -> u64 {
    match arguments.seeds {
        Some(SeedCount::Fixed(count)) => count,
        Some(SeedCount::Auto) => arguments.seeds_max,
        None if arguments.seed.is_some() => 1,
        None => 100,
    }
}

/// Returns the drill of a scenario as the arguments want it.
fn drill(scenario: &Scenario, arguments: &RunArguments) -> Result<Drill, DrillError> {
    let drill = Drill::of(scenario.clone())
        .first_seed(arguments.seed.unwrap_or(1))
        .threads(usize::from(arguments.threads.unwrap_or(0)));
    let drill = match arguments.seeds {
        Some(SeedCount::Auto) => drill.until_settled(arguments.seeds_max),
        None | Some(SeedCount::Fixed(_)) => drill.seeds(seed_count(arguments)),
    };
    let drill = arguments.without.iter().try_fold(drill, |drill, name| drill.without(name))?;
    Ok(if arguments.saboteur { drill.sabotaged() } else { drill })
}

/// Runs a drill and shows how far it is.
fn made(drill: &Drill, path: &Path) -> Result<DrillResult, io::Error> {
    let progress = Progress::new(drill.seed_count(), &drill.scenario().path);
    let mut result = drill.run_with(|| progress.advance()).map_err(io::Error::other)?;
    progress.finish();
    result.is_in(&path.to_string_lossy());
    Ok(result)
}
