//! Every run on one scale: distributions over seeds against their targets, never a mean.

use maud::{Markup, html};

use crate::report::html::plot::ceiling;
use crate::report::result::{DrillResult, TargetSummary};
use crate::report::words::{amount, of_runs};

/// Where the scale of values begins.
const SCALE_BEGIN: f64 = 1.5;
/// Where it ends and the place of `never` begins, in percent of the width.
const SCALE_END: f64 = 92.0;

pub(super) fn section(drill: &DrillResult) -> Markup {
    html! {
        section {
            h2 { "Every seed against its target" }
            p class="lead" { "A dot is a run; the line is the limit, the mark the median. What never came stands at the right."
                @if drill.graded.len() > DOTS_MAX { " Of " (drill.graded.len()) " runs " (DOTS_MAX) " are drawn, at even ranks." } }
            div class="wide" tabindex="0" role="region" aria-label="Targets over the seeds" {
                table class="targets" {
                    thead { tr { th scope="col" { "Target" } th scope="col" class="number" { "Limit" } th scope="col" class="number" { "Median" }
                        th scope="col" class="number" { "95 of 100" } th scope="col" class="number" { "Runs that met it" } th scope="col" { "Every run" } } }
                    tbody { @for target in &drill.targets { (row(drill, target)) } }
                }
            }
        }
    }
}

fn row(drill: &DrillResult, target: &TargetSummary) -> Markup {
    let is_met = target.met_runs == drill.graded_runs();
    html! {
        tr {
            th scope="row" { (target.name) }
            td class="number" { (amount(target, Some(target.limit))) }
            td class="number" { (amount(target, target.p50)) }
            td class="number" { (amount(target, target.p95)) }
            td class={ "number " (if is_met { "met" } else { "missed" }) } {
                (if is_met { "✓ " } else { "✗ " }) (target.met_runs) "/" (drill.graded_runs())
            }
            td class="strip" { (strip(drill, target)) }
        }
    }
}

fn strip(drill: &DrillResult, target: &TargetSummary) -> Markup {
    let measured = target.values.iter().flatten().copied().filter(|value| value.is_finite());
    let top = ceiling(measured.fold(target.limit.max(0.0) * 1.15, f64::max));
    let place = |value: Option<f64>| {
        value.map_or(96.0, |value| SCALE_BEGIN + (value / top).clamp(0.0, 1.0) * (SCALE_END - SCALE_BEGIN))
    };
    let label = format!(
        "{}: {} met it; median {}, limit {}",
        target.name,
        of_runs(target.met_runs, drill),
        amount(target, target.p50),
        amount(target, Some(target.limit))
    );
    let is_missed = |value: &Option<f64>| value.is_none_or(|value| value > target.limit);
    // Runs of one value do not hide each other: they stand on five heights in turn.
    let height = |index: usize| 7 + index % 5 * 4;
    html! {
        svg role="img" aria-label=(label) width="100%" height="30" {
            rect class="beyond" x={ (place(Some(target.limit))) "%" } y="0" width={ (100.0 - place(Some(target.limit))) "%" } height="30" {}
            @for (index, (value, told)) in dots(drill, target).iter().enumerate() {
                circle class=(if is_missed(value) { "run missed" } else { "run" }) cx={ (format!("{:.2}", place(*value))) "%" } cy=(height(index)) r="3" {
                    title { (told) ": " (amount(target, *value)) }
                }
            }
            line class="median" x1={ (place(target.p50)) "%" } x2={ (place(target.p50)) "%" } y1="1" y2="29" {}
            line class="limit" x1={ (place(Some(target.limit))) "%" } x2={ (place(Some(target.limit))) "%" } y1="0" y2="30" {}
        }
    }
}

/// So many runs are drawn one by one.
const DOTS_MAX: usize = 500;

/// Returns the values to draw, with what each is: every run, or of very many runs those at even ranks.
fn dots(drill: &DrillResult, target: &TargetSummary) -> Vec<(Option<f64>, String)> {
    let count = target.values.len();
    if count <= DOTS_MAX {
        let seeds = target.values.iter().zip(drill.graded.iter());
        return seeds.map(|(value, seed)| (*value, format!("seed {seed}"))).collect();
    }
    let mut sorted = target.values.clone();
    sorted.sort_by(|one, other| one.unwrap_or(f64::INFINITY).total_cmp(&other.unwrap_or(f64::INFINITY)));
    let rank = |dot: usize| dot * (count - 1) / (DOTS_MAX - 1);
    (0..DOTS_MAX).map(|dot| (sorted[rank(dot)], format!("run {} of {count}", rank(dot) + 1))).collect()
}
