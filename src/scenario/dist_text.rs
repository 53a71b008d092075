//! Distributions as scenario files write them: `2s`, `1s..3s`, `lognormal(900ms, 0.4)`.

use crate::base::dist::GammaShape;
use crate::base::{Dist, Ratio, Span};
use crate::scenario::decode::Scalar;

/// A distribution of spans, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanDist(pub Dist);

/// A distribution of counts (tokens, times).
#[derive(Debug, Clone, PartialEq)]
pub struct CountDist(pub Dist);

impl Scalar for SpanDist {
    const EXPECTED: &'static str = "a span or a distribution of spans: \"2s\", \"1s..3s\", \
         \"exponential(MEAN)\", \"lognormal(MEDIAN, SIGMA)\", \"gamma(MEAN, SHAPE)\", \
         \"weibull(SCALE, SHAPE)\", \"pareto(LEAST, ALPHA, CAP)\" or \"empirical(0%: 1s, 50%: 2s, 100%: 9s)\"";
    const PATTERN: &'static str = "^([0-9.a-z]+(\\.\\.[0-9.a-z]+)?|[a-z]+\\([^()]*\\))$";
    fn parse(text: &str) -> Result<Self, String> {
        parse(text, &|part| Span::parse(part).map(|span| span.0 as f64)).map(Self)
    }
    fn blank() -> Self {
        Self(Dist::Constant(0.0))
    }
}

impl Scalar for CountDist {
    const EXPECTED: &'static str = "a count or a distribution of counts: \"3\", \"1..3\", \
         \"exponential(MEAN)\", \"lognormal(MEDIAN, SIGMA)\", \"gamma(MEAN, SHAPE)\", \
         \"weibull(SCALE, SHAPE)\", \"pareto(LEAST, ALPHA, CAP)\" or \"empirical(0%: 1, 50%: 2, 100%: 9)\"";
    const TAKES_BARE_COUNT: bool = true;
    const PATTERN: &'static str = "^([0-9.]+(\\.\\.[0-9.]+)?|[a-z]+\\([^()]*\\))$";
    fn parse(text: &str) -> Result<Self, String> {
        let dist = parse(text, &plain_number)?;
        // A uniform count takes its ends as often as what lies between them.
        let Dist::Uniform { low, high } = dist else { return Ok(Self(dist)) };
        Ok(Self(Dist::Uniform { low: low - 0.499_999, high: high + 0.499_999 }))
    }
    fn blank() -> Self {
        Self(Dist::Constant(0.0))
    }
}

fn plain_number(text: &str) -> Result<f64, String> {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.len() <= 20;
    let parsed = text.parse::<f64>().ok().filter(|number| is_plain && number.is_finite());
    parsed.ok_or_else(|| format!("`{text}` is not a number"))
}

type Read<'a> = &'a dyn Fn(&str) -> Result<f64, String>;

/// Reads a distribution whose values are read by `value`.
fn parse(text: &str, value: Read<'_>) -> Result<Dist, String> {
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (value(low)?, value(high)?);
        if low > high {
            return Err(format!("`{text}` runs backwards"));
        }
        return Ok(Dist::Uniform { low, high });
    }
    let Some((family, rest)) = text.split_once('(') else {
        return value(text).map(Dist::Constant);
    };
    let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its `)`"))?;
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    if family == "empirical" {
        return table(&parts, value);
    }
    let dist = match (family, parts.as_slice()) {
        ("constant", [level]) => Dist::Constant(value(level)?),
        ("exponential", [mean]) => Dist::Exponential { mean: value(mean)? },
        ("lognormal", [median, sigma]) => {
            Dist::LogNormal { median: value(median)?, sigma: within(sigma, 0.0, 5.0)? }
        }
        ("gamma", [mean, shape]) => {
            let (mean, shape) = (value(mean)?, within(shape, 0.01, 10_000.0)?);
            GammaShape::new(shape, mean / shape).map(Dist::Gamma).ok_or("the mean must be above zero")?
        }
        ("weibull", [scale, shape]) => {
            Dist::Weibull { scale: value(scale)?, shape: within(shape, 0.1, 100.0)? }
        }
        ("pareto", [least, alpha, cap]) => {
            let (least, alpha, cap) = (value(least)?, within(alpha, 0.01, 100.0)?, value(cap)?);
            if least <= 0.0 || least > cap {
                return Err("a pareto needs a least value above zero and a cap that is not below it".into());
            }
            Dist::Pareto { least, alpha, cap }
        }
        ("exponential" | "constant", _) => return Err(format!("`{family}` takes one number")),
        ("lognormal" | "gamma" | "weibull", _) => return Err(format!("`{family}` takes two numbers")),
        ("pareto", _) => return Err("`pareto` takes three numbers: least, alpha and cap".into()),
        _ => return Err(format!("`{family}` is not a distribution")),
    };
    Ok(dist)
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number = plain_number(text)?;
    if low <= number && number <= high {
        return Ok(number);
    }
    Err(format!("`{text}` is not between {low} and {high}"))
}

fn table(parts: &[&str], value: Read<'_>) -> Result<Dist, String> {
    let mut points = Vec::new();
    for part in parts {
        let (share, level) = part.split_once(':').ok_or_else(|| format!("`{part}` lacks its `:`"))?;
        points.push((Ratio::parse(share.trim())?.real(), value(level.trim())?));
    }
    let is_rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
    let is_whole = points.first().is_some_and(|point| point.0 == 0.0)
        && points.last().is_some_and(|point| (point.1 >= 0.0) && (point.0 - 1.0).abs() < 1e-12);
    if points.len() < 2 || !is_rising || !is_whole {
        return Err("an empirical table rises from `0%` to `100%`, and so do its values".into());
    }
    Ok(Dist::Table(points.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_reads_its_numbers() {
        let texts = [
            "2s",
            "1s..3s",
            "3s..1s",
            "exponential(2s)",
            "exponential(2)",
            "lognormal(90s, 0.6)",
            "lognormal(90s)",
            "gamma(2s, 0.5)",
            "gamma(0s, 1)",
            "weibull(1s, 1.5)",
            "pareto(1s, 1.5, 60s)",
            "pareto(1s, 1.5)",
            "empirical(0%: 1s, 50%: 2s, 100%: 9s)",
            "empirical(0%: 1s, 50%: 2s)",
            "normal(1s, 2)",
            "gamma(2s, 1",
            "",
        ];
        let lines = texts
            .iter()
            .map(|text| format!("{text:36} {:?}\n", SpanDist::parse(text)))
            .collect::<Vec<String>>()
            .concat();
        insta::assert_snapshot!(lines);
    }

    #[test]
    fn a_uniform_count_takes_its_ends_as_often_as_its_middle() {
        let CountDist(dist) = CountDist::parse("1..3").unwrap();
        let mut seen = [0_u32; 5];
        for number in 0..30_000 {
            seen[dist.sample_count(&mut crate::base::Key::of_seed(1).at(number).draws()) as usize] += 1;
        }
        assert_eq!((seen[0], seen[4]), (0, 0));
        assert!(seen[1..=3].iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
    }
}
