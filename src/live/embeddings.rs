//! Embeddings on the wire: priced, limited and faulty as any other call of a model.

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::base::Money;
use crate::live::caller::Who;
use crate::live::decide::{self, Hits};
use crate::live::line::Line;
use crate::live::models::{self, Dialect};
use crate::live::perform::{Deed, perform};
use crate::live::reply::{Cut, Note, ReplyBody};
use crate::live::taken::Taken;
use crate::live::work::Job;
use crate::live::{headers, serve};
use crate::model::outcome::{self, Outcome, Talk, Usage};
use crate::plan::Flaw;
use crate::scenario::file::faults::wire::BreakEnding;
use crate::wire::frames::named;
use crate::wire::openai::embeddings;
use crate::wire::refusal::Refusal;

/// Answers a request for embeddings.
pub(super) async fn answer(
    line: &Arc<Line>,
    (headers, body): (&HeaderMap, &[u8]),
) -> Result<Response<ReplyBody>, Cut> {
    let (world, mock) = (&line.world, line.mock);
    let (who, read) = (Who::of(headers, &world.served.agents), embeddings::read(body));
    let taken = Arc::new(if read.is_ok() { Taken::call(line, who) } else { Taken::aside(line, who) });
    let mut note = serve::note(&taken, "openai embeddings");
    let id = named("req_", taken.key.number());
    let refuse = |refusal: &Refusal, model: &str, note: Note| {
        let refused = Dialect::Chat.refused(refusal, model, &id);
        models::refuse(Dialect::Chat, (refused, &id), note)
    };
    let texts = match read {
        Ok(texts) => texts,
        Err(why) => return Ok(refuse(&Refusal::Bad(why), "", note)),
    };
    let parameters = &world.served.mocks[mock];
    let hits = Hits::of(&taken);
    if let Some(refusal) = decide::turned_away(world, &taken, &hits) {
        return Ok(refuse(&refusal, &texts.model, note));
    }
    // Nothing is said, so that nothing comes token by token.
    let talk = outcome::talk(&taken.faults.plans, hits.plain, 0);
    let usage = Usage { input: texts.tokens, cached: 0, output: 0 };
    let bill = outcome::bill(&taken.faults.plans, hits.plain, parameters, usage);
    if let Err(refusal) = world.admit(&taken, bill.usage.input) {
        return Ok(refuse(&refusal, &texts.model, note));
    }
    let mut outcome = Outcome::own(parameters, taken.key, Talk { tokens: 0, ..talk });
    let is_news = |outcome: &Outcome, flaw: Flaw| flaw == Flaw::Wrong && outcome.is_right;
    outcome.lay((&taken.faults.plans, hits.plain), taken.key, bill.cost > Money::ZERO, is_news);
    let job = Job { cost: bill.cost, tokens: [bill.usage.input, 0, 0], ..Job::default() };
    let mut deed = Deed {
        tokens: 0,
        outcome,
        // Of how it talks, only the wait for the beginning shows.
        changed: bill.changed | if talk.first.to_bits() == 1.0_f64.to_bits() { 0 } else { talk.changed },
        first: outcome.service,
        job,
        is_stream: false,
        has_flag: true,
    };
    let due = match perform(&taken, &hits, &mut deed).await? {
        Ok(due) => due,
        Err(refusal) => return Ok(refuse(&refusal, &texts.model, note)),
    };
    note.call.tokens.0 = bill.usage.input;
    if due.broken.is_some_and(|of| of.ending == BreakEnding::Error) {
        return Ok(refuse(&Refusal::Status(500, None), &texts.model, note));
    }
    let model = world.served.wires[mock].model.as_deref().unwrap_or(&texts.model);
    let value = vectors(&texts, model, &outcome);
    note.call.status = if hits.flagged.is_some() { 246 } else { 200 };
    let status = StatusCode::from_u16(note.call.status).unwrap_or(StatusCode::OK);
    let mut map = head_of(&id);
    headers::of_quotas(&mut map, true, world.quotas_left(mock));
    let body = ReplyBody::noted(value.to_string(), note);
    let body = if let Some(of) = due.broken { body.broken(of) } else { body };
    Ok(serve::respond((status, map), body))
}

/// Returns the vectors; where they are wrong, the first is another text's: as well formed, and found by other questions.
fn vectors(texts: &embeddings::Texts, model: &str, outcome: &Outcome) -> Value {
    let mut value = embeddings::whole(texts, model);
    if !outcome.is_right || outcome.flaw.is_some() {
        let other = embeddings::whole(&texts.other(), model)["data"][0]["embedding"].take();
        value["data"][0]["embedding"] = other;
    }
    if outcome.is_unsaid
        && let Some(object) = value.as_object_mut()
    {
        object.remove("usage");
    }
    value
}

fn head_of(id: &str) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers::of_provider(&mut map, true, id);
    map
}
