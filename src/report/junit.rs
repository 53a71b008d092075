//! `JUnit` XML: a suite for each drill, a case for each target; GitLab, Jenkins and others read it.
//!
//! Not contained is a `failure`; a drill that proves nothing (INVALID, NOT EXPOSED) is an `error`; one
//! that is not settled is `skipped` with its reason.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::result::{DrillResult, TargetSummary, WholeResult};
use crate::report::words::{amount, of_runs, percent};

/// Returns the XML.
pub(super) fn text(result: &WholeResult) -> String {
    let mut report = Report::new("stormdrill");
    report.add_test_suites(result.drills.iter().map(suite));
    report.to_string().expect("inert texts are XML")
}

fn suite(drill: &DrillResult) -> TestSuite {
    let mut name = drill.scenario.title.clone();
    if !drill.without.is_empty() {
        name.push_str(" without ");
        name.push_str(&drill.without.join(", "));
    }
    let mut suite = TestSuite::new(name);
    suite.add_property(("scenario", drill.scenario.path.as_str()));
    suite.add_property(("digest", drill.scenario.digest.as_str()));
    suite.add_property(("verdict", drill.verdict.as_ref()));
    let last = drill.seeds.first.saturating_add(drill.seeds.count).saturating_sub(1);
    suite.add_property(("seeds", format!("{}..{last}", drill.seeds.first).as_str()));
    if !drill.without.is_empty() {
        suite.add_property(("without", drill.without.join(", ").as_str()));
    }
    suite.add_test_case(case(drill, "verdict", None, status(drill)));
    suite.add_test_cases(
        drill
            .targets
            .iter()
            .map(|target| case(drill, &target.name, target.line, target_status(drill, target))),
    );
    suite
}

fn case(drill: &DrillResult, name: &str, line: Option<usize>, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(drill.scenario.path.clone());
    case.extra.insert("file".into(), drill.here.file.as_str().into());
    if let Some(line) = line {
        case.extra.insert("line".into(), line.to_string().as_str().into());
    }
    case
}

fn status(drill: &DrillResult) -> TestCaseStatus {
    let reasons = drill.because.join("\n");
    let say = |mut status: TestCaseStatus| {
        // GitLab reads the text and not the attribute.
        status
            .set_message(drill.because.first().cloned().unwrap_or_default())
            .set_description(reasons.clone());
        status
    };
    match drill.verdict.as_ref() {
        "PASS" => TestCaseStatus::success(),
        "INCONCLUSIVE" => say(TestCaseStatus::skipped()),
        "FAIL" => say(failure(NonSuccessKind::Failure, "FAIL")),
        other => say(failure(NonSuccessKind::Error, other)),
    }
}

fn failure(kind: NonSuccessKind, of: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(of);
    status
}

/// A target fails with its drill; in a drill that is not settled or passes, runs may miss it.
fn target_status(drill: &DrillResult, target: &TargetSummary) -> TestCaseStatus {
    if drill.graded.is_empty() {
        let mut status = TestCaseStatus::skipped();
        status.set_message("not graded: no run proves anything");
        return status;
    }
    if drill.missed_runs(target) == 0 {
        return TestCaseStatus::success();
    }
    let again =
        target.missed_seed.map_or(String::new(), |seed| format!("\nagain: {} --seed {seed}", drill.again));
    let told = format!(
        "{} missed it: median {}, 95 of 100 {}, limit {}; {} of runs must meet every target{again}",
        of_runs(drill.missed_runs(target), drill),
        amount(target, target.p50),
        amount(target, target.p95),
        amount(target, Some(target.limit)),
        percent(drill.pass_rate.required),
    );
    let mut status = match drill.verdict.as_ref() {
        "FAIL" => failure(NonSuccessKind::Failure, "missed"),
        "PASS" => return TestCaseStatus::success(),
        _ => TestCaseStatus::skipped(),
    };
    status.set_message(told.lines().next().unwrap_or_default()).set_description(told);
    status
}
