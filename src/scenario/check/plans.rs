//! Checks of the agents' plans: names, permissions, size, and hand-overs that come to an end.

use std::collections::BTreeSet;

use crate::base::{Dist, Ratio, Span};
use crate::scenario::check::traffic::first_rate;
use crate::scenario::check::{Checked, refer_to, share, tier, within};
use crate::scenario::dist_text::CountDist;
use crate::scenario::file::agents::{Access, Agent, Deadline, Step, Use};
use crate::scenario::file::mocks::MockKind;
use crate::scenario::limits::{OPS_MAX, PLAN_DEPTH_MAX, PLAN_OPS_MAX, SPAN_MAX, TIMES_MAX, TOKENS_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::units::Name;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    for at in checked.file.agents.0.values() {
        let agent = &at.value;
        if agent.plan.is_empty() {
            sink.push(Problem::error(Code::MissingKey, at.place, "this agent's plan has no steps"));
        }
        let ops = steps(checked, agent, &agent.plan, 1, sink);
        if ops > PLAN_OPS_MAX {
            let message = format!("this plan has {ops} operations; at most {PLAN_OPS_MAX} are allowed");
            sink.push(Problem::error(Code::Limit, at.place, message));
        }
        deadlines(agent, sink);
        work(checked, at, sink);
    }
    circles(checked, sink);
}

/// Reports a plan whose steps, over all tasks, are more than a run can do.
fn work(checked: &Checked<'_>, at: &At<Agent>, sink: &mut Sink) {
    let share = at.value.share.map_or(1.0, |share| share.value.real());
    let tasks = first_rate(&checked.file.load).value.0 * checked.file.duration.value.seconds() * share;
    let ops = tasks * mean_ops(&at.value.plan);
    if ops > OPS_MAX && !checked.file.duration.is_hole() {
        let message = format!("about {ops:.1e} steps would be done; at most {OPS_MAX:.0e} may");
        let problem = Problem::error(Code::Limit, at.place, message);
        sink.push(problem.hint("repeat less, shorten the drill, or lower the rate"));
    }
}

/// Returns about how many steps a task does.
fn mean_ops(plan: &[Step]) -> f64 {
    let times = |times: Option<&At<CountDist>>| times.map_or(1.0, |at| at.value.0.mean().min(TIMES_MAX));
    let each = |step: &Step| match step {
        Step::Ask(ask) => times(ask.times.as_ref()),
        Step::Use(tool) => {
            let recalls = tool.recalls.as_ref().map_or(0.0, |at| at.value.0.mean().min(TIMES_MAX));
            times(tool.times.as_ref()) * (1.0 + recalls)
        }
        Step::Repeat(repeat) => times(Some(&repeat.repeat)) * (1.0 + mean_ops(&repeat.steps)),
        Step::Branch(branch) => {
            let paths = branch.branch.iter();
            1.0 + paths.map(|path| path.chance.value.real() * mean_ops(&path.steps)).sum::<f64>()
        }
        Step::HandOver(_) | Step::Verify(_) | Step::Think(_) => 1.0,
    };
    plan.iter().map(each).sum()
}

fn deadlines(agent: &Agent, sink: &mut Sink) {
    let least = Span(1_000_000);
    match &agent.deadline {
        None => {}
        Some(Deadline::All(span)) => within(span, least, SPAN_MAX, sink),
        Some(Deadline::ByTier(named)) => {
            for (name, at) in &named.0 {
                tier(name, at.place, sink);
                within(&at.value, least, SPAN_MAX, sink);
            }
        }
    }
}

/// Checks steps and returns how many operations they compile to.
fn steps(checked: &Checked<'_>, agent: &Agent, plan: &[Step], depth: usize, sink: &mut Sink) -> usize {
    let mut ops = 1;
    for step in plan {
        ops += match step {
            Step::Ask(ask) => {
                is_kind(checked, &ask.ask, MockKind::Model, sink);
                tokens(&ask.tokens.r#in, sink);
                tokens(&ask.tokens.out, sink);
                times(ask.times.as_ref(), depth, sink)
            }
            Step::Use(step) => {
                is_kind(checked, &step.r#use, MockKind::Tool, sink);
                if let Some(adds) = &step.adds {
                    tokens(adds, sink);
                }
                // An agent may try what it is not permitted, if it can live with a no.
                if step.optional.as_ref().is_none_or(|at| !at.value) {
                    permission(checked, agent, &step.r#use, step.effect.as_ref(), sink);
                }
                access(checked, step, sink);
                times(step.times.as_ref(), depth, sink)
            }
            Step::Repeat(repeat) => {
                if repeat.steps.is_empty() && !repeat.repeat.is_hole() {
                    let message = "there is nothing to repeat";
                    sink.push(Problem::error(Code::MissingKey, repeat.repeat.place, message));
                }
                times(Some(&repeat.repeat), depth, sink)
                    + block(checked, agent, (&repeat.steps, depth + 1, repeat.repeat.place), sink)
            }
            Step::Branch(branch) => {
                let sum: u64 = branch.branch.iter().map(|path| path.chance.value.0).sum();
                let place = branch.branch.last().map_or(Place::NOWHERE, |path| path.chance.place);
                if sum > Ratio::ONE.0 {
                    let message = format!("the chances add up to {}", Ratio(sum));
                    sink.push(Problem::error(Code::Contradiction, place, message));
                }
                let each = |path: &crate::scenario::file::agents::Path| {
                    share(&path.chance, sink);
                    2 + block(checked, agent, (&path.steps, depth + 1, path.chance.place), sink)
                };
                branch.branch.iter().map(each).sum()
            }
            Step::HandOver(hand) => {
                refer_to(&hand.hand_over, "agent", &checked.file.agents, sink);
                if let Some(via) = &hand.via {
                    is_kind(checked, via, MockKind::Tool, sink);
                }
                2
            }
            Step::Verify(verify) => {
                is_kind(checked, &verify.verify, MockKind::Model, sink);
                tokens(&verify.tokens.r#in, sink);
                tokens(&verify.tokens.out, sink);
                share(&verify.catches, sink);
                1
            }
            Step::Think(_) => 1,
        };
    }
    ops
}

/// Checks the steps of a nested block, unless it is nested too deep.
fn block(checked: &Checked<'_>, agent: &Agent, inner: (&[Step], usize, Place), sink: &mut Sink) -> usize {
    let (plan, depth, place) = inner;
    if depth > PLAN_DEPTH_MAX {
        let message = format!("steps may nest {PLAN_DEPTH_MAX} deep");
        sink.push(Problem::error(Code::Limit, place, message));
        return 0;
    }
    steps(checked, agent, plan, depth, sink)
}

fn is_kind(checked: &Checked<'_>, name: &At<Name>, kind: MockKind, sink: &mut Sink) {
    let Some(mock) = checked.mock(name, sink) else { return };
    if mock.kind.known().is_some_and(|known| *known != kind) {
        let problem = Problem::error(
            Code::Contradiction,
            name.place,
            format!("`{}` is not a {}", name.value.0, kind.word()),
        );
        let word = if kind == MockKind::Model { "use" } else { "ask" };
        sink.push(problem.hint(format!("`{word}` goes to the other kind of mock")));
    }
}

fn times(times: Option<&At<CountDist>>, depth: usize, sink: &mut Sink) -> usize {
    let Some(at) = times else { return 1 };
    if largest(&at.value.0) > TIMES_MAX {
        let message = format!("a step may be repeated at most {TIMES_MAX} times");
        sink.push(
            Problem::error(Code::Limit, at.place, message)
                .hint("use `\"LOW..HIGH\"`, or a pareto with a cap"),
        );
    }
    if depth > PLAN_DEPTH_MAX {
        sink.push(Problem::error(Code::Limit, at.place, format!("steps may nest {PLAN_DEPTH_MAX} deep")));
    }
    3
}

/// Memories are recalled and remembered, shared states read and updated.
fn access(checked: &Checked<'_>, step: &Use, sink: &mut Sink) {
    if let Some(recalls) = &step.recalls
        && largest(&recalls.value.0) > TIMES_MAX
    {
        let message = format!("a call recalls at most {TIMES_MAX} entries");
        sink.push(Problem::error(Code::Limit, recalls.place, message));
    }
    if let (Some(recalls), false) =
        (&step.recalls, step.access.is_some_and(|access| access.value == Access::Recall))
    {
        let message = "`recalls` goes with `access = \"recall\"`";
        sink.push(Problem::error(Code::Contradiction, recalls.place, message));
    }
    let (Some(access), Some(mock)) = (&step.access, checked.mocks.get(&step.r#use.value.0)) else { return };
    let Some(word) = access.known() else { return };
    let (has, key) = match word {
        Access::Recall | Access::Remember => (mock.entries.is_some(), "entries"),
        Access::Read | Access::Update => (mock.objects.is_some(), "objects"),
    };
    if !has && !mock.kind.is_hole() {
        let message = format!("`{}` holds nothing to {}", step.r#use.value.0, word.word());
        let problem = Problem::error(Code::Contradiction, access.place, message);
        sink.push(problem.hint(format!("give the mock `{key}`")));
    }
}

fn tokens(at: &At<CountDist>, sink: &mut Sink) {
    let is_typical_too_large = at.value.0.mean() > TOKENS_MAX;
    if is_typical_too_large {
        sink.push(Problem::error(Code::Limit, at.place, format!("a call has at most {TOKENS_MAX} tokens")));
    }
}

/// Returns a value that draws of the distribution do not exceed, or practically never.
fn largest(dist: &Dist) -> f64 {
    match dist {
        Dist::Constant(value) => *value,
        Dist::Uniform { high, .. } => *high,
        Dist::Pareto { cap, .. } => *cap,
        Dist::Table(points) => points.last().map_or(0.0, |point| point.1),
        // The number of times is cut at the limit when it is drawn; the mean must be well below.
        Dist::Exponential { .. } | Dist::LogNormal { .. } | Dist::Gamma(_) | Dist::Weibull { .. } => {
            dist.mean() * 4.0
        }
    }
}

/// A step with an effect that the mock would always refuse contradicts itself.
fn permission(
    checked: &Checked<'_>,
    agent: &Agent,
    tool: &At<Name>,
    effect: Option<&At<Name>>,
    sink: &mut Sink,
) {
    let Some(mock) = checked.mocks.get(&tool.value.0) else { return };
    let (Some(effect), Some(needed)) = (effect, &mock.permission) else { return };
    let has = agent.permissions.iter().any(|held| held.value == needed.value);
    let enforces = mock.enforces_permission.as_ref().is_none_or(|at| at.value);
    if !has && enforces && !needed.is_hole() {
        let message =
            format!("this agent lacks the permission `{}`, so `{}` refuses it", needed.value.0, tool.value.0);
        let problem = Problem::error(Code::Contradiction, effect.place, message);
        sink.push(problem.hint(format!(
            "add `permissions = [\"{}\"]` to the agent, or make the step `optional`",
            needed.value.0
        )));
    }
}

/// Reports hand-overs that go round in a circle.
fn circles(checked: &Checked<'_>, sink: &mut Sink) {
    for (name, at) in &checked.file.agents.0 {
        let (mut seen, mut open) = (BTreeSet::new(), vec![name.as_str()]);
        while let Some(current) = open.pop() {
            let Some(agent) = checked.file.agents.get(current) else { continue };
            for next in hand_overs(&agent.plan) {
                if next == name {
                    let message = format!("tasks of `{name}` come back to it without end");
                    sink.push(Problem::error(Code::Contradiction, at.place, message));
                    return;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }
}

fn hand_overs(plan: &[Step]) -> Vec<&str> {
    fn inside(step: &Step) -> Vec<&str> {
        match step {
            Step::HandOver(hand) => vec![hand.hand_over.value.0.as_str()],
            Step::Repeat(repeat) => hand_overs(&repeat.steps),
            Step::Branch(branch) => branch.branch.iter().flat_map(|path| hand_overs(&path.steps)).collect(),
            Step::Ask(_) | Step::Use(_) | Step::Verify(_) | Step::Think(_) => Vec::new(),
        }
    }
    plan.iter().flat_map(inside).collect()
}
