//! One owner's part of a runbook that is being done: pages, steps in their order, slips.

use crate::base::{Key, Time};
use crate::model::responder::{self, Answer, Slip};
use crate::ops::Desk;
use crate::ops::incident::Hands;
use crate::plan::{ActionPlan, Owner, Plan, StepPlan};
use crate::record::{Event, Journal};

const ROUND: Key = Key::of_name("runbook begun again");

/// What an owner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
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

/// What somebody real wants done with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It is done.
    Done(usize),
    /// It is left out.
    Skipped(usize),
}

/// One owner's part of the runbook.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// Whose steps these are: the identity of its pages.
    pub(super) owner: Owner,
    /// Who does them now; another role after an escalation.
    pub(super) actor: Owner,
    /// The numbers of the steps.
    pub(super) steps: Vec<usize>,
    /// How many of them are done.
    pub(super) done: usize,
    /// Up to which of them it has been drawn how the owner goes about them.
    pub(super) drawn: usize,
    /// Attempts at the current step that came to nothing.
    pub(super) attempts: u64,
    /// From when the current step's window counts.
    pub(super) window_from: Time,
    /// From when the windows of steps count that wait for nothing: when the owner began, or when the
    /// last step that waited for something could begin.
    pub(super) since: Time,
    /// How often the owner has begun again, and whether it must.
    pub(super) round: u64,
    pub(super) is_recalled: bool,
    /// How often it has been paged.
    pub(super) pages: u64,
    /// Somebody real has come, and what they want done next.
    pub(super) has_come: bool,
    pub(super) wanted: Option<Wanted>,
    pub(super) phase: Phase,
}

impl Lane {
    /// Returns the part of an owner whose first step this is.
    pub(super) fn new(owner: Owner, step: usize, now: Time) -> Self {
        Self {
            owner,
            actor: owner,
            steps: vec![step],
            done: 0,
            drawn: 0,
            attempts: 0,
            window_from: now,
            since: now,
            round: 0,
            is_recalled: false,
            pages: 0,
            has_come: false,
            wanted: None,
            phase: Phase::Ready,
        }
    }

    pub(super) fn next(&mut self) {
        self.done += 1;
        self.attempts = 0;
        self.phase = Phase::Ready;
    }

    /// Returns whether the owner would stop what is under way to begin again.
    pub(super) fn is_interruptible(&self) -> bool {
        match self.phase {
            Phase::Paged { .. } | Phase::Doing { .. } => false,
            Phase::Ready
            | Phase::Watching
            | Phase::Thawing { .. }
            | Phase::Observing { .. }
            | Phase::Finished => true,
        }
    }

    /// Begins the runbook again from the first step of this owner.
    pub(super) fn begin_again(&mut self, hands: &mut Hands<'_, '_>) {
        let (now, runbook) = (hands.view.now, hands.runbook);
        hands.journal.push(now, Event::RunbookAgain { runbook, owner: self.owner });
        self.steps.sort_unstable();
        (self.done, self.drawn, self.attempts) = (0, 0, 0);
        (self.round, self.is_recalled, self.since) = (self.round + 1, false, now);
        if self.owner == Owner::Auto {
            self.actor = Owner::Auto;
        }
        self.phase = Phase::Ready;
    }

    /// Returns the stream of a step: another one each time that it is done again.
    pub(super) fn stream(&self, step: &StepPlan, hands: &Hands<'_, '_>) -> Key {
        let stream = hands.stream.with(step.key);
        if self.round == 0 { stream } else { stream.with(ROUND).at(self.round) }
    }

    /// Draws, once, how the owner goes about the step; returns whether another one is next now.
    pub(super) fn slips(&mut self, (index, step): (usize, &StepPlan), hands: &mut Hands<'_, '_>) -> bool {
        let Owner::Role(role) = self.actor else { return false };
        if self.drawn > self.done || hands.desk.is_real(self.actor) {
            return false;
        }
        self.drawn = self.done + 1;
        let stream = self.stream(step, hands);
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
    pub(super) fn fails(&mut self, (index, step): (usize, &StepPlan), hands: &mut Hands<'_, '_>) -> bool {
        let Owner::Role(role) = self.actor else { return false };
        let (now, plan) = (hands.view.now, hands.view.plan);
        let stream = self.stream(step, hands);
        let is_drawn = step.action != ActionPlan::Acknowledge
            && !hands.desk.is_real(self.actor)
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
    pub(super) fn after(&mut self, (step, now): (&StepPlan, Time)) {
        if step.expect.is_empty() {
            self.next();
        } else {
            self.phase = Phase::Observing { until: now + step.within };
        }
    }

    /// What a step expected was seen, or its window has passed: go on, or page somebody else.
    pub(super) fn observed(
        &mut self,
        (index, step): (usize, &StepPlan),
        is_seen: bool,
        hands: &mut Hands<'_, '_>,
    ) {
        let event = Event::StepObserved { runbook: hands.runbook, step: index, is_seen };
        hands.journal.push(hands.view.now, event);
        self.next();
        if !is_seen && step.escalates {
            self.escalate(None, hands);
        }
    }

    /// Pages another role, which goes on with the steps: the one named, or whom the actor escalates to.
    pub(super) fn escalate(&mut self, named: Option<usize>, hands: &mut Hands<'_, '_>) {
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
        self.page(role, hands.view.now, hands.stream, (hands.view.plan, hands.desk, hands.journal));
    }

    /// Pages a role and draws whether and when somebody comes.
    pub(super) fn page(
        &mut self,
        role: usize,
        now: Time,
        stream: Key,
        (plan, desk, journal): (&Plan, &Desk, &mut Journal),
    ) {
        journal.push(now, Event::Paged(role));
        self.pages += 1;
        if desk.is_real(self.actor) {
            // Whoever does not say that they have come is waited for as the roster says.
            let passes_on = plan.roles[role].to.is_some();
            let until = if passes_on { now + plan.roles[role].escalate_after } else { Time::NEVER };
            self.phase = Phase::Paged { until, comes: false };
            return;
        }
        let owner = match self.owner {
            Owner::Role(owner) => plan.roles[owner].key,
            Owner::Auto => Key::of_name("automation"),
        };
        let (until, comes) = match responder::answer(plan, stream.with(owner).at(self.pages), role, now) {
            Answer::After(span) => (now + span, true),
            Answer::NoneAfter(span) => (now + span, false),
        };
        let until = if self.pages == 1 { until + plan.late_people } else { until };
        self.phase = Phase::Paged { until, comes };
    }
}
