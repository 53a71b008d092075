//! What was measured over time, beside the twin.

use maud::{Markup, PreEscaped, html};
use serde_json::json;

use crate::report::html::plot::{Line, ceiling, path, row};
use crate::report::html::timeline::{Frame, picture};
use crate::report::result::TierLines;
use crate::report::words::{clock, percent, span};

/// A measured quantity: its lines, the top of its scale, and how its values are said.
struct Panel<'a> {
    key: &'static str,
    title: &'static str,
    note: &'static str,
    lines: Vec<Line<'a>>,
    /// The ends of its scale.
    scale: (f64, f64),
    say: fn(f64) -> String,
}

fn tier_class(tier: &str) -> &'static str {
    match tier {
        "critical" => "critical",
        "standard" => "standard",
        _ => "batch",
    }
}

/// Returns a row for each quantity, and the numbers behind them.
pub(super) fn panels(frame: &Frame<'_>) -> Markup {
    let timeline = &frame.shown.timeline;
    let width = timeline.width_s.max(0.001);
    let numbers = |values: &[u32], per: f64| -> Vec<Option<f64>> {
        values.iter().map(|of| Some(f64::from(*of) / per)).collect()
    };
    let reals = |values: &[f64]| -> Vec<Option<f64>> { values.iter().copied().map(Some).collect() };
    let load_of = |arrived: &[u32]| -> Vec<Option<f64>> {
        // The last interval may be shorter.
        let length = |index: usize| (frame.end - index as f64 * width).max(0.001).min(width);
        arrived.iter().enumerate().map(|(index, of)| Some(f64::from(*of) / length(index))).collect()
    };
    let loads: Vec<Vec<Option<f64>>> = timeline.tiers.iter().map(|of| load_of(&of.arrived)).collect();
    let (flight, twin_flight) = (numbers(&timeline.in_flight, 1.0), numbers(&timeline.twin_in_flight, 1.0));
    let (spend, twin_spend) = (reals(&timeline.usd_per_minute), reals(&timeline.twin_usd_per_minute));
    let (shares, latencies) = tier_lines(&timeline.tiers);
    let load = timeline.tiers.iter().zip(&loads);
    let panels = [
        Panel {
            key: "done",
            title: "tasks done",
            note: "share of those that arrived then; the twin is pale",
            scale: (floor(&shares), 1.0),
            lines: shares,
            say: percent,
        },
        Panel {
            key: "latency",
            title: "latency",
            note: "of 95 in 100 tasks, and of half of them (thin)",
            scale: (0.0, top(&latencies)),
            lines: latencies,
            say: span,
        },
        Panel {
            key: "in-flight",
            title: "tasks in flight",
            note: "the most at a time",
            scale: (0.0, ceiling(highest(&flight).max(highest(&twin_flight)))),
            lines: vec![line("run", "run", &flight, true), line("twin", "twin", &twin_flight, false)],
            say: count,
        },
        Panel {
            key: "spend",
            title: "spend",
            note: "dollars a minute",
            scale: (0.0, ceiling(highest(&spend).max(highest(&twin_spend)))),
            lines: vec![line("run", "run", &spend, true), line("twin", "twin", &twin_spend, false)],
            say: dollars,
        },
        Panel {
            key: "load",
            title: "load",
            note: "tasks a second",
            scale: (0.0, ceiling(loads.iter().map(|of| highest(of)).fold(0.0, f64::max))),
            lines: load.map(|(of, values)| line(&of.tier, tier_class(&of.tier), values, false)).collect(),
            say: rate,
        },
    ];
    html! {
        @for panel in &panels { @if !panel.lines.is_empty() { (self::panel(frame, panel, width)) } }
        (data(&panels, width))
    }
}

fn line<'a>(name: &str, class: &'static str, values: &'a [Option<f64>], is_area: bool) -> Line<'a> {
    Line { name: name.to_owned(), class, values, is_area }
}

/// The shares of tasks done and the latencies: the twins first, so that the runs are drawn over them.
fn tier_lines(tiers: &[TierLines]) -> (Vec<Line<'_>>, Vec<Line<'_>>) {
    let mut shares = Vec::new();
    let mut latencies = Vec::new();
    for of in tiers {
        let name = of.tier.as_ref();
        shares.push(line(&format!("{name}, twin"), "twin", of.twin_done.as_slice(), false));
        latencies.push(line(&format!("{name}, twin"), "twin", of.twin_p95_s.as_slice(), false));
    }
    for of in tiers {
        let name = of.tier.as_ref();
        shares.push(line(name, tier_class(name), of.done.as_slice(), false));
        latencies.push(line(&format!("{name}, half"), median_class(name), of.p50_s.as_slice(), false));
        latencies.push(line(name, tier_class(name), of.p95_s.as_slice(), false));
    }
    (shares, latencies)
}

fn median_class(tier: &str) -> &'static str {
    match tier {
        "critical" => "critical half",
        "standard" => "standard half",
        _ => "batch half",
    }
}

fn highest(values: &[Option<f64>]) -> f64 {
    values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

/// The bottom of a scale of shares: the highest of a few round ones that all values are above.
fn floor(lines: &[Line<'_>]) -> f64 {
    let values = lines.iter().flat_map(|line| line.values).flatten().copied();
    let lowest = values.filter(|value| value.is_finite()).fold(1.0, f64::min);
    [0.9, 0.8, 0.5].into_iter().find(|floor| *floor < lowest).unwrap_or(0.0)
}

fn top(lines: &[Line<'_>]) -> f64 {
    ceiling(lines.iter().map(|line| highest(line.values)).fold(0.0, f64::max))
}

fn count(value: f64) -> String {
    format!("{value:.0}")
}

fn dollars(value: f64) -> String {
    format!("${value:.2}")
}

fn rate(value: f64) -> String {
    format!("{value:.1}/s")
}

fn panel(frame: &Frame<'_>, panel: &Panel<'_>, width: f64) -> Markup {
    let extremes =
        panel.lines.iter().filter(|line| line.class != "twin" && !line.class.ends_with("half")).map(|line| {
            let values = line.values.iter().enumerate().filter_map(|(index, value)| Some((index, (*value)?)));
            let low = panel.key == "done";
            let pick = |best: (usize, f64), next: (usize, f64)| {
                let is_better = if low { next.1 < best.1 } else { next.1 > best.1 };
                if is_better { next } else { best }
            };
            values.reduce(pick).map_or(String::new(), |(index, value)| {
                format!(
                    "{} {} {} at {}",
                    line.name,
                    if low { "lowest" } else { "highest" },
                    (panel.say)(value),
                    clock(index as f64 * width)
                )
            })
        });
    let label = format!("{} ({}): {}", panel.title, panel.note, extremes.collect::<Vec<_>>().join("; "));
    let legend =
        panel.lines.iter().filter(|line| !line.class.ends_with("half") && !line.name.ends_with(", twin"));
    row(
        "panel",
        &html! {
            strong { (panel.title) } " " span class="quiet" { (panel.note) }
            ul class="legend" { @for line in legend { li class=(line.class) { (line.name) } } }
            p class="scale" { "from " ((panel.say)(panel.scale.0)) " to " ((panel.say)(panel.scale.1)) }
            output class="values" data-key=(panel.key) {}
        },
        &picture(
            frame,
            "panel",
            &label,
            &html! {
                line class="grid" x1="0" x2=(frame.end) y1="50" y2="50" {}
                @for line in &panel.lines {
                    @if line.is_area { path class="area" d=(path(line.values, width, panel.scale, true)) {} }
                    path class={ "line " (line.class) } d=(path(line.values, width, panel.scale, false)) {}
                }
            },
        ),
    )
}

/// The numbers behind the picture, for whoever points at it.
fn data(panels: &[Panel<'_>], width: f64) -> Markup {
    let panel = |panel: &Panel<'_>| {
        let lines = panel.lines.iter().filter(|line| !line.class.ends_with("half"));
        let said = |value: &Option<f64>| value.map(|value| (panel.say)(value));
        let lines: Vec<_> = lines
            .map(
                |line| json!({ "name": line.name, "said": line.values.iter().map(said).collect::<Vec<_>>() }),
            )
            .collect();
        json!({ "key": panel.key, "lines": lines })
    };
    let data = json!({ "width": width, "panels": panels.iter().map(panel).collect::<Vec<_>>() });
    let text = data.to_string().replace('<', "\\u003c").replace('>', "\\u003e");
    html! { script type="application/json" { (PreEscaped(text)) } }
}
