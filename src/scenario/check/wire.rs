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
        said(turn, sink);
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

fn said(turn: &Turn, sink: &mut Sink) {
    if turn.say.is_none() && turn.call.is_empty() {
        let place = turn.when.as_ref().map_or(Place::NOWHERE, |at| at.place);
        sink.push(Problem::error(Code::MissingKey, place, "a turn has `say` or `call`"));
    }
    if let Some(say) = turn.say.as_ref().filter(|at| at.known().is_some()) {
        placeholders(
            &say.value.0,
            say.place,
            &["prompt", "system", "result", "model", "turn", "request"],
            sink,
        );
    }
}

fn tool(tool: &str, at: &At<Tool>, sink: &mut Sink) {
    if let Err(message) = name(tool) {
        sink.push(Problem::error(Code::BadName, at.place, message));
    }
    if let Some(input) = &at.value.input
        && input.place != Place::NOWHERE
        && input.value.0.get("type").and_then(|kind| kind.as_str()) != Some("object")
    {
        let problem = Problem::error(Code::WrongType, input.place, "the arguments of a tool are an object");
        sink.push(problem.hint("begin with `type = \"object\"`"));
    }
}

/// Reports placeholders that nothing fills.
fn placeholders(text: &str, place: Place, known: &[&str], sink: &mut Sink) {
    for rest in text.split("{{").skip(1) {
        let Some((word, _)) = rest.split_once("}}") else { continue };
        if !known.contains(&word.trim()) {
            let shown: String = word.chars().take(40).collect();
            let problem =
                Problem::error(Code::UnknownName, place, format!("nothing fills `{{{{{shown}}}}}`"));
            sink.push(problem.hint(format!("known here: {}", known.join(", "))));
        }
    }
}
