//! The drill as a picture: what was wrong, what was done, and how the service fared, on one scale.

use std::fmt::Write;

use maud::{Markup, html};

use crate::report::html::panels::panels;
use crate::report::html::plot::{HEIGHT, row, ticks};
use crate::report::html::prose;
use crate::report::result::{DrillResult, FaultResult, ShownRun};
use crate::report::words::{clock, happening, span};

/// Everything that rows are drawn from.
pub(super) struct Frame<'a> {
    drill: &'a DrillResult,
    pub(super) shown: &'a ShownRun,
    pub(super) end: f64,
    moments: Vec<Moment>,
}

impl Frame<'_> {
    /// Returns the faults; where the baseline did not hold none was injected.
    fn faults(&self) -> &[FaultResult] {
        if self.shown.run.verdict == "INVALID" { &[] } else { &self.drill.system.faults }
    }
}

/// Something that came: when, since the drill began, and how long after the onset of its fault.
struct Moment {
    name: &'static str,
    at: f64,
    after: Option<f64>,
}

pub(super) fn section(drill: &DrillResult, shown: &ShownRun, id: &str) -> Markup {
    let (times, came) = (&shown.run.times_s, &shown.run.came_s);
    let all = [
        ("onset", came.onset, None),
        ("detect", came.detect, times.detect),
        ("acknowledge", came.acknowledge, times.acknowledge),
        ("contain", came.contain, times.contain),
        ("recover", came.recover, times.recover),
    ];
    let came = all.into_iter().filter_map(|(name, at, after)| Some(Moment { name, at: at?, after }));
    let frame = Frame { drill, shown, end: drill.system.duration_s.max(1.0), moments: came.collect() };
    let chart = html! {
        div class="chart" data-end=(frame.end) data-id=(id) {
            p class="tools" hidden {
                "Drag over the picture to zoom in. "
                button type="button" data-zoom="in" { "closer" } " "
                button type="button" data-zoom="left" { "earlier" } " "
                button type="button" data-zoom="right" { "later" } " "
                button type="button" data-zoom="out" { "whole drill" }
                " " output class="now" aria-live="off" {}
            }
            (moments(&frame))
            (faults(&frame))
            (alerts(&frame))
            (people(&frame))
            (rollouts(&frame))
            (panels(&frame))
            (axis(&frame))
        }
    };
    let heading = match shown.why.as_ref() {
        "typical" => "A typical run",
        "only" => "The run",
        _ => "The run most worth looking at",
    };
    let head = format!("{heading}: seed {} ({})", shown.run.seed, shown.run.verdict);
    html! {
        section class="run" {
            @if shown.why == "typical" {
                details { summary { h2 { (head) } } (reasons(shown)) (chart) (journal(shown)) }
            } @else { h2 { (head) } (reasons(shown)) (chart) (journal(shown)) }
        }
    }
}

/// So many reasons are told; there are no more targets in most drills.
const REASONS_MAX: usize = 20;

fn reasons(shown: &ShownRun) -> Markup {
    html! { @for reason in shown.run.because.iter().take(REASONS_MAX) { p class="reason" { (prose(reason)) } }
    @if shown.run.because.len() > REASONS_MAX { p class="reason" { "… and " (shown.run.because.len() - REASONS_MAX) " more" } } }
}

/// A picture of one row: what is drawn, with the onset and what followed as lines through it.
pub(super) fn picture(frame: &Frame<'_>, class: &str, label: &str, inner: &Markup) -> Markup {
    html! {
        svg class={ "time " (class) } role="img" aria-label=(label) preserveAspectRatio="none"
            viewBox={ "0 0 " (frame.end) " " (HEIGHT) } {
            @for fault in frame.faults() {
                rect class="window" x=(fault.start_s) y="0" width=((fault.end_s - fault.start_s).max(0.0)) height=(HEIGHT) {}
            }
            (inner)
            @for of in &frame.moments {
                line class={ "moment " (of.name) } x1=(of.at) x2=(of.at) y1="0" y2=(HEIGHT) {}
            }
        }
    }
}

fn moments(frame: &Frame<'_>) -> Markup {
    let place = |at: f64| format!("{:.3}%", at / frame.end * 100.0);
    let label = frame.moments.iter().map(|of| format!("{} at {}", of.name, clock(of.at)));
    let label = label.collect::<Vec<_>>().join(", ");
    let anchor = |at: f64| if at > 0.75 * frame.end { "end" } else { "start" };
    let texts = html! {
        svg class="texts" role="img" aria-label=(label) width="100%" height=(frame.moments.len() * 15 + 4) {
            @for (index, of) in frame.moments.iter().enumerate() {
                text class={ "moment " (of.name) } x=(place(of.at)) y=(index * 15 + 13) text-anchor=(anchor(of.at)) data-at=(of.at) {
                    (of.name) " " (clock(of.at))
                    @if let Some(after) = of.after { " (+" (span(after)) ")" }
                }
            }
        }
    };
    let told = html! { @if frame.moments.is_empty() { p { "no fault changed a call" } } @else { (texts) } };
    row("moments", &html! { strong { "what came when" } }, &told)
}

fn bar(class: &str, from: f64, to: f64, title: &str) -> Markup {
    html! { rect class=(class) x=(from) y="25" width=((to - from).max(1.0)) height="50" { title { (title) } } }
}

/// A round dot, whatever the scales.
fn dot(class: &str, at: f64, title: &str) -> Markup {
    html! { path class={ "dot " (class) } d={ "M" (at) " 50h0" } { title { (title) } } }
}

fn faults(frame: &Frame<'_>) -> Markup {
    html! {
        @for fault in frame.faults() {
            @let witness = frame.shown.run.witness.iter().find(|of| of.fault == fault.id);
            @let hits = witness.map_or(0, |of| of.hits);
            @let label = format!("fault {} on {} from {} to {}, {hits} calls changed", fault.id, fault.on, clock(fault.start_s), clock(fault.end_s));
            (row("lane fault", &html! { strong { (fault.id) } " " span class="quiet" { (fault.on) ": " (fault.does) } },
                &picture(frame, "lane", &label, &html! {
                    (bar("fault", fault.start_s, fault.end_s, &label))
                    @if let Some(first) = witness.and_then(|of| of.first_s) { (dot("witness", first, &format!("first call changed at {}", clock(first)))) }
                })))
        }
    }
}

fn alerts(frame: &Frame<'_>) -> Markup {
    html! {
        @for alert in &frame.drill.alerts {
            @let fired: Vec<_> = frame.shown.run.alerts.iter().filter(|of| of.name == alert.name).collect();
            @let label = match fired.first() {
                Some(first) => format!("alert {} first fired at {}, {} times in all", alert.name, clock(first.fired_s), fired.len()),
                None => format!("alert {} did not fire", alert.name),
            };
            (row("lane alert", &html! { strong { (alert.name) } " " span class="quiet" { (alert.severity) } },
                &picture(frame, "lane", &label, &html! {
                    @for of in &fired {
                        (bar("alert", of.fired_s, of.resolved_s.unwrap_or(frame.end), &format!("{} fires from {}", alert.name, clock(of.fired_s))))
                        @if let Some(at) = of.notified_s { (dot("notified", at, &format!("notified at {}", clock(at)))) }
                    }
                })))
        }
    }
}

/// Who did which step when: a row for each owner.
fn people(frame: &Frame<'_>) -> Markup {
    let mut owners: Vec<&str> = Vec::new();
    let planned =
        frame.drill.system.runbooks.iter().flat_map(|book| &book.steps).map(|step| step.owner.as_str());
    let done = frame.shown.run.runbook.iter().map(|step| step.owner.as_str());
    for owner in planned.chain(done) {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    let books = &frame.drill.system.runbooks;
    let has_step = |book: &str, owner: &str| {
        let of = books.iter().find(|of| of.name == book);
        of.is_some_and(|of| of.steps.iter().any(|step| step.owner == owner))
    };
    let incidents = |owner: &str| {
        let all = frame.shown.run.incidents.iter();
        all.filter(|of| has_step(&of.runbook, owner)).collect::<Vec<_>>()
    };
    html! {
        @for owner in owners {
            @let steps: Vec<_> = frame.shown.run.runbook.iter().filter(|step| step.owner == owner).collect();
            @let told: Vec<String> = steps.iter().map(|step| format!("{}{}{}", step.step, step.done_s.map_or(String::from(" given up"), |at| format!(" at {}", clock(at))), if step.late { ", late" } else { "" })).collect();
            @let label = format!("{owner}: {}", if told.is_empty() { "no step".to_owned() } else { told.join("; ") });
            (row("lane owner", &html! { strong { (owner) } },
                &picture(frame, "lane", &label, &html! {
                    @for of in incidents(owner) { (bar("incident", of.opened_s, of.closed_s.unwrap_or(frame.end), &format!("runbook {} open", of.runbook))) }
                    @for (step, told) in steps.iter().zip(&told) {
                        // A step that was given up stands where the drill ends.
                        (dot(if step.late { "late" } else { "step" }, step.done_s.unwrap_or(frame.end), told))
                    }
                })))
        }
    }
}

/// The share of tasks that a new version gets.
fn rollouts(frame: &Frame<'_>) -> Markup {
    let mut names: Vec<&str> = Vec::new();
    for of in &frame.shown.run.rollouts {
        if !names.contains(&of.rollout.as_str()) {
            names.push(&of.rollout);
        }
    }
    html! {
        @for name in names {
            @let events: Vec<_> = frame.shown.run.rollouts.iter().filter(|of| of.rollout == name).collect();
            @let told: Vec<String> = events.iter().map(|of| format!("{} {}{}", clock(of.at_s), of.event, of.detail.as_ref().map_or(String::new(), |detail| format!(" {detail}")))).collect();
            (row("lane rollout", &html! { strong { (name) } " " span class="quiet" { "share of the new version" } },
                &picture(frame, "lane", &format!("rollout {name}: {}", told.join("; ")), &html! {
                    path class="weight" d=(weights(&events, frame.end)) {}
                    @for (of, told) in events.iter().zip(&told) { @if of.event != "weight" { (dot("step", of.at_s, told)) } }
                })))
        }
    }
}

fn weights(events: &[&crate::report::result::RolloutResult], end: f64) -> String {
    let mut path = format!("M0 {HEIGHT}");
    for of in events {
        let share = match (of.event.as_ref(), &of.detail) {
            ("weight", Some(detail)) => detail.trim_end_matches('%').parse::<f64>().ok(),
            ("rolled-back", _) => Some(0.0),
            _ => None,
        };
        if let Some(share) = share.filter(|share| share.is_finite()) {
            write!(path, "H{}V{}", of.at_s, HEIGHT - share.clamp(0.0, 100.0)).expect("a string takes all");
        }
    }
    write!(path, "H{end}V{HEIGHT}Z").expect("a string takes all");
    path
}

fn axis(frame: &Frame<'_>) -> Markup {
    let place = |at: f64| format!("{:.3}%", at / frame.end * 100.0);
    let told = "Dots: a fault's first changed call, a notification, a step done (red if late). Grey bars: a runbook is open. \
        Red ground: a fault is there. Lines through all rows: onset, then what came when.";
    row(
        "axis",
        &html! { span class="quiet" { "since the drill began" } },
        &html! {
            svg class="texts ticks" width="100%" height="20" aria-hidden="true" {
                @for tick in ticks(frame.end) {
                    text x=(place(tick)) y="14" text-anchor=(if tick == 0.0 { "start" } else if tick > 0.95 * frame.end { "end" } else { "middle" }) data-at=(tick) { (clock(tick)) }
                }
            }
            p class="quiet" { (told) }
        },
    )
}

/// The most lines of a journal that a page shows.
const LINES_MAX: usize = 300;

fn journal(shown: &ShownRun) -> Markup {
    html! {
        details class="journal" {
            summary { "Journal of this run, " (shown.journal.len()) " entries" }
            div class="wide" tabindex="0" role="region" aria-label={ "Journal of seed " (shown.run.seed) } {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "What" } } }
                    tbody { @for line in shown.journal.iter().take(LINES_MAX) { tr { td class="number" { (clock(line.at_s)) } td { (happening(line)) } } } }
                }
            }
            @if shown.journal.len() > LINES_MAX { p { "… and " (shown.journal.len() - LINES_MAX) " more: " code { "--format jsonl" } " has them all." } }
        }
    }
}
