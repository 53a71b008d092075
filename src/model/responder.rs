//! How long people on call take, drawn from the roster.

use crate::base::{Key, Span, Time};
use crate::plan::{Plan, RolePlan, ShiftPlan};

/// How a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Somebody comes on after this time.
    After(Span),
    /// Nobody does; the next role is paged after this time.
    NoneAfter(Span),
}

fn shift<'a>(plan: &Plan, role: &'a RolePlan, now: Time) -> &'a ShiftPlan {
    &role.shifts[usize::from(plan.night.contains(plan.minute_of_day(now)))]
}

/// Draws how a role answers a page that has its own stream.
pub fn answer(plan: &Plan, page: Key, role: usize, now: Time) -> Answer {
    let role = &plan.roles[role];
    let shift = shift(plan, role, now);
    let mut draws = page.with(role.key).draws();
    // The roster says when somebody else is paged: a late answer is none.
    let is_nobody = draws.unit() < shift.no_answer;
    let after = Span(shift.acknowledge.sample_count(&mut draws));
    if is_nobody || (role.to.is_some() && after > role.escalate_after) {
        return Answer::NoneAfter(role.escalate_after);
    }
    Answer::After(after)
}

/// How somebody goes about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// As the runbook says.
    None,
    /// Not at all.
    Forgets,
    /// After the next step.
    Swaps,
}

const SLIP: Key = Key::of_name("slip of responder");
const FAILURE: Key = Key::of_name("failure of step");

/// Draws how a role goes about a step that has its own stream.
pub fn slip(plan: &Plan, step: Key, role: usize, now: Time) -> Slip {
    let role = &plan.roles[role];
    let [_, skips, swaps] = shift(plan, role, now).slips;
    let unit = step.with(role.key).with(SLIP).unit();
    if unit < skips {
        Slip::Forgets
    } else if unit < skips + swaps {
        Slip::Swaps
    } else {
        Slip::None
    }
}

/// Draws whether a role's attempt at a step comes to nothing.
pub fn fails(plan: &Plan, step: Key, role: usize, (attempt, now): (u64, Time)) -> bool {
    let role = &plan.roles[role];
    let [fails, ..] = shift(plan, role, now).slips;
    fails > 0.0 && step.with(role.key).with(FAILURE).at(attempt).unit() < fails
}

/// Draws how long a role takes for a step that has its own stream.
pub fn step(plan: &Plan, step: Key, role: usize, now: Time) -> Span {
    let role = &plan.roles[role];
    let mut draws = step.with(role.key).draws();
    Span(shift(plan, role, now).step.sample_count(&mut draws))
}
