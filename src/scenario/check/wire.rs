//! Checks of what a mock is on the wire, and of the faults that show there.

use crate::scenario::check::faults::is_tool;
use crate::scenario::check::{count_within, share};
use crate::scenario::file::faults::wire::{BreakEnding, Stage};
use crate::scenario::file::faults::{Fault, Inject};
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::file::wire::{Protocol, Tool, Turn, Wire, is_beside};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::units::name;

use serde_json::Value;

/// Checks a fault of the bytes.
pub(super) fn check(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    if let Inject::ToolVanish(gone) = &fault.inject {
        is_tool(fault, mock, sink);
        if let Some(at) = &gone.share {
            share(at, sink);
        }
    } else if let Inject::Interruption(broken) = &fault.inject {
        share(&broken.share, sink);
        let stage = broken.stage.map_or(Stage::Event, |at| at.value);
        if let Some(after) = &broken.after {
            count_within(after, 1, 100_000, sink);
            if stage != Stage::Event {
                let problem =
                    Problem::error(Code::Contradiction, after.place, "`after` counts events of a stream");
                sink.push(problem.hint("add `stage = \"event\"`"));
            }
        }
        let comes = matches!(stage, Stage::BeforeHeaders | Stage::AfterCommit);
        if let Some(ending) = &broken.ending
            && comes
            && matches!(ending.known(), Some(BreakEnding::Clean | BreakEnding::Error))
        {
            let message = format!("before any header a reply cannot end `{}`", ending.value.word());
            let problem = Problem::error(Code::Contradiction, ending.place, message);
            sink.push(problem.hint("there it is `cut`, `reset` or `stall`"));
        }
    }
}

/// Checks what the mocks are together: no two can have one port.
pub(super) fn ports<'a>(mocks: impl Iterator<Item = &'a Mock>, sink: &mut Sink) {
    let mut taken = std::collections::BTreeSet::new();
    for port in mocks.filter_map(|mock| mock.wire.as_ref()?.port.as_ref()) {
        if port.known().is_some_and(|number| *number != 0 && !taken.insert(*number)) {
            let problem = Problem::error(Code::NameTaken, port.place, "another mock has this port");
            sink.push(problem.hint("0, the default, is any that is free"));
        }
    }
}

/// Checks what a mock is on the wire.
pub(super) fn mock(mock: &Mock, sink: &mut Sink) {
    let (Some(wire), Some(kind)) = (&mock.wire, mock.kind.known()) else { return };
    if let Some(port) = &wire.port {
        count_within(port, 0, 65_535, sink);
    }
    let is_of_models = |protocol| matches!(protocol, Protocol::Openai | Protocol::Anthropic);
    for protocol in &wire.speaks {
        if protocol.known().is_some_and(|known| is_of_models(*known) != (*kind == MockKind::Model)) {
            let message = format!("a {} does not speak `{}`", kind.word(), protocol.value.word());
            sink.push(Problem::error(Code::Contradiction, protocol.place, message));
        }
    }
    foreign(wire, (*kind, mock.entries.is_some()), sink);
    for turn in &wire.turn {
        said(turn, mock.kind.place, sink);
    }
    if let Some(recorded) = wire.recorded.as_ref().filter(|at| at.known().is_some() && !is_beside(at)) {
        let problem = Problem::error(Code::BadName, recorded.place, "this is no file beside the mock");
        sink.push(problem.hint("a name with `.jsonl`, without folders"));
    }
    for (tool, at) in &wire.tool.0 {
        self::tool(tool, at, sink);
    }
}

/// Reports keys that mean nothing for the kind of mock.
fn foreign(wire: &Wire, (kind, is_memory): (MockKind, bool), sink: &mut Sink) {
    let of_models = [
        ("turn", wire.turn.iter().find_map(place_of)),
        ("recorded", wire.recorded.as_ref().map(|at| at.place)),
        ("model", wire.model.as_ref().map(|at| at.place)),
        ("tokens", wire.tokens.as_ref().map(|at| at.place)),
    ];
    let of_tools = [
        ("tool", wire.tool.0.values().next().map(|at| at.place)),
        ("fact", wire.fact.first().map(|at| at.place)),
    ];
    let keys = if kind == MockKind::Model { &of_tools[..] } else { &of_models[..] };
    if let Some(at) = wire.tool.0.values().next().filter(|_| is_memory) {
        let problem =
            Problem::error(Code::Contradiction, at.place, "a memory offers `recall` and `remember`");
        sink.push(problem.hint("give other tools a mock of their own"));
    }
    for (key, place) in keys {
        if let Some(place) = place.filter(|place| *place != Place::NOWHERE) {
            let message = format!("`{key}` means nothing for a {}", kind.word());
            sink.push(Problem::error(Code::Contradiction, place, message));
        }
    }
    if let Some(fact) = wire.fact.first().filter(|_| kind == MockKind::Tool && !is_memory) {
        let problem = Problem::error(Code::Contradiction, fact.place, "only a memory holds facts");
        sink.push(problem.hint("give the mock `entries`"));
    }
}

fn place_of(turn: &Turn) -> Option<Place> {
    let call = turn.call.first().map(|call| call.tool.place);
    turn.say.as_ref().map(|at| at.place).or(call).or(turn.when.as_ref().map(|at| at.place))
}

const IN_TURNS: [&str; 6] = ["prompt", "system", "result", "model", "turn", "request"];

fn said(turn: &Turn, mock: Place, sink: &mut Sink) {
    if turn.say.is_none() && turn.call.is_empty() {
        let place = turn.when.as_ref().map_or(mock, |at| at.place);
        sink.push(Problem::error(
            Code::MissingKey,
            place,
            "a turn of this mock has neither `say` nor `call`",
        ));
    }
    for arguments in turn.call.iter().filter_map(|call| call.arguments.as_ref()) {
        let value = &arguments.value.0;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        placeholders(&text, arguments.place, &IN_TURNS, sink);
        let is_object = serde_json::from_str(&text).is_ok_and(|value: Value| value.is_object());
        if arguments.place != Place::NOWHERE && !is_object {
            let problem =
                Problem::error(Code::WrongType, arguments.place, "arguments are a table, or JSON of one");
            sink.push(problem.hint("write `{ city = \"Oslo\" }`"));
        }
    }
    if let Some(say) = turn.say.as_ref().filter(|at| at.known().is_some()) {
        placeholders(&say.value.0, say.place, &IN_TURNS, sink);
    }
}

fn tool(tool: &str, at: &At<Tool>, sink: &mut Sink) {
    if let Err(message) = name(tool) {
        sink.push(Problem::error(Code::BadName, at.place, message));
    }
    if let Some(input) = at.value.input.as_ref().filter(|input| input.place != Place::NOWHERE) {
        let schema = &input.value.0;
        let is_texts = |list: &Vec<Value>| list.iter().all(Value::is_string);
        let wrong = if schema.get("type").and_then(Value::as_str) != Some("object") {
            Some(("the arguments of a tool are an object", "begin with `type = \"object\"`"))
        } else if schema.get("properties").is_some_and(|properties| !properties.is_object()) {
            Some(("`properties` is a table", "each property has its schema"))
        } else if schema.get("required").is_some_and(|names| !names.as_array().is_some_and(is_texts)) {
            Some(("`required` is a list of names", "write `required = [\"city\"]`"))
        } else {
            None
        };
        if let Some((message, hint)) = wrong {
            sink.push(Problem::error(Code::WrongType, input.place, message).hint(hint));
        }
    }
    if let Some(reply) = at.value.reply.as_ref().filter(|reply| reply.place != Place::NOWHERE) {
        let value = &reply.value.0;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let known = ["arguments", "request", "as_of", "argument.NAME"];
        placeholders(&text, reply.place, &known, sink);
    }
}

/// Reports placeholders that nothing fills.
pub(super) fn placeholders(text: &str, place: Place, known: &[&str], sink: &mut Sink) {
    for rest in text.split("{{").skip(1) {
        let Some((word, _)) = rest.split_once("}}") else { continue };
        let word = word.trim();
        // The arguments are the caller's to name.
        let is_argument = known.contains(&"argument.NAME") && word.starts_with("argument.");
        if !is_argument && !known.contains(&word) {
            let shown: String = word.chars().take(40).collect();
            let problem =
                Problem::error(Code::UnknownName, place, format!("nothing fills `{{{{{shown}}}}}`"));
            sink.push(problem.hint(format!("known here: {}", known.join(", "))));
        }
    }
}
