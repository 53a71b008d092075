//! Numbers with their units, as scenario files write them.

use crate::base::{Money, Ratio, Span};
use crate::scenario::decode::Scalar;
use crate::scenario::limits::{RATE_MAX, SPAN_MAX};
use crate::scenario::problem::{Code, is_bidi};

/// The regular expression of a name.
pub const NAME_PATTERN: &str = "^[A-Za-z][A-Za-z0-9_-]{0,62}$";

/// Returns what is wrong with a name, if anything is.
pub fn name(text: &str) -> Result<(), String> {
    let is_first_good = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_rest_good = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if is_first_good && is_rest_good && text.len() <= 63 {
        return Ok(());
    }
    Err("a name is a letter followed by at most 62 letters, digits, `-` or `_`".into())
}

/// The name of something declared elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub String);

impl Scalar for Name {
    const CODE: Code = Code::BadName;
    const EXPECTED: &'static str = "a name";
    const PATTERN: &'static str = NAME_PATTERN;
    fn parse(text: &str) -> Result<Self, String> {
        name(text).map(|()| Self(text.to_owned()))
    }
    fn blank() -> Self {
        Self(String::new())
    }
}

/// A line of text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub String);

impl Scalar for Line {
    const CODE: Code = Code::OutOfRange;
    const EXPECTED: &'static str = "a line of at most 200 characters";
    const PATTERN: &'static str = "^[^\\u0000-\\u001f\\u007f]{1,200}$";
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(|c| c.is_control() || is_bidi(c))
        {
            return Err("this is empty, too long, or has control characters".into());
        }
        Ok(Self(text.to_owned()))
    }
    fn blank() -> Self {
        Self(String::new())
    }
}

/// A text of any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Scalar for Text {
    const CODE: Code = Code::OutOfRange;
    const EXPECTED: &'static str = "a text of at most 65536 bytes";
    const PATTERN: &'static str = "";
    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > 65_536 { Err("this text is too long".into()) } else { Ok(Self(text.to_owned())) }
    }
    fn blank() -> Self {
        Self(String::new())
    }
}

/// Splits a text into its leading decimal number and the rest.
pub(crate) fn leading_number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
        && number.matches('.').count() <= 1
        && number.len() <= 20;
    is_number.then_some((number, rest))
}

/// Reads a decimal number exactly, in units of `10^-places`.
fn fixed_point(number: &str, places: usize) -> Result<u64, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > places {
        return Err(format!("`{number}` has more than {places} digits after the point"));
    }
    let digits = format!("{whole}{fraction:0<places$}");
    digits.parse().map_err(|error| format!("`{number}` is not a number in range: {error}"))
}

const SPAN_UNITS: [(&str, u64); 7] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
];

impl Scalar for Span {
    const EXPECTED: &'static str = "a span such as \"250ms\", \"2s\", \"1m30s\", \"4h\" or \"30d\"";
    const PATTERN: &'static str = "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d|w))+$";
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a span is missing".into());
        }
        let (mut nanos, mut rest) = (0.0, text);
        while !rest.is_empty() {
            let (number, after) =
                leading_number(rest).ok_or_else(|| format!("`{text}` is not a span of time"))?;
            let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, next) = after.split_at(unit_end);
            let unit_nanos = SPAN_UNITS.iter().find(|known| known.0 == unit).map(|known| known.1);
            let unit_nanos = unit_nanos.ok_or_else(|| match unit {
                "" if after.starts_with(' ') => format!("`{text}` has a space between number and unit"),
                "" => format!("`{text}` lacks a unit of time"),
                "min" | "mins" | "minutes" | "minute" => {
                    format!("`{unit}` is not a unit of time; did you mean `m`?")
                }
                "sec" | "secs" | "seconds" | "second" => {
                    format!("`{unit}` is not a unit of time; did you mean `s`?")
                }
                "hr" | "hours" | "hour" => format!("`{unit}` is not a unit of time; did you mean `h`?"),
                _ => format!("`{unit}` is not a unit of time"),
            })?;
            let amount: f64 = number.parse().map_err(|error| format!("`{number}`: {error}"))?;
            nanos += amount * unit_nanos as f64;
            rest = next;
        }
        let span = Self((nanos + 0.5) as u64);
        if span > SPAN_MAX {
            return Err(format!("`{text}` is longer than {SPAN_MAX}"));
        }
        Ok(span)
    }
    fn blank() -> Self {
        Self::ZERO
    }
}

impl Scalar for Ratio {
    const EXPECTED: &'static str = "a percentage such as \"85%\" or \"99.95%\"";
    const PATTERN: &'static str = "^[0-9]+(\\.[0-9]{1,7})?%$";
    fn parse(text: &str) -> Result<Self, String> {
        let number = match leading_number(text) {
            Some((number, "%")) => number,
            Some((_, "")) => return Err(format!("`{text}` lacks its `%`")),
            Some(_) | None => return Err(format!("`{text}` is not a percentage")),
        };
        let ratio = Self(fixed_point(number, 7)?);
        if ratio > Self::from_percent(100_000) {
            return Err(format!("`{text}` is more than 100000%"));
        }
        Ok(ratio)
    }
    fn blank() -> Self {
        Self::ZERO
    }
}

impl Scalar for Money {
    const EXPECTED: &'static str = "an amount such as \"$0.20\"";
    const PATTERN: &'static str = "^\\$[0-9]+(\\.[0-9]{1,6})?$";
    fn parse(text: &str) -> Result<Self, String> {
        let amount = text.strip_prefix('$').ok_or_else(|| format!("`{text}` lacks its `$`"))?;
        let Some((number, "")) = leading_number(amount) else {
            return Err(format!("`{text}` is not an amount of dollars"));
        };
        let micros = fixed_point(number, 6)?;
        if micros > Self::MAX_STATED.micros() {
            return Err(format!("`{text}` is more than {}", Self::MAX_STATED));
        }
        Ok(Self::from_micros(micros))
    }
    fn blank() -> Self {
        Self::ZERO
    }
}

/// So many per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

impl Rate {
    /// Returns how many that is in a minute, to the nearest whole number.
    pub fn per_minute(self) -> u64 {
        (self.0 * 60.0 + 0.5) as u64
    }
}

impl Scalar for Rate {
    const EXPECTED: &'static str = "a rate such as \"12/s\", \"600/min\" or \"40/h\"";
    const PATTERN: &'static str = "^[0-9]+(\\.[0-9]+)?/(s|min|h)$";
    fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) =
            leading_number(text).ok_or_else(|| format!("`{text}` does not begin with a number"))?;
        let seconds = match unit {
            "/s" => 1.0,
            "/min" => 60.0,
            "/h" => 3600.0,
            "" => return Err(format!("`{text}` lacks its `/s`, `/min` or `/h`")),
            other => return Err(format!("`{other}` is not a unit of rate")),
        };
        let amount: f64 = number.parse().map_err(|error| format!("`{number}`: {error}"))?;
        let rate = amount / seconds;
        // Token quotas are the largest rates that anybody writes.
        if rate > RATE_MAX * 1000.0 {
            return Err(format!("`{text}` is more than {}/s", RATE_MAX * 1000.0));
        }
        Ok(Self(rate))
    }
    fn blank() -> Self {
        Self(0.0)
    }
}

/// A time of day, in minutes after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(pub u32);

impl Scalar for TimeOfDay {
    const EXPECTED: &'static str = "a time of day such as \"14:00\"";
    const PATTERN: &'static str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2);
        let parsed = parts.and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)));
        match parsed {
            Some((hours, minutes)) if hours < 24 && minutes < 60 => Ok(Self(hours * 60 + minutes)),
            Some(_) | None => Err(format!("`{text}` is not a time of day")),
        }
    }
    fn blank() -> Self {
        Self(0)
    }
}

fn two_digits(text: &str) -> Option<u32> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A part of the day that may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayPart {
    /// Its first minute.
    pub from: TimeOfDay,
    /// The minute after its last.
    pub to: TimeOfDay,
}

impl DayPart {
    /// Returns whether a minute of the day lies in this part.
    pub fn contains(self, minute: u32) -> bool {
        let (from, to) = (self.from.0, self.to.0);
        if from <= to { from <= minute && minute < to } else { minute >= from || minute < to }
    }
}

impl Scalar for DayPart {
    const EXPECTED: &'static str = "a part of the day such as \"22:00..07:00\"";
    const PATTERN: &'static str = "^([01][0-9]|2[0-3]):[0-5][0-9]\\.\\.([01][0-9]|2[0-3]):[0-5][0-9]$";
    fn parse(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once("..").ok_or_else(|| format!("`{text}` lacks its `..`"))?;
        Ok(Self { from: TimeOfDay::parse(from)?, to: TimeOfDay::parse(to)? })
    }
    fn blank() -> Self {
        Self { from: TimeOfDay(0), to: TimeOfDay(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Scalar + std::fmt::Debug>(texts: &[&str]) -> String {
        let lines = texts.iter().map(|text| format!("{text:12} {:?}\n", T::parse(text)));
        lines.collect::<Vec<String>>().concat()
    }

    #[test]
    fn spans_need_units() {
        insta::assert_snapshot!(check::<Span>(&[
            "2s", "1m30s", "250ms", "4.3s", "2", "2 s", "2x", "", "-1s", "999w", "1.s"
        ]));
    }

    #[test]
    fn percentages_are_exact() {
        insta::assert_snapshot!(check::<Ratio>(&[
            "85%",
            "99.95%",
            "0.0000001%",
            "0.00000001%",
            "85",
            "0.85",
            "%"
        ]));
    }

    #[test]
    fn amounts_are_exact_to_the_micro_dollar() {
        insta::assert_snapshot!(check::<Money>(&[
            "$0.20",
            "$15",
            "$0.000001",
            "$0.0000001",
            "0.20",
            "$",
            "$1e3",
            "$99999999"
        ]));
    }

    #[test]
    fn rates_and_times_of_day() {
        insta::assert_snapshot!(check::<Rate>(&["12/s", "600/min", "1/h", "12", "12/d"]));
        insta::assert_snapshot!(check::<DayPart>(&["22:00..07:00", "22:00", "24:00..01:00", "+2:00..07:00"]));
    }

    #[test]
    fn a_night_passes_midnight() {
        let night = DayPart::parse("22:00..07:00").unwrap();
        assert!(night.contains(23 * 60) && night.contains(0) && night.contains(6 * 60 + 59));
        assert!(!night.contains(7 * 60) && !night.contains(21 * 60 + 59));
    }
}
