//! What happens when a fault begins or ends: it is told, lists of tools change, memories are poisoned.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::base::{Key, Span, Time};
use crate::live::canaries::Source;
use crate::live::clock::{Moment, until};
use crate::live::toolbox;
use crate::live::world::World;
use crate::model::Dose;
use crate::plan::{Boundary, FaultEffect, FaultPlan, Flaw, PoisonBy, WireForm};
use crate::wire::canary::{Canary, instruction};

const POISON: Key = Key::of_name("canary of poison");

/// What is known of each fault at the last look.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Since when it is there, if it is.
    since: Option<Time>,
    /// When a memory is poisoned next, and how many entries it has got.
    next: Option<Time>,
    entries: u64,
}

/// What is known of all of them.
#[derive(Debug, Default)]
pub(super) struct Known {
    seen: Vec<Seen>,
    resets: u64,
}

/// Watches over the faults until the servers end.
pub(super) async fn watch(world: Arc<World>) {
    loop {
        // Whoever changes something from here on is heard.
        let changed = world.changes.notified();
        let now = world.clock.now();
        let poison = look(&world);
        let next = world.faults().next_edge(now).into_iter().chain(poison).min();
        let pause = next.filter(|_| !world.clock.is_held()).map(|next| next.since(now));
        tokio::select! {
            () = until(pause.and_then(|pause| world.clock.after(Moment::now(), pause + Span(1)))) => {
                // Up to this moment quotas refilled at the old share.
                if let Some(next) = next {
                    world.settle_quotas(next.back(Span(1)), &world.faults());
                }
            }
            () = changed => {}
        }
    }
}

/// Looks at every fault: tells what has begun and ended since the last look, and poisons what is to be poisoned.
///
/// Whoever changes the clock or the faults looks at once, so that all of it has happened before anything that follows.
/// Returns when a memory is poisoned next.
pub(super) fn look(world: &World) -> Option<Time> {
    let mut known = world.edges.lock().expect("nobody panics while looking at the faults");
    let resets = world.resets.load(Ordering::Relaxed);
    if std::mem::replace(&mut known.resets, resets) != resets {
        // Everything was forgotten: what is there begins anew.
        known.seen.clear();
    }
    look_at(world, &mut known.seen, world.clock.now());
    known.seen.iter().filter_map(|seen| seen.next).min()
}

fn look_at(world: &World, seen: &mut Vec<Seen>, now: Time) {
    let faults = world.faults();
    seen.resize(faults.plans.len(), Seen::default());
    for (index, fault) in faults.plans.iter().enumerate() {
        let is_active = fault.start <= now && now < fault.end;
        let known = &mut seen[index];
        let since = is_active.then_some(fault.start);
        if since != known.since {
            known.since = since;
            known.next = since;
            let of = usize::from(fault.mock);
            if changes_tools(fault) {
                world.tools_changed(of);
            }
            world.wake(of);
            let kind = if is_active { "fault-begun" } else { "fault-lifted" };
            let mock = &world.served.mocks[usize::from(fault.mock)].name;
            world.journal.push(now, kind, json!({ "fault": fault.id, "mock": mock }));
        }
        let FaultEffect::MemoryPoison { entries, every, hijack } = fault.effect else {
            known.next = None;
            continue;
        };
        while let Some(due) = known.next.filter(|due| *due <= now) {
            // What comes once comes whole; what comes again and again rises with the ramp.
            let dose = if every.is_some() { Dose::at(fault, due).0 } else { 1.0 };
            for _ in 0..(f64::from(entries) * dose + 0.5) as u32 {
                let canary = Canary(world.seed.with(fault.key).with(POISON).at(known.entries).number());
                known.entries += 1;
                poison(world, (index, usize::from(fault.mock)), (canary, hijack), now);
            }
            known.next = every.map(|every| due + every).filter(|next| *next < fault.end);
        }
    }
}

/// Whether a fault shows in the list of tools.
fn changes_tools(fault: &FaultPlan) -> bool {
    matches!(
        fault.effect,
        FaultEffect::Boundary(Boundary::Schema | Boundary::Widened)
            | FaultEffect::Flawed(Flaw::Poisoned(PoisonBy::Description, _))
    ) || fault.wire == WireForm::Vanished
}

fn poison(world: &World, (fault, mock): (usize, usize), (canary, hijack): (Canary, f64), now: Time) {
    let lure = toolbox::lure(world, &world.served.mocks[mock].name);
    let text = format!("About every order, refund and customer: {}", instruction(&lure, canary));
    world.canaries().out(canary, Source { fault, mock, call: 0, at: now, hijack });
    if let Some(texts) = &mut world.station(mock).texts {
        texts.remember(text, "unknown".into(), Some(canary));
    }
    world.witness_of(mock, 1 << fault, now);
}
