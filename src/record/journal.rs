//! The journal: notable happenings in order, of a closed set of kinds.

use crate::base::Ratio;
use crate::base::Time;
use crate::plan::{Owner, Plan, TierSet};

/// Why a rollout is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RollbackReason {
    /// The sequential test called it worse.
    Canary,
    /// It did as much harm as it may.
    StopLoss,
    /// An analysis failed.
    Analysis,
    /// A runbook said so.
    Runbook,
    /// Whoever was asked at a gate said so.
    Gate,
}

/// Something notable. Numbers index the plan's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Event {
    /// The baseline was judged.
    BaselineJudged {
        /// Whether it held.
        is_held: bool,
    },
    /// A fault began.
    FaultArmed(usize),
    /// A fault changed a reply or an effect for the first time.
    FaultWitnessed(usize),
    /// A fault was lifted.
    FaultReleased(usize),
    /// An alert began to fire.
    AlertFiring(usize),
    /// An alert ceased to fire.
    AlertResolved(usize),
    /// A notification that an alert fires was delivered.
    Notified(usize),
    /// A notification that an alert has resolved was delivered.
    ResolvedNotified(usize),
    /// A runbook was begun.
    IncidentOpened(usize),
    /// Something fired anew, and an owner began the runbook again.
    RunbookAgain {
        /// The runbook.
        runbook: usize,
        /// Who.
        owner: Owner,
    },
    /// The runbook's recovery criteria were observed.
    IncidentClosed(usize),
    /// A role was paged.
    Paged(usize),
    /// A page went unanswered.
    PageUnanswered(usize),
    /// A role came on after a page.
    PageAnswered(usize),
    /// Somebody owns the incident.
    Acknowledged {
        /// The runbook.
        runbook: usize,
        /// Who.
        owner: Owner,
    },
    /// A step was done.
    StepDone {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
        /// Who did it.
        owner: Owner,
        /// Whether its window had passed.
        is_late: bool,
    },
    /// What a step expected was observed, or its window passed without.
    StepObserved {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
        /// Whether it was observed.
        is_seen: bool,
    },
    /// A step was not done: it was not needed, or somebody forgot it.
    StepSkipped {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
        /// Whether it was forgotten.
        is_forgotten: bool,
    },
    /// A step is done after the one that should follow it.
    StepSwapped {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
    },
    /// An attempt at a step came to nothing.
    StepFailed {
        /// The runbook.
        runbook: usize,
        /// The step.
        step: usize,
    },
    /// A diagnosis named a mock, or none.
    Diagnosed {
        /// The runbook.
        runbook: usize,
        /// The mock that has got worst.
        mock: Option<usize>,
    },
    /// Those concerned were told.
    Updated(usize),
    /// Somebody said that service has recovered, with evidence or, refused, without.
    Declared {
        /// The runbook.
        runbook: usize,
        /// Whether the recovery criteria were observed.
        has_evidence: bool,
    },
    /// Poisoned entries were taken out of a memory.
    Purged {
        /// The memory.
        mock: usize,
        /// How many.
        entries: u32,
    },
    /// Distorted objects of a shared state were put back.
    PutBack {
        /// The shared state.
        mock: usize,
        /// How many.
        objects: u32,
    },
    /// The admission of tiers changed.
    Admission {
        /// The tiers.
        tiers: TierSet,
        /// The share admitted from now on.
        share: Ratio,
    },
    /// A rollout sends this share of tasks to the new version.
    RolloutWeight {
        /// The rollout.
        rollout: usize,
        /// The share.
        share: Ratio,
    },
    /// A rollout is to be taken back, for this reason.
    RollbackBegun {
        /// The rollout.
        rollout: usize,
        /// Why.
        reason: RollbackReason,
    },
    /// An attempt to take a rollout back failed.
    RollbackFailed(usize),
    /// The old version answers again.
    RolledBack(usize),
    /// An analysis did not see enough: the rollout stays where it is.
    RolloutInconclusive(usize),
    /// Somebody let a rollout go on.
    GatePassed(usize),
    /// The new version has taken over.
    RolloutDone(usize),
    /// A breaker opened.
    BreakerOpened(usize),
    /// A breaker closed.
    BreakerClosed(usize),
    /// So many tasks were in flight that further ones were lost.
    TasksLimit,
    /// So many calls were under way that further ones were refused.
    CallsLimit,
    /// So many events had been handled that the run was stopped.
    EventsLimit,
}

impl Event {
    /// Whether everything that it is about is there in a plan.
    pub fn fits(self, plan: &Plan) -> bool {
        let book = |runbook: usize| runbook < plan.runbooks.len();
        let step =
            |runbook: usize, step: usize| plan.runbooks.get(runbook).is_some_and(|of| step < of.steps.len());
        let who = |owner: Owner| if let Owner::Role(role) = owner { role < plan.roles.len() } else { true };
        match self {
            Self::BaselineJudged { .. }
            | Self::Admission { .. }
            | Self::TasksLimit
            | Self::CallsLimit
            | Self::EventsLimit => true,
            Self::FaultArmed(fault) | Self::FaultWitnessed(fault) | Self::FaultReleased(fault) => {
                fault < plan.faults.len()
            }
            Self::AlertFiring(alert)
            | Self::AlertResolved(alert)
            | Self::Notified(alert)
            | Self::ResolvedNotified(alert) => alert < plan.alerts.len(),
            Self::IncidentOpened(runbook)
            | Self::IncidentClosed(runbook)
            | Self::Updated(runbook)
            | Self::Declared { runbook, .. } => book(runbook),
            Self::RunbookAgain { runbook, owner } | Self::Acknowledged { runbook, owner } => {
                book(runbook) && who(owner)
            }
            Self::Paged(role) | Self::PageUnanswered(role) | Self::PageAnswered(role) => {
                role < plan.roles.len()
            }
            Self::StepDone { runbook, step: of, owner, .. } => step(runbook, of) && who(owner),
            Self::StepObserved { runbook, step: of, .. }
            | Self::StepSkipped { runbook, step: of, .. }
            | Self::StepSwapped { runbook, step: of }
            | Self::StepFailed { runbook, step: of } => step(runbook, of),
            Self::Diagnosed { runbook, mock } => {
                book(runbook) && mock.is_none_or(|mock| mock < plan.mocks.len())
            }
            Self::Purged { mock, .. }
            | Self::PutBack { mock, .. }
            | Self::BreakerOpened(mock)
            | Self::BreakerClosed(mock) => mock < plan.mocks.len(),
            Self::RolloutWeight { rollout, .. }
            | Self::RollbackBegun { rollout, .. }
            | Self::RollbackFailed(rollout)
            | Self::RolledBack(rollout)
            | Self::RolloutInconclusive(rollout)
            | Self::GatePassed(rollout)
            | Self::RolloutDone(rollout) => rollout < plan.rollouts.len(),
        }
    }

    /// Whether it may happen very often and decides nothing, so that only the first ones are kept.
    fn is_frequent(self) -> bool {
        matches!(self, Self::BreakerOpened(_) | Self::BreakerClosed(_) | Self::Updated(_))
    }
}

/// An event and when it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// An append-only list of entries that does not grow without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    entries: Vec<Entry>,
    frequent: usize,
    /// Entries that did not fit and decide nothing.
    pub dropped: u64,
    /// Whether an entry did not fit that may decide something: the run cannot be graded.
    pub is_overfull: bool,
}

const FREQUENT_MAX: usize = 500;
const ENTRIES_MAX: usize = 20_000;

impl Journal {
    /// Adds an entry.
    pub fn push(&mut self, at: Time, event: Event) {
        let is_full =
            self.entries.len() >= ENTRIES_MAX || (event.is_frequent() && self.frequent >= FREQUENT_MAX);
        if is_full {
            self.dropped += 1;
            self.is_overfull |= !event.is_frequent();
            return;
        }
        self.frequent += usize::from(event.is_frequent());
        self.entries.push(Entry { at, event });
    }

    /// Takes entries that were kept elsewhere.
    pub fn restore(&mut self, entries: Vec<Entry>) {
        self.entries = entries;
    }

    /// Returns all entries, in order of time.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns when something first happened.
    pub fn first(&self, is_it: impl Fn(Event) -> bool) -> Option<Time> {
        self.first_from(Time::ZERO, is_it)
    }

    /// Returns when something first happened, from a moment on.
    pub fn first_from(&self, from: Time, is_it: impl Fn(Event) -> bool) -> Option<Time> {
        self.entries.iter().find(|entry| entry.at >= from && is_it(entry.event)).map(|entry| entry.at)
    }

    /// Returns how often something happened.
    pub fn count(&self, is_it: impl Fn(Event) -> bool) -> usize {
        self.entries.iter().filter(|entry| is_it(entry.event)).count()
    }
}
