//! A replay as a story that can be read, and as JSON lines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::base::Time;
use crate::plan::Plan;
use crate::record::{Done, Node, Outcome, Spread, Step, Via};
use crate::scenario::file::load::Tier;
use crate::study::replay::{Replay, outcome};

/// How many tasks of a kind are named.
const NAMED: usize = 5;

/// Returns the story of a replay: what parted first, what harm followed, and one task node by node.
pub fn human(plan: &Plan, replay: &Replay, other: &str, task: Option<u32>) -> String {
    let mut text = String::new();
    let (parted, harmed) = (replay.parted(), replay.harmed());
    let lost: usize = harmed.iter().map(|group| group.tasks.len()).sum();
    line!(text, "seed {}: {}", replay.run.seed, replay.card.verdict.word());
    for reason in replay.card.because.iter().take(4) {
        line!(text, "  {reason}");
    }
    line!(
        text,
        "\n{} tasks arrived; {} went another way than in the {other}, {lost} came to harm",
        replay.tasks(),
        parted.len()
    );
    if replay.is_cut {
        line!(text, "  THE TRACE IS CUT: there were more steps than can be kept, and later ones are missing");
    }
    for group in &harmed {
        let names: Vec<String> = group.tasks.iter().take(NAMED).map(u32::to_string).collect();
        let parting =
            group.parting.map_or("nothing more happened to them".into(), |step| step_words(plan, step));
        let more = if group.tasks.len() > NAMED { ", ..." } else { "" };
        line!(
            text,
            "  {:>6} {:<9} parted where: {parting} (tasks {}{more})",
            group.tasks.len(),
            outcome_word(group.outcome),
            names.join(", ")
        );
    }
    if let Some(origin) = replay.origin() {
        line!(text, "\nfirst distorted: {}", say_origin(plan, origin));
        let acts = replay.run.provenance.acts().len();
        let spreads = replay.run.provenance.spreads().len();
        line!(text, "  it and its like reached {spreads} places; {acts} effects were executed on them");
    }
    // Without a task of their own choice, people want the first that came to harm.
    let first_harmed =
        || parted.iter().map(|(task, _)| *task).find(|task| harmed.iter().any(|of| of.tasks.contains(task)));
    if let Some(task) = task.or_else(first_harmed).or_else(|| parted.first().map(|(task, _)| *task)) {
        walk(plan, replay, (other, task), &mut text);
    }
    text
}

fn walk(plan: &Plan, replay: &Replay, (other, task): (&str, u32), text: &mut String) {
    let (run_way, other_way) = (replay.way(task), replay.other_way(task));
    line!(text, "\ntask {task}, node by node");
    let Some(parting) = replay.parting(task) else {
        for node in run_way {
            line!(text, "    {}  {}", clock(node.at), step_words(plan, node.step));
        }
        line!(text, "  the same in both");
        return;
    };
    for node in &run_way[..parting.after] {
        line!(text, "    {}  {}", clock(node.at), step_words(plan, node.step));
    }
    line!(text, "  here they part");
    for (name, way) in [("run", run_way), (other, other_way)] {
        line!(text, "  {name}: {}", outcome_word(outcome(way)));
        for node in &way[parting.after..] {
            line!(text, "    {}  {}", clock(node.at), step_words(plan, node.step));
        }
    }
}

/// Writes a moment with its milliseconds.
fn clock(at: Time) -> String {
    format!("{at}.{:03}", at.0 / 1_000_000 % 1_000)
}

fn outcome_word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Done) => "done",
        Some(Outcome::Wrong) => "wrong",
        Some(Outcome::Late) => "late",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Shed) => "refused",
        Some(Outcome::Unsafe) => "unsafe",
        None => "not ended",
    }
}

fn via_word(via: Via) -> &'static str {
    match via {
        Via::Reply => "a reply",
        Via::Description => "a tool's description",
        Via::Session => "another session's data",
        Via::Memory => "a memory",
        Via::Message => "a message",
        Via::State => "a shared state",
        Via::LostUpdate => "an update that was overwritten",
    }
}

fn say_origin(plan: &Plan, origin: Spread) -> String {
    let mock = origin.mock.map_or("-", |mock| &plan.mocks[usize::from(mock)].name);
    let fault = origin.fault.map_or("no fault of its own", |fault| &plan.faults[usize::from(fault)].id);
    format!("at {} at {mock}, by {}, of {fault}", clock(origin.at), via_word(origin.via))
}

/// Says a step in a few words.
pub(super) fn step_words(plan: &Plan, step: Step) -> String {
    let mock = |mock: u8| &plan.mocks[usize::from(mock)].name;
    let agent = |agent: u8| &plan.agents[usize::from(agent)].name;
    match step {
        Step::Arrived { tier, agent: of } => {
            format!("arrives, {}, for agent {}", Tier::ALL[usize::from(tier)].word(), agent(of))
        }
        Step::Call { mock: of, tokens: 0, .. } => format!("uses {}", mock(of)),
        Step::Call { mock: of, tokens, .. } => format!("asks {}, {tokens} tokens", mock(of)),
        Step::Attempt { mock: of, number } => format!("attempt {number} at {}", mock(of)),
        Step::Fault(fault) => format!("fault {} hits it", plan.faults[usize::from(fault)].id),
        Step::Ended { mock: of, is_ok: true, tokens: 0 } => format!("{} answers", mock(of)),
        Step::Ended { mock: of, is_ok: true, tokens } => format!("{} answers, {tokens} tokens", mock(of)),
        Step::Ended { mock: of, is_ok: false, .. } => format!("the attempt at {} ends badly", mock(of)),
        Step::Failed(ending) => format!("because: {}", ending.word()),
        Step::Guard(of, control) => format!("guardrail {} of {} acts", control.word(), mock(of)),
        Step::TaskGuard(control) => format!("guardrail {} acts", control.word()),
        Step::Effect { mock: of, done, is_unsafe } => {
            let what = match done {
                Done::First => "an effect is executed",
                Done::Duplicate => "the effect is executed again",
                Done::Deduplicated => "the repeated effect is known by its key",
            };
            format!("{what} at {}{}", mock(of), if is_unsafe { ", UNSAFE" } else { "" })
        }
        Step::Tainted { mock: of, via, .. } => {
            let at = of.map_or(String::new(), |of| format!(" at {}", mock(of)));
            format!("the context is contaminated by {}{at}", via_word(via))
        }
        Step::HandedOver(of) => format!("handed over to agent {}", agent(of)),
        Step::BeganAgain => "begins again".into(),
        Step::Outcome(outcome) => format!("{}.", outcome_word(Some(outcome))),
    }
}

/// Returns the nodes of tasks as JSON lines, of the run and of the other.
pub fn json_lines(plan: &Plan, replay: &Replay, other: &str, tasks: &[u32]) -> String {
    let mut text = String::new();
    for task in tasks {
        for (name, way) in [("run", replay.way(*task)), (other, replay.other_way(*task))] {
            for node in way {
                line!(text, "{}", json_node(plan, name, node));
            }
        }
    }
    text
}

fn json_node(plan: &Plan, run: &str, node: &Node) -> Value {
    let mock = |mock: u8| &plan.mocks[usize::from(mock)].name;
    let (event, more) = match node.step {
        Step::Arrived { tier, agent } => (
            "arrived",
            json!({ "tier": Tier::ALL[usize::from(tier)].word(), "agent": plan.agents[usize::from(agent)].name }),
        ),
        Step::Call { mock: of, op, tokens } => {
            ("call", json!({ "mock": mock(of), "op": op, "tokens": tokens }))
        }
        Step::Attempt { mock: of, number } => ("attempt", json!({ "mock": mock(of), "number": number })),
        Step::Fault(fault) => ("fault", json!({ "fault": plan.faults[usize::from(fault)].id })),
        Step::Ended { mock: of, is_ok, tokens } => {
            ("ended", json!({ "mock": mock(of), "ok": is_ok, "tokens": tokens }))
        }
        Step::Failed(ending) => ("failed", json!({ "because": ending.word() })),
        Step::Guard(of, control) => ("guardrail", json!({ "mock": mock(of), "control": control.word() })),
        Step::TaskGuard(control) => ("guardrail", json!({ "control": control.word() })),
        Step::Effect { mock: of, done, is_unsafe } => {
            let done = match done {
                Done::First => "executed",
                Done::Duplicate => "duplicate",
                Done::Deduplicated => "deduplicated",
            };
            ("effect", json!({ "mock": mock(of), "done": done, "unsafe": is_unsafe }))
        }
        Step::Tainted { mock: of, via, spread } => {
            ("contaminated", json!({ "mock": of.map(mock), "via": via_word(via), "spread": spread }))
        }
        Step::HandedOver(agent) => ("handed-over", json!({ "agent": plan.agents[usize::from(agent)].name })),
        Step::BeganAgain => ("began-again", json!({})),
        Step::Outcome(outcome) => ("outcome", json!({ "outcome": outcome_word(Some(outcome)) })),
    };
    let mut value = json!({ "run": run, "task": node.task, "at_s": node.at.seconds(), "event": event });
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}
