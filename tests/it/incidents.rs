//! Incidents that really happened: every preset can be run, has its shape, and is met in every part.

use stormdrill::engine::rehearse;
use stormdrill::plan::Plan;
use stormdrill::scenario::file::faults::incidents::Preset;

use crate::kinds::SYSTEM;
use crate::{plan, scenario, whole};

fn drill(preset: &str, minutes: u64) -> String {
    // Incidents of models and loops are on a model; the others could be on anything.
    let fault = format!(
        "[[fault]]\nid = \"it\"\non = \"model\"\nstart = \"6m\"\nduration = \"{minutes}m\"\ninject.incident = {{ preset = \"{preset}\" }}\n"
    );
    format!("{SYSTEM}{fault}")
}

#[test]
fn every_part_of_every_preset_is_met() {
    for preset in Preset::ALL {
        let text = drill(preset.word(), 9);
        let plan = plan(&text);
        assert_eq!(plan.faults.len(), preset.parts().len(), "{preset:?}");
        let run = rehearse(&plan, 3);
        for (fault, witness) in plan.faults.iter().zip(&run.witnesses) {
            assert!(witness.first.is_some(), "{preset:?}: {}", fault.id);
            assert!(witness.first >= Some(fault.start) && witness.decided < Some(fault.end), "{preset:?}");
        }
    }
}

/// 44 minutes, 39 without, and 15: cut to a tenth.
#[test]
fn an_incident_keeps_its_shape_when_it_is_cut() {
    let text = whole(&drill("openai-2024-08-16", 9).replace("duration = \"9m\"", "duration = \"9m48s\""));
    let plan = Plan::of(&scenario(&text));
    let times: Vec<_> = plan
        .faults
        .iter()
        .map(|fault| (fault.id.as_str(), fault.start.seconds() - 360.0, fault.end.seconds() - 360.0))
        .map(|(id, from, to)| (id, from.round() as i64, to.round() as i64))
        .collect();
    assert_eq!(times, [("it", 0, 264), ("it.2", 498, 588)]);
}
