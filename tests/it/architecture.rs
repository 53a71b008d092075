//! The floors: a module imports only what stands below it, and files stay small.

use std::path::{Path, PathBuf};

/// From the ground up; a module may use those before it.
const FLOORS: [&str; 18] = [
    "base", "scenario", "plan", "record", "model", "guard", "ops", "wire", "engine", "grade", "study",
    "report", "files", "live", "gameday", "terminal", "drill", "cli",
];

/// What may not be used although it stands below: guardrails and the control plane do not see the
/// faults, and grading does not know which clock made a record.
const BANS: [(&str, &str); 9] = [
    // The two clocks know nothing of each other, nor does what has neither know of either.
    ("live", "engine"),
    ("live", "files"),
    ("engine", "wire"),
    ("guard", "model"),
    ("guard", "record"),
    ("ops", "guard"),
    ("grade", "engine"),
    ("grade", "ops"),
    ("files", "engine"),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the modules that a text uses, by `crate::NAME`.
fn uses(text: &str) -> Vec<&str> {
    let names = text.split("crate::").skip(1);
    names
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .filter(|name| FLOORS.contains(name))
        .collect()
}

/// Returns what is wrong with the imports of a module.
fn faults(module: &str, text: &str) -> Vec<String> {
    let floor = |name: &str| FLOORS.iter().position(|floor| *floor == name).unwrap();
    let mut found = Vec::new();
    for used in uses(text) {
        if floor(used) > floor(module) {
            found.push(format!("`{module}` uses `{used}`, which stands above it"));
        }
        if BANS.contains(&(module, used)) {
            found.push(format!("`{module}` may not know `{used}`"));
        }
    }
    found
}

#[test]
fn imports_point_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    assert!(files.len() > 60, "the sources were found");
    for file in files {
        let relative = file.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
        let module = relative.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let found = faults(module, &std::fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{relative}: {found:?}");
    }
}

#[test]
fn an_import_that_points_up_is_found() {
    assert_eq!(faults("model", "use crate::engine::rehearse;").len(), 1);
    assert_eq!(faults("guard", "use crate::model::Quota;").len(), 1);
    assert!(faults("engine", "use crate::model::{Quota, Dose};").is_empty());
}

#[test]
fn files_stay_under_five_hundred_lines() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}
