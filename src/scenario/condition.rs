//! What a runbook expects to observe: `critical-success holds for 5m and backlog < 50`.

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::Scalar;
use crate::scenario::limits::CLAUSES_MAX;
use crate::scenario::problem::Code;
use crate::scenario::units::{Name, name};

/// All of these must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(pub Vec<Clause>);

/// One thing that telemetry can show.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause {
    /// `SLO holds for SPAN`: the lower confidence bound over the span is at the objective or above.
    Holds {
        /// The SLO.
        slo: Name,
        /// How long.
        span: Span,
    },
    /// `backlog < COUNT`: fewer tasks are in flight.
    BacklogBelow(u64),
    /// `backlog falling for SPAN`: fewer tasks are in flight than that long ago.
    BacklogFalling(Span),
    /// `errors of MOCK < SHARE over SPAN`: the share of calls to the mock that failed.
    ErrorsBelow {
        /// The mock.
        mock: Name,
        /// The share.
        share: Ratio,
        /// Over how long.
        span: Span,
    },
    /// `MOCK answers for SPAN`: every health probe of the mock was answered.
    Answers {
        /// The mock.
        mock: Name,
        /// How long.
        span: Span,
    },
    /// `bad in EVALUATION < SHARE over SPAN`: the share of bad judgements.
    BadBelow {
        /// The evaluation.
        evaluation: Name,
        /// The share.
        share: Ratio,
        /// Over how long.
        span: Span,
    },
    /// `spend < AMOUNT over SPAN`: what is spent in a minute, on average.
    SpendBelow(Money, Span),
    /// `caught at MOCK < SHARE over SPAN`: the share of replies in which a guardrail found something.
    CaughtBelow {
        /// The mock.
        mock: Name,
        /// The share.
        share: Ratio,
        /// Over how long.
        span: Span,
    },
    /// `MOCK permits as declared`: an audit finds no difference.
    AsDeclared(Name),
    /// `rollout NAME is back`: it has been taken back, and the old version answers.
    IsBack(Name),
    /// `alert NAME quiet for SPAN`: the alert has not fired.
    Quiet {
        /// The alert.
        alert: Name,
        /// How long.
        span: Span,
    },
}

impl Scalar for Condition {
    const CODE: Code = Code::BadCondition;
    const EXPECTED: &'static str = "clauses joined by `and`: \"SLO holds for 5m\", \"backlog < 50\", \
         \"backlog falling for 1m\", \"errors of MOCK < 5% over 1m\", \"MOCK answers for 2m\", \
         \"bad in EVALUATION < 5% over 10m\", \"spend < $2/min over 5m\", \
         \"caught at MOCK < 1% over 5m\", \"MOCK permits as declared\", \"rollout NAME is back\", \"alert NAME quiet for 5m\"";
    const PATTERN: &'static str = "^[A-Za-z0-9_<%.$/ -]+$";
    fn parse(text: &str) -> Result<Self, String> {
        let clauses: Vec<Clause> = text.split(" and ").map(clause).collect::<Result<_, _>>()?;
        if clauses.len() > CLAUSES_MAX {
            return Err(format!("a condition has at most {CLAUSES_MAX} clauses"));
        }
        Ok(Self(clauses))
    }
    fn blank() -> Self {
        Self(Vec::new())
    }
}

fn clause(text: &str) -> Result<Clause, String> {
    let named = |word: &str| name(word).map(|()| Name(word.to_owned()));
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["backlog", "<", count] => {
            let count = count.parse::<u32>().map_err(|error| format!("`{count}`: {error}"))?;
            Clause::BacklogBelow(u64::from(count))
        }
        ["backlog", "falling", "for", span] => Clause::BacklogFalling(lasting(span)?),
        ["errors", "of", mock, "<", share, "over", span] => {
            Clause::ErrorsBelow { mock: named(mock)?, share: Ratio::parse(share)?, span: lasting(span)? }
        }
        ["bad", "in", evaluation, "<", share, "over", span] => Clause::BadBelow {
            evaluation: named(evaluation)?,
            share: Ratio::parse(share)?,
            span: lasting(span)?,
        },
        ["caught", "at", mock, "<", share, "over", span] => {
            Clause::CaughtBelow { mock: named(mock)?, share: Ratio::parse(share)?, span: lasting(span)? }
        }
        ["rollout", rollout, "is", "back"] => Clause::IsBack(named(rollout)?),
        [mock, "permits", "as", "declared"] => Clause::AsDeclared(named(mock)?),
        ["spend", "<", amount, "over", span] => {
            let amount = amount.strip_suffix("/min").ok_or_else(|| format!("`{amount}` lacks its `/min`"))?;
            Clause::SpendBelow(Money::parse(amount)?, lasting(span)?)
        }
        ["alert", alert, "quiet", "for", span] => {
            Clause::Quiet { alert: named(alert)?, span: lasting(span)? }
        }
        [mock, "answers", "for", span] => Clause::Answers { mock: named(mock)?, span: lasting(span)? },
        [slo, "holds", "for", span] => Clause::Holds { slo: named(slo)?, span: lasting(span)? },
        _ => return Err(format!("`{text}` is not something that can be observed")),
    })
}

/// A span to watch for; it must be long enough to see something.
fn lasting(text: &str) -> Result<Span, String> {
    let span = Span::parse(text)?;
    if Span::from_secs(10) <= span && span <= Span::from_secs(6 * 3600) {
        return Ok(span);
    }
    Err(format!("`{text}` is not between 10s and 6h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_joined_by_and() {
        let texts = [
            "critical-success holds for 5m and backlog < 50",
            "backlog falling for 1m",
            "errors of search < 5% over 1m",
            "search answers for 2m",
            "alert Failing quiet for 5m",
            "bad in answers < 5% over 10m",
            "spend < $2.50/min over 5m",
            "spend < $2.50 over 5m",
            "caught at search < 0.5% over 5m",
            "refunds permits as declared",
            "rollout new-model is back",
            "critical-success holds for 5",
            "backlog > 50",
            "backlog < -1",
            "x holds for 1s",
            "",
        ];
        let lines = texts
            .iter()
            .map(|text| format!("{text}\n  {:?}\n", Condition::parse(text)))
            .collect::<Vec<String>>()
            .concat();
        insta::assert_snapshot!(lines);
    }
}
