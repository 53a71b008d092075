//! Orders: what the control plane can do to the system, and what takes each of them back.

use crate::base::{Money, Ratio, Span};
use crate::plan::TierSet;

/// Something done to the system. Numbers of mocks and agents index the plan's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Send calls for the first mock to the second.
    Degrade(u8, u8),
    /// Send calls for a mock to it again.
    Restore(u8),
    /// Cap the attempts of a mock's calls, or lift the cap.
    RetryLimit(u8, Option<u32>),
    /// Hold a mock's breaker open.
    HoldBreaker(u8),
    /// Let go of a mock's breaker.
    LetGoBreaker(u8),
    /// Admit this share of the new tasks of some tiers, as far as the runbook of this number is concerned:
    /// the smallest share that any of them says counts.
    Admit(usize, TierSet, Ratio),
    /// Send this share of the tasks that call the first mock to the second.
    Weight(u8, u8, Ratio),
    /// Try whether a mock answers.
    Probe(u8),
    /// Take poisoned entries out of a memory, as many as are found.
    Purge(u8, Ratio),
    /// Let nobody recall or remember anything, or let them again.
    Quarantine(u8, bool),
    /// Let every task in flight begin again with an empty context.
    ResetContexts,
    /// Refuse every effect on a mock at the gateway, or let them through again.
    Kill(u8, bool),
    /// Take the permission for a mock from an agent, or give it back.
    Revoke {
        /// The mock.
        mock: u8,
        /// The agent.
        agent: u8,
        /// Whether it is taken; otherwise it is given back.
        is_taken: bool,
    },
    /// Have every effect on a mock approved, or not any more.
    Approve(u8, bool),
    /// Send an agent no tasks, or send it some again.
    Isolate(u8, bool),
    /// Serve reads of a shared state from a snapshot at least so old, if one is named.
    PinSnapshot(u8, Option<Span>),
    /// Serve reads of a shared state as it is.
    Unpin(u8),
    /// Put the distorted objects of a shared state back to its pinned snapshot.
    PutBack(u8),
    /// Limit what may be spent in a minute, or do so no more than before.
    Budget(Option<Money>),
    /// Do outside of the drill what the step of this runbook and number says.
    Outside(usize, usize),
    /// Replay the nodes through which shared state went, for the runbook of this number.
    Replay(usize),
}

impl Order {
    /// Returns what takes the order back, if something does.
    pub fn undone(self) -> Option<Self> {
        match self {
            Self::Degrade(mock, _) => Some(Self::Restore(mock)),
            Self::RetryLimit(mock, _) => Some(Self::RetryLimit(mock, None)),
            Self::HoldBreaker(mock) => Some(Self::LetGoBreaker(mock)),
            Self::Admit(runbook, tiers, _) => Some(Self::Admit(runbook, tiers, Ratio::ONE)),
            Self::Quarantine(memory, _) => Some(Self::Quarantine(memory, false)),
            Self::Kill(mock, _) => Some(Self::Kill(mock, false)),
            Self::Revoke { mock, agent, .. } => Some(Self::Revoke { mock, agent, is_taken: false }),
            Self::Approve(mock, _) => Some(Self::Approve(mock, false)),
            Self::Isolate(agent, _) => Some(Self::Isolate(agent, false)),
            Self::PinSnapshot(state, _) => Some(Self::Unpin(state)),
            Self::Budget(_) => Some(Self::Budget(None)),
            Self::Restore(_)
            | Self::LetGoBreaker(_)
            | Self::Weight(..)
            | Self::Probe(_)
            | Self::Purge(..)
            | Self::ResetContexts
            | Self::Unpin(_)
            | Self::PutBack(_)
            | Self::Outside(..)
            | Self::Replay(_) => None,
        }
    }
}
