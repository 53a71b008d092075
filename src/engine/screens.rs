//! Guardrails that look at single calls: what they catch, what they cost, and what if they are down.

use crate::base::{Key, Money, Span};
use crate::engine::World;
use crate::engine::slab::NONE;
use crate::engine::state::{Attempt, Failure};
use crate::model::overlay::is_hit;
use crate::plan::{FaultEffect, Flaw, ScreenPlan};
use crate::record::Step;
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::guards::CallControl;

/// What a guardrail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It sees nothing wrong, or it is down and fails open.
    Passed,
    /// It sees something.
    Caught,
    /// It is down and lets nothing through.
    Closed,
}

/// A reply as it reaches the agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Got {
    pub(super) is_right: bool,
    /// What is still wrong with it, and the fault whose doing it is.
    pub(super) flaw: Option<(Flaw, u8)>,
    pub(super) tokens_out: u32,
    /// How long the guardrails looked at it.
    pub(super) delay: Span,
}

impl World<'_> {
    /// Lets a guardrail of a mock look at something that a task has, or is about to do.
    pub(super) fn look(
        &mut self,
        task: u32,
        mock: usize,
        screen: &ScreenPlan,
        (key, is_target): (Key, bool),
    ) -> Look {
        let name = screen.name;
        let control = CallControl::of_screen(name);
        if screen.delay > Span::ZERO || screen.cost > Money::ZERO {
            // Whatever it finds, looking takes something.
            self.acts(mock, control);
        }
        let is_down = |effect: &FaultEffect| matches!(effect, FaultEffect::ScreenDown(of) if *of == name);
        if let Some(fault) = self.meets(task, mock, is_down) {
            self.witness(1 << fault, |_| true);
            self.trace(self.tasks[task].number, Step::Fault(fault as u8));
            self.acts(mock, control);
            return if screen.fails_open { Look::Passed } else { Look::Closed };
        }
        self.pay_for_judging(screen.cost);
        let chance = if is_target { screen.catches } else { screen.false_positives };
        if chance <= 0.0 || key.with(screen.key).unit() >= chance {
            return Look::Passed;
        }
        let is_blind = |effect: &FaultEffect| matches!(effect, FaultEffect::ScreenBlind(of) if *of == name);
        if let Some(fault) = self.meets(task, mock, is_blind) {
            self.witness(1 << fault, |_| true);
            self.trace(self.tasks[task].number, Step::Fault(fault as u8));
            self.acts(mock, control);
            return Look::Passed;
        }
        self.record.mocks[mock].caught += 1;
        self.acts(mock, control);
        Look::Caught
    }

    /// Looks at a reply with every guardrail of its mock, and counts what telemetry sees of it.
    pub(super) fn inspect(&mut self, attempt: u32, is_right: bool) -> Result<Got, Failure> {
        let Attempt { mock, key, flaw, flaw_by, tokens_out, task, .. } = self.attempts[attempt];
        let plan = self.plan;
        let mock = usize::from(mock);
        let replies = &mut self.telemetry.replies[mock];
        replies.all += 1;
        replies.tokens += u64::from(tokens_out);
        self.ops.on_reply(mock, tokens_out);
        if flaw == Some(Flaw::Refused) {
            replies.refused += 1;
            return Err(Failure::Declined);
        }
        let flaw = flaw.map(|flaw| (flaw, flaw_by));
        let mut got = Got { is_right, flaw, tokens_out, delay: Span::ZERO };
        for screen in &plan.guards[mock].screens {
            let is_about_replies =
                !matches!(screen.name, ScreenName::Provenance | ScreenName::Quarantine | ScreenName::Policy);
            if screen.name == ScreenName::Policy && self.attempts[attempt].token != NONE {
                // It looked before the call; the task pays the time once that has been made.
                got.delay = got.delay + screen.delay;
                self.acts(mock, CallControl::Policy);
            }
            if is_about_replies {
                got.delay = got.delay + screen.delay;
                self.screen(task, mock, screen, (key, &mut got))?;
            }
        }
        Ok(got)
    }

    /// Looks at a reply with one guardrail: it passes, is cleaned, or is thrown away.
    fn screen(
        &mut self,
        task: u32,
        mock: usize,
        screen: &ScreenPlan,
        (key, got): (Key, &mut Got),
    ) -> Result<(), Failure> {
        let is_target = got.flaw.is_some_and(|(flaw, _)| flaw.seen_by() == Some(screen.name));
        match self.look(task, mock, screen, (key, is_target)) {
            Look::Passed => return Ok(()),
            Look::Closed => return Err(Failure::Refused),
            Look::Caught => {}
        }
        let replies = &mut self.telemetry.replies[mock];
        match screen.name {
            ScreenName::Output => {
                replies.malformed += 1;
                return Err(Failure::Malformed);
            }
            ScreenName::Sanitizer | ScreenName::DescriptionPin if is_target => got.flaw = None,
            // What was cut out belonged there.
            ScreenName::Sanitizer | ScreenName::DescriptionPin => got.is_right = false,
            ScreenName::TenantCheck
            | ScreenName::Freshness
            | ScreenName::HistoryCheck
            | ScreenName::Contract
            | ScreenName::Identity
            | ScreenName::Provenance
            | ScreenName::Quarantine
            | ScreenName::Policy => {
                replies.caught += 1;
                return Err(Failure::Malformed);
            }
        }
        replies.caught += 1;
        Ok(())
    }

    /// Returns the fault of a mock that a call of the task meets, of those that are asked for where
    /// they matter: the boundary of permissions, guardrails that are down, contention, layers.
    pub(super) fn meets(
        &mut self,
        task: u32,
        mock: usize,
        is_it: impl Fn(&FaultEffect) -> bool,
    ) -> Option<usize> {
        if self.stations[mock].faults.is_empty() || task == NONE {
            return None;
        }
        // One decision for all attempts of a call.
        let of = &self.tasks[task];
        let call = of.key.at(u64::from(of.visit - 1)).with(self.plan.mocks[mock].key);
        let caller = self.caller_of(task, call);
        let plan = self.plan;
        let found = self.stations[mock].faults.iter().map(|index| usize::from(*index)).find(|index| {
            let fault = &plan.faults[*index];
            // A call may be asked about more than once: what counts is what was changed.
            let has_left = self.record.witnesses[*index].hits < fault.first_n;
            is_it(&fault.effect) && has_left && is_hit(fault, self.now, self.seed, &caller)
        })?;
        self.record.witnesses[found].decided = Some(self.now);
        Some(found)
    }
}
