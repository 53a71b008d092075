//! Runbooks and the people who do them.

use crate::base::{Ratio, Span};
use crate::scenario::condition::Condition;
use crate::scenario::dist_text::SpanDist;
use crate::scenario::file::load::Tier;
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::At;
use crate::scenario::units::Name;

record! {
    /// Take ownership of the incident.
    pub struct Acknowledge {}
}

record! {
    /// Send the calls to a mock somewhere else.
    pub struct Degrade {
        /// The mock that is left alone.
        pub mock: At<Name>,
        /// The mock that answers instead.
        pub to: At<Name>,
    }
}

record! {
    /// Pin calls for a model to a version that is known to be good.
    pub struct Pin {
        /// The model that is left alone.
        pub model: At<Name>,
        /// The model that answers instead.
        pub to: At<Name>,
    }
}

record! {
    /// Take a rollout back.
    pub struct RollBack {
        /// The rollout.
        pub rollout: At<Name>,
    }
}

record! {
    /// Keep a rollout where it is; the tests beside it go on.
    pub struct HoldRollout {
        /// The rollout.
        pub rollout: At<Name>,
    }
}

record! {
    /// Let a rollout that is held, or that an inconclusive analysis has stopped, go on.
    pub struct ResumeRollout {
        /// The rollout.
        pub rollout: At<Name>,
    }
}

record! {
    /// Cap the attempts of a guarded mock.
    pub struct RetryLimit {
        /// The guarded mock.
        pub mock: At<Name>,
        /// How often a call is tried at most.
        pub attempts: At<u64>,
    }
}

record! {
    /// Hold the breaker of a mock open.
    pub struct OpenBreaker {
        /// The guarded mock.
        pub mock: At<Name>,
    }
}

record! {
    /// Refuse new tasks of some tiers.
    pub struct Freeze {
        /// The tiers.
        pub tiers: Vec<At<Tier>>,
    }
}

record! {
    /// Admit frozen or throttled tiers again, by steps.
    pub struct Thaw {
        /// The tiers.
        pub tiers: Vec<At<Tier>>,
        /// The shares of tasks admitted, one after the other; the last is 100%.
        pub steps: Vec<At<Ratio>>,
        /// How long each step is held before the next; default `1m`.
        pub hold: Option<At<Span>>,
    }
}

record! {
    /// Admit only a share of the new tasks of some tiers.
    pub struct Throttle {
        /// The tiers.
        pub tiers: Vec<At<Tier>>,
        /// The share that is admitted.
        pub to: At<Ratio>,
    }
}

words! {
    /// What a diagnosis looks for.
    pub enum Find {
        /// The dependency that has got worst since the baseline.
        Bottleneck = "bottleneck",
        /// The model version whose answers are judged worst, compared with all others.
        Version = "version",
    }
}

record! {
    /// Look at telemetry and name the cause.
    pub struct Diagnose {
        /// What to look for.
        pub find: At<Find>,
    }
}

record! {
    /// Tell those concerned: impact scope, current state, risk level, mitigation plan, recovery criteria.
    pub struct Update {
        /// After how long the next one is due, until the incident is closed; default: only one.
        pub every: Option<At<Span>>,
    }
}

record! {
    /// Page somebody else, who goes on with the steps.
    pub struct Escalate {
        /// The role.
        pub to: At<Name>,
    }
}

record! {
    /// Take back what earlier steps of this runbook did.
    pub struct Undo {
        /// The steps (degrade, pin, retry-limit, open-breaker, freeze or throttle).
        pub steps: Vec<At<Name>>,
    }
}

choice! {
    /// What a step does.
    pub enum Action {
        /// Take ownership of the incident.
        Acknowledge(Acknowledge) = "acknowledge",
        /// Send the calls to a mock somewhere else.
        Degrade(Degrade) = "degrade",
        /// Pin a model.
        Pin(Pin) = "pin",
        /// Take a rollout back.
        RollBack(RollBack) = "roll-back",
        /// Keep a rollout where it is.
        HoldRollout(HoldRollout) = "hold-rollout",
        /// Let a rollout go on.
        ResumeRollout(ResumeRollout) = "resume-rollout",
        /// Cap the attempts of a guarded mock.
        RetryLimit(RetryLimit) = "retry-limit",
        /// Hold the breaker of a mock open.
        OpenBreaker(OpenBreaker) = "open-breaker",
        /// Refuse new tasks of some tiers.
        Freeze(Freeze) = "freeze",
        /// Admit frozen tiers again, by steps.
        Thaw(Thaw) = "thaw",
        /// Admit only a share of new tasks.
        Throttle(Throttle) = "throttle",
        /// Look at telemetry and name the cause.
        Diagnose(Diagnose) = "diagnose",
        /// Tell those concerned.
        Update(Update) = "update",
        /// Page somebody else.
        Escalate(Escalate) = "escalate",
        /// Take back what earlier steps did.
        Undo(Undo) = "undo",
    }
}

words! {
    /// What happens when a step's expected observation does not come in its time window.
    pub enum Otherwise {
        /// The next step is done all the same.
        Continue = "continue",
        /// The role that its owner escalates to is paged and goes on.
        Escalate = "escalate",
    }
}

record! {
    /// One step of a runbook.
    pub struct RunbookStep {
        /// Its name, for reports and for `--without`.
        pub id: At<Name>,
        /// The role that does it, or `auto` for automation.
        pub owner: At<Name>,
        /// When it must be done, counted from the notification, or from when `when` held.
        pub within: At<Span>,
        /// What it does.
        pub r#do: Action,
        /// What must be observed before it is begun.
        pub when: Option<At<Condition>>,
        /// What should be observed after it, within the same window again.
        pub expect: Option<At<Condition>>,
        /// What happens if that is not observed; default `continue`.
        pub otherwise: Option<At<Otherwise>>,
    }
}

record! {
    /// What is done when an alert is delivered: owners work side by side, each in the order of the steps.
    pub struct Runbook {
        /// What must be observed for the incident to be closed.
        pub recovery: At<Condition>,
        /// The steps.
        pub steps: Vec<RunbookStep>,
    }
}

record! {
    /// How somebody on call responds on a shift.
    pub struct Shift {
        /// How long until a page is acknowledged.
        pub acknowledge: At<SpanDist>,
        /// How long a step takes.
        pub step: At<SpanDist>,
        /// The share of pages that nobody answers; default 0%.
        pub no_answer: Option<At<Ratio>>,
    }
}

record! {
    /// A role on the roster.
    pub struct Role {
        /// By day.
        pub day: Shift,
        /// By night; default: as by day.
        pub night: Option<Shift>,
        /// How long a page may go unanswered before somebody else is paged; default `5m`.
        pub escalate_after: Option<At<Span>>,
        /// The role that is paged then.
        pub to: Option<At<Name>>,
    }
}
