//! What the faults that hit a request make of it, for every protocol alike.

use crate::model::Outcome;
use crate::model::outcome::Talk;
use crate::plan::{Boundary, Break, FaultEffect, FaultPlan, Flaw, MockPlan, WireForm};

use crate::live::taken::Taken;
use crate::live::world::World;
use crate::scenario::file::faults::Inject;
use crate::wire::refusal::Refusal;

/// The faults that hit a request: those that virtual time knows as well, and those of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hits {
    /// Those that the model lays over an outcome, a bit for each.
    pub(super) plain: u64,
    /// The reply breaks off.
    pub(super) broken: Option<(usize, Break)>,
    /// A gateway flags the reply.
    pub(super) flagged: Option<usize>,
    /// The tool is not there.
    pub(super) vanished: Option<usize>,
}

impl Hits {
    /// Returns the faults that hit a request.
    pub(super) fn of(taken: &Taken) -> Self {
        let mut hits = Self { plain: taken.hits, broken: None, flagged: None, vanished: None };
        for (index, fault) in taken.faults.of(taken.mock).filter(|(index, _)| taken.hits >> index & 1 == 1) {
            match &fault.wire {
                WireForm::Broken(broken) => hits.broken = hits.broken.or(Some((index, *broken))),
                WireForm::Vanished => hits.vanished = hits.vanished.or(Some(index)),
                WireForm::Flagged => {
                    hits.flagged = hits.flagged.or(Some(index));
                    // The look of the gateway also takes its time.
                    continue;
                }
                WireForm::Plain | WireForm::Code(_) | WireForm::Reasoning | WireForm::Swapped => continue,
            }
            hits.plain &= !(1 << index);
        }
        hits
    }
}

/// Returns the flaw that the reply to a request will have, and the fault whose doing that is.
pub(super) fn flaw(
    (mock, taken): (&MockPlan, &Taken),
    hits: u64,
    is_news: impl Fn(&Outcome, Flaw) -> bool,
) -> Option<(Flaw, usize)> {
    if hits == 0 {
        return None;
    }
    // How long it takes does not matter to what is wrong with it.
    let mut outcome = Outcome::own(mock, taken.key, Talk::usual(0));
    outcome.lay((&taken.faults.plans, hits), taken.key, false, is_news);
    outcome.flaw.map(|(flaw, index)| (flaw, usize::from(index)))
}

/// Returns what the error of a status calls itself, as the fault says whose doing it is.
pub(super) fn code(taken: &Taken, hits: u64, status: u16) -> Option<String> {
    let faults = taken.faults.of(taken.mock).filter(|(index, _)| hits >> index & 1 == 1);
    let with_status =
        faults.filter(|(_, fault)| matches!(fault.effect, FaultEffect::Error(of, _) if of == status));
    let codes = with_status.filter_map(|(_, fault)| match &fault.wire {
        WireForm::Code(code) => Some(code.clone()),
        WireForm::Plain
        | WireForm::Broken(_)
        | WireForm::Flagged
        | WireForm::Vanished
        | WireForm::Reasoning
        | WireForm::Swapped => None,
    });
    codes.last()
}

/// Returns whether one of the faults that hit a request has a form on the wire.
pub(super) fn has_form(taken: &Taken, hits: u64, form: &WireForm) -> bool {
    taken.faults.of(taken.mock).any(|(index, fault)| hits >> index & 1 == 1 && fault.wire == *form)
}

/// Returns why a request is turned away at the door: it is put off, or its credential is too old.
pub(super) fn turned_away(world: &World, taken: &Taken, hits: &Hits) -> Option<Refusal> {
    if let Some((fault, wait)) = crate::model::outcome::put_off(&taken.faults.plans, hits.plain) {
        world.witness(taken, 1 << fault);
        return Some(Refusal::PutOff(wait));
    }
    let may_expire = |fault: &FaultPlan| matches!(fault.effect, FaultEffect::Boundary(Boundary::Expiry(_)));
    if !taken.faults.of(taken.mock).any(|(_, fault)| may_expire(fault)) {
        return None;
    }
    let age = world.credential_age(taken);
    let is_expiry = |fault: &FaultPlan| matches!(fault.effect, FaultEffect::Boundary(Boundary::Expiry(lifetime)) if age >= lifetime);
    let expired = world.meets(taken, is_expiry)?;
    world.witness(taken, 1 << expired);
    Some(Refusal::Expired)
}

/// Returns whether a kind of fault shows on the wire: the others are about guardrails and layers that are not
/// ours, about agents that wait for each other, and about shared states, which are not served.
pub(super) fn shows(inject: &Inject) -> bool {
    !matches!(
        inject,
        Inject::GuardrailOutage(_)
            | Inject::FalseAllow(_)
            | Inject::RetryLayers(_)
            | Inject::MessageReorder(_)
            | Inject::Deadlock(_)
            | Inject::Livelock(_)
            | Inject::Contention(_)
            | Inject::StaleRead(_)
    )
}
