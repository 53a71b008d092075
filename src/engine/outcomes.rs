//! What became of a task: counted once, as it is and as telemetry sees it.

use crate::engine::World;
use crate::engine::state::Task;
use crate::plan::Indicator;
use crate::record::{Outcome, Step};

impl World<'_> {
    /// Counts the outcome of a task, once.
    pub(super) fn count(&mut self, task: &Task, outcome: Outcome) {
        let is_finished = matches!(outcome, Outcome::Done | Outcome::Wrong);
        let outcome = if task.is_unsafe { Outcome::Unsafe } else { outcome };
        let tier = usize::from(task.tier);
        let taken = self.now.since(task.arrived);
        self.open -= 1;
        self.trace(task.number, Step::Outcome(outcome));
        self.record.tiers[tier].outcomes[outcome as usize] += 1;
        // In the bucket of its arrival, where its twin stands too, however long each of them took.
        let arrived = self.record.series.bucket(task.arrived);
        self.record.series.tiers[arrived][tier].outcomes[outcome as usize] += 1;
        if outcome != Outcome::Shed {
            self.record.latency(tier, taken);
            if let Some(timed) = &mut self.record.timed {
                timed.count(tier, task.arrived, taken);
            }
        }
        for (index, slo) in self.plan.slos.iter().enumerate() {
            if !slo.tiers.has(tier) {
                continue;
            }
            // What was refused at the door has not cost little: it has not been worked.
            if outcome == Outcome::Shed && matches!(slo.indicator, Indicator::Cost(_)) {
                continue;
            }
            let is_good = match slo.indicator {
                Indicator::Success => outcome == Outcome::Done,
                // A task that does not finish is never fast enough.
                Indicator::Latency(below) => is_finished && taken < below,
                Indicator::Cost(below) => task.cost < below,
                Indicator::Safety => outcome != Outcome::Unsafe,
            };
            // No telemetry knows by itself that an answer is wrong, or that an effect should not have
            // been: the task is finished, in time.
            let seems_good = match slo.indicator {
                Indicator::Success => is_finished,
                Indicator::Safety => true,
                Indicator::Latency(_) | Indicator::Cost(_) => is_good,
            };
            self.record.series.count(self.bucket, index, is_good);
            for (counts, is_good) in
                [(&mut self.truth[index], is_good), (&mut self.telemetry.slos[index], seems_good)]
            {
                counts.0 += u64::from(!is_good);
                counts.1 += 1;
            }
        }
    }
}
