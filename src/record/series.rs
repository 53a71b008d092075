//! Counts over time, in buckets whose number does not depend on the length of the drill.

use crate::base::{Money, Span, Time};
use crate::plan::{Plan, TIERS};

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Right, within the deadline, without an unsafe act.
    Done,
    /// Finished with a wrong answer.
    Wrong,
    /// Not finished by its deadline.
    Late,
    /// Given up.
    Failed,
    /// Refused at the door.
    Shed,
    /// It did something unsafe, whatever else became of it.
    Unsafe,
}

/// Tasks by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TierCounts {
    /// Arrived.
    pub arrived: u64,
    /// By outcome, in the order of [`Outcome`].
    pub outcomes: [u64; 6],
}

impl TierCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        for (own, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *own += more;
        }
    }

    /// Returns the difference to earlier counts.
    #[must_use]
    pub fn less(&self, earlier: &Self) -> Self {
        let outcomes = std::array::from_fn(|index| self.outcomes[index] - earlier.outcomes[index]);
        Self { arrived: self.arrived - earlier.arrived, outcomes }
    }

    /// Returns the count of an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Returns all tasks that have an outcome.
    pub fn ended(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Returns all tasks whose outcome is not good.
    pub fn bad(&self) -> u64 {
        self.ended() - self.of(Outcome::Done)
    }
}

/// Counts in buckets of time. The outcome of a task stands in the bucket in which it arrived, so that
/// the same tasks stand in the same bucket of the twin; those of objectives, money and backlog in the
/// bucket in which they were measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// How long a bucket is.
    pub width: Span,
    /// By bucket and tier.
    pub tiers: Vec<[TierCounts; TIERS]>,
    /// By bucket and objective: good tasks and all tasks.
    pub slos: Vec<(u32, u32)>,
    /// By bucket, what was spent, in picodollars.
    pub spend: Vec<u128>,
    /// By bucket, the most tasks in flight.
    pub backlog: Vec<u32>,
    objectives: usize,
}

/// Bucket lengths in seconds; the first that needs at most [`BUCKETS_MAX`] is taken.
const WIDTHS: [u64; 9] = [1, 2, 5, 10, 20, 60, 120, 300, 600];
const BUCKETS_MAX: u64 = 3000;

impl Series {
    /// Returns empty buckets for a plan.
    pub fn new(plan: &Plan) -> Self {
        let seconds = plan.end.0.div_ceil(Span::from_secs(1).0);
        let fits = |width: &&u64| seconds.div_ceil(**width) <= BUCKETS_MAX;
        let width = Span::from_secs(*WIDTHS.iter().find(fits).expect("the longest drill fits"));
        let count = plan.end.0.div_ceil(width.0) as usize + 1;
        Self {
            width,
            tiers: vec![Default::default(); count],
            slos: vec![(0, 0); count * plan.slos.len()],
            spend: vec![0; count],
            backlog: vec![0; count],
            objectives: plan.slos.len(),
        }
    }

    /// Returns the bucket of a moment.
    pub fn bucket(&self, now: Time) -> usize {
        (now.0 / self.width.0) as usize
    }

    /// Returns good and all tasks of an objective in the buckets `from..to`.
    pub fn objective(&self, slo: usize, from: usize, to: usize) -> (u64, u64) {
        let buckets = from..to.min(self.tiers.len());
        buckets.fold((0, 0), |(good, all), bucket| {
            let counts = self.slos[bucket * self.objectives + slo];
            (good + u64::from(counts.0), all + u64::from(counts.1))
        })
    }

    /// Counts a task for an objective.
    pub fn count(&mut self, bucket: usize, slo: usize, is_good: bool) {
        let counts = &mut self.slos[bucket * self.objectives + slo];
        counts.0 += u32::from(is_good);
        counts.1 += 1;
    }

    /// Counts good tasks and all tasks for an objective.
    pub fn count_many(&mut self, bucket: usize, slo: usize, (good, all): (u64, u64)) {
        let counts = &mut self.slos[bucket * self.objectives + slo];
        counts.0 += good as u32;
        counts.1 += all as u32;
    }

    /// Returns good and all tasks of every objective in a bucket.
    pub fn of_bucket(&self, bucket: usize) -> &[(u32, u32)] {
        &self.slos[bucket * self.objectives..(bucket + 1) * self.objectives]
    }

    /// Sets good and all tasks of every objective in a bucket.
    pub fn set_bucket(&mut self, bucket: usize, counts: &[(u32, u32)]) {
        for (own, new) in
            self.slos[bucket * self.objectives..(bucket + 1) * self.objectives].iter_mut().zip(counts)
        {
            *own = *new;
        }
    }

    /// Adds a cost.
    pub fn spend(&mut self, bucket: usize, cost: Money) {
        self.spend[bucket] += u128::from(cost.0);
    }

    /// Returns a sum over all buckets and tiers.
    pub fn total(&self, of: impl Fn(&TierCounts) -> u64) -> u64 {
        self.tiers.iter().flatten().map(of).sum()
    }
}
