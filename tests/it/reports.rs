//! Every view from one result: the same from a saved one, inert whatever its texts, and no panic whatever is missing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::ValueEnum;
use serde_json::Value;
use stormdrill::drill::{Drill, DrillError};
use stormdrill::engine::rehearse_traced;
use stormdrill::grade::Verdict;
use stormdrill::plan::Plan;
use stormdrill::record::{Node, Outcome, Step};
use stormdrill::report::views::View;
use stormdrill::report::{DrillResult, WholeResult, explain, saved};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn drill() -> Drill {
    Drill::load(root().join("scenarios/model-upgrade-regression.toml")).unwrap()
}

/// A drill whose new version is never looked at: it fails, with a rollout, alerts and steps to tell of.
fn result() -> &'static WholeResult {
    static RESULT: OnceLock<WholeResult> = OnceLock::new();
    RESULT.get_or_init(|| {
        let bare = drill().seeds(20).without("runbooks").unwrap();
        let bare =
            ["NewWriterIsWorse", "guard.tasks"].iter().try_fold(bare, |drill, name| drill.without(name));
        let both = [bare.unwrap(), drill().seeds(2)].map(|drill| drill.run().unwrap().with_its_own_path());
        WholeResult::of(both.into())
    })
}

/// Every view of a result that has one; a journal of Chaos Toolkit only of one drill.
fn views(result: &WholeResult) -> Vec<(View, String)> {
    let all = View::value_variants().iter();
    all.filter_map(|view| Some((*view, view.render(result).ok()?))).collect()
}

fn one(result: &WholeResult, index: usize) -> WholeResult {
    WholeResult::of(vec![result.drills[index].clone()])
}

#[test]
fn a_saved_result_gives_the_same_bytes_in_every_view() {
    let json = View::Json.render(result()).unwrap();
    let read = saved::whole(&json).unwrap();
    assert_eq!(views(&read), views(result()));
    // The trimmed result has everything that the views show.
    let trimmed = saved::whole(&View::JsonTrimmed.render(result()).unwrap()).unwrap();
    for (view, text) in views(&trimmed) {
        let is_json = matches!(view, View::Json | View::JsonTrimmed);
        assert!(is_json || text == view.render(result()).unwrap(), "{view:?} needs what is trimmed away");
    }
}

#[test]
fn a_journal_of_chaos_toolkit_is_of_one_drill() {
    assert!(View::Chaos.render(result()).is_err());
    let journal: Value = serde_json::from_str(&View::Chaos.render(&one(result(), 0)).unwrap()).unwrap();
    assert_eq!(journal["deviated"], true);
    assert_eq!(journal["steady_states"]["before"]["steady_state_met"], true);
    assert_eq!(journal["steady_states"]["after"]["steady_state_met"], false);
    assert_eq!(journal["run"][0]["status"], "succeeded", "the fault was met");
}

/// Texts that have broken somebody's reports before.
const HOSTILE: [&str; 10] = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</script></title><svg onload=alert(1)>",
    "::error file=a,line=1::forged",
    "\n::error::forged\r::stop-commands::x\n# heading",
    "a ##[error]forged",
    "\u{202e}gnp.exe\u{2066}\u{200b}\u{e0041}",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\0\u{1}\u{7f}\u{9b}31m",
    "]]>&lt;&#0;\u{fffe}\u{ffff} | x | [a](javascript:alert(1)) @everyone",
    "https://example.invalid www.example.invalid `$(id)`",
];

/// Puts a text in every place of a result that has one, but for the histograms.
fn replaced(value: &mut Value, text: &str) {
    match value {
        Value::String(of) => text.clone_into(of),
        Value::Array(values) => values.iter_mut().for_each(|value| replaced(value, text)),
        Value::Object(fields) => {
            let others = fields.iter_mut().filter(|(key, _)| *key != "latencies");
            others.for_each(|(_, value)| replaced(value, text));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hostile(text: &str, verdict: &str) -> WholeResult {
    let mut value = serde_json::to_value(one(result(), 0)).unwrap();
    replaced(&mut value, text);
    value["verdict"] = verdict.into();
    value["drills"][0]["verdict"] = verdict.into();
    saved::whole(&value.to_string()).unwrap()
}

/// Whether no character acts on a terminal or hides or reorders what is around it.
fn is_plain(text: &str) -> bool {
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{200b}'..='\u{200f}').contains(&c);
    let reorders = |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2060}'..='\u{206f}').contains(&c);
    !text.chars().any(|c| acts(c) || reorders(c))
}

#[test]
fn hostile_texts_are_inert_in_every_view() {
    let long = "a".repeat(10_000);
    let clean = one(result(), 0);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        for verdict in ["FAIL", "INVALID", "INCONCLUSIVE", "PASS"] {
            let hostile = hostile(text, verdict);
            for (view, shown) in views(&hostile)
                .into_iter()
                .filter(|(view, _)| !matches!(view, View::Json | View::JsonTrimmed))
            {
                // The colours of the terminal view are ours; whoever prints it strips them where nobody sees them.
                let styles = ["0m", "1m", "31m", "32m", "33m"].map(|style| format!("\u{1b}[{style}"));
                let shown = styles.iter().fold(shown, |shown, style| shown.replace(style, ""));
                assert!(is_plain(&shown), "{view:?} of {text:?}");
                assert!(!shown.contains(&"a".repeat(700)), "{view:?}: endless words are cut");
            }
            let shown = |view: View| view.render(&hostile).unwrap();
            let html = shown(View::Html);
            let tags = |html: &str, tag: &str| html.matches(tag).count();
            for tag in ["<script", "</script", "<svg", "<title", "<img", "<iframe"] {
                assert!(
                    tags(&html, tag) <= tags(&View::Html.render(&clean).unwrap(), tag) + 40,
                    "{tag} of {text:?}"
                );
            }
            assert_eq!(
                tags(&html, "<img") + tags(&html, "onload=alert(1)>") + tags(&html, "onerror=alert(1)>"),
                0
            );
            assert_eq!(tags(&html, "<script"), tags(&html, "</script"), "{text:?}");
            for line in shown(View::Github).lines() {
                assert!(line.starts_with("::error file=") || line.starts_with("::notice file="), "{line}");
                assert_eq!(line.matches("::").count(), 2, "{line}");
            }
            for line in shown(View::Human).lines() {
                assert!(!line.trim_start().starts_with("::"), "{line}");
            }
            for view in [View::Human, View::Github] {
                assert!(!shown(view).contains("##["), "{view:?} of {text:?}");
            }
            for view in [View::Markdown, View::Summary] {
                let markdown = shown(view);
                for bad in ["<script", "<img", "<svg", "](javascript", "https://", "www.", "@everyone"] {
                    assert!(!markdown.contains(bad), "{view:?} of {text:?} has {bad}");
                }
                assert!(!markdown.lines().any(|line| line.starts_with("# heading")));
            }
            for line in shown(View::Jsonl).lines() {
                serde_json::from_str::<Value>(line).unwrap();
            }
            for line in shown(View::Hlog).lines().skip(4) {
                assert!(line.starts_with("Tag=") && line.split(',').count() == 5, "{line}");
            }
        }
    }
}

/// Calls `of` with every change of a JSON value in which one list is cut, one number is another, or one value is null.
fn changed(value: &Value, of: &mut impl FnMut(Value)) {
    let paths = paths(value, "");
    for path in paths {
        let here = value.pointer(&path).unwrap();
        let others: Vec<Value> = match here {
            Value::Array(values) => {
                vec![Value::Array(values.iter().take(1).cloned().collect()), Value::Array(Vec::new())]
            }
            Value::Number(_) => {
                vec![0.into(), (-1).into(), u64::MAX.into(), serde_json::json!(1e300), Value::Null]
            }
            Value::String(_) | Value::Object(_) | Value::Bool(_) => vec![Value::Null],
            Value::Null => vec![0.into()],
        };
        for other in others {
            let mut copy = value.clone();
            *copy.pointer_mut(&path).unwrap() = other;
            of(copy);
        }
    }
}

/// Returns the pointers to every value; of lists only the first two.
fn paths(value: &Value, here: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(values) => {
            values.iter().take(2).enumerate().map(|(index, of)| (index.to_string(), of)).collect()
        }
        Value::Object(fields) => fields.iter().map(|(key, of)| (key.clone(), of)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(key, of)| paths(of, &format!("{here}/{key}")));
    std::iter::once(here.to_owned())
        .chain(below.collect::<Vec<_>>())
        .filter(|path| !path.is_empty())
        .collect()
}

#[test]
fn a_result_that_lacks_or_twists_anything_is_refused_or_shown_and_never_panics() {
    let mut small = one(result(), 0);
    small.drills[0].shown.truncate(1);
    small.drills[0].runs.truncate(1);
    let timeline = &mut small.drills[0].shown[0].timeline;
    for tier in &mut timeline.tiers {
        tier.arrived.truncate(3);
        tier.p95_s.truncate(3);
    }
    let value = serde_json::to_value(&small).unwrap();
    let (mut shown, mut refused) = (0, 0);
    changed(&value, &mut |changed| match saved::whole(&changed.to_string()) {
        Ok(result) => {
            shown += 1;
            for view in View::value_variants() {
                let _text_or_why = view.render(&result);
            }
        }
        Err(_) => refused += 1,
    });
    assert!(shown > 200 && refused > 200, "{shown} shown, {refused} refused");
}

#[test]
fn a_result_of_another_version_is_refused() {
    let mut value = serde_json::to_value(result()).unwrap();
    value["schema_version"] = 1.into();
    let why = saved::whole(&value.to_string()).unwrap_err();
    assert_eq!(why, "its form is of version 1, and this program reads 2");
}

#[test]
fn the_runs_that_are_shown_are_those_that_were_counted() {
    for drill in &result().drills {
        assert!(!drill.shown.is_empty());
        for shown in &drill.shown {
            let counted = drill.runs.iter().find(|run| run.seed == shown.run.seed).unwrap();
            assert_eq!(serde_json::to_value(counted).unwrap(), serde_json::to_value(&shown.run).unwrap());
            let timeline = &shown.timeline;
            for tier in &timeline.tiers {
                let arrived: u64 = tier.arrived.iter().map(|count| u64::from(*count)).sum();
                let harm = counted.harm.iter().find(|harm| harm.tier == tier.tier).unwrap();
                assert_eq!(arrived, harm.arrived, "the timeline has every task");
            }
            let minutes = timeline.width_s / 60.0;
            let spent: f64 = timeline.usd_per_minute.iter().map(|rate| rate * minutes).sum();
            assert!((spent - counted.spend.usd).abs() < 0.02, "{spent}, not {}", counted.spend.usd);
            let fired = shown.journal.iter().filter(|line| line.event == "alert-firing").count();
            assert_eq!(fired, counted.alerts.len());
        }
    }
}

#[test]
fn a_missed_target_is_told_with_its_line_and_its_seed() {
    let drill = &result().drills[0];
    assert_eq!(drill.verdict, "FAIL");
    let missed = drill.targets.iter().find(|target| target.name == "detect").unwrap();
    let seed = missed.missed_seed.unwrap();
    let scenario = std::fs::read_to_string(root().join("scenarios/model-upgrade-regression.toml")).unwrap();
    assert!(scenario.lines().nth(missed.line.unwrap() - 1).unwrap().starts_with("detect"));
    let text = View::Github.render(&one(result(), 0)).unwrap();
    let expected = format!("line={},title=FAIL%3A detect missed::", missed.line.unwrap());
    assert!(text.contains(&expected) && text.contains(&format!("--seed {seed}")), "{text}");
    assert!(text.lines().count() <= 20, "GitHub shows ten of a kind");
}

#[test]
fn a_drill_is_a_test_in_a_rust_project() {
    let pass = drill().seeds(60).run().unwrap();
    pass.assert_pass();
    assert_eq!(pass.concluded(), Some(Verdict::Pass));
    let settled = drill().without("runbooks").unwrap().without("NewWriterIsWorse").unwrap();
    let fail = settled.until_settled(100).threads(1).run().unwrap();
    fail.assert_fail();
    let told = std::panic::catch_unwind(|| fail.assert_pass()).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("FAIL") && told.contains("stormdrill replay /"), "{told}");
    assert!(!told.contains('\u{1b}'), "no colours in a test's output");
}

#[test]
fn a_wrong_scenario_and_a_wrong_name_are_told_and_not_run() {
    let wrong = Drill::load(root().join("tests/it/bad/everything.toml")).unwrap_err();
    assert!(matches!(&wrong, DrillError::Wrong(told) if told.contains("everything.toml:")), "{wrong}");
    let unknown = drill().without("runbook").unwrap_err();
    assert!(unknown.to_string().contains("runbooks"), "{unknown}");
}

#[test]
fn whatever_a_command_refuses_can_be_explained() {
    let mut codes = Vec::new();
    for entry in std::fs::read_dir(root().join("src/cli")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(path).unwrap();
            let found = text.split("error[").skip(1).filter_map(|rest| rest.split_once(']'));
            codes.extend(found.map(|(code, _)| code.to_owned()));
        }
    }
    assert!(codes.len() > 10);
    for code in codes {
        assert!(explain::find(&code).is_some(), "`{code}` is not explained");
    }
    let targets = result().drills.iter().flat_map(|drill: &DrillResult| &drill.targets);
    for target in targets {
        assert!(explain::find(&target.name).is_some(), "`{}` is not explained", target.name);
    }
}

#[test]
fn moments_stand_where_they_came_and_are_counted_from_their_own_fault() {
    let storm = Drill::load(root().join("scenarios/compound-storm.toml")).unwrap().seeds(4).run().unwrap();
    for run in &storm.runs {
        let pairs = [(run.times_s.contain, run.came_s.contain), (run.times_s.recover, run.came_s.recover)];
        for (after, at) in pairs {
            let (after, at) = (after.unwrap(), at.unwrap());
            let mut onsets = run.witness.iter().filter_map(|witness| witness.first_s);
            assert!(
                onsets.any(|onset| (onset + after - at).abs() < 0.01),
                "{after} s before {at} s is no onset"
            );
        }
        let last = run.witness.iter().filter_map(|witness| witness.first_s).fold(0.0, f64::max);
        assert!(run.came_s.recover.unwrap() > last, "it recovered from the last fault too");
    }
}

#[test]
fn tasks_in_flight_are_the_most_at_a_time() {
    let plan = Plan::of(drill().scenario());
    let record = rehearse_traced(&plan, 1);
    let nodes = &record.trace.as_ref().unwrap().nodes;
    let is_shed = |node: &&Node| node.step == Step::Outcome(Outcome::Shed);
    let shed: BTreeSet<u32> = nodes.iter().filter(is_shed).map(|node| node.task).collect();
    let (mut open, mut most) = (0, vec![0; record.series.backlog.len()]);
    let mut bucket = 0;
    for node in nodes.iter().filter(|node| !shed.contains(&node.task)) {
        let now = record.series.bucket(node.at);
        most[bucket + 1..=now].fill(open);
        bucket = now;
        open += u32::from(matches!(node.step, Step::Arrived { .. }));
        open -= u32::from(matches!(node.step, Step::Outcome(_)));
        most[now] = most[now].max(open);
    }
    // Before the fault, when no task is late and still at work.
    let quiet = record.series.bucket(plan.baseline);
    assert_eq!(record.series.backlog[..quiet], most[..quiet]);
    assert!(most[..quiet].iter().max() > Some(&10));
}
