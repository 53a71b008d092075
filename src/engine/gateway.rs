//! The boundary of what is permitted: the client's gateway in front, the server's check behind it,
//! and what can be done about a no.

use crate::base::{Key, Span};
use crate::engine::World;
use crate::engine::screens::Look;
use crate::engine::slab::NONE;
use crate::engine::state::{Attempt, Effect, Failure};
use crate::plan::{Boundary, FaultEffect};
use crate::record::Step;
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::guards::CallControl;

const REMEDY: Key = Key::of_name("remedy of refusal");
const POLICY: Key = Key::of_name("look at effect");

fn is(boundary: Boundary) -> impl Fn(&FaultEffect) -> bool {
    move |effect| matches!(effect, FaultEffect::Boundary(of) if *of == boundary)
}

/// Returns the span of an expiry, or of a lag.
fn span_of(effect: &FaultEffect) -> Span {
    if let FaultEffect::Boundary(Boundary::Expiry(span) | Boundary::Lag(span)) = effect {
        *span
    } else {
        Span::ZERO
    }
}

impl World<'_> {
    /// Returns whether the agent of a task holds the permission that effects on a mock need.
    fn is_declared(&self, task: u32, mock: usize) -> bool {
        let agent = usize::from(self.tasks[task].agent);
        self.plan.mocks[mock].permitted.as_ref().is_none_or(|agents| agents[agent])
            && !self.stations[mock].revoked.iter().any(|(of, _)| usize::from(*of) == agent)
    }

    /// The client's gateway: what it refuses is not even asked for.
    pub(super) fn gateway(&mut self, slot: u32) -> Option<Failure> {
        let call = self.tasks[slot].call;
        if call.token == NONE {
            return None;
        }
        let plan = self.plan;
        let mock = usize::from(call.mock);
        let guard = &plan.guards[mock];
        let station = &self.stations[mock];
        if station.is_killed {
            return Some(self.deny(slot, mock));
        }
        if station.needs_approval && !call.is_approved {
            // Until somebody has said a word nothing has been refused.
            return Some(if call.is_asked { self.deny(slot, mock) } else { Failure::Denied });
        }
        // What a person has approved is not looked at again.
        if call.is_approved {
            return None;
        }
        let is_declared = self.is_declared(slot, mock);
        if !is_declared && self.is_stopped_by_name(slot, mock) {
            return Some(self.deny(slot, mock));
        }
        let policy = guard.screen(ScreenName::Policy)?;
        let task = &self.tasks[slot];
        let key = task.key.at(u64::from(task.visit - 1)).with(POLICY);
        match self.look(slot, mock, policy, (key, !is_declared)) {
            Look::Passed => None,
            Look::Caught => {
                self.telemetry.replies[mock].all += 1;
                self.telemetry.replies[mock].caught += 1;
                if !is_declared {
                    self.moved(slot, mock, Boundary::Widened);
                }
                Some(self.deny(slot, mock))
            }
            Look::Closed => {
                self.telemetry.calls[mock].ended += 1;
                self.telemetry.calls[mock].failed += 1;
                Some(Failure::Refused)
            }
        }
    }

    /// Whether the client refuses what the agent is not permitted: by its own name with an allow-list,
    /// and under another's if calls say on whose behalf they are made.
    fn is_stopped_by_name(&mut self, slot: u32, mock: usize) -> bool {
        let guard = &self.plan.guards[mock];
        let is_in_disguise = self.meets(slot, mock, is(Boundary::Deputy)).is_some();
        let is_stopped = if is_in_disguise { guard.has_origin_check } else { guard.has_allow_list };
        if is_stopped {
            let (boundary, control) = if is_in_disguise {
                (Boundary::Deputy, CallControl::OriginCheck)
            } else {
                (Boundary::Widened, CallControl::AllowList)
            };
            self.acts(mock, control);
            self.moved(slot, mock, boundary);
        }
        is_stopped
    }

    /// Counts an effect that the client itself refuses.
    fn deny(&mut self, slot: u32, mock: usize) -> Failure {
        self.count_denial(slot, mock);
        self.telemetry.calls[mock].ended += 1;
        self.telemetry.calls[mock].failed += 1;
        Failure::Denied
    }

    pub(super) fn count_denial(&mut self, slot: u32, mock: usize) {
        let is_declared = self.is_declared(slot, mock);
        self.record.effects[mock].refused += 1;
        if is_declared && self.tasks[slot].taint == NONE {
            // Whether it stays refused shows when the call is given up.
            self.tasks[slot].call.refused_by = Some(mock as u8);
        }
        self.telemetry.calls[mock].denied += 1;
    }

    /// The server's check: of the credential, of the call's form, and of the permission for an effect.
    pub(super) fn permit(&mut self, slot: u32) -> Option<Failure> {
        let Attempt { mock, token, task, .. } = self.attempts[slot];
        let mock = usize::from(mock);
        if task == NONE {
            return None;
        }
        if let Some(failure) = self.turned_away(task, mock) {
            return Some(failure);
        }
        if token == NONE {
            return None;
        }
        let parameters = &self.plan.mocks[mock];
        let is_declared = self.is_declared(task, mock);
        let is_approved = self.tasks[task].call.is_approved;
        let is_let_in = if is_declared {
            is_approved || !self.moved(task, mock, Boundary::Narrowed)
        } else {
            is_approved
                || !parameters.enforces
                || self.honours_revoked(task, mock)
                || self.moved(task, mock, Boundary::Widened)
                || self.moved(task, mock, Boundary::Deputy)
        };
        if !is_let_in {
            self.count_denial(task, mock);
            return Some(Failure::Denied);
        }
        self.attempts[slot].effect = if is_declared { Effect::Permitted } else { Effect::Unsafe };
        None
    }

    /// Returns whether a fault moves the boundary for this call, and notes that it did.
    fn moved(&mut self, task: u32, mock: usize, boundary: Boundary) -> bool {
        let found = self.meets(task, mock, is(boundary));
        if let Some(fault) = found {
            self.witness(1 << fault, |_| true);
            self.trace(self.tasks[task].number, Step::Fault(fault as u8));
        }
        found.is_some()
    }

    /// Returns whether a permission that has been revoked is honoured all the same.
    fn honours_revoked(&mut self, task: u32, mock: usize) -> bool {
        let agent = self.tasks[task].agent;
        let Some((_, since)) = self.stations[mock].revoked.iter().find(|(of, _)| *of == agent).copied()
        else {
            return false;
        };
        let is_lag = |effect: &FaultEffect| matches!(effect, FaultEffect::Boundary(Boundary::Lag(_)));
        let Some(fault) = self.meets(task, mock, is_lag) else { return false };
        let is_in_time = self.now < since + span_of(&self.plan.faults[fault].effect);
        if is_in_time {
            self.trace(self.tasks[task].number, Step::Fault(fault as u8));
            self.witness(1 << fault, |_| true);
        }
        is_in_time
    }

    /// Returns why the server does not even look at a call: an expired credential, or an old schema.
    fn turned_away(&mut self, task: u32, mock: usize) -> Option<Failure> {
        if self.stations[mock].faults.is_empty() {
            return None;
        }
        let of = &self.tasks[task];
        let (age, has_schema) = (self.now.since(of.credential), of.call.is_relisted);
        let is_expiry = |effect: &FaultEffect| matches!(effect, FaultEffect::Boundary(Boundary::Expiry(_)));
        if let Some(fault) = self.meets(task, mock, is_expiry)
            && age >= span_of(&self.plan.faults[fault].effect)
        {
            self.trace(self.tasks[task].number, Step::Fault(fault as u8));
            self.witness(1 << fault, |_| true);
            return Some(Failure::Expired);
        }
        (!has_schema && self.moved(task, mock, Boundary::Schema)).then_some(Failure::Rejected)
    }

    /// Returns the pause after which the call is made again because something was done about the
    /// failure: a person was asked, a credential fetched, a schema looked up.
    pub(super) fn remedy(&mut self, slot: u32, failure: Failure) -> Option<Span> {
        let plan = self.plan;
        let task = &self.tasks[slot];
        let (call, mock) = (task.call, usize::from(task.call.mock));
        let guard = &plan.guards[mock];
        let stream = task.key.at(u64::from(task.visit - 1)).with(plan.mocks[mock].key).with(REMEDY);
        let mut draws = stream.draws();
        match failure {
            Failure::Denied if !call.is_asked && !self.stations[mock].is_killed => {
                let step_up = guard.step_up.as_ref()?;
                // Whoever is asked sees who wants what, and from which context.
                let is_good = self.is_declared(slot, mock) && task.taint == NONE;
                let chance = if is_good { step_up.approves } else { step_up.mistakes };
                let call = &mut self.tasks[slot].call;
                call.is_asked = true;
                self.record.acts.call(self.now, mock, CallControl::StepUp);
                call.is_approved = draws.unit() < chance;
                if call.is_approved {
                    call.refused_by = None;
                }
                Some(Span(step_up.takes.sample_count(&mut draws)))
            }
            Failure::Expired if !call.is_refreshed => {
                self.tasks[slot].call.is_refreshed = true;
                let takes = Span(guard.refresh.as_ref()?.sample_count(&mut draws));
                self.tasks[slot].credential = self.now + takes;
                self.acts(mock, CallControl::Refresh);
                Some(takes)
            }
            Failure::Rejected => {
                let takes = Span(guard.relist.as_ref()?.sample_count(&mut draws));
                self.tasks[slot].call.is_relisted = true;
                self.acts(mock, CallControl::Relist);
                Some(takes)
            }
            Failure::Timeout
            | Failure::Status(_)
            | Failure::RateLimited(_)
            | Failure::Cut
            | Failure::Denied
            | Failure::Expired
            | Failure::Malformed
            | Failure::Declined
            | Failure::Refused => None,
        }
    }
}
