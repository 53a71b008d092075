//! Model providers on the wire: chat completions, Responses, Messages, and what belongs to them.

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use crate::base::{Money, Span};
use crate::live::caller::Who;
use crate::live::canaries::Place;
use crate::live::decide::{self, Hits};
use crate::live::line::Line;
use crate::live::perform::{Deed, Due, perform};
use crate::live::reply::{Cut, Note, ReplyBody, Stream, Writer};
use crate::live::taken::Taken;
use crate::live::traffic::Call;
use crate::live::work::Job;
use crate::live::world::Left;
use crate::live::{headers, serve};
use crate::model::outcome::{self, Bill, Outcome, Talk, Usage};
use crate::plan::{Flaw, WireForm};
use crate::scenario::file::faults::wire::BreakEnding;
use crate::wire::answer::{Answer, Part, Stop, Told};
use crate::wire::anthropic::{errors as anthropic_errors, messages};
use crate::wire::canary::{self, Canary};
use crate::wire::frames::named;
use crate::wire::openai::{chat, errors as openai_errors, responses};
use crate::wire::prompt::{Prompt, hash};
use crate::wire::refusal::{Refusal, Refused};
use crate::wire::say::{self, Asked, Said};
use crate::wire::tokens;

/// The second at which every answer was made: replies do not depend on when they are asked for.
pub(super) const CREATED: u64 = 1_767_225_600;

/// The form in which a model is asked and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `OpenAI` chat completions.
    Chat,
    /// `OpenAI` Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
}

impl Dialect {
    fn operation(self) -> &'static str {
        match self {
            Self::Chat => "openai chat",
            Self::Responses => "openai responses",
            Self::Messages => "anthropic messages",
        }
    }

    fn read(self, body: &[u8]) -> Result<Prompt, String> {
        match self {
            Self::Chat => chat::read(body),
            Self::Responses => responses::read(body),
            Self::Messages => messages::read(body),
        }
    }

    fn whole(self, answer: &Answer) -> Vec<u8> {
        match self {
            Self::Chat => chat::whole(answer),
            Self::Responses => responses::whole(answer),
            Self::Messages => messages::whole(answer),
        }
    }

    fn writer(self, answer: &Answer, prompt: &Prompt, request: &str) -> Writer {
        match self {
            Self::Chat => Writer::Chat(chat::Stream::new(answer, prompt.wants_usage)),
            Self::Responses => Writer::Responses(responses::Stream::default()),
            Self::Messages => Writer::Messages(request.to_owned()),
        }
    }

    /// Returns a refusal in the provider's form.
    pub(super) fn refused(self, refusal: &Refusal, model: &str, request: &str) -> Refused {
        match self {
            Self::Chat | Self::Responses => openai_errors::refused(refusal, model),
            Self::Messages => anthropic_errors::refused(refusal, request),
        }
    }

    /// Whether it has `OpenAI`'s headers.
    pub(super) fn is_openai(self) -> bool {
        self != Self::Messages
    }
}

/// A request to a model, read.
struct Asking<'a> {
    taken: &'a Taken,
    dialect: Dialect,
    prompt: Prompt,
    /// The canaries of ours that came with it.
    canaries: Vec<Canary>,
    /// Whether the client marks what is to be cached.
    marks_cache: bool,
    id: String,
}

/// What is answered, if nothing comes between.
struct Decided {
    answer: Answer,
    /// Its tokens, as they are billed.
    output: u64,
    /// How long each of its tokens takes, in nanoseconds of the drill's time.
    per_token: f64,
    /// How long it takes, as the mock says.
    took: Span,
    deed: Deed,
    hits: Hits,
    left: [Option<Left>; 2],
}

/// Answers a request to a model.
pub(super) async fn answer(
    line: &Arc<Line>,
    dialect: Dialect,
    (mut headers, body): (HeaderMap, &[u8]),
) -> Result<Response<ReplyBody>, Cut> {
    let world = &line.world;
    let mut who = Who::of(&headers, &world.served.agents);
    // The request's map becomes the reply's, whose room need not be asked for then.
    headers.clear();
    let prompt = dialect.read(body);
    if let Ok(prompt) = &prompt {
        let begins = (prompt.beginning != 0).then_some(prompt.beginning);
        who.session =
            who.session.or_else(|| prompt.user.as_ref().map(|user| hash(user.as_bytes()))).or(begins);
    }
    let taken = if prompt.is_ok() { Taken::call(line, who) } else { Taken::aside(line, who) };
    let taken = Arc::new(taken);
    let id = named("req_", taken.key.number());
    let mut note = serve::note(&taken, dialect.operation());
    let mut prompt = match prompt {
        Ok(prompt) => prompt,
        Err(why) => {
            let refused = dialect.refused(&Refusal::Bad(why), "", &id);
            return Ok(refuse(dialect, (refused, &id), note));
        }
    };
    if let Some(stated) = world.stated(&taken) {
        // A long context is said and not sent.
        (prompt.tokens, prompt.seen) = (stated.tokens[0].into(), stated.tokens[1].into());
    }
    note.call.is_stream = prompt.is_stream;
    note.call.tokens.0 = prompt.tokens;
    let found = canary::find(body);
    let canaries = world.sight(taken.seen(), &found, Place::Prompt);
    let marks_cache = dialect.is_openai()
        || world.stated(&taken).is_some()
        || memchr::memmem::find(body, b"\"cache_control\"").is_some();
    let asking = Asking { taken: &taken, dialect, prompt, canaries, marks_cache, id };
    let mut decided = match asking.decide() {
        Ok(decided) => decided,
        Err(refusal) => return Ok(asking.refuse(&refusal, note)),
    };
    Ok(match perform(&taken, &decided.hits, &mut decided.deed).await? {
        Ok(due) => asking.reply(decided, due, (note, headers)),
        Err(refusal) => asking.refuse(&refusal, note),
    })
}

impl Asking<'_> {
    /// Decides what is answered, or why nothing is.
    fn decide(&self) -> Result<Decided, Refusal> {
        let parameters = &self.taken.world().served.mocks[self.taken.mock];
        let plans = &self.taken.faults.plans;
        let hits = Hits::of(self.taken);
        if let Some(refusal) = decide::turned_away(self.taken.world(), self.taken, &hits) {
            return Err(refusal);
        }
        let is_too_long = self.prompt.tokens > u64::from(parameters.context_max);
        if is_too_long && !parameters.truncates {
            return Err(Refusal::ContextTooLong {
                most: parameters.context_max.into(),
                got: self.prompt.tokens,
            });
        }
        let (answer, talk, void) = self.compose(&hits);
        let bill = self.bill(talk, hits.plain);
        let left = self.taken.world().admit(self.taken, bill.usage.input + bill.usage.output)?;
        let mut outcome = Outcome::own(parameters, self.taken.key, talk);
        outcome.lay((plans, hits.plain), self.taken.key, bill.cost > Money::ZERO, |outcome, flaw| {
            self.is_news(outcome, flaw)
        });
        if is_too_long {
            // What was cut off is not known.
            outcome.is_right = false;
        }
        // A flaw that had nothing to show in has changed nothing; one that did, has. What it does to the agents of a
        // drill shows in them, if not in the text.
        match void.filter(|_| self.taken.world().stated(self.taken).is_none()) {
            Some((fault, true)) => outcome.changed |= 1 << fault,
            Some((fault, false)) => outcome.changed &= !(1 << fault),
            None => {}
        }
        let answer = told(answer, (&bill, &outcome, talk));
        let per_token = parameters.per_token.map_or(0.0, |span| span.0 as f64 * talk.pace);
        let spoken = (per_token * f64::from(talk.tokens)) as u64;
        let (usage, took) = (bill.usage, outcome.service);
        let deed = Deed {
            outcome,
            changed: talk.changed | bill.changed,
            first: Span(outcome.service.0.saturating_sub(spoken)),
            job: Job { cost: bill.cost, tokens: [usage.input, usage.cached, usage.output], ..Job::default() },
            is_stream: self.prompt.is_stream,
            has_flag: true,
            tokens: talk.tokens,
        };
        Ok(Decided { answer, output: usage.output, per_token, took, deed, hits, left })
    }

    /// Returns whether a flaw would change what the model says.
    fn is_news(&self, outcome: &Outcome, flaw: Flaw) -> bool {
        if let Some(stated) = self.taken.world().stated(self.taken) {
            return stated.purpose.is_news(outcome, flaw);
        }
        match flaw {
            Flaw::Wrong => outcome.is_right,
            Flaw::HistoryLost(_) => self.prompt.turns > 0,
            Flaw::Again => self.prompt.last_call.is_some(),
            Flaw::Corrupt
            | Flaw::ToolCall
            | Flaw::Truncated(_)
            | Flaw::Refused
            | Flaw::Bleed
            | Flaw::Waved => true,
            // These are of tools, of memories and of messages between agents.
            Flaw::Poisoned(..)
            | Flaw::Stale
            | Flaw::Flood(_)
            | Flaw::Dropped
            | Flaw::Doubled
            | Flaw::Late(_)
            | Flaw::CutShort
            | Flaw::SentBack
            | Flaw::OldRead => false,
        }
    }

    /// Returns what the model says, with the flaws that faults give it, how much that is, and the fault of the flaw
    /// with whether it shows.
    fn compose(&self, hits: &Hits) -> (Answer, Talk, Option<(usize, bool)>) {
        let (taken, prompt) = (&self.taken, &self.prompt);
        let (parameters, wire) =
            (&self.taken.world().served.mocks[taken.mock], &self.taken.world().served.wires[taken.mock]);
        let flaw = decide::flaw((parameters, taken), hits.plain, |outcome, flaw| self.is_news(outcome, flaw));
        let asked = Asked { number: taken.number, key: taken.key };
        let hijack = |canary| {
            let source = self.taken.world().canaries().source(canary)?;
            (source.hijack > 0.0).then_some(source.hijack)
        };
        let follows = say::hijacked(prompt, &self.canaries, hijack, taken.key);
        let at = |turns| say::said(wire, &self.taken.world().recorded[taken.mock], prompt, turns, asked);
        let mut said = follows.unwrap_or_else(|| at(prompt.turns));
        if !outcome::is_right(parameters, taken.key) || prompt.tokens > u64::from(parameters.context_max) {
            say::spoil(&mut said, Flaw::Wrong, prompt, (taken.key, Canary(0)));
        }
        let Some((flaw, fault)) = flaw else {
            let (answer, talk) = self.measured(said, hits.plain);
            return (answer, talk, None);
        };
        let clean = said.clone();
        let turns = say::turn_with(Some(flaw), prompt.turns, taken.key);
        if turns != prompt.turns {
            said = at(turns);
        }
        let marker =
            if flaw == Flaw::Bleed { self.taken.world().canary(taken, fault, 0.0) } else { Canary(0) };
        say::spoil(&mut said, flaw, prompt, (taken.key, marker));
        let is_other = said != clean;
        let (answer, talk) = self.measured(said, hits.plain);
        let shows = if let Flaw::Truncated(_) = flaw { talk.changed >> fault & 1 == 1 } else { is_other };
        (answer, talk, Some((fault, shows)))
    }

    /// Brings what is said to the length that the client allows and faults give it.
    fn measured(&self, mut said: Said, hits: u64) -> (Answer, Talk) {
        let (taken, prompt) = (&self.taken, &self.prompt);
        let full: u64 = said.parts.iter().map(|part: &Part| tokens::count(part.text())).sum();
        let wanted = self.taken.world().stated(taken).map(|stated| u64::from(stated.tokens[2]));
        let usual = wanted.unwrap_or(full.min(prompt.most.unwrap_or(u64::MAX))).min(u64::from(u32::MAX));
        let talk = outcome::talk(&taken.faults.plans, hits, usual as u32);
        let is_reasoning = decide::has_form(taken, hits, &WireForm::Reasoning);
        let is_swapped = decide::has_form(taken, hits, &WireForm::Swapped);
        if !is_reasoning {
            say::lengthen(&mut said, usual.min(full), talk, taken.key);
        }
        let wire = &self.taken.world().served.wires[taken.mock];
        let stop = said.stop;
        let mut answer = Answer {
            id: taken.key.number(),
            created: CREATED + taken.number,
            model: wire.model.clone().unwrap_or_else(|| prompt.model.clone()),
            fingerprint: (hash(prompt.model.as_bytes()) >> 32) ^ u64::from(is_swapped),
            parts: said.parts,
            stop,
            usage: None,
            reasoning: if is_reasoning { u64::from(talk.tokens).saturating_sub(usual) } else { 0 },
            turns: prompt.turns,
            conversation: prompt.tokens + u64::from(talk.tokens),
        };
        let most = u64::from(talk.tokens) - answer.reasoning;
        // Nearly always all of it fits, and is not counted again.
        if most < full {
            answer.cut(most);
        }
        if is_swapped && usual == full && answer.stop == Stop::Length {
            // Another model says less; nothing cut it off.
            answer.stop = stop;
        }
        (answer, talk)
    }

    fn bill(&self, talk: Talk, hits: u64) -> Bill {
        let parameters = &self.taken.world().served.mocks[self.taken.mock];
        let cached = if self.marks_cache { self.prompt.seen } else { 0 };
        let usage = Usage { input: self.prompt.tokens, cached, output: u64::from(talk.tokens) };
        outcome::bill(&self.taken.faults.plans, hits, parameters, usage)
    }

    /// Returns the reply that is due; its headers go into an empty map.
    fn reply(
        &self,
        decided: Decided,
        due: Due,
        (mut note, mut map): (Note, HeaderMap),
    ) -> Response<ReplyBody> {
        let Decided { answer, output, per_token, took, deed, hits, left } = decided;
        debug_assert!(map.is_empty(), "nothing of the request may be sent back");
        note.call.tokens.1 = output;
        note.call.status = if hits.flagged.is_some() { 246 } else { 200 };
        let status = StatusCode::from_u16(note.call.status).unwrap_or(StatusCode::OK);
        let body = if self.prompt.is_stream {
            let writer = self.dialect.writer(&answer, &self.prompt, &self.id);
            let clock = &self.taken.world().clock;
            let per_token = per_token / clock.passed(Span(1)).0 as f64;
            let (first, begun) = (clock.wait(deed.first), due.begun);
            let stream = Stream { answer: Arc::new(answer), writer, begun, first, per_token };
            ReplyBody::stream(stream, &self.taken.line).with(due.work, Some(note))
        } else if due.broken.is_some_and(|of| of.ending == BreakEnding::Error) {
            // Outside of a stream an error is the whole reply.
            return self.refuse(&Refusal::Status(500, None), note);
        } else {
            let mut bytes = self.dialect.whole(&answer);
            if hits.flagged.is_some() {
                bytes.pop();
                bytes.extend_from_slice(
                    format!(",\"hook_results\":{}}}", openai_errors::hooks(false)).as_bytes(),
                );
            }
            ReplyBody::noted(bytes, note)
        };
        let body = if let Some(of) = due.broken { body.broken(of) } else { body };
        self.head(&mut map, took, left);
        serve::respond((status, map), body)
    }

    /// Adds the headers of a good reply.
    fn head(&self, map: &mut HeaderMap, took: Span, left: [Option<Left>; 2]) {
        let kind =
            if self.prompt.is_stream { "text/event-stream; charset=utf-8" } else { "application/json" };
        map.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.prompt.is_stream {
            map.insert(hyper::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        headers::of_provider(map, self.dialect.is_openai(), &self.id);
        if self.dialect.is_openai() {
            let millis = headers::number(took.0 / 1_000_000);
            map.insert(headers::OPENAI_PROCESSING_MS, millis);
        }
        headers::of_quotas(map, self.dialect.is_openai(), left);
    }

    fn refuse(&self, refusal: &Refusal, note: Note) -> Response<ReplyBody> {
        let refused = self.dialect.refused(refusal, &self.prompt.model, &self.id);
        refuse(self.dialect, (refused, &self.id), note)
    }
}

/// Writes into an answer what it says it cost.
fn told(answer: Answer, (bill, outcome, talk): (&Bill, &Outcome, Talk)) -> Answer {
    if outcome.is_unsaid {
        return answer;
    }
    // Reasoning is inflated as the rest is.
    let reasoning = answer.reasoning * bill.usage.output / u64::from(talk.tokens).max(1);
    let Usage { input, cached, output } = bill.usage;
    Answer { usage: Some(Told { input, cached, output, reasoning }), ..answer }
}

/// Returns the reply of a refusal, with the provider's headers.
pub(super) fn refuse(
    dialect: Dialect,
    (refused, id): (Refused, &str),
    mut note: Note,
) -> Response<ReplyBody> {
    let mut map = HeaderMap::with_capacity(16);
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers::of_provider(&mut map, dialect.is_openai(), id);
    headers::of_quotas(&mut map, dialect.is_openai(), note.taken.world().quotas_left(note.taken.mock));
    headers::add(&mut map, &refused.headers);
    note.call.status = refused.status;
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ReplyBody::noted(refused.body, note);
    serve::respond((status, map), body)
}

/// What a call is before anything is known of it.
pub(super) fn blank(taken: &Taken, operation: &'static str) -> Call {
    Call {
        number: taken.number,
        at: taken.now,
        operation,
        tool: None,
        status: 0,
        hits: 0,
        retry: taken.who.retry,
        session: taken.who.session.unwrap_or(0),
        tokens: (0, 0),
        is_stream: false,
        has_failed: false,
    }
}
