//! Checks of the mocks: each kind has its own keys.

use crate::base::Ratio;
use crate::scenario::check::{Checked, count_within, endpoint, share, wire};
use crate::scenario::decode::Decode;
use crate::scenario::file::guards::TASKS;
use crate::scenario::file::mocks::{Mock, MockKind};
use crate::scenario::limits::{OBJECTS_MAX, PRICE_MAX, SLOTS_MAX, TOKENS_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    holdings(checked, sink);
    wire::ports(checked.mocks.values(), sink);
    endpoint::reported(checked, sink);
    for (name, at) in &checked.file.mocks.0 {
        if name == TASKS {
            let problem =
                Problem::error(Code::NameTaken, at.place, "`tasks` names the guardrails of every task");
            sink.push(problem.hint("call the mock something else"));
        }
        if let Some(mock) = checked.mocks.get(name) {
            kind(mock, at.place, sink);
            values(mock, sink);
            wire::mock(mock, sink);
            endpoint::check(checked, mock, sink);
        }
    }
}

/// What all memories hold together, and all shared states, is kept for every run.
fn holdings(checked: &Checked<'_>, sink: &mut Sink) {
    type Held = fn(&Mock) -> Option<&At<u64>>;
    let kinds: [(Held, u64, &str); 2] = [
        (|mock| mock.entries.as_ref(), SLOTS_MAX, "entries"),
        (|mock| mock.objects.as_ref(), OBJECTS_MAX, "objects"),
    ];
    for (held, most, what) in kinds {
        let all = || checked.mocks.values().filter_map(held);
        let sum = all().map(|at| at.value).fold(0, u64::saturating_add);
        if let Some(last) = all().next_back().filter(|_| sum > most) {
            let message = format!("all mocks together hold at most {most} {what}");
            sink.push(Problem::error(Code::Limit, last.place, message));
        }
    }
}

fn kind(mock: &Mock, place: Place, sink: &mut Sink) {
    let model_keys = [
        ("context_max", mock.context_max.as_ref().map(|at| at.place)),
        ("on_overflow", mock.on_overflow.as_ref().map(|at| at.place)),
        ("first_token", mock.first_token.as_ref().map(|at| at.place)),
        ("per_token", mock.per_token.as_ref().map(|at| at.place)),
        ("price", mock.price.as_ref().map(|price| price.out.place)),
    ];
    let tool_keys = [
        ("entries", mock.entries.as_ref().map(|at| at.place)),
        ("objects", mock.objects.as_ref().map(|at| at.place)),
        ("service", mock.service.as_ref().map(|at| at.place)),
        ("permission", mock.permission.as_ref().map(|at| at.place)),
        ("enforces_permission", mock.enforces_permission.as_ref().map(|at| at.place)),
    ];
    let Some(kind) = mock.kind.known() else { return };
    let (needed, foreign): (&[usize], _) = match kind {
        MockKind::Model => (&[2, 3], tool_keys),
        MockKind::Tool => (&[2], model_keys),
    };
    let own = if *kind == MockKind::Model { model_keys } else { tool_keys };
    for &index in needed {
        if own[index].1.is_none() {
            let message = format!("a {} needs `{}`", kind.word(), own[index].0);
            sink.push(Problem::error(Code::MissingKey, place, message));
        }
    }
    for (key, place) in foreign {
        if let Some(place) = place.filter(|place| *place != Place::NOWHERE) {
            let message = format!("`{key}` means nothing for a {}", kind.word());
            sink.push(Problem::error(Code::Contradiction, place, message));
        }
    }
}

fn values(mock: &Mock, sink: &mut Sink) {
    let never = At::<u64>::hole();
    count_within(mock.concurrency.as_ref().unwrap_or(&never), 1, SLOTS_MAX, sink);
    count_within(mock.queue.as_ref().unwrap_or(&never), 0, SLOTS_MAX, sink);
    count_within(mock.entries.as_ref().unwrap_or(&never), 1, SLOTS_MAX, sink);
    count_within(mock.objects.as_ref().unwrap_or(&never), 1, OBJECTS_MAX, sink);
    count_within(mock.context_max.as_ref().unwrap_or(&never), 1, TOKENS_MAX as u64, sink);
    if let (Some(entries), Some(_)) = (&mock.entries, &mock.objects) {
        let message = "a mock is a memory or a shared state, not both";
        sink.push(Problem::error(Code::Contradiction, entries.place, message));
    }
    for ratio in [&mock.error_rate, &mock.right].into_iter().flatten() {
        share(ratio, sink);
    }
    if let (Some(queue), None) = (&mock.queue, &mock.concurrency) {
        let problem =
            Problem::error(Code::Contradiction, queue.place, "nothing waits where slots are without limit");
        sink.push(problem.hint("add `concurrency`"));
    }
    let prices =
        mock.price.iter().flat_map(|price| [Some(&price.r#in), Some(&price.out), price.cached.as_ref()]);
    for price in prices.chain([mock.price_per_call.as_ref()]).flatten() {
        if price.known().is_some_and(|price| *price > PRICE_MAX) {
            let message = format!("a price is at most {PRICE_MAX}");
            sink.push(Problem::error(Code::OutOfRange, price.place, message));
        }
    }
    let quotas = mock.quota.iter().flat_map(|quota| [&quota.requests, &quota.tokens]);
    for quota in quotas.flatten() {
        if quota.known().is_some_and(|rate| rate.per_minute() == 0) {
            sink.push(Problem::error(Code::OutOfRange, quota.place, "a quota admits at least one a minute"));
        }
    }
    if let Some(rate) = &mock.error_rate
        && rate.known() == Some(&Ratio::ONE)
    {
        sink.push(Problem::warning(Code::OutOfRange, rate.place, "this mock never answers well"));
    }
}
