//! The control plane: it sees telemetry and never the faults; it alerts, pages, and does runbooks.
//!
//! One machine: [`Ops::handle`] takes the time and the telemetry and says what to do;
//! [`Ops::next_at`] says when it wants to be called next.

mod alert;
mod checks;
mod delivery;
mod detect;
mod diagnose;
mod incident;
mod lane;
mod outside;
mod people;
mod rollout;
mod telemetry;
mod window;

use crate::base::{Key, Ratio, Span, Time};
use crate::plan::{AlertPlan, Check, Order, Plan, RolloutOrder, RolloutStep, Rule};
use crate::record::{Event, Journal};
pub use people::{Doing, GateNow, Refused, StepNow};
pub use telemetry::{Calls, Replies, Telemetry};

use alert::AlertState;
use delivery::Delivery;
use detect::Detector;
use incident::Incident;
use rollout::{Reach, Rollout};
use window::{Source, Windows};

/// The control plane of a run.
#[derive(Debug, Clone)]
pub struct Ops<'p> {
    plan: &'p Plan,
    tick: Span,
    next_tick: Time,
    windows: Windows,
    alerts: Vec<AlertState>,
    detectors: Vec<Detector>,
    /// By alert, whether its condition held when it was last evaluated.
    conditions: Vec<bool>,
    has_token_charts: bool,
    deliveries: Vec<Delivery>,
    incidents: Vec<Incident>,
    rollouts: Vec<Rollout>,
    /// What runbooks have just said to rollouts.
    orders: Vec<(usize, RolloutOrder)>,
    /// Others say which alerts fire.
    is_told: bool,
    desk: Desk,
}

/// What incidents share: the streams of people, the state of probes, and what is observed.
#[derive(Debug, Clone)]
struct Desk {
    seed: Key,
    /// By mock, what its health probes say.
    probes: Vec<Probes>,
    /// By alert, when it last fired.
    last_fired: Vec<Option<Time>>,
    /// By rollout, whether the old version answers again.
    is_back: Vec<bool>,
    /// By mock, its calls at the end of the baseline.
    baseline: Vec<Calls>,
    confidence: f64,
    /// By role, whether somebody real does its part.
    real: Vec<bool>,
}

/// The health probes of a mock: one at a time, sent every [`PROBE_EVERY`] while somebody waits.
#[derive(Debug, Clone, Copy, Default)]
struct Probes {
    /// Since when every probe was answered.
    answering_since: Option<Time>,
    /// When the last one was sent.
    sent: Time,
    /// Whether it is under way.
    is_out: bool,
}

/// How often a mock is probed, and how long a probe may take before it counts as unanswered.
const PROBE_EVERY: Span = Span::from_secs(15);

impl<'p> Ops<'p> {
    /// Returns the control plane at the beginning of a run.
    pub fn new(plan: &'p Plan, seed: Key) -> Self {
        let mut watched = watched(plan);
        let tick = plan.tick.unwrap_or_else(|| tick(plan));
        watched.extend((0..plan.mocks.len()).map(|mock| (Source::Calls(mock), diagnose::LOOK_BACK)));
        let mut windows = Windows::new(plan, tick);
        for (source, span) in watched {
            windows.watch(source, span);
        }
        Self {
            plan,
            tick,
            next_tick: Time::ZERO + tick,
            windows,
            alerts: vec![AlertState::default(); plan.alerts.len()],
            detectors: vec![Detector::default(); plan.alerts.len()],
            conditions: vec![false; plan.alerts.len()],
            has_token_charts: plan.alerts.iter().any(|alert| matches!(alert.rule, Rule::CusumTokens { .. })),
            deliveries: vec![Delivery::default(); plan.alerts.len()],
            rollouts: vec![Rollout::default(); plan.rollouts.len()],
            orders: Vec::new(),
            is_told: false,
            incidents: plan.runbooks.iter().map(|_| Incident::default()).collect(),
            desk: Desk {
                seed,
                probes: vec![Probes::default(); plan.mocks.len()],
                last_fired: vec![None; plan.alerts.len()],
                is_back: vec![false; plan.rollouts.len()],
                baseline: vec![Calls::default(); plan.mocks.len()],
                confidence: plan.targets.confidence.real(),
                real: vec![false; plan.roles.len()],
            },
        }
    }

    /// Goes on with a plan that may lack alerts of the one that was begun; none of them has fired yet.
    pub fn go_on(&mut self, plan: &'p Plan) {
        for index in (0..self.plan.alerts.len()).rev() {
            if !plan.alerts.iter().any(|alert| alert.name == self.plan.alerts[index].name) {
                self.alerts.remove(index);
                self.detectors.remove(index);
                self.conditions.remove(index);
                self.deliveries.remove(index);
                self.desk.last_fired.remove(index);
            }
        }
        self.plan = plan;
    }

    /// Returns, by alert, whether its condition held when it was last evaluated.
    pub fn conditions(&self) -> &[bool] {
        &self.conditions
    }

    /// Returns whether the control plane looks at this moment.
    pub fn looks_at(&self, now: Time) -> bool {
        now.0.is_multiple_of(self.tick.0)
    }

    /// Returns when this machine wants to be called next.
    pub fn next_at(&self) -> Time {
        let deliveries = self.deliveries.iter().map(Delivery::next_at);
        let incidents = self.incidents.iter().map(Incident::next_at);
        let rollouts = self.rollouts.iter().zip(&self.plan.rollouts);
        let rollouts = rollouts.map(|(rollout, plan)| rollout.next_at(plan));
        deliveries.chain(incidents).chain(rollouts).fold(self.next_tick, Time::min)
    }

    /// Does whatever is due.
    pub fn handle(&mut self, now: Time, telemetry: &Telemetry, journal: &mut Journal, out: &mut Vec<Order>) {
        let is_tick = now >= self.next_tick;
        if is_tick {
            self.next_tick = now + self.tick;
            self.windows.observe(now, telemetry);
            self.evaluate(now, telemetry, journal);
            let is_overdue = |probes: &&mut Probes| probes.is_out && now.since(probes.sent) > PROBE_EVERY;
            for probes in self.desk.probes.iter_mut().filter(is_overdue) {
                probes.answering_since = None;
            }
        }
        if now <= self.plan.baseline {
            self.desk.baseline.clone_from(&telemetry.calls);
        }
        self.deliver(now, telemetry, journal);
        for (is_back, rollout) in self.desk.is_back.iter_mut().zip(&self.rollouts) {
            *is_back = rollout.is_returned();
        }
        let view = checks::View { now, telemetry, windows: &self.windows, plan: self.plan };
        for (runbook, incident) in self.incidents.iter_mut().enumerate() {
            incident.handle(runbook, (&view, &self.desk), journal, (out, &mut self.orders));
        }
        for (number, (rollout, plan)) in self.rollouts.iter_mut().zip(&self.plan.rollouts).enumerate() {
            let mut reach = Reach { number, plan, view: &view, desk: &self.desk, is_tick, journal, out };
            for (_, order) in self.orders.iter().filter(|(of, _)| *of == number) {
                rollout.order(*order, &mut reach);
            }
            rollout.handle(&mut reach);
        }
        self.orders.clear();
        if is_tick {
            self.probe(now, out);
        }
    }

    /// Takes a judgement of an answer.
    pub fn on_judged(&mut self, evaluation: usize, is_bad: bool) {
        for (alert, detector) in self.plan.alerts.iter().zip(&mut self.detectors) {
            detector.judge(evaluation, is_bad, &alert.rule);
        }
    }

    /// Takes the output tokens of a model's reply.
    pub fn on_reply(&mut self, mock: usize, tokens: u32) {
        if !self.has_token_charts {
            return;
        }
        for (alert, detector) in self.plan.alerts.iter().zip(&mut self.detectors) {
            detector.reply(mock, tokens, &alert.rule);
        }
    }

    /// Takes the result of a probe.
    pub fn on_probe(&mut self, now: Time, mock: usize, is_ok: bool) {
        let probes = &mut self.desk.probes[mock];
        probes.answering_since = is_ok.then(|| probes.answering_since.unwrap_or(now));
        probes.is_out = false;
    }

    /// Returns whether any alert fires.
    pub fn firing(&self) -> impl Iterator<Item = usize> {
        self.alerts.iter().enumerate().filter(|(_, state)| state.is_firing()).map(|(index, _)| index)
    }

    /// Returns the runbooks whose incident is not closed.
    pub fn open_incidents(&self) -> impl Iterator<Item = usize> {
        self.incidents.iter().enumerate().filter(|(_, incident)| incident.is_open()).map(|(index, _)| index)
    }

    /// Returns the rollouts that are neither done nor taken back, and the share of the new version.
    pub fn half_done(&self) -> impl Iterator<Item = (usize, Ratio)> {
        let rollouts = self.rollouts.iter().enumerate();
        rollouts.filter_map(|(index, rollout)| rollout.half_done().map(|share| (index, share)))
    }

    fn evaluate(&mut self, now: Time, telemetry: &Telemetry, journal: &mut Journal) {
        for (index, (alert, state)) in self.plan.alerts.iter().zip(&mut self.alerts).enumerate() {
            if !now.0.is_multiple_of(alert.every.0) {
                continue;
            }
            let is_true = match &alert.rule {
                Rule::Cusum { .. } | Rule::CusumTokens { .. } | Rule::PageHinkley { .. } => {
                    self.detectors[index].is_signalling()
                }
                Rule::Rollback(rollout) => self.rollouts[*rollout].is_returning(),
                Rule::Compare(plan) => self.detectors[index].compare(plan, telemetry, &self.windows),
                Rule::Burn { .. }
                | Rule::BadShare { .. }
                | Rule::Backlog(_)
                | Rule::CallErrors { .. }
                | Rule::Spend { .. }
                | Rule::Judged { .. }
                | Rule::Replies { .. }
                | Rule::Tokens { .. }
                | Rule::Caught { .. }
                | Rule::Denials { .. }
                | Rule::Audit(_)
                | Rule::Absence { .. } => is_true(&alert.rule, now, telemetry, &self.windows),
            };
            self.conditions[index] = is_true;
            if self.is_told {
                if state.is_firing() {
                    self.desk.last_fired[index] = Some(now);
                }
                continue;
            }
            let was_firing = state.is_firing();
            state.evaluate(now, is_true, alert);
            if state.is_firing() {
                self.desk.last_fired[index] = Some(now);
            }
            if was_firing != state.is_firing() {
                let event = if was_firing { Event::AlertResolved(index) } else { Event::AlertFiring(index) };
                journal.push(now, event);
            }
            self.deliveries[index].on_state(now, state.is_firing(), alert);
        }
    }

    fn deliver(&mut self, now: Time, telemetry: &Telemetry, journal: &mut Journal) {
        if self.is_told {
            return;
        }
        for (index, alert) in self.plan.alerts.iter().enumerate() {
            let is_inhibited = alert.inhibited_by.iter().any(|other| self.alerts[*other].is_firing());
            let sent = self.deliveries[index].flush(now, is_inhibited, alert);
            match sent {
                None => {}
                Some(delivery::Sent::Resolved) => journal.push(now, Event::ResolvedNotified(index)),
                Some(sent @ (delivery::Sent::Firing | delivery::Sent::FiringStill)) => {
                    journal.push(now, Event::Notified(index));
                    let is_news = sent == delivery::Sent::Firing;
                    self.open((now, is_news), alert, telemetry, journal);
                }
            }
        }
    }

    /// Opens the incident of an alert; one that is open already is taken up again at the news that
    /// something fires anew.
    fn open(
        &mut self,
        (now, is_news): (Time, bool),
        alert: &AlertPlan,
        telemetry: &Telemetry,
        journal: &mut Journal,
    ) {
        let Some(runbook) = alert.runbook else { return };
        if self.incidents[runbook].is_open() {
            if is_news {
                self.incidents[runbook].recall(&self.plan.runbooks[runbook]);
            }
            return;
        }
        let recent = |mock| self.windows.calls_since(mock, diagnose::LOOK_BACK, telemetry);
        let before = (0..self.plan.mocks.len()).map(recent).collect();
        self.incidents[runbook].open(runbook, now, (self.plan, &self.desk), (before, journal));
    }

    /// Asks for a probe of every mock that somebody waits for.
    fn probe(&mut self, now: Time, out: &mut Vec<Order>) {
        for mock in 0..self.plan.mocks.len() {
            let mut incidents = self.incidents.iter().zip(&self.plan.runbooks);
            let mut gates = self.rollouts.iter().zip(&self.plan.rollouts);
            // A gate waits for what is probed as a step does.
            let at_gate = gates.any(|(rollout, plan)| rollout.awaits_answer(mock, plan));
            let is_awaited =
                at_gate || incidents.any(|(incident, runbook)| incident.awaits_answer(mock, runbook));
            let probes = &mut self.desk.probes[mock];
            if !is_awaited {
                // What was seen before nobody looked says nothing about later.
                probes.answering_since = None;
            } else if !probes.is_out && now.since(probes.sent) >= PROBE_EVERY {
                (probes.is_out, probes.sent) = (true, now);
                out.push(Order::Probe(mock as u8));
            }
        }
    }
}

/// Returns how often the control plane looks: the greatest interval that divides every window (very long
/// ones, nearly) and every evaluation interval, so that each is exactly as long as it says.
pub fn tick(plan: &Plan) -> Span {
    let spans = watched(plan).into_iter().map(|(_, span)| span);
    let spans = spans.chain(plan.alerts.iter().map(|alert| alert.every));
    Span::from_secs(spans.map(|span| span.0.div_ceil(Span::from_secs(1).0)).fold(15, gcd))
}

/// Returns what alerts, runbooks and gates look at.
fn watched(plan: &Plan) -> Vec<(Source, Span)> {
    let mut watched: Vec<_> = plan.alerts.iter().flat_map(|alert| watched_by_rule(&alert.rule)).collect();
    for runbook in &plan.runbooks {
        watched.extend(runbook.recovery.iter().filter_map(watched_by_check));
        for step in &runbook.steps {
            let checks = step.when.iter().chain(&step.only_if).chain(&step.expect);
            watched.extend(checks.filter_map(watched_by_check));
        }
    }
    for step in plan.rollouts.iter().flat_map(|rollout| &rollout.steps) {
        if let RolloutStep::Gate(_, when) = step {
            watched.extend(when.iter().filter_map(watched_by_check));
        }
    }
    watched
}

fn gcd(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { gcd(right, left % right) }
}

fn watched_by_rule(rule: &Rule) -> Vec<(Source, Span)> {
    match *rule {
        Rule::Burn { slo, long, short, .. } => vec![(Source::Slo(slo), long), (Source::Slo(slo), short)],
        Rule::BadShare { slo, line } => vec![(Source::Slo(slo), line.over)],
        Rule::Absence { slo, over } => vec![(Source::Slo(slo), over)],
        Rule::CallErrors { mock, line } | Rule::Denials { mock, line } => {
            vec![(Source::Calls(mock), line.over)]
        }
        Rule::Spend { over, .. } => vec![(Source::Spend, over)],
        Rule::Judged { evaluation, line } => vec![(Source::Judged(evaluation), line.over)],
        Rule::Tokens { mock, over, .. } => vec![(Source::Replies(mock), over)],
        Rule::Replies { mock, line, .. } | Rule::Caught { mock, line } => {
            vec![(Source::Replies(mock), line.over)]
        }
        Rule::Compare(plan) => vec![(Source::JudgedOf(plan.evaluation, plan.model), plan.over)],
        Rule::Backlog(_)
        | Rule::Cusum { .. }
        | Rule::CusumTokens { .. }
        | Rule::PageHinkley { .. }
        | Rule::Audit(_)
        | Rule::Rollback(_) => Vec::new(),
    }
}

fn watched_by_check(check: &Check) -> Option<(Source, Span)> {
    match *check {
        Check::Holds(slo, span) => Some((Source::Slo(slo), span)),
        Check::ErrorsBelow(mock, _, span) => Some((Source::Calls(mock), span)),
        Check::BacklogFalling(span) => Some((Source::Backlog, span)),
        Check::BadBelow(evaluation, _, span) => Some((Source::Judged(evaluation), span)),
        Check::SpendBelow(_, span) => Some((Source::Spend, span)),
        Check::CaughtBelow(mock, _, span) => Some((Source::Replies(mock), span)),
        Check::BacklogBelow(_)
        | Check::Answers(..)
        | Check::AsDeclared(_)
        | Check::IsBack(_)
        | Check::Quiet(..) => None,
    }
}

/// Returns whether a rule's condition holds.
fn is_true(rule: &Rule, now: Time, telemetry: &Telemetry, windows: &Windows) -> bool {
    match *rule {
        Rule::Burn { slo, long, short, factor } => {
            let line = windows.goal(slo).complement();
            [long, short].into_iter().all(|span| {
                let (bad, all) = windows.tasks_with_history(slo, span, telemetry);
                line.is_exceeded(bad, all, factor)
            })
        }
        Rule::BadShare { slo, line } => {
            let (bad, all) = windows.tasks_with_history(slo, line.over, telemetry);
            line.is_crossed(bad, all)
        }
        Rule::Backlog(above) => telemetry.in_flight > above,
        Rule::CallErrors { mock, line } => {
            let calls = windows.calls(mock, line.over, telemetry);
            line.is_crossed(calls.failed, calls.ended)
        }
        Rule::Spend { per_minute, over } => {
            let span = over.seconds().min(now.seconds()).max(1.0);
            windows.spent(over, telemetry) as f64 / span * 60.0 > per_minute.0 as f64
        }
        Rule::Judged { evaluation, line } => {
            let (bad, all) = windows.judged(evaluation, line.over, telemetry);
            line.is_crossed(bad, all)
        }
        Rule::Replies { mock, is_refusal, line } => {
            let replies = windows.replies(mock, line.over, telemetry);
            let bad = if is_refusal { replies.refused } else { replies.malformed };
            line.is_crossed(bad, replies.all)
        }
        Rule::Tokens { mock, above, over } => {
            let replies = windows.replies(mock, over, telemetry);
            replies.tokens > above.saturating_mul(replies.all)
        }
        Rule::Caught { mock, line } => {
            let replies = windows.replies(mock, line.over, telemetry);
            line.is_crossed(replies.caught, replies.all)
        }
        Rule::Denials { mock, line } => {
            let calls = windows.calls(mock, line.over, telemetry);
            line.is_crossed(calls.denied, calls.ended)
        }
        Rule::Audit(mock) => telemetry.differs[mock],
        // These keep a state of their own.
        Rule::Cusum { .. }
        | Rule::CusumTokens { .. }
        | Rule::PageHinkley { .. }
        | Rule::Compare(_)
        | Rule::Rollback(_) => false,
        Rule::Absence { slo, over } => {
            let (_, all) = windows.tasks(slo, over, telemetry);
            now >= Time::ZERO + over && all == 0
        }
    }
}
