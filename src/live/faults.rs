//! The faults of live mocks: as the scenario schedules them, armed by hand, or off.

use crate::base::{Span, Time};
use crate::plan::FaultPlan;

/// The most faults there may be: one bit for each.
pub(super) const FAULTS_MAX: usize = 64;

/// Why a fault is there, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As its own times say.
    Scheduled,
    /// From a moment on, for as long as its lease.
    Armed {
        /// Since when.
        since: Time,
        /// Until when; it ends by itself.
        until: Time,
    },
    /// Not at all.
    Off,
}

/// All faults as they are in force.
#[derive(Debug, Clone)]
pub(super) struct FaultSet {
    /// As they were stated.
    stated: Vec<FaultPlan>,
    /// As they are in force: other times than stated, where somebody armed or lifted them.
    pub(super) plans: Vec<FaultPlan>,
    /// Why.
    pub(super) modes: Vec<Mode>,
    /// The numbers of each mock's faults.
    pub(super) of_mock: Vec<Vec<u8>>,
}

impl FaultSet {
    /// Returns faults that are all scheduled, or all off.
    pub(super) fn new(stated: Vec<FaultPlan>, mocks: usize, mode: Mode) -> Self {
        let mut of_mock = vec![Vec::new(); mocks];
        for (index, fault) in (0..).zip(&stated) {
            of_mock[usize::from(fault.mock)].push(index);
        }
        let modes = vec![mode; stated.len()];
        let mut set = Self { plans: stated.clone(), stated, modes, of_mock };
        (0..set.modes.len()).for_each(|index| set.apply(index));
        set
    }

    /// Returns the number of a fault, by its name; the parts of an incident are told apart.
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.stated.iter().position(|fault| fault.id == id)
    }

    /// Returns how long a fault lasts by its own statement.
    pub(super) fn lease(&self, index: usize) -> Span {
        self.stated[index].end.since(self.stated[index].start)
    }

    /// Sets why a fault is there.
    pub(super) fn set(&mut self, index: usize, mode: Mode) {
        self.modes[index] = mode;
        self.apply(index);
    }

    /// Adds a fault, or states the one of its name anew; returns its number, nothing if there are too many.
    pub(super) fn add(&mut self, fault: FaultPlan, mode: Mode) -> Option<usize> {
        if let Some(index) = self.index(&fault.id) {
            self.of_mock[usize::from(self.stated[index].mock)].retain(|of| usize::from(*of) != index);
            self.of_mock[usize::from(fault.mock)].push(index as u8);
            self.stated[index] = fault;
            self.set(index, mode);
            return Some(index);
        }
        if self.stated.len() >= FAULTS_MAX {
            return None;
        }
        let index = self.stated.len();
        self.of_mock[usize::from(fault.mock)].push(index as u8);
        self.plans.push(fault.clone());
        self.stated.push(fault);
        self.modes.push(mode);
        self.apply(index);
        Some(index)
    }

    /// Goes through the faults of a mock, with their numbers.
    pub(super) fn of(&self, mock: usize) -> impl Iterator<Item = (usize, &FaultPlan)> {
        self.of_mock[mock].iter().map(|index| (usize::from(*index), &self.plans[usize::from(*index)]))
    }

    /// Returns the next moment after `now` at which a fault begins or ends.
    pub(super) fn next_edge(&self, now: Time) -> Option<Time> {
        self.plans.iter().flat_map(|fault| [fault.start, fault.end]).filter(|edge| *edge > now).min()
    }

    fn apply(&mut self, index: usize) {
        let stated = &self.stated[index];
        let (start, end) = match self.modes[index] {
            Mode::Scheduled => (stated.start, stated.end),
            Mode::Armed { since, until } => (since, until),
            Mode::Off => (Time::ZERO, Time::ZERO),
        };
        self.plans[index] = FaultPlan { start, end, ..stated.clone() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;
    use crate::model::Dose;
    use crate::plan::{FaultEffect, WireForm};
    use crate::scenario::file::faults::Sticky;

    fn fault(id: &str, mock: u8) -> FaultPlan {
        FaultPlan {
            id: id.into(),
            key: Key::of_name(id),
            mock,
            start: Time(100),
            end: Time(300),
            ramp: Span::ZERO,
            sticky: Sticky::Request,
            share: 1.0,
            first_n: u64::MAX,
            every_nth: 1,
            effect: FaultEffect::CacheLoss,
            wire: WireForm::Plain,
        }
    }

    #[test]
    fn a_fault_is_there_as_scheduled_or_armed_and_ends_by_itself() {
        let mut set = FaultSet::new(vec![fault("a", 0), fault("b", 1)], 2, Mode::Scheduled);
        let doses = |set: &FaultSet| [50, 150, 350].map(|at| Dose::at(&set.plans[0], Time(at)) > Dose(0.0));
        assert_eq!(doses(&set), [false, true, false]);
        set.set(0, Mode::Off);
        assert_eq!(doses(&set), [false; 3]);
        set.set(0, Mode::Armed { since: Time(40), until: Time(40) + set.lease(0) });
        assert_eq!(doses(&set), [true, true, false]);
        assert_eq!(set.next_edge(Time(45)), Some(Time(100)), "where the other begins");
    }

    #[test]
    fn a_fault_of_the_same_name_takes_the_place_of_the_first() {
        let mut set = FaultSet::new(vec![fault("a", 0)], 2, Mode::Scheduled);
        assert_eq!(set.add(fault("a", 1), Mode::Off), Some(0));
        assert_eq!((set.of(0).count(), set.of(1).count()), (0, 1));
        for number in 1..FAULTS_MAX {
            assert_eq!(set.add(fault(&format!("f{number}"), 0), Mode::Off), Some(number));
        }
        assert_eq!(set.add(fault("one-too-many", 0), Mode::Off), None);
    }
}
