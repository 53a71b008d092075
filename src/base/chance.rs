//! Chance from named streams: every draw has a key made of the seed and of who draws it for what.
//!
//! Two runs of one seed therefore make the same draws wherever they do the same thing; a fault or a
//! guardrail that makes one call draw more or less moves no other draw.

use rand::SeedableRng;
use rand::{Rng, RngExt};
use rand_xoshiro::SplitMix64;

/// The identity of something that draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

/// A short stream of draws that belongs to one key.
#[derive(Debug, Clone)]
pub struct Chance(SplitMix64);

/// The 64-bit finaliser of `SplitMix64` (Steele, Lea and Flood 2014, constants of Stafford's Mix13).
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Key {
    /// Returns the root key of a run.
    pub const fn of_seed(seed: u64) -> Self {
        Self(mix(seed ^ 0x73d2_a1f0_5eed_0001))
    }

    /// Returns the key of something named, such as a mock or a fault.
    pub const fn of_name(name: &str) -> Self {
        // FNV-1a gathers the bytes, `mix` spreads them.
        let bytes = name.as_bytes();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut index = 0;
        while index < bytes.len() {
            hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            index += 1;
        }
        Self(mix(hash))
    }

    /// Returns the key of member `number` of this one.
    pub const fn at(self, number: u64) -> Self {
        Self(mix(self.0.wrapping_add(number.wrapping_mul(0x9e6c_63d0_876a_3f6b))))
    }

    /// Returns the key of this one doing what `other` names.
    pub const fn with(self, other: Self) -> Self {
        Self(mix(self.0 ^ other.0.rotate_left(17)))
    }

    /// Returns the key as a number, to name something by.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Returns the key that a number names.
    pub const fn of_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the draws of this key.
    pub fn draws(self) -> Chance {
        Chance(SplitMix64::seed_from_u64(self.0))
    }

    /// Returns one number in `[0, 1)`, the same each time.
    pub fn unit(self) -> f64 {
        self.draws().unit()
    }
}

impl Chance {
    /// Returns a number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Returns the generator, for the samplers of `rand_distr`.
    pub fn generator(&mut self) -> &mut impl Rng {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_draws_the_same_and_another_does_not() {
        let task = Key::of_seed(7).at(3);
        let search = Key::of_name("search");
        assert_eq!(task.with(search).unit().to_bits(), task.with(search).unit().to_bits());
        assert_ne!(task.with(search).unit().to_bits(), task.with(Key::of_name("searcg")).unit().to_bits());
        assert_ne!(task.at(1).unit().to_bits(), task.at(2).unit().to_bits());
    }

    #[test]
    fn draws_over_keys_are_uniform() {
        let root = Key::of_seed(1);
        let mut buckets = [0_u32; 20];
        for number in 0..200_000 {
            buckets[(root.at(number).unit() * 20.0) as usize] += 1;
        }
        // Chi-squared with 19 degrees of freedom: 43.8 is its 99.9 % point.
        let chi: f64 = buckets.iter().map(|&n| (f64::from(n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 43.8, "chi-squared {chi}");
    }

    #[test]
    fn draws_are_pinned() {
        let units: Vec<u64> = (0..3).map(|n| (Key::of_seed(42).at(n).unit() * 1e15) as u64).collect();
        insta::assert_debug_snapshot!(units);
    }
}
