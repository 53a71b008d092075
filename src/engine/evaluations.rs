//! Evaluations: samples of finished tasks and canary questions, judged late and not without error.

use crate::base::{Key, Money, Span};
use crate::engine::World;
use crate::engine::queue::Kind;
use crate::engine::state::{Attempt, Judgement};
use crate::plan::Judges;

const CANARY: Key = Key::of_name("canary question");

impl World<'_> {
    /// Sends the first canary questions on their way.
    pub(super) fn begin_canaries(&mut self) {
        for (index, evaluation) in self.plan.evaluations.iter().enumerate() {
            if let Judges::Canary(_, every) = evaluation.judges {
                self.schedule(every, Kind::Canary, index as u32);
            }
        }
    }

    /// Asks a canary question, past every guardrail but the timeout.
    pub(super) fn canary(&mut self, slot: u32) {
        let evaluation = &self.plan.evaluations[slot as usize];
        let Judges::Canary(mock, every) = evaluation.judges else { return };
        self.record.events += 1;
        let asked = &mut self.canaries[slot as usize];
        *asked += 1;
        let key = self.seed.with(CANARY).with(evaluation.key).at(*asked);
        let canary = slot as u8;
        let attempt =
            self.attempts.insert(Attempt { key, mock, is_probe: true, canary, ..Attempt::blank(self.now) });
        if self.reach(attempt).is_some() {
            self.release(attempt);
        }
        self.schedule(every, Kind::Canary, slot);
    }

    /// Draws which evaluations judge a task that has finished.
    pub(super) fn sample(&mut self, slot: u32) {
        let plan = self.plan;
        for (index, evaluation) in plan.evaluations.iter().enumerate() {
            let task = &self.tasks[slot];
            let (key, models) = (task.key.with(evaluation.key), task.models);
            let is_wrong = task.is_wrong || task.is_unsafe;
            if let Judges::Sample(share, tiers) = evaluation.judges
                && tiers.has(usize::from(task.tier))
                && key.unit() < share
            {
                self.judge(index, key.at(1), models, is_wrong);
            }
        }
    }

    /// Has an answer judged; the judgement is known later.
    pub(super) fn judge(&mut self, index: usize, key: Key, models: u64, is_wrong: bool) {
        let evaluation = &self.plan.evaluations[index];
        let mut draws = key.draws();
        let unit = draws.unit();
        let is_bad = if is_wrong { unit >= evaluation.misses } else { unit < evaluation.false_alarms };
        let delay = Span(evaluation.delay.sample_count(&mut draws));
        self.pay_for_judging(evaluation.cost);
        let judgement = Judgement { evaluation: index as u8, models, is_bad };
        let slot = self.judgements.insert(judgement);
        self.schedule(delay, Kind::Judged, slot);
    }

    pub(super) fn pay_for_judging(&mut self, cost: Money) {
        self.record.spend.judging += u128::from(cost.0);
        self.record.series.spend(self.bucket, cost);
        self.telemetry.spent += u128::from(cost.0);
    }

    /// A judgement is known.
    pub(super) fn judged(&mut self, slot: u32) {
        self.record.events += 1;
        let Judgement { evaluation, models, is_bad } = self.judgements[slot];
        self.judgements.remove(slot);
        let index = usize::from(evaluation);
        let count = |judged: &mut (u64, u64)| {
            judged.0 += u64::from(is_bad);
            judged.1 += 1;
        };
        count(&mut self.telemetry.judged[index]);
        count(&mut self.record.judged[index]);
        let mocks = self.plan.mocks.len();
        for mock in (0..mocks).filter(|mock| models >> mock & 1 == 1) {
            count(&mut self.telemetry.judged_of[index * mocks + mock]);
        }
        self.ops.on_judged(index, is_bad);
    }
}
