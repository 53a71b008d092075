//! Money as whole picodollars, so that sums are exact.
//!
//! A price in micro-dollars per million tokens is the same number in picodollars per token.

use std::fmt;
use std::ops::{Add, AddAssign};

/// An amount of money in picodollars (10^-12 US dollars), up to about 18 million dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub u64);

const PICOS_PER_MICRO: u64 = 1_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount a scenario may name: a million dollars.
    pub const MAX_STATED: Self = Self(1_000_000 * 1_000_000 * PICOS_PER_MICRO);

    /// Returns an amount of whole micro-dollars.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros * PICOS_PER_MICRO)
    }

    /// Returns an amount that somebody else has measured, in dollars: nothing if it is none, and at most what a scenario
    /// may name.
    pub fn measured(dollars: f64) -> Self {
        let picos = dollars.clamp(0.0, Self::MAX_STATED.dollars()) * 1e12;
        if picos.is_finite() { Self(picos.round() as u64) } else { Self::ZERO }
    }

    /// Returns the amount rounded to the nearest micro-dollar.
    pub fn micros(self) -> u64 {
        (self.0 + PICOS_PER_MICRO / 2) / PICOS_PER_MICRO
    }

    /// Returns the amount in dollars, rounded to the nearest micro-dollar.
    pub fn dollars(self) -> f64 {
        self.micros() as f64 / 1e6
    }

    /// Returns what `tokens` cost at a price of `self` per million tokens, exactly, or the most there is.
    pub fn per_million(self, tokens: u64) -> Self {
        Self(self.micros().saturating_mul(tokens))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Writes dollars with cents, or with as many digits as a small amount needs.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros();
        if micros >= 1_000_000 || micros.is_multiple_of(10_000) {
            write!(f, "${:.2}", self.dollars())
        } else {
            write!(f, "${:.4}", self.dollars())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_at_ten_cents_a_million_is_a_tenth_of_a_micro_dollar() {
        let price = Money::from_micros(100_000);
        assert_eq!(price.per_million(1), Money(100_000));
        assert_eq!(price.per_million(1_000_000), price);
    }

    #[test]
    fn what_is_measured_is_an_amount_whatever_it_says() {
        let amounts = [0.25, 0.0, -3.0, f64::NAN, f64::INFINITY].map(Money::measured);
        let most = Money::MAX_STATED;
        assert_eq!(amounts, [Money::from_micros(250_000), Money::ZERO, Money::ZERO, Money::ZERO, most]);
    }

    #[test]
    fn amounts_read_as_dollars() {
        assert_eq!(Money::from_micros(12_345_678).to_string(), "$12.35");
        assert_eq!(Money::from_micros(1_234).to_string(), "$0.0012");
        assert_eq!(Money::ZERO.to_string(), "$0.00");
    }
}
