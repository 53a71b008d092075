//! `stormdrill replay`.

use std::io;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, ReplayArguments, ReplayFormat, output, problems};
use crate::ops;
use crate::plan::Plan;
use crate::report::{otlp, story};
use crate::scenario::decode::suggest;
use crate::scenario::without::without;
use crate::study::replay::{Replay, replay as again};

pub(super) fn replay(arguments: &ReplayArguments) -> Result<ExitCode, io::Error> {
    let Some((_, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let reduced = |names: &[String]| {
        without(&scenario, names).map_err(|(name, known)| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            anstream::eprintln!("error[unknown-name]: {} has no `{name}` to switch off", scenario.path);
            anstream::eprintln!("hint: {}", suggest(&name, &known));
        })
    };
    let Ok(own) = reduced(&arguments.without) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let plan = Plan::of(&own);
    let (beside, name) = match arguments.against.strip_prefix("without:") {
        None => (None, "twin".to_owned()),
        Some(id) => {
            let names: Vec<String> = arguments.without.iter().cloned().chain([id.to_owned()]).collect();
            let Ok(other) = reduced(&names) else { return Ok(ExitCode::from(BAD_INPUT)) };
            // The rhythm of the control plane stays the same, or everything would part at once.
            let other = Plan { tick: Some(ops::tick(&plan)), ..Plan::of(&other) };
            (Some(other), format!("run without {id}"))
        }
    };
    let replay = again(&plan, beside.as_ref(), arguments.seed);
    if let Some(task) = arguments.task.filter(|task| *task >= replay.tasks()) {
        anstream::eprintln!("error[unknown-task]: there is no task {task}: {} arrived", replay.tasks());
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let text = match arguments.format {
        ReplayFormat::Human => story::human(&plan, &replay, &name, arguments.task),
        ReplayFormat::Jsonl => story::json_lines(&plan, &replay, &name, &tasks(&replay, arguments)),
        ReplayFormat::Otlp => otlp::lines(&plan, &replay, &name, &tasks(&replay, arguments)),
    };
    output::print(&text, arguments.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the tasks to write: the one that was named, those that came to harm, or all.
fn tasks(replay: &Replay, arguments: &ReplayArguments) -> Vec<u32> {
    if let Some(task) = arguments.task {
        return vec![task];
    }
    if arguments.all {
        return (0..replay.tasks()).collect();
    }
    let mut tasks: Vec<u32> = replay.harmed().into_iter().flat_map(|group| group.tasks).collect();
    tasks.sort_unstable();
    tasks
}
