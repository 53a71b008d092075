//! The draft of a postmortem, in Markdown: first what every update says, then what happened and what it teaches.
//!
//! The order of the first part is that of a status update: impact scope, current state, risk level, mitigation
//! plan, recovery criteria. Conditions are those of the system, never a person.

use std::fmt::Write;

use crate::report::lessons;
use crate::report::markup::{code, escaped};
use crate::report::result::{DrillResult, JournalLine, ShownRun, WholeResult};
use crate::report::words::{after_onset, amount, clock, happening, held, of_runs, perhaps, share, span, usd};

/// Returns the drafts of all drills, one after the other.
pub(super) fn text(result: &WholeResult) -> String {
    let mut text = String::new();
    for (number, drill) in result.drills.iter().enumerate() {
        if number > 0 {
            line!(text, "\n---\n");
        }
        self::drill(drill, &mut text);
    }
    text
}

fn drill(drill: &DrillResult, text: &mut String) {
    line!(text, "# Postmortem draft: {}\n", escaped(&drill.scenario.title));
    let how = drill.live.as_ref().map_or_else(|| "in virtual time".to_owned(), held);
    line!(
        text,
        "A drill {how}, {}: {}. {} of {} runs met every target.\n",
        code(&drill.scenario.path),
        escaped(&drill.verdict),
        drill.pass_rate.passed,
        drill.pass_rate.runs
    );
    let last = drill.seeds.first.saturating_add(drill.seeds.count).saturating_sub(1);
    line!(
        text,
        "Status: draft. Seeds {} to {last}, stormdrill {}, scenario {}.\n",
        drill.seeds.first,
        env!("CARGO_PKG_VERSION"),
        code(drill.scenario.digest.get(..12).unwrap_or_default())
    );
    status(drill, text);
    summary(drill, text);
    if drill.graded.is_empty() {
        // Without evidence there is nothing to tell but why.
        if let Some(shown) = drill.shown.first() {
            timeline(drill, shown, text);
        }
        actions(drill, text);
        return;
    }
    impact(drill, text);
    if let Some(shown) = drill.shown.first() {
        timeline(drill, shown, text);
    }
    list(text, "Contributing conditions", &lessons::conditions(drill), "None is known.");
    phases(drill, text);
    list(text, "What went well", &lessons::well(drill), "Nothing was measured that did.");
    list(text, "What did not go well", &lessons::badly(drill), "Nothing that was measured.");
    list(text, "Where we got lucky", &lessons::lucky(drill), "No target was met by a hair.");
    actions(drill, text);
}

/// What every update says, in its order.
fn status(drill: &DrillResult, text: &mut String) {
    let status = lessons::status(drill);
    let plan = status.plan.iter().map(|(book, steps)| format!("{book}: {}", steps.join(", ")));
    let or =
        |texts: Vec<String>, none: &str| if texts.is_empty() { none.to_owned() } else { texts.join("; ") };
    let plan = or(plan.map(|text| escaped(&text)).collect(), "no runbook");
    let criteria = or(status.criteria.iter().map(|text| code(text)).collect(), "none stated");
    let against = match (drill.harm.is_empty(), &drill.live) {
        (true, _) => "",
        (false, None) => " in the median run, against the same run without the fault",
        (false, Some(_)) => ", against the same tasks without the fault",
    };
    line!(text, "| | |\n|---|---|");
    line!(text, "| **Impact scope** | {}{against} |", escaped(&status.impact));
    line!(text, "| **Current state** | {} |", escaped(&status.state));
    line!(text, "| **Risk level** | {} |", status.risk);
    line!(text, "| **Mitigation plan** | {plan} |");
    line!(text, "| **Recovery criteria** | {criteria} |\n");
}

fn summary(drill: &DrillResult, text: &mut String) {
    line!(text, "## Summary\n");
    for reason in &drill.because {
        line!(text, "* {}", escaped(reason));
    }
    if !drill.without.is_empty() {
        line!(text, "* switched off: {}", escaped(&drill.without.join(", ")));
    }
    if let Some(spend) = &drill.spend {
        line!(
            text,
            "* spent {} in the median run, {} without the fault",
            escaped(&usd(spend.usd)),
            escaped(&usd(spend.twin_usd))
        );
    }
    line!(text, "");
}

fn impact(drill: &DrillResult, text: &mut String) {
    line!(
        text,
        "## Impact\n\n| tier | tasks | lost | lost, 95 of 100 | failed | late | wrong | refused | unsafe |"
    );
    line!(text, "|---|---|---|---|---|---|---|---|---|");
    for of in &drill.harm {
        line!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            escaped(&of.tier),
            of.arrived,
            of.lost,
            of.lost_p95,
            of.failed,
            of.late,
            of.wrong,
            of.shed,
            of.r#unsafe
        );
    }
    line!(text, "\n| target | limit | median | 95 of 100 | runs that met it |\n|---|---|---|---|---|");
    for target in &drill.targets {
        line!(
            text,
            "| {} | {} | {} | {} | {}/{} |",
            escaped(&target.name),
            amount(target, Some(target.limit)),
            amount(target, target.p50),
            amount(target, target.p95),
            target.met_runs,
            drill.graded_runs()
        );
    }
    line!(text, "");
}

/// What is told of a run that nobody wants to read twice.
const LINES_MAX: usize = 80;

/// Events that a timeline leaves out: there may be hundreds, and they decide nothing.
fn is_told(line: &JournalLine) -> bool {
    !matches!(line.event.as_ref(), "breaker-opened" | "breaker-closed")
}

fn timeline(drill: &DrillResult, shown: &ShownRun, text: &mut String) {
    line!(text, "## Timeline of seed {} ({})\n", shown.run.seed, escaped(&shown.run.verdict));
    line!(
        text,
        "The drill began at {} on its own clock. Breakers that opened and closed are left out. Everything of this run: {}\n",
        escaped(&drill.system.starts_at),
        code(&format!("{} --seed {}", drill.again, shown.run.seed))
    );
    line!(text, "| since it began | event | line of the scenario |\n|---|---|---|");
    let told: Vec<&JournalLine> = shown.journal.iter().filter(|line| is_told(line)).collect();
    for line in told.iter().take(LINES_MAX) {
        line!(text, "| +{} | {} | {} |", clock(line.at_s), escaped(&happening(line)), link(drill, line));
    }
    if told.len() > LINES_MAX {
        line!(text, "\n… and {} further entries; `--format jsonl` has them all.", told.len() - LINES_MAX);
    }
    line!(text, "");
}

/// Where the scenario says what an entry is about.
fn link(drill: &DrillResult, line: &JournalLine) -> String {
    let Some(of) = &line.of else { return String::new() };
    let faults = drill.system.faults.iter().map(|fault| (&fault.id, fault.line));
    let alerts = drill.alerts.iter().map(|alert| (&alert.name, alert.line));
    let books = drill.system.runbooks.iter().map(|book| (&book.name, book.line));
    if let Some(step) = &line.step {
        let book = drill.system.runbooks.iter().find(|book| book.name == *of);
        let planned = book.and_then(|book| book.steps.iter().find(|planned| planned.step == *step));
        if let Some(number) = planned.and_then(|planned| planned.line) {
            return code(&format!("{}:{number}", drill.scenario.path));
        }
    }
    let all: Vec<(&String, usize)> = match line.event.split('-').next() {
        Some("fault") => faults.collect(),
        Some("alert" | "notified" | "resolved") => alerts.collect(),
        Some(_) | None => books.collect(),
    };
    let found = all.into_iter().find(|(name, _)| *name == of);
    found.map_or(String::new(), |(_, number)| code(&format!("{}:{number}", drill.scenario.path)))
}

fn list(text: &mut String, title: &str, items: &[String], none: &str) {
    line!(text, "## {title}\n");
    for item in items {
        line!(text, "* {}", escaped(item));
    }
    if items.is_empty() {
        line!(text, "{none}");
    }
    line!(text, "");
}

/// Detection, response and recovery.
fn phases(drill: &DrillResult, text: &mut String) {
    let moment = |name: &str| {
        let of = drill.moments.iter().find(|of| of.name == name);
        let (p50, p95) = of.map_or((None, None), |of| (of.p50_s, of.p95_s));
        match p50 {
            None if of.is_none_or(|of| of.runs == 0) => "in no run".to_owned(),
            _ => format!("{} in the median run, {} in 95 of 100", after_onset(p50), after_onset(p95)),
        }
    };
    line!(text, "## Detection\n\nA notification that carries a runbook came {}.\n", moment("detect"));
    for alert in &drill.alerts {
        let noise = if alert.twin_runs > 0 {
            format!("; without a fault in {}", of_runs(alert.twin_runs, drill))
        } else {
            String::new()
        };
        line!(
            text,
            "* {} ({}): fired in {}{}{noise}",
            escaped(&alert.name),
            escaped(&alert.severity),
            of_runs(alert.runs, drill),
            alert.after_onset_s.map_or(String::new(), |at| format!(", first {} after onset", span(at)))
        );
    }
    line!(text, "\n## Response\n\nSomebody owned it {}.\n", moment("acknowledge"));
    line!(
        text,
        "| step | owner | within | done after | done | late | forgotten | not observed |\n|---|---|---|---|---|---|---|---|"
    );
    for step in &drill.steps {
        let books = drill.system.runbooks.iter().filter(|book| book.name == step.runbook);
        let planned = books.flat_map(|book| &book.steps).find(|of| of.step == step.step);
        line!(
            text,
            "| {} / {} | {} | {} | {} | {}/{} | {} | {} | {} |",
            escaped(&step.runbook),
            escaped(&step.step),
            escaped(&step.owner),
            planned.map_or(String::new(), |of| span(of.within_s)),
            perhaps(step.done_s),
            step.done_runs,
            step.opened_runs,
            step.late_runs,
            step.forgotten_runs,
            step.unobserved_runs
        );
    }
    line!(
        text,
        "\n## Recovery\n\nNew harm stopped {}. Every objective was back, with evidence, {}.\n",
        moment("contain"),
        moment("recover")
    );
    if let Some(shown) = drill.shown.first() {
        for of in &shown.run.budget_spent {
            line!(text, "* {}: {} of its error budget spent", escaped(&of.name), share(of.value));
        }
        for left in &shown.run.left_behind {
            line!(text, "* left behind: {}", escaped(left));
        }
    }
    line!(text, "");
}

fn actions(drill: &DrillResult, text: &mut String) {
    line!(text, "## Action items\n\n| what | owner role | due |\n|---|---|---|");
    let items = lessons::actions(drill);
    for item in &items {
        line!(text, "| {} | {} | {} |", escaped(&item.what), item.owner, item.due);
    }
    if items.is_empty() {
        line!(text, "| Repeat the drill | owner of the service | within a quarter |");
    }
}
