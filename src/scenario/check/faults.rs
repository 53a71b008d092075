//! Checks of the faults: in time, in dose, and on a mock that can have them.

use crate::base::{Ratio, Span};
use crate::scenario::check::{Checked, refer, share, unique};
use crate::scenario::file::faults::{Fault, Inject};
use crate::scenario::file::mocks::Mock;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    unique(checked.file.fault.iter().map(|fault| &fault.id), "fault", sink);
    let names: Vec<&str> = checked.mocks.keys().map(String::as_str).collect();
    for fault in &checked.file.fault {
        refer(&fault.on, "mock", &names, sink);
        times(checked, fault, sink);
        dose(fault, checked.mocks.get(&fault.on.value.0), sink);
    }
}

fn times(checked: &Checked<'_>, fault: &Fault, sink: &mut Sink) {
    let file = checked.file;
    if let (Some(start), Some(baseline)) = (fault.start.known(), file.baseline.known())
        && start < baseline
    {
        let message = format!("this fault begins before the baseline of {baseline} is over");
        sink.push(Problem::error(Code::Contradiction, fault.start.place, message));
    }
    if let (Some(start), Some(length), Some(drill)) =
        (fault.start.known(), fault.duration.known(), file.duration.known())
        && *start + *length > *drill
    {
        let message = "this fault is not over when the drill ends, so its release cannot be verified";
        sink.push(Problem::error(Code::Contradiction, fault.duration.place, message));
    }
    if fault.duration.known() == Some(&Span::ZERO) {
        sink.push(Problem::error(
            Code::OutOfRange,
            fault.duration.place,
            "a fault lasts longer than nothing",
        ));
    }
    if let Some(ramp) = &fault.ramp
        && let (Some(ramp_span), Some(length)) = (ramp.known(), fault.duration.known())
        && ramp_span > length
    {
        sink.push(Problem::error(Code::Contradiction, ramp.place, "the ramp is longer than the fault"));
    }
}

fn dose(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    match &fault.inject {
        Inject::Hang(hang) => share(&hang.share, sink),
        Inject::Latency(latency) => {
            if let Some(at) = &latency.share {
                share(at, sink);
            }
        }
        Inject::Error(error) => {
            share(&error.share, sink);
            if let Some(status) = &error.status
                && status.known().is_some_and(|status| !(400..=599).contains(status))
            {
                sink.push(Problem::error(
                    Code::OutOfRange,
                    status.place,
                    "an error has a status from 400 to 599",
                ));
            }
        }
        Inject::Capacity(capacity) => {
            share(&capacity.to, sink);
            if mock.is_some_and(|mock| mock.concurrency.is_none() && !mock.kind.is_hole()) {
                let message = format!(
                    "`{}` has slots without limit, so there is no capacity to lose",
                    fault.on.value.0
                );
                let problem = Problem::error(Code::Contradiction, fault.on.place, message);
                sink.push(problem.hint("give the mock a `concurrency`"));
            }
        }
        Inject::ReplyLost(lost) => share(&lost.share, sink),
        Inject::TokenInflation(inflation) => {
            if let Some(at) = &inflation.share {
                share(at, sink);
            }
            costs(fault, mock, &inflation.factor, sink);
        }
        Inject::CacheLoss(loss) => {
            if let Some(at) = &loss.share {
                share(at, sink);
            }
            let is_cached = mock.is_none_or(|mock| {
                mock.kind.is_hole() || mock.price.as_ref().is_some_and(|price| price.cached.is_some())
            });
            if !is_cached {
                let message = format!(
                    "`{}` has no price for cached tokens, so there is no cache to lose",
                    fault.on.value.0
                );
                let problem = Problem::error(Code::Contradiction, fault.on.place, message);
                sink.push(problem.hint("give the mock's `price` a `cached`"));
            }
        }
        Inject::Price(price) => costs(fault, mock, &price.factor, sink),
        Inject::RateLimit(limit) => {
            share(&limit.to, sink);
            if mock.is_some_and(|mock| mock.quota.is_none() && !mock.kind.is_hole()) {
                let message = format!("`{}` has no quota to cut", fault.on.value.0);
                let problem = Problem::error(Code::Contradiction, fault.on.place, message);
                sink.push(problem.hint("give the mock a `quota`"));
            }
        }
    }
}

/// A fault of cost is on a mock that costs something, and makes it dearer.
fn costs(fault: &Fault, mock: Option<&Mock>, factor: &At<Ratio>, sink: &mut Sink) {
    let bounds = Ratio::ONE..=Ratio::from_percent(10_000);
    if factor.known().is_some_and(|factor| !bounds.contains(factor)) {
        sink.push(Problem::error(Code::OutOfRange, factor.place, "the factor lies between 100% and 10000%"));
    }
    if mock.is_some_and(|mock| !mock.kind.is_hole() && mock.price.is_none() && mock.price_per_call.is_none())
    {
        let message = format!("`{}` costs nothing", fault.on.value.0);
        let problem = Problem::error(Code::Contradiction, fault.on.place, message);
        sink.push(problem.hint("give the mock a `price`"));
    }
}
