//! One seed again, with every step of every task, beside its twin or the run without a control: where
//! tasks part, and what harm followed.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::engine::rehearse_traced;
use crate::grade::{Scorecard, grade};
use crate::plan::Plan;
use crate::record::{Node, Outcome, Record, Spread, Step, Via};

/// A run and what it is set against, node by node.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The run.
    pub run: Record,
    /// The twin, or the run without something.
    pub other: Record,
    /// The grade of the run.
    pub card: Scorecard,
    /// Whether there were more steps than can be kept: then some are missing.
    pub is_cut: bool,
    run_ways: Ways,
    other_ways: Ways,
}

/// Where two ways of one task part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// How many nodes are the same before that.
    pub after: usize,
    /// The node of the run; nothing if it has no further one.
    pub run: Option<Node>,
    /// The node of the other.
    pub other: Option<Node>,
}

/// Tasks that came to harm in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harmed {
    /// What became of them; nothing for those that never ended.
    pub outcome: Option<Outcome>,
    /// What the run did where they parted.
    pub parting: Option<Step>,
    /// The tasks, by the order of arrival.
    pub tasks: Vec<u32>,
}

/// The nodes of a run by task.
#[derive(Debug, Clone, Default)]
struct Ways {
    nodes: Vec<Node>,
    /// By task, where its nodes end.
    ends: Vec<usize>,
}

impl Ways {
    fn of(record: &mut Record) -> Self {
        let mut nodes = record.trace.take().map_or_else(Vec::new, |trace| trace.nodes);
        // Stable: the nodes of a task stay in order of time.
        nodes.sort_by_key(|node| node.task);
        let mut ends = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            ends.resize((node.task as usize + 1).max(ends.len()), index);
            ends[node.task as usize] = index + 1;
        }
        Self { nodes, ends }
    }

    fn range(&self, task: u32) -> Range<usize> {
        let task = task as usize;
        let end = self.ends.get(task).copied().unwrap_or(0);
        let start = if task == 0 { 0 } else { self.ends.get(task - 1).copied().unwrap_or(end) };
        start..end
    }

    fn of_task(&self, task: u32) -> &[Node] {
        &self.nodes[self.range(task)]
    }
}

/// Runs a seed of a plan with its trace, beside its twin, or another plan of the same scenario.
///
/// The grade is against the plan's own twin, whatever it is set against.
pub fn replay(plan: &Plan, other: Option<&Plan>, seed: u64) -> Replay {
    let mut run = rehearse_traced(plan, seed);
    let twin = rehearse_traced(&plan.twin(), seed);
    let card = grade(plan, &run, &twin);
    let mut beside = other.map_or(twin, |other| rehearse_traced(other, seed));
    let is_cut = [&run, &beside].into_iter().filter_map(|of| of.trace.as_ref()).any(|trace| trace.is_cut);
    let (run_ways, other_ways) = (Ways::of(&mut run), Ways::of(&mut beside));
    Replay { run, other: beside, card, is_cut, run_ways, other_ways }
}

impl Replay {
    /// Returns how many tasks arrived.
    pub fn tasks(&self) -> u32 {
        self.run_ways.ends.len() as u32
    }

    /// Returns the steps of a task in the run.
    pub fn way(&self, task: u32) -> &[Node] {
        self.run_ways.of_task(task)
    }

    /// Returns the steps of a task in the other.
    pub fn other_way(&self, task: u32) -> &[Node] {
        self.other_ways.of_task(task)
    }

    /// Returns where the two ways of a task part; nothing if they are the same.
    pub fn parting(&self, task: u32) -> Option<Parting> {
        let (run, other) = (self.way(task), self.other_way(task));
        let is_same = |(run, other): &(&Node, &Node)| (run.at, run.step) == (other.at, other.step);
        let after = run.iter().zip(other).take_while(is_same).count();
        let parting = Parting { after, run: run.get(after).copied(), other: other.get(after).copied() };
        (parting.run.is_some() || parting.other.is_some()).then_some(parting)
    }

    /// Returns the tasks whose ways part, in the order in which that happens.
    pub fn parted(&self) -> Vec<(u32, Parting)> {
        let mut parted: Vec<(u32, Parting)> =
            (0..self.tasks()).filter_map(|task| Some((task, self.parting(task)?))).collect();
        parted.sort_by_key(|(task, parting)| {
            let at = |node: Option<Node>| node.map(|node| node.at);
            (at(parting.run).min(at(parting.other).or(at(parting.run))).or(at(parting.other)), *task)
        });
        parted
    }

    /// Returns the tasks that were done in the other and not in the run, by what became of them and where
    /// they parted; the most frequent first.
    pub fn harmed(&self) -> Vec<Harmed> {
        let mut groups: BTreeMap<(String, String), Harmed> = BTreeMap::new();
        for task in 0..self.tasks() {
            let outcome = outcome(self.way(task));
            if outcome == Some(Outcome::Done) || self::outcome(self.other_way(task)) != Some(Outcome::Done) {
                continue;
            }
            let parting = self.parting(task).and_then(|parting| parting.run).map(|node| kind(node.step));
            let group = groups.entry((format!("{outcome:?}"), format!("{parting:?}")));
            group.or_insert(Harmed { outcome, parting, tasks: Vec::new() }).tasks.push(task);
        }
        let mut groups: Vec<Harmed> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.tasks.len()));
        groups
    }

    /// Returns the node at which what agents share was first distorted: the source of the first
    /// contamination that reached a shared state or a memory, or else of the first at all.
    pub fn origin(&self) -> Option<Spread> {
        let provenance = &self.run.provenance;
        let is_shared = |spread: &Spread| matches!(spread.via, Via::State | Via::Memory | Via::LostUpdate);
        let spreads = provenance.spreads();
        let first = spreads.iter().position(is_shared).or((!spreads.is_empty()).then_some(0))?;
        Some(provenance.source(first as u32))
    }
}

/// Returns what became of a task.
pub fn outcome(way: &[Node]) -> Option<Outcome> {
    way.iter().find_map(|node| if let Step::Outcome(outcome) = node.step { Some(outcome) } else { None })
}

/// A step without what differs from task to task.
fn kind(step: Step) -> Step {
    match step {
        Step::Call { mock, op, tokens: _ } => Step::Call { mock, op, tokens: 0 },
        Step::Ended { mock, is_ok, tokens: _ } => Step::Ended { mock, is_ok, tokens: 0 },
        Step::Tainted { mock, via, spread: _ } => Step::Tainted { mock, via, spread: 0 },
        Step::Attempt { mock, number } => Step::Attempt { mock, number: number.min(2) },
        Step::Arrived { .. }
        | Step::Fault(_)
        | Step::Failed(_)
        | Step::Guard(..)
        | Step::TaskGuard(_)
        | Step::Effect { .. }
        | Step::HandedOver(_)
        | Step::BeganAgain
        | Step::Outcome(_) => step,
    }
}
