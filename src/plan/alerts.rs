//! Alerts: when they fire, and how the news is delivered.

use crate::base::drift::{AmountCusumPlan, CusumPlan};
use crate::base::{Dist, Money, Ratio, Span};
use crate::plan::system::mock_index;
use crate::scenario::Scenario;
use crate::scenario::file::alerts::{Alert, SeverityLevel, Signal, Threshold, When, windows};
use crate::scenario::source::At;
use crate::scenario::units::Name;

/// When an alert's condition holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The share of bad tasks exceeds `factor` times what the objective allows, over both windows.
    Burn {
        /// The objective.
        slo: usize,
        /// The long window.
        long: Span,
        /// The short window.
        short: Span,
        /// The factor.
        factor: Ratio,
    },
    /// The share of bad tasks exceeds a line.
    BadShare {
        /// The objective.
        slo: usize,
        /// The line.
        line: Line,
    },
    /// More tasks than this are in flight.
    Backlog(u64),
    /// The share of failed calls to a mock exceeds a line.
    CallErrors {
        /// The mock.
        mock: usize,
        /// The line.
        line: Line,
    },
    /// More is spent per minute, averaged over the window.
    Spend {
        /// The line.
        per_minute: Money,
        /// The window.
        over: Span,
    },
    /// The share of an evaluation's bad judgements exceeds a line.
    Judged {
        /// The evaluation.
        evaluation: usize,
        /// The line.
        line: Line,
    },
    /// The share of a model's replies that refuse, or are found malformed, exceeds a line.
    Replies {
        /// The model.
        mock: usize,
        /// Whether refusals are counted; otherwise malformed replies.
        is_refusal: bool,
        /// The line.
        line: Line,
    },
    /// A model's reply has more output tokens than this, on average over the window.
    Tokens {
        /// The model.
        mock: usize,
        /// The line.
        above: u64,
        /// The window.
        over: Span,
    },
    /// A CUSUM over an evaluation's judgements signals.
    Cusum {
        /// The evaluation.
        evaluation: usize,
        /// The chart.
        chart: CusumPlan,
    },
    /// A CUSUM over the output tokens of a model's replies signals.
    CusumTokens {
        /// The model.
        mock: usize,
        /// The chart.
        chart: AmountCusumPlan,
    },
    /// Page and Hinkley's test over an evaluation's judgements signals.
    PageHinkley {
        /// The evaluation.
        evaluation: usize,
        /// How far the share may stray.
        tolerance: Ratio,
        /// How many bad judgements too many.
        threshold: u64,
    },
    /// A model is judged worse than another.
    Compare(ComparePlan),
    /// The share of a mock's replies in which a guardrail found something exceeds a line.
    Caught {
        /// The mock.
        mock: usize,
        /// The line.
        line: Line,
    },
    /// The share of calls refused for want of a permission exceeds a line.
    Denials {
        /// The mock.
        mock: usize,
        /// The line.
        line: Line,
    },
    /// What a mock permits is not what is declared.
    Audit(usize),
    /// A rollout is being taken back.
    Rollback(usize),
    /// No task of the objective has ended over the window.
    Absence {
        /// The objective.
        slo: usize,
        /// The window.
        over: Span,
    },
}

/// A share that must not be exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The highest share.
    pub above: Ratio,
    /// The window.
    pub over: Span,
    /// How many the window must hold.
    pub count_min: u64,
}

impl Line {
    /// Returns whether so many of all are too many.
    pub fn is_crossed(&self, bad: u64, all: u64) -> bool {
        all >= self.count_min && self.above.is_exceeded(bad, all, Ratio::ONE)
    }
}

/// A comparison of two models by one evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComparePlan {
    /// The evaluation.
    pub evaluation: usize,
    /// The model that may be worse.
    pub model: usize,
    /// The other.
    pub with: usize,
    /// How often they may be told apart although they are equal.
    pub error: Ratio,
    /// About how much worse is worth finding.
    pub worse_by: Ratio,
    /// Judgements of each that there must be.
    pub judged_min: u64,
    /// For how long without a judgement of the model it goes on.
    pub over: Span,
}

/// An alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPlan {
    /// Its name.
    pub name: String,
    /// When its condition holds.
    pub rule: Rule,
    /// How often it is evaluated.
    pub every: Span,
    /// How long the condition must hold.
    pub hold: Span,
    /// How long it goes on firing.
    pub keep: Span,
    /// How long the first notification waits.
    pub group_wait: Span,
    /// How long until the next notification of the same group.
    pub group_interval: Span,
    /// After how long a firing alert is notified again.
    pub repeat: Span,
    /// How bad it is.
    pub severity: SeverityLevel,
    /// The runbook; none if runbooks are switched off.
    pub runbook: Option<usize>,
    /// The alerts that silence its notifications.
    pub inhibited_by: Vec<usize>,
}

pub(super) fn alerts(scenario: &Scenario) -> Vec<AlertPlan> {
    let file = &scenario.file;
    let each = |(name, alert): (&String, &Alert)| {
        let (rule, default_for) = rule(scenario, alert);
        let span =
            |given: Option<At<Span>>, seconds: u64| given.map_or(Span::from_secs(seconds), |at| at.value);
        AlertPlan {
            name: name.clone(),
            rule,
            every: span(alert.every, 15),
            hold: alert.r#for.map_or(default_for, |at| at.value),
            keep: span(alert.keep_firing_for, 0),
            group_wait: span(alert.group_wait, 30),
            group_interval: span(alert.group_interval, 300),
            repeat: span(alert.repeat_interval, 4 * 3600),
            severity: alert.severity.value,
            runbook: file.runbook.index(&alert.runbook.value.0),
            inhibited_by: alert
                .inhibited_by
                .iter()
                .filter_map(|other| file.alert.index(&other.value.0))
                .collect(),
        }
    };
    file.alert.iter().map(each).collect()
}

/// The window of rules that state none.
const DEFAULT_OVER: Span = Span::from_secs(300);

/// Returns the rule and the `for` that it comes with.
fn rule(scenario: &Scenario, alert: &Alert) -> (Rule, Span) {
    let file = &scenario.file;
    let slo = |name: &str| file.slo.index(name).expect("checked: the objective is there");
    let evaluation =
        |name: &At<Name>| file.evaluation.index(&name.value.0).expect("checked: the evaluation is there");
    let model = |name: &At<Name>| usize::from(mock_index(scenario, &name.value.0));
    let rule = match &alert.when {
        When::Burn(burn) => {
            let index = slo(&burn.slo.value.0);
            let of = file.slo.get(&burn.slo.value.0).expect("checked: the objective is there");
            let windows = windows(burn, of);
            let rule =
                Rule::Burn { slo: index, long: windows.long, short: windows.short, factor: windows.factor };
            return (rule, windows.default_for);
        }
        When::Threshold(threshold) => self::threshold(scenario, threshold),
        When::Spend(spend) => Rule::Spend {
            per_minute: spend.per_minute.value,
            over: spend.over.map_or(DEFAULT_OVER, |at| at.value),
        },
        When::Cusum(cusum) => {
            let length = cusum.run_length.map_or(10_000, |at| at.value) as f64;
            let chart = CusumPlan::new(cusum.usual.value.real(), cusum.shifted.value.real(), length);
            Rule::Cusum { evaluation: evaluation(&cusum.evaluation), chart }
        }
        When::CusumTokens(cusum) => {
            let length = cusum.run_length.map_or(10_000, |at| at.value) as f64;
            let Dist::LogNormal { median, sigma } = cusum.usual.value.0 else {
                unreachable!("checked: what is usual is a lognormal")
            };
            let chart = AmountCusumPlan::new((median, sigma), cusum.shifted.value.real(), length);
            Rule::CusumTokens { mock: model(&cusum.model), chart }
        }
        When::PageHinkley(test) => Rule::PageHinkley {
            evaluation: evaluation(&test.evaluation),
            tolerance: test.tolerance.value,
            threshold: test.threshold.value,
        },
        When::Compare(compare) => Rule::Compare(ComparePlan {
            evaluation: evaluation(&compare.evaluation),
            model: model(&compare.model),
            with: model(&compare.with),
            error: compare.error.map_or(Ratio::from_percent(1), |at| at.value),
            worse_by: compare.worse_by.map_or(Ratio::from_percent(10), |at| at.value),
            judged_min: compare.judged_min.map_or(30, |at| at.value),
            over: compare.over.map_or(Span::from_secs(600), |at| at.value),
        }),
        When::Rollback(back) => {
            let index = file.rollout.index(&back.rollout.value.0);
            Rule::Rollback(index.expect("checked: the rollout is there"))
        }
        When::Audit(audit) => Rule::Audit(usize::from(mock_index(scenario, &audit.mock.value.0))),
        When::Absence(absence) => Rule::Absence { slo: slo(&absence.slo.value.0), over: absence.over.value },
    };
    (rule, Span::ZERO)
}

fn threshold(scenario: &Scenario, threshold: &Threshold) -> Rule {
    let file = &scenario.file;
    let slo = |name: &str| file.slo.index(name).expect("checked: the objective is there");
    let evaluation =
        |name: &At<Name>| file.evaluation.index(&name.value.0).expect("checked: the evaluation is there");
    let mock = |name: &Option<At<Name>>| {
        let name = name.as_ref().expect("checked: the signal names a mock");
        usize::from(mock_index(scenario, &name.value.0))
    };

    let over = threshold.over.map_or(DEFAULT_OVER, |at| at.value);
    let line = Line {
        above: threshold.bad_above.map_or(Ratio::ONE, |at| at.value),
        over,
        count_min: threshold.count_min.map_or(1, |at| at.value),
    };
    match (&threshold.slo, threshold.signal.map(|signal| signal.value)) {
        (Some(name), _) => Rule::BadShare { slo: slo(&name.value.0), line },
        (None, Some(Signal::CallErrors)) => Rule::CallErrors { mock: mock(&threshold.mock), line },
        (None, Some(signal @ (Signal::Refusals | Signal::Malformed))) => {
            Rule::Replies { mock: mock(&threshold.mock), is_refusal: signal == Signal::Refusals, line }
        }
        (None, Some(Signal::OutputTokens)) => Rule::Tokens {
            mock: mock(&threshold.mock),
            above: threshold.above.map_or(0, |at| at.value),
            over,
        },
        (None, Some(Signal::Caught)) => Rule::Caught { mock: mock(&threshold.mock), line },
        (None, Some(Signal::Denials)) => Rule::Denials { mock: mock(&threshold.mock), line },
        (None, Some(Signal::Backlog)) => Rule::Backlog(threshold.above.map_or(0, |at| at.value)),
        (None, None) => {
            let name = threshold.evaluation.as_ref().expect("checked: a threshold watches something");
            Rule::Judged { evaluation: evaluation(name), line }
        }
    }
}
