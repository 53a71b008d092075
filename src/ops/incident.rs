//! An incident: a runbook being done. Owners work side by side, each in the order of the steps.

use crate::base::{Key, Ratio, Span, Time};
use crate::model::responder::{self, Answer, Slip};
use crate::ops::checks::View;
use crate::ops::{Calls, Desk, diagnose};
use crate::plan::{ActionPlan, Check, Order, Owner, Plan, RolloutOrder, RunbookPlan, StepPlan};
use crate::record::{Event, Journal};
use crate::scenario::file::runbooks::actions::Find;

/// What an owner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has come yet; somebody does at this moment, or the next role is paged.
    Paged { until: Time, comes: bool },
    /// About to look whether the next step may begin.
    Ready,
    /// Waiting until what the step wants to see is seen.
    Watching,
    /// Doing the step until this moment.
    Doing { until: Time },
    /// Admitting tiers by steps; the next share is due at this moment, and given up at another.
    Thawing { next: usize, at: Time, until: Time },
    /// Looking for what the step should bring about, until this moment.
    Observing { until: Time },
    /// All steps are done.
    Finished,
}

/// One owner's part of the runbook.
#[derive(Debug, Clone)]
struct Lane {
    /// Whose steps these are: the identity of its pages.
    owner: Owner,
    /// Who does them now; another role after an escalation.
    actor: Owner,
    /// The numbers of the steps.
    steps: Vec<usize>,
    /// How many of them are done.
    done: usize,
    /// Up to which of them it has been drawn how the owner goes about them.
    drawn: usize,
    /// Attempts at the current step that came to nothing.
    attempts: u64,
    /// From when the current step's window counts.
    window_from: Time,
    /// How often it has been paged.
    pages: u64,
    phase: Phase,
}

/// The incident of a runbook; at most one is open at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Incident {
    opened: Option<Time>,
    is_owned: bool,
    lanes: Vec<Lane>,
    /// When those concerned must be told again, and after which span.
    update: Option<(Time, Span)>,
    /// By mock, its calls as they stood shortly before the incident.
    before: Vec<Calls>,
    /// How many incidents this runbook has had, so that each draws for itself.
    occurrence: u64,
}

/// Everything that a lane may touch while it works.
struct Hands<'a, 'b> {
    runbook: usize,
    plan: &'a RunbookPlan,
    view: &'a View<'b>,
    /// The stream of this incident.
    stream: Key,
    desk: &'a Desk,
    journal: &'a mut Journal,
    out: &'a mut Vec<Order>,
    orders: &'a mut Vec<(usize, RolloutOrder)>,
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

    /// Opens the incident unless it is open.
    pub(super) fn open(
        &mut self,
        runbook: usize,
        now: Time,
        (plan, desk): (&Plan, &Desk),
        (before, journal): (Vec<Calls>, &mut Journal),
    ) {
        if self.is_open() {
            return;
        }
        journal.push(now, Event::IncidentOpened(runbook));
        let occurrence = self.occurrence + 1;
        *self = Self { opened: Some(now), before, occurrence, ..Self::default() };
        for (index, step) in plan.runbooks[runbook].steps.iter().enumerate() {
            if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.owner == step.owner) {
                lane.steps.push(index);
                continue;
            }
            let steps = vec![index];
            let (owner, phase) = (step.owner, Phase::Ready);
            let mut lane = Lane {
                owner,
                actor: owner,
                steps,
                done: 0,
                drawn: 0,
                attempts: 0,
                window_from: now,
                pages: 0,
                phase,
            };
            if let Owner::Role(role) = step.owner {
                let stream = desk.seed.with(plan.runbooks[runbook].key).at(occurrence);
                lane.page(role, now, stream, (plan, journal));
            }
            self.lanes.push(lane);
        }
    }

    /// Returns whether a step, or the recovery criteria, wait until a mock answers.
    pub(super) fn awaits_answer(&self, mock: usize, plan: &RunbookPlan) -> bool {
        let is_about = |checks: &[Check]| {
            checks.iter().any(|check| matches!(check, Check::Answers(of, _) if *of == mock))
        };
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
            Phase::Paged { until, .. } if now < until => false,
            Phase::Paged { comes, .. } => {
                self.answered(lane, comes, hands);
                true
            }
            Phase::Ready | Phase::Watching => {
                if !hands.view.all(&step.when, hands.desk) {
                    lane.phase = Phase::Watching;
                    return false;
                }
                if !hands.view.all(&step.only_if, hands.desk) {
                    hands.skipped(index, false);
                    lane.next();
                    return true;
                }
                lane.window_from = if step.when.is_empty() { self.opened.unwrap_or(now) } else { now };
                lane.phase = Phase::Doing { until: now + hands.time_for(lane.actor, step) };
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

    fn answered(&mut self, lane: &mut Lane, comes: bool, hands: &mut Hands<'_, '_>) {
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
            ActionPlan::Rollout(rollout, order) => hands.orders.push((*rollout, *order)),
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

impl Lane {
    fn next(&mut self) {
        self.done += 1;
        self.attempts = 0;
        self.phase = Phase::Ready;
    }

    /// Draws, once, how the owner goes about the step; returns whether another one is next now.
    fn slips(&mut self, (index, step): (usize, &StepPlan), hands: &mut Hands<'_, '_>) -> bool {
        let Owner::Role(role) = self.actor else { return false };
        if self.drawn > self.done {
            return false;
        }
        self.drawn = self.done + 1;
        let stream = hands.stream.with(step.key);
        match responder::slip(hands.view.plan, stream, role, hands.view.now) {
            Slip::Forgets => {
                hands.skipped(index, true);
                self.next();
                true
            }
            Slip::Swaps if self.done + 1 < self.steps.len() => {
                let (now, runbook) = (hands.view.now, hands.runbook);
                hands.journal.push(now, Event::StepSwapped { runbook, step: index });
                self.steps.swap(self.done, self.done + 1);
                self.drawn = self.done + 2;
                true
            }
            Slip::None | Slip::Swaps => false,
        }
    }

    /// Draws whether what the owner has just done came to nothing, so that it is done again.
    fn fails(&mut self, (index, step): (usize, &StepPlan), hands: &mut Hands<'_, '_>) -> bool {
        let Owner::Role(role) = self.actor else { return false };
        let (now, plan) = (hands.view.now, hands.view.plan);
        let stream = hands.stream.with(step.key);
        let is_drawn = step.action != ActionPlan::Acknowledge
            && responder::fails(plan, stream, role, (self.attempts, now));
        if is_drawn {
            self.attempts += 1;
            hands.journal.push(now, Event::StepFailed { runbook: hands.runbook, step: index });
            let again = responder::step(plan, stream.at(self.attempts), role, now);
            self.phase = Phase::Doing { until: now + again };
        }
        is_drawn
    }

    /// A step is done: look for what it should bring about, or go on.
    fn after(&mut self, (step, now): (&StepPlan, Time)) {
        if step.expect.is_empty() {
            self.next();
        } else {
            self.phase = Phase::Observing { until: now + step.within };
        }
    }

    /// What a step expected was seen, or its window has passed: go on, or page somebody else.
    fn observed(&mut self, (index, step): (usize, &StepPlan), is_seen: bool, hands: &mut Hands<'_, '_>) {
        let event = Event::StepObserved { runbook: hands.runbook, step: index, is_seen };
        hands.journal.push(hands.view.now, event);
        self.next();
        if !is_seen && step.escalates {
            self.escalate(None, hands);
        }
    }

    /// Pages another role, which goes on with the steps: the one named, or whom the actor escalates to.
    fn escalate(&mut self, named: Option<usize>, hands: &mut Hands<'_, '_>) {
        let next = match self.actor {
            Owner::Role(role) => named.or(hands.view.plan.roles[role].to),
            Owner::Auto => named,
        };
        // Without anybody further up, the same role goes on, or is paged again.
        let role = match (next, self.actor) {
            (Some(role), _) | (None, Owner::Role(role)) => role,
            (None, Owner::Auto) => return,
        };
        self.actor = Owner::Role(role);
        self.page(role, hands.view.now, hands.stream, (hands.view.plan, hands.journal));
    }

    /// Pages a role and draws whether and when somebody comes.
    fn page(&mut self, role: usize, now: Time, stream: Key, (plan, journal): (&Plan, &mut Journal)) {
        journal.push(now, Event::Paged(role));
        self.pages += 1;
        let owner = match self.owner {
            Owner::Role(owner) => plan.roles[owner].key,
            Owner::Auto => Key::of_name("automation"),
        };
        let (until, comes) = match responder::answer(plan, stream.with(owner).at(self.pages), role, now) {
            Answer::After(span) => (now + span, true),
            Answer::NoneAfter(span) => (now + span, false),
        };
        self.phase = Phase::Paged { until, comes };
    }
}

impl Hands<'_, '_> {
    /// Returns how long an owner takes for a step. Automation takes no time; owning up is the page's time.
    fn time_for(&self, owner: Owner, step: &StepPlan) -> Span {
        let Owner::Role(role) = owner else { return Span::ZERO };
        if step.action == ActionPlan::Acknowledge {
            return Span::ZERO;
        }
        responder::step(self.view.plan, self.stream.with(step.key), role, self.view.now)
    }

    fn done(&mut self, lane: &Lane, step: usize, plan: &StepPlan) {
        let now = self.view.now;
        let is_late = now.since(lane.window_from) > plan.within;
        let event = Event::StepDone { runbook: self.runbook, step, owner: lane.actor, is_late };
        self.journal.push(now, event);
    }

    fn skipped(&mut self, step: usize, is_forgotten: bool) {
        let event = Event::StepSkipped { runbook: self.runbook, step, is_forgotten };
        self.journal.push(self.view.now, event);
    }

    fn undo(&mut self, action: &ActionPlan) {
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
