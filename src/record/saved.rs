//! A record in pieces: what has changed since the last look, to be written down, and the record made of all pieces.
//!
//! For drills that may break off. Latencies and the chains of contamination are not among it.

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::plan::{Plan, TIERS};
use crate::record::{
    Acts, Baseline, EffectTotals, Entry, MockTotals, Record, Series, Spend, TierCounts, Witness,
};

/// More of anything than any drill has.
const COUNT_MAX: u64 = 1 << 48;

/// What has changed since the last one, and every total as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// When.
    at: Time,
    /// The buckets that have changed, by number.
    buckets: Vec<Bucket>,
    tiers: [TierCounts; TIERS],
    mocks: Vec<MockTotals>,
    effects: Vec<EffectTotals>,
    spend: Spend,
    witnesses: Vec<Witness>,
    judged: Vec<(u64, u64)>,
    acts: Acts,
    baseline: Baseline,
    in_flight: u64,
    events: u64,
    /// What the controls have in place, in words.
    left_behind: Vec<String>,
}

/// A bucket of the series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bucket {
    number: usize,
    tiers: [TierCounts; TIERS],
    slos: Vec<(u32, u32)>,
    spend: u128,
    backlog: u32,
}

/// Makes checkpoints of a record that goes on.
#[derive(Debug)]
pub struct Saver {
    last: Series,
}

impl Saver {
    /// Returns one that has seen nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Self { last: Series::new(plan) }
    }

    /// Returns what has changed since the last time.
    pub fn save(
        &mut self,
        record: &Record,
        at: Time,
        (in_flight, left_behind): (u64, Vec<String>),
    ) -> Checkpoint {
        let (series, last) = (&record.series, &mut self.last);
        let mut buckets = Vec::new();
        for number in 0..=series.bucket(at).min(series.tiers.len() - 1) {
            let is_same = series.tiers[number] == last.tiers[number]
                && series.of_bucket(number) == last.of_bucket(number)
                && series.spend[number] == last.spend[number]
                && series.backlog[number] == last.backlog[number];
            if is_same {
                continue;
            }
            let bucket = Bucket {
                number,
                tiers: series.tiers[number],
                slos: series.of_bucket(number).to_vec(),
                spend: series.spend[number],
                backlog: series.backlog[number],
            };
            bucket.put(last);
            buckets.push(bucket);
        }
        Checkpoint {
            at,
            buckets,
            tiers: record.tiers,
            mocks: record.mocks.clone(),
            effects: record.effects.clone(),
            spend: record.spend.clone(),
            witnesses: record.witnesses.clone(),
            judged: record.judged.clone(),
            acts: record.acts.clone(),
            baseline: record.baseline.clone(),
            in_flight,
            events: record.events,
            left_behind,
        }
    }
}

impl Checkpoint {
    /// Sets what is kept elsewhere: the witnesses, and by mock how many requests it refused for want of a slot.
    #[must_use]
    pub fn with(mut self, witnesses: Vec<Witness>, overloaded: Vec<u64>) -> Self {
        for (totals, count) in self.mocks.iter_mut().zip(overloaded) {
            totals.overloaded = count;
        }
        Self { witnesses, ..self }
    }

    /// Returns whether all of it can be so in a run of a plan.
    fn is_sound(&self, plan: &Plan, record: &Record) -> bool {
        let counts =
            |of: &TierCounts| of.outcomes.iter().all(|count| *count <= of.arrived) && of.arrived < COUNT_MAX;
        let bucket = |of: &Bucket| {
            of.number < record.series.tiers.len()
                && of.slos.len() == plan.slos.len()
                && of.slos.iter().all(|(good, all)| good <= all)
                && of.tiers.iter().all(counts)
                && of.spend < u128::from(u64::MAX)
        };
        let small = |of: u64| of < COUNT_MAX;
        let effects = |of: &EffectTotals| {
            [of.executed, of.duplicate, of.refused, of.wrongly_refused, of.unsafe_acts, of.contaminated]
                .into_iter()
                .all(small)
        };
        let witness = |of: &Witness| small(of.hits) && small(of.exposed) && small(of.decisions);
        let spent = self
            .spend
            .by_mock
            .iter()
            .chain(&self.spend.by_tier)
            .chain([&self.spend.probes, &self.spend.judging]);
        self.at <= plan.end
            && self.mocks.len() == record.mocks.len()
            && self.effects.len() == record.effects.len()
            && self.witnesses.len() == record.witnesses.len()
            && self.judged.len() == record.judged.len()
            && self.judged.iter().all(|(bad, all)| bad <= all && small(*all))
            && self.spend.by_mock.len() == record.spend.by_mock.len()
            && spent.copied().all(|of| of < u128::from(u64::MAX))
            && self.acts.fits(&record.acts)
            && self.buckets.iter().all(bucket)
            && self.tiers.iter().all(counts)
            && self.effects.iter().all(effects)
            && self.witnesses.iter().all(witness)
            && small(self.in_flight)
            && small(self.events)
    }
}

impl Bucket {
    fn put(&self, series: &mut Series) {
        series.tiers[self.number] = self.tiers;
        series.set_bucket(self.number, &self.slos);
        series.spend[self.number] = self.spend;
        series.backlog[self.number] = self.backlog;
    }
}

/// A record that is made of its pieces again.
#[derive(Debug)]
pub struct Restored {
    record: Record,
    /// Up to when there are pieces.
    pub until: Time,
}

impl Restored {
    /// Returns the record of a plan, with nothing in it yet.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        Self { record: Record::new(plan, seed), until: Time::ZERO }
    }

    /// Puts a piece in; returns why it does not belong to this plan, if it does not.
    pub fn put(&mut self, plan: &Plan, of: &Checkpoint) -> Result<(), &'static str> {
        let record = &mut self.record;
        if !of.is_sound(plan, record) {
            return Err("it is of another scenario");
        }
        of.buckets.iter().for_each(|bucket| bucket.put(&mut record.series));
        record.tiers = of.tiers;
        record.mocks.clone_from(&of.mocks);
        record.effects.clone_from(&of.effects);
        record.spend = of.spend.clone();
        record.witnesses.clone_from(&of.witnesses);
        for witness in &mut record.witnesses {
            // It is looked at a moment later than the rest.
            for moment in [&mut witness.first, &mut witness.last, &mut witness.decided] {
                *moment = moment.map(|at| at.min(of.at));
            }
        }
        record.judged.clone_from(&of.judged);
        record.acts = of.acts.clone();
        record.baseline = of.baseline.clone();
        record.in_flight = of.in_flight;
        record.events = of.events;
        record.left_behind.clone_from(&of.left_behind);
        self.until = of.at;
        Ok(())
    }

    /// Returns the record with its journal.
    pub fn finish(mut self, plan: &Plan, entries: Vec<Entry>) -> Record {
        let series = &self.record.series;
        let from = series.bucket(self.until.back(plan.targets.recover_for));
        let last = |slo: usize| {
            let (good, all) = series.objective(slo, from, series.tiers.len());
            (all.saturating_sub(good), all)
        };
        self.record.last_window = (0..plan.slos.len()).map(last).collect();
        self.record.journal.restore(entries);
        self.record
    }
}
