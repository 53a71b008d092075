//! Time inside a drill: whole nanoseconds since it began.
//!
//! Nothing here reads a clock; whoever runs a drill says what time it is.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A moment, in nanoseconds since the drill began.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Time(pub u64);

/// A length of time, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

const NANOS: u64 = 1_000_000_000;

impl Time {
    /// The beginning of the drill.
    pub const ZERO: Self = Self(0);
    /// A moment that no drill reaches.
    pub const NEVER: Self = Self(u64::MAX);

    /// Returns how long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }

    /// Returns the moment `span` earlier, or the beginning of the drill if that is later.
    pub fn back(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Returns a span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * NANOS)
    }

    /// Returns the span nearest to `seconds`; zero if that is negative, the longest if it is too long.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * NANOS as f64 + 0.5) as u64)
    }

    /// Returns the span in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Writes a span as people say it: `90s` as `1m30s`, `0.25s` as `250ms`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0;
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < NANOS {
            return match nanos {
                n if n % 1_000_000 == 0 => write!(f, "{}ms", n / 1_000_000),
                n if n >= 1_000_000 => write!(f, "{:.1}ms", n as f64 / 1e6),
                n => write!(f, "{:.3}us", n as f64 / 1e3),
            };
        }
        if nanos < 10 * NANOS && !nanos.is_multiple_of(NANOS) {
            return write!(f, "{:.1}s", self.seconds());
        }
        let total = nanos / NANOS + u64::from(nanos % NANOS >= NANOS / 2);
        let (days, hours, minutes, seconds) =
            (total / 86_400, total / 3_600 % 24, total / 60 % 60, total % 60);
        for (amount, unit) in [(days, 'd'), (hours, 'h'), (minutes, 'm'), (seconds, 's')] {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Writes a moment as a clock since the drill began: `12:05`, `1:02:05`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0 / NANOS;
        let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
        if hours > 0 {
            write!(f, "{hours}:{minutes:02}:{seconds:02}")
        } else {
            write!(f, "{minutes:02}:{seconds:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let check = |seconds: f64, text: &str| assert_eq!(Span::from_secs_f64(seconds).to_string(), text);
        check(0.0, "0s");
        check(0.25, "250ms");
        check(2.0, "2s");
        check(2.5, "2.5s");
        check(90.0, "1m30s");
        check(7200.0, "2h");
        check(90_061.0, "1d1h1m1s");
        // The longest span there is does not overflow.
        assert_eq!(Span(u64::MAX).to_string(), "213503d23h34m34s");
    }

    #[test]
    fn a_negative_or_endless_span_is_clamped() {
        assert_eq!(Span::from_secs_f64(-3.0), Span::ZERO);
        assert_eq!(Span::from_secs_f64(f64::INFINITY), Span(u64::MAX));
        assert_eq!(Time::NEVER + Span::from_secs(5), Time::NEVER);
    }
}
