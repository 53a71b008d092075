//! What everybody sees while a live drill runs: phase, clocks beside targets, impact, alerts, the steps to do.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::{Span, Time};
use crate::engine::Driven;
use crate::ops::{Doing, GateNow, StepNow};
use crate::plan::{Plan, TIERS};
use crate::record::{Entry, Event, Journal, Outcome, TierCounts};
use crate::report::gather::{journal_line, owner_name};
use crate::report::result::{JournalLine, RunbookResult, SystemResult, Word};
use crate::report::safe;
use crate::scenario::file::load::Tier;

/// How many of the last lines of the journal are shown.
const LINES: usize = 60;

/// Over how long the rates of now are counted.
const NOW: Span = Span::from_secs(60);

/// The state of a live drill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Board {
    pub(crate) title: String,
    pub(crate) at_s: f64,
    pub(crate) end_s: f64,
    pub(crate) pace: u32,
    pub(crate) phase: Word,
    pub(crate) targets: Vec<Clock>,
    pub(crate) tiers: Vec<TierNow>,
    pub(crate) in_flight: u64,
    pub(crate) usd: f64,
    pub(crate) usd_per_minute: f64,
    pub(crate) alerts: Vec<AlertNow>,
    /// Every alert, where others say which of them fire.
    pub(crate) pages: Vec<String>,
    pub(crate) incidents: Vec<IncidentNow>,
    /// Gates of rollouts at which somebody real is asked.
    pub(crate) gates: Vec<GateBoard>,
    /// Nothing where injects are hidden.
    pub(crate) faults: Option<Vec<FaultNow>>,
    pub(crate) journal: Vec<JournalLine>,
    pub(crate) notes: Vec<Note>,
    pub(crate) is_over: bool,
    /// Whether somebody has been told of something that was met.
    #[serde(skip)]
    is_told: bool,
}

/// A clock beside its target; all times count from the onset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Clock {
    pub(crate) name: Word,
    pub(crate) limit_s: Option<f64>,
    pub(crate) taken_s: Option<f64>,
    /// `waiting`, `running`, `over` (the limit), `met` or `missed`.
    pub(crate) state: Word,
}

/// The impact on a tier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TierNow {
    pub(crate) tier: Word,
    pub(crate) arrived: u64,
    pub(crate) done: u64,
    pub(crate) bad: u64,
    /// Of the tasks that arrived in the last minute, those that have ended well.
    pub(crate) minute_done: u64,
    /// And those that have ended badly.
    pub(crate) minute_bad: u64,
}

/// An alert that fires.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AlertNow {
    pub(crate) name: String,
    pub(crate) severity: Word,
    pub(crate) since_s: f64,
    pub(crate) runbook: Option<String>,
}

/// A runbook that is being done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IncidentNow {
    pub(crate) runbook: String,
    pub(crate) number: usize,
    pub(crate) opened_s: f64,
    pub(crate) is_owned: bool,
    /// Whether somebody real is being paged.
    pub(crate) is_paging: bool,
    pub(crate) recovery: String,
    pub(crate) steps: Vec<StepBoard>,
}

/// A step of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StepBoard {
    pub(crate) number: usize,
    pub(crate) id: String,
    pub(crate) does: String,
    pub(crate) owner: String,
    /// `open`, `paged`, `watching`, `doing`, `thawing`, `observing`, `done` or `skipped`.
    pub(crate) state: Word,
    pub(crate) until_s: Option<f64>,
    pub(crate) is_real: bool,
    pub(crate) is_late: bool,
}

/// A gate at which somebody real is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GateBoard {
    pub(crate) rollout: usize,
    pub(crate) step: usize,
    pub(crate) name: String,
    pub(crate) owner: String,
    /// How much of what it waits for is observed, and how much there is.
    pub(crate) seen: usize,
    pub(crate) all: usize,
}

/// A fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FaultNow {
    pub(crate) id: String,
    pub(crate) mock: String,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) is_witnessed: bool,
    pub(crate) is_active: bool,
}

/// Something that somebody has written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) at_s: f64,
    pub(crate) role: Word,
    pub(crate) text: String,
}

/// What the drill itself knows beside the engine.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Notes, and what was done by hand.
    pub(super) notes: VecDeque<Note>,
    /// When containment was declared with evidence.
    pub(super) contained: Option<Time>,
    /// All faults were lifted by hand.
    pub(super) is_released: bool,
    /// The drill is over.
    pub(super) is_over: bool,
}

/// Returns the board of a moment.
pub(super) fn board(
    plan: &Plan,
    (title, system): (&str, &SystemResult),
    driven: &Driven<'_>,
    own: &Own,
    (now, pace): (Time, u32),
) -> Board {
    let record = driven.record();
    let entries = record.journal.entries();
    let clocks = clocks(plan, &record.journal, own, now);
    let bucket = record.series.bucket(now);
    let back = (NOW.0 / record.series.width.0).max(1) as usize;
    let recent = bucket.saturating_sub(back)..bucket.min(record.series.spend.len());
    let spent: u128 = record.series.spend[recent.clone()].iter().sum();
    let minutes = recent.len() as f64 * record.series.width.seconds() / 60.0;
    let tier = |tier: usize| {
        let all = &record.tiers[tier];
        let mut minute = TierCounts::default();
        record.series.tiers[recent.clone()].iter().for_each(|bucket| minute.add(&bucket[tier]));
        TierNow {
            tier: Tier::ALL[tier].word().into(),
            arrived: all.arrived,
            done: all.of(Outcome::Done),
            bad: all.bad(),
            minute_done: minute.of(Outcome::Done),
            minute_bad: minute.bad(),
        }
    };
    let fault = |(index, of): (usize, &crate::plan::FaultPlan)| FaultNow {
        id: of.id.clone(),
        mock: plan.mocks[usize::from(of.mock)].name.clone(),
        start_s: of.start.seconds(),
        end_s: of.end.seconds(),
        is_witnessed: record.witnesses[index].first.is_some(),
        is_active: !own.is_released && of.start <= now && now < of.end,
    };
    let met = onset(&record.journal);
    let names = plan.alerts.iter().map(|alert| alert.name.clone()).collect();
    let last = entries.iter().rev().take(LINES).rev();
    Board {
        title: title.to_owned(),
        at_s: now.seconds(),
        end_s: plan.end.seconds(),
        pace,
        phase: phase(plan, &record.journal, (own, now), &clocks),
        targets: clocks,
        tiers: (0..TIERS).filter(|tier| record.tiers[*tier].arrived > 0).map(tier).collect(),
        in_flight: driven.in_flight(),
        usd: record.spend.total() as f64 / 1e12,
        usd_per_minute: if minutes > 0.0 { spent as f64 / 1e12 / minutes } else { 0.0 },
        alerts: alerts(plan, driven, entries),
        pages: if driven.ops().is_told() { names } else { Vec::new() },
        incidents: incidents(plan, driven, system, (entries, now)),
        gates: gates(plan, driven, now),
        faults: Some(plan.faults.iter().enumerate().map(fault).collect()),
        journal: last.map(|entry| journal_line(plan, *entry)).collect(),
        notes: own.notes.iter().cloned().collect(),
        is_over: own.is_over,
        is_told: met
            .and_then(|met| record.journal.first_from(met, |event| matches!(event, Event::Notified(_))))
            .is_some(),
    }
}

impl Board {
    /// Returns the board for those to whom injects are hidden: they see what a real incident would show.
    pub(super) fn without_injects(&self) -> Self {
        let tells = ["fault-armed", "fault-witnessed", "fault-released"];
        let mut shown = self.clone();
        shown.faults = None;
        shown.journal.retain(|line| !tells.contains(&line.event.as_ref()));
        // Until somebody is told, nothing shows that there is anything to be told.
        if !self.is_told {
            shown.targets.clear();
        }
        let tells = matches!(shown.phase.as_ref(), "inject" | "release" | "aftermath");
        if !matches!(shown.phase.as_ref(), "baseline" | "invalid") && (!self.is_told || tells) {
            shown.phase = "running".into();
        }
        shown
    }
}

/// Returns when something was first met by the load.
fn onset(journal: &Journal) -> Option<Time> {
    journal.first(|event| matches!(event, Event::FaultWitnessed(_)))
}

fn clocks(plan: &Plan, journal: &Journal, own: &Own, now: Time) -> Vec<Clock> {
    let targets = &plan.targets;
    let onset = onset(journal);
    let after = |is_it: &dyn Fn(Event) -> bool| journal.first_from(onset?, is_it);
    let has_runbook = |alert: usize| plan.alerts[alert].runbook.is_some();
    let detect = after(&|event| matches!(event, Event::Notified(alert) if has_runbook(alert)));
    let acknowledge = after(&|event| matches!(event, Event::Acknowledged { .. }));
    let recover = after(&|event| {
        matches!(event, Event::Declared { has_evidence: true, .. } | Event::IncidentClosed(_))
    });
    let all = [
        ("detect", targets.detect, detect),
        ("acknowledge", targets.acknowledge, acknowledge),
        ("contain", targets.contain, own.contained),
        ("recover", targets.recover, recover),
    ];
    let clock = |(name, limit, at): (&'static str, Option<Span>, Option<Time>)| {
        let taken = onset.map(|onset| at.unwrap_or(now).since(onset));
        let is_over = limit.zip(taken).is_some_and(|(limit, taken)| taken > limit);
        let state = match (onset, at, is_over) {
            (None, ..) => "waiting",
            (_, Some(_), false) => "met",
            (_, Some(_), true) => "missed",
            (_, None, false) => "running",
            (_, None, true) => "over",
        };
        Clock {
            name: name.into(),
            limit_s: limit.map(Span::seconds),
            taken_s: taken.map(Span::seconds),
            state: state.into(),
        }
    };
    all.into_iter().filter(|(_, limit, _)| limit.is_some()).map(clock).collect()
}

/// Returns the word for where the drill is, of the life of a run.
fn phase(plan: &Plan, journal: &Journal, (own, now): (&Own, Time), clocks: &[Clock]) -> Word {
    if journal.first(|event| matches!(event, Event::BaselineJudged { is_held: false })).is_some() {
        return "invalid".into();
    }
    if now < plan.baseline {
        return "baseline".into();
    }
    if own.is_released {
        return "release".into();
    }
    if onset(journal).is_none() {
        return "inject".into();
    }
    let open = clocks.iter().find(|clock| matches!(clock.state.as_ref(), "running" | "over"));
    if let Some(open) = open {
        return open.name.clone();
    }
    if plan.faults.iter().any(|fault| now < fault.end) { "release".into() } else { "aftermath".into() }
}

fn alerts(plan: &Plan, driven: &Driven<'_>, entries: &[Entry]) -> Vec<AlertNow> {
    let one = |alert: usize| {
        let of = &plan.alerts[alert];
        let fired = entries.iter().rev().find(|entry| entry.event == Event::AlertFiring(alert));
        AlertNow {
            name: of.name.clone(),
            severity: of.severity.word().into(),
            since_s: fired.map_or(0.0, |entry| entry.at.seconds()),
            runbook: of.runbook.map(|runbook| plan.runbooks[runbook].name.clone()),
        }
    };
    driven.ops().firing().map(one).collect()
}

fn gates(plan: &Plan, driven: &Driven<'_>, now: Time) -> Vec<GateBoard> {
    let one = |of: GateNow| GateBoard {
        rollout: of.rollout,
        step: of.step,
        name: plan.rollouts[of.rollout].name.clone(),
        owner: plan.roles[of.role].name.clone(),
        seen: of.seen.0,
        all: of.seen.1,
    };
    driven.ops().gates((now, driven.telemetry())).into_iter().map(one).collect()
}

fn incidents(
    plan: &Plan,
    driven: &Driven<'_>,
    system: &SystemResult,
    (entries, now): (&[Entry], Time),
) -> Vec<IncidentNow> {
    let ops = driven.ops();
    let one = |number: usize| {
        let (opened, is_owned) = ops.incident(number)?;
        let planned = system.runbooks.iter().find(|of| of.name == plan.runbooks[number].name);
        let own: Vec<Event> =
            entries.iter().filter(|entry| entry.at >= opened).map(|entry| entry.event).collect();
        let steps = ops.steps(number);
        Some(IncidentNow {
            runbook: plan.runbooks[number].name.clone(),
            number,
            opened_s: opened.seconds(),
            is_owned,
            is_paging: steps.iter().any(|step| step.is_real && step.doing == Doing::Paged),
            recovery: planned.map(|of| safe::text(&of.recovery)).unwrap_or_default(),
            steps: steps.iter().map(|step| step_board(plan, (number, planned), *step, (&own, now))).collect(),
        })
    };
    (0..plan.runbooks.len()).filter_map(one).collect()
}

fn step_board(
    plan: &Plan,
    (runbook, planned): (usize, Option<&RunbookResult>),
    now: StepNow,
    (events, at): (&[Event], Time),
) -> StepBoard {
    let is_skipped = events
        .iter()
        .any(|event| matches!(event, Event::StepSkipped { runbook: of, step, .. } if (*of, *step) == (runbook, now.step)));
    let state = match now.doing {
        Doing::Open => "open",
        Doing::Paged => "paged",
        Doing::Watching => "watching",
        Doing::Doing => "doing",
        Doing::Thawing => "thawing",
        Doing::Observing => "observing",
        Doing::Over if is_skipped => "skipped",
        Doing::Over => "done",
    };
    let step = &plan.runbooks[runbook].steps[now.step];
    let does = planned.and_then(|of| of.steps.get(now.step)).map(|of| safe::text(&of.does));
    StepBoard {
        number: now.step,
        id: step.id.clone(),
        does: does.unwrap_or_default(),
        owner: owner_name(plan, now.actor),
        state: state.into(),
        until_s: now.until.map(Time::seconds),
        is_real: now.is_real,
        is_late: now.doing == Doing::Doing && now.until.is_some_and(|until| at > until),
    }
}
