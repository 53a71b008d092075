//! Real people: what they do about an incident, in the place of what the roster would draw.

use std::cmp::Ordering;

use crate::base::Time;
use crate::ops::checks::View;
use crate::ops::incident::{Hands, Incident};
use crate::ops::lane::{Lane, Phase, Wanted};
use crate::ops::rollout::Rollout;
use crate::ops::{Desk, Ops, Telemetry};
use crate::plan::{Owner, RolloutPlan};
use crate::record::{Event, Journal};

/// Why something that somebody wants to do is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to own or to do.
    #[error("no runbook is being done")]
    NoIncident,
    /// Nobody is waited for.
    #[error("nobody is being paged")]
    NobodyPaged,
    /// The step is over, or not one of this incident.
    #[error("this step is not open")]
    NotOpen,
    /// Automation does it.
    #[error("this step is done by automation")]
    Automatic,
    /// Tiers are being let in again; that ends by itself.
    #[error("a thaw is under way: it goes on by itself, or ends when its window has passed")]
    Thawing,
    /// No rollout waits for somebody real.
    #[error("nobody is asked at this gate")]
    NobodyAsked,
    /// What a gate waits for is not observed.
    #[error("what the gate waits for is not observed: {0} of {1} hold")]
    GateUnseen(usize, usize),
    /// What is declared is not observed.
    #[error("the recovery criteria are not observed: {0} of {1} hold")]
    NoEvidence(usize, usize),
}

/// What is going on with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Its turn has not come.
    Open,
    /// Its owner has been paged and has not come yet.
    Paged,
    /// It waits until what it wants to see is seen.
    Watching,
    /// It is being done.
    Doing,
    /// It lets tiers in again, share by share.
    Thawing,
    /// It is done, and what it should bring about is being looked for.
    Observing,
    /// It is over.
    Over,
}

/// A gate of a rollout at which somebody real is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateNow {
    /// The rollout.
    pub rollout: usize,
    /// Which of its steps the gate is.
    pub step: usize,
    /// The role that is asked.
    pub role: usize,
    /// How much of what it waits for is observed, and how much there is.
    pub seen: (usize, usize),
}

/// A step of a runbook that is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepNow {
    /// Its number.
    pub step: usize,
    /// Who does it now.
    pub actor: Owner,
    /// What is going on with it.
    pub doing: Doing,
    /// Until when, if that is known: its window, the page, the observation.
    pub until: Option<Time>,
    /// Whether somebody real does it.
    pub is_real: bool,
}

impl Desk {
    /// Returns whether somebody real does the part of an owner.
    pub(super) fn is_real(&self, owner: Owner) -> bool {
        if let Owner::Role(role) = owner { self.real[role] } else { false }
    }
}

impl Ops<'_> {
    /// Says that somebody real does the part of a role from now on.
    pub fn make_real(&mut self, role: usize) {
        self.desk.real[role] = true;
    }

    /// Somebody real comes on: whoever of the real roles is being paged for a runbook.
    pub fn acknowledge(&mut self, runbook: usize) -> Result<(), Refused> {
        let incident = self.incidents.get_mut(runbook).filter(|incident| incident.is_open());
        let incident = incident.ok_or(Refused::NoIncident)?;
        let is_awaited =
            |lane: &&mut Lane| matches!(lane.phase, Phase::Paged { .. }) && self.desk.is_real(lane.actor);
        let mut awaited = 0;
        for lane in incident.lanes.iter_mut().filter(is_awaited) {
            lane.has_come = true;
            awaited += 1;
        }
        if awaited > 0 { Ok(()) } else { Err(Refused::NobodyPaged) }
    }

    /// Somebody real has done a step, in its turn or before.
    pub fn done(&mut self, runbook: usize, step: usize) -> Result<(), Refused> {
        self.wanted(runbook, step, Wanted::Done(step))
    }

    /// Somebody real leaves a step out.
    pub fn skip(&mut self, runbook: usize, step: usize) -> Result<(), Refused> {
        self.wanted(runbook, step, Wanted::Skipped(step))
    }

    fn wanted(&mut self, runbook: usize, step: usize, wanted: Wanted) -> Result<(), Refused> {
        let incident = self.incidents.get_mut(runbook).filter(|incident| incident.is_open());
        let incident = incident.ok_or(Refused::NoIncident)?;
        let is_its = |lane: &&mut Lane| lane.steps.iter().skip(lane.done).any(|of| *of == step);
        let lane = incident.lanes.iter_mut().find(is_its).ok_or(Refused::NotOpen)?;
        if !self.desk.is_real(lane.actor) {
            return Err(Refused::Automatic);
        }
        let is_current = lane.steps.get(lane.done) == Some(&step);
        match lane.phase {
            Phase::Thawing { .. } => return Err(Refused::Thawing),
            Phase::Observing { .. } if is_current => return Err(Refused::NotOpen),
            Phase::Paged { .. }
            | Phase::Ready
            | Phase::Watching
            | Phase::Doing { .. }
            | Phase::Observing { .. }
            | Phase::Finished => {}
        }
        lane.wanted = Some(wanted);
        Ok(())
    }

    /// Somebody declares that service has recovered; refused, and written down, without evidence.
    pub fn declare(
        &mut self,
        (now, telemetry): (Time, &Telemetry),
        runbook: usize,
        journal: &mut Journal,
    ) -> Result<(), Refused> {
        let plan = self.plan.runbooks.get(runbook).ok_or(Refused::NoIncident)?;
        if !self.incidents[runbook].is_open() {
            return Err(Refused::NoIncident);
        }
        let view = View { now, telemetry, windows: &self.windows, plan: self.plan };
        let holds = view.seen(&plan.recovery, &self.desk);
        let has_evidence = holds == plan.recovery.len();
        journal.push(now, Event::Declared { runbook, has_evidence });
        if has_evidence { Ok(()) } else { Err(Refused::NoEvidence(holds, plan.recovery.len())) }
    }

    /// Returns the gates at which somebody real is asked.
    pub fn gates(&self, (now, telemetry): (Time, &Telemetry)) -> Vec<GateNow> {
        let view = View { now, telemetry, windows: &self.windows, plan: self.plan };
        let one = |(number, (rollout, plan)): (usize, (&Rollout, &RolloutPlan))| {
            let (step, role, when) = rollout.gate(plan)?;
            let is_real = self.desk.is_real(Owner::Role(role));
            let seen = || (view.seen(when, &self.desk), when.len());
            is_real.then(|| GateNow { rollout: number, step, role, seen: seen() })
        };
        self.rollouts.iter().zip(&self.plan.rollouts).enumerate().filter_map(one).collect()
    }

    /// Somebody real says at a gate that it passes, which needs evidence, or that the rollout is taken back.
    pub fn say_at_gate(
        &mut self,
        now: (Time, &Telemetry),
        (rollout, step): (usize, usize),
        passes: bool,
    ) -> Result<(), Refused> {
        // Whoever means another gate than the one that is asked at now has seen an older state.
        let is_meant = |gate: &GateNow| (gate.rollout, gate.step) == (rollout, step);
        let gate = self.gates(now).into_iter().find(is_meant);
        let GateNow { seen: (seen, all), .. } = gate.ok_or(Refused::NobodyAsked)?;
        if passes && seen < all {
            return Err(Refused::GateUnseen(seen, all));
        }
        self.rollouts[rollout].say(passes);
        Ok(())
    }

    /// Returns when an incident was opened, and whether anybody owns it; nothing if none is open.
    pub fn incident(&self, runbook: usize) -> Option<(Time, bool)> {
        let incident = self.incidents.get(runbook)?;
        Some((incident.opened?, incident.is_owned))
    }

    /// Returns what is going on with the steps of an open incident, in the order of the runbook.
    pub fn steps(&self, runbook: usize) -> Vec<StepNow> {
        let (incident, plan) = (&self.incidents[runbook], &self.plan.runbooks[runbook]);
        let mut steps: Vec<StepNow> =
            incident.lanes.iter().flat_map(|lane| lane.now(plan, &self.desk)).collect();
        steps.sort_by_key(|of| of.step);
        steps
    }
}

impl Lane {
    fn now<'a>(
        &'a self,
        plan: &'a crate::plan::RunbookPlan,
        desk: &'a Desk,
    ) -> impl Iterator<Item = StepNow> + 'a {
        self.steps.iter().enumerate().map(move |(place, step)| {
            let within = |from: Time| Some(from + plan.steps[*step].within);
            let known = |until: Time| (until != Time::NEVER).then_some(until);
            let (doing, until) = match (place.cmp(&self.done), self.phase) {
                (Ordering::Less, _) | (Ordering::Equal, Phase::Finished) => (Doing::Over, None),
                (Ordering::Greater, _) => (Doing::Open, None),
                (Ordering::Equal, Phase::Paged { until, .. }) => (Doing::Paged, known(until)),
                (Ordering::Equal, Phase::Ready | Phase::Watching) => (Doing::Watching, None),
                (Ordering::Equal, Phase::Doing { .. }) => (Doing::Doing, within(self.window_from)),
                (Ordering::Equal, Phase::Thawing { until, .. }) => (Doing::Thawing, known(until)),
                (Ordering::Equal, Phase::Observing { until }) => (Doing::Observing, known(until)),
            };
            let is_real = desk.is_real(self.actor);
            StepNow { step: *step, actor: self.actor, doing, until, is_real }
        })
    }
}

impl Incident {
    /// Does with a step what somebody real wants; returns whether there may be more to do at once.
    pub(super) fn obey(&mut self, lane: &mut Lane, wanted: Wanted, hands: &mut Hands<'_, '_>) -> bool {
        let now = hands.view.now;
        match lane.phase {
            Phase::Paged { .. } => {
                // Whoever does a step has come.
                lane.has_come = false;
                self.answered(lane, true, hands);
                lane.wanted = Some(wanted);
                return true;
            }
            Phase::Observing { .. } => {
                // Whoever goes on has seen it by now, or does not wait for it.
                let current = lane.steps[lane.done];
                let step = &hands.plan.steps[current];
                let is_seen = hands.view.all(&step.expect, hands.desk);
                // Nobody else is called in: the window has not passed.
                let event = Event::StepObserved { runbook: hands.runbook, step: current, is_seen };
                hands.journal.push(now, event);
                lane.next();
                lane.wanted = Some(wanted);
                return true;
            }
            Phase::Thawing { .. } | Phase::Finished => return false,
            Phase::Ready | Phase::Watching | Phase::Doing { .. } => {}
        }
        let (Wanted::Done(step) | Wanted::Skipped(step)) = wanted;
        let Some(place) = lane.steps.iter().skip(lane.done).position(|of| *of == step) else { return false };
        if place > 0 {
            for overtaken in lane.steps[lane.done..lane.done + place].iter().copied() {
                hands.journal.push(now, Event::StepSwapped { runbook: hands.runbook, step: overtaken });
            }
            lane.steps[lane.done..=lane.done + place].rotate_right(1);
        }
        if place > 0 || !matches!(lane.phase, Phase::Doing { .. }) {
            // The window of a step that waits for something begins when that is seen: not before it is done.
            if !hands.plan.steps[step].when.is_empty() {
                lane.since = now;
            }
            lane.window_from = lane.since;
        }
        lane.drawn = lane.done + 1;
        if wanted == Wanted::Done(step) {
            lane.phase = Phase::Doing { until: now };
        } else {
            hands.skipped(step, true);
            lane.next();
        }
        true
    }
}
