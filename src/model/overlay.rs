//! The dose of a fault over time, and whether it hits a given call.

use crate::base::{Key, Time};
use crate::plan::FaultPlan;
use crate::record::Witness;
use crate::scenario::file::faults::Sticky;

/// Who makes a call, as far as faults can stick to it.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The stream of this attempt.
    pub attempt: Key,
    /// The stream of the task.
    pub task: Key,
    /// The number of the agent's copy, over all agents.
    pub instance: u64,
    /// The number of the tenant.
    pub tenant: u64,
}

/// How much of a fault is there at a moment: 0 before and after, 1 at full dose.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Dose(pub f64);

impl Dose {
    /// Returns the dose of a fault at `now`.
    pub fn at(fault: &FaultPlan, now: Time) -> Self {
        if now < fault.start || now >= fault.end {
            return Self(0.0);
        }
        if fault.ramp.0 == 0 {
            return Self(1.0);
        }
        Self((now.since(fault.start).seconds() / fault.ramp.seconds()).min(1.0))
    }
}

/// Returns whether a fault hits a call at `now`.
///
/// The draw belongs to whom the fault sticks to, so that a higher dose hits all that a lower one
/// hits: share 0 hits nothing, share 1 at full dose everything.
pub fn is_hit(fault: &FaultPlan, now: Time, seed: Key, caller: &Caller) -> bool {
    let share = fault.share * Dose::at(fault, now).0;
    if share <= 0.0 {
        return false;
    }
    let key = match fault.sticky {
        Sticky::Request => caller.attempt.with(fault.key),
        Sticky::Session => caller.task.with(fault.key),
        Sticky::Agent => seed.with(fault.key).at(caller.instance),
        Sticky::Tenant => seed.with(fault.key).at(u64::MAX - caller.tenant),
    };
    key.unit() < share
}

/// Decides which of a mock's faults hit a request, a bit for each, and counts who came by.
///
/// `own` are the numbers of the mock's faults; each has its witness under the same number.
pub fn decide(
    (faults, own): (&[FaultPlan], &[u8]),
    witnesses: &mut [Witness],
    (now, seed): (Time, Key),
    caller: &Caller,
) -> u64 {
    let mut hits = 0;
    for index in own {
        let (fault, witness) = (&faults[usize::from(*index)], &mut witnesses[usize::from(*index)]);
        let is_turn = witness.decisions < fault.first_n && witness.exposed.is_multiple_of(fault.every_nth);
        if fault.effect.is_on_calls() && is_turn && is_hit(fault, now, seed, caller) {
            witness.decide(now);
            hits |= 1 << index;
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::plan::{FaultEffect, WireForm};

    fn fault(share: f64, sticky: Sticky) -> FaultPlan {
        FaultPlan {
            id: "f".into(),
            key: Key::of_name("f"),
            mock: 0,
            start: Time(100),
            end: Time(300),
            ramp: Span(100),
            sticky,
            share,
            first_n: u64::MAX,
            every_nth: 1,
            effect: FaultEffect::Hang(Span::ZERO),
            wire: WireForm::Plain,
        }
    }

    fn caller(number: u64) -> Caller {
        let task = Key::of_seed(1).at(number / 10);
        Caller { attempt: task.at(number), task, instance: number % 7, tenant: number % 3 }
    }

    #[test]
    fn the_dose_rises_over_the_ramp_and_ends_at_once() {
        let fault = fault(1.0, Sticky::Request);
        let doses: Vec<f64> = [99, 100, 150, 200, 299, 300].map(|at| Dose::at(&fault, Time(at)).0).into();
        assert_eq!(doses, [0.0, 0.0, 0.5, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn share_nothing_hits_nothing_and_share_all_hits_all() {
        for number in 0..1000 {
            assert!(!is_hit(&fault(0.0, Sticky::Request), Time(250), Key::of_seed(1), &caller(number)));
            assert!(is_hit(&fault(1.0, Sticky::Request), Time(250), Key::of_seed(1), &caller(number)));
        }
    }

    #[test]
    fn a_higher_share_hits_all_that_a_lower_one_hits() {
        let hits = |share| -> Vec<bool> {
            let fault = fault(share, Sticky::Request);
            (0..2000).map(|n| is_hit(&fault, Time(250), Key::of_seed(1), &caller(n))).collect()
        };
        let (low, high) = (hits(0.2), hits(0.6));
        assert!(low.iter().zip(&high).all(|(low, high)| !low || *high));
        assert!((350..450).contains(&low.iter().filter(|hit| **hit).count()));
    }

    #[test]
    fn a_sticky_fault_decides_once_for_all_that_it_sticks_to() {
        let decide =
            |sticky, number| is_hit(&fault(0.5, sticky), Time(250), Key::of_seed(1), &caller(number));
        for number in 0..500 {
            assert_eq!(decide(Sticky::Session, number), decide(Sticky::Session, number / 10 * 10));
            assert_eq!(decide(Sticky::Agent, number), decide(Sticky::Agent, number % 7));
            assert_eq!(decide(Sticky::Tenant, number), decide(Sticky::Tenant, number % 3));
        }
    }
}
