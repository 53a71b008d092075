//! Every control contains the fault that it is there for, and costs what it says.

use stormdrill::engine::rehearse;
use stormdrill::record::{Event, Outcome, Record, Via};

use crate::kinds::{SYSTEM, fault};
use crate::plan;

/// Returns the system with more keys in the guard of a mock.
fn guarded(system: &str, guard: &str, keys: &str) -> String {
    let head = format!("[guard.{guard}]\n");
    if system.contains(&head) {
        return system.replace(&head, &format!("{head}{keys}\n"));
    }
    format!("{system}{head}{keys}\n")
}

fn outcome(record: &Record, outcome: Outcome) -> u64 {
    record.tiers.iter().map(|tier| tier.of(outcome)).sum()
}

fn wrong(record: &Record) -> u64 {
    outcome(record, Outcome::Wrong) + outcome(record, Outcome::Unsafe)
}

fn failed(record: &Record) -> u64 {
    outcome(record, Outcome::Failed) + outcome(record, Outcome::Late)
}

fn unsafe_acts(record: &Record) -> u64 {
    record.effects.iter().map(|effects| effects.unsafe_acts).sum()
}

/// Counts down with every effect, so that effects which are missing are an excess.
fn missing(record: &Record) -> u64 {
    1_000_000 - record.effects.iter().map(|effects| effects.executed).sum::<u64>()
}

fn requests(record: &Record) -> u64 {
    record.mocks.iter().map(|mock| mock.requests).sum()
}

fn lost_updates(record: &Record) -> u64 {
    record.mocks.iter().map(|mock| mock.lost_updates).sum()
}

type Measure = fn(&Record) -> u64;

/// The fault and its mock; the guard and the control; what the control must bring down.
const CONTAINED: [(&str, &str, &str, &str, &str, Measure); 21] = [
    ("injection", "board", "{ share = \"50%\" }", "board", "sanitizer = { catches = \"100%\" }", unsafe_acts),
    ("description-poison", "board", "{}", "board", "description_pin = { catches = \"100%\" }", unsafe_acts),
    ("bleed", "model", "{ share = \"5%\" }", "model", BLEED, unsafe_acts),
    ("stale", "lookup", "{ share = \"20%\" }", "lookup", STALE, wrong),
    ("malformed", "lookup", "{ share = \"20%\" }", "lookup", MALFORMED, wrong),
    ("history-loss", "model", "{ share = \"20%\" }", "model", HISTORY, wrong),
    ("overflow", "lookup", FLOOD, "tasks", "compaction = { above = 20000, to = 5000 }", failed),
    ("memory-poison", "memory", POISON, "memory", "provenance = { catches = \"100%\" }", unsafe_acts),
    ("scope-widen", "tool", "{}", "tool", "allow_list = true", unsafe_acts),
    ("scope-narrow", "tool", "{}", "tool", APPROVED, missing),
    ("token-expiry", "board", "{ lifetime = \"1s\" }", "board", "refresh = \"200ms\"", failed),
    ("schema-drift", "board", "{}", "board", "relist = \"200ms\"", failed),
    ("message-drop", "bus", "{ share = \"20%\" }", "tasks", "watchdog = \"5s\"", failed),
    ("message-duplicate", "bus", "{ share = \"20%\" }", "bus", "sequence_numbers = true", requests),
    ("message-reorder", "bus", "{ share = \"20%\", by = \"2s\" }", "bus", "sequence_numbers = true", wrong),
    ("handover-truncation", "bus", "{ share = \"20%\" }", "bus", CONTRACT, wrong),
    ("impersonation", "bus", "{ share = \"50%\" }", "bus", IDENTITY, wrong),
    ("livelock", "bus", "{ share = \"95%\" }", "tasks", "hop_limit = 2", requests),
    ("loop", "lookup", "{ share = \"90%\" }", "tasks", "loop_limit = 1", requests),
    (
        "contention",
        "board",
        "{ share = \"100%\", objects = 3 }",
        "board",
        "compare_and_set = true",
        lost_updates,
    ),
    ("corruption", "model", "{ share = \"10%\" }", "model", MALFORMED, wrong),
];

const BLEED: &str = "retry = { attempts = 4, backoff = \"10ms\" }\ntenant_check = { catches = \"100%\" }";
const STALE: &str = "retry = { attempts = 9, backoff = \"10ms\" }\nfreshness = { catches = \"100%\" }";
const MALFORMED: &str = "retry = { attempts = 9, backoff = \"10ms\" }\noutput = { catches = \"100%\" }";
const HISTORY: &str = "retry = { attempts = 9, backoff = \"10ms\" }\nhistory_check = { catches = \"100%\" }";
const FLOOD: &str = "{ share = \"50%\", tokens = 200000 }";
const POISON: &str = "{ entries = 50, hijack = \"100%\" }";
const APPROVED: &str = "step_up = { takes = \"5s\", approves = \"100%\", mistakes = \"0%\" }";
const CONTRACT: &str = "retry = { attempts = 9, backoff = \"10ms\" }\ncontract = { catches = \"100%\" }";
const IDENTITY: &str = "retry = { attempts = 9, backoff = \"10ms\" }\nidentity = { catches = \"100%\" }";

/// The system without what would hide a fault: the verifier, the limits, compare-and-set.
fn bare() -> String {
    let verifier = SYSTEM.lines().find(|line| line.contains("verify =")).unwrap();
    SYSTEM
        .replace(verifier, "")
        .replace("loop_limit = 3\nhop_limit = 6\n", "")
        .replace("[guard.board]\ncompare_and_set = true\n", "")
        // Natural contention would distort the state without any fault.
        .replace("objects = 20", "objects = 10000")
}

#[test]
fn every_control_contains_the_fault_that_it_is_there_for() {
    let system = bare();
    for (kind, mock, dose, guard, control, measure) in CONTAINED {
        let fault = fault(kind, mock, dose);
        let clean = measure(&rehearse(&plan(&system), 5));
        let without = measure(&rehearse(&plan(&format!("{system}{fault}")), 5)).saturating_sub(clean);
        let guarded = guarded(&system, guard, control);
        let with = measure(&rehearse(&plan(&format!("{guarded}{fault}")), 5)).saturating_sub(clean);
        assert!(without >= 20, "{kind}: {without} of harm is enough to speak of");
        assert!(with * 4 < without, "{kind}: {control} leaves {with} of {without}");
    }
}

/// Contamination, wider permissions and drift break nothing: neither calls that fail nor slow ones
/// show them, and nor does the success that telemetry sees.
#[test]
fn an_alert_on_errors_or_latency_misses_what_breaks_nothing() {
    let alerts = r#"
[slo.fast]
latency = { share = "90%", below = "60s" }
[slo.safe]
safety = "50%"
[alert.Errors]
when.threshold = { slo = "done", bad_above = "5%", over = "1m" }
severity = "sev2"
runbook = "r"
[alert.Slow]
when.threshold = { slo = "fast", bad_above = "5%", over = "1m" }
severity = "sev2"
runbook = "r"
[alert.Unsafe]
when.threshold = { slo = "safe", bad_above = "1%", over = "1m" }
severity = "sev2"
runbook = "r"
[alert.CallsTool]
when.threshold = { signal = "call-errors", mock = "tool", bad_above = "60%", over = "1m" }
severity = "sev2"
runbook = "r"
[alert.CallsBoard]
when.threshold = { signal = "call-errors", mock = "board", bad_above = "5%", over = "1m" }
severity = "sev2"
runbook = "r"
[alert.CallsBus]
when.threshold = { signal = "call-errors", mock = "bus", bad_above = "5%", over = "1m" }
severity = "sev2"
runbook = "r"
[runbook.r]
recovery = "backlog < 1000"
steps = [{ id = "look", owner = "auto", within = "1m", do.verify = {}, expect = "backlog < 1000" }]
"#;
    let system = bare();
    let invisible = [
        ("injection", "board", "{ share = \"100%\" }"),
        ("description-poison", "board", "{}"),
        ("memory-poison", "memory", "{ entries = 100 }"),
        ("bleed", "model", "{ share = \"20%\" }"),
        ("stale", "lookup", "{ share = \"50%\" }"),
        ("wrong-answer", "lookup", "{ share = \"50%\" }"),
        ("quality-drop", "model", "{ share = \"30%\" }"),
        ("scope-widen", "tool", "{}"),
        ("confused-deputy", "tool", "{ share = \"100%\" }"),
        ("handover-truncation", "bus", "{ share = \"30%\" }"),
        ("contention", "board", "{ share = \"100%\" }"),
        ("usage-missing", "model", "{ share = \"100%\" }"),
    ];
    for (kind, mock, dose) in invisible {
        let run = rehearse(&plan(&format!("{system}{alerts}{}", fault(kind, mock, dose))), 5);
        assert!(run.witnesses[0].hits > 0, "{kind}");
        let fired = run.journal.entries().iter().find(|entry| matches!(entry.event, Event::AlertFiring(_)));
        assert!(fired.is_none(), "{kind}: {fired:?}");
    }
}

#[test]
fn every_contaminated_effect_leads_back_to_the_fault_that_it_came_from() {
    let mut farthest = 0;
    for (kind, mock, dose) in [
        ("injection", "board", "{ share = \"30%\" }"),
        ("memory-poison", "memory", "{ entries = 50, hijack = \"60%\" }"),
        ("handover-truncation", "bus", "{ share = \"30%\" }"),
        ("contention", "board", "{ share = \"100%\" }"),
    ] {
        let run = rehearse(&plan(&format!("{}{}", bare(), fault(kind, mock, dose))), 5);
        assert!(!run.provenance.spreads().is_empty(), "{kind}");
        for act in run.provenance.acts() {
            let source = run.provenance.source(act.spread);
            let is_natural = source.via == Via::LostUpdate;
            assert!(source.fault == Some(0) || is_natural, "{kind}: {source:?}");
        }
        let distance = run.provenance.spreads().iter().map(|spread| spread.distance).max();
        farthest = farthest.max(distance.unwrap_or(0));
    }
    assert!(farthest >= 6, "what is remembered is recalled, again and again: {farthest}");
}

fn bare_lines(system: &str) -> impl Iterator<Item = &str> {
    system.lines().filter(|line| !line.contains("use = \"board\""))
}

#[test]
fn a_poisoned_memory_outlives_its_fault_and_a_purge_ends_it() {
    let runbook = |steps: &str| {
        format!(
            r#"
[alert.Later]
when.threshold = {{ slo = "done", bad_above = "0%", over = "15s" }}
severity = "sev2"
runbook = "heal"
[runbook.heal]
recovery = "backlog < 1000"
steps = [{steps}]
"#
        )
    };
    let poison = fault("memory-poison", "memory", "{ entries = 60, hijack = \"100%\" }");
    let failing = "[[fault]]\nid = \"bell\"\non = \"lookup\"\nstart = \"8m\"\nduration = \"1m\"\ninject.loop = { share = \"100%\" }\n";
    let system = bare();
    // Without the shared state, from which distortion would come back.
    let lines: Vec<&str> = bare_lines(&system).collect();
    let system = guarded(&format!("{}\n", lines.join("\n")), "tasks", "loop_limit = 1");
    let run = |steps: &str| rehearse(&plan(&format!("{system}{poison}{failing}{}", runbook(steps))), 5);
    let nothing =
        "{ id = \"look\", owner = \"auto\", within = \"1m\", do.verify = {}, expect = \"backlog < 1000\" }";
    let left = run(nothing);
    assert!(left.left_behind.iter().any(|what| what.contains("poisoned entries")), "{:?}", left.left_behind);
    let purge =
        "{ id = \"cut\", owner = \"auto\", within = \"1m\", do.quarantine = { memory = \"memory\" } },
        { id = \"purge\", owner = \"auto\", within = \"1m\", do.purge = { memory = \"memory\" } },
        { id = \"reset\", owner = \"auto\", within = \"1m\", do.reset-contexts = {} },
        { id = \"back\", owner = \"auto\", within = \"1m\", do.undo = { steps = [\"cut\"] } }";
    let healed = run(purge);
    assert!(!healed.left_behind.iter().any(|what| what.contains("memory")), "{:?}", healed.left_behind);
    assert!(healed.provenance.acts().len() * 3 < left.provenance.acts().len());
    assert_eq!(healed.journal.count(|event| matches!(event, Event::Purged { .. })), 1);
}

/// Screens in front of a memory take their time, cost their money, and err.
#[test]
fn screens_of_a_memory_cost_what_they_say() {
    let run = |screens: &str| rehearse(&plan(&guarded(&bare(), "memory", screens)), 5);
    let none = run("timeout = \"60s\"");
    let paid = run(
        "provenance = { catches = \"100%\", false_positives = \"10%\", delay = \"2s\", cost = \"$0.001\" }",
    );
    let tasks: u64 = none.mocks[1..].iter().map(|mock| mock.requests).max().unwrap();
    assert!(tasks > 1000 && none.spend.judging == 0);
    let memory = plan(&bare()).mocks.iter().position(|mock| mock.name == "memory").unwrap();
    // Two entries are recalled for each task that remembers one.
    let recalled = none.mocks[memory].requests / 2 * 2;
    let looks = paid.spend.judging / 1_000_000_000;
    assert!(looks.abs_diff(u128::from(recalled)) <= 4, "{looks} looks at {recalled} entries");
    let caught = paid.mocks[memory].caught;
    assert!(caught * 8 < recalled && recalled < caught * 12, "{caught} of {recalled}");
    let later = paid.latencies[0].mean() - none.latencies[0].mean();
    assert!(later > 1e6, "{later} microseconds: most of the tasks recall, and wait for two seconds");
}
