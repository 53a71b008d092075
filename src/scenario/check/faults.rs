//! Checks of the faults: in time, in dose, and on a mock that can have them.

use crate::base::{Ratio, Span};
use crate::scenario::check::{Checked, boundaries, count_within, refer, share, unique, wire};
use crate::scenario::file::faults::cost::CacheLoss;
use crate::scenario::file::faults::drift::{Corruption, QualityDrop, RefusalSpike, ToolCallDegrade};
use crate::scenario::file::faults::incidents::{Happens, Incident, Part};
use crate::scenario::file::faults::{Fault, Inject, Share};
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    unique(checked.file.fault.iter().map(|fault| &fault.id), "fault", sink);
    let names: Vec<&str> = checked.mocks.keys().map(String::as_str).collect();
    for fault in &checked.file.fault {
        refer(&fault.on, "mock", &names, sink);
        times(checked, fault, sink);
        for count in [&fault.first_n, &fault.every_nth].into_iter().flatten() {
            count_within(count, 1, 1_000_000_000, sink);
        }
        dose(checked, fault, checked.mocks.get(&fault.on.value.0), sink);
        if checked.mocks.get(&fault.on.value.0).is_some_and(Mock::is_elsewhere) {
            let message = "this stands for agents of your own: only what is served here can be made to fail";
            let problem = Problem::error(Code::Contradiction, fault.on.place, message);
            sink.push(problem.hint("inject it into what those agents call"));
        }
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

fn dose(checked: &Checked<'_>, fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    match &fault.inject {
        Inject::Hang(hang) => share(&hang.share, sink),
        Inject::Latency(latency) => {
            if let Some(at) = &latency.share {
                share(at, sink);
            }
        }
        Inject::Error(error) => {
            share(&error.share, sink);
            let is_wrong = |code: &u64| *code != 246 && !(400..=599).contains(code);
            if let Some(status) = error.status.filter(|at| at.known().is_some_and(is_wrong)) {
                let message = "an error has a status from 400 to 599, or is 246";
                sink.push(Problem::error(Code::OutOfRange, status.place, message));
            }
        }
        Inject::Capacity(_) | Inject::RateLimit(_) => taken(fault, mock, sink),
        Inject::ReplyLost(lost) => share(&lost.share, sink),
        Inject::TokenInflation(inflation) => {
            if let Some(at) = &inflation.share {
                share(at, sink);
            }
            costs(fault, mock, &inflation.factor, sink);
        }
        Inject::CacheLoss(loss) => cache(fault, mock, loss, sink),
        Inject::Price(price) => costs(fault, mock, &price.factor, sink),
        Inject::QualityDrop(_)
        | Inject::Corruption(_)
        | Inject::ToolCallDegrade(_)
        | Inject::Refusal(_)
        | Inject::Truncation(_)
        | Inject::SilentSwap(_)
        | Inject::SlowStream(_)
        | Inject::ReasoningBloat(_) => replies(fault, mock, sink),
        Inject::Interruption(_) | Inject::ToolVanish(_) => wire::check(fault, mock, sink),
        Inject::WrongAnswer(of)
        | Inject::Malformed(of)
        | Inject::Stale(of)
        | Inject::MessageDrop(of)
        | Inject::MessageDuplicate(of)
        | Inject::HandoverTruncation(of)
        | Inject::Deadlock(of)
        | Inject::Livelock(of) => on_tool(fault, mock, of, sink),
        Inject::Incident(incident) => self::incident(fault, mock, incident, sink),
        Inject::Bleed(of) | Inject::Loop(of) => share(&of.share, sink),
        Inject::VerifierBypass(of) => {
            share(&of.share, sink);
            on_model(fault, mock, sink);
        }
        Inject::RetryAfter(_)
        | Inject::SchemaDrift(_)
        | Inject::Injection(_)
        | Inject::DescriptionPoison(_)
        | Inject::MemoryPoison(_)
        | Inject::HistoryLoss(_)
        | Inject::Overflow(_)
        | Inject::ScopeWiden(_)
        | Inject::ScopeNarrow(_)
        | Inject::TokenExpiry(_)
        | Inject::RevocationLag(_)
        | Inject::ConfusedDeputy(_)
        | Inject::GuardrailOutage(_)
        | Inject::FalseAllow(_)
        | Inject::RetryLayers(_)
        | Inject::UsageMissing(_)
        | Inject::MessageReorder(_)
        | Inject::Impersonation(_)
        | Inject::Contention(_)
        | Inject::StaleRead(_) => boundaries::check((checked, fault), mock, sink),
    }
}

fn incident(fault: &Fault, mock: Option<&Mock>, incident: &Incident, sink: &mut Sink) {
    let parts = incident.preset.known().map_or(&[][..], |preset| preset.parts());
    let is_of_model = |part: &Part| matches!(part.happens, Happens::Wrong(_) | Happens::HistoryLoss(_));
    if parts.iter().any(is_of_model) {
        on_model(fault, mock, sink);
    }
}

/// A mock must have what a fault takes from it.
fn taken(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    let known = mock.filter(|mock| !mock.kind.is_hole());
    let name = &fault.on.value.0;
    if let Inject::Capacity(capacity) = &fault.inject {
        share(&capacity.to, sink);
        if known.is_some_and(|mock| mock.concurrency.is_none()) {
            let message = format!("`{name}` has slots without limit, so there is no capacity to lose");
            let problem = Problem::error(Code::Contradiction, fault.on.place, message);
            sink.push(problem.hint("give the mock a `concurrency`"));
        }
    } else if let Inject::RateLimit(limit) = &fault.inject {
        share(&limit.to, sink);
        if known.is_some_and(|mock| mock.quota.is_none()) {
            let message = format!("`{name}` has no quota to cut");
            let problem = Problem::error(Code::Contradiction, fault.on.place, message);
            sink.push(problem.hint("give the mock a `quota`"));
        }
    }
}

fn cache(fault: &Fault, mock: Option<&Mock>, loss: &CacheLoss, sink: &mut Sink) {
    if let Some(at) = &loss.share {
        share(at, sink);
    }
    let is_cached = mock.is_none_or(|mock| {
        mock.kind.is_hole() || mock.price.as_ref().is_some_and(|price| price.cached.is_some())
    });
    if !is_cached {
        let message =
            format!("`{}` has no price for cached tokens, so there is no cache to lose", fault.on.value.0);
        let problem = Problem::error(Code::Contradiction, fault.on.place, message);
        sink.push(problem.hint("give the mock's `price` a `cached`"));
    }
}

fn on_tool(fault: &Fault, mock: Option<&Mock>, of: &Share, sink: &mut Sink) {
    share(&of.share, sink);
    is_tool(fault, mock, sink);
}

pub(super) fn is_tool(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    if mock.is_some_and(|mock| mock.kind.known() == Some(&MockKind::Model)) {
        let message = format!("`{}` is a model, and this happens to tools", fault.on.value.0);
        sink.push(Problem::error(Code::Contradiction, fault.on.place, message));
    }
}

pub(super) fn on_model(fault: &Fault, mock: Option<&Mock>, sink: &mut Sink) {
    if mock.is_some_and(|mock| mock.kind.known() == Some(&MockKind::Tool)) {
        let message = format!("`{}` is a tool, and this happens to models", fault.on.value.0);
        sink.push(Problem::error(Code::Contradiction, fault.on.place, message));
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
    } else if let Inject::SlowStream(slow) = &fault.inject {
        if slow.first_token.is_none() && slow.per_token.is_none() {
            let message = "a slow stream has `first_token` or `per_token`";
            sink.push(Problem::error(Code::MissingKey, fault.id.place, message));
        }
        (vec![slow.share], vec![slow.first_token, slow.per_token], Ratio::ONE)
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
    on_model(fault, mock, sink);
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
