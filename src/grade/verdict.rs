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
    /// A stop-loss or a person stopped it.
    Aborted,
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
    /// A stop-loss or a person stopped it; faults were released, and that was verified.
    Aborted,
}

impl RunVerdict {
    /// Every verdict of a run.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::NotExposed, Self::Invalid, Self::Aborted];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotExposed => "NOT EXPOSED",
            Self::Invalid => "INVALID",
            Self::Aborted => "ABORTED",
        }
    }
}

impl Verdict {
    /// Every verdict, from best to worst.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Inconclusive, Self::NotExposed, Self::Invalid, Self::Fail, Self::Aborted];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotExposed => "NOT EXPOSED",
            Self::Invalid => "INVALID",
            Self::Fail => "FAIL",
            Self::Aborted => "ABORTED",
        }
    }

    /// Returns the exit code of the program.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive | Self::NotExposed | Self::Invalid => 3,
            Self::Aborted => 4,
        }
    }
}
