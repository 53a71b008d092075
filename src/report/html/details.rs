//! Harm, money, effects, witnesses: the ledgers.

use maud::{Markup, html};

use crate::report::html::controls::wide;
use crate::report::result::{DrillResult, RunResult};
use crate::report::words::{clock, share, usd};

pub(super) fn section(drill: &DrillResult) -> Markup {
    html! {
        section {
            h2 { "Harm and ledgers" }
            h3 { "Harm by tier, median run against its twin" }
            (wide("Harm by tier", &html! { table {
                thead { tr { th scope="col" { "Tier" } th scope="col" class="number" { "Tasks" } th scope="col" class="number" { "Lost" } th scope="col" class="number" { "Lost, 95 of 100" }
                    th scope="col" class="number" { "Failed" } th scope="col" class="number" { "Late" } th scope="col" class="number" { "Wrong" } th scope="col" class="number" { "Refused" } th scope="col" class="number" { "Unsafe" } } }
                tbody { @for of in &drill.harm { tr {
                    th scope="row" { (of.tier) }
                    td class="number" { (of.arrived) } td class="number" { (of.lost) } td class="number" { (of.lost_p95) }
                    td class="number" { (of.failed) } td class="number" { (of.late) } td class="number" { (of.wrong) }
                    td class="number" { (of.shed) } td class="number" { (of.r#unsafe) }
                } } }
            } }))
            h3 { "Objectives" }
            ul { @for slo in &drill.system.slos { li { strong { (slo.name) } ": " (slo.says) } } }
            @if let Some(shown) = drill.shown.first() { (run(&shown.run)) }
        }
    }
}

/// The ledgers of one run.
fn run(run: &RunResult) -> Markup {
    html! {
        h3 { "Ledgers of seed " (run.seed) }
        (wide("Witness of each fault", &html! { table {
            caption { "Witness: the proof that each fault took effect" }
            thead { tr { th scope="col" { "Fault" } th scope="col" class="number" { "First call changed" } th scope="col" class="number" { "Last" } th scope="col" class="number" { "Changed" } th scope="col" class="number" { "Came by meanwhile" } } }
            tbody { @for of in &run.witness { tr {
                th scope="row" { (of.fault) }
                td class="number" { (of.first_s.map_or("never".into(), clock)) } td class="number" { (of.last_s.map_or("never".into(), clock)) }
                td class="number" { (of.hits) } td class="number" { (of.exposed) }
            } } }
        } }))
        (wide("Spend", &html! { table {
            caption { "Spend, " (usd(run.spend.usd)) " in all, " (usd(run.spend.twin_usd)) " without the fault" }
            thead { tr { th scope="col" { "Mock" } th scope="col" class="number" { "Spent" } } }
            tbody { @for of in &run.spend.by_mock_usd { tr { th scope="row" { (of.name) } td class="number" { (usd(of.value)) } } } }
        } }))
        @if !run.effects.is_empty() {
            (wide("Effects on the world", &html! { table {
                caption { "Effects on the world" }
                thead { tr { th scope="col" { "Mock" } th scope="col" class="number" { "Executed" } th scope="col" class="number" { "Again" } th scope="col" class="number" { "Known by key" } th scope="col" class="number" { "Refused" }
                    th scope="col" class="number" { "Wrongly refused" } th scope="col" class="number" { "Unsafe" } th scope="col" class="number" { "On a contaminated context" } } }
                tbody { @for of in &run.effects { tr {
                    th scope="row" { (of.mock) }
                    td class="number" { (of.executed) } td class="number" { (of.duplicate) } td class="number" { (of.deduplicated) } td class="number" { (of.refused) }
                    td class="number" { (of.wrongly_refused) } td class="number" { (of.r#unsafe) } td class="number" { (of.contaminated) }
                } } }
            } }))
        }
        @if !run.judged.is_empty() {
            (wide("Evaluations", &html! { table {
                caption { "Evaluations" }
                thead { tr { th scope="col" { "Evaluation" } th scope="col" class="number" { "Bad" } th scope="col" class="number" { "Judged" } } }
                tbody { @for of in &run.judged { tr { th scope="row" { (of.evaluation) } td class="number" { (of.bad) } td class="number" { (of.all) } } } }
            } }))
        }
        @if let Some(of) = &run.contamination {
            p { "Contamination: " (of.sources) " sources, " (of.spread) " places reached, " (of.distance_max) " steps at the farthest, "
                (of.acts) " effects on it, " (of.lost_updates) " lost updates; the last new place at " (clock(of.last_s)) "." }
        }
        @if !run.budget_spent.is_empty() {
            p { "Error budget that the incident spent: "
                @for (index, of) in run.budget_spent.iter().enumerate() { @if index > 0 { ", " } (of.name) " " (share(of.value)) } "." }
        }
        @if aftermath_is_clean(run) { p { "Nothing was left behind at the end." } }
        @else { p { strong { "Left behind: " } (left(run)) } }
    }
}

/// Whether the aftermath was graded and nothing was left.
fn aftermath_is_clean(run: &RunResult) -> bool {
    run.targets.iter().any(|target| target.name == "aftermath" && target.met)
}

/// Returns what was left, an objective that is not met at the end among it.
fn left(run: &RunResult) -> String {
    let told = run.because.iter().find_map(|reason| reason.strip_prefix("aftermath: "));
    told.map_or_else(|| run.left_behind.join("; "), str::to_owned)
}
