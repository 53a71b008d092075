//! A rule in Prometheus's query language.

use super::duration;
use crate::base::{Ratio, Span};
use crate::plan::{AlertPlan, Line, Plan, Rule};

/// The labels and the names of the series that a rule reads.
pub(super) struct Series {
    /// The counter of what is bad, or the gauge.
    pub bad: String,
    /// The counter of all; empty for gauges.
    pub all: String,
}

/// Returns the series of a rule.
pub(super) fn series(plan: &Plan, alert: &AlertPlan) -> Series {
    let of = |label: &str, name: &str, bad: &str, all: &str| Series {
        bad: format!("stormdrill_{bad}{{{label}=\"{name}\"}}"),
        all: format!("stormdrill_{all}{{{label}=\"{name}\"}}"),
    };
    let gauge = |label: &str, name: &str, gauge: &str| Series {
        bad: format!("stormdrill_{gauge}{{{label}=\"{name}\"}}"),
        all: String::new(),
    };
    let mock = |index: usize| plan.mocks[index].name.as_str();
    match &alert.rule {
        Rule::Burn { slo, .. } | Rule::BadShare { slo, .. } | Rule::Absence { slo, .. } => {
            of("slo", &plan.slos[*slo].name, "slo_bad_tasks_total", "slo_tasks_total")
        }
        Rule::Backlog(_) => Series { bad: "stormdrill_tasks_in_flight".into(), all: String::new() },
        Rule::Spend { .. } => Series { bad: "stormdrill_spent_dollars_total".into(), all: String::new() },
        Rule::CallErrors { mock: index, .. } => of("mock", mock(*index), "calls_failed_total", "calls_total"),
        Rule::Denials { mock: index, .. } => of("mock", mock(*index), "calls_denied_total", "calls_total"),
        Rule::Judged { evaluation, .. } => {
            let name = &plan.evaluations[*evaluation].name;
            of("evaluation", name, "judgements_bad_total", "judgements_total")
        }
        Rule::Replies { mock: index, is_refusal, .. } => {
            let bad = if *is_refusal { "replies_refused_total" } else { "replies_malformed_total" };
            of("mock", mock(*index), bad, "replies_total")
        }
        Rule::Tokens { mock: index, .. } => {
            of("mock", mock(*index), "replies_output_tokens_total", "replies_total")
        }
        Rule::Caught { mock: index, .. } => of("mock", mock(*index), "replies_caught_total", "replies_total"),
        Rule::Audit(index) => gauge("mock", mock(*index), "permissions_differ"),
        Rule::Rollback(index) => gauge("rollout", &plan.rollouts[*index].name, "rollout_returning"),
        Rule::Cusum { .. } | Rule::CusumTokens { .. } | Rule::PageHinkley { .. } | Rule::Compare(_) => {
            gauge("alert", &alert.name, "detector_signal")
        }
    }
}

/// Returns the condition of an alert.
pub(super) fn expression(plan: &Plan, alert: &AlertPlan) -> String {
    let of = series(plan, alert);
    // A millisecond more: Prometheus 3 leaves out a sample at the very left end of a window, and 2 does not.
    let window = |over: Span| format!("{}1ms", duration(over));
    let grown = |series: &str, over: Span| format!("sum(increase({series}[{}]))", window(over));
    let share = |over: Span| format!("{} / {}", grown(&of.bad, over), grown(&of.all, over));
    let crossed = |line: &Line| {
        let enough = match line.count_min {
            0 | 1 => String::new(),
            count => format!(" and {} >= {count}", grown(&of.all, line.over)),
        };
        format!("{} > {}{enough}", share(line.over), decimal(line.above, Ratio::ONE))
    };
    match &alert.rule {
        Rule::Burn { slo, long, short, factor } => {
            let limit = decimal(plan.slos[*slo].goal.complement(), *factor);
            format!("({} > {limit}) and ({} > {limit})", share(*long), share(*short))
        }
        Rule::BadShare { line, .. }
        | Rule::CallErrors { line, .. }
        | Rule::Denials { line, .. }
        | Rule::Judged { line, .. }
        | Rule::Replies { line, .. }
        | Rule::Caught { line, .. } => crossed(line),
        Rule::Backlog(above) => format!("sum({}) > {above}", of.bad),
        Rule::Spend { per_minute, over } => {
            let minutes = over.seconds() / 60.0;
            format!("{} / {minutes} > {}", grown(&of.bad, *over), per_minute.dollars())
        }
        Rule::Tokens { above, over, .. } => format!("{} > {above}", share(*over)),
        Rule::Absence { over, .. } => format!("{} == 0", grown(&of.all, *over)),
        Rule::Audit(_)
        | Rule::Rollback(_)
        | Rule::Cusum { .. }
        | Rule::CusumTokens { .. }
        | Rule::PageHinkley { .. }
        | Rule::Compare(_) => format!("max({}) > 0", of.bad),
    }
}

/// Returns the exact product of two shares: a float would be a little off, and fire at the limit itself.
fn decimal(one: Ratio, other: Ratio) -> String {
    const UNIT: u128 = 1_000_000_000_000_000_000;
    let product = u128::from(one.0) * u128::from(other.0);
    let (whole, rest) = (product / UNIT, product % UNIT);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:018}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_exact_decimals() {
        assert_eq!(decimal(Ratio::from_percent(1), Ratio(14_400_000_000)), "0.144");
        assert_eq!(decimal(Ratio::from_percent(20), Ratio::ONE), "0.2");
        assert_eq!(decimal(Ratio::ONE, Ratio::ONE), "1");
        assert_eq!(decimal(Ratio(500_000), Ratio(13_440_000_000)), "0.00672");
    }
}
