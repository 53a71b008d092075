//! `stormdrill live`: a drill against the wall clock.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::live_arguments::{Alerting, LiveArguments};
use crate::cli::serving::{Signals, Token, recordings, settings};
use crate::cli::{BAD_INPUT, INTERNAL, problems};
use crate::gameday::{self, ConsoleSettings, Drilled, Places, Role, Settings};
use crate::live;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::scenario::decode::suggest;

pub(super) fn live(arguments: &LiveArguments) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    if let Some(code) = arguments.views.refuse(1) {
        return Ok(code);
    }
    let plan = Plan::of(&scenario);
    let Some(people) = people(arguments, &plan) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let Some(recorded) = recordings(&path, &scenario) else { return Ok(ExitCode::from(BAD_INPUT)) };
    let token = Token::new(arguments.admin.token_file.as_deref())?;
    let mocks = live::Settings {
        seed: arguments.seed,
        pace: arguments.pace,
        admin_port: arguments.admin.admin_port,
        ..settings(recorded, &token)
    };
    let keys = arguments.console.then(Token::keys).transpose()?;
    let console = keys.clone().map(|keys| ConsoleSettings { keys, hides_injects: arguments.hide_injects });
    let settings = Settings {
        mocks,
        port: arguments.port,
        console,
        is_told_alerts: arguments.alerting == Alerting::Webhook,
        allowed: arguments.allow.clone(),
        programs: arguments.allow_exec.clone(),
        people,
        journal: arguments.journal.clone(),
    };
    let twin = arguments.control.then(|| plan.twin());
    let drilled =
        match hold((&scenario, &plan, twin.as_ref()), settings, |places| announce(places, keys, &token)) {
            Ok(drilled) => drilled,
            Err(error) => return refused(error),
        };
    if drilled.is_journal_broken {
        anstream::eprintln!(
            "warning: lines of the journal could not be written; the grade does not depend on them"
        );
    }
    let is_unclean = !drilled.is_released;
    let result = drilled.result(&scenario, &plan, &path.to_string_lossy());
    let code = arguments.views.finish(result)?;
    if is_unclean {
        anstream::eprintln!("error[internal]: a fault was left when the drill was over");
        return Ok(ExitCode::from(INTERNAL));
    }
    Ok(ExitCode::from(code))
}

/// Says why a drill was refused, if it was; other errors are the machine's.
pub(super) fn refused(error: io::Error) -> Result<ExitCode, io::Error> {
    if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) {
        return Err(error);
    }
    anstream::eprintln!("error[target-refused]: {error}");
    // Nothing on the command line makes possible what cannot be.
    if error.kind() == io::ErrorKind::InvalidInput {
        anstream::eprintln!(
            "hint: `live` has --allow HOST for tasks and webhooks, and --allow-exec PROGRAM for commands"
        );
    }
    Ok(ExitCode::from(BAD_INPUT))
}

/// Holds a drill until it is over, or until a signal stops it.
pub(super) fn hold(
    (scenario, plan, twin): (&Scenario, &Plan, Option<&Plan>),
    settings: Settings,
    announce: impl FnOnce(&Places) -> Result<(), io::Error>,
) -> Result<Drilled, io::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let drilled = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let ready = gameday::prepare(scenario, (plan, twin), settings).await?;
        announce(&ready.places())?;
        let stop = async { format!("stopped by signal {}", signals.next().await) };
        Ok(Box::pin(ready.hold(stop)).await)
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    drilled
}

/// Says where everything is, on the standard error: the result goes to the standard output.
fn announce(
    places: &Places,
    keys: Option<[String; Role::ALL.len()]>,
    token: &Token,
) -> Result<(), io::Error> {
    let line = |name: &str, port: u16, rest: &str| format!("{name:24} http://127.0.0.1:{port}{rest}\n");
    let mut lines: Vec<String> = places.mocks.iter().map(|mock| line(&mock.name, mock.port, "")).collect();
    lines.push(line("(admin of mocks)", places.admin, ""));
    lines.push(format!("{:24} {}\n", "(token of programs)", token.path.display()));
    if places.are_reported {
        lines.push(line("(reports of tasks)", places.port, "/tasks"));
    }
    lines.push(line("(metrics, alerts)", places.port, ""));
    if let Some(keys) = keys {
        let link = |(role, key): (&Role, &String)| {
            line(&format!("(console, {})", role.word()), places.port, &format!("/#key={key}"))
        };
        lines.extend(Role::ALL.iter().zip(&keys).map(link));
    }
    anstream::stderr().lock().write_all(lines.concat().as_bytes())
}

/// Returns the roles whose part real people do; what is wrong has been said if there is nothing.
fn people(arguments: &LiveArguments, plan: &Plan) -> Option<Vec<String>> {
    let roles: Vec<&str> = plan.roles.iter().map(|role| role.name.as_str()).collect();
    let all = || roles.iter().map(|role| (*role).to_owned()).collect();
    if arguments.people.is_empty() {
        // With a console real people are there, without one nobody could say that a step is done.
        return Some(if arguments.console { all() } else { Vec::new() });
    }
    for name in &arguments.people {
        if !roles.contains(&name.as_str()) {
            anstream::eprintln!(
                "error[unknown-name]: nobody on the roster is called `{}`",
                name.escape_debug()
            );
            anstream::eprintln!("hint: {}", suggest(name, &roles));
            return None;
        }
    }
    if !arguments.console {
        anstream::eprintln!("error[no-console]: people need a console in which they say what they have done");
        anstream::eprintln!("hint: add --console");
        return None;
    }
    Some(arguments.people.clone())
}
