//! An agent's plan of steps as a flat program.

use crate::base::{Dist, Ratio};
use crate::plan::system::mock_index;
use crate::plan::{Lanes, TIERS, TimerKind};
use crate::scenario::Scenario;
use crate::scenario::file::agents::{Access as Word, Deadline, Step, Use};
use crate::scenario::file::load::Tier;

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Ask a model.
    Ask {
        /// The model.
        mock: u8,
        /// Tokens added to the context.
        tokens_in: Dist,
        /// Tokens of the reply.
        tokens_out: Dist,
        /// Whether the task goes on if this fails.
        is_optional: bool,
        /// Whether it looks for what is wrong with the work: the chance that it finds it, and that it
        /// sends back what is right.
        verifies: Option<(f64, f64)>,
    },
    /// Use a tool.
    Use {
        /// The tool.
        mock: u8,
        /// Tokens that the result adds to the context.
        adds: Option<Dist>,
        /// Whether it has an effect on the world.
        has_effect: bool,
        /// What it does with what the tool holds.
        access: Access,
        /// Whether it carries a hand-over.
        is_message: bool,
        /// Whether the task goes on if this fails.
        is_optional: bool,
    },
    /// Work without a call, in nanoseconds.
    Think(Dist),
    /// Begin a loop: draw how often, and go to `exit` if never.
    Loop {
        /// How often.
        times: Dist,
        /// Which counter.
        depth: u8,
        /// The operation after the loop.
        exit: u16,
    },
    /// End a loop: go back to `body` unless it has been done often enough.
    Next {
        /// Which counter.
        depth: u8,
        /// The first operation of the loop's body.
        body: u16,
    },
    /// Go on at one of several places by chance.
    Fork {
        /// Cumulative chances and where they lead; what is missing to one goes to `exit`.
        paths: Vec<(f64, u16)>,
        /// The operation after the fork.
        exit: u16,
    },
    /// Go on elsewhere.
    Jump(u16),
    /// Go on with the program of another agent.
    HandOver(u8),
    /// The task is worked.
    End,
}

/// What a call does with a memory or a shared state.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    /// Nothing.
    None,
    /// It recalls so many entries.
    Recall(Dist),
    /// It puts an entry into a memory.
    Remember,
    /// It reads the task's object.
    Read,
    /// It updates the object that was read.
    Update,
}

/// The operations of an agent.
pub type Program = Vec<Op>;

/// An agent.
#[derive(Debug, Clone)]
pub struct AgentPlan {
    /// Its name.
    pub name: String,
    /// The cumulative share of tasks up to and including this agent's.
    pub share_to: f64,
    /// How many copies work side by side.
    pub instances: u64,
    /// By tier, the lane of the deadline's timer.
    pub deadlines: [Option<u8>; TIERS],
    /// What it does.
    pub program: Program,
}

pub(super) fn agents(scenario: &Scenario, lanes: &mut Lanes) -> Vec<AgentPlan> {
    let mut sum = 0.0;
    let mut agents = Vec::new();
    for (name, agent) in scenario.file.agents.iter() {
        sum += agent.share.map_or(Ratio::ONE, |at| at.value).real();
        let deadlines = std::array::from_fn(|tier| {
            let span = match agent.deadline.as_ref()? {
                Deadline::All(at) => at.value,
                Deadline::ByTier(named) => named.get(Tier::ALL[tier].word())?.value,
            };
            Some(lanes.lane(TimerKind::Deadline, span))
        });
        let mut program = Vec::new();
        compile(scenario, &agent.plan, 0, &mut program);
        program.push(Op::End);
        agents.push(AgentPlan {
            name: name.clone(),
            share_to: sum,
            instances: agent.instances.map_or(1, |at| at.value),
            deadlines,
            program,
        });
    }
    agents
}

fn compile(scenario: &Scenario, steps: &[Step], depth: u8, ops: &mut Program) {
    for step in steps {
        match step {
            Step::Ask(ask) => {
                let op = Op::Ask {
                    mock: mock_index(scenario, &ask.ask.value.0),
                    tokens_in: ask.tokens.r#in.value.0.clone(),
                    tokens_out: ask.tokens.out.value.0.clone(),
                    is_optional: ask.optional.is_some_and(|at| at.value),
                    verifies: None,
                };
                times(ask.times.as_ref().map(|at| &at.value.0), depth, ops, |ops| ops.push(op));
            }
            Step::Use(tool) => {
                let op = Op::Use {
                    mock: mock_index(scenario, &tool.r#use.value.0),
                    adds: tool.adds.as_ref().map(|at| at.value.0.clone()),
                    has_effect: tool.effect.is_some(),
                    access: access(tool),
                    is_message: false,
                    is_optional: tool.optional.is_some_and(|at| at.value),
                };
                times(tool.times.as_ref().map(|at| &at.value.0), depth, ops, |ops| ops.push(op));
            }
            Step::Think(think) => ops.push(Op::Think(think.think.value.0.clone())),
            Step::Repeat(repeat) => times(Some(&repeat.repeat.value.0), depth, ops, |ops| {
                compile(scenario, &repeat.steps, depth + 1, ops);
            }),
            Step::Branch(branch) => fork(scenario, branch, depth, ops),
            Step::Verify(verify) => ops.push(Op::Ask {
                mock: mock_index(scenario, &verify.verify.value.0),
                tokens_in: verify.tokens.r#in.value.0.clone(),
                tokens_out: verify.tokens.out.value.0.clone(),
                is_optional: false,
                verifies: Some((
                    verify.catches.value.real(),
                    verify.false_positives.map_or(0.0, |at| at.value.real()),
                )),
            }),
            Step::HandOver(hand) => {
                if let Some(via) = &hand.via {
                    ops.push(Op::Use {
                        mock: mock_index(scenario, &via.value.0),
                        adds: None,
                        has_effect: false,
                        access: Access::None,
                        is_message: true,
                        is_optional: false,
                    });
                }
                let agent = scenario.file.agents.index(&hand.hand_over.value.0);
                ops.push(Op::HandOver(agent.expect("checked: the agent is there") as u8));
            }
        }
    }
}

fn access(tool: &Use) -> Access {
    let one = || Dist::Constant(1.0);
    match tool.access.map(|at| at.value) {
        None => Access::None,
        Some(Word::Recall) => Access::Recall(tool.recalls.as_ref().map_or_else(one, |at| at.value.0.clone())),
        Some(Word::Remember) => Access::Remember,
        Some(Word::Read) => Access::Read,
        Some(Word::Update) => Access::Update,
    }
}

/// Compiles a body that is done as often as `times` says, or once.
fn times(times: Option<&Dist>, depth: u8, ops: &mut Program, body: impl FnOnce(&mut Program)) {
    let Some(times) = times else { return body(ops) };
    let start = ops.len();
    ops.push(Op::Loop { times: times.clone(), depth, exit: 0 });
    body(ops);
    ops.push(Op::Next { depth, body: start as u16 + 1 });
    let after = ops.len() as u16;
    if let Op::Loop { exit, .. } = &mut ops[start] {
        *exit = after;
    }
}

fn fork(scenario: &Scenario, branch: &crate::scenario::file::agents::Branch, depth: u8, ops: &mut Program) {
    let start = ops.len();
    ops.push(Op::End);
    let (mut paths, mut jumps, mut sum) = (Vec::new(), Vec::new(), 0.0);
    for path in &branch.branch {
        sum += path.chance.value.real();
        paths.push((sum, ops.len() as u16));
        compile(scenario, &path.steps, depth + 1, ops);
        jumps.push(ops.len());
        ops.push(Op::End);
    }
    let after = ops.len() as u16;
    for jump in jumps {
        ops[jump] = Op::Jump(after);
    }
    ops[start] = Op::Fork { paths, exit: after };
}
