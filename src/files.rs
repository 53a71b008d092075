//! Reading scenario and mock files from disk, with limits; the only floor below the command line
//! that touches files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::scenario::limits::FILE_BYTES_MAX;
use crate::scenario::problem::{Code, Problem};
use crate::scenario::source::{Place, Source};
use crate::scenario::{Library, Loaded, load_text, served};

/// Folders in which mocks and runbooks are looked for; the first that has a name wins.
#[derive(Debug, Clone)]
pub struct Folders {
    mocks: Vec<PathBuf>,
    runbooks: Vec<PathBuf>,
}

impl Folders {
    /// Returns the folders in which a scenario's files are looked for: `mocks/` and `runbooks/`
    /// beside it, and beside its folder.
    pub fn of(scenario: &Path) -> Self {
        let folder = scenario.parent().unwrap_or(Path::new(""));
        let above = match folder.file_name() {
            Some(_) => folder.parent().unwrap_or(Path::new("")).to_owned(),
            None => folder.join(".."),
        };
        let both = |name: &str| vec![folder.join(name), above.join(name)];
        Self { mocks: both("mocks"), runbooks: both("runbooks") }
    }
}

impl Library for Folders {
    fn mock(&self, name: &str) -> Result<Option<Source>, String> {
        find(&self.mocks, &format!("{name}.toml"))
    }

    fn runbook(&self, name: &str) -> Result<Option<Source>, String> {
        find(&self.runbooks, name)
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for entry in self.mocks.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten()
        {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        names.sort();
        names.dedup();
        names
    }
}

/// Returns the file of a name in the first folder that has it.
fn find(folders: &[PathBuf], name: &str) -> Result<Option<Source>, String> {
    for folder in folders {
        let path = folder.join(name);
        if path.exists() {
            is_inside(&path, folder)?;
            let text = read(&path)?;
            return Ok(Some(Source { path: shown(&path), text }));
        }
    }
    Ok(None)
}

/// Reads a text file as it is.
pub fn text(path: &Path) -> Result<Source, String> {
    Ok(Source { path: shown(path), text: read(path)? })
}

/// Loads a scenario file with the mocks it uses.
pub fn load(path: &Path) -> Loaded {
    match read(path) {
        Ok(text) => {
            let mut loaded = load_text(&shown(path), &text, &Folders::of(path));
            if let (Some(scenario), Ok(real)) = (&mut loaded.scenario, path.canonicalize()) {
                // The same file has the same name from whichever folder it is named.
                scenario.path = crate::scenario::load::short_path(&shown(&real));
            }
            loaded
        }
        Err(why) => {
            let place = Place { source: 0, start: 0, end: 0 };
            let problem = Problem::error(Code::Unreadable, place, format!("cannot read this file: {why}"));
            let source = Source { path: shown(path), text: String::new() };
            Loaded { scenario: None, problems: vec![problem], sources: vec![source] }
        }
    }
}

/// Loads what is served: a scenario, a mock's file, a file of mocks and faults, or a folder of mock files.
pub fn load_served(path: &Path) -> Loaded {
    if path.is_dir() {
        let folders = Folders { mocks: vec![path.to_owned()], runbooks: Vec::new() };
        let uses: Vec<String> =
            folders.names().iter().map(|name| format!("{0} = {0}\n", serde_json::json!(name))).collect();
        let text = format!("version = 1\n[mocks]\n{}", uses.concat());
        return served::load(&format!("{}/", shown(path)), &text, &folders);
    }
    match read(path) {
        Ok(text) => served::load(&shown(path), &text, &Folders::of(path)),
        Err(_) => load(path),
    }
}

/// Reads a file that stands beside the mocks of `path`, by a name without folders.
pub fn beside(path: &Path, name: &str) -> Result<String, String> {
    let folders = if path.is_dir() { vec![path.to_owned()] } else { Folders::of(path).mocks };
    let own =
        path.parent().map(|own| if own.as_os_str().is_empty() { PathBuf::from(".") } else { own.to_owned() });
    let found = find(&folders.into_iter().chain(own).collect::<Vec<_>>(), name)?;
    found.map(|source| source.text).ok_or_else(|| format!("no file `{name}` beside the mocks"))
}

/// Returns the scenario files that a path means: itself, or every `.toml` file of a folder, by name.
pub fn scenarios(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return if path.exists() {
            Ok(vec![path.into()])
        } else {
            Err(format!("`{}` is not there", path.display()))
        };
    }
    let entries =
        std::fs::read_dir(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("`{}` has no scenario files (*.toml)", path.display()));
    }
    Ok(files)
}

/// Says why a mock file may not be read if it is a link that leads out of its folder: its lines would
/// be shown in messages.
fn is_inside(path: &Path, folder: &Path) -> Result<(), String> {
    let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    if real(path)?.starts_with(real(folder)?) { Ok(()) } else { Err("it leads out of its folder".into()) }
}

/// Reads a text file that is a regular one and not too large.
fn read(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is larger than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 ({error})"))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
