//! The terminal view of a drill: one screen that a tired person understands.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::base::Span;
use crate::report::lessons;
use crate::report::result::{DrillResult, TargetSummary};
use crate::report::words::held;

const WIDTH: usize = 78;

/// Returns the view of one drill, with styles that a plain terminal strips.
pub fn drill(result: &DrillResult) -> String {
    let mut text = String::new();
    head(result, &mut text);
    targets(result, &mut text);
    timeline(result, &mut text);
    harm(result, &mut text);
    status(result, &mut text);
    foot(result, &mut text);
    text
}

fn style(verdict: &str) -> Style {
    let colour = match verdict {
        "PASS" => AnsiColor::Green,
        "FAIL" => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    colour.on_default().bold()
}

fn head(result: &DrillResult, text: &mut String) {
    let (style, rate) = (style(&result.verdict), &result.pass_rate);
    line!(text, "{style}{}{style:#}  {}", result.verdict, result.scenario.title);
    line!(
        text,
        "      {} · {} runs, {} met every target ({:.1}%..{:.1}%, {}% required)",
        result.scenario.path,
        rate.runs,
        rate.passed,
        rate.lower * 100.0,
        rate.upper * 100.0,
        (rate.required * 1e6).round() / 1e4,
    );
    if !result.without.is_empty() {
        line!(text, "      without {}", result.without.join(", "));
    }
    if let Some(live) = &result.live {
        line!(text, "      {}", held(live));
    }
    if let Some(at_most) = result.seeds.at_most {
        line!(text, "      looked at after every 20 runs, {} of at most {at_most} spent", rate.runs);
    }
    for reason in result.because.iter().skip(1) {
        line!(text, "      {reason}");
    }
}

fn value(target: &TargetSummary, value: Option<f64>) -> String {
    let Some(value) = value else { return "never".into() };
    match target.unit.as_ref() {
        "s" => Span::from_secs_f64(value).to_string(),
        "share" => format!("{:.2}%", value * 100.0),
        _ => format!("{value:.0}"),
    }
}

fn targets(result: &DrillResult, text: &mut String) {
    if result.targets.is_empty() {
        return;
    }
    let runs = result.graded_runs();
    line!(text, "\n  {:<18}{:>10}{:>12}{:>12}{:>14}", "target", "limit", "median", "95 of 100", "runs met");
    for target in &result.targets {
        let style = if target.met_runs == runs { Style::new() } else { style("FAIL") };
        line!(
            text,
            "  {style}{:<18}{:>10}{:>12}{:>12}{:>14}{style:#}",
            target.name,
            value(target, Some(target.limit)),
            value(target, target.p50),
            value(target, target.p95),
            format!("{}/{runs}", target.met_runs),
        );
    }
}

/// Draws where the time went: the median moments on one scale.
fn timeline(result: &DrillResult, text: &mut String) {
    let median = |name: &str| result.moments.iter().find(|of| of.name == name)?.p50_s;
    let Some(onset) = median("onset") else { return };
    let moments = [("detect", 'D'), ("acknowledge", 'A'), ("contain", 'C'), ("recover", 'R')]
        .map(|(name, mark)| (name, mark, median(name)));
    let last = moments.iter().filter_map(|moment| moment.2).fold(0.0, f64::max);
    let scale = WIDTH as f64 - 14.0;
    let mut bar: Vec<char> = "·".repeat(WIDTH - 13).chars().collect();
    bar[0] = '!';
    for (_, mark, at) in moments {
        if let Some(at) = at.filter(|_| last > 0.0) {
            let mut place = (at / last * scale) as usize;
            // Two moments on one place stand side by side.
            while place + 1 < bar.len() && bar[place] != '·' {
                place += 1;
            }
            bar[place] = mark;
        }
    }
    let bar: String = bar.into_iter().collect();
    line!(text, "\n  median run {bar}");
    let mut parts = vec![format!("! onset at {}", crate::base::Time((onset * 1e9) as u64))];
    for (name, mark, at) in moments {
        let at = at.map_or("never".into(), |at| format!("+{}", Span::from_secs_f64(at)));
        parts.push(format!("{mark} {name} {at}"));
    }
    line!(text, "  {}", parts.join(" · "));
}

fn harm(result: &DrillResult, text: &mut String) {
    if result.harm.is_empty() {
        return;
    }
    line!(
        text,
        "\n  {:<18}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "harm, median run",
        "tasks",
        "lost",
        "failed",
        "late",
        "wrong",
        "shed",
        "unsafe"
    );
    for harm in &result.harm {
        line!(
            text,
            "  {:<18}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}",
            harm.tier,
            harm.arrived,
            harm.lost,
            harm.failed,
            harm.late,
            harm.wrong,
            harm.shed,
            harm.r#unsafe,
        );
    }
    if let Some(spend) = &result.spend {
        line!(text, "  spent ${:.2}, without the fault ${:.2}", spend.usd, spend.twin_usd);
    }
}

/// The most that is told of what to do; the rest is in the other views.
const ITEMS_MAX: usize = 2;

/// The widest line of the short postmortem.
const LINE: usize = 98;

/// The postmortem in a few lines: what an update says, and what to do first.
fn status(result: &DrillResult, text: &mut String) {
    let status = lessons::status(result);
    text.push('\n');
    told("impact", &status.impact, text);
    told("state", &status.state, text);
    told("risk", status.risk, text);
    for ((book, steps), criteria) in status.plan.iter().zip(&status.criteria) {
        told("plan", &format!("{book}, {} steps; over when {criteria}", steps.len()), text);
    }
    let items = lessons::actions(result);
    for item in items.iter().take(ITEMS_MAX) {
        told("to do", &format!("{} ({})", item.what, item.owner), text);
    }
    if items.len() > ITEMS_MAX {
        told("", &format!("… and {} more: --format markdown has all", items.len() - ITEMS_MAX), text);
    }
}

/// Writes words in lines of one width, below each other.
fn told(what: &str, words: &str, text: &mut String) {
    let mut line = String::new();
    let mut what = what;
    for word in words.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LINE - 12 {
            line!(text, "  {what:<10}{line}");
            (what, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line!(text, "  {what:<10}{line}");
}

fn foot(result: &DrillResult, text: &mut String) {
    let Some(run) = result.shown.first().map(|shown| &shown.run) else { return };
    line!(text, "\n  look at seed {} ({}): {} --seed {}", run.seed, run.verdict, result.here.again, run.seed);
}
