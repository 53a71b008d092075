//! Incidents that really happened, as shapes to drill with.

use crate::scenario::record::{record, words};
use crate::scenario::source::At;

words! {
    /// An incident. In brackets the evidence: P primary source, S secondary; what is assumed is said.
    pub enum Preset {
        /// Two waves of errors with a gap, 44, 39 and 15 minutes (`OpenAI`, P); every second request assumed.
        Openai20240816 = "openai-2024-08-16",
        /// Timeouts and 503 at 23 % of requests, 185 minutes, with a slow start and tail (`OpenAI`, P).
        Openai20241125 = "openai-2024-11-25",
        /// Nearly everything fails for three hours, all at once, some minutes after a change (`OpenAI`, S); 90 % assumed.
        Openai20241211 = "openai-2024-12-11",
        /// Answers are wrong without an error, by session: 0.8 % of requests, then 16 % (Anthropic, S), days as hours.
        AnthropicQuality2025 = "anthropic-quality-2025",
        /// Status 401 for valid keys, 78 minutes (Anthropic, S); every request assumed.
        Anthropic20260428 = "anthropic-2026-04-28",
        /// Overloaded (529), 88 minutes, and the last quarter is only half as bad (Anthropic, S); 80 % assumed.
        Anthropic20260515 = "anthropic-2026-05-15",
        /// A cache bug drops the state of a session at every turn (a coding agent, 2026, S).
        SessionLoss2026 = "session-loss-2026",
        /// The same name answers worse: right answers from 84 % to 51 % (GPT-4, March to June 2023, S).
        Gpt4Drift2023 = "gpt-4-drift-2023",
        /// Two agents send each other the same call, all with status 200 (2025, S); one task in ten assumed.
        AgentLoop2025 = "agent-loop-2025",
    }
}

record! {
    /// An incident that really happened. Its shape is stretched or cut to the `duration` of the fault.
    pub struct Incident {
        /// Which.
        pub preset: At<Preset>,
    }
}

/// What happens in a part of an incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Happens {
    /// A share of requests is answered with a status.
    Error(f64, u16),
    /// A share of requests is never answered.
    Hang(f64),
    /// A share of sessions gets wrong answers.
    Wrong(f64),
    /// A share of questions loses its history.
    HistoryLoss(f64),
    /// A share of tasks repeats its calls.
    Loop(f64),
}

/// A part of an incident, in minutes of the real one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// When it began.
    pub from: f64,
    /// When it was over.
    pub to: f64,
    /// How long it took to get as bad as that.
    pub ramp: f64,
    /// What happened.
    pub happens: Happens,
}

const fn part(from: f64, to: f64, ramp: f64, happens: Happens) -> Part {
    Part { from, to, ramp, happens }
}

impl Preset {
    /// Returns the parts of the incident; its length is the end of the last one.
    pub fn parts(self) -> &'static [Part] {
        use Happens::{Error, Hang, HistoryLoss, Loop, Wrong};
        match self {
            Self::Openai20240816 => {
                const { &[part(0.0, 44.0, 2.0, Error(0.5, 500)), part(83.0, 98.0, 1.0, Error(0.5, 503))] }
            }
            Self::Openai20241125 => {
                const { &[part(0.0, 185.0, 30.0, Error(0.18, 503)), part(20.0, 150.0, 15.0, Hang(0.05))] }
            }
            Self::Openai20241211 => const { &[part(4.0, 180.0, 3.0, Error(0.9, 503))] },
            Self::AnthropicQuality2025 => {
                const { &[part(0.0, 100.0, 0.0, Wrong(0.008)), part(100.0, 160.0, 10.0, Wrong(0.16))] }
            }
            Self::Anthropic20260428 => const { &[part(0.0, 78.0, 1.0, Error(1.0, 401))] },
            Self::Anthropic20260515 => {
                const { &[part(0.0, 66.0, 4.0, Error(0.8, 529)), part(66.0, 88.0, 0.0, Error(0.4, 529))] }
            }
            Self::SessionLoss2026 => const { &[part(0.0, 60.0, 0.0, HistoryLoss(1.0))] },
            Self::Gpt4Drift2023 => const { &[part(0.0, 60.0, 20.0, Wrong(0.39))] },
            Self::AgentLoop2025 => const { &[part(0.0, 60.0, 30.0, Loop(0.1))] },
        }
    }
}
