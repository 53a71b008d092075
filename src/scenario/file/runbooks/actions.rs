//! What a step of a runbook can do.

use crate::base::{Money, Ratio, Span};
use crate::scenario::file::load::Tier;
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::At;
use crate::scenario::units::{Line, Name, Text};

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
        /// The node at which shared state was first distorted: snapshots and messages are replayed node by node.
        Distortion = "distortion",
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
        /// The steps; those that change something for good, such as a purge, are left as they are.
        pub steps: Vec<At<Name>>,
    }
}

record! {
    /// Look for poisoned entries in a memory and take them out.
    pub struct Purge {
        /// The memory.
        pub memory: At<Name>,
        /// The share of poisoned entries that is found; default 100%.
        pub catches: Option<At<Ratio>>,
    }
}

record! {
    /// Let no task recall or remember anything for the time being.
    pub struct Quarantine {
        /// The memory.
        pub memory: At<Name>,
    }
}

record! {
    /// Let every task in flight begin again with an empty context.
    pub struct ResetContexts {}
}

record! {
    /// Refuse every effect on a mock at the gateway.
    pub struct KillSwitch {
        /// The mock.
        pub mock: At<Name>,
    }
}

record! {
    /// Take a permission from an agent.
    pub struct Revoke {
        /// The permission.
        pub permission: At<Name>,
        /// The agent.
        pub agent: At<Name>,
    }
}

record! {
    /// Have every effect on a mock approved by a person.
    pub struct RequireApproval {
        /// The guarded mock, which says with `step_up` how long that takes.
        pub mock: At<Name>,
    }
}

record! {
    /// Compare what a mock permits with what is declared; the step is done once they agree.
    pub struct Validate {
        /// The mock.
        pub mock: At<Name>,
    }
}

record! {
    /// Send an agent no new tasks, and hand it none over.
    pub struct Isolate {
        /// The agent.
        pub agent: At<Name>,
    }
}

record! {
    /// Serve reads of a shared state from an earlier snapshot.
    pub struct PinSnapshot {
        /// The shared state.
        pub state: At<Name>,
        /// How old the snapshot is at least; default: the last one before the distortion that a replay has
        /// found, or else `10m`.
        pub age: Option<At<Span>>,
    }
}

record! {
    /// Put the objects that are distorted back to the pinned snapshot.
    pub struct Restore {
        /// The shared state.
        pub state: At<Name>,
    }
}

record! {
    /// Limit what may be spent in a minute, for all tiers but those spared by the budget.
    pub struct ApplyBudget {
        /// The amount.
        pub per_minute: At<Money>,
    }
}

record! {
    /// Only look: for what `expect` says.
    pub struct Verified {}
}

record! {
    /// Post something to an address, in a live drill; in virtual time it does nothing.
    pub struct Webhook {
        /// The address, such as `http://127.0.0.1:9000/switch`; another machine only with `--allow`.
        pub url: At<Line>,
        /// What is posted, as JSON; default: an empty object.
        pub body: Option<At<Text>>,
    }
}

record! {
    /// Run a command, in a live drill and only with `--allow-exec`; in virtual time it does nothing.
    pub struct RunCommand {
        /// The program and its arguments; no shell reads them.
        pub run: Vec<At<Line>>,
    }
}

record! {
    /// Say that service has recovered: refused unless the runbook's recovery criteria are observed.
    pub struct DeclareRecovered {}
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
        /// Take poisoned entries out of a memory.
        Purge(Purge) = "purge",
        /// Let nobody recall or remember anything.
        Quarantine(Quarantine) = "quarantine",
        /// Let every task in flight begin again.
        ResetContexts(ResetContexts) = "reset-contexts",
        /// Refuse every effect on a mock.
        KillSwitch(KillSwitch) = "kill-switch",
        /// Take a permission from an agent.
        Revoke(Revoke) = "revoke",
        /// Have every effect approved.
        RequireApproval(RequireApproval) = "require-approval",
        /// Compare what is permitted with what is declared.
        Validate(Validate) = "validate",
        /// Send an agent no tasks.
        Isolate(Isolate) = "isolate",
        /// Serve reads from an earlier snapshot.
        PinSnapshot(PinSnapshot) = "pin-snapshot",
        /// Put distorted objects back.
        Restore(Restore) = "restore",
        /// Limit what may be spent.
        ApplyBudget(ApplyBudget) = "apply-budget",
        /// Post something to an address.
        Call(Webhook) = "call",
        /// Run a command.
        Command(RunCommand) = "command",
        /// Only look.
        Verify(Verified) = "verify",
        /// Say that service has recovered.
        DeclareRecovered(DeclareRecovered) = "declare-recovered",
    }
}
