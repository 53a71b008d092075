//! Checks of rollouts: by steps, with a way back, and with an automatic stop-loss.

use crate::base::{Ratio, Span};
use crate::scenario::check::actions::stand_in;
use crate::scenario::check::controls::condition;
use crate::scenario::check::evaluations::is_model;
use crate::scenario::check::{Checked, count_within, refer_to, share, within};
use crate::scenario::decode::Decode;
use crate::scenario::file::rollouts::{Analysis, Rollout, RolloutStep};
use crate::scenario::limits::DURATION_MAX;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};
use crate::scenario::without::everything;

pub(super) fn check(checked: &Checked<'_>, sink: &mut Sink) {
    for at in checked.file.rollout.0.values() {
        let rollout = &at.value;
        stand_in(checked, &rollout.mock, &rollout.to, sink);
        within(&rollout.start, Span::ZERO, DURATION_MAX, sink);
        if let (Some(start), Some(baseline)) = (rollout.start.known(), checked.file.baseline.known())
            && start < baseline
        {
            let message = format!("this rollout begins before the baseline of {baseline} is over");
            sink.push(Problem::error(Code::Contradiction, rollout.start.place, message));
        }
        for step in &rollout.steps {
            self::step(checked, rollout, step, sink);
        }
        tests(checked, rollout, sink);
        house(rollout, at.place, sink);
    }
    let same = |left: &At<Rollout>, right: &At<Rollout>| left.value.mock == right.value.mock;
    let rollouts: Vec<_> = checked.file.rollout.0.values().collect();
    for (index, at) in rollouts.iter().enumerate() {
        if rollouts.iter().take(index).any(|other| same(other, at)) && !at.value.mock.is_hole() {
            let message = format!("another rollout replaces `{}` too", at.value.mock.value.0);
            sink.push(Problem::error(Code::Contradiction, at.value.mock.place, message));
        }
    }
    variants(checked, sink);
}

fn step(checked: &Checked<'_>, rollout: &Rollout, step: &RolloutStep, sink: &mut Sink) {
    match step {
        RolloutStep::SetWeight(weight) => share(weight, sink),
        RolloutStep::Pause(pause) => within(pause, Span::from_secs(1), DURATION_MAX, sink),
        RolloutStep::Gate(gate) => {
            refer_to(&gate.owner, "role", &checked.file.roster, sink);
            if let Some(when) = &gate.when {
                condition(checked, when, sink);
            }
        }
        RolloutStep::Analysis(analysis) => {
            self::analysis(checked, analysis, sink);
            is_model(checked, &rollout.to, sink);
        }
    }
}

fn analysis(checked: &Checked<'_>, analysis: &Analysis, sink: &mut Sink) {
    refer_to(&analysis.evaluation, "evaluation", &checked.file.evaluation, sink);
    share(&analysis.bad_above, sink);
    within(&analysis.interval, Span::from_secs(1), DURATION_MAX, sink);
    count_within(&analysis.count, 1, 10_000, sink);
    let never = At::<u64>::hole();
    count_within(analysis.judged_min.as_ref().unwrap_or(&never), 1, 1_000_000, sink);
}

fn tests(checked: &Checked<'_>, rollout: &Rollout, sink: &mut Sink) {
    if let Some(canary) = &rollout.canary {
        refer_to(&canary.evaluation, "evaluation", &checked.file.evaluation, sink);
        for ratio in [&canary.error, &canary.worse_by].into_iter().flatten() {
            let bounds = Ratio(1_000_000)..=Ratio::from_percent(50);
            if ratio.known().is_some_and(|ratio| !bounds.contains(ratio)) {
                sink.push(Problem::error(Code::OutOfRange, ratio.place, "this lies between 0.1% and 50%"));
            }
        }
        count_within(canary.judged_min.as_ref().unwrap_or(&At::hole()), 1, 1_000_000, sink);
    }
    if let Some(stop) = &rollout.stop_loss {
        refer_to(&stop.evaluation, "evaluation", &checked.file.evaluation, sink);
        count_within(&stop.bad, 1, 1_000_000, sink);
    }
    if let Some(watch) = &rollout.watch {
        within(watch, Span::ZERO, DURATION_MAX, sink);
    }
    if let Some(fails) = &rollout.rollback.fails
        && fails.known().is_some_and(|fails| *fails >= Ratio::ONE)
    {
        sink.push(Problem::error(Code::OutOfRange, fails.place, "a rollback that always fails is none"));
    }
}

/// Every rollout goes out by steps, ends at 100%, and has an automatic stop-loss.
fn house(rollout: &Rollout, place: Place, sink: &mut Sink) {
    let weights: Vec<&At<Ratio>> = rollout
        .steps
        .iter()
        .filter_map(|step| if let RolloutStep::SetWeight(weight) = step { Some(weight) } else { None })
        .collect();
    if let Some(at_once) = rollout.at_once.filter(|at| at.value) {
        let message = "a new version goes out by steps, not all at once";
        let problem = Problem::warning(Code::OneShotRollout, at_once.place, message);
        sink.push(problem.hint("it is run and graded as it is; remove `at_once` to go by the steps"));
    } else if let Some(first) = weights.first()
        && first.known().is_some_and(|weight| *weight >= Ratio::ONE)
    {
        let problem =
            Problem::error(Code::OneShotRollout, first.place, "the first step sends everything at once");
        sink.push(problem.hint("begin with a small `set-weight`, and look before going on"));
    }
    let is_rising = weights.windows(2).all(|pair| pair[0].value < pair[1].value);
    let is_whole = weights.last().is_some_and(|weight| weight.value == Ratio::ONE);
    if weights.iter().all(|weight| !weight.is_hole()) && !(is_rising && is_whole) {
        let place = weights.last().map_or(place, |weight| weight.place);
        let message = "the weights of a rollout rise step by step to 100%";
        sink.push(Problem::error(Code::Contradiction, place, message));
    }
    if rollout.canary.is_none() && rollout.stop_loss.is_none() {
        let message = "nothing stops this rollout by itself";
        let problem = Problem::error(Code::NoStopLoss, place, message);
        sink.push(problem.hint("add `canary` or `stop_loss`"));
    }
}

/// A variant switches off what is there.
fn variants(checked: &Checked<'_>, sink: &mut Sink) {
    let known = everything(checked.file);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for at in checked.file.variant.0.values() {
        for name in &at.value.without {
            let Some(word) = name.known() else { continue };
            if !known.contains(&word.0.as_str()) {
                let message = format!("nothing is called `{}`", word.0);
                let problem = Problem::error(Code::UnknownName, name.place, message);
                sink.push(problem.hint(crate::scenario::decode::suggest(&word.0, &known)));
            }
        }
        if at.value.without.is_empty() && !at.value.verdict.is_hole() {
            sink.push(Problem::error(Code::MissingKey, at.place, "this variant switches nothing off"));
        }
    }
}
