//! Checks of evaluations, and of the alerts that watch them.

use crate::base::{Dist, Ratio, Span};
use crate::scenario::check::{Checked, count_within, refer_to, share, within};
use crate::scenario::decode::Decode;
use crate::scenario::file::alerts::{Compare, Cusum, CusumTokens, PageHinkley};
use crate::scenario::file::mocks::MockKind;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;
use crate::scenario::units::Name;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    for at in checked.file.evaluation.0.values() {
        let evaluation = &at.value;
        for ratio in [&evaluation.sample, &evaluation.misses, &evaluation.false_alarms].into_iter().flatten()
        {
            share(ratio, sink);
        }
        match (&evaluation.sample, &evaluation.ask, &evaluation.every) {
            (Some(_), None, None) => {}
            (None, Some(ask), Some(every)) => {
                is_model(checked, ask, sink);
                within(every, Span::from_secs(1), Span::from_secs(86_400), sink);
                if let Some(tier) = evaluation.tiers.first() {
                    let message = "a canary question belongs to no tier";
                    sink.push(Problem::error(Code::Contradiction, tier.place, message));
                }
            }
            (_, ask, every) => {
                let count = [evaluation.sample.is_some(), ask.is_some(), every.is_some()];
                let code = if count == [false; 3] { Code::MissingKey } else { Code::Contradiction };
                let message = "an evaluation has a `sample` of tasks, or it asks a model (`ask` and `every`)";
                sink.push(Problem::error(code, at.place, message));
            }
        }
    }
}

/// Reports a mock that is no model.
pub(super) fn is_model(checked: &Checked<'_>, name: &At<Name>, sink: &mut Sink) {
    let Some(mock) = checked.mock(name, sink) else { return };
    if mock.kind.known().is_some_and(|kind| *kind != MockKind::Model) {
        let message = format!("`{}` is not a model", name.value.0);
        sink.push(Problem::error(Code::Contradiction, name.place, message));
    }
}

pub(super) fn cusum(checked: &Checked<'_>, cusum: &Cusum, sink: &mut Sink) {
    refer_to(&cusum.evaluation, "evaluation", &checked.file.evaluation, sink);
    count_within(cusum.run_length.as_ref().unwrap_or(&At::hole()), 10, 10_000_000, sink);
    let (Some(usual), Some(shifted)) = (cusum.usual.known(), cusum.shifted.known()) else { return };
    if *shifted >= Ratio::ONE || *usual >= *shifted {
        let message = "the shifted share lies above the usual one and below 100%";
        sink.push(Problem::error(Code::Contradiction, cusum.shifted.place, message));
    }
    let evaluation = checked.file.evaluation.get(&cusum.evaluation.value.0);
    let false_alarms = evaluation.and_then(|evaluation| evaluation.false_alarms).map(|at| at.value);
    if let Some(false_alarms) = false_alarms.filter(|share| share > usual) {
        let message = format!("the evaluation itself takes {false_alarms} of right answers for wrong");
        let problem = Problem::warning(Code::OutOfRange, cusum.usual.place, message);
        sink.push(problem.hint("the usual share of bad judgements is at least that"));
    }
}

pub(super) fn cusum_tokens(checked: &Checked<'_>, cusum: &CusumTokens, sink: &mut Sink) {
    is_model(checked, &cusum.model, sink);
    count_within(cusum.run_length.as_ref().unwrap_or(&At::hole()), 10, 10_000_000, sink);
    if let Some(usual) = cusum.usual.known()
        && !matches!(usual.0, Dist::LogNormal { median, sigma } if median >= 1.0 && sigma >= 0.01)
    {
        let message = "what is usual is a lognormal with a median of at least 1 and a sigma of at least 0.01";
        let problem = Problem::error(Code::OutOfRange, cusum.usual.place, message);
        sink.push(problem.hint("for instance \"lognormal(180, 0.5)\""));
    }
    // Closer to the usual, no chart finds it in any time.
    let is_near = |shifted: &Ratio| Ratio::from_percent(95) < *shifted && *shifted < Ratio::from_percent(105);
    let bounds = Ratio::from_percent(1)..=Ratio::from_percent(10_000);
    if cusum.shifted.known().is_some_and(|shifted| is_near(shifted) || !bounds.contains(shifted)) {
        let message = "what must be found lies between 1% and 10000%, and at least 5% from 100%";
        sink.push(Problem::error(Code::OutOfRange, cusum.shifted.place, message));
    }
}

pub(super) fn page_hinkley(checked: &Checked<'_>, test: &PageHinkley, sink: &mut Sink) {
    refer_to(&test.evaluation, "evaluation", &checked.file.evaluation, sink);
    share(&test.tolerance, sink);
    count_within(&test.threshold, 1, 1_000_000, sink);
}

pub(super) fn compare(checked: &Checked<'_>, compare: &Compare, sink: &mut Sink) {
    refer_to(&compare.evaluation, "evaluation", &checked.file.evaluation, sink);
    is_model(checked, &compare.model, sink);
    is_model(checked, &compare.with, sink);
    if compare.model == compare.with && !compare.with.is_hole() {
        let message = "a model is no better than itself";
        sink.push(Problem::error(Code::Contradiction, compare.with.place, message));
    }
    for ratio in [&compare.error, &compare.worse_by].into_iter().flatten() {
        let bounds = Ratio(1_000_000)..=Ratio::from_percent(50);
        if ratio.known().is_some_and(|ratio| !bounds.contains(ratio)) {
            sink.push(Problem::error(Code::OutOfRange, ratio.place, "this lies between 0.1% and 50%"));
        }
    }
    count_within(compare.judged_min.as_ref().unwrap_or(&At::hole()), 1, 1_000_000, sink);
    if let Some(over) = &compare.over {
        within(over, Span::from_secs(15), Span::from_secs(86_400), sink);
    }
}
