//! `GET /metrics`: what live mocks count, in the text form of Prometheus (version 0.0.4).

use std::fmt::Write;

use crate::live::traffic::BUCKETS;
use crate::live::world::World;
use crate::model::Dose;

/// One family: its name, its kind, and what it is.
type Family = (&'static str, &'static str, &'static str);

const REQUESTS: Family =
    ("stormdrill_mock_requests_total", "counter", "Replies of a mock, by status; 0 is none.");
const LATENCY: Family =
    ("stormdrill_mock_reply_seconds", "histogram", "Time from a request to the last byte of its reply.");
const TOKENS: Family =
    ("stormdrill_mock_tokens_total", "counter", "Tokens billed: input, of them cached, and output.");
const SPEND: Family = ("stormdrill_mock_spend_dollars_total", "counter", "What the calls of a mock cost.");
const BUSY: Family = ("stormdrill_mock_slots_busy", "gauge", "Slots that are taken.");
const WAITING: Family = ("stormdrill_mock_queue_length", "gauge", "Requests that wait for a slot.");
const LIMITED: Family = (
    "stormdrill_mock_refused_total",
    "counter",
    "Refused for want of quota or of slots, and abandoned by their callers.",
);
const EFFECTS: Family = (
    "stormdrill_mock_effects_total",
    "counter",
    "Effects: executed, of them repeated and unsafe; and those known by their key.",
);
const RETRIES: Family = (
    "stormdrill_mock_retries_total",
    "counter",
    "Requests by how often their client says that it had tried before.",
);
const DOSE: Family = ("stormdrill_fault_dose", "gauge", "How much of a fault is there: 0 to 1.");
const HITS: Family = ("stormdrill_fault_hits_total", "counter", "Requests that a fault changed.");
const CLOCK: Family = ("stormdrill_clock_seconds", "gauge", "The time of the drill.");
const CANARIES: Family = ("stormdrill_canary_sightings_total", "counter", "Canaries that arrived somewhere.");

/// Returns everything that is counted.
pub(super) fn text(world: &World) -> String {
    let mut page = Page::default();
    page.family(CLOCK, [(String::new(), world.clock.now().seconds())]);
    page.family(CANARIES, [(String::new(), world.canaries().seen as f64)]);
    faults(world, &mut page);
    let mut rows: Vec<(Family, Vec<(String, f64)>)> =
        [REQUESTS, TOKENS, SPEND, BUSY, WAITING, LIMITED, EFFECTS, RETRIES]
            .map(|family| (family, Vec::new()))
            .into();
    let mut latencies = Vec::new();
    for (mock, of) in world.served.mocks.iter().enumerate() {
        let name = &of.name;
        let calls = world.traffic(mock).counts();
        let station = world.station(mock);
        let ledger = &station.ledger;
        let mut add = |index: usize, label: &str, value: f64| {
            rows[index].1.push((format!("mock=\"{name}\"{label}"), value));
        };
        for (status, count) in &calls.statuses {
            add(0, &format!(",status=\"{status}\""), *count as f64);
        }
        for (kind, count) in ["input", "cached", "output"].into_iter().zip(calls.tokens) {
            add(1, &format!(",kind=\"{kind}\""), count as f64);
        }
        add(2, "", calls.spent.0 as f64 / 1e12);
        add(3, "", station.working(&calls) as f64);
        add(4, "", station.waiting.iter().filter(|waiting| !waiting.is_closed()).count() as f64);
        let refused =
            [("quota", ledger.rate_limited), ("slots", ledger.overloaded), ("abandoned", ledger.abandoned)];
        for (why, count) in refused {
            add(5, &format!(",why=\"{why}\""), count as f64);
        }
        let counts = ledger.counts;
        let effects = [
            ("executed", counts.executed),
            ("duplicate", counts.duplicate),
            ("deduplicated", counts.deduplicated),
            ("unsafe", counts.unsafe_acts),
        ];
        for (kind, count) in effects {
            add(6, &format!(",kind=\"{kind}\""), count as f64);
        }
        for (retry, count) in calls.retries.iter().enumerate().filter(|(_, count)| **count > 0) {
            add(7, &format!(",retry=\"{retry}\""), *count as f64);
        }
        latencies.push((name.clone(), calls.latencies, calls.latency_sum));
    }
    for (family, rows) in rows {
        page.family(family, rows);
    }
    page.histogram(LATENCY, &latencies);
    page.text
}

fn faults(world: &World, page: &mut Page) {
    let (set, now) = (world.faults(), world.clock.now());
    let label = |index: usize| {
        let fault = &set.plans[index];
        format!("fault=\"{}\",mock=\"{}\"", fault.id, world.served.mocks[usize::from(fault.mock)].name)
    };
    page.family(DOSE, (0..set.plans.len()).map(|index| (label(index), Dose::at(&set.plans[index], now).0)));
    let hits = |index: usize| world.station(usize::from(set.plans[index].mock)).witnesses[index].hits as f64;
    page.family(HITS, (0..set.plans.len()).map(|index| (label(index), hits(index))));
}

#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(line)
            .and_then(|()| self.text.write_char('\n'))
            .expect("a text takes what is written");
    }

    /// Adds a family; names of mocks and faults are letters, digits, `-`, `_` and `.`, so that no label needs escapes.
    fn family(&mut self, (name, kind, help): Family, rows: impl IntoIterator<Item = (String, f64)>) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        for (labels, value) in rows {
            if labels.is_empty() {
                self.line(format_args!("{name} {value}"));
            } else {
                self.line(format_args!("{name}{{{labels}}} {value}"));
            }
        }
    }

    fn histogram(&mut self, (name, kind, help): Family, rows: &[(String, [u64; BUCKETS.len() + 1], f64)]) {
        self.family((name, kind, help), []);
        for (mock, counts, sum) in rows {
            let mut total = 0;
            for (bound, count) in BUCKETS.iter().zip(counts) {
                total += count;
                self.line(format_args!("{name}_bucket{{mock=\"{mock}\",le=\"{bound}\"}} {total}"));
            }
            total += counts[BUCKETS.len()];
            self.line(format_args!("{name}_bucket{{mock=\"{mock}\",le=\"+Inf\"}} {total}"));
            self.line(format_args!("{name}_sum{{mock=\"{mock}\"}} {sum}"));
            self.line(format_args!("{name}_count{{mock=\"{mock}\"}} {total}"));
        }
    }
}
