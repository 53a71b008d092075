//! `POST /v1/messages` and `POST /v1/messages/count_tokens`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::wire::answer::{Answer, Part, Step, Stop, Told};
use crate::wire::content::Content;
use crate::wire::frames::{Frames, json as write, named};
use crate::wire::prompt::{Choice, Gather, Prompt, read_json};

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    system: Content<'a>,
    stream: Option<bool>,
    max_tokens: Option<u64>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    tool_choice: Option<Choice>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
}

/// Reads a request; the error says what is wrong with it.
pub fn read(body: &[u8]) -> Result<Prompt, String> {
    let prompt = read_any(body)?;
    if prompt.most.is_none() {
        return Err("max_tokens: Field required".into());
    }
    Ok(prompt)
}

/// Reads a request to count tokens, which needs no limit.
pub fn read_any(body: &[u8]) -> Result<Prompt, String> {
    let request: Request<'_> = read_json(body)?;
    if request.messages.is_empty() {
        return Err("messages: at least one message is required".into());
    }
    let mut gather = Gather::default();
    gather.system(&request.system);
    for message in &request.messages {
        match &*message.role {
            "user" => user(&message.content, &mut gather),
            "assistant" => assistant(&message.content, &mut gather),
            "system" => gather.system(&message.content),
            other => {
                let role: String = other.chars().take(40).collect();
                return Err(format!("messages: Unexpected role \"{role}\"."));
            }
        }
    }
    gather.tools(request.tools).map_err(|error| format!("tools: {error}"))?;
    let prompt = gather.done();
    Ok(Prompt {
        model: request.model.into_owned(),
        is_stream: request.stream.unwrap_or(false),
        wants_usage: true,
        most: request.max_tokens,
        forced: request.tool_choice.and_then(|choice| choice.forced(&prompt.tools)),
        user: request.metadata.and_then(|metadata| metadata.user_id),
        ..prompt
    })
}

/// A user's message may hold what tools gave back.
fn user(content: &Content<'_>, gather: &mut Gather) {
    let Content::Blocks(blocks) = content else { return gather.user(content.joined()) };
    let (mut said, mut is_result) = (String::new(), false);
    for block in blocks {
        if block.kind == "tool_result" {
            gather.result(&block.content);
            is_result = true;
        } else if let Some(text) = &block.text {
            said.push_str(text);
        }
    }
    if !said.is_empty() || !is_result {
        gather.user(said);
    }
}

fn assistant(content: &Content<'_>, gather: &mut Gather) {
    gather.model(content);
    let Content::Blocks(blocks) = content else { return };
    for block in blocks.iter().filter(|block| block.kind == "tool_use") {
        let input = block.input.map_or("{}", RawValue::get);
        gather.call(block.name.as_deref().unwrap_or_default(), input);
    }
}

fn id(prefix: &str, number: u64) -> String {
    named(&format!("{prefix}01"), number)
}

fn usage(told: Told) -> Value {
    json!({
        "input_tokens": told.input - told.cached,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": told.cached,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": told.output, "service_tier": "standard",
    })
}

/// What takes the place of a usage that is not said: the field must be there for the SDKs.
fn told(answer: &Answer) -> Told {
    answer.usage.unwrap_or_default()
}

fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Tools => "tool_use",
        Stop::Refusal => "refusal",
    }
}

fn stop_details(stop: Stop) -> Value {
    match stop {
        Stop::Refusal => json!({ "type": "refusal", "category": null, "explanation": null }),
        Stop::End | Stop::Length | Stop::Tools => Value::Null,
    }
}

/// Returns an answer whole.
pub fn whole(answer: &Answer) -> Vec<u8> {
    let block = |part: &Part| match part {
        Part::Text(text) | Part::Refusal(text) => json!({ "type": "text", "text": text, "citations": null }),
        Part::Call { id: number, name, arguments } => {
            // What is no JSON cannot stand here as it is: a client sees the text that the model wrote.
            let input = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
            json!({ "type": "tool_use", "id": id("toolu_", *number), "name": name, "input": input })
        }
    };
    let mut message = json!({
        "id": id("msg_", answer.id), "type": "message", "role": "assistant", "model": answer.model,
        "content": answer.parts.iter().map(block).collect::<Vec<_>>(),
        "stop_reason": stop_reason(answer.stop), "stop_sequence": null, "usage": usage(told(answer)),
    });
    if answer.stop == Stop::Refusal {
        message["stop_details"] = stop_details(answer.stop);
    }
    message.to_string().into_bytes()
}

/// Adds the frames of a step.
pub fn write_step(answer: &Answer, step: &Step, frames: &mut Frames) {
    match step {
        Step::Begin => {
            let told = Told { output: 1.min(told(answer).output), ..told(answer) };
            let message = json!({
                "id": id("msg_", answer.id), "type": "message", "role": "assistant", "model": answer.model,
                "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(told),
            });
            frames.event(Some("message_start"), &json!({ "type": "message_start", "message": message }));
            frames.event(Some("ping"), &json!({ "type": "ping" }));
        }
        Step::Open(part) => {
            let block = match &answer.parts[*part] {
                Part::Text(_) | Part::Refusal(_) => json!({ "type": "text", "text": "" }),
                Part::Call { id: number, name, .. } => {
                    json!({ "type": "tool_use", "id": id("toolu_", *number), "name": name, "input": {} })
                }
            };
            let data = json!({ "type": "content_block_start", "index": part, "content_block": block });
            frames.event(Some("content_block_start"), &data);
        }
        Step::Piece(part, range) => {
            let of = &answer.parts[*part];
            let (before, after) = match of {
                Part::Text(_) | Part::Refusal(_) => ("{\"type\":\"text_delta\",\"text\":", "}}\n\n"),
                Part::Call { .. } => ("{\"type\":\"input_json_delta\",\"partial_json\":", "}}\n\n"),
            };
            frames.text("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
            write(frames.write(), part);
            frames.text(",\"delta\":");
            frames.text(before);
            write(frames.write(), &of.text().get(range.clone()).unwrap_or_default());
            frames.text(after);
            frames.end();
        }
        Step::Close(part) => {
            let data = json!({ "type": "content_block_stop", "index": part });
            frames.event(Some("content_block_stop"), &data);
        }
        Step::Finish => {
            let mut delta = json!({ "stop_reason": stop_reason(answer.stop), "stop_sequence": null });
            if answer.stop == Stop::Refusal {
                delta["stop_details"] = stop_details(answer.stop);
            }
            let data = json!({
                "type": "message_delta", "delta": delta, "usage": { "output_tokens": told(answer).output },
            });
            frames.event(Some("message_delta"), &data);
            frames.event(Some("message_stop"), &json!({ "type": "message_stop" }));
        }
    }
}
