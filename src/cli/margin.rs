//! `stormdrill margin`.

use std::io;
use std::process::ExitCode;

use crate::cli::{BAD_INPUT, Format, MarginArguments, output, problems};
use crate::files::{self, Folders};
use crate::plan::Plan;
use crate::report::margins::{MarginResult, MarginsResult, human};
use crate::report::result::SCHEMA_VERSION;
use crate::scenario::edit;
use crate::study::Seeds;
use crate::study::margin::{Draft, NoMargin, of_dose, of_late_people};
use crate::study::scale::{self, Scale};

/// How many doses of the first of two faults are tried.
const FRONTIER: usize = 6;

pub(super) fn margin(arguments: &MarginArguments) -> Result<ExitCode, io::Error> {
    let Some((path, scenario)) = problems::load_only(&arguments.path) else {
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let text = files::text(&path).map_err(io::Error::other)?.text;
    let folders = Folders::of(&path);
    let draft = Draft { path: &scenario.path, text, library: &folders };
    let margins = match found(arguments, &draft) {
        Ok(margins) => margins,
        Err(why) => {
            anstream::eprintln!("error[no-margin]: {why}");
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let targets = Plan::of(&scenario).targets;
    let result = MarginsResult {
        schema_version: SCHEMA_VERSION,
        scenario: scenario.path.clone(),
        seeds: arguments.study.seeds,
        required: targets.required.real(),
        confidence: targets.confidence.real(),
        margins,
    };
    let text = match arguments.study.format {
        Format::Human => human(&result),
        Format::Json => output::json(&result)?,
    };
    output::print(&text, arguments.study.output.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

fn found(arguments: &MarginArguments, draft: &Draft<'_>) -> Result<Vec<MarginResult>, String> {
    let seeds = arguments.study.seeds();
    let range = arguments.from.as_deref().zip(arguments.to.as_deref());
    let scale = |fault: &str| scale::of_fault(&draft.text, fault, arguments.dose.as_deref(), range);
    let of = |scale: &Scale, others: &[(&str, &str)]| {
        let margin = of_dose(draft, others, scale, seeds);
        margin.map(|margin| MarginResult::of(&margin, others)).map_err(|why: NoMargin| why.to_string())
    };
    if let [first, second] = arguments.fault.as_slice() {
        let first = scale::of_fault(&draft.text, first, None, None)?;
        let second = scale(second)?;
        let last = first.levels.len() - 1;
        let doses = (0..FRONTIER).map(|step| &first.levels[last * step / (FRONTIER - 1)]);
        let mut margins: Vec<MarginResult> =
            doses.map(|dose| of(&second, &[(&first.path, dose)])).collect::<Result<_, _>>()?;
        margins.extend(late_people(draft, arguments.late_people, seeds)?);
        return Ok(margins);
    }
    let every = edit::names(&draft.text, "fault");
    if every.is_empty() {
        return Err("there is no `[[fault]]`, so nothing can be made harsher".into());
    }
    let faults = match arguments.fault.as_slice() {
        [] if arguments.late_people => &[],
        [] => every.as_slice(),
        some => some,
    };
    let mut margins = Vec::new();
    for fault in faults {
        margins.push(of(&scale(fault)?, &[])?);
    }
    let has_people = !edit::names(&draft.text, "roster").is_empty();
    let is_asked = arguments.late_people || (arguments.fault.is_empty() && has_people);
    margins.extend(late_people(draft, is_asked, seeds)?);
    Ok(margins)
}

/// Returns how much later people may come, if that is asked.
fn late_people(draft: &Draft<'_>, is_asked: bool, seeds: Seeds) -> Result<Option<MarginResult>, String> {
    if !is_asked {
        return Ok(None);
    }
    let margin = of_late_people(draft, seeds).map_err(|why| why.to_string())?;
    Ok(Some(MarginResult::of(&margin, &[])))
}
