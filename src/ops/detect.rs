//! Alerts that remember: charts over single judgements, and comparisons of versions.

use crate::base::drift::{AmountCusum, Comparison, Cusum, PageHinkley};
use crate::ops::Telemetry;
use crate::ops::window::Windows;
use crate::plan::{ComparePlan, Rule};

/// What an alert remembers beside its state; only what its rule needs is used.
#[derive(Debug, Clone, Default)]
pub(super) struct Detector {
    cusum: Cusum,
    amounts: AmountCusum,
    page_hinkley: PageHinkley,
    is_signalling: bool,
    /// The comparison of two models since the one that may be worse began to be judged.
    since: Option<Comparison>,
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

    /// Takes the output tokens of a model's reply.
    pub(super) fn reply(&mut self, model: usize, tokens: u32, rule: &Rule) {
        if let Rule::CusumTokens { mock, chart } = rule
            && *mock == model
        {
            self.is_signalling = self.amounts.take(f64::from(tokens.max(1)), chart);
        }
    }

    /// Returns whether a chart signals.
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
        let since = self.since.get_or_insert_with(|| Comparison::since(now));
        // Once told apart they stay so: the test says nothing about taking it back.
        self.is_signalling |= since.is_worse(now, plan.worse_by.real(), (plan.error.real(), plan.judged_min));
        self.is_signalling
    }
}
