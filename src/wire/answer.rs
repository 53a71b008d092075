//! What a model answers, before any provider's form is given to it.

use std::ops::Range;

use crate::wire::tokens::{self, Tokens};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(String),
    /// A refusal, in words.
    Refusal(String),
    /// A tool that is asked for.
    Call {
        /// The number that the result must name.
        id: u64,
        /// The tool.
        name: String,
        /// Its arguments: JSON, unless a fault broke it.
        arguments: String,
    },
}

impl Part {
    /// Returns what comes piece by piece.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Refusal(text) => text,
            Self::Call { arguments, .. } => arguments,
        }
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All has been said.
    End,
    /// The limit of tokens was reached.
    Length,
    /// Tools are asked for.
    Tools,
    /// The model, or a filter, refused.
    Refusal,
}

/// What the answer says it cost, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Tokens sent, those from the cache included.
    pub input: u64,
    /// Of them, from the cache.
    pub cached: u64,
    /// Tokens replied, reasoning included.
    pub output: u64,
    /// Of them, reasoning.
    pub reasoning: u64,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it is known by; each provider writes it in its own way.
    pub id: u64,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The model that it says it is from.
    pub model: String,
    /// The number of the configuration that made it.
    pub fingerprint: u64,
    /// What it says.
    pub parts: Vec<Part>,
    /// Why it ends.
    pub stop: Stop,
    /// What it cost; nothing if it does not say.
    pub usage: Option<Told>,
    /// How many tokens of reasoning pass before the first piece.
    pub reasoning: u64,
    /// How many turns of the conversation had been answered before.
    pub turns: u32,
    /// How many tokens the conversation has with it, however they are billed.
    pub conversation: u64,
}

impl Answer {
    /// Cuts the answer after so many tokens of what it says.
    pub fn cut(&mut self, most: u64) {
        let mut left = most;
        let mut kept = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            let length = tokens::count(part.text());
            if length <= left {
                left -= length;
                kept.push(part);
                continue;
            }
            let shorten = |text: &str| tokens::first(text, left).to_owned();
            kept.push(match part {
                Part::Text(text) => Part::Text(shorten(&text)),
                Part::Refusal(text) => Part::Refusal(shorten(&text)),
                Part::Call { id, name, arguments } => Part::Call { id, name, arguments: shorten(&arguments) },
            });
            self.stop = Stop::Length;
            break;
        }
        self.parts = kept;
    }

    /// Returns how many tokens it says, reasoning not counted.
    pub fn said(&self) -> u64 {
        self.parts.iter().map(|part| tokens::count(part.text())).sum()
    }
}

/// One step of a stream, as every provider has it in some form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The answer begins.
    Begin,
    /// A part begins.
    Open(usize),
    /// A piece of a part: these bytes of its text.
    Piece(usize, Range<usize>),
    /// A part is over.
    Close(usize),
    /// The answer is over: why, and what it cost.
    Finish,
}

/// Where a stream is in its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    state: State,
    part: usize,
    at: usize,
    /// How many tokens have passed.
    tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Between,
    Within,
    After,
}

impl Cursor {
    /// Returns the next step, and how many tokens have passed when it leaves.
    pub fn next(&mut self, answer: &Answer) -> Option<(Step, u64)> {
        let step = match self.state {
            State::Before => {
                self.state = State::Between;
                Step::Begin
            }
            State::Between if self.part < answer.parts.len() => {
                if self.part == 0 {
                    self.tokens += answer.reasoning;
                }
                self.state = State::Within;
                Step::Open(self.part)
            }
            State::Between => {
                self.state = State::After;
                Step::Finish
            }
            State::Within => {
                let text = answer.parts[self.part].text();
                if let Some(piece) = Tokens::from(text, self.at).next() {
                    self.at = piece.end;
                    self.tokens += 1;
                    Step::Piece(self.part, piece)
                } else {
                    (self.state, self.at, self.part) = (State::Between, 0, self.part + 1);
                    Step::Close(self.part - 1)
                }
            }
            State::After => return None,
        };
        Some((step, self.tokens))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An answer with a text and two tools, for the snapshots of every provider.
    pub(crate) fn answer(parts: Vec<Part>, stop: Stop) -> Answer {
        let mut answer = Answer {
            id: 0x5eed_0000_0000_0001,
            created: 1_767_225_600,
            model: "a-model".into(),
            fingerprint: 0x00c0_ffee,
            parts,
            stop,
            usage: None,
            reasoning: 0,
            turns: 0,
            conversation: 12,
        };
        answer.conversation += answer.said();
        answer.usage = Some(Told { input: 12, cached: 4, output: answer.said(), reasoning: 0 });
        answer
    }

    pub(crate) fn text() -> Vec<Part> {
        vec![Part::Text("Rain in Oslo: \"12\u{b0}\".".into())]
    }

    pub(crate) fn tools() -> Vec<Part> {
        let call = |id, name: &str, arguments: &str| Part::Call {
            id,
            name: name.into(),
            arguments: arguments.into(),
        };
        vec![
            Part::Text("Let me look.".into()),
            call(0xa1, "weather", "{\"city\":\"Oslo\"}"),
            call(0xa2, "clock", "{}"),
        ]
    }

    #[test]
    fn a_cursor_walks_through_every_part_once_and_counts_tokens() {
        let answer = answer(tools(), Stop::Tools);
        let mut cursor = Cursor::default();
        let mut said = vec![String::new(); 3];
        let mut last = 0;
        while let Some((step, passed)) = cursor.next(&answer) {
            assert!(passed >= last);
            last = passed;
            if let Step::Piece(part, range) = step {
                said[part].push_str(answer.parts[part].text().get(range).unwrap());
            }
        }
        assert_eq!(said, ["Let me look.", "{\"city\":\"Oslo\"}", "{}"]);
        assert_eq!(last, answer.said());
        assert_eq!(cursor.next(&answer), None);
    }

    #[test]
    fn a_cut_answer_ends_for_its_length() {
        let mut answer = answer(tools(), Stop::Tools);
        answer.cut(6);
        assert_eq!(answer.parts.len(), 2);
        assert_eq!((answer.said(), answer.stop), (6, Stop::Length));
    }
}
