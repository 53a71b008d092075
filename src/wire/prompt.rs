//! What a client asks of a model, whichever protocol it speaks.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::Key;
use crate::wire::content::Content;
use crate::wire::tokens;

/// What is added to the tokens of each message for its role and its ends.
const PER_MESSAGE: u64 = 4;

/// What a client asks of a model.
#[derive(Debug, Default, PartialEq)]
pub struct Prompt {
    /// The model asked for.
    pub model: String,
    /// Whether the answer is to come as a stream.
    pub is_stream: bool,
    /// Whether a stream is to tell its usage (`OpenAI`).
    pub wants_usage: bool,
    /// The most tokens that the answer may have.
    pub most: Option<u64>,
    /// How many turns of the conversation the model has answered.
    pub turns: u32,
    /// The system's instructions.
    pub system: String,
    /// What the user said last.
    pub last: String,
    /// What the tools gave back last, since the model's last turn.
    pub result: String,
    /// The last call that the model asked for.
    pub last_call: Option<(String, String)>,
    /// The tools on offer.
    pub tools: Vec<String>,
    /// The tool that must be asked for.
    pub forced: Option<String>,
    /// How many tokens all of it has.
    pub tokens: u64,
    /// Of them, those that the model had been sent before its last turn.
    pub seen: u64,
    /// Who asks, if the request says so.
    pub user: Option<String>,
    /// What the conversation begins with, as a number: the same in each of its turns.
    pub beginning: u64,
}

/// Gathers a prompt, message by message.
#[derive(Debug, Default)]
pub struct Gather {
    prompt: Prompt,
    is_models_turn: bool,
    has_begun: bool,
}

impl Gather {
    /// Adds instructions of the system.
    pub fn system(&mut self, content: &Content<'_>) {
        let text = content.joined();
        if text.is_empty() {
            return;
        }
        self.prompt.tokens += tokens::count(&text) + PER_MESSAGE;
        self.prompt.system.push_str(&text);
    }

    /// Adds what the user said.
    pub fn user(&mut self, text: String) {
        self.is_models_turn = false;
        if !self.has_begun {
            self.has_begun = true;
            self.prompt.beginning = hash(text.as_bytes());
        }
        self.prompt.tokens += tokens::count(&text) + PER_MESSAGE;
        self.prompt.last = text;
    }

    /// Adds what the model said.
    pub fn model(&mut self, content: &Content<'_>) {
        self.models_turn();
        let mut count = PER_MESSAGE;
        content.texts(&mut |text| count += tokens::count(text));
        self.prompt.tokens += count;
    }

    /// Adds a call that the model asked for.
    pub fn call(&mut self, name: &str, arguments: &str) {
        self.models_turn();
        self.prompt.tokens += tokens::count(name) + tokens::count(arguments) + PER_MESSAGE;
        self.prompt.last_call = Some((name.to_owned(), arguments.to_owned()));
    }

    /// Adds what a tool gave back.
    pub fn result(&mut self, content: &Content<'_>) {
        self.is_models_turn = false;
        let text = content.joined();
        self.prompt.tokens += tokens::count(&text) + PER_MESSAGE;
        self.prompt.result.push_str(&text);
    }

    /// Adds the tools on offer.
    pub fn tools(&mut self, raw: Option<&RawValue>) -> Result<(), serde_json::Error> {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(()) };
        self.prompt.tokens += tokens::count(raw.get());
        let offered: Vec<Offered> = serde_json::from_str(raw.get())?;
        let name = |offered: Offered| offered.name.or(offered.function.map(|function| function.name));
        self.prompt.tools = offered.into_iter().filter_map(name).collect();
        Ok(())
    }

    /// Says that the model has answered so many turns, and was sent so many tokens, in requests before.
    pub fn earlier(&mut self, turns: u32, seen: u64) {
        (self.prompt.turns, self.prompt.seen) = (turns, seen);
        self.prompt.tokens += seen;
        self.has_begun = false;
    }

    /// Returns the prompt.
    pub fn done(self) -> Prompt {
        self.prompt
    }

    fn models_turn(&mut self) {
        if !self.is_models_turn {
            self.is_models_turn = true;
            self.prompt.turns += 1;
            self.prompt.seen = self.prompt.tokens;
            self.prompt.result.clear();
        }
    }
}

/// A tool on offer: its name is in one of two places.
#[derive(Debug, Deserialize)]
struct Offered {
    name: Option<String>,
    function: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// The choice of a tool that a client makes for the model, in any provider's form.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A word: `auto`, `none`, `required`.
    Word(String),
    /// One tool.
    Tool(ChosenTool),
}

/// One tool that must be asked for.
#[derive(Debug, Deserialize)]
pub struct ChosenTool {
    #[serde(rename = "type", default)]
    kind: String,
    name: Option<String>,
    function: Option<ChosenFunction>,
}

#[derive(Debug, Deserialize)]
struct ChosenFunction {
    name: String,
}

impl Choice {
    /// Returns the tool that must be asked for, of those on offer.
    pub fn forced(self, tools: &[String]) -> Option<String> {
        match self {
            Self::Word(word) => (word == "required").then(|| tools.first().cloned()).flatten(),
            Self::Tool(tool) => {
                let named = tool.name.or(tool.function.map(|function| function.name));
                named.or_else(|| (tool.kind == "any").then(|| tools.first().cloned()).flatten())
            }
        }
    }
}

/// Reads a request of JSON; the error says what is wrong with it.
///
/// Once the whole is known to be UTF-8 none of its texts has to be looked at again, which takes longer.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    let read = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        // It may lie where nobody reads; otherwise the error says where.
        Err(_elsewhere) => serde_json::from_slice(body),
    };
    read.map_err(|error| error.to_string())
}

/// Returns a number for some bytes, the same on every machine.
pub fn hash(bytes: &[u8]) -> u64 {
    // FNV-1a, spread by the mixing of a key.
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    Key::of_seed(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold)).number()
}
