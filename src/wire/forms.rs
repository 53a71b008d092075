//! The bytes of every form, held by snapshots.

use crate::wire::answer::tests::{answer, text, tools};
use crate::wire::answer::{Answer, Cursor, Part, Step, Stop};
use crate::wire::anthropic::{errors as anthropic_errors, messages};
use crate::wire::frames::Frames;
use crate::wire::openai::{chat, errors as openai_errors, responses};
use crate::wire::refusal::{Limit, Refusal, Refused};

/// Writes every frame of a stream, each with the tokens that have passed when it leaves.
fn stream(answer: &Answer, mut write: impl FnMut(&Answer, &Step, &mut Frames)) -> String {
    let (mut cursor, mut lines) = (Cursor::default(), Vec::new());
    while let Some((step, passed)) = cursor.next(answer) {
        let mut frames = Frames::default();
        write(answer, &step, &mut frames);
        for frame in frames.iter() {
            let frame = std::str::from_utf8(frame).unwrap();
            assert!(frame.ends_with("\n\n") && frame.matches("\n\n").count() == 1, "one event is one frame");
            lines.push(format!("{passed:2} | {}", frame.trim_end().replace('\n', "\n   | ")));
        }
    }
    lines.join("\n")
}

fn whole(bytes: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn refused_answer() -> Answer {
    answer(vec![Part::Refusal("I can't.".into())], Stop::Refusal)
}

#[test]
fn chat_completions_in_one_piece() {
    insta::assert_snapshot!(whole(&chat::whole(&answer(tools(), Stop::Tools))));
    insta::assert_snapshot!(whole(&chat::whole(&refused_answer())));
}

#[test]
fn chat_completions_frame_by_frame() {
    for (name, answer, usage) in [
        ("text", answer(text(), Stop::End), true),
        ("tools", answer(tools(), Stop::Tools), false),
        ("refusal", refused_answer(), false),
    ] {
        let writer = chat::Stream::new(&answer, usage);
        insta::assert_snapshot!(
            name,
            stream(&answer, |answer, step, frames| writer.write(answer, step, frames))
        );
    }
}

#[test]
fn responses_in_one_piece() {
    insta::assert_snapshot!(whole(&responses::whole(&answer(tools(), Stop::Tools))));
}

#[test]
fn responses_frame_by_frame() {
    for (name, answer) in
        [("responses_text", answer(text(), Stop::End)), ("responses_tools", answer(tools(), Stop::Length))]
    {
        let mut writer = responses::Stream::default();
        insta::assert_snapshot!(
            name,
            stream(&answer, |answer, step, frames| writer.write(answer, step, frames))
        );
    }
}

#[test]
fn messages_in_one_piece() {
    insta::assert_snapshot!(whole(&messages::whole(&answer(tools(), Stop::Tools))));
    insta::assert_snapshot!(whole(&messages::whole(&refused_answer())));
}

#[test]
fn messages_frame_by_frame() {
    for (name, answer) in [
        ("messages_text", answer(text(), Stop::End)),
        ("messages_tools", answer(tools(), Stop::Tools)),
        ("messages_refusal", refused_answer()),
    ] {
        insta::assert_snapshot!(name, stream(&answer, messages::write_step));
    }
}

#[test]
fn an_answer_that_does_not_say_what_it_cost() {
    let silent = Answer { usage: None, ..answer(text(), Stop::End) };
    assert!(!whole(&chat::whole(&silent)).contains("usage"));
    let writer = chat::Stream::new(&silent, true);
    let frames = stream(&silent, |answer, step, frames| writer.write(answer, step, frames));
    assert!(!frames.contains("\"usage\":{"), "{frames}");
    // Messages must have one for the SDKs: it says nothing was used.
    assert!(whole(&messages::whole(&silent)).contains("\"output_tokens\": 0"));
}

#[test]
fn refusals_in_every_form() {
    let status = |status, code: Option<&str>| Refusal::Status(status, code.map(str::to_owned));
    let wait = crate::base::Span::from_secs(20);
    let refusals = [
        Refusal::Bad("what is wrong".into()),
        Refusal::NotFound("GET /nowhere".into()),
        Refusal::NoCredential,
        Refusal::Expired,
        Refusal::Denied("tickets-write".into()),
        Refusal::RateLimited { wait, limit: Limit::Requests(3) },
        Refusal::RateLimited { wait: crate::base::Span(1_500_000_000), limit: Limit::Tokens(90_000) },
        Refusal::PutOff(crate::base::Span::from_secs(86_400)),
        Refusal::Overloaded,
        Refusal::ContextTooLong { most: 1000, got: 1200 },
        Refusal::TooLarge(1 << 25),
        Refusal::TooSlow,
    ];
    let statuses = [
        (400, Some("content_filter")),
        (401, None),
        (402, None),
        (403, None),
        (404, None),
        (408, None),
        (409, None),
        (412, None),
        (413, None),
        (422, Some("budget_exceeded")),
        (429, None),
        (429, Some("insufficient_quota")),
        (429, Some("slow_down")),
        (429, Some("ramp_limit_exceeded")),
        (429, Some("enforced_spend_limit_reached")),
        (446, None),
        (500, None),
        (503, None),
        (504, None),
        (529, None),
    ];
    let all = refusals.into_iter().chain(statuses.map(|(number, code)| status(number, code)));
    let line = |refused: Refused| {
        let headers: Vec<String> =
            refused.headers.iter().map(|(name, value)| format!("{name}: {value}; ")).collect();
        format!("{} {}{}", refused.status, headers.concat(), refused.body)
    };
    let lines = all.flat_map(|refusal| {
        let openai = line(openai_errors::refused(&refusal, "a-model"));
        let anthropic = line(anthropic_errors::refused(&refusal, "req_1"));
        [format!("{refusal:?}"), format!("  openai    {openai}"), format!("  anthropic {anthropic}")]
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// What is read of a prompt, in a line.
fn read(read: Result<crate::wire::prompt::Prompt, String>) -> String {
    match read {
        Ok(prompt) => format!(
            "model {} stream {} most {:?} turns {} tokens {} seen {} last {:?} result {:?} call {:?} tools {:?} forced {:?} user {:?} begins {:04x}",
            prompt.model,
            prompt.is_stream,
            prompt.most,
            prompt.turns,
            prompt.tokens,
            prompt.seen,
            prompt.last,
            prompt.result,
            prompt.last_call,
            prompt.tools,
            prompt.forced,
            prompt.user,
            prompt.beginning & 0xffff,
        ),
        Err(why) => format!("refused: {why}"),
    }
}

#[test]
fn prompts_say_the_same_in_every_protocol() {
    let chats = [
        r#"{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]}"#,
        r#"{"model":"m","stream":true,"max_completion_tokens":9,"safety_identifier":"u1","tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"x"}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"got"}]}"#,
        r#"{"model":"m","messages":[]}"#,
        r#"{"model":"m","messages":[{"role":"wizard","content":"x"}]}"#,
        r#"{"messages":[{"role":"user","content":"x"}]}"#,
        r#"{"model":"m","messages":"no"}"#,
        "",
    ];
    let responses_bodies = [
        r#"{"model":"m","instructions":"be kind","input":"hi"}"#,
        r#"{"model":"m","stream":true,"max_output_tokens":9,"tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"function","name":"f"},"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"reasoning","id":"r"},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"},{"type":"function_call_output","call_id":"c","output":"got"}]}"#,
        r#"{"model":"m"}"#,
    ];
    let messages_bodies = [
        r#"{"model":"m","max_tokens":5,"system":[{"type":"text","text":"be kind"}],"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"model":"m","max_tokens":9,"stream":true,"metadata":{"user_id":"u1"},"tool_choice":{"type":"tool","name":"f"},"tools":[{"name":"f","input_schema":{}}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"got"}]}]}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#,
    ];
    let lines = chats
        .iter()
        .map(|body| format!("chat      {}", read(chat::read(body.as_bytes()))))
        .chain(
            responses_bodies
                .iter()
                .map(|body| format!("responses {}", read(responses::read(body.as_bytes())))),
        )
        .chain(
            messages_bodies.iter().map(|body| format!("messages  {}", read(messages::read(body.as_bytes())))),
        );
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}
