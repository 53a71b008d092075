//! `stormdrill live`: a drill against the wall clock.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::base::Span;
use crate::cli::live_arguments::LiveArguments;
use crate::cli::serving::{Signals, Token, appended, ended_by, recordings};
use crate::cli::{BAD_INPUT, problems};
use crate::gameday;
use crate::grade::Verdict;
use crate::live::Settings;
use crate::plan::Plan;
use crate::report::WholeResult;

pub(super) fn live(arguments: &LiveArguments) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    if let Some(code) = arguments.views.refuse(1) {
        return Ok(code);
    }
    let Some(recorded) = recordings(&path, &scenario) else { return Ok(ExitCode::from(BAD_INPUT)) };
    // Where it cannot be raised there are as many connections as there can be.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let token = Token::new(arguments.token_file.as_deref())?;
    let journal = arguments.journal.as_deref().map(appended).transpose()?;
    let settings = Settings {
        seed: arguments.seed,
        at: Span::ZERO,
        is_held: true,
        is_scheduled: false,
        connections: 16_384,
        admin_port: arguments.admin_port,
        token: token.text.clone(),
        journal: journal.map(|file| Box::new(file) as Box<dyn Write + Send>),
        recorded,
        pace: arguments.pace,
        told: None,
    };
    let plan = Plan::of(&scenario);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let drilled = runtime.block_on(async {
        let mut signals = Signals::new()?;
        tokio::select! {
            drilled = gameday::drill(&scenario, &plan, settings) => drilled.map(Ok),
            signal = signals.next() => Ok(Err(ended_by(signal))),
        }
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let drilled = match drilled {
        Ok(drilled) => drilled,
        Err(code) => return Ok(ExitCode::from(code)),
    };
    let result = drilled.result(&scenario, &plan, &path.to_string_lossy());
    arguments.views.show(&result)?;
    let code = WholeResult::worst(std::slice::from_ref(&result)).map_or(BAD_INPUT, Verdict::exit_code);
    arguments.views.write(&WholeResult::of(vec![result]))?;
    Ok(ExitCode::from(code))
}
