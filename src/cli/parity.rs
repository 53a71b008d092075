//! `stormdrill parity`: one scenario in both clocks.

use std::io;
use std::process::ExitCode;

use crate::cli::live::{hold, refused};
use crate::cli::live_arguments::ParityArguments;
use crate::cli::progress::Progress;
use crate::cli::serving::{Token, recordings, settings};
use crate::cli::{BAD_INPUT, Format, output, problems};
use crate::gameday::Settings;
use crate::grade::RunVerdict;
use crate::live;
use crate::plan::Plan;
use crate::report::parity::{self, ParityResult};
use crate::study::parity::{metrics, rows};
use crate::study::{Seeds, seeds};

pub(super) fn parity(arguments: &ParityArguments) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let Some(recorded) = recordings(&path, &scenario) else { return Ok(ExitCode::from(BAD_INPUT)) };
    if scenario.mocks.values().any(|mock| mock.reported.is_some()) {
        let why =
            "tasks are reported to this drill: it has no load of its own whose course could be compared";
        return refused(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let plan = Plan::of(&scenario);
    let first = arguments.seed;
    let wanted = Seeds { first, count: arguments.seeds.max(arguments.live), threads: 0 };
    let progress = Progress::new(wanted.count, &scenario.path);
    let measured = seeds(
        &plan,
        wanted,
        |trial| (trial.card.seed, metrics(&plan, &trial.run, &trial.card)),
        || progress.advance(),
    );
    let virtuals = measured.map_err(io::Error::other)?;
    progress.finish();
    let (mut lives, mut lag, mut objections) = (Vec::new(), 0.0_f64, Vec::new());
    for seed in first..first + arguments.live {
        let token = Token::new(None)?;
        let settings = Settings {
            mocks: live::Settings { seed, pace: arguments.pace, ..settings(recorded.clone(), &token) },
            port: 0,
            console: None,
            is_told_alerts: false,
            allowed: Vec::new(),
            programs: Vec::new(),
            people: Vec::new(),
            journal: None,
        };
        let drilled = match hold((&scenario, &plan, None), settings, |_| Ok(())) {
            Ok(drilled) => drilled,
            Err(error) => return refused(error),
        };
        if !matches!(drilled.card.verdict, RunVerdict::Pass | RunVerdict::Fail) {
            let why = drilled.card.because.join("; ");
            objections.push(format!("seed {seed}: {}: {why}", drilled.card.verdict.word()));
        }
        if drilled.stopped.is_some() {
            break;
        }
        lag = lag.max(drilled.punctuality.lag_p99_ms);
        lives.push((seed, metrics(&plan, &drilled.run, &drilled.card)));
    }
    let rows = rows(&virtuals, &lives);
    let result = ParityResult {
        scenario: scenario.path.clone(),
        seeds: wanted.count,
        pace: arguments.pace,
        live_seeds: lives.iter().map(|(seed, _)| *seed).collect(),
        agrees: objections.is_empty() && rows.iter().all(|row| row.inside),
        objections,
        rows,
        lag_p99_ms: lag,
    };
    let text = match arguments.format {
        Format::Human => parity::human(&result),
        Format::Json => output::json(&result)?,
    };
    output::print(&text, None)?;
    Ok(ExitCode::from(u8::from(!result.agrees)))
}
