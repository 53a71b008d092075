//! Alerts: rules over objectives and signals, as Prometheus evaluates and Alertmanager delivers them.

use crate::base::{Money, Ratio, Span};
use crate::scenario::dist_text::CountDist;
use crate::scenario::file::slos::{self, Slo};
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::At;
use crate::scenario::units::Name;

words! {
    /// Known sets of burn-rate windows.
    pub enum Preset {
        /// The windows of the SRE Workbook over a period of 30 days.
        Google30d = "google-30d",
        /// The same over 28 days.
        Google28d = "google-28d",
        /// The windows of Pyrra over 28 days.
        Pyrra28d = "pyrra-28d",
    }
}

words! {
    /// Which window pair of a preset.
    pub enum Window {
        /// The fast page: 1h and 5m.
        PageFast = "page-fast",
        /// The slow page: 6h and 30m.
        PageSlow = "page-slow",
        /// The fast ticket: 1d and 2h.
        TicketFast = "ticket-fast",
        /// The slow ticket: 3d (Pyrra: 4d) and 6h.
        TicketSlow = "ticket-slow",
    }
}

words! {
    /// How bad an incident is; `sev1` and `sev2` are major.
    pub enum SeverityLevel {
        /// The worst.
        Sev1 = "sev1",
        /// Major.
        Sev2 = "sev2",
        /// Moderate.
        Sev3 = "sev3",
        /// Minor.
        Sev4 = "sev4",
        /// To look at some time.
        Sev5 = "sev5",
    }
}

words! {
    /// Something measured that is no objective.
    pub enum Signal {
        /// Tasks in flight.
        Backlog = "backlog",
        /// The share of calls to a mock that failed.
        CallErrors = "call-errors",
        /// The share of a model's replies that are refusals.
        Refusals = "refusals",
        /// The share of a model's replies that the output guardrail found malformed.
        Malformed = "malformed",
        /// Output tokens of a model's reply, on average.
        OutputTokens = "output-tokens",
        /// The share of a mock's replies in which a guardrail found what does not belong there.
        Caught = "caught",
        /// The share of calls to a mock that were refused for want of a permission.
        Denials = "denials",
    }
}

record! {
    /// The error budget burns too fast, over a long and a short window at once.
    pub struct Burn {
        /// The objective.
        pub slo: At<Name>,
        /// A known set of windows.
        pub preset: Option<At<Preset>>,
        /// Which windows of the set.
        pub window: Option<At<Window>>,
        /// Without a preset: the share of the period's budget that may burn within the long window.
        pub budget: Option<At<Ratio>>,
        /// Without a preset: the long window.
        pub long: Option<At<Span>>,
        /// Without a preset: the short window.
        pub short: Option<At<Span>>,
    }
}

record! {
    /// Too many bad tasks of an objective, or a signal that is too high.
    pub struct Threshold {
        /// The objective whose share of bad tasks is watched.
        pub slo: Option<At<Name>>,
        /// The evaluation whose share of bad judgements is watched.
        pub evaluation: Option<At<Name>>,
        /// The highest share of bad tasks, judgements, calls or replies.
        pub bad_above: Option<At<Ratio>>,
        /// A signal that is watched instead.
        pub signal: Option<At<Signal>>,
        /// The mock whose calls or replies are watched (for every signal but `backlog`).
        pub mock: Option<At<Name>>,
        /// The highest count (for `backlog` and `output-tokens`).
        pub above: Option<At<u64>>,
        /// Over how long; default `5m`.
        pub over: Option<At<Span>>,
        /// How many tasks, judgements, calls or replies the window must hold; default 1 (with `bad_above`).
        pub count_min: Option<At<u64>>,
    }
}

record! {
    /// More is spent in a minute than this.
    pub struct SpendAbove {
        /// The amount per minute.
        pub per_minute: At<Money>,
        /// Over how long it is averaged; default `5m`.
        pub over: Option<At<Span>>,
    }
}

record! {
    /// No task of an objective has ended for a while: telemetry or the service is gone.
    pub struct Absence {
        /// The objective whose tasks are missed.
        pub slo: At<Name>,
        /// For how long none has ended.
        pub over: At<Span>,
    }
}

record! {
    /// Judgements have got worse for good: a CUSUM over single judgements (Reynolds and Stoumbos 1999).
    pub struct Cusum {
        /// The evaluation.
        pub evaluation: At<Name>,
        /// The share of bad judgements in steady state, false alarms of the evaluation included.
        pub usual: At<Ratio>,
        /// The share that must be found quickly.
        pub shifted: At<Ratio>,
        /// How many judgements go by on average until it fires in steady state; default 10000.
        pub run_length: Option<At<u64>>,
    }
}

record! {
    /// Replies have got longer or shorter for good: a CUSUM over the logarithms of their output tokens
    /// (limit by Siegmund's approximation).
    pub struct CusumTokens {
        /// The model.
        pub model: At<Name>,
        /// The output tokens of its replies in steady state: `lognormal(MEDIAN, SIGMA)`.
        pub usual: At<CountDist>,
        /// What becomes of them that must be found quickly: `150%` of the usual, or `60%`.
        pub shifted: At<Ratio>,
        /// How many replies go by on average until it fires in steady state; default 10000.
        pub run_length: Option<At<u64>>,
    }
}

record! {
    /// Judgements have got worse than they were on average: Page and Hinkley's test for an increase,
    /// with the running mean as reference and its least sum so far subtracted (Gama and others 2014).
    pub struct PageHinkley {
        /// The evaluation.
        pub evaluation: At<Name>,
        /// How far the share may stray from its running mean for nothing (delta).
        pub tolerance: At<Ratio>,
        /// How many bad judgements too many set it off (lambda).
        pub threshold: At<u64>,
    }
}

record! {
    /// One version of a model is judged worse than another: a sequential test by E-variables, which keeps
    /// its error rate exactly, however often it is looked at (Turner, Ly and Grunwald 2024).
    pub struct Compare {
        /// The evaluation.
        pub evaluation: At<Name>,
        /// The model that may be worse.
        pub model: At<Name>,
        /// The model that it is compared with.
        pub with: At<Name>,
        /// How often it may fire although they are equal; default 1%.
        pub error: Option<At<Ratio>>,
        /// About how much worse is worth finding; default 10%.
        pub worse_by: Option<At<Ratio>>,
        /// How many judgements of each there must be; default 30.
        pub judged_min: Option<At<u64>>,
        /// For how long without a judgement of the model it goes on; default `10m`.
        pub over: Option<At<Span>>,
    }
}

record! {
    /// What a mock permits is not what is declared: found when the two are compared.
    pub struct Audit {
        /// The mock; the alert's `every` says how often it is looked at.
        pub mock: At<Name>,
    }
}

record! {
    /// A rollout is being taken back, by whatever began that.
    pub struct RollbackBegun {
        /// The rollout.
        pub rollout: At<Name>,
    }
}

choice! {
    /// When an alert's condition holds.
    pub enum When {
        /// The error budget burns too fast.
        Burn(Burn) = "burn",
        /// A share or a signal is too high.
        Threshold(Threshold) = "threshold",
        /// Too much is spent.
        Spend(SpendAbove) = "spend",
        /// Nothing is heard.
        Absence(Absence) = "absence",
        /// Judgements have got worse for good.
        Cusum(Cusum) = "cusum",
        /// Replies have got longer or shorter for good.
        CusumTokens(CusumTokens) = "cusum-tokens",
        /// Judgements have got worse than their running mean.
        PageHinkley(PageHinkley) = "page-hinkley",
        /// One version of a model is worse than another.
        Compare(Compare) = "compare",
        /// What is permitted is not what is declared.
        Audit(Audit) = "audit",
        /// A rollout is being taken back.
        Rollback(RollbackBegun) = "rollback",
    }
}

record! {
    /// An alert.
    pub struct Alert {
        /// When its condition holds.
        pub when: When,
        /// How often it is evaluated; default `15s`.
        pub every: Option<At<Span>>,
        /// How long the condition must hold before it fires; default: the preset's, or `0s`.
        pub r#for: Option<At<Span>>,
        /// How long it goes on firing after the condition has ceased; default `0s`.
        pub keep_firing_for: Option<At<Span>>,
        /// How long its first notification waits for others; default `30s`.
        pub group_wait: Option<At<Span>>,
        /// How long after a notification the news that it has resolved may be sent; default `5m`.
        pub group_interval: Option<At<Span>>,
        /// After how long a firing alert is notified again; default `4h`.
        pub repeat_interval: Option<At<Span>>,
        /// How bad it is.
        pub severity: At<SeverityLevel>,
        /// The runbook to follow.
        pub runbook: At<Name>,
        /// Alerts that say the same thing louder: while one of them fires, this one notifies nobody.
        pub inhibited_by: Vec<At<Name>>,
    }
}

/// The windows of a burn-rate rule, with the factor derived from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The long window.
    pub long: Span,
    /// The short window.
    pub short: Span,
    /// How many times faster than sustainable the budget must burn.
    pub factor: Ratio,
    /// The `for` that the preset comes with.
    pub default_for: Span,
}

/// Returns the windows that a rule means.
///
/// Factor = share of budget x period / long window (SRE Workbook, chapter 5); Pyrra states its factors.
pub fn windows(burn: &Burn, slo: &Slo) -> Windows {
    let hours = |count: u64| Span::from_secs(count * 3600);
    let minutes = |count: u64| Span::from_secs(count * 60);
    let days = |count: u64| Span::from_secs(count * 86_400);
    let derived = |budget: Ratio, period: Span, long: Span, short: Span| {
        let factor = u128::from(budget.0) * u128::from(period.0) / u128::from(long.0.max(1));
        let factor = Ratio(u64::try_from(factor).unwrap_or(u64::MAX));
        Windows { long, short, factor, default_for: Span::ZERO }
    };
    let Some(preset) = &burn.preset else {
        let value = |span: &Option<At<Span>>| span.as_ref().map_or(Span::ZERO, |at| at.value);
        let period = slo.period.as_ref().map_or(slos::PERIOD, |at| at.value);
        let budget = burn.budget.as_ref().map_or(Ratio::ZERO, |at| at.value);
        return derived(budget, period, value(&burn.long), value(&burn.short));
    };
    let window = burn.window.as_ref().map_or(Window::PageFast, |at| at.value);
    let (percent, long, short) = match window {
        Window::PageFast => (2, hours(1), minutes(5)),
        Window::PageSlow => (5, hours(6), minutes(30)),
        Window::TicketFast => (10, days(1), hours(2)),
        Window::TicketSlow => (10, days(3), hours(6)),
    };
    match preset.value {
        Preset::Google30d => derived(Ratio::from_percent(percent), days(30), long, short),
        Preset::Google28d => derived(Ratio::from_percent(percent), days(28), long, short),
        Preset::Pyrra28d => {
            let (factor, long) = match window {
                Window::PageFast => (14, long),
                Window::PageSlow => (7, long),
                Window::TicketFast => (2, long),
                Window::TicketSlow => (1, days(4)),
            };
            Windows { long, short, factor: Ratio::from_percent(factor * 100), default_for: Span(short.0 / 2) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::decode::Decode;

    /// SRE Workbook, chapter 5, table 5-8 (30 days), the same shares over 28 days, and Pyrra's own factors.
    #[test]
    fn the_presets_have_the_published_factors() {
        let place = crate::scenario::source::Place { source: 0, start: 0, end: 1 };
        let factors = |preset| -> Vec<f64> {
            let factor = |window: &Window| {
                let burn = Burn {
                    preset: Some(At { value: preset, place }),
                    window: Some(At { value: *window, place }),
                    ..Burn::hole()
                };
                (windows(&burn, &Slo::hole()).factor.real() * 10_000.0).round() / 10_000.0
            };
            Window::ALL.iter().map(factor).collect()
        };
        assert_eq!(factors(Preset::Google30d), [14.4, 6.0, 3.0, 1.0]);
        assert_eq!(factors(Preset::Google28d), [13.44, 5.6, 2.8, 0.9333]);
        assert_eq!(factors(Preset::Pyrra28d), [14.0, 7.0, 2.0, 1.0]);
    }
}
