//! What a drill measures, as Prometheus reads it: the series of `docs/rules.md`, from which exported rules fire.

use std::fmt::Write as _;

use crate::engine::Driven;
use crate::ops::{Calls, Replies};
use crate::plan::{Plan, Rule};

/// A series of each mock: its name and help, and what it counts.
type OfMock<T> = (&'static str, &'static str, fn(&T) -> u64);

const CALLS: [OfMock<Calls>; 3] = [
    ("calls_total", "Attempts that have ended.", |calls| calls.ended),
    ("calls_failed_total", "Attempts that ended badly.", |calls| calls.failed),
    ("calls_denied_total", "Attempts refused for want of a permission.", |calls| calls.denied),
];

const REPLIES: [OfMock<Replies>; 5] = [
    ("replies_total", "Replies with status 200.", |replies| replies.all),
    ("replies_refused_total", "Refusals.", |replies| replies.refused),
    ("replies_malformed_total", "Replies that the output check found malformed.", |replies| {
        replies.malformed
    }),
    ("replies_caught_total", "Replies in which another guardrail found something.", |replies| replies.caught),
    ("replies_output_tokens_total", "Output tokens of replies.", |replies| replies.tokens),
];

/// Returns the metrics of now.
pub(super) fn text(plan: &Plan, driven: &Driven<'_>) -> String {
    let (of, ops) = (driven.telemetry(), driven.ops());
    let mut page = Page::default();
    let slos = || plan.slos.iter().map(|slo| &*slo.name).zip(&of.slos);
    let tasks = slos().map(|(name, (_, all))| (name, *all as f64));
    page.each(("slo_tasks_total", "Tasks that count for an objective."), "slo", tasks);
    let bad = slos().map(|(name, (bad, _))| (name, *bad as f64));
    page.each(("slo_bad_tasks_total", "Tasks that were bad."), "slo", bad);
    let mocks = || plan.mocks.iter().map(|mock| &*mock.name);
    for (name, help, count) in CALLS {
        page.each((name, help), "mock", mocks().zip(&of.calls).map(|(mock, all)| (mock, count(all) as f64)));
    }
    for (name, help, count) in REPLIES {
        page.each(
            (name, help),
            "mock",
            mocks().zip(&of.replies).map(|(mock, all)| (mock, count(all) as f64)),
        );
    }
    let judged = || plan.evaluations.iter().map(|of| &*of.name).zip(&of.judged);
    let all = judged().map(|(name, (_, all))| (name, *all as f64));
    page.each(("judgements_total", "Judgements of answers."), "evaluation", all);
    let bad = judged().map(|(name, (bad, _))| (name, *bad as f64));
    page.each(("judgements_bad_total", "Judgements that an answer is bad."), "evaluation", bad);
    page.one(("spent_dollars_total", "Money spent."), of.spent as f64 / 1e12);
    page.one(("tasks_in_flight", "Tasks in flight."), driven.in_flight() as f64);
    let flag = |is: bool| f64::from(u8::from(is));
    let differs = mocks().zip(&of.differs).map(|(mock, differs)| (mock, flag(*differs)));
    page.each(("permissions_differ", "Whether more or less is permitted than declared."), "mock", differs);
    let rollouts = plan.rollouts.iter().enumerate();
    let returning = rollouts.map(|(index, of)| (&*of.name, flag(ops.is_returning(index))));
    page.each(("rollout_returning", "Whether a rollout is being taken back."), "rollout", returning);
    let charts = plan.alerts.iter().zip(ops.conditions()).filter(|(alert, _)| is_chart(&alert.rule));
    let signals = charts.map(|(alert, is_true)| (&*alert.name, flag(*is_true)));
    page.each(("detector_signal", "Whether a chart or a comparison signals."), "alert", signals);
    page.0
}

fn is_chart(rule: &Rule) -> bool {
    matches!(
        rule,
        Rule::Cusum { .. } | Rule::CusumTokens { .. } | Rule::PageHinkley { .. } | Rule::Compare(_)
    )
}

#[derive(Default)]
struct Page(String);

impl Page {
    /// A counter's name ends in `_total`; anything else is a gauge.
    fn head(&mut self, (name, help): (&str, &str)) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        writeln!(self.0, "# HELP stormdrill_{name} {help}\n# TYPE stormdrill_{name} {kind}")
            .expect("a string takes every line");
    }

    fn one(&mut self, series: (&str, &str), value: f64) {
        self.head(series);
        writeln!(self.0, "stormdrill_{} {value}", series.0).expect("a string takes every line");
    }

    /// Names in a scenario need no escapes.
    fn each<'a>(&mut self, series: (&str, &str), label: &str, values: impl Iterator<Item = (&'a str, f64)>) {
        let mut values = values.peekable();
        if values.peek().is_some() {
            self.head(series);
        }
        for (of, value) in values {
            writeln!(self.0, "stormdrill_{}{{{label}=\"{of}\"}} {value}", series.0)
                .expect("a string takes every line");
        }
    }
}
