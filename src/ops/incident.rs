//! An incident: a runbook being done. Owners work side by side, each in the order of the steps.

use crate::base::{Key, Ratio, Span, Time};
use crate::model::responder;
use crate::ops::checks::{View, is_about_answers};
use crate::ops::lane::{Lane, Phase};
use crate::ops::{Calls, Desk, diagnose};
use crate::plan::{ActionPlan, Check, Order, Owner, Plan, RolloutOrder, RunbookPlan, StepPlan};
use crate::record::{Event, Journal};
use crate::scenario::file::runbooks::actions::Find;

/// The incident of a runbook; at most one is open at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Incident {
    pub(super) opened: Option<Time>,
    pub(super) is_owned: bool,
    /// Whether a step has been taken back: what it did is not in force any more.
    has_taken_back: bool,
    pub(super) lanes: Vec<Lane>,
    /// When those concerned must be told again, and after which span.
    update: Option<(Time, Span)>,
    /// By mock, its calls as they stood shortly before the incident.
    before: Vec<Calls>,
    /// How many incidents this runbook has had, so that each draws for itself.
    occurrence: u64,
}

/// Everything that a lane may touch while it works.
pub(super) struct Hands<'a, 'b> {
    pub(super) runbook: usize,
    pub(super) plan: &'a RunbookPlan,
    pub(super) view: &'a View<'b>,
    /// The stream of this incident.
    pub(super) stream: Key,
    pub(super) desk: &'a Desk,
    pub(super) journal: &'a mut Journal,
    pub(super) out: &'a mut Vec<Order>,
    pub(super) orders: &'a mut Vec<(usize, RolloutOrder)>,
}

impl Incident {
    /// Returns whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Returns when a timer of it is due.
    pub(super) fn next_at(&self) -> Time {
        let lane = |lane: &Lane| match lane.phase {
            Phase::Paged { until, .. } | Phase::Doing { until } | Phase::Observing { until } => until,
            Phase::Thawing { at, .. } => at,
            Phase::Ready | Phase::Watching | Phase::Finished => Time::NEVER,
        };
        let update = self.update.map_or(Time::NEVER, |(at, _)| at);
        self.lanes.iter().map(lane).fold(update, Time::min)
    }

    /// Opens the incident.
    pub(super) fn open(
        &mut self,
        runbook: usize,
        now: Time,
        (plan, desk): (&Plan, &Desk),
        (before, journal): (Vec<Calls>, &mut Journal),
    ) {
        journal.push(now, Event::IncidentOpened(runbook));
        let occurrence = self.occurrence + 1;
        *self = Self { opened: Some(now), before, occurrence, ..Self::default() };
        for (index, step) in plan.runbooks[runbook].steps.iter().enumerate() {
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.owner == step.owner) {
                lane.steps.push(index);
                continue;
            }
            let mut lane = Lane::new(step.owner, index, now);
            if let Owner::Role(role) = step.owner {
                let stream = desk.seed.with(plan.runbooks[runbook].key).at(occurrence);
                lane.page(role, now, stream, (plan, desk, journal));
            }
            self.lanes.push(lane);
        }
    }

    /// Something fires anew while the incident is open. If anything has been taken back since, everybody
    /// who has done a step begins the runbook again, without being paged: they are there.
    pub(super) fn recall(&mut self, plan: &RunbookPlan) {
        // Whoever is about to take something back does not, while it fires.
        for lane in &mut self.lanes {
            let step = lane.steps.get(lane.done).map(|index| &plan.steps[*index].action);
            let takes_back = matches!(step, Some(ActionPlan::Undo(_) | ActionPlan::Thaw { .. }));
            if takes_back && matches!(lane.phase, Phase::Doing { .. }) {
                lane.phase = Phase::Ready;
            }
        }
        if !std::mem::take(&mut self.has_taken_back) {
            return;
        }
        let has_begun = |lane: &&mut Lane| {
            lane.done > 0 || matches!(lane.phase, Phase::Thawing { .. } | Phase::Observing { .. })
        };
        for lane in self.lanes.iter_mut().filter(has_begun) {
            lane.is_recalled = true;
        }
    }

    /// Returns whether a step, or the recovery criteria, wait until a mock answers.
    pub(super) fn awaits_answer(&self, mock: usize, plan: &RunbookPlan) -> bool {
        let is_about = |checks: &[Check]| is_about_answers(checks, mock);
        let awaits = |lane: &Lane| {
            let Some(step) = lane.steps.get(lane.done).map(|index| &plan.steps[*index]) else { return false };
            match lane.phase {
                Phase::Watching => is_about(&step.when),
                Phase::Observing { .. } | Phase::Thawing { .. } => is_about(&step.expect),
                Phase::Paged { .. } | Phase::Ready | Phase::Doing { .. } | Phase::Finished => false,
            }
        };
        self.lanes.iter().any(awaits) || (self.is_done() && is_about(&plan.recovery))
    }

    /// Returns whether the incident is open and every step of it is done.
    fn is_done(&self) -> bool {
        self.is_open() && self.lanes.iter().all(|lane| lane.phase == Phase::Finished)
    }

    /// Does whatever is due.
    pub(super) fn handle(
        &mut self,
        runbook: usize,
        (view, desk): (&View<'_>, &Desk),
        journal: &mut Journal,
        (out, orders): (&mut Vec<Order>, &mut Vec<(usize, RolloutOrder)>),
    ) {
        if !self.is_open() {
            return;
        }
        let plan = &view.plan.runbooks[runbook];
        let stream = desk.seed.with(plan.key).at(self.occurrence);
        let mut hands = Hands { runbook, plan, view, stream, desk, journal, out, orders };
        let mut lanes = std::mem::take(&mut self.lanes);
        for lane in &mut lanes {
            while self.turn(lane, &mut hands) {}
        }
        self.lanes = lanes;
        let now = hands.view.now;
        if let Some((at, every)) = self.update.filter(|(at, _)| *at <= now) {
            hands.journal.push(at, Event::Updated(runbook));
            self.update = Some((at + every, every));
        }
        if self.is_done() && hands.view.all(&plan.recovery, hands.desk) {
            hands.journal.push(now, Event::IncidentClosed(runbook));
            *self = Self { occurrence: self.occurrence, ..Self::default() };
        }
    }

    /// Moves a lane by one phase; returns whether there may be more to do at once.
    fn turn(&mut self, lane: &mut Lane, hands: &mut Hands<'_, '_>) -> bool {
        let now = hands.view.now;
        if let Some(wanted) = lane.wanted.take() {
            return self.obey(lane, wanted, hands);
        }
        if lane.is_recalled && lane.is_interruptible() {
            lane.begin_again(hands);
        }
        let step = lane.steps.get(lane.done).map(|index| (*index, &hands.plan.steps[*index]));
        let Some((index, step)) = step else {
            lane.phase = Phase::Finished;
            return false;
        };
        let is_about_to = lane.phase == Phase::Ready && lane.slips((index, step), hands);
        let is_over = matches!(lane.phase, Phase::Doing { until } if now >= until);
        if is_about_to || (is_over && lane.fails((index, step), hands)) {
            return true;
        }
        match lane.phase {
            Phase::Finished => false,
            Phase::Paged { until, .. } if now < until && !lane.has_come => false,
            Phase::Paged { comes, .. } => {
                let has_come = std::mem::take(&mut lane.has_come);
                self.answered(lane, comes || has_come, hands);
                true
            }
            Phase::Ready | Phase::Watching => {
                if !hands.view.all(&step.when, hands.desk) {
                    lane.phase = Phase::Watching;
                    return false;
                }
                if !step.when.is_empty() {
                    lane.since = now;
                }
                if !hands.view.all(&step.only_if, hands.desk) {
                    hands.skipped(index, false);
                    lane.next();
                    return true;
                }
                lane.window_from = lane.since;
                lane.phase = Phase::Doing { until: hands.done_at(lane, step) };
                true
            }
            Phase::Doing { until } if now < until => false,
            Phase::Doing { .. } => {
                if let ActionPlan::Thaw { .. } = step.action {
                    lane.phase = Phase::Thawing { next: 0, at: now, until: Time::NEVER };
                    return true;
                }
                self.act(lane, index, hands);
                true
            }
            Phase::Thawing { next, at, until } => {
                self.has_taken_back = true;
                now >= at && Self::thaw(lane, (index, step), (next, until), hands)
            }
            Phase::Observing { until } => {
                let is_seen = hands.view.all(&step.expect, hands.desk);
                if !is_seen && now < until {
                    return false;
                }
                lane.observed((index, step), is_seen, hands);
                true
            }
        }
    }

    pub(super) fn answered(&mut self, lane: &mut Lane, comes: bool, hands: &mut Hands<'_, '_>) {
        let Owner::Role(role) = lane.actor else { unreachable!("automation is not paged") };
        let now = hands.view.now;
        if !comes {
            hands.journal.push(now, Event::PageUnanswered(role));
            lane.escalate(None, hands);
            return;
        }
        hands.journal.push(now, Event::PageAnswered(role));
        lane.phase = Phase::Ready;
        let has_step = hands.plan.steps.iter().any(|step| step.action == ActionPlan::Acknowledge);
        if !has_step {
            self.own(lane.actor, hands);
        }
    }

    fn own(&mut self, owner: Owner, hands: &mut Hands<'_, '_>) {
        if !self.is_owned {
            self.is_owned = true;
            hands.journal.push(hands.view.now, Event::Acknowledged { runbook: hands.runbook, owner });
        }
    }

    /// Does what the step says, all at once.
    fn act(&mut self, lane: &mut Lane, index: usize, hands: &mut Hands<'_, '_>) {
        let (now, plan) = (hands.view.now, hands.plan);
        let step = &plan.steps[index];
        hands.done(lane, index, step);
        match &step.action {
            ActionPlan::Acknowledge => self.own(lane.actor, hands),
            ActionPlan::Orders(orders) => hands.out.extend(orders),
            ActionPlan::Look => {}
            ActionPlan::Declare => {
                let has_evidence = hands.view.all(&plan.recovery, hands.desk);
                let runbook = hands.runbook;
                hands.journal.push(now, Event::Declared { runbook, has_evidence });
            }
            ActionPlan::Rollout(rollout, order) => {
                self.has_taken_back |= *order == RolloutOrder::Resume;
                hands.orders.push((*rollout, *order));
            }
            ActionPlan::Thaw { .. } => unreachable!("thawing has a phase of its own"),
            ActionPlan::Diagnose(Find::Distortion) => hands.out.push(Order::Replay(hands.runbook)),
            ActionPlan::Diagnose(Find::Version) => {
                let mock = diagnose::version(hands.view.telemetry);
                hands.journal.push(now, Event::Diagnosed { runbook: hands.runbook, mock });
            }
            ActionPlan::Diagnose(Find::Bottleneck) => {
                let of = |mock: usize| {
                    (hands.desk.baseline[mock], self.before[mock], hands.view.telemetry.calls[mock])
                };
                let totals: Vec<_> = (0..self.before.len()).map(of).collect();
                let mock = diagnose::bottleneck(&totals);
                hands.journal.push(now, Event::Diagnosed { runbook: hands.runbook, mock });
            }
            ActionPlan::Update(every) => {
                hands.journal.push(now, Event::Updated(hands.runbook));
                self.update = every.map(|every| (now + every, every));
            }
            ActionPlan::Escalate(role) => {
                lane.next();
                lane.escalate(Some(*role), hands);
                return;
            }
            ActionPlan::Undo(steps) => {
                self.has_taken_back = true;
                for undone in steps {
                    hands.undo(&plan.steps[*undone].action);
                }
            }
        }
        lane.after((step, now));
    }

    /// Admits the next share if nothing speaks against it; gives up when its window has passed.
    fn thaw(
        lane: &mut Lane,
        (index, step): (usize, &StepPlan),
        (next, until): (usize, Time),
        hands: &mut Hands<'_, '_>,
    ) -> bool {
        let ActionPlan::Thaw { tiers, steps, hold } = &step.action else {
            unreachable!("only a thaw thaws");
        };
        let now = hands.view.now;
        // The first share is admitted at once; each further one only if what is expected is seen.
        if next > 0 && !hands.view.all(&step.expect, hands.desk) {
            if now >= until {
                lane.observed((index, step), false, hands);
                return true;
            }
            // Looked at again a little later.
            lane.phase = Phase::Thawing { next, at: (now + Span::from_secs(15)).min(until), until };
            return false;
        }
        let share = steps.get(next).copied().unwrap_or(Ratio::ONE);
        hands.out.push(Order::Admit(hands.runbook, *tiers, share));
        hands.journal.push(now, Event::Admission { tiers: *tiers, share });
        if next + 1 < steps.len() {
            let at = now + *hold;
            lane.phase = Phase::Thawing { next: next + 1, at, until: at + step.within };
            return false;
        }
        hands.done(lane, index, step);
        lane.after((step, now));
        true
    }
}

impl Hands<'_, '_> {
    /// Returns when an owner will have done a step. Automation takes no time; owning up is the page's time; somebody
    /// real says so.
    fn done_at(&self, lane: &Lane, step: &StepPlan) -> Time {
        let now = self.view.now;
        let Owner::Role(role) = lane.actor else { return now };
        if step.action == ActionPlan::Acknowledge {
            return now;
        }
        if self.desk.is_real(lane.actor) {
            return Time::NEVER;
        }
        now + responder::step(self.view.plan, lane.stream(step, self), role, now)
    }

    pub(super) fn done(&mut self, lane: &Lane, step: usize, plan: &StepPlan) {
        let now = self.view.now;
        let is_late = now.since(lane.window_from) > plan.within;
        let event = Event::StepDone { runbook: self.runbook, step, owner: lane.actor, is_late };
        self.journal.push(now, event);
    }

    pub(super) fn skipped(&mut self, step: usize, is_forgotten: bool) {
        let event = Event::StepSkipped { runbook: self.runbook, step, is_forgotten };
        self.journal.push(self.view.now, event);
    }

    pub(super) fn undo(&mut self, action: &ActionPlan) {
        match action {
            ActionPlan::Orders(orders) => {
                for order in orders.iter().filter_map(|order| order.undone()) {
                    if let Order::Admit(_, tiers, share) = order {
                        self.journal.push(self.view.now, Event::Admission { tiers, share });
                    }
                    self.out.push(order);
                }
            }
            ActionPlan::Rollout(rollout, RolloutOrder::Hold) => {
                self.orders.push((*rollout, RolloutOrder::Resume));
            }
            ActionPlan::Acknowledge
            | ActionPlan::Rollout(..)
            | ActionPlan::Thaw { .. }
            | ActionPlan::Diagnose(_)
            | ActionPlan::Update(_)
            | ActionPlan::Escalate(_)
            | ActionPlan::Look
            | ActionPlan::Declare
            | ActionPlan::Undo(_) => {}
        }
    }
}
