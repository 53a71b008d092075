//! The verdicts: closed types without a default, so that nothing passes by omission.

/// What one run showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunVerdict {
    /// Every target was met.
    Pass,
    /// A target was missed.
    Fail,
    /// A fault met no call.
    NotExposed,
    /// The baseline did not hold, or telemetry was missing.
    Invalid,
}

/// What a drill concluded, in order from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every graded target met, with the stated confidence.
    Pass,
    /// The seeds run do not suffice.
    Inconclusive,
    /// A fault was not witnessed.
    NotExposed,
    /// The baseline did not hold, or telemetry was missing.
    Invalid,
    /// At least one target missed, with the stated confidence.
    Fail,
}

impl RunVerdict {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotExposed => "NOT EXPOSED",
            Self::Invalid => "INVALID",
        }
    }
}

impl Verdict {
    /// Every verdict, from best to worst.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Inconclusive, Self::NotExposed, Self::Invalid, Self::Fail];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotExposed => "NOT EXPOSED",
            Self::Invalid => "INVALID",
            Self::Fail => "FAIL",
        }
    }

    /// Returns the exit code of the program.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive | Self::NotExposed | Self::Invalid => 3,
        }
    }
}
