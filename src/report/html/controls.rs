//! Which control did what, over the runs.

use maud::{Markup, html};

use crate::report::result::{DrillResult, PlannedStep, StepSummary};
use crate::report::words::{perhaps, span};

pub(super) fn section(drill: &DrillResult) -> Markup {
    let runs = drill.graded_runs();
    html! {
        section {
            h2 { "Which control did what" }
            @if !drill.alerts.is_empty() {
                h3 { "Alerts" }
                (wide("Alerts", &html! { table {
                    thead { tr { th scope="col" { "Alert" } th scope="col" { "Severity" } th scope="col" { "When" }
                        th scope="col" class="number" { "Fired in runs" } th scope="col" class="number" { "First, after onset" }
                        th scope="col" class="number" { "Before onset" } th scope="col" class="number" { "Without a fault" } } }
                    tbody { @for alert in &drill.alerts { tr {
                        th scope="row" { (alert.name) } td { (alert.severity) } td { code { (alert.when) } }
                        td class="number" { (alert.runs) "/" (runs) @if alert.runs == 0 { " silent" } }
                        td class="number" { (perhaps(alert.after_onset_s)) }
                        (noise(alert.early_runs)) (noise(alert.twin_runs))
                    } } }
                } }))
            }
            @if !drill.controls.is_empty() {
                h3 { "Guardrails" }
                (wide("Guardrails", &html! { table {
                    thead { tr { th scope="col" { "Guardrail" } th scope="col" class="number" { "Acted in runs" } th scope="col" class="number" { "Times, median run" }
                        th scope="col" class="number" { "First, after onset" } th scope="col" class="number" { "Acted without a fault" } } }
                    tbody { @for control in &drill.controls { tr {
                        th scope="row" { (control.name) }
                        td class="number" { (control.runs) "/" (runs) @if control.runs == 0 { " idle" } }
                        td class="number" { (control.times) }
                        td class="number" { (perhaps(control.after_onset_s)) }
                        td class="number" { (control.twin_runs) "/" (runs) }
                    } } }
                } }))
            }
            @for book in &drill.system.runbooks {
                h3 { "Runbook " (book.name) }
                p class="lead" { "Over when: " code { (book.recovery) } }
                (wide(&format!("Runbook {}", book.name), &html! { table {
                    thead { tr { th scope="col" { "Step" } th scope="col" { "Owner" } th scope="col" { "Does" } th scope="col" class="number" { "Within" }
                        th scope="col" class="number" { "Done in runs" } th scope="col" class="number" { "Done after" } th scope="col" class="number" { "Late" }
                        th scope="col" class="number" { "Forgotten" } th scope="col" class="number" { "Not needed" } th scope="col" class="number" { "Not observed" } } }
                    tbody { @for step in &book.steps {
                        (self::step(step, drill.steps.iter().find(|of| of.runbook == book.name && of.step == step.step)))
                    } }
                } }))
            }
        }
    }
}

fn step(planned: &PlannedStep, done: Option<&StepSummary>) -> Markup {
    html! {
        tr {
            th scope="row" { (planned.step) } td { (planned.owner) } td { code { (planned.does) } }
            td class="number" { (span(planned.within_s)) }
            @if let Some(done) = done {
                td class="number" { (done.done_runs) "/" (done.opened_runs) }
                td class="number" { (perhaps(done.done_s)) }
                (noise(done.late_runs)) (noise(done.forgotten_runs))
                td class="number" { (done.unneeded_runs) }
                (noise(done.unobserved_runs))
            } @else { td colspan="6" { "no run tells" } }
        }
    }
}

/// A number that should be zero.
fn noise(count: u64) -> Markup {
    html! { td class=(if count == 0 { "number" } else { "number missed" }) { (count) } }
}

/// A table that may be wider than the page.
pub(super) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div class="wide" tabindex="0" role="region" aria-label=(label) { (table) } }
}
