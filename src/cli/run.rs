//! `stormdrill run`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::progress::Progress;
use crate::cli::{BAD_INPUT, Format, RunArguments, SeedCount, compare, output, problems, shrink};
use crate::plan::Plan;
use crate::report::result::{DrillResult, Kept, RunResult, SeedRange, WholeResult};
use crate::report::{comparisons, human, saved};
use crate::scenario::Scenario;
use crate::scenario::decode::suggest;
use crate::scenario::without;
use crate::study::{self, Seeds};

pub(super) fn run(arguments: &RunArguments) -> Result<ExitCode, io::Error> {
    let checked = problems::load(&arguments.paths);
    if checked.errors > 0 {
        return Ok(ExitCode::from(BAD_INPUT));
    }
    if arguments.bisect_seed {
        return shrink::shrink(&checked.scenarios, arguments);
    }
    let baseline = match &arguments.baseline {
        None => None,
        Some(path) => match compare::read(path) {
            None => return Ok(ExitCode::from(BAD_INPUT)),
            some => some,
        },
    };
    let mut reduced = Vec::new();
    for (path, scenario) in &checked.scenarios {
        match without::without(scenario, &arguments.without) {
            Ok(scenario) => reduced.push((path, scenario)),
            Err((name, known)) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                anstream::eprintln!("error[unknown-name]: {} has no `{name}` to switch off", scenario.path);
                anstream::eprintln!("hint: {}", suggest(&name, &known));
                return Ok(ExitCode::from(BAD_INPUT));
            }
        }
    }
    let mut drills = Vec::new();
    let mut texts = Vec::new();
    for (path, scenario) in &reduced {
        let mut drill = drill(scenario, arguments)?;
        drill.again = again(path, arguments);
        if arguments.format == Format::Human {
            let text = human::drill(&drill);
            if arguments.output.is_none() {
                output::print(&format!("{text}\n"), None)?;
            }
            texts.push(text);
        }
        drills.push(drill);
    }
    let worst = WholeResult::worst(&drills);
    let compared = baseline
        .map(|before| compare::paired(&before, &saved::of(&drills), compare::tolerance(arguments.tolerance)));
    match arguments.format {
        Format::Human if arguments.output.is_none() => {}
        Format::Human => output::print(&texts.join("\n"), arguments.output.as_deref())?,
        Format::Json => {
            output::print(&output::json(&WholeResult::of(drills))?, arguments.output.as_deref())?;
        }
    }
    let code = worst.map_or(BAD_INPUT, crate::grade::Verdict::exit_code);
    let Some(compared) = compared else { return Ok(ExitCode::from(code)) };
    // The result itself stays the same with a baseline and without.
    anstream::eprint!("{}", comparisons::human(&compared));
    if let Some(why) = compare::nothing(&compared) {
        anstream::eprintln!("error[nothing-to-compare]: {why}");
        return Ok(ExitCode::from(BAD_INPUT));
    }
    Ok(ExitCode::from(if compared.regression { 1 } else { code }))
}

/// Returns the command that shows a seed of a drill again, but for the seed.
fn again(path: &Path, arguments: &RunArguments) -> String {
    // A replay has no saboteur.
    let verb = if arguments.saboteur { "run" } else { "replay" };
    let mut command = format!("stormdrill {verb} {}", quoted(&path.to_string_lossy()));
    for name in &arguments.without {
        command.push_str(" --without ");
        command.push_str(name);
    }
    if arguments.saboteur {
        command.push_str(" --saboteur");
    }
    command
}

/// Returns a path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn drill(scenario: &Scenario, arguments: &RunArguments) -> Result<DrillResult, io::Error> {
    let mut plan = Plan::of(scenario);
    if arguments.saboteur {
        plan = plan.sabotaged();
    }
    let usual = if arguments.seed.is_some() { 1 } else { 100 };
    let (count, is_auto) = match arguments.seeds {
        None => (usual, false),
        Some(SeedCount::Fixed(count)) => (count, false),
        Some(SeedCount::Auto) => (arguments.seeds_max, true),
    };
    let first = arguments.seed.unwrap_or(1);
    let seeds = Seeds { first, count, threads: usize::from(arguments.threads.unwrap_or(0)) };
    let progress = Progress::new(seeds.count, &scenario.path);
    let keep = |trial: study::Trial| Kept { result: RunResult::of(&plan, &trial), card: trial.card };
    let (kept, judgement) = if is_auto {
        let keep = |trial: study::Trial| {
            let card = trial.card.clone();
            (keep(trial), card)
        };
        study::until_settled(&plan, seeds, keep, || progress.advance()).map_err(io::Error::other)?
    } else {
        let kept = study::seeds(&plan, seeds, keep, || progress.advance()).map_err(io::Error::other)?;
        let cards: Vec<_> = kept.iter().map(|kept| kept.card.clone()).collect();
        let judgement = study::verdict(&plan, &cards);
        (kept, judgement)
    };
    progress.finish();
    let mut without = arguments.without.clone();
    if arguments.saboteur {
        without.push("every task (saboteur)".into());
    }
    let range =
        SeedRange { first: seeds.first, count: kept.len() as u64, at_most: is_auto.then_some(seeds.count) };
    Ok(DrillResult::of(scenario, &without, range, &judgement, kept))
}
