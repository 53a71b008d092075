//! `POST /v1/chat/completions`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::wire::answer::{Answer, Part, Step, Stop, Told};
use crate::wire::content::Content;
use crate::wire::frames::{Frames, digits, json as write};
use crate::wire::openai::id;
use crate::wire::prompt::{Choice, Gather, Prompt, read_json};

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    tool_choice: Option<Choice>,
    user: Option<String>,
    safety_identifier: Option<String>,
    prompt_cache_key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Debug, Deserialize)]
struct ToolCall {
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads a request; the error says what is wrong with it.
pub fn read(body: &[u8]) -> Result<Prompt, String> {
    let request: Request<'_> = read_json(body)?;
    if request.messages.is_empty() {
        return Err("`messages` is too short: it has at least one message".into());
    }
    let mut gather = Gather::default();
    for message in &request.messages {
        match &*message.role {
            "system" | "developer" => gather.system(&message.content),
            "user" => gather.user(message.content.joined()),
            "assistant" => {
                gather.model(&message.content);
                for call in message.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref()) {
                    gather.call(&call.name, &call.arguments);
                }
            }
            "tool" | "function" => gather.result(&message.content),
            other => return Err(format!("`{}` is no role", other.chars().take(40).collect::<String>())),
        }
    }
    gather.tools(request.tools).map_err(|error| format!("`tools`: {error}"))?;
    let prompt = gather.done();
    Ok(Prompt {
        model: request.model.into_owned(),
        is_stream: request.stream.unwrap_or(false),
        wants_usage: request.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
        most: request.max_completion_tokens.or(request.max_tokens),
        forced: request.tool_choice.and_then(|choice| choice.forced(&prompt.tools)),
        user: request.safety_identifier.or(request.user).or(request.prompt_cache_key),
        ..prompt
    })
}

/// Appends what an answer cost. Written by hand, as the rest of a reply: field by field through a serializer it takes
/// several times as long, and a reply is most of what a mock does.
fn write_usage(bytes: &mut Vec<u8>, told: Told) {
    let total = told.input + told.output;
    let pieces: [(&str, u64); 5] = [
        ("{\"prompt_tokens\":", told.input),
        (",\"completion_tokens\":", told.output),
        (",\"total_tokens\":", total),
        (",\"prompt_tokens_details\":{\"cached_tokens\":", told.cached),
        (",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":", told.reasoning),
    ];
    for (text, number) in pieces {
        bytes.extend_from_slice(text.as_bytes());
        write(bytes, &number);
    }
    bytes.extend_from_slice(
        b",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
    );
}

/// Appends text as it is, then a value as JSON.
fn put(bytes: &mut Vec<u8>, text: &str, value: &impl Serialize) {
    bytes.extend_from_slice(text.as_bytes());
    write(bytes, value);
}

fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

/// Returns an answer whole.
pub fn whole(answer: &Answer) -> Vec<u8> {
    let (mut content, mut refusal, mut calls) = (None::<String>, None::<String>, Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(text) => content.get_or_insert_default().push_str(text),
            Part::Refusal(text) => refusal.get_or_insert_default().push_str(text),
            Part::Call { id: number, name, arguments } => calls.push(json!({
                "id": id("call_", *number), "type": "function",
                "function": { "name": name, "arguments": arguments },
            })),
        }
    }
    let mut bytes = Vec::with_capacity(1024);
    // Names that are digits, and our own words, need no escapes.
    bytes.extend_from_slice(b"{\"id\":\"chatcmpl-");
    digits(&mut bytes, answer.id);
    put(&mut bytes, "\",\"object\":\"chat.completion\",\"created\":", &answer.created);
    put(&mut bytes, ",\"model\":", &answer.model);
    put(&mut bytes, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":", &content);
    put(&mut bytes, ",\"refusal\":", &refusal);
    bytes.extend_from_slice(b",\"annotations\":[]");
    if !calls.is_empty() {
        put(&mut bytes, ",\"tool_calls\":", &calls);
    }
    bytes.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":\"");
    bytes.extend_from_slice(finish_reason(answer.stop).as_bytes());
    bytes.extend_from_slice(b"\"}]");
    if let Some(told) = answer.usage {
        bytes.extend_from_slice(b",\"usage\":");
        write_usage(&mut bytes, told);
    }
    put(&mut bytes, ",\"service_tier\":\"default\",\"system_fingerprint\":", &id("fp_", answer.fingerprint));
    bytes.push(b'}');
    bytes
}

/// Writes the frames of a stream.
#[derive(Debug)]
pub struct Stream {
    wants_usage: bool,
    /// The beginning of every frame, up to its choices.
    head: Box<str>,
}

impl Stream {
    /// Returns the stream of an answer.
    pub fn new(answer: &Answer, wants_usage: bool) -> Self {
        let mut head = Vec::with_capacity(160);
        head.extend_from_slice(b"data: {\"id\":");
        write(&mut head, &id("chatcmpl-", answer.id));
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        write(&mut head, &answer.created);
        head.extend_from_slice(b",\"model\":");
        write(&mut head, &answer.model);
        head.extend_from_slice(b",\"service_tier\":\"default\",\"system_fingerprint\":");
        write(&mut head, &id("fp_", answer.fingerprint));
        head.extend_from_slice(b",\"choices\":[");
        let head = String::from_utf8(head).expect("JSON is UTF-8");
        Self { wants_usage, head: head.into() }
    }

    /// Adds the frames of a step.
    pub fn write(&self, answer: &Answer, step: &Step, frames: &mut Frames) {
        match step {
            Step::Begin => {
                self.delta(frames, &json!({ "role": "assistant", "content": "", "refusal": null }));
            }
            Step::Open(part) => {
                if let Part::Call { id: number, name, .. } = &answer.parts[*part] {
                    let call = json!([{
                        "index": tool_index(answer, *part), "id": id("call_", *number), "type": "function",
                        "function": { "name": name, "arguments": "" },
                    }]);
                    self.delta(frames, &json!({ "tool_calls": call }));
                }
            }
            Step::Piece(part, range) => self.piece(answer, (*part, range.clone()), frames),
            Step::Close(_) => {}
            Step::Finish => {
                self.choice(frames, |bytes| bytes.extend_from_slice(b"{}"), Some(finish_reason(answer.stop)));
                if let Some(told) = answer.usage.filter(|_| self.wants_usage) {
                    frames.text(&self.head);
                    frames.text("],\"usage\":");
                    write_usage(frames.write(), told);
                    frames.text("}\n\n");
                    frames.end();
                }
                frames.text("data: [DONE]\n\n");
                frames.end();
            }
        }
    }

    fn piece(&self, answer: &Answer, (part, range): (usize, std::ops::Range<usize>), frames: &mut Frames) {
        let of = &answer.parts[part];
        let piece = of.text().get(range).unwrap_or_default();
        self.choice(
            frames,
            |bytes| {
                let (before, after): (&str, &str) = match of {
                    Part::Text(_) => ("{\"content\":", "}"),
                    Part::Refusal(_) => ("{\"refusal\":", "}"),
                    Part::Call { .. } => {
                        bytes.extend_from_slice(b"{\"tool_calls\":[{\"index\":");
                        write(bytes, &tool_index(answer, part));
                        (",\"function\":{\"arguments\":", "}}]}")
                    }
                };
                bytes.extend_from_slice(before.as_bytes());
                write(bytes, &piece);
                bytes.extend_from_slice(after.as_bytes());
            },
            None,
        );
    }

    fn delta(&self, frames: &mut Frames, delta: &Value) {
        self.choice(frames, |bytes| write(bytes, delta), None);
    }

    fn choice(&self, frames: &mut Frames, delta: impl FnOnce(&mut Vec<u8>), finish: Option<&str>) {
        frames.text(&self.head);
        frames.text("{\"index\":0,\"delta\":");
        delta(frames.write());
        frames.text(",\"logprobs\":null,\"finish_reason\":");
        write(frames.write(), &finish);
        frames.text("}]");
        if self.wants_usage {
            frames.text(",\"usage\":null");
        }
        frames.text("}\n\n");
        frames.end();
    }
}

/// Returns which of the tools a part asks for, counted from 0.
fn tool_index(answer: &Answer, part: usize) -> usize {
    answer.parts[..part].iter().filter(|part| matches!(part, Part::Call { .. })).count()
}

/// Adds the frame of an error inside a stream.
pub fn error(frames: &mut Frames, error: &Value) {
    frames.event(None, error);
}
