//! The levels of a dose: from a value of the scenario to a ladder of values, from mild to harsh.

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::Scalar;
use crate::scenario::edit;

/// A ladder of values for one place in a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// The place.
    pub path: String,
    /// What the scenario says there.
    pub reference: String,
    /// The values, as a scenario writes them, from mild to harsh.
    pub levels: Vec<String>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `85%`.
    Share,
    /// `2s`.
    Span,
    /// `3`.
    Count,
    /// `$0.25`.
    Money,
    /// `12/s`: the number before a slash.
    Rate,
    /// `lognormal(2s, 0.4)`: every span in it.
    Spans,
}

/// Levels of a share, by whole percent.
const PERCENT: usize = 100;

/// Levels of everything else.
const STEPS: usize = 60;

/// Fields of which less is worse.
const DOWNWARD: [&str; 2] = ["to", "lifetime"];

/// The fields by which what a fault injects can be made worse, the plainest first.
const FIELDS: [&str; 10] =
    ["share", "factor", "to", "add", "tokens", "entries", "attempts", "lag", "lifetime", "duration"];

/// Returns the ladder of a fault's dose: of the field named, or of the plainest that it has.
///
/// Fails if there is no such fault or field, or its value is of no kind that has a ladder.
pub fn of_fault(
    text: &str,
    fault: &str,
    field: Option<&str>,
    range: Option<(&str, &str)>,
) -> Result<Scale, String> {
    let faults = edit::names(text, "fault");
    if !faults.iter().any(|name| name == fault) {
        return Err(format!("no fault is called `{fault}`; there are {}", faults.join(", ")));
    }
    let path = |field: &str| format!("fault.{fault}.{field}");
    // What is as harsh as can be leaves nothing to ask.
    let can_rise = |value: String| kind(&value).is_some() && value != "100%";
    let is_there = |field: &&str| edit::get(text, &path(field)).is_some_and(can_rise);
    let field = match field {
        Some(field) => field,
        None => FIELDS.iter().find(|field| is_there(field)).expect("every fault has a duration"),
    };
    ladder(text, &path(field), range, DOWNWARD.contains(&field))
}

/// Returns the ladder between two values of a place, or from what stands there on.
pub fn ladder(
    text: &str,
    path: &str,
    range: Option<(&str, &str)>,
    is_downward: bool,
) -> Result<Scale, String> {
    let reference = edit::get(text, path);
    let example = range.map(|(from, _)| from.to_owned()).or_else(|| reference.clone());
    let example =
        example.ok_or_else(|| format!("`{path}` is not stated; say from where to where it goes"))?;
    let kind = kind(&example).ok_or_else(|| format!("`{path}` is `{example}`, which has no dose"))?;
    let number = |text: &str| read(text, kind).ok_or_else(|| format!("`{text}` is not like `{example}`"));
    if range.is_none() && number(&example)? <= 0.0 && kind != Kind::Share {
        return Err(format!("`{path}` is `{example}`: say from where to where it goes"));
    }
    let (from, to, steps) = match range {
        Some((from, to)) => (number(from)?, number(to)?, if kind == Kind::Share { PERCENT } else { STEPS }),
        None => around(number(&example)?, kind, is_downward),
    };
    if let Some((from, to)) = range.filter(|_| kind == Kind::Rate)
        && from.split_once('/').map(|(_, unit)| unit) != to.split_once('/').map(|(_, unit)| unit)
    {
        return Err(format!("`{from}` and `{to}` are not of one unit"));
    }
    let is_even = kind == Kind::Share && from.max(to) <= 1.0;
    let level = |step: usize| {
        let part = step as f64 / steps as f64;
        let value = if is_even || from.min(to) <= 0.0 {
            from + (to - from) * part
        } else {
            from * libm::pow(to / from, part)
        };
        write(value, kind, &example)
    };
    let mut levels: Vec<String> = (0..=steps).map(level).collect();
    levels.dedup();
    Ok(Scale { path: path.to_owned(), reference: reference.unwrap_or_else(|| "not stated".into()), levels })
}

/// Returns from where to where a ladder goes that is not told: from what the scenario says to what is
/// harsher, in so many steps.
fn around(reference: f64, kind: Kind, is_downward: bool) -> (f64, f64, usize) {
    let percents = |share: f64| (share * PERCENT as f64).round().max(1.0) as usize;
    match kind {
        Kind::Share if is_downward && reference <= 1.0 => (reference, 0.0, percents(reference)),
        Kind::Share if reference <= 1.0 => (reference, 1.0, percents(1.0 - reference)),
        Kind::Share | Kind::Span | Kind::Spans | Kind::Count | Kind::Money | Kind::Rate => {
            let to = if is_downward { reference / 10.0 } else { reference * 10.0 };
            (reference, to, STEPS)
        }
    }
}

/// Returns a value of a ladder as a number, so that two of them can be told apart; nothing if it is none.
pub fn number(text: &str) -> Option<f64> {
    read(text, kind(text)?)
}

fn kind(text: &str) -> Option<Kind> {
    let kinds = [Kind::Share, Kind::Span, Kind::Count, Kind::Money, Kind::Rate, Kind::Spans];
    kinds.into_iter().find(|kind| read(text, *kind).is_some())
}

fn read(text: &str, kind: Kind) -> Option<f64> {
    match kind {
        Kind::Share => Ratio::parse(text).ok().map(Ratio::real),
        Kind::Span => Span::parse(text).ok().map(Span::seconds),
        Kind::Count => text.parse::<u32>().ok().map(f64::from),
        Kind::Money => Money::parse(text).ok().map(Money::dollars),
        Kind::Rate => text.split_once('/')?.0.parse::<f64>().ok().filter(|rate| *rate > 0.0),
        Kind::Spans => {
            // The longest: the first may be none at all.
            let spans = words(text).into_iter().filter_map(|word| Span::parse(&word).ok()).map(Span::seconds);
            spans.reduce(f64::max).filter(|longest| *longest > 0.0)
        }
    }
}

fn write(value: f64, kind: Kind, example: &str) -> String {
    match kind {
        Kind::Share if value > 1.0 => Ratio::from_percent((value * 100.0).round() as u64).to_string(),
        Kind::Share => Ratio((value * 1e5).round() as u64 * 10_000).to_string(),
        Kind::Span => rounded(value).to_string(),
        Kind::Count => format!("{value:.0}"),
        Kind::Money => format!("${value:.4}"),
        Kind::Rate => {
            let unit = example.split_once('/').map_or("s", |(_, unit)| unit);
            format!("{value:.2}/{unit}")
        }
        Kind::Spans => scaled(example, read(example, kind).map_or(1.0, |longest| value / longest)),
    }
}

/// Scales every span of a distribution.
fn scaled(dist: &str, factor: f64) -> String {
    let scaled = |word: String| {
        Span::parse(&word).map_or(word.clone(), |span| rounded(span.seconds() * factor).to_string())
    };
    words(dist).into_iter().map(scaled).collect()
}

/// Splits a distribution into numbers with their units, and what stands between them; `1s..2s` is two.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut was_word = false;
    let letters: Vec<char> = text.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let is_range = *letter == '.'
            && [index.checked_sub(1), Some(index + 1)]
                .into_iter()
                .flatten()
                .any(|near| letters.get(near) == Some(&'.'));
        let is_word = (letter.is_ascii_alphanumeric() || *letter == '.') && !is_range;
        match words.last_mut().filter(|_| is_word == was_word) {
            Some(word) => word.push(*letter),
            None => words.push((*letter).to_string()),
        }
        was_word = is_word;
    }
    words
}

/// Returns a span with as many digits as anybody needs.
fn rounded(seconds: f64) -> Span {
    let unit = if seconds >= 60.0 {
        1.0
    } else if seconds >= 1.0 {
        0.1
    } else {
        0.001
    };
    Span::from_secs_f64((seconds / unit).round() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[[fault]]
id = "hangs"
duration = "15m"
inject.hang = { share = "85%" }
[[fault]]
id = "slow"
duration = "15m"
inject.latency = { add = "lognormal(2s, 0.4)" }
[[fault]]
id = "small"
duration = "15m"
inject.capacity = { to = "30%" }
[[fault]]
id = "dear"
duration = "15m"
inject.price = { factor = "300%" }
[[fault]]
id = "preset"
duration = "10m"
inject.incident = { preset = "x" }
"#;

    fn ends(fault: &str) -> String {
        let scale = of_fault(TEXT, fault, None, None).unwrap();
        let (first, last) = (&scale.levels[0], scale.levels.last().unwrap());
        format!("{}: {first} to {last} in {}, now {}", scale.path, scale.levels.len(), scale.reference)
    }

    #[test]
    fn every_fault_has_a_plainest_dose_from_mild_to_harsh() {
        assert_eq!(ends("hangs"), "fault.hangs.share: 85% to 100% in 16, now 85%");
        assert_eq!(
            ends("slow"),
            "fault.slow.add: lognormal(2s, 0.4) to lognormal(20s, 0.4) in 52, now lognormal(2s, 0.4)"
        );
        assert_eq!(ends("small"), "fault.small.to: 30% to 0% in 31, now 30%");
        assert_eq!(ends("dear"), "fault.dear.factor: 300% to 3000% in 61, now 300%");
        assert_eq!(ends("preset"), "fault.preset.duration: 10m to 1h40m in 61, now 10m");
    }

    #[test]
    fn a_ladder_between_two_values_is_of_their_kind() {
        let levels =
            |path: &str, from: &str, to: &str| ladder(TEXT, path, Some((from, to)), false).unwrap().levels;
        let spans = levels("guard.a.timeout", "1s", "10s");
        assert_eq!((spans[0].as_str(), spans.last().unwrap().as_str()), ("1s", "10s"));
        assert!(spans.contains(&"3.2s".to_owned()), "even in ratios: {spans:?}");
        assert_eq!(levels("guard.a.retry.attempts", "1", "4"), ["1", "2", "3", "4"]);
        assert_eq!(levels("load.arrivals.poisson", "2/s", "4/s").last().unwrap(), "4.00/s");
        assert_eq!(levels("guard.tasks.budget.per_task", "$0.1", "$1")[0], "$0.1000");
    }

    #[test]
    fn every_span_of_a_distribution_is_scaled_also_where_one_is_nothing() {
        assert_eq!(
            scaled("empirical(0%: 0s, 50%: 2s, 100%: 9s)", 2.0),
            "empirical(0%: 0s, 50%: 4s, 100%: 18s)"
        );
        assert_eq!(scaled("1s..2s", 3.0), "3s..6s");
        assert_eq!(scaled("1.5s..2.5s", 2.0), "3s..5s");
        assert_eq!(read("empirical(0%: 0s, 100%: 9s)", Kind::Spans), Some(9.0));
        assert_eq!(kind("1s..2s"), Some(Kind::Spans));
    }

    #[test]
    fn what_has_no_dose_says_so() {
        assert!(of_fault(TEXT, "none", None, None).unwrap_err().contains("there are hangs, slow"));
        let why = of_fault(TEXT, "preset", Some("preset"), None).unwrap_err();
        assert_eq!(why, "`fault.preset.preset` is `x`, which has no dose");
        assert!(ladder(TEXT, "guard.a.timeout", None, false).unwrap_err().contains("not stated"));
    }
}
