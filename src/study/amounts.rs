//! The amounts by which runs of the same seed are compared: harm, time and money.

use crate::base::Time;
use crate::grade::Scorecard;
use crate::plan::TIERS;
use crate::scenario::file::load::Tier;

/// An amount of a run; less of each is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Tasks of a tier lost.
    Lost(usize),
    /// Unsafe acts above the twin.
    UnsafeActs,
    /// Effects executed twice above the twin.
    DuplicateActs,
    /// Dollars above the twin.
    CostUsd,
    /// Seconds from onset to the first notification.
    Detect,
    /// Seconds from onset to containment.
    Contain,
    /// Seconds from onset to recovery.
    Recover,
}

impl Amount {
    /// Returns every amount.
    pub fn all() -> Vec<Self> {
        let rest = [
            Self::UnsafeActs,
            Self::DuplicateActs,
            Self::CostUsd,
            Self::Detect,
            Self::Contain,
            Self::Recover,
        ];
        (0..TIERS).map(Self::Lost).chain(rest).collect()
    }

    /// Returns its name, with its unit where it has one.
    pub fn name(self) -> String {
        match self {
            Self::Lost(tier) => format!("lost.{}", Tier::ALL[tier].word()),
            Self::UnsafeActs => "unsafe_acts".into(),
            Self::DuplicateActs => "duplicate_acts".into(),
            Self::CostUsd => "cost_usd".into(),
            Self::Detect => "detect_s".into(),
            Self::Contain => "contain_s".into(),
            Self::Recover => "recover_s".into(),
        }
    }

    /// Returns the amount in a run; nothing for a moment that never came.
    pub fn of(self, card: &Scorecard) -> Option<f64> {
        let since = |at: Option<Time>| Some(at?.since(card.times.onset?).seconds());
        match self {
            Self::Lost(tier) => Some(card.harm.tiers[tier].lost as f64),
            Self::UnsafeActs => Some(card.harm.unsafe_acts as f64),
            Self::DuplicateActs => Some(card.harm.duplicate_acts as f64),
            Self::CostUsd => Some(card.harm.cost_micros as f64 / 1e6),
            Self::Detect => since(card.times.detect),
            Self::Contain => since(card.times.contain),
            Self::Recover => since(card.times.recover),
        }
    }
}
