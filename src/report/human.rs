//! The terminal view of a drill: one screen that a tired person understands.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::base::Span;
use crate::base::stats::quantile_sorted;
use crate::report::result::{DrillResult, RunResult, TargetSummary, TimesResult};

const WIDTH: usize = 78;

/// Returns the view of one drill, with styles that a plain terminal strips.
pub fn drill(result: &DrillResult) -> String {
    let mut text = String::new();
    head(result, &mut text);
    targets(result, &mut text);
    timeline(result, &mut text);
    harm(result, &mut text);
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
    let (style, rate) = (style(result.verdict), &result.pass_rate);
    line!(text, "{style}{}{style:#}  {}", result.verdict, result.scenario.title);
    line!(
        text,
        "      {} · {} runs, {} met every target ({:.1}%..{:.1}%, {:.0}% required)",
        result.scenario.path,
        rate.runs,
        rate.passed,
        rate.lower * 100.0,
        rate.upper * 100.0,
        rate.required * 100.0,
    );
    if !result.without.is_empty() {
        line!(text, "      without {}", result.without.join(", "));
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
    match target.unit {
        "s" => Span::from_secs_f64(value).to_string(),
        "share" => format!("{:.2}%", value * 100.0),
        _ => format!("{value:.0}"),
    }
}

fn targets(result: &DrillResult, text: &mut String) {
    let runs = result.pass_rate.runs;
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

/// Returns the median of a moment over the runs; runs in which it never came stand at the end.
fn median(runs: &[RunResult], of: fn(&TimesResult) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().map(|run| of(&run.times_s).unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    quantile_sorted(&values, 0.5).filter(|value| value.is_finite())
}

/// Draws where the time went: the median moments on one scale.
fn timeline(result: &DrillResult, text: &mut String) {
    let Some(onset) = median(&result.runs, |times| times.onset) else { return };
    let moments = [
        ("detect", 'D', median(&result.runs, |times| times.detect)),
        ("acknowledge", 'A', median(&result.runs, |times| times.acknowledge)),
        ("contain", 'C', median(&result.runs, |times| times.contain)),
        ("recover", 'R', median(&result.runs, |times| times.recover)),
    ];
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
    let Some(first) = result.runs.first() else { return };
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
    for tier in first.harm.iter().map(|harm| harm.tier) {
        let median = |of: fn(&crate::report::result::HarmResult) -> i64| {
            let harms = result.runs.iter().filter_map(|run| run.harm.iter().find(|harm| harm.tier == tier));
            let mut values: Vec<i64> = harms.map(of).collect();
            values.sort_unstable();
            quantile_sorted(&values, 0.5).unwrap_or(0)
        };
        line!(
            text,
            "  {:<18}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}",
            tier,
            median(|harm| harm.arrived as i64),
            median(|harm| harm.lost as i64),
            median(|harm| harm.failed),
            median(|harm| harm.late),
            median(|harm| harm.wrong),
            median(|harm| harm.shed),
            median(|harm| harm.r#unsafe),
        );
    }
    let mut spent: Vec<f64> = result.runs.iter().map(|run| run.spend.usd).collect();
    let mut twin: Vec<f64> = result.runs.iter().map(|run| run.spend.twin_usd).collect();
    spent.sort_by(f64::total_cmp);
    twin.sort_by(f64::total_cmp);
    if let (Some(spent), Some(twin)) = (quantile_sorted(&spent, 0.5), quantile_sorted(&twin, 0.5)) {
        line!(text, "  spent ${spent:.2}, without the fault ${twin:.2}");
    }
}

fn foot(result: &DrillResult, text: &mut String) {
    let Some(run) = result.worst_run() else { return };
    line!(text, "\n  look at seed {} ({}): {} --seed {}", run.seed, run.verdict, result.again, run.seed);
}
