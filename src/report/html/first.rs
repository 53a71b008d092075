//! The first screen: the verdict, why, and where the time went.

use maud::{Markup, html};

use crate::report::html::{class, prose};
use crate::report::result::{DrillResult, MomentSummary, TargetSummary};
use crate::report::words::{amount, held, of_runs, percent, perhaps, usd};

pub(super) fn screen(drill: &DrillResult, number: usize) -> Markup {
    let missed: Vec<&TargetSummary> = drill.missed().collect();
    html! {
        header class="first" {
            p class="where" { (drill.scenario.path)
                @if let Some(situation) = &drill.scenario.situation { " · " (situation) }
                " · begins at " (drill.system.starts_at)
                " · seeds " (drill.seeds.first) " to " (drill.seeds.first.saturating_add(drill.seeds.count).saturating_sub(1))
                @if let Some(most) = drill.seeds.at_most { " of at most " (most) ", looked at after every 20" }
                @if let Some(live) = &drill.live { " · " (held(live)) } }
            h1 id={ "title-" (number) } {
                span class={ "verdict " (class(&drill.verdict)) } { (drill.verdict) } " " (drill.scenario.title)
            }
            @for (index, reason) in drill.because.iter().enumerate() {
                p class=[(index > 0).then_some("reason")] { (prose(reason)) }
            }
            @if !drill.without.is_empty() { p { strong { "Switched off: " } (drill.without.join(", ")) } }
            (rate_bar(drill))
            @if drill.graded.is_empty() {
                p { strong { "Nothing is graded: " } "no run proves anything, neither for nor against." }
            } @else if drill.ungraded_runs() > 0 {
                p { (drill.ungraded_runs()) " of " (drill.pass_rate.runs) " runs prove nothing and are not graded." }
            }
            @if !drill.graded.is_empty() { ul class="cards" {
                @for moment in drill.moments.iter().skip(1) { (card(drill, moment)) }
                @if let Some(spend) = &drill.spend {
                    li { span class="name" { "spent" } strong { (usd(spend.usd)) }
                        span class="quiet" { (usd(spend.twin_usd)) " without the fault" } }
                }
            } }
            @if !missed.is_empty() {
                p { strong { "Missed: " }
                    @for (index, target) in missed.iter().enumerate() {
                        @if index > 0 { ", " }
                        (target.name) " in " (of_runs(drill.missed_runs(target), drill))
                    }
                }
            }
            (again(drill))
        }
    }
}

/// The share of runs that passed, with its bounds, against what is required.
fn rate_bar(drill: &DrillResult) -> Markup {
    let rate = &drill.pass_rate;
    let share = |value: f64| format!("{:.2}%", value.clamp(0.0, 1.0) * 100.0);
    let passed = if rate.runs == 0 { 0.0 } else { rate.passed as f64 / rate.runs as f64 };
    let label = format!(
        "{} of {} runs met every target; the share that would lies between {} and {}, and {} is required",
        rate.passed,
        rate.runs,
        percent(rate.lower),
        percent(rate.upper),
        percent(rate.required)
    );
    html! {
        figure class="rate" {
            svg role="img" aria-label=(label) width="100%" height="26" {
                rect class="track" x="0" y="9" width="100%" height="8" {}
                rect class="bounds" x=(share(rate.lower)) y="5" width=(share(rate.upper - rate.lower)) height="16" {}
                line class="hit" x1=(share(passed)) x2=(share(passed)) y1="3" y2="23" {}
                line class="limit" x1=(share(rate.required)) x2=(share(rate.required)) y1="0" y2="26" {}
            }
            figcaption { "0 to 100% of runs. Bar: where the share that passes lies; dashed: what is required." }
        }
    }
}

fn card(drill: &DrillResult, moment: &MomentSummary) -> Markup {
    let target = drill.targets.iter().find(|target| target.name == moment.name);
    let runs = drill.graded_runs();
    html! {
        li {
            span class="name" { (moment.name) }
            strong { (perhaps(moment.p50_s)) }
            span class="quiet" { "95 of 100: " (perhaps(moment.p95_s)) }
            @if let Some(target) = target {
                span class=(if target.met_runs == runs { "met" } else { "missed" }) {
                    (if target.met_runs == runs { "✓" } else { "✗" }) " limit " (amount(target, Some(target.limit)))
                }
            } @else { span class="quiet" { "no target" } }
        }
    }
}

fn again(drill: &DrillResult) -> Markup {
    html! {
        @if let Some(shown) = drill.shown.first() {
            p { "Look at seed " (shown.run.seed) " (" (shown.run.verdict) ") again: "
                code { (drill.again) " --seed " (shown.run.seed) } }
        }
    }
}
