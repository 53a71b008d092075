//! What money holds back: budgets, the breaker on spending, and cheaper models.

use crate::engine::World;
use crate::engine::state::Task;
use crate::plan::TierSet;
use crate::scenario::file::guards::{CallControl, TaskControl};

impl World<'_> {
    /// Returns what holds a task's calls back, if anything does: a budget, or the breaker on spending.
    pub(super) fn held_back(&mut self, slot: u32, tier: usize) -> Option<TaskControl> {
        let plan = self.plan;
        let now = self.now;
        let held = plan.tasks.budget.as_ref();
        let spare = held.map_or(TierSet::of([]), |budget| budget.spare);
        let per_minute = self.budget.or(held.and_then(|budget| budget.per_minute));
        let is_minute_over =
            !spare.has(tier) && per_minute.is_some_and(|limit| self.minute.is_spent(now, limit));
        let is_task_over =
            held.and_then(|budget| budget.per_task).is_some_and(|limit| self.tasks[slot].cost >= limit);
        let is_tier_over = held
            .and_then(|budget| budget.per_tier[tier])
            .is_some_and(|limit| self.minutes[tier].is_spent(now, limit));
        let is_too_fast = plan
            .tasks
            .velocity
            .is_some_and(|velocity| !velocity.spare.has(tier) && self.velocity.is_open(now));
        let is_over = is_minute_over || is_task_over || is_tier_over;
        let acting = [(is_over, TaskControl::Budget), (is_too_fast, TaskControl::Velocity)];
        let acting = acting.into_iter().filter(|(is_acting, _)| *is_acting).map(|(_, control)| control);
        acting.clone().for_each(|control| self.acts_on_tasks(control));
        acting.into_iter().next()
    }

    /// Sends a question to a cheaper model while much is spent.
    pub(super) fn downgrade(&mut self, slot: u32) {
        let Task { tier, call, .. } = &self.tasks[slot];
        let Some(down) = self.plan.guards[usize::from(call.mock)].downgrade else { return };
        if call.tries == 0
            && call.mock == call.wanted
            && down.tiers.has(usize::from(*tier))
            && self.minute.is_spent(self.now, down.above)
        {
            let guarded = usize::from(call.mock);
            self.tasks[slot].call.mock = down.to;
            self.acts(guarded, CallControl::Downgrade);
            self.record.mocks[usize::from(down.to)].stood_in += 1;
        }
    }
}
