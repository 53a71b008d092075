//! Ablation: each control taken away, alone or in pairs, on the same seeds.
//!
//! Because every draw is keyed by who draws for what, a run without a control differs from the run with
//! it only by what the control did. So a control that did nothing in a run needs no second run, and a
//! twin in which it did nothing is the twin of both.

use rayon::ThreadPoolBuildError;

use crate::base::stats::{mcnemar, paired_mean};
use crate::base::{Span, Time};
use crate::engine::{Fork, rehearse};
use crate::grade::{RunVerdict, Scorecard, Verdict, grade};
use crate::ops;
use crate::plan::{Check, Plan, RolloutStep, SDK_TIMEOUT};
use crate::record::{Act, Event, Record, RollbackReason};
use crate::scenario::Scenario;
use crate::scenario::file::guards::CallControl;
use crate::scenario::without::{Switch, switches, without_switches};
use crate::study::amounts::Amount;
use crate::study::{Seeds, for_each_seed, verdict};

/// What a control is to a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Without it the drill fails, and with it it does not, beyond chance.
    Needed,
    /// Without it something is worse beyond chance.
    Helps,
    /// It acted, and nothing is measurably better or worse without it.
    Neutral,
    /// It never acted.
    Idle,
    /// Without it something is better beyond chance, and nothing worse.
    Harmful,
}

impl Worth {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::Helps => "helps",
            Self::Neutral => "neutral",
            Self::Idle => "idle",
            Self::Harmful => "harmful",
        }
    }
}

/// An amount without a control against the same with it, over pairs of runs of one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is measured: `lost.TIER`, `unsafe_acts`, `duplicate_acts`, `cost_usd`, `contain_s`, `recover_s`.
    pub name: String,
    /// How much more there is without the control, on average, and the ends of the 95 % interval; for times
    /// over the runs that have one with and without. Nothing for fewer than two.
    pub more: Option<(f64, f64, f64)>,
    /// What that says, with an interval wide enough for all amounts of all controls together, and with
    /// McNemar's test of how often it never comes.
    pub turn: Turn,
    /// Of moments: runs in which it never comes without the control, less those in which it never comes with it.
    pub never_more: i64,
}

/// What became of an amount without a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// More than by chance.
    Worse,
    /// Less than by chance.
    Better,
    /// No difference beyond chance.
    Same,
}

/// What came of taking a control away.
#[derive(Debug, Clone, PartialEq)]
pub struct Ablation {
    /// The control, or the two.
    pub names: Vec<String>,
    /// What it is to the drill.
    pub worth: Worth,
    /// The verdict without it.
    pub verdict: Verdict,
    /// Runs that pass with it and not without, and the other way round.
    pub flips: (u64, u64),
    /// The exact p-value of these (McNemar).
    pub p_value: f64,
    /// Every amount that differs in some run.
    pub changes: Vec<Change>,
    /// Runs in which it acted after onset, and how long after that first, in the middle run.
    pub acted: (u64, Option<Span>),
    /// Runs in whose twin it acted, although nothing was wrong.
    pub acted_wrongly: u64,
}

/// A drill with each control taken away.
#[derive(Debug, Clone, PartialEq)]
pub struct Ablations {
    /// The verdict with all controls.
    pub verdict: Verdict,
    /// How many runs that rests on.
    pub runs: u64,
    /// Each control, the needed ones first.
    pub single: Vec<Ablation>,
    /// Pairs of controls of which neither is needed alone, and both together are.
    pub pairs: Vec<Ablation>,
}

/// What a control did in one run and its twin.
#[derive(Debug, Clone, Copy, Default)]
struct Deed {
    /// Whether the run, and the twin, may be another without it.
    may_differ: bool,
    may_differ_in_twin: bool,
    /// Whether it acted, and how long after onset first.
    acted: bool,
    after_onset: Option<Span>,
    /// Whether it acted in the twin, although nothing was wrong.
    acted_in_twin: bool,
}

/// One seed: the drill as it is, and with each of some sets of controls taken away.
struct Row {
    with: Scorecard,
    deeds: Vec<Deed>,
    /// Absent where nothing differs.
    without: Vec<Option<Scorecard>>,
}

/// A control, or two, and the plan without.
struct Cut {
    switches: Vec<usize>,
    plan: Plan,
    twin: Plan,
    /// Faults of a guardrail go with it: then the runs are never the same.
    has_same_faults: bool,
}

/// Takes every control away, one at a time and, if asked, in pairs of those that are not needed alone.
///
/// Fails only if threads cannot be had. `done` is called after each seed.
pub fn ablate(
    scenario: &Scenario,
    seeds: Seeds,
    with_pairs: bool,
    done: impl Fn() + Sync,
) -> Result<Ablations, ThreadPoolBuildError> {
    let base = Plan::of(scenario);
    let all = switches(&scenario.file);
    let cut = |indices: &[usize]| {
        let taken: Vec<&Switch> = indices.iter().map(|index| &all[*index]).collect();
        let reduced = without_switches(scenario, &taken);
        // The rhythm of the control plane stays that of the whole drill.
        let plan = Plan::reduced(&reduced, &base, ops::tick(&base));
        let has_same_faults = plan.faults.len() == base.faults.len();
        Cut { switches: indices.to_vec(), twin: plan.twin(), plan, has_same_faults }
    };
    let measure = |cuts: &[Cut]| {
        for_each_seed(seeds, |seed| {
            let row = row(&base, &all, cuts, seed);
            done();
            row
        })
    };
    let cuts: Vec<Cut> = (0..all.len()).map(|index| cut(&[index])).collect();
    let rows = measure(&cuts)?;
    let mut single = judged(&base, &all, &cuts, &rows);
    let mut pairs = Vec::new();
    if with_pairs {
        let is_open = |index: &usize| !matches!(single[*index].worth, Worth::Needed | Worth::Idle);
        let open: Vec<usize> = (0..all.len()).filter(is_open).collect();
        let each = |(place, first): (usize, &usize)| {
            let second = open[place + 1..].iter();
            second.map(|second| cut(&[*first, *second])).collect::<Vec<_>>()
        };
        let cuts: Vec<Cut> = open.iter().enumerate().flat_map(each).collect();
        let rows = measure(&cuts)?;
        pairs = judged(&base, &all, &cuts, &rows);
        pairs.retain(|pair| pair.worth == Worth::Needed);
    }
    let cards: Vec<Scorecard> = rows.iter().map(|row| row.with.clone()).collect();
    single.sort_by_key(|ablation| ablation.worth);
    Ok(Ablations { verdict: verdict(&base, &cards).verdict, runs: seeds.count, single, pairs })
}

/// Runs one seed with all controls, and without each set of them where that can differ.
fn row(base: &Plan, all: &[Switch], cuts: &[Cut], seed: u64) -> Row {
    let base_twin = base.twin();
    let fork = Fork::new(base, seed);
    let (run, twin) = (fork.finish(), fork.finish_twin(&base_twin));
    let card = grade(base, &run, &twin);
    let deeds: Vec<Deed> = all.iter().map(|switch| deed(base, switch, (&run, &twin), &card)).collect();
    let of = |cut: &Cut| {
        // Until the first fault the runs are one, if nothing that is taken away has acted by then.
        let can_fork =
            cut.has_same_faults && cut.switches.iter().all(|index| is_fresh(base, &all[*index], &run, &fork));
        let acted = |of: fn(&Deed) -> bool| cut.switches.iter().any(|index| of(&deeds[*index]));
        let mut is_same_run = cut.has_same_faults && !acted(|deed| deed.may_differ);
        let is_same_twin = !acted(|deed| deed.may_differ_in_twin);
        // Without an alert or a step those behind it have other numbers, by which a run is graded.
        let is_renumbered = |index: &usize| matches!(all[*index], Switch::Alert(_) | Switch::Step(..));
        is_same_run &= is_same_twin || !cut.switches.iter().any(is_renumbered);
        if is_same_run && is_same_twin {
            return None;
        }
        let other_run = (!is_same_run)
            .then(|| if can_fork { fork.finish_reduced(&cut.plan) } else { rehearse(&cut.plan, seed) });
        let other_twin = (!is_same_twin).then(|| rehearse(&cut.twin, seed));
        Some(grade(&cut.plan, other_run.as_ref().unwrap_or(&run), other_twin.as_ref().unwrap_or(&twin)))
    };
    Row { without: cuts.iter().map(of).collect(), deeds, with: card }
}

/// Returns whether a control had left no trace in a run when the first fault began.
pub fn is_fresh(plan: &Plan, switch: &Switch, run: &Record, fork: &Fork<'_>) -> bool {
    let is_later = |act: Act| act.first.is_none_or(|first| first >= fork.at());
    match switch {
        // Timers that were set before would be others.
        Switch::Call(_, CallControl::Timeout) => false,
        Switch::Call(mock, control) => is_later(run.acts.of_calls(mock_of(plan, mock), *control)),
        Switch::Task(control) => is_later(run.acts.of_tasks(*control)),
        Switch::Alert(_) | Switch::Step(..) => fork.is_quiet(),
        Switch::Rollout(name, _) => {
            fork.is_quiet() && plan.rollouts.iter().all(|of| of.name != *name || of.start >= fork.at())
        }
    }
}

fn mock_of(plan: &Plan, name: &str) -> usize {
    plan.mocks.iter().position(|of| of.name == name).expect("checked: a guard is of a mock")
}

/// Returns what a control did in a run and its twin.
fn deed(plan: &Plan, switch: &Switch, (run, twin): (&Record, &Record), card: &Scorecard) -> Deed {
    let onset = card.times.onset;
    let since = |at: Option<Time>| Some(at?.since(onset?));
    let of_act = |of: &dyn Fn(&Record) -> Act| Deed {
        may_differ: of(run).count > 0,
        may_differ_in_twin: of(twin).count > 0,
        acted: of(run).count > 0,
        after_onset: since(of(run).first_after_onset),
        acted_in_twin: of(twin).count > 0,
    };
    let of_events = |is_it: &dyn Fn(Event) -> bool| Deed {
        may_differ: run.journal.first(is_it).is_some(),
        may_differ_in_twin: twin.journal.first(is_it).is_some(),
        acted: run.journal.first(is_it).is_some(),
        after_onset: {
            let mut later = run.journal.entries().iter().filter(|entry| Some(entry.at) >= onset);
            since(later.find(|entry| is_it(entry.event)).map(|entry| entry.at))
        },
        acted_in_twin: twin.journal.first(is_it).is_some(),
    };
    match switch {
        Switch::Call(mock, control) => {
            let index = mock_of(plan, mock);
            let deed = of_act(&|record| record.acts.of_calls(index, *control));
            // Without a timeout there is the one that SDKs come with, which may be shorter.
            let is_longer = *control == CallControl::Timeout && plan.guards[index].timeout > SDK_TIMEOUT;
            deed.that_may_differ(is_longer, is_longer)
        }
        Switch::Task(control) => of_act(&|record| record.acts.of_tasks(*control)),
        Switch::Alert(name) => {
            let index = plan.alerts.iter().position(|of| of.name == *name);
            let index = index.expect("a switch of an alert has its name");
            let deed = of_events(&|event| event == Event::AlertFiring(index));
            // Conditions may ask for how long it has been quiet.
            let is_asked = is_asked_about(plan, index);
            deed.that_may_differ(is_asked, is_asked)
        }
        Switch::Step(runbook, step) => {
            let number = plan.runbooks.iter().position(|of| of.name == *runbook);
            let number = number.expect("a switch of a step names its runbook");
            let index = plan.runbooks[number].steps.iter().position(|of| of.id == *step);
            let index = index.expect("a switch of a step has its name");
            let is_done = |event| matches!(event, Event::StepDone { runbook, step, .. } if (runbook, step) == (number, index));
            // A step that waits holds back those behind it, also if it is never done.
            let is_open = |record: &Record| {
                record.journal.first(|event| event == Event::IncidentOpened(number)).is_some()
            };
            of_events(&is_done).that_may_differ(is_open(run), is_open(twin))
        }
        Switch::Rollout(name, part) => {
            let index = plan.rollouts.iter().position(|of| of.name == *name);
            let index = index.expect("a switch of a rollout has its name");
            // Whatever a rollout does depends on all of its parts.
            of_events(&|event| is_of_rollout(event, index, part)).that_may_differ(true, true)
        }
    }
}

impl Deed {
    /// Returns the same of a control without which the run, or the twin, may be another anyway.
    fn that_may_differ(self, run: bool, twin: bool) -> Self {
        Self {
            may_differ: self.may_differ || run,
            may_differ_in_twin: self.may_differ_in_twin || twin,
            ..self
        }
    }
}

fn is_of_rollout(event: Event, index: usize, part: &str) -> bool {
    let back = |reason| event == Event::RollbackBegun { rollout: index, reason };
    match part {
        "canary" => back(RollbackReason::Canary),
        "stop_loss" => back(RollbackReason::StopLoss),
        "analysis" => back(RollbackReason::Analysis) || event == Event::RolloutInconclusive(index),
        "gates" => event == Event::GatePassed(index),
        _ => matches!(event, Event::RolloutWeight { rollout, .. } if rollout == index),
    }
}

fn is_asked_about(plan: &Plan, alert: usize) -> bool {
    let is_it = |check: &Check| matches!(check, Check::Quiet(of, _) if *of == alert);
    let of_steps = plan.runbooks.iter().flat_map(|runbook| &runbook.steps);
    let mut checks = of_steps.flat_map(|step| step.when.iter().chain(&step.only_if).chain(&step.expect));
    let is_in_gate =
        |step: &RolloutStep| matches!(step, RolloutStep::Gate(_, when) if when.iter().any(is_it));
    checks.any(is_it)
        || plan.runbooks.iter().any(|runbook| runbook.recovery.iter().any(is_it))
        || plan.rollouts.iter().any(|rollout| rollout.steps.iter().any(is_in_gate))
}

/// Judges every cut over all seeds.
fn judged(base: &Plan, all: &[Switch], cuts: &[Cut], rows: &[Row]) -> Vec<Ablation> {
    let with: Vec<Scorecard> = rows.iter().map(|row| row.with.clone()).collect();
    // Whether the drill just passes or is not settled on these seeds is luck; that it fails is not.
    let fails = verdict(base, &with).verdict == Verdict::Fail;
    let each = |(number, cut): (usize, &Cut)| {
        let without = |row: &Row| row.without[number].clone().unwrap_or_else(|| row.with.clone());
        let cards: Vec<Scorecard> = rows.iter().map(without).collect();
        let verdict = verdict(&cut.plan, &cards).verdict;
        let is_pass = |card: &Scorecard| card.verdict == RunVerdict::Pass;
        let count = |one: &[Scorecard], other: &[Scorecard]| {
            one.iter().zip(other).filter(|(one, other)| is_pass(one) && !is_pass(other)).count() as u64
        };
        let flips = (count(&with, &cards), count(&cards, &with));
        let p_value = mcnemar(flips.0, flips.1);
        let changes = changes(&with, &cards, cuts.len());
        let deeds =
            |row: &Row, of: fn(&Deed) -> bool| cut.switches.iter().any(|index| of(&row.deeds[*index]));
        let mut first: Vec<Span> = rows
            .iter()
            .filter_map(|row| cut.switches.iter().filter_map(|index| row.deeds[*index].after_onset).min())
            .collect();
        first.sort_unstable();
        let has_acted = rows.iter().any(|row| deeds(row, |deed| deed.acted || deed.acted_in_twin));
        let worse = changes.iter().any(|change| change.turn == Turn::Worse);
        // Work that is not done costs nothing: money alone makes no control harmful.
        let better =
            changes.iter().any(|change| change.turn == Turn::Better && change.name != Amount::CostUsd.name());
        let is_evidence = !matches!(verdict, Verdict::Invalid | Verdict::NotExposed);
        let is_certain = p_value < 0.05 / cuts.len() as f64;
        let worth = if !fails && verdict == Verdict::Fail && is_certain && flips.0 > flips.1 {
            Worth::Needed
        } else if worse || (is_certain && flips.0 > flips.1) {
            Worth::Helps
        } else if is_evidence && (better || (is_certain && flips.1 > flips.0)) {
            Worth::Harmful
        } else if has_acted || !changes.is_empty() {
            Worth::Neutral
        } else {
            Worth::Idle
        };
        Ablation {
            names: cut.switches.iter().map(|index| all[*index].name()).collect(),
            worth,
            verdict,
            flips,
            p_value,
            changes,
            acted: (first.len() as u64, first.get(first.len() / 2).copied()),
            acted_wrongly: rows.iter().filter(|row| deeds(row, |deed| deed.acted_in_twin)).count() as u64,
        }
    };
    cuts.iter().enumerate().map(each).collect()
}

/// How many pairs a mean needs before anything is concluded from it: of fewer not even a sign test does.
pub(super) const PAIRS_MIN: usize = 6;

/// Compares the amounts of runs of the same seeds. Runs without evidence, in which nothing was injected,
/// are no harm and no merit: their pairs are left out.
fn changes(with: &[Scorecard], without: &[Scorecard], controls: usize) -> Vec<Change> {
    let is_evidence = |card: &Scorecard| matches!(card.verdict, RunVerdict::Pass | RunVerdict::Fail);
    let pairs: Vec<(&Scorecard, &Scorecard)> = with
        .iter()
        .zip(without)
        .filter(|(with, without)| is_evidence(with) && is_evidence(without))
        .collect();
    let amounts = Amount::all();
    // Each is asked twice: how much, and whether at all.
    let error = 0.05 / (2 * controls * amounts.len()) as f64;
    let each = |amount: &Amount| {
        let values: Vec<(Option<f64>, Option<f64>)> =
            pairs.iter().map(|(with, without)| (amount.of(with), amount.of(without))).collect();
        let more: Vec<f64> =
            values.iter().filter_map(|(with, without)| Some((*without)? - (*with)?)).collect();
        let count = |is: fn(&(Option<f64>, Option<f64>)) -> bool| {
            values.iter().filter(|pair| is(pair)).count() as u64
        };
        let gone = count(|(with, without)| with.is_some() && without.is_none());
        let come = count(|(with, without)| with.is_none() && without.is_some());
        let wide = paired_mean(&more, 1.0 - error).filter(|_| more.len() >= PAIRS_MIN);
        let is_often = mcnemar(gone, come) < error;
        let is_higher = wide.is_some_and(|(_, low, _)| low > 0.0);
        let is_lower = wide.is_some_and(|(_, _, high)| high < 0.0);
        let turn = match (is_often, gone > come) {
            (true, true) => Turn::Worse,
            (true, false) => Turn::Better,
            (false, _) if is_higher => Turn::Worse,
            (false, _) if is_lower => Turn::Better,
            (false, _) => Turn::Same,
        };
        let has_change = gone + come > 0 || more.iter().any(|more| more.abs() > 1e-9);
        has_change.then(|| Change {
            name: amount.name(),
            more: paired_mean(&more, 0.95),
            turn,
            never_more: gone as i64 - come as i64,
        })
    };
    amounts.iter().filter_map(each).collect()
}
