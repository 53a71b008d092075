//! What becomes of a request once it is let in: its slot, its work, and every way in which no reply comes of it.

use std::sync::Arc;

use crate::base::{Money, Span};
use crate::live::clock::{Moment, until};
use crate::live::decide::{self, Hits};
use crate::live::reply::Cut;
use crate::live::serve;
use crate::live::taken::Taken;
use crate::live::work::{Job, Work};
use crate::model::{Outcome, Reply, Told};
use crate::plan::Break;
use crate::scenario::file::faults::wire::Stage;
use crate::wire::refusal::Refusal;

/// What is to be done for a request.
#[derive(Debug)]
pub(super) struct Deed {
    /// What becomes of it.
    pub(super) outcome: Outcome,
    /// The faults that changed it otherwise, a bit for each.
    pub(super) changed: u64,
    /// How long until the reply begins, of the time that all of it takes.
    pub(super) first: Span,
    /// What is done at the end.
    pub(super) job: Job,
    /// Whether the reply is a stream, which begins before the work is over.
    pub(super) is_stream: bool,
    /// Whether a gateway's flag shows in the reply.
    pub(super) has_flag: bool,
    /// Output tokens.
    pub(super) tokens: u32,
}

/// A reply is due.
#[derive(Debug)]
pub(super) struct Due {
    /// When the work began.
    pub(super) begun: Moment,
    /// The work, if it is not over.
    pub(super) work: Option<Box<Work>>,
    /// Where the reply breaks off, if it does.
    pub(super) broken: Option<Break>,
}

/// Does what is to be done, until a reply is due; the error is that the connection is to be cut.
///
/// The job of the deed is taken, and what a break makes of it is laid over its outcome. What is rare is boxed, here as
/// elsewhere on the way: the room for it would be part of every request.
pub(super) async fn perform(
    taken: &Arc<Taken>,
    hits: &Hits,
    deed: &mut Deed,
) -> Result<Result<Due, Refusal>, Cut> {
    let world = taken.world();
    if let (Some(stated), Some((fault, _))) = (world.stated(taken), hits.broken) {
        // What a client makes of the break: the drill's own agents read no bytes.
        let is_news = |outcome: &Outcome, flaw| stated.purpose.is_news(outcome, flaw);
        let is_paid = deed.job.cost > Money::ZERO;
        deed.outcome.lay((&taken.faults.plans, 1 << fault), taken.key, is_paid, is_news);
    }
    let is_good = deed.outcome.reply == Reply::Good;
    let is_before = hits.broken.is_some_and(|(_, of)| of.stage == Stage::BeforeHeaders);
    // What comes to nothing costs nothing and does nothing, also where nobody waits for it any more.
    let job = if is_good && !is_before { std::mem::take(&mut deed.job) } else { Job::default() };
    let mut work = match Work::enter(taken, deed.outcome.service, job) {
        Ok(work) => work,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let begun = work.begin().await;
    let broken = hits.broken.filter(|_| is_good);
    let bit = |fault: Option<usize>| fault.filter(|_| is_good).map_or(0, |fault| 1 << fault);
    let flagged = hits.flagged.filter(|_| deed.has_flag);
    let changed = deed.changed | deed.outcome.changed | bit(broken.map(|(fault, _)| fault)) | bit(flagged);
    world.witness(taken, changed);
    let waited = world.clock.passed(begun.since(taken.arrived));
    let (outcome, tokens) = (deed.outcome, deed.tokens);
    world.tell(taken, |serial| Told::Decided { serial, outcome, tokens, waited });
    if !is_good {
        if outcome.reply == Reply::Hang {
            Box::pin(work.worked_or_released()).await;
        } else {
            work.worked().await;
        }
        work.give_up();
        // What is never answered is given up in the end, as a gateway would.
        let status = if let Reply::Error(status) = outcome.reply { status } else { 504 };
        return Ok(Err(Refusal::Status(status, decide::code(taken, hits.plain, status))));
    }
    let broken = broken.map(|(_, of)| of);
    if let Some(of) = broken.filter(|of| of.stage == Stage::BeforeHeaders) {
        Box::pin(until(world.clock.after(begun, deed.first))).await;
        work.give_up();
        return Err(Box::pin(serve::break_off(&taken.line, of.ending)).await);
    }
    let is_unseen = outcome.is_lost || broken.is_some_and(|of| of.stage == Stage::AfterCommit);
    if deed.is_stream && !is_unseen {
        return Ok(Ok(Due { begun, work: Some(Box::new(work)), broken }));
    }
    work.worked().await;
    work.finish();
    match broken {
        Some(of) if of.stage == Stage::AfterCommit => {
            Err(Box::pin(serve::break_off(&taken.line, of.ending)).await)
        }
        Some(_) | None if outcome.is_lost => Err(Box::pin(serve::lose(&taken.line, outcome.is_cut)).await),
        Some(_) | None => Ok(Ok(Due { begun, work: None, broken })),
    }
}
