//! From all runs of a drill to its result.

use std::sync::Mutex;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::{digits, summary, system};
use crate::grade::{Judgement, RunVerdict, Scorecard};
use crate::plan::{Plan, TIERS};
use crate::record::Record;
use crate::report::result::{
    DrillResult, Here, LatencyLog, LiveResult, PassRate, RunResult, ScenarioId, SeedRange, ShownRun,
};
use crate::scenario::Scenario;
use crate::scenario::file::load::Tier;
use crate::study::Trial;

/// Everything that a drill's result is made from.
#[derive(Debug)]
pub struct Gathered<'a> {
    /// The scenario, less what was switched off.
    pub scenario: &'a Scenario,
    /// Its plan.
    pub plan: &'a Plan,
    /// What was switched off.
    pub without: Vec<String>,
    /// Which seeds were run.
    pub seeds: SeedRange,
    /// What they say together.
    pub judgement: Judgement,
    /// Every run and its grade, in the order of seeds.
    pub runs: Vec<(RunResult, Scorecard)>,
    /// The latencies of all runs.
    pub latencies: Latencies,
    /// The runs that are worth looking at.
    pub shown: Vec<ShownRun>,
    /// How it was held, if it was held against the wall clock.
    pub live: Option<LiveResult>,
}

impl From<Gathered<'_>> for DrillResult {
    fn from(of: Gathered<'_>) -> Self {
        let Gathered { scenario, plan, judgement, .. } = of;
        let is_evidence = |card: &Scorecard| matches!(card.verdict, RunVerdict::Pass | RunVerdict::Fail);
        let graded = of.runs.iter().filter(|(_, card)| is_evidence(card));
        let (evidence, cards): (Vec<&RunResult>, Vec<&Scorecard>) =
            graded.map(|(run, card)| (run, card)).unzip();
        let result = Self {
            scenario: ScenarioId::of(scenario),
            seeds: of.seeds,
            verdict: judgement.verdict.word().into(),
            because: judgement.because,
            pass_rate: PassRate {
                runs: judgement.runs,
                passed: judgement.passed,
                lower: digits(judgement.lower),
                upper: digits(judgement.upper),
                required: judgement.required,
                runs_needed: judgement.runs_needed,
            },
            graded: evidence.iter().map(|run| run.seed).collect(),
            targets: summary::targets(scenario, &cards),
            moments: summary::moments(&evidence),
            harm: summary::harm(&evidence),
            spend: summary::spend(&evidence),
            controls: summary::controls(scenario, &evidence),
            alerts: summary::alerts(scenario, &evidence),
            steps: summary::steps(scenario, &evidence),
            latencies: of.latencies.logs(),
            system: system(scenario, plan),
            shown: of.shown,
            runs: of.runs.into_iter().map(|(run, _)| run).collect(),
            again: again(&scenario.path, &of.without),
            without: of.without,
            live: of.live,
            here: Here::default(),
        };
        result.with_its_own_path()
    }
}

impl DrillResult {
    /// Takes the scenario's own path for where it is.
    #[must_use]
    pub fn with_its_own_path(self) -> Self {
        let here = Here { file: self.scenario.path.clone(), again: self.again.clone() };
        Self { here, ..self }
    }

    /// Says where its scenario is, as it was named on the command line.
    pub fn is_in(&mut self, path: &str) {
        self.here = Here { file: path.replace('\\', "/"), again: again(path, &self.without) };
    }
}

/// Returns the command that shows a seed of a drill again, but for the seed.
fn again(path: &str, without: &[String]) -> String {
    // A replay has no saboteur.
    let is_sabotaged = without.iter().any(|part| part == SABOTEUR);
    let mut command = format!("stormdrill {} {}", if is_sabotaged { "run" } else { "replay" }, quoted(path));
    for name in without.iter().filter(|part| *part != SABOTEUR) {
        command.push_str(" --without ");
        command.push_str(&quoted(name));
    }
    if is_sabotaged {
        command.push_str(" --saboteur");
    }
    command
}

/// What the list of what is switched off says of a drill in which nearly everything was refused.
pub const SABOTEUR: &str = "every task (saboteur)";

/// Returns a word as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    // A name that begins with a dash would be an option.
    let path = &if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Latencies by tier over many runs and their twins; what is added in any order gives the same sums.
#[derive(Debug, Default)]
pub struct Latencies(Mutex<Option<[[Histogram<u64>; TIERS]; 2]>>);

impl Latencies {
    /// Adds the latencies of a run and its twin.
    pub fn add(&self, trial: &Trial) {
        let of = |record: &Record| record.latencies.clone();
        let mut sums = self.0.lock().expect("nobody panics while adding");
        let Some(sums) = sums.as_mut() else {
            *sums = Some([of(&trial.run), of(&trial.twin)]);
            return;
        };
        for (sum, record) in sums.iter_mut().zip([&trial.run, &trial.twin]) {
            for (sum, more) in sum.iter_mut().zip(&record.latencies) {
                sum.add(more).expect("all have the same bounds");
            }
        }
    }

    fn logs(&self) -> Vec<LatencyLog> {
        let sums = self.0.lock().expect("nobody panics while adding");
        let Some([run, twin]) = sums.as_ref() else { return Vec::new() };
        let each = |tier: usize| LatencyLog {
            tier: Tier::ALL[tier].word().into(),
            run: text(&run[tier]),
            twin: text(&twin[tier]),
            run_count: run[tier].len(),
            twin_count: twin[tier].len(),
            run_max_us: run[tier].max(),
            twin_max_us: twin[tier].max(),
        };
        (0..TIERS).filter(|tier| !run[*tier].is_empty()).map(each).collect()
    }
}

/// Returns a histogram as `HdrHistogram` logs have it.
fn text(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("memory takes every byte");
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes)
}
