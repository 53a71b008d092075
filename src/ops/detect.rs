//! Alerts that remember: charts over single judgements, and comparisons of versions.

use crate::base::drift::{Cusum, PageHinkley, worse};
use crate::ops::Telemetry;
use crate::ops::window::Windows;
use crate::plan::{ComparePlan, Rule};

/// What an alert remembers beside its state; only what its rule needs is used.
#[derive(Debug, Clone, Default)]
pub(super) struct Detector {
    cusum: Cusum,
    page_hinkley: PageHinkley,
    is_signalling: bool,
    /// The judgements of the two models when the worse one began to be judged.
    since: Option<[(u64, u64); 2]>,
}

impl Detector {
    /// Takes a judgement of an evaluation.
    pub(super) fn judge(&mut self, judged: usize, is_bad: bool, rule: &Rule) {
        if let Rule::Cusum { evaluation, chart } = rule
            && *evaluation == judged
        {
            self.is_signalling = self.cusum.judge(is_bad, chart);
        } else if let Rule::PageHinkley { evaluation, tolerance, threshold } = rule
            && *evaluation == judged
        {
            self.is_signalling = self.page_hinkley.judge(is_bad, tolerance.real(), *threshold as f64);
        }
    }

    /// Returns whether a chart over judgements signals.
    pub(super) fn is_signalling(&self) -> bool {
        self.is_signalling
    }

    /// Compares two models over all judgements since the one that may be worse began to be judged;
    /// once it is not judged any more, it begins anew.
    pub(super) fn compare(&mut self, plan: &ComparePlan, telemetry: &Telemetry, windows: &Windows) -> bool {
        let mocks = telemetry.calls.len();
        let of = |mock: usize| telemetry.judged_of[plan.evaluation * mocks + mock];
        let (_, recent) = windows.judged_of(plan.evaluation, plan.model, plan.over, telemetry);
        let now = [of(plan.model), of(plan.with)];
        if recent == 0 {
            (self.since, self.is_signalling) = (None, false);
            return false;
        }
        let since = self.since.get_or_insert(now);
        let [model, with] = std::array::from_fn(|arm| (now[arm].0 - since[arm].0, now[arm].1 - since[arm].1));
        let is_enough = model.1 >= plan.judged_min && with.1 >= plan.judged_min;
        // Once told apart they stay so: the test says nothing about taking it back.
        self.is_signalling |=
            is_enough && worse(model, with, plan.worse_by.real()) >= 1.0 / plan.error.real();
        self.is_signalling
    }
}
