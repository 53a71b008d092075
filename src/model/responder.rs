//! How long people on call take, drawn from the roster.

use crate::base::{Key, Span};
use crate::plan::{Plan, RolePlan, ShiftPlan};
use crate::base::Time;

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

/// Draws how a role answers page `number` of a run.
pub fn answer(plan: &Plan, seed: Key, role: usize, now: Time, number: u64) -> Answer {
    let role = &plan.roles[role];
    let shift = shift(plan, role, now);
    let mut draws = seed.with(role.key).at(2 * number).draws();
    // The roster says when somebody else is paged: a late answer is none.
    let is_nobody = draws.unit() < shift.no_answer;
    let after = Span(shift.acknowledge.sample_count(&mut draws));
    if is_nobody || (role.to.is_some() && after > role.escalate_after) {
        return Answer::NoneAfter(role.escalate_after);
    }
    Answer::After(after)
}

/// Draws how long a role takes for step `number` of a run.
pub fn step(plan: &Plan, seed: Key, role: usize, now: Time, number: u64) -> Span {
    let role = &plan.roles[role];
    let mut draws = seed.with(role.key).at(2 * number + 1).draws();
    Span(shift(plan, role, now).step.sample_count(&mut draws))
}
