//! A drill from Rust: load a scenario, choose seeds, run, and hold the verdict against a test.
//!
//! ```no_run
//! use stormdrill::drill::Drill;
//!
//! #[test]
//! fn the_search_outage_is_contained() {
//!     let result = Drill::load("scenarios/tool-timeout-backlog.toml").unwrap().seeds(100).run().unwrap();
//!     result.assert_pass();
//! }
//! ```

use std::fmt;
use std::path::Path;

use crate::files;
use crate::grade::{Judgement, Scorecard, Verdict};
use crate::plan::Plan;
use crate::report::WholeResult;
use crate::report::gather::{Gathered, Latencies, SABOTEUR, shown};
use crate::report::result::{DrillResult, RunResult, SeedRange};
use crate::report::views::View;
use crate::scenario::decode::suggest;
use crate::scenario::problem::{Severity, draw, printable};
use crate::scenario::without::without;
use crate::scenario::{Loaded, Scenario};
use crate::study::{self, Seeds, Trial};

/// A scenario with the seeds that it is to be run with.
#[derive(Debug, Clone)]
pub struct Drill {
    scenario: Scenario,
    /// The file as it was named, if it was.
    file: Option<String>,
    without: Vec<String>,
    seeds: Seeds,
    is_until_settled: bool,
    is_sabotaged: bool,
}

/// Why there is no drill, or no result.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The scenario is wrong: every problem, drawn with its line.
    #[error("{0}")]
    Wrong(String),
    /// Nothing in the scenario has this name.
    #[error("nothing is called `{name}`: {hint}")]
    UnknownName {
        /// The name.
        name: String,
        /// What was probably meant.
        hint: String,
    },
    /// The machine gave no threads.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Drill {
    /// Loads a scenario file, with its mocks and runbooks; says everything that is wrong with it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DrillError> {
        let Loaded { scenario, problems, sources } = files::load(path.as_ref());
        let file = Some(path.as_ref().to_string_lossy().into_owned());
        scenario.map(|scenario| Self { file, ..Self::of(scenario) }).ok_or_else(|| {
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            let drawn: Vec<String> = errors.map(|problem| draw(problem, &sources, false)).collect();
            DrillError::Wrong(drawn.join("\n\n"))
        })
    }

    /// Returns the drill of a scenario, with seeds 1 to 100 and a thread for each core.
    pub fn of(scenario: Scenario) -> Self {
        let seeds = Seeds { first: 1, count: 100, threads: 0 };
        Self {
            scenario,
            file: None,
            without: Vec::new(),
            seeds,
            is_until_settled: false,
            is_sabotaged: false,
        }
    }

    /// Runs so many seeds.
    pub fn seeds(mut self, count: u64) -> Self {
        (self.seeds.count, self.is_until_settled) = (count, false);
        self
    }

    /// Runs seeds until PASS or FAIL is settled, at most so many.
    pub fn until_settled(mut self, at_most: u64) -> Self {
        (self.seeds.count, self.is_until_settled) = (at_most, true);
        self
    }

    /// Begins with this seed.
    pub fn first_seed(mut self, seed: u64) -> Self {
        self.seeds.first = seed;
        self
    }

    /// Uses so many threads; 0 for as many as there are cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.seeds.threads = threads;
        self
    }

    /// Switches something off: a fault, an alert, a runbook or one of its steps, a guardrail.
    pub fn without(mut self, name: &str) -> Result<Self, DrillError> {
        let reduced = without(&self.scenario, &[name.to_owned()]);
        self.scenario = reduced.map_err(|(name, known)| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let hint = suggest(&name, &known);
            DrillError::UnknownName { name: printable(&name), hint }
        })?;
        self.without.push(name.to_owned());
        Ok(self)
    }

    /// Refuses nearly every task once a fault has been met: a control that must never pass.
    pub fn sabotaged(mut self) -> Self {
        self.is_sabotaged = true;
        self
    }

    /// Returns the scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Returns how many seeds are run, or how many at most.
    pub fn seed_count(&self) -> u64 {
        self.seeds.count
    }

    /// Runs every seed beside its twin and judges them together.
    pub fn run(&self) -> Result<DrillResult, DrillError> {
        self.run_with(|| ())
    }

    /// Does the same, and calls `done` after each seed, in any order.
    pub fn run_with(&self, done: impl Fn() + Sync) -> Result<DrillResult, DrillError> {
        let plan = Plan::of(&self.scenario);
        let plan = if self.is_sabotaged { plan.sabotaged() } else { plan };
        let latencies = Latencies::default();
        let keep = |trial: Trial| {
            latencies.add(&trial);
            (RunResult::of(&plan, &trial), trial.card)
        };
        let (runs, judgement) = self.measure(&plan, keep, done)?;
        let seeds = SeedRange {
            first: self.seeds.first,
            count: runs.len() as u64,
            at_most: self.is_until_settled.then_some(self.seeds.count),
        };
        let mut without = self.without.clone();
        without.extend(self.is_sabotaged.then(|| SABOTEUR.to_owned()));
        let shown = study::on_threads(self.seeds.threads, || {
            shown(&plan, &runs.iter().map(|(run, _)| run).collect::<Vec<_>>())
        })?;
        let gathered = Gathered {
            scenario: &self.scenario,
            plan: &plan,
            without,
            seeds,
            judgement,
            runs,
            latencies,
            shown,
            live: None,
        };
        let mut result = DrillResult::from(gathered);
        if let Some(file) = &self.file {
            result.is_in(file);
        }
        Ok(result)
    }

    fn measure(
        &self,
        plan: &Plan,
        keep: impl Fn(Trial) -> (RunResult, Scorecard) + Sync,
        done: impl Fn() + Sync,
    ) -> Result<(Vec<(RunResult, Scorecard)>, Judgement), DrillError> {
        if self.is_until_settled {
            let keep = |trial: Trial| {
                let card = trial.card.clone();
                (keep(trial), card)
            };
            return Ok(study::until_settled(plan, self.seeds, keep, done)?);
        }
        let runs = study::seeds(plan, self.seeds, keep, done)?;
        let cards: Vec<Scorecard> = runs.iter().map(|(_, card)| card.clone()).collect();
        let judgement = study::verdict(plan, &cards);
        Ok((runs, judgement))
    }
}

impl DrillResult {
    /// Asserts that the drill passed.
    ///
    /// # Panics
    ///
    /// If it did not, with the whole view of the drill and the command that shows the worst run again.
    #[track_caller]
    pub fn assert_pass(&self) {
        assert!(self.concluded() == Some(Verdict::Pass), "{}", Plain(self));
    }

    /// Asserts that the drill failed: that its controls are needed, say.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn assert_fail(&self) {
        assert!(self.concluded() == Some(Verdict::Fail), "{}", Plain(self));
    }
}

/// The view of a drill without styles.
struct Plain<'a>(&'a DrillResult);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            View::Human.render(&WholeResult::of(vec![self.0.clone()])).expect("every result has this view");
        write!(f, "\n{}", anstream::adapter::strip_str(&text))
    }
}
