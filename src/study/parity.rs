//! What one run measures, to be compared between both clocks.

use serde::Serialize;

use crate::base::Time;
use crate::base::stats::quantile_sorted;
use crate::grade::Scorecard;
use crate::plan::{Plan, TIERS};
use crate::record::{Outcome, Record};
use crate::scenario::file::load::Tier;

/// A metric: its name, its unit, and its value; nothing for a time that never came.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Its value.
    pub value: Option<f64>,
}

/// A metric of one live run beside virtual time. A time that never came is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParityRow {
    /// Its name.
    pub metric: String,
    /// `s`, `share`, `usd`.
    pub unit: &'static str,
    /// The seed.
    pub seed: u64,
    /// In virtual time with the same seed.
    pub same_seed: Option<f64>,
    /// The interval in which 95 of 100 seeds lie in virtual time, wider by half, and what is near the same seed; an end
    /// that is null is never.
    pub from: Option<f64>,
    /// Its other end.
    pub to: Option<f64>,
    /// Live.
    pub live: Option<f64>,
    /// Whether the live value lies in the interval.
    pub inside: bool,
}

/// How far, of the width of the interval, a live value may lie outside of it, or from that of its own seed.
const NEAR: f64 = 0.25;

/// Returns what a run measures, always in the same order.
pub fn metrics(plan: &Plan, run: &Record, card: &Scorecard) -> Vec<Metric> {
    let mut all = Vec::new();
    for tier in (0..TIERS).filter(|tier| run.tiers[*tier].arrived > 0) {
        let (counts, word) = (&run.tiers[tier], Tier::ALL[tier].word());
        let done = counts.of(Outcome::Done) as f64 / counts.arrived as f64;
        all.push(Metric { name: format!("success.{word}"), unit: "share", value: Some(done) });
        let p95 = run.latencies[tier].value_at_quantile(0.95) as f64 / 1e6;
        all.push(Metric { name: format!("latency-p95.{word}"), unit: "s", value: Some(p95) });
    }
    let times = &card.times;
    let since = |at: Option<Time>| Some(at?.since(times.onset?).seconds());
    let moments = [
        ("detect", plan.targets.detect.is_some(), times.detect),
        ("acknowledge", plan.targets.acknowledge.is_some(), times.acknowledge),
        ("contain", plan.targets.contain.is_some(), times.contain),
        ("recover", plan.targets.recover.is_some(), times.recover),
    ];
    for (name, _, at) in moments.into_iter().filter(|(_, is_stated, _)| *is_stated) {
        all.push(Metric { name: name.into(), unit: "s", value: since(at) });
    }
    all.push(Metric { name: "spend".into(), unit: "usd", value: Some(run.spend.total() as f64 / 1e12) });
    all
}

/// Holds live runs against virtual ones: each live value should lie where 95 of 100 virtual ones do, or near that of the
/// same seed.
///
/// `virtuals` and `lives` are seeds with what they measure; every live seed is among the virtual ones.
pub fn rows(virtuals: &[(u64, Vec<Metric>)], lives: &[(u64, Vec<Metric>)]) -> Vec<ParityRow> {
    let mut rows = Vec::new();
    for (seed, live) in lives {
        for metric in live {
            let named = |all: &[Metric]| all.iter().find(|of| of.name == metric.name).cloned();
            // A time that never came is longer than any other.
            let far = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
            let mut sorted: Vec<f64> =
                virtuals.iter().filter_map(|(_, all)| named(all)).map(|of| far(of.value)).collect();
            sorted.sort_by(f64::total_cmp);
            let end = |share| quantile_sorted(&sorted, share);
            let (from, to) = (end(0.025).unwrap_or(0.0), end(0.975).unwrap_or(f64::INFINITY));
            let same = virtuals.iter().find(|(of, _)| of == seed).and_then(|(_, all)| named(all));
            // With a dozen metrics one or the other would lie outside by chance: the interval is made wider by half, so
            // that one in about three hundred does. And both clocks draw alike: what is rare in virtual time may be so
            // live with the same seed.
            let width = if to.is_finite() { to - from } else { 0.0 };
            let (near, own_seed) = (NEAR * width, far(same.as_ref().and_then(|of| of.value)));
            let from = (from - near).min(own_seed - near);
            let to = if own_seed.is_finite() { (to + near).max(own_seed + near) } else { own_seed };
            let finite = |value: f64| value.is_finite().then_some(value);
            let own = far(metric.value);
            rows.push(ParityRow {
                metric: metric.name.clone(),
                unit: metric.unit,
                seed: *seed,
                same_seed: same.and_then(|of| of.value),
                from: finite(from),
                to: finite(to),
                live: metric.value,
                inside: from <= own && own <= to,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Option<f64>) -> Vec<Metric> {
        vec![Metric { name: "recover".into(), unit: "s", value }]
    }

    #[test]
    fn a_live_value_is_inside_where_nearly_all_virtual_ones_are() {
        let virtuals: Vec<(u64, Vec<Metric>)> = (1..=100).map(|seed| (seed, of(Some(seed as f64)))).collect();
        let inside = |value| rows(&virtuals, &[(7, of(value))])[0].inside;
        assert!(inside(Some(50.0)) && inside(Some(4.0)) && inside(Some(115.0)));
        assert!(!inside(Some(-30.0)) && !inside(Some(130.0)) && !inside(None));
        let rare = |value| rows(&virtuals, &[(100, of(value))])[0].inside;
        assert!(rare(Some(100.0)) && rare(Some(120.0)) && !rare(Some(130.0)), "its own seed is as rare");
        let never: Vec<(u64, Vec<Metric>)> = (1..=20).map(|seed| (seed, of(None))).collect();
        let row = &rows(&never, &[(3, of(None))])[0];
        assert!(row.inside && row.from.is_none() && row.same_seed.is_none());
    }
}
