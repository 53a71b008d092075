//! `POST /v1/responses`.
//!
//! A conversation may go on from `previous_response_id`: the id itself says how many turns and tokens came
//! before, so that nothing is kept for clients that never come back.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::scenario::limits::TOKENS_MAX;
use crate::wire::answer::{Answer, Part, Step, Stop, Told};
use crate::wire::content::{Block, Content};
use crate::wire::frames::Frames;
use crate::wire::openai::id;
use crate::wire::prompt::{Choice, Gather, Prompt, read_json};

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow, default)]
    input: Content<'a>,
    #[serde(borrow, default)]
    instructions: Content<'a>,
    stream: Option<bool>,
    max_output_tokens: Option<u64>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    tool_choice: Option<Choice>,
    previous_response_id: Option<String>,
    user: Option<String>,
    safety_identifier: Option<String>,
    prompt_cache_key: Option<String>,
}

/// Reads a request; the error says what is wrong with it.
pub fn read(body: &[u8]) -> Result<Prompt, String> {
    let request: Request<'_> = read_json(body)?;
    let mut gather = Gather::default();
    if let Some(previous) = &request.previous_response_id {
        let (turns, tokens) = before(previous).ok_or("`previous_response_id` is not one of this server's")?;
        gather.earlier(turns, tokens);
    }
    gather.system(&request.instructions);
    match &request.input {
        Content::None => return Err("`input` is missing".into()),
        Content::Text(text) => gather.user(text.clone().into_owned()),
        Content::Blocks(items) => {
            for item in items {
                self::item(item, &mut gather)?;
            }
        }
    }
    gather.tools(request.tools).map_err(|error| format!("`tools`: {error}"))?;
    let prompt = gather.done();
    Ok(Prompt {
        model: request.model.into_owned(),
        is_stream: request.stream.unwrap_or(false),
        wants_usage: true,
        most: request.max_output_tokens,
        forced: request.tool_choice.and_then(|choice| choice.forced(&prompt.tools)),
        user: request.safety_identifier.or(request.user).or(request.prompt_cache_key),
        ..prompt
    })
}

fn item(item: &Block<'_>, gather: &mut Gather) -> Result<(), String> {
    match (&*item.kind, item.role.as_deref()) {
        ("function_call", _) => {
            gather.call(item.name.as_deref().unwrap_or_default(), item.arguments.as_deref().unwrap_or("{}"));
        }
        ("function_call_output", _) => gather.result(&item.output),
        (_, Some("system" | "developer")) => gather.system(&item.content),
        (_, Some("user")) => gather.user(item.content.joined()),
        (_, Some("assistant")) => gather.model(&item.content),
        (_, Some(role)) => return Err(format!("`{}` is no role", role.chars().take(40).collect::<String>())),
        // A bare text in the list is the user's; what else there is (reasoning) is the provider's own.
        ("text", None) => gather.user(item.text.as_deref().unwrap_or_default().to_owned()),
        (_, None) => {}
    }
    Ok(())
}

/// Returns the id of an answer: its number, how many turns and tokens the conversation has then.
fn response_id(answer: &Answer) -> String {
    format!("{}{:04x}{:08x}", id("resp_", answer.id), answer.turns + 1, answer.conversation)
}

/// Returns how many turns and tokens came before, as the id of an answer says.
fn before(response: &str) -> Option<(u32, u64)> {
    let digits = response.strip_prefix("resp_")?;
    let turns = u32::from_str_radix(digits.get(16..20)?, 16).ok()?;
    let tokens = u64::from_str_radix(digits.get(20..).filter(|rest| rest.len() <= 10)?, 16).ok()?;
    (tokens <= TOKENS_MAX as u64).then_some((turns, tokens))
}

fn usage(told: Told) -> Value {
    json!({
        "input_tokens": told.input,
        "input_tokens_details": { "cached_tokens": told.cached, "cache_write_tokens": 0 },
        "output_tokens": told.output,
        "output_tokens_details": { "reasoning_tokens": told.reasoning },
        "total_tokens": told.input + told.output,
    })
}

/// Returns the response object with what has been said so far.
fn response(answer: &Answer, status: &str, output: &[Value], is_over: bool) -> Value {
    let reason = match answer.stop {
        Stop::Length => json!({ "reason": "max_output_tokens" }),
        Stop::Refusal | Stop::End | Stop::Tools => Value::Null,
    };
    json!({
        "id": response_id(answer), "object": "response", "created_at": answer.created, "status": status,
        "background": false, "error": null,
        "incomplete_details": if is_over { reason } else { Value::Null },
        "instructions": null, "max_output_tokens": null, "metadata": {}, "model": answer.model,
        "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null }, "service_tier": "default", "store": true,
        "temperature": 1.0, "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "user": null,
        "usage": if is_over { answer.usage.map_or(Value::Null, usage) } else { Value::Null },
    })
}

fn item_id(answer: &Answer, part: usize) -> String {
    let number = answer.id.wrapping_add(part as u64 + 1);
    match &answer.parts[part] {
        Part::Text(_) | Part::Refusal(_) => id("msg_", number),
        Part::Call { .. } => id("fc_", number),
    }
}

/// Returns an item of the output, with as much of its text as has come.
fn output(answer: &Answer, part: usize, is_done: bool) -> Value {
    let status = if is_done { "completed" } else { "in_progress" };
    let of = &answer.parts[part];
    let text = if is_done { of.text() } else { "" };
    match of {
        Part::Text(_) | Part::Refusal(_) => json!({
            "id": item_id(answer, part), "type": "message", "status": status, "role": "assistant",
            "content": if is_done { json!([content(of, text)]) } else { json!([]) },
        }),
        Part::Call { id: number, name, .. } => json!({
            "id": item_id(answer, part), "type": "function_call", "status": status, "name": name,
            "call_id": id("call_", *number), "arguments": text,
        }),
    }
}

fn content(part: &Part, text: &str) -> Value {
    match part {
        Part::Refusal(_) => json!({ "type": "refusal", "refusal": text }),
        Part::Text(_) | Part::Call { .. } => {
            json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
        }
    }
}

fn status(answer: &Answer) -> &'static str {
    if answer.stop == Stop::Length { "incomplete" } else { "completed" }
}

/// Returns an answer whole.
pub fn whole(answer: &Answer) -> Vec<u8> {
    let items: Vec<Value> = (0..answer.parts.len()).map(|part| output(answer, part, true)).collect();
    response(answer, status(answer), &items, true).to_string().into_bytes()
}

/// Writes the frames of a stream.
#[derive(Debug, Default)]
pub struct Stream {
    sequence: u64,
}

impl Stream {
    /// Adds the frames of a step.
    pub fn write(&mut self, answer: &Answer, step: &Step, frames: &mut Frames) {
        match step {
            Step::Begin => {
                let begun = response(answer, "in_progress", &[], false);
                self.event(frames, "response.created", json!({ "response": begun.clone() }));
                self.event(frames, "response.in_progress", json!({ "response": begun }));
            }
            Step::Open(part) => {
                let item = output(answer, *part, false);
                let added = json!({ "output_index": part, "item": item });
                self.event(frames, "response.output_item.added", added);
                if !matches!(answer.parts[*part], Part::Call { .. }) {
                    let data = at(answer, *part, json!({ "part": content(&answer.parts[*part], "") }));
                    self.event(frames, "response.content_part.added", data);
                }
            }
            Step::Piece(part, range) => {
                let piece = answer.parts[*part].text().get(range.clone()).unwrap_or_default();
                let (name, more) = match &answer.parts[*part] {
                    Part::Text(_) => {
                        ("response.output_text.delta", json!({ "delta": piece, "logprobs": [] }))
                    }
                    Part::Refusal(_) => ("response.refusal.delta", json!({ "delta": piece })),
                    Part::Call { .. } => {
                        ("response.function_call_arguments.delta", json!({ "delta": piece }))
                    }
                };
                self.event(frames, name, at(answer, *part, more));
            }
            Step::Close(part) => self.close(answer, *part, frames),
            Step::Finish => {
                let items: Vec<Value> =
                    (0..answer.parts.len()).map(|part| output(answer, part, true)).collect();
                let name = format!("response.{}", status(answer));
                let whole = response(answer, status(answer), &items, true);
                self.event(frames, &name, json!({ "response": whole }));
            }
        }
    }

    fn close(&mut self, answer: &Answer, part: usize, frames: &mut Frames) {
        let of = &answer.parts[part];
        let (name, more) = match of {
            Part::Text(text) => ("response.output_text.done", json!({ "text": text, "logprobs": [] })),
            Part::Refusal(text) => ("response.refusal.done", json!({ "refusal": text })),
            Part::Call { name, arguments, .. } => {
                ("response.function_call_arguments.done", json!({ "name": name, "arguments": arguments }))
            }
        };
        self.event(frames, name, at(answer, part, more));
        if !matches!(of, Part::Call { .. }) {
            let data = at(answer, part, json!({ "part": content(of, of.text()) }));
            self.event(frames, "response.content_part.done", data);
        }
        let done = json!({ "output_index": part, "item": output(answer, part, true) });
        self.event(frames, "response.output_item.done", done);
    }

    /// Adds the frame of an error inside a stream: the response has failed.
    pub fn error(&mut self, frames: &mut Frames, code: &str, message: &str) {
        let data = json!({ "code": code, "message": message, "param": null });
        self.event(frames, "error", data);
    }

    fn event(&mut self, frames: &mut Frames, name: &str, mut data: Value) {
        if let Some(object) = data.as_object_mut() {
            object.insert("type".into(), name.into());
            object.insert("sequence_number".into(), self.sequence.into());
        }
        self.sequence += 1;
        frames.event(Some(name), &data);
    }
}

/// Adds to an event where in the output it belongs.
fn at(answer: &Answer, part: usize, mut data: Value) -> Value {
    if let Some(object) = data.as_object_mut() {
        object.insert("item_id".into(), item_id(answer, part).into());
        object.insert("output_index".into(), part.into());
        if !matches!(answer.parts[part], Part::Call { .. }) {
            object.insert("content_index".into(), 0.into());
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::tests::{answer, text};

    #[test]
    fn an_id_says_what_came_before() {
        let first = answer(text(), Stop::End);
        let body = json!({ "model": "m", "input": "and?", "previous_response_id": response_id(&first) });
        let prompt = read(body.to_string().as_bytes()).unwrap();
        assert_eq!((prompt.turns, prompt.seen), (1, 12 + first.said()));
        assert!(read(br#"{"model":"m","input":"x","previous_response_id":"resp_1"}"#).is_err());
    }
}
