//! Process beside outcome: whether the runbooks were done as they are written, whatever came of it.

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::record::{Event, Record};

/// What became of the steps of every runbook that was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Steps that were to be done: those of opened runbooks, less what turned out not to be needed.
    pub planned: u64,
    /// Of these, done in their window, in order, with what they should bring about.
    pub good: u64,
    /// Done after their window.
    pub late: u64,
    /// Done after the step that should follow them.
    pub swapped: u64,
    /// Forgotten.
    pub forgotten: u64,
    /// Done without what they should bring about.
    pub unobserved: u64,
    /// Not done when the drill ended.
    pub undone: u64,
    /// Attempts that came to nothing.
    pub failed_attempts: u64,
}

impl Process {
    /// Returns the share of steps that went wrong; nothing if no runbook was opened.
    pub fn missed(&self) -> Option<f64> {
        (self.planned > 0).then(|| (self.planned - self.good) as f64 / self.planned as f64)
    }
}

/// What is known of a step of the incident that is open.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    is_done: bool,
    is_late: bool,
    is_swapped: bool,
    is_forgotten: bool,
    is_unneeded: bool,
    is_unobserved: bool,
}

/// Returns how the runbooks of a run were done.
pub fn process(plan: &Plan, run: &Record) -> Process {
    let mut sum = Process::default();
    let mut open: Vec<Option<Vec<Step>>> = vec![None; plan.runbooks.len()];
    for entry in run.journal.entries() {
        if let Event::IncidentOpened(runbook) = entry.event {
            open[runbook] = Some(vec![Step::default(); plan.runbooks[runbook].steps.len()]);
        } else if let Event::IncidentClosed(runbook) = entry.event {
            sum.add(&open[runbook].take().unwrap_or_default());
        } else if let Event::RunbookAgain { runbook, owner } = entry.event {
            // What has been done so far counts; what is to be done again counts again.
            let planned = plan.runbooks[runbook].steps.iter();
            let steps = open[runbook].iter_mut().flatten().zip(planned);
            for (step, _) in steps.filter(|(_, planned)| planned.owner == owner) {
                let so_far = std::mem::take(step);
                if so_far.is_begun() {
                    sum.add(&[so_far]);
                }
            }
        } else {
            let Some((runbook, step)) = step_of(entry.event) else { continue };
            let Some(step) = open[runbook].as_mut().map(|steps| &mut steps[step]) else { continue };
            sum.failed_attempts += u64::from(matches!(entry.event, Event::StepFailed { .. }));
            step.learn(entry.event);
        }
    }
    for steps in open.into_iter().flatten() {
        sum.add(&steps);
    }
    sum
}

/// Returns the runbook and the step that an event is about.
fn step_of(event: Event) -> Option<(usize, usize)> {
    if let Event::StepDone { runbook, step, .. }
    | Event::StepObserved { runbook, step, .. }
    | Event::StepSkipped { runbook, step, .. }
    | Event::StepSwapped { runbook, step }
    | Event::StepFailed { runbook, step } = event
    {
        Some((runbook, step))
    } else {
        None
    }
}

impl Step {
    /// Returns whether anything has become of it.
    fn is_begun(self) -> bool {
        self.is_done || self.is_forgotten || self.is_unneeded
    }

    fn learn(&mut self, event: Event) {
        if let Event::StepDone { is_late, .. } = event {
            (self.is_done, self.is_late) = (true, is_late);
        } else if let Event::StepObserved { is_seen, .. } = event {
            self.is_unobserved = !is_seen;
        } else if let Event::StepSkipped { is_forgotten, .. } = event {
            (self.is_forgotten, self.is_unneeded) = (is_forgotten, !is_forgotten);
        } else if let Event::StepSwapped { .. } = event {
            self.is_swapped = true;
        }
    }
}

impl Process {
    fn add(&mut self, steps: &[Step]) {
        for step in steps.iter().filter(|step| !step.is_unneeded) {
            let is_undone = !step.is_done && !step.is_forgotten;
            let is_bad =
                is_undone || step.is_late || step.is_swapped || step.is_forgotten || step.is_unobserved;
            self.planned += 1;
            self.good += u64::from(!is_bad);
            self.late += u64::from(step.is_late);
            self.swapped += u64::from(step.is_swapped);
            self.forgotten += u64::from(step.is_forgotten);
            self.unobserved += u64::from(step.is_unobserved);
            self.undone += u64::from(is_undone);
        }
    }
}
