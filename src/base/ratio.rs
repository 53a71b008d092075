//! Shares and percentages as exact parts per billion.

use std::fmt;

/// A share in whole parts per billion; may exceed one (`300%`).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Ratio(pub u64);

const BILLION: u64 = 1_000_000_000;

impl Ratio {
    /// None of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(BILLION);

    /// Returns `percent` hundredths.
    pub const fn from_percent(percent: u64) -> Self {
        Self(percent * (BILLION / 100))
    }

    /// Returns the share as a real number, 1.0 for all.
    pub fn real(self) -> f64 {
        self.0 as f64 / BILLION as f64
    }

    /// Returns what is missing to one; zero if nothing is.
    pub fn complement(self) -> Self {
        Self(BILLION.saturating_sub(self.0))
    }

    /// Returns whether `part` out of `whole` is strictly more than `times` such shares, exactly.
    /// Nothing out of nothing is not more.
    pub fn is_exceeded(self, part: u64, whole: u64, times: Self) -> bool {
        let left = u128::from(part) * u128::from(BILLION) * u128::from(BILLION);
        let right = u128::from(self.0) * u128::from(times.0) * u128::from(whole);
        left > right
    }

    /// Returns this share of `whole`, rounded up; the largest number if it is larger.
    pub fn of_ceil(self, whole: u64) -> u64 {
        let share = (u128::from(self.0) * u128::from(whole)).div_ceil(u128::from(BILLION));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

/// Writes a percentage without needless digits: `99.95%`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / (BILLION / 100), self.0 % (BILLION / 100));
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let digits = format!("{rest:07}");
        write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_of_a_share_is_not_exceeded() {
        let one_percent = Ratio::from_percent(1);
        assert!(!one_percent.is_exceeded(1, 100, Ratio::ONE));
        assert!(one_percent.is_exceeded(2, 199, Ratio::ONE));
        assert!(!one_percent.is_exceeded(0, 0, Ratio::ONE));
        // A burn rate of 14.4 on 1 %: the line lies at 14.4 %.
        let factor = Ratio(14_400_000_000);
        assert!(!one_percent.is_exceeded(144, 1000, factor));
        assert!(one_percent.is_exceeded(145, 1000, factor));
    }

    #[test]
    fn percentages_read_without_needless_digits() {
        assert_eq!(Ratio(999_500_000).to_string(), "99.95%");
        assert_eq!(Ratio::from_percent(300).to_string(), "300%");
        assert_eq!(Ratio::ZERO.to_string(), "0%");
    }

    #[test]
    fn a_share_of_slots_is_rounded_up() {
        assert_eq!(Ratio::from_percent(40).of_ceil(10), 4);
        assert_eq!(Ratio::from_percent(41).of_ceil(10), 5);
        assert_eq!(Ratio::ZERO.of_ceil(10), 0);
    }
}
