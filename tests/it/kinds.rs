//! Every kind of fault there is: at dose zero it changes nothing, at full dose it meets every call of
//! its window, and it is witnessed.

use std::collections::BTreeSet;

use stormdrill::engine::rehearse;

use crate::identity::essence;
use crate::plan;

/// Two chains of agents that use everything that a fault can be about.
pub(crate) const SYSTEM: &str = r#"
duration = "20m"
baseline = "5m"
[mocks.tool]
kind = "tool"
service = "lognormal(100ms, 0.3)"
error_rate = "10%"
concurrency = 50
quota = { requests = "6000/min" }
permission = "write"
price_per_call = "$0.001"
[mocks.lookup]
kind = "tool"
service = "lognormal(50ms, 0.3)"
[mocks.memory]
kind = "tool"
service = "10ms"
entries = 100
[mocks.board]
kind = "tool"
service = "10ms"
objects = 20
[mocks.bus]
kind = "tool"
service = "20ms"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "5ms"
context_max = 100000
price = { in = "$3", out = "$15", cached = "$0.30" }
[mocks.checker]
kind = "model"
first_token = "200ms"
per_token = "5ms"
price = { in = "$1", out = "$5" }
[load]
arrivals.poisson = "3/s"
tiers = { critical = "30%", standard = "70%" }
# The last task ends before the drill does, so that none is cut off.
[[load.phase]]
at = "16m"
rate = "0/s"
[agents.planner]
share = "60%"
permissions = ["write"]
deadline = "90s"
plan = [
  { use = "memory", access = "recall", recalls = "2" },
  { ask = "model", tokens = { in = "500", out = "50..150" } },
  { use = "lookup", optional = true },
  { use = "board", access = "read" },
  { ask = "model", tokens = { in = "200", out = "100" } },
  { use = "tool", effect = "act", optional = true },
  { use = "board", access = "update" },
  { use = "memory", access = "remember" },
  { hand_over = "writer", via = "bus" },
]
[agents.eager]
share = "40%"
plan = [{ use = "tool", effect = "act", optional = true }]
[agents.writer]
share = "0%"
plan = [
  { ask = "model", tokens = { in = "200", out = "100" } },
  { verify = "checker", tokens = { in = "100", out = "20" }, catches = "100%" },
]
[guard.tool]
retry = { attempts = 2, backoff = "100ms" }
policy = { catches = "50%" }
[guard.board]
compare_and_set = true
[guard.tasks]
deadline = true
loop_limit = 3
hop_limit = 6
[slo.done]
success = "10%"
"#;

/// What a kind's full dose must show.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Full {
    /// Every request of the window is changed.
    Every,
    /// Some are: the fault concerns only what happens to stand in its way.
    Some,
    /// It needs a runbook, and has a test of its own.
    Elsewhere,
}

/// Every kind: its mock, its statement with `DOSE` for the share, what stands for dose zero, and what
/// full dose shows. Where the dose is not a share, both doses are written out.
const KINDS: [(&str, &str, &str, &str, Full); 50] = [
    ("hang", "lookup", "{ share = \"DOSE\", hold = \"1s\" }", "", Full::Every),
    ("latency", "lookup", "{ share = \"DOSE\", add = \"1s\" }", "", Full::Every),
    ("error", "lookup", "{ share = \"DOSE\", status = 400 }", "", Full::Every),
    ("capacity", "tool", "{ to = \"0%\" }", "{ to = \"100%\" }", Full::Some),
    ("reply-lost", "lookup", "{ share = \"DOSE\", ending = \"cut\" }", "", Full::Every),
    ("rate-limit", "tool", "{ to = \"0%\" }", "{ to = \"100%\" }", Full::Some),
    ("retry-after", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("wrong-answer", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("malformed", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("schema-drift", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("token-inflation", "model", "{ share = \"DOSE\", factor = \"300%\" }", "", Full::Every),
    ("cache-loss", "model", "{ share = \"DOSE\" }", "", Full::Some),
    ("price", "model", "{ factor = \"200%\" }", "{ factor = \"100%\" }", Full::Every),
    ("retry-layers", "tool", "{ attempts = 3 }", "{ attempts = 1 }", Full::Some),
    ("usage-missing", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("loop", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("quality-drop", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("silent-swap", "model", "{ share = \"DOSE\", latency = \"200%\" }", "", Full::Every),
    ("corruption", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("tool-call-degrade", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("truncation", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("refusal", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("reasoning-bloat", "model", "{ share = \"DOSE\", factor = \"400%\" }", "", Full::Every),
    ("injection", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("description-poison", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("memory-poison", "memory", "{ entries = 20, every = \"1m\" }", "{ entries = 0 }", Full::Some),
    ("bleed", "model", "{ share = \"DOSE\" }", "", Full::Every),
    ("history-loss", "model", "{ share = \"DOSE\" }", "", Full::Some),
    ("overflow", "lookup", "{ share = \"DOSE\", tokens = 200000 }", "", Full::Every),
    ("stale", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
    ("scope-widen", "tool", "{ share = \"DOSE\" }", "", Full::Some),
    ("scope-narrow", "tool", "{ share = \"DOSE\" }", "", Full::Some),
    ("token-expiry", "lookup", "{ share = \"DOSE\", lifetime = \"0s\" }", "", Full::Every),
    ("revocation-lag", "tool", "{ lag = \"5m\" }", "{ lag = \"0s\" }", Full::Elsewhere),
    ("confused-deputy", "tool", "{ share = \"DOSE\" }", "", Full::Some),
    ("guardrail-outage", "tool", "{ guard = \"policy\", share = \"DOSE\" }", "", Full::Some),
    ("false-allow", "tool", "{ guard = \"policy\", share = \"DOSE\" }", "", Full::Some),
    ("message-drop", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("message-duplicate", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("message-reorder", "bus", "{ share = \"DOSE\", by = \"3s\" }", "", Full::Every),
    ("handover-truncation", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("impersonation", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("deadlock", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("livelock", "bus", "{ share = \"DOSE\" }", "", Full::Every),
    ("contention", "board", "{ share = \"DOSE\", objects = 2 }", "", Full::Some),
    ("stale-read", "board", "{ share = \"DOSE\" }", "", Full::Some),
    ("verifier-bypass", "checker", "{ share = \"DOSE\" }", "", Full::Some),
    ("interruption", "model", "{ share = \"DOSE\", ending = \"cut\" }", "", Full::Every),
    ("slow-stream", "model", "{ share = \"DOSE\", per_token = \"300%\" }", "", Full::Every),
    ("tool-vanish", "lookup", "{ share = \"DOSE\" }", "", Full::Every),
];

pub(crate) fn fault(kind: &str, mock: &str, dose: &str) -> String {
    format!(
        "[[fault]]\nid = \"it\"\non = \"{mock}\"\nstart = \"6m\"\nduration = \"8m\"\ninject.{kind} = {dose}\n"
    )
}

#[test]
fn every_kind_of_fault_is_in_the_list() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../docs/scenario.schema.json")).unwrap();
    let there: BTreeSet<&str> =
        schema["$defs"]["Inject"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    // An incident is several faults of these kinds; `incidents.rs` looks at them.
    let listed: BTreeSet<&str> = KINDS.iter().map(|kind| kind.0).chain(["incident"]).collect();
    assert_eq!(there, listed);
}

#[test]
fn dose_zero_of_every_kind_changes_nothing() {
    let without = essence(&rehearse(&plan(SYSTEM), 5));
    for (kind, mock, full, zero, _) in KINDS {
        let dose = if zero.is_empty() { full.replace("DOSE", "0%") } else { zero.to_owned() };
        let with = rehearse(&plan(&format!("{SYSTEM}{}", fault(kind, mock, &dose))), 5);
        assert!(essence(&with) == without, "{kind} = {dose} changes something");
        assert_eq!(with.witnesses[0].hits, 0, "{kind} = {dose}");
    }
}

#[test]
fn full_dose_of_every_kind_is_witnessed_and_meets_every_call_that_it_concerns() {
    let without = rehearse(&plan(SYSTEM), 5);
    for (kind, mock, full, _, shows) in KINDS {
        // Work that is wrong by itself, for a verifier to find.
        let system = match kind {
            "verifier-bypass" => SYSTEM.replace("context_max", "right = \"70%\"\ncontext_max"),
            _ => SYSTEM.to_owned(),
        };
        let dose = full.replace("DOSE", "100%");
        let with = rehearse(&plan(&format!("{system}{}", fault(kind, mock, &dose))), 5);
        let witness = with.witnesses[0];
        if shows == Full::Elsewhere {
            continue;
        }
        if shows == Full::Every {
            assert_eq!(witness.hits, witness.exposed, "{kind}: every call of its window");
        }
        assert!(witness.hits > 0, "{kind}: {witness:?}");
        assert!(witness.first.is_some_and(|at| at.seconds() >= 360.0), "{kind}: {witness:?}");
        // What a reply does not say is seen in budgets and telemetry alone.
        let is_seen = kind == "usage-missing" || essence(&with) != essence(&without);
        assert!(is_seen, "{kind} changes something");
    }
}

#[test]
fn a_fault_may_count_instead_of_drawing() {
    let all = fault("error", "lookup", "{ share = \"100%\", status = 400 }");
    let counted = |more: &str| {
        let fault = all.replace("inject.", &format!("{more}\ninject."));
        rehearse(&plan(&format!("{SYSTEM}{fault}")), 5).witnesses[0]
    };
    let first = counted("first_n = 7");
    assert_eq!((first.hits, first.decisions), (7, 7));
    assert!(first.last < Some(first.first.unwrap() + stormdrill::base::Span::from_secs(60)), "{first:?}");
    let tenth = counted("every_nth = 10");
    assert_eq!(tenth.hits, tenth.exposed / 10);
    let both = counted("every_nth = 10\nfirst_n = 3");
    assert_eq!(both.hits, 3);
}
