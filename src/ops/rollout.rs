//! A rollout: steps one after the other, tests beside them, and the way back.

use crate::base::drift::{Comparison, Judged};
use crate::base::{Key, Ratio, Span, Time};
use crate::model::responder::{self, Answer};
use crate::ops::checks::{View, is_about_answers};
use crate::ops::{Desk, Telemetry};
use crate::plan::{AnalysisPlan, Check, Order, Owner, RolloutOrder, RolloutPlan, RolloutStep};
use crate::record::{Event, Journal, RollbackReason};

/// Where a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has not begun.
    Waiting,
    /// About to do the next step.
    Ready,
    /// It waits until this moment.
    Pausing { until: Time },
    /// It measures; the next measurement is due at this moment.
    Measuring { at: Time, done: u64, failed: u64, inconclusive: u64, from: Judged },
    /// Somebody has been asked, and comes at this moment; or is asked again then.
    Asking { until: Time, comes: bool },
    /// Whoever was asked looks for what must be observed.
    Looking,
    /// An analysis was inconclusive: it stays where it is.
    Stuck,
    /// It is being taken back, until this moment.
    Returning { until: Time, attempt: u64 },
    /// The new version has taken over.
    Done,
    /// The old version answers again.
    Returned,
}

/// A rollout of a run.
#[derive(Debug, Clone)]
pub(super) struct Rollout {
    phase: Phase,
    /// How many steps are done.
    step: usize,
    share: Ratio,
    is_held: bool,
    /// When the new version took over.
    done: Option<Time>,
    /// How often somebody has been asked.
    asked: u64,
    /// What somebody real has said at a gate: that it passes, or that the rollout is taken back.
    passes: Option<bool>,
    /// By evaluation, the judgements of the new and the old version when it began.
    since: Vec<[Judged; 2]>,
    /// The test of the new version against the old one.
    canary: Option<Comparison>,
}

/// What a rollout may look at and touch.
pub(super) struct Reach<'a, 'b> {
    pub(super) number: usize,
    pub(super) plan: &'a RolloutPlan,
    pub(super) view: &'a View<'b>,
    pub(super) desk: &'a Desk,
    /// Whether the control plane looks at its regular time; the canary is tested then alone, so that no
    /// timer of anything else changes what it sees.
    pub(super) is_tick: bool,
    pub(super) journal: &'a mut Journal,
    pub(super) out: &'a mut Vec<Order>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            phase: Phase::Waiting,
            step: 0,
            share: Ratio::ZERO,
            is_held: false,
            done: None,
            asked: 0,
            passes: None,
            since: Vec::new(),
            canary: None,
        }
    }
}

fn judged(telemetry: &Telemetry, evaluation: usize, plan: &RolloutPlan) -> [Judged; 2] {
    let of = |mock: u8| telemetry.judged_of[evaluation * telemetry.calls.len() + usize::from(mock)];
    [of(plan.to), of(plan.mock)]
}

fn less(now: Judged, then: Judged) -> Judged {
    (now.0 - then.0, now.1 - then.1)
}

impl Rollout {
    /// Returns when a timer of it is due.
    pub(super) fn next_at(&self, plan: &RolloutPlan) -> Time {
        match self.phase {
            Phase::Waiting => plan.start,
            Phase::Returning { until, .. } => until,
            _ if self.is_held => Time::NEVER,
            Phase::Pausing { until } | Phase::Asking { until, .. } => until,
            Phase::Measuring { at, .. } => at,
            Phase::Ready | Phase::Looking | Phase::Stuck | Phase::Done | Phase::Returned => Time::NEVER,
        }
    }

    /// Returns whether it is being taken back.
    pub(super) fn is_returning(&self) -> bool {
        matches!(self.phase, Phase::Returning { .. })
    }

    /// Returns which step the gate is at which somebody is asked, their role, and what the gate waits for.
    pub(super) fn gate<'p>(&self, plan: &'p RolloutPlan) -> Option<(usize, usize, &'p [Check])> {
        let is_asked = matches!(self.phase, Phase::Asking { .. } | Phase::Looking) && !self.is_held;
        match plan.steps.get(self.step) {
            Some(RolloutStep::Gate(role, when)) if is_asked => Some((self.step, *role, when)),
            Some(_) | None => None,
        }
    }

    /// Returns whether it waits for a mock to answer probes.
    pub(super) fn awaits_answer(&self, mock: usize, plan: &RolloutPlan) -> bool {
        self.gate(plan).is_some_and(|(.., when)| is_about_answers(when, mock))
    }

    /// Takes what somebody real says at a gate.
    pub(super) fn say(&mut self, passes: bool) {
        self.passes = Some(passes);
    }

    /// Returns whether the old version answers again.
    pub(super) fn is_returned(&self) -> bool {
        self.phase == Phase::Returned
    }

    /// Returns the share of the new version if the rollout is neither done nor taken back.
    pub(super) fn half_done(&self) -> Option<Ratio> {
        match self.phase {
            Phase::Waiting | Phase::Done | Phase::Returned => None,
            Phase::Ready
            | Phase::Pausing { .. }
            | Phase::Measuring { .. }
            | Phase::Asking { .. }
            | Phase::Looking
            | Phase::Stuck
            | Phase::Returning { .. } => Some(self.share),
        }
    }

    /// Takes what a runbook says.
    pub(super) fn order(&mut self, order: RolloutOrder, reach: &mut Reach<'_, '_>) {
        match order {
            // What was said before it is held is said of what was seen then.
            RolloutOrder::Hold => (self.is_held, self.passes) = (true, None),
            RolloutOrder::Resume => {
                self.is_held = false;
                if self.phase == Phase::Stuck {
                    self.phase = Phase::Ready;
                }
            }
            RolloutOrder::Back => self.go_back(RollbackReason::Runbook, reach),
        }
    }

    /// Does whatever is due.
    pub(super) fn handle(&mut self, reach: &mut Reach<'_, '_>) {
        let now = reach.view.now;
        if self.phase == Phase::Waiting {
            if now < reach.plan.start {
                return;
            }
            let telemetry = reach.view.telemetry;
            self.since =
                (0..telemetry.judged.len()).map(|index| judged(telemetry, index, reach.plan)).collect();
            let canary = reach.plan.canary.as_ref();
            self.canary = canary.map(|canary| Comparison::since(self.since[canary.evaluation]));
            self.phase = Phase::Ready;
        }
        if let Some(reason) = self.verdict(reach) {
            self.go_back(reason, reach);
        }
        while self.turn(reach) {}
    }

    /// Returns why the rollout must be taken back, if it must.
    fn verdict(&mut self, reach: &Reach<'_, '_>) -> Option<RollbackReason> {
        let is_over = self.done.is_some_and(|done| reach.view.now > done + reach.plan.watch);
        if self.share == Ratio::ZERO
            || is_over
            || matches!(self.phase, Phase::Returning { .. } | Phase::Returned)
        {
            return None;
        }
        let now = |evaluation: usize| judged(reach.view.telemetry, evaluation, reach.plan);
        if let Some((evaluation, bad)) = reach.plan.stop_loss
            && now(evaluation)[0].0 - self.since[evaluation][0].0 >= bad
        {
            return Some(RollbackReason::StopLoss);
        }
        if !reach.is_tick {
            return None;
        }
        let (plan, canary) = (reach.plan.canary.as_ref()?, self.canary.as_mut()?);
        let limits = (plan.error.real(), plan.judged_min);
        let is_worse = canary.is_worse(now(plan.evaluation), plan.worse_by.real(), limits);
        is_worse.then_some(RollbackReason::Canary)
    }

    fn go_back(&mut self, reason: RollbackReason, reach: &mut Reach<'_, '_>) {
        if matches!(self.phase, Phase::Waiting | Phase::Returning { .. } | Phase::Returned) {
            return;
        }
        let event = Event::RollbackBegun { rollout: reach.number, reason };
        reach.journal.push(reach.view.now, event);
        self.phase = Phase::Returning { until: reach.view.now + time_back(0, reach).0, attempt: 0 };
    }

    /// Moves on by one phase; returns whether there may be more to do at once.
    fn turn(&mut self, reach: &mut Reach<'_, '_>) -> bool {
        let now = reach.view.now;
        if let Phase::Returning { until, attempt } = self.phase {
            return now >= until && self.returned(attempt, reach);
        }
        if self.is_held {
            return false;
        }
        match self.passes.take().filter(|_| self.gate(reach.plan).is_some()) {
            None => {}
            Some(true) => {
                reach.journal.push(now, Event::GatePassed(reach.number));
                return self.next();
            }
            Some(false) => {
                self.go_back(RollbackReason::Gate, reach);
                return true;
            }
        }
        match self.phase {
            Phase::Waiting | Phase::Stuck | Phase::Done | Phase::Returned | Phase::Returning { .. } => false,
            Phase::Ready => self.begin(reach),
            Phase::Pausing { until } => now >= until && self.next(),
            Phase::Measuring { at, .. } => now >= at && self.measure(reach),
            Phase::Asking { until, comes } => {
                if now < until {
                    return false;
                }
                self.phase = if comes { Phase::Looking } else { self.ask(reach) };
                true
            }
            Phase::Looking => {
                let Some(RolloutStep::Gate(_, when)) = reach.plan.steps.get(self.step) else { return false };
                let is_seen = reach.view.all(when, reach.desk);
                if is_seen {
                    reach.journal.push(now, Event::GatePassed(reach.number));
                    self.next();
                }
                is_seen
            }
        }
    }

    fn next(&mut self) -> bool {
        self.step += 1;
        self.phase = Phase::Ready;
        true
    }

    /// Begins the next step.
    fn begin(&mut self, reach: &mut Reach<'_, '_>) -> bool {
        let now = reach.view.now;
        match reach.plan.steps.get(self.step) {
            None => {
                reach.journal.push(now, Event::RolloutDone(reach.number));
                (self.phase, self.done) = (Phase::Done, Some(now));
                false
            }
            Some(RolloutStep::Weight(share)) => {
                self.weigh(*share, reach);
                self.next()
            }
            Some(RolloutStep::Pause(span)) => {
                self.phase = Phase::Pausing { until: now + *span };
                true
            }
            Some(RolloutStep::Analysis(analysis)) => {
                let [from, _] = judged(reach.view.telemetry, analysis.evaluation, reach.plan);
                let at = now + analysis.interval;
                self.phase = Phase::Measuring { at, done: 0, failed: 0, inconclusive: 0, from };
                true
            }
            Some(RolloutStep::Gate(..)) => {
                self.phase = self.ask(reach);
                true
            }
        }
    }

    fn weigh(&mut self, share: Ratio, reach: &mut Reach<'_, '_>) {
        self.share = share;
        reach.out.push(Order::Weight(reach.plan.mock, reach.plan.to, share));
        reach.journal.push(reach.view.now, Event::RolloutWeight { rollout: reach.number, share });
    }

    /// Takes a measurement. The analysis is as bad as its worst: failed, then inconclusive.
    fn measure(&mut self, reach: &mut Reach<'_, '_>) -> bool {
        let Phase::Measuring { at, done, failed, inconclusive, from } = self.phase else { return false };
        let Some(RolloutStep::Analysis(plan)) = reach.plan.steps.get(self.step) else { return false };
        let AnalysisPlan { evaluation, bad_above, interval, count, judged_min, .. } = *plan;
        let [now, _] = judged(reach.view.telemetry, evaluation, reach.plan);
        let (bad, all) = less(now, from);
        let is_failed = all >= judged_min && bad_above.is_exceeded(bad, all, Ratio::ONE);
        let failed = failed + u64::from(is_failed);
        let inconclusive = inconclusive + u64::from(all < judged_min);
        if failed > plan.failure_limit {
            self.go_back(RollbackReason::Analysis, reach);
            return true;
        }
        if inconclusive > plan.inconclusive_limit {
            reach.journal.push(reach.view.now, Event::RolloutInconclusive(reach.number));
            self.phase = Phase::Stuck;
            // Whoever lets it go on has seen enough of this step.
            self.step += 1;
            return false;
        }
        if done + 1 == count {
            return self.next();
        }
        self.phase = Phase::Measuring { at: at + interval, done: done + 1, failed, inconclusive, from: now };
        true
    }

    /// Asks the role of a gate, and draws when somebody comes.
    fn ask(&mut self, reach: &mut Reach<'_, '_>) -> Phase {
        let Some(RolloutStep::Gate(role, _)) = reach.plan.steps.get(self.step) else { return Phase::Ready };
        self.asked += 1;
        let (now, plan) = (reach.view.now, reach.view.plan);
        reach.journal.push(now, Event::Paged(*role));
        if reach.desk.is_real(Owner::Role(*role)) {
            return Phase::Asking { until: Time::NEVER, comes: false };
        }
        let stream = reach.desk.seed.with(reach.plan.key).at(self.asked);
        match responder::answer(plan, stream, *role, now) {
            Answer::After(span) => {
                let work = responder::step(plan, stream, *role, now);
                Phase::Asking { until: now + span + work, comes: true }
            }
            Answer::NoneAfter(span) => Phase::Asking { until: now + span, comes: false },
        }
    }

    /// An attempt to take the rollout back is over.
    fn returned(&mut self, attempt: u64, reach: &mut Reach<'_, '_>) -> bool {
        if time_back(attempt, reach).1 < reach.plan.fails {
            reach.journal.push(reach.view.now, Event::RollbackFailed(reach.number));
            let until = reach.view.now + time_back(attempt + 1, reach).0;
            self.phase = Phase::Returning { until, attempt: attempt + 1 };
            return false;
        }
        self.weigh(Ratio::ZERO, reach);
        reach.journal.push(reach.view.now, Event::RolledBack(reach.number));
        self.phase = Phase::Returned;
        false
    }
}

const BACK: Key = Key::of_name("way back");

/// Draws how long an attempt to take a rollout back lasts, at least a second, and the unit that decides
/// whether it fails.
fn time_back(attempt: u64, reach: &Reach<'_, '_>) -> (Span, f64) {
    let mut draws = reach.desk.seed.with(BACK).with(reach.plan.key).at(attempt).draws();
    let unit = draws.unit();
    let least = if reach.plan.fails > 0.0 { Span::from_secs(1) } else { Span::ZERO };
    (Span(reach.plan.takes.sample_count(&mut draws)).max(least), unit)
}
