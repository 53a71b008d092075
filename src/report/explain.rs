//! What every code means: of problems, of verdicts, of targets, and of what the program refuses.

use crate::scenario::problem::Code;

/// What a code is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A problem with a scenario.
    Problem,
    /// A verdict.
    Verdict,
    /// A target, or another reason for a verdict.
    Target,
    /// Something that a command refuses.
    Refusal,
}

/// A code with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is of.
    pub kind: Kind,
    /// The code.
    pub code: &'static str,
    /// What it means, in a clause.
    pub short: &'static str,
    /// Why it matters, and what to do.
    pub long: &'static str,
}

const fn of(kind: Kind, code: &'static str, short: &'static str, long: &'static str) -> Entry {
    Entry { kind, code, short, long }
}

/// Every code.
#[rustfmt::skip] // A row a code.
pub const ENTRIES: &[Entry] = &[
    of(Kind::Problem, "syntax", "The text is not TOML.",
        "Nothing after the mistake in the same table can be read, so that keys may seem to be missing: mend the syntax first. Strings stand in quotes, numbers with a unit too: duration = \"50m\"."),
    of(Kind::Problem, "unreadable", "A file cannot be read.",
        "A path names nothing, or not a file that this user may read, or not UTF-8. Scenarios are looked for at the path as given, mocks in `mocks/` and runbooks in `runbooks/` beside the scenario or beside its folder."),
    of(Kind::Problem, "limit", "Something is larger, deeper or longer than allowed.",
        "Limits keep every run inside known memory and time. If the thing is real, split the scenario; the message says the limit."),
    of(Kind::Problem, "unknown-key", "A key that means nothing here.",
        "A key that is misspelt would otherwise do nothing in silence. `stormdrill schema keys` lists every key; the hint names the one that was probably meant."),
    of(Kind::Problem, "missing-key", "A key that must be there is not.",
        "Nothing is assumed where an assumption would decide a verdict. The message says which key, `docs/scenario.md` what it is for."),
    of(Kind::Problem, "wrong-type", "A value of the wrong TOML type.",
        "A string stands where a table is wanted, or the like. Values with a unit are always strings."),
    of(Kind::Problem, "wrong-unit", "A number without a unit, or with the wrong one.",
        "Every number that has a unit is a string that says it: \"30s\", \"85%\", \"$0.25\", \"12/s\". A bare 30 might be seconds or milliseconds, and one of them is an outage."),
    of(Kind::Problem, "bad-name", "Something that is not a name.",
        "Names are letters, digits, `-` and `_`, so that they can be file names, labels and arguments."),
    of(Kind::Problem, "bad-condition", "Something that cannot be observed.",
        "A condition of a step or a gate speaks of what a person on call can see: `critical-success holds for 5m`, `backlog < 300`, `search answers for 2m`, joined with `and`."),
    of(Kind::Problem, "out-of-range", "A value outside what makes sense.",
        "A share above 100 %, a window longer than the drill, a fault that begins after the end: the message says what is possible."),
    of(Kind::Problem, "unknown-word", "A word that is not one of the choices.",
        "The hint names the choice that was probably meant; `stormdrill schema keys` lists all of them."),
    of(Kind::Problem, "unknown-name", "A name that nothing in the scenario has.",
        "An alert, a fault, a step or `--without` names something that is not there. The hint names what is."),
    of(Kind::Problem, "name-taken", "A name given twice, or one with a special meaning.",
        "Reports, `--without` and random streams go by names: each must mean one thing."),
    of(Kind::Problem, "contradiction", "Two statements that cannot both hold.",
        "The message says which. Take one of them back."),
    of(Kind::Problem, "alert-without-runbook", "An alert that names no runbook that exists.",
        "House rule: an alert without an action is noise. Write the runbook first, or drop the alert."),
    of(Kind::Problem, "unowned-step", "A step without an owner or a time window, or a runbook without recovery criteria.",
        "House rule: what belongs to nobody is done by nobody, and an incident without criteria is closed by whoever is tired first."),
    of(Kind::Problem, "monitoring-switched-off", "A step that switches off monitoring or an alert.",
        "House rule: a silenced alert contains nothing. Let the alert fire and mend the cause; inhibition (`inhibited_by`) keeps one incident to one page."),
    of(Kind::Problem, "unstated-target", "Objectives or targets are not stated before the run, or cost is not among them.",
        "House rule: what is not stated beforehand cannot be missed. State at least one objective, one target, and a cost."),
    of(Kind::Problem, "one-shot-rollout", "A rollout that goes out all at once.",
        "House rule: nothing goes to everybody before it has gone to some. Give it steps with weights, pauses and an analysis or a gate."),
    of(Kind::Problem, "no-stop-loss", "A rollout without an automatic stop-loss.",
        "House rule: a person may sleep, be wrong, or be pressed. State the harm at which the rollout is taken back by itself."),
    of(Kind::Problem, "unvalidated-permission", "A step that widens a permission before its boundary has been validated.",
        "House rule: under pressure permissions are widened first and looked at later. Put a step that validates the boundary before it."),
    of(Kind::Problem, "unreachable-threshold", "An alert that can never fire.",
        "With this objective and factor the threshold is at 100 % bad tasks or above (factor x (1 - objective) >= 1). Take a stricter objective, a lower factor, or a threshold alert."),
    of(Kind::Problem, "low-traffic", "An alert that one failed task sets off.",
        "So few tasks arrive in the window that a single bad one crosses the line: it pages for nothing. Take a longer window, or `count_min`."),
    of(Kind::Problem, "sparse-evaluation", "An alert evaluated too seldom for its window.",
        "The window is shorter than two evaluations, so that whole windows are never looked at. Evaluate more often (`every`) or look longer."),
    of(Kind::Problem, "late-page", "A budget that is gone before the page arrives.",
        "With everything failing, the error budget is spent before window, `for` and grouping let the first page out. Shorten them."),
    of(Kind::Problem, "unprovable-recovery", "A recovery that the traffic cannot prove.",
        "Recovery needs a lower confidence bound at the objective, and so few tasks arrive in the window that not even all of them being good proves it. Take a longer window or a lower objective."),
    of(Kind::Problem, "unused", "Something declared and never used.",
        "A mock that no agent calls, a runbook that no alert names: probably a name is misspelt elsewhere."),
    of(Kind::Verdict, "PASS", "Every graded target was met, with the stated confidence. Exit code 0.",
        "The lower Clopper-Pearson bound of the share of runs that meet every target is at or above what the scenario requires. 59 runs that all pass prove 95 % at 95 % confidence; 58 do not."),
    of(Kind::Verdict, "FAIL", "At least one target was missed, with the stated confidence. Exit code 1.",
        "The upper bound of the share of runs that meet every target is below what is required. `run` names the seed to look at; `replay` shows it node by node, `ablate` which control would be missed, `margin` how far away PASS is."),
    of(Kind::Verdict, "INCONCLUSIVE", "The seeds run do not suffice to say PASS or FAIL. Exit code 3.",
        "The bounds lie to both sides of what is required. The result says about how many runs would settle it; `--seeds auto` goes on until it is settled."),
    of(Kind::Verdict, "INVALID", "The baseline did not hold, so that nothing was injected. Exit code 3.",
        "An objective was missed or an alert fired before any fault. A drill on a sick system proves nothing: mend the scenario's load, capacity or objectives until steady state holds."),
    of(Kind::Verdict, "NOT EXPOSED", "A fault changed no call. Exit code 3.",
        "The mock says that nothing came by while the fault was there: it begins too late, hits a mock that is not called then, or a guardrail keeps traffic away. What was not exposed is not contained."),
    of(Kind::Verdict, "ABORTED", "A live drill was stopped before its end: by a person, a signal, or the admin API. Exit code 4.",
        "Every fault was lifted, and that was verified; the result says by whom it was stopped and why. What was measured until then is shown and not judged."),
    of(Kind::Refusal, "target-refused", "The drill would speak to another machine, or run a command.",
        "A drill sends load and breaks things. Beside this machine it speaks only to hosts, and runs only programs, that are named twice: in the scenario, and on the command line with `--allow HOST` and `--allow-exec PROGRAM`."),
    of(Kind::Refusal, "no-console", "People are to take part, and there is no page on which they could.",
        "`--people` says whose part of the roster real people do. They acknowledge pages and say what they have done in the console: add `--console`."),
    of(Kind::Refusal, "no-link", "No console answers at a link, or not to its key.",
        "`live --console` prints a link for each role, with a key that is new in every drill. A console ends with its drill."),
    of(Kind::Refusal, "no-terminal", "The console is drawn in a terminal, and its output goes elsewhere.",
        "Run `stormdrill console` where keys can be pressed, or open the link in a browser."),
    of(Kind::Target, "detect", "Time from witnessed onset to the first delivered notification that carries a runbook.",
        "Rule evaluation, `for` and grouping are part of it. Missed: look at the alert's window and `for`, and whether it watches what this fault shows. Several faults: the one that took longest."),
    of(Kind::Target, "acknowledge", "Time from onset until somebody owns the incident.",
        "Missed: look at the roster's times, at `no_answer`, and at how soon the next role is paged."),
    of(Kind::Target, "contain", "Time from onset until new harm has stopped.",
        "Tasks lost against the twin stay below `harm_below` for `sustained_for`, while the fault may still be there. Missed: guardrails and the first automatic steps act too late or on the wrong thing; `ablate` says which matter."),
    of(Kind::Target, "recover", "Time from onset until every objective is back, with evidence.",
        "The lower confidence bound of every objective holds for `sustained_for`, after containment. Missed: a backlog that drains slowly, a step that waits for its condition, a breaker that stays open."),
    of(Kind::Target, "lost", "By tier, the share of the drill's tasks that were lost against the twin.",
        "Lost is done in the twin and not in the run, for whatever reason: failed, late, wrong, refused, unsafe."),
    of(Kind::Target, "budget_spent", "The share of an objective's error budget that the incident spent.",
        "A common policy: an incident that spends over 20 % of the four-week budget needs a postmortem."),
    of(Kind::Target, "cost_above", "What was spent above the twin, as a share of the twin's spend.",
        "Missed: retries, fallbacks to dearer models, loops. Look at the budget guardrails, and at `spend` in the report."),
    of(Kind::Target, "unsafe_acts", "Effects executed outside their permission or on a contaminated context, above the twin's.",
        "Usually 0 is the only answer. `replay` shows the way from the source of a contamination to the act."),
    of(Kind::Target, "duplicate_acts", "Effects executed twice, above the twin's.",
        "Missed: a retry after a lost reply, without an idempotency key that the mock honours."),
    of(Kind::Target, "process_missed", "The share of runbook steps that were late, out of order, forgotten, undone or without what they should bring about.",
        "Process is graded beside the outcome: a service that was lucky is not one that was drilled."),
    of(Kind::Target, "diagnosed", "Whether the last diagnosis named the right mock: 0 if it did, 1 if not.",
        "Missed: what the step looks for (`bottleneck`, `errors` ...) points elsewhere while the fault is there."),
    of(Kind::Target, "aftermath", "What was left behind at the end; always graded, and must be nothing.",
        "An open breaker, a frozen tier, a poisoned entry, a widened permission, a rollout half done, a backlog, an objective that is not met, a fault that was not released. Missed: the runbook lacks a step that takes back what an earlier one did."),
    of(Kind::Refusal, "internal", "A bug in stormdrill, or the machine failed. Exit code 70.",
        "Please report it with the scenario and the seed: the same seed shows it again."),
    of(Kind::Refusal, "does-not-fail", "`--bisect-seed` was given a seed that does not fail.",
        "Take a seed that `run` names as failing."),
    of(Kind::Refusal, "no-margin", "Nothing of the scenario can be made harder.",
        "`margin` raises the doses of faults, or makes people later: the scenario has no fault with a dose, or no people."),
    of(Kind::Refusal, "no-sweep", "`--vary` names no value that can be varied so.",
        "A path names one value, such as `guard.search.timeout`, and the values have its unit: `1s..10s`, or `1,3,5`."),
    of(Kind::Refusal, "nothing-to-compare", "Two results have no drill or no seed in common.",
        "Only the same scenario with the same seeds can be paired: run both with the same `--seed` and `--seeds`."),
    of(Kind::Refusal, "too-many", "The command takes one scenario.",
        "Name one file."),
    of(Kind::Refusal, "unknown-task", "The run has no task of this number.",
        "Tasks are numbered by their order of arrival, from 0."),
    of(Kind::Refusal, "no-evidence", "There is no run from which unit tests could be made.",
        "A run whose baseline does not hold injects nothing, so that its alerts stay silent. Take another `--seed`, or mend the scenario."),
    of(Kind::Refusal, "bad-output", "Formats and outputs do not fit together.",
        "Each `--output` belongs to the `--format` before it; at most one format goes to the standard output; a journal of Chaos Toolkit is of one drill."),
    of(Kind::Refusal, "exists", "A file is there already.",
        "`new` writes over nothing. Take another name, or another folder with `--into`."),
];

/// Returns the entry of a code, in any case.
pub fn find(code: &str) -> Option<&'static Entry> {
    // A target such as `lost.critical` is explained by its first part.
    let stem = code.split('.').next().unwrap_or(code);
    ENTRIES.iter().find(|entry| entry.code.eq_ignore_ascii_case(stem))
}

impl Code {
    /// Returns its meaning.
    pub fn entry(self) -> &'static Entry {
        find(self.name()).expect("every code has its entry: a test holds that")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Verdict;

    #[test]
    fn every_problem_and_every_verdict_is_explained_once() {
        let problems = Code::ALL.map(Code::name);
        let verdicts = Verdict::ALL.map(Verdict::word);
        for name in problems.iter().chain(&verdicts) {
            assert_eq!(ENTRIES.iter().filter(|entry| entry.code == *name).count(), 1, "{name}");
        }
        for entry in ENTRIES {
            assert!(entry.short.ends_with('.') && entry.long.ends_with('.'), "{}", entry.code);
        }
    }
}
