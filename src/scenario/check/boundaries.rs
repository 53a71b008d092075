//! Checks of faults that need something to be there: a memory, a permission, a guardrail, a price.

use crate::base::{Ratio, Span};
use crate::scenario::check::faults::{is_tool, on_model};
use crate::scenario::check::{Checked, count_within, share, within};
use crate::scenario::file::faults::permission::ScreenName;
use crate::scenario::file::faults::{Fault, Inject};
use crate::scenario::file::mocks::Mock;
use crate::scenario::limits::{ATTEMPTS_MAX, SLOTS_MAX, SPAN_MAX, TOKENS_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::At;

/// Checks a fault of contamination, of permissions, of cost or of shared state.
pub(super) fn check((checked, fault): (&Checked<'_>, &Fault), mock: Option<&Mock>, sink: &mut Sink) {
    shares(fault, sink);
    let known = mock.filter(|mock| !mock.kind.is_hole());
    let lacks = |what: &str, hint: &str, sink: &mut Sink| {
        let message = format!("`{}` has {what}", fault.on.value.0);
        sink.push(Problem::error(Code::Contradiction, fault.on.place, message).hint(hint.to_owned()));
    };
    if let Inject::MemoryPoison(poison) = &fault.inject {
        let holds = mock.and_then(|mock| mock.entries).map(|at| at.value);
        if known.is_some() && holds.is_none() {
            lacks("no entries to poison", "give the mock `entries`", sink);
        }
        count_within(&poison.entries, 0, holds.unwrap_or(1_000_000), sink);
        if let Some(every) = &poison.every {
            within(every, Span::from_secs(1), SPAN_MAX, sink);
            let times = fault.duration.value.0 / every.value.0.max(1);
            if times.saturating_mul(poison.entries.value) > SLOTS_MAX {
                let message = format!("this fault puts more than {SLOTS_MAX} entries into the memory");
                sink.push(Problem::error(Code::Limit, poison.entries.place, message));
            }
        }
    } else if let Inject::Contention(_) | Inject::StaleRead(_) = &fault.inject {
        if known.is_some_and(|mock| mock.objects.is_none()) {
            lacks("no shared state", "give the mock `objects`", sink);
        }
    } else if let Inject::ScopeWiden(_)
    | Inject::ScopeNarrow(_)
    | Inject::RevocationLag(_)
    | Inject::ConfusedDeputy(_) = &fault.inject
    {
        if known.is_some_and(|mock| mock.permission.is_none()) {
            lacks("no permission whose boundary could move", "give the mock a `permission`", sink);
        }
    } else if let Inject::GuardrailOutage(outage) = &fault.inject {
        has_screen(checked, fault, &outage.guard, sink);
    } else if let Inject::FalseAllow(allow) = &fault.inject {
        has_screen(checked, fault, &allow.guard, sink);
    } else if let Inject::UsageMissing(_) = &fault.inject {
        if known.is_some_and(|mock| mock.price.is_none() && mock.price_per_call.is_none()) {
            lacks("no price that could be left unsaid", "give the mock a `price`", sink);
        }
    } else if let Inject::HistoryLoss(_) = &fault.inject {
        on_model(fault, mock, sink);
    } else if let Inject::Injection(_)
    | Inject::DescriptionPoison(_)
    | Inject::Impersonation(_)
    | Inject::SchemaDrift(_)
    | Inject::MessageReorder(_) = &fault.inject
    {
        is_tool(fault, mock, sink);
    } else if let Inject::Overflow(flood) = &fault.inject {
        is_tool(fault, mock, sink);
        count_within(&flood.tokens, 1, TOKENS_MAX as u64, sink);
    } else if let Inject::RetryLayers(layers) = &fault.inject {
        count_within(&layers.attempts, 1, ATTEMPTS_MAX, sink);
    }
}

fn shares(fault: &Fault, sink: &mut Sink) {
    let shares: Vec<Option<At<Ratio>>> = if let Inject::RetryAfter(after) = &fault.inject {
        vec![Some(after.share)]
    } else if let Inject::Injection(of) | Inject::Impersonation(of) = &fault.inject {
        vec![Some(of.share), of.hijack]
    } else if let Inject::DescriptionPoison(of) = &fault.inject {
        vec![of.share, of.hijack]
    } else if let Inject::MemoryPoison(of) = &fault.inject {
        vec![of.hijack]
    } else if let Inject::HistoryLoss(of) = &fault.inject {
        vec![Some(of.share), of.repeats]
    } else if let Inject::ScopeWiden(of) | Inject::ScopeNarrow(of) | Inject::SchemaDrift(of) = &fault.inject {
        vec![of.share]
    } else if let Inject::ConfusedDeputy(of) | Inject::UsageMissing(of) | Inject::StaleRead(of) =
        &fault.inject
    {
        vec![Some(of.share)]
    } else if let Inject::TokenExpiry(of) = &fault.inject {
        vec![of.share]
    } else if let Inject::GuardrailOutage(of) = &fault.inject {
        vec![of.share]
    } else if let Inject::FalseAllow(of) = &fault.inject {
        vec![Some(of.share)]
    } else if let Inject::MessageReorder(of) = &fault.inject {
        vec![Some(of.share)]
    } else if let Inject::Contention(of) = &fault.inject {
        vec![Some(of.share)]
    } else if let Inject::Overflow(of) = &fault.inject {
        vec![Some(of.share)]
    } else {
        Vec::new()
    };
    for at in shares.iter().flatten() {
        share(at, sink);
    }
}

/// Reports a guardrail that is not there, so that it cannot fail.
fn has_screen(checked: &Checked<'_>, fault: &Fault, guard: &At<ScreenName>, sink: &mut Sink) {
    let Some(name) = guard.known() else { return };
    let of = checked.file.guard.calls.get(&fault.on.value.0);
    let is_there = of.is_some_and(|of| of.screens().any(|(known, _)| known == *name));
    if !is_there {
        let message = format!("`{}` has no guardrail `{}` that could fail", fault.on.value.0, name.word());
        let problem = Problem::error(Code::Contradiction, guard.place, message);
        sink.push(problem.hint(format!("add `{} = {{ catches = ... }}` to its guard", name.word())));
    }
}
