//! Checks of the faults: in time, in dose, and on a mock that can have them.

use crate::base::{Ratio, Span};
use crate::scenario::check::{Checked, refer, share, unique};
use crate::scenario::file::faults::{Corruption, Fault, Inject, QualityDrop, RefusalSpike, ToolCallDegrade};
use crate::scenario::file::mocks::{Mock, MockKind};
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
        Inject::QualityDrop(_)
        | Inject::Corruption(_)
        | Inject::ToolCallDegrade(_)
        | Inject::Refusal(_)
        | Inject::Truncation(_)
        | Inject::SilentSwap(_)
        | Inject::ReasoningBloat(_) => replies(fault, mock, sink),
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

/// Reports a factor outside its bounds.
fn factor(at: &At<Ratio>, least: Ratio, sink: &mut Sink) {
    if at.known().is_some_and(|factor| *factor < least || *factor > Ratio::from_percent(10_000)) {
        let message = format!("the factor lies between {least} and 10000%");
        sink.push(Problem::error(Code::OutOfRange, at.place, message));
    }
}

/// Checks a fault of a model's replies.
fn replies(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    let (shares, factors, least): (Vec<_>, Vec<_>, _) = if let Inject::SilentSwap(swap) = &fault.inject {
        if swap.tokens.is_none() && swap.latency.is_none() {
            let message = "a swap changes `tokens` or `latency`";
            sink.push(Problem::error(Code::MissingKey, fault.id.place, message));
        }
        (vec![swap.share], vec![swap.tokens, swap.latency], Ratio::from_percent(1))
    } else if let Inject::ReasoningBloat(bloat) = &fault.inject {
        (vec![bloat.share], vec![Some(bloat.factor)], Ratio::ONE)
    } else if let Inject::Truncation(cut) = &fault.inject {
        (vec![Some(cut.share), cut.to], Vec::new(), Ratio::ONE)
    } else if let Inject::QualityDrop(QualityDrop { share })
    | Inject::Corruption(Corruption { share })
    | Inject::ToolCallDegrade(ToolCallDegrade { share })
    | Inject::Refusal(RefusalSpike { share }) = &fault.inject
    {
        (vec![Some(*share)], Vec::new(), Ratio::ONE)
    } else {
        return;
    };
    for at in shares.iter().flatten() {
        share(at, sink);
    }
    for at in factors.iter().flatten() {
        factor(at, least, sink);
    }
    if mock.is_some_and(|mock| mock.kind.known() == Some(&MockKind::Tool)) {
        let message = format!("`{}` is a tool, and this happens to models", fault.on.value.0);
        sink.push(Problem::error(Code::Contradiction, fault.on.place, message));
    }
}

/// A fault of cost is on a mock that costs something, and makes it dearer.
fn costs(fault: &Fault, mock: Option<&Mock>, factor: &At<Ratio>, sink: &mut Sink) {
    self::factor(factor, Ratio::ONE, sink);
    if mock.is_some_and(|mock| !mock.kind.is_hole() && mock.price.is_none() && mock.price_per_call.is_none())
    {
        let message = format!("`{}` costs nothing", fault.on.value.0);
        let problem = Problem::error(Code::Contradiction, fault.on.place, message);
        sink.push(problem.hint("give the mock a `price`"));
    }
}
