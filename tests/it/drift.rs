//! Model drift: errors stay zero, and only what looks at quality can find it.

use stormdrill::engine::rehearse;
use stormdrill::record::{Event, Outcome, Record};

use crate::plan;

/// Ten minutes of steady state, then a fault over twenty, with alerts on errors and on judgements.
fn drill(inject: &str, more: &str) -> Record {
    let fault = format!(
        "[[fault]]\nid = \"drift\"\non = \"model\"\nstart = \"10m\"\nduration = \"20m\"\ninject.{inject}\n"
    );
    let fault = if inject.is_empty() { String::new() } else { fault };
    let text = format!(
        r#"
duration = "40m"
baseline = "8m"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "5ms"
price = {{ in = "$3", out = "$15" }}
[load]
arrivals.constant = "5/s"
tiers = {{ standard = "100%" }}
[[load.phase]]
at = "35m"
rate = "0/s"
[agents.a]
plan = [{{ ask = "model", tokens = {{ in = "1000", out = "100" }} }}]
[slo.done]
success = "90%"
[evaluation.sampled]
sample = "20%"
delay = "30s"
cost = "$0.01"
misses = "25%"
false_alarms = "4%"
[evaluation.known]
ask = "model"
every = "10s"
[alert.AnErrors]
when.threshold = {{ slo = "done", bad_above = "1%", over = "1m" }}
severity = "sev2"
runbook = "look"
[alert.BCusum]
when.cusum = {{ evaluation = "sampled", usual = "4%", shifted = "15%" }}
severity = "sev2"
runbook = "look"
[alert.CHinkley]
when.page-hinkley = {{ evaluation = "known", tolerance = "5%", threshold = 6 }}
severity = "sev2"
runbook = "look"
[alert.DRefusals]
when.threshold = {{ signal = "refusals", mock = "model", bad_above = "5%", over = "1m" }}
severity = "sev3"
runbook = "look"
[alert.EMalformed]
when.threshold = {{ signal = "malformed", mock = "model", bad_above = "5%", over = "1m" }}
severity = "sev3"
runbook = "look"
[alert.FTokens]
when.threshold = {{ signal = "output-tokens", mock = "model", above = 130, over = "1m" }}
severity = "sev3"
runbook = "look"
[runbook.look]
recovery = "backlog < 10000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
{more}{fault}"#
    );
    rehearse(&plan(&text), 7)
}

/// Which alerts fired, by the first letters of their names.
fn fired(record: &Record) -> String {
    let is = |alert: usize| record.journal.first(|event| event == Event::AlertFiring(alert)).is_some();
    "ABCDEF".chars().enumerate().filter(|(alert, _)| is(*alert)).map(|(_, letter)| letter).collect()
}

#[test]
fn quality_drift_shows_no_error_and_is_found_by_judgements_alone() {
    let (calm, drifted) = (drill("", ""), drill("quality-drop = { share = \"30%\" }", ""));
    assert_eq!(fired(&calm), "", "steady state");
    assert_eq!(fired(&drifted), "BC", "an alert on errors misses it");
    // Nothing but the answers differs: no error, no latency, no cost.
    assert_eq!(drifted.mocks, calm.mocks);
    assert_eq!(drifted.spend, calm.spend);
    assert_eq!(drifted.latencies[1].max(), calm.latencies[1].max());
    let wrong = drifted.tiers[1].of(Outcome::Wrong);
    assert!((1600..2000).contains(&wrong), "{wrong}");
    assert_eq!(drifted.tiers[1].of(Outcome::Failed), 0);
    // Canary questions are hit too.
    let canaries = drifted.witnesses[0].hits - wrong;
    assert!((20..60).contains(&canaries), "{canaries}");
}

#[test]
fn each_fault_of_replies_shows_where_it_should_and_nowhere_else() {
    for (inject, expected) in [
        ("silent-swap = { tokens = \"150%\", latency = \"120%\" }", "F"),
        ("reasoning-bloat = { factor = \"500%\" }", "F"),
        ("refusal = { share = \"20%\" }", "ACD"),
        ("corruption = { share = \"20%\" }", "BC"),
        ("truncation = { share = \"20%\" }", "BC"),
        ("tool-call-degrade = { share = \"20%\" }", "AC"),
    ] {
        let found = fired(&drill(inject, ""));
        // A canary question that is refused gets no judgement, so that it may or may not be noticed.
        assert_eq!(found.replace('C', ""), expected.replace('C', ""), "{inject}: {found}");
    }
}

#[test]
fn an_output_check_catches_broken_forms_and_asks_again_but_no_wrong_answer() {
    let guard =
        "[guard.model]\noutput = { catches = \"100%\" }\nretry = { attempts = 5, backoff = \"100ms\" }\n";
    for inject in ["corruption", "truncation", "tool-call-degrade"] {
        let record = drill(&format!("{inject} = {{ share = \"20%\" }}"), guard);
        assert!(fired(&record).contains('E'), "{inject}: counted");
        let bad = record.tiers[1].bad();
        assert!(bad <= 10, "{inject}: asked again until it is well formed: {bad}");
        assert!(record.mocks[0].retries > 1000, "{inject}");
    }
    let wrong = drill("quality-drop = { share = \"20%\" }", guard);
    assert!(wrong.tiers[1].of(Outcome::Wrong) > 1000 && wrong.mocks[0].retries == 0);
}

#[test]
fn share_all_meets_every_reply_in_its_window() {
    for inject in ["quality-drop", "corruption", "truncation", "tool-call-degrade", "refusal"] {
        let record = drill(&format!("{inject} = {{ share = \"100%\" }}"), "");
        let witness = record.witnesses[0];
        assert_eq!(witness.hits, witness.exposed, "{inject}");
        assert!(witness.hits > 6000 && witness.first.is_some(), "{inject}: {witness:?}");
    }
}

#[test]
fn judgements_come_late_miss_and_raise_false_alarms_as_stated() {
    let share = |(bad, all): (u64, u64)| bad as f64 / all as f64;
    let calm = drill("", "");
    // 10500 tasks of which a fifth is judged; 4 % of right answers are taken for wrong.
    assert!((1950..2250).contains(&calm.judged[1].1), "{:?}", calm.judged);
    assert!((share(calm.judged[1]) - 0.04).abs() < 0.02, "{:?}", calm.judged);
    assert_eq!(calm.judged[0].0, 0, "questions with known answers are judged without error");
    assert_eq!(calm.spend.judging, u128::from(calm.judged[1].1) * 10_000_000_000, "a cent each");
    let wrong = drill("quality-drop = { share = \"100%\" }", "");
    let more = (wrong.judged[1].0 - calm.judged[1].0) as f64;
    // Of the 6000 wrong answers a fifth is judged: 75 % are found, where 4 % had been taken for wrong.
    assert!((more / (1200.0 * 0.71) - 1.0).abs() < 0.12, "{more}");
}

#[test]
fn a_sticky_drop_takes_all_answers_of_a_task_or_none() {
    let text = r#"
duration = "30m"
baseline = "2m"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "5ms"
[load]
arrivals.constant = "5/s"
tiers = { standard = "100%" }
[[load.phase]]
at = "22m"
rate = "0/s"
[agents.a]
plan = [{ ask = "model", tokens = { in = "10", out = "10" }, times = "4" }]
[slo.done]
success = "10%"
[[fault]]
id = "drift"
on = "model"
start = "2m"
duration = "24m"
sticky = "session"
inject.quality-drop = { share = "20%" }
"#;
    let sticky = rehearse(&plan(text), 3);
    let loose = rehearse(&plan(&text.replace("sticky = \"session\"\n", "")), 3);
    let wrong = |record: &Record| record.tiers[1].of(Outcome::Wrong) as f64 / 6000.0;
    assert!((wrong(&sticky) - 0.2).abs() < 0.03, "a fifth of tasks: {}", wrong(&sticky));
    assert!((wrong(&loose) - 0.59).abs() < 0.03, "1 - 0.8^4 of tasks: {}", wrong(&loose));
}

/// A quarter more tokens: no line on the average that is quiet in steady state finds it as soon.
#[test]
fn a_chart_over_tokens_finds_a_small_shift_and_nothing_else() {
    let tokens = "out = \"lognormal(100, 0.5)\"";
    let run = |inject: &str| {
        let fault = if inject.is_empty() {
            String::new()
        } else {
            format!(
                "[[fault]]\nid = \"f\"\non = \"model\"\nstart = \"10m\"\nduration = \"20m\"\ninject.{inject}\n"
            )
        };
        let text = format!(
            r#"
duration = "40m"
baseline = "8m"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "1ms"
[load]
arrivals.constant = "5/s"
tiers = {{ standard = "100%" }}
[agents.a]
plan = [{{ ask = "model", tokens = {{ in = "1000", {tokens} }} }}]
[slo.done]
success = "20%"
[alert.More]
when.cusum-tokens = {{ model = "model", usual = "lognormal(100, 0.5)", shifted = "125%", run_length = 10000000 }}
severity = "sev3"
runbook = "look"
[alert.Fewer]
when.cusum-tokens = {{ model = "model", usual = "lognormal(100, 0.5)", shifted = "70%", run_length = 10000000 }}
severity = "sev3"
runbook = "look"
[runbook.look]
recovery = "backlog < 10000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
{fault}"#
        );
        let run = rehearse(&plan(&text), 11);
        // In the order of their names: fewer, more.
        [0, 1].map(|alert| {
            run.journal.first(|event| event == Event::AlertFiring(alert)).map(|at| at.seconds() - 600.0)
        })
    };
    assert_eq!(run(""), [None, None]);
    assert_eq!(
        run("quality-drop = { share = \"50%\" }"),
        [None, None],
        "wrong answers are as long as others"
    );
    let [fewer, more] = run("silent-swap = { tokens = \"125%\", latency = \"100%\" }");
    assert!(fewer.is_none() && more.is_some_and(|after| after < 90.0), "{more:?}");
    let [fewer, more] = run("silent-swap = { tokens = \"60%\", latency = \"100%\" }");
    assert!(more.is_none() && fewer.is_some_and(|after| after < 60.0), "{fewer:?}");
}

/// One hit in a window of one is all of it: a least count says when a share means something.
#[test]
fn a_threshold_waits_until_its_window_holds_enough() {
    let run = |count_min: &str| {
        let text = format!(
            r#"
duration = "40m"
baseline = "8m"
[mocks.model]
kind = "model"
first_token = "300ms"
per_token = "1ms"
[load]
arrivals.constant = "1/min"
tiers = {{ standard = "100%" }}
[agents.a]
plan = [{{ ask = "model", tokens = {{ in = "1000", out = "10" }} }}]
[slo.done]
success = "20%"
[alert.Refused]
when.threshold = {{ signal = "refusals", mock = "model", bad_above = "50%", over = "10m"{count_min} }}
severity = "sev3"
runbook = "look"
[runbook.look]
recovery = "backlog < 10000"
steps = [{{ id = "own", owner = "auto", within = "1m", do.acknowledge = {{}} }}]
[[load.phase]]
at = "9m"
rate = "0/s"
[[load.phase]]
at = "25m"
rate = "1/min"
[[fault]]
id = "f"
on = "model"
start = "10m"
duration = "29m"
inject.refusal = {{ share = "100%" }}
"#
        );
        let run = rehearse(&plan(&text), 1);
        run.journal.first(|event| event == Event::AlertFiring(0)).map(|at| at.seconds() / 60.0)
    };
    let (at_once, later) = (run("").unwrap(), run(", count_min = 5").unwrap());
    assert!((25.0..27.0).contains(&at_once), "{at_once}");
    assert!((29.0..31.0).contains(&later), "{later}");
}
