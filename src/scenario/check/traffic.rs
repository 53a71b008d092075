//! Checks of the load and of the shares that tasks are split by.

use crate::base::{Ratio, Span};
use crate::scenario::check::{Checked, count_within, share, tier, within};
use crate::scenario::decode::Decode;
use crate::scenario::file::load::{Arrivals, Load, Tier};
use crate::scenario::limits::{RATE_MAX, SLOTS_MAX, SPAN_MAX, TASKS_MAX};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::units::Rate;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    let load = &checked.file.load;
    rates(checked, sink);
    tiers(load, sink);
    shares(checked, sink);
    let never = At::<u64>::hole();
    count_within(load.tenants.as_ref().unwrap_or(&never), 1, SLOTS_MAX, sink);
    count_within(load.in_flight_max.as_ref().unwrap_or(&never), 1, SLOTS_MAX, sink);
    if let Some(diurnal) = &load.diurnal {
        share(&diurnal.swing, sink);
    }
}

/// Returns the rate at which tasks begin to arrive.
pub(super) fn first_rate(load: &Load) -> &At<Rate> {
    match &load.arrivals {
        Arrivals::Constant(rate) | Arrivals::Poisson(rate) => rate,
        Arrivals::Gamma(gamma) => &gamma.rate,
    }
}

fn rates(checked: &Checked<'_>, sink: &mut Sink) {
    let load = &checked.file.load;
    let first = first_rate(load);
    if first.known().is_some_and(|rate| rate.0 <= 0.0) {
        sink.push(Problem::error(Code::OutOfRange, first.place, "the first rate must be above zero"));
    }
    if let Arrivals::Gamma(gamma) = &load.arrivals {
        let bounds = Ratio::from_percent(1)..=Ratio::from_percent(1000);
        if gamma.variation.known().is_some_and(|ratio| !bounds.contains(ratio)) {
            let message = "the variation lies between 1% and 1000%";
            sink.push(Problem::error(Code::OutOfRange, gamma.variation.place, message));
        }
    }
    let mut last = Span::ZERO;
    let mut highest = first.value.0;
    for phase in &load.phase {
        let Some(at) = phase.at.known() else { continue };
        if *at < last {
            let message = "this phase begins before the one above it has got to its rate";
            sink.push(Problem::error(Code::Contradiction, phase.at.place, message));
        }
        last = *at + phase.ramp.as_ref().map_or(Span::ZERO, |ramp| ramp.value);
        highest = highest.max(phase.rate.value.0);
        let drill = checked.file.duration.known().copied().unwrap_or(SPAN_MAX);
        within(&phase.at, Span::ZERO, drill, sink);
    }
    let swing = load.diurnal.as_ref().map_or(0.0, |diurnal| diurnal.swing.value.real().min(1.0));
    highest *= 1.0 + swing;
    let expected = highest * checked.file.duration.value.seconds();
    if highest > RATE_MAX {
        sink.push(Problem::error(
            Code::Limit,
            first.place,
            format!("at most {RATE_MAX} tasks a second may arrive"),
        ));
    } else if expected > TASKS_MAX && !checked.file.duration.is_hole() {
        let message = format!("about {expected:.0} tasks would arrive; at most {TASKS_MAX} may");
        let problem = Problem::error(Code::Limit, checked.file.duration.place, message);
        sink.push(problem.hint("shorten the drill or lower the rate"));
    }
}

fn tiers(load: &Load, sink: &mut Sink) {
    let mut sum = 0;
    let mut is_known = true;
    let mut place = Place::NOWHERE;
    for (name, at) in &load.tiers.0 {
        tier(name, at.place, sink);
        share(&at.value, sink);
        is_known &= !at.value.is_hole();
        sum += at.value.value.0;
        place = at.place;
    }
    if load.tiers.0.is_empty() {
        if !first_rate(load).is_hole() {
            let message = "the tiers of the tasks are missing";
            let problem = Problem::error(Code::MissingKey, first_rate(load).place, message);
            sink.push(problem.hint("add `tiers = { standard = \"100%\" }`"));
        }
    } else if is_known && sum != Ratio::ONE.0 {
        let message = format!("the tiers add up to {}, not 100%", Ratio(sum));
        sink.push(Problem::error(Code::Contradiction, place, message));
    }
}

fn shares(checked: &Checked<'_>, sink: &mut Sink) {
    let agents = &checked.file.agents;
    let (mut sum, mut place, mut is_known) = (0, Place::NOWHERE, true);
    for at in agents.0.values() {
        place = at.place;
        let given = at.value.share.as_ref();
        is_known &= given.is_none_or(|share| !share.is_hole());
        sum += given.map_or(Ratio::ONE.0, |share| share.value.0);
        if let Some(given) = given {
            share(given, sink);
        }
        let never = At::<u64>::hole();
        count_within(at.value.instances.as_ref().unwrap_or(&never), 1, SLOTS_MAX, sink);
    }
    if agents.0.is_empty() {
        let here = Place { source: 0, start: 0, end: 0 };
        sink.push(Problem::error(Code::MissingKey, here, "no agent is there to work the tasks"));
    } else if is_known && sum != Ratio::ONE.0 {
        let message = format!("the shares of the agents add up to {}, not 100%", Ratio(sum));
        let problem = Problem::error(Code::Contradiction, place, message);
        sink.push(
            problem
                .hint("the share defaults to 100%; an agent that only gets hand-overs has `share = \"0%\"`"),
        );
    }
}

/// Returns whether the rate and the shares of the tiers are known, so that traffic can be reckoned with.
pub(super) fn is_known(load: &Load) -> bool {
    let is_tier = |name: &String| Tier::ALL.iter().any(|tier| tier.word() == name);
    let are_known = load.tiers.0.iter().all(|(name, at)| is_tier(name) && !at.value.is_hole());
    !first_rate(load).is_hole() && are_known && !load.tiers.0.is_empty()
}

/// Returns the share of a tier; zero if none is stated.
pub(super) fn tier_share(load: &Load, tier: Tier) -> f64 {
    load.tiers.get(tier.word()).map_or(0.0, |share| share.value.real())
}
