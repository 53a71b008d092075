//! Loading: parse, decode, gather the mocks, check. Pure: whoever calls says what the files hold.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use crate::scenario::check;
use crate::scenario::decode::{Decode, Fields, Node, suggest};
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::mocks::Mock;
use crate::scenario::file::runbooks::RunbookUse;
use crate::scenario::limits::{FILE_BYTES_MAX, NAMED_MAX};
use crate::scenario::markdown;
use crate::scenario::problem::{Code, Problem, Severity, Sink};
use crate::scenario::source::{Place, Source};

/// A checked scenario. One that exists is right: later floors validate nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The folder and name of its file, such as `scenarios/backlog.toml`.
    pub path: String,
    /// The SHA-256 of its file and of the mock files it uses, in hexadecimal.
    pub digest: String,
    /// What the file says.
    pub file: ScenarioFile,
    /// The mocks, with their overrides applied, by the scenario's name for them.
    pub mocks: BTreeMap<String, Mock>,
    /// The texts that its values were read from; the first is the scenario's.
    pub sources: Vec<Source>,
}

impl Scenario {
    /// Returns the line at which something was written, from 1.
    pub fn line(&self, place: Place) -> usize {
        let source = self.sources.get(usize::from(place.source));
        source.map_or(1, |source| source.line_and_column(place.start).0)
    }

    /// Returns the text from one place up to another, or to the end of its source.
    pub fn written(&self, from: Place, until: Option<Place>) -> &str {
        let Some(source) = self.sources.get(usize::from(from.source)) else { return "" };
        let until = until.map_or(source.text.len(), |until| until.start as usize);
        source.text.get(from.start as usize..until).unwrap_or_default()
    }
}

/// What came of loading: a scenario unless there are errors, and every problem found.
#[derive(Debug)]
pub struct Loaded {
    /// The scenario, if nothing is wrong with it.
    pub scenario: Option<Scenario>,
    /// Every problem, in order of place.
    pub problems: Vec<Problem>,
    /// The texts that the problems point into; the first is the scenario's.
    pub sources: Vec<Source>,
}

/// Answers with the text of a mock file or a runbook's page, or with all names there are.
pub trait Library {
    /// Returns the file of a mock, nothing if there is none of that name, or why it cannot be read.
    fn mock(&self, name: &str) -> Result<Option<Source>, String>;
    /// Returns the page of a runbook; its name ends in `.md`.
    fn runbook(&self, name: &str) -> Result<Option<Source>, String>;
    /// Returns the names of all mock files.
    fn names(&self) -> Vec<String>;
}

/// Files held in memory: mocks by name, runbooks by name with their `.md`.
impl Library for BTreeMap<String, String> {
    fn mock(&self, name: &str) -> Result<Option<Source>, String> {
        let source = |text: &String| Source { path: format!("mocks/{name}.toml"), text: text.clone() };
        Ok(self.get(name).map(source))
    }

    fn runbook(&self, name: &str) -> Result<Option<Source>, String> {
        let source = |text: &String| Source { path: format!("runbooks/{name}"), text: text.clone() };
        Ok(self.get(name).map(source))
    }

    fn names(&self) -> Vec<String> {
        // A mock's name has no dot.
        self.keys().filter(|name| !name.contains('.')).cloned().collect()
    }
}

/// Loads a scenario from its text.
pub fn load_text(path: &str, text: &str, library: &dyn Library) -> Loaded {
    let mut sink = Sink::default();
    let mut sources = vec![Source { path: path.to_owned(), text: text.to_owned() }];
    let root_place = Place { source: 0, start: 0, end: 0 };
    if text.len() as u64 > FILE_BYTES_MAX {
        let message = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        sink.push(Problem::error(Code::Limit, root_place, message));
        return Loaded { scenario: None, problems: sink.problems, sources };
    }
    let root = parse(text, 0, &mut sink);
    let is_broken = !sink.problems.is_empty();
    if root.get("kind").is_some() && root.get("version").is_none() {
        let problem = Problem::error(Code::WrongType, root_place, "this is a mock file, not a scenario");
        sink.push(problem.hint("check the scenarios that use it"));
        return Loaded { scenario: None, problems: sink.problems, sources };
    }
    let node = Node { value: &root, place: root_place };
    let mut file = ScenarioFile::decode(node, &mut sink);
    let mocks = mocks(node, &mut sources, library, &mut sink);
    runbooks(node, (&mut file, &mut sources), library, &mut sink);
    check::check(&file, &mocks, &mut sink);
    if is_broken {
        // After a syntax error much seems to be missing that is only unread.
        sink.problems.retain(|problem| {
            !matches!(problem.code, Code::MissingKey | Code::UnknownName | Code::UnstatedTarget)
        });
    }
    finished(path, (file, mocks), sources, sink)
}

/// Returns what came of loading: the problems in order, and the scenario if none is an error.
pub(crate) fn finished(
    path: &str,
    (file, mocks): (ScenarioFile, BTreeMap<String, Mock>),
    sources: Vec<Source>,
    mut sink: Sink,
) -> Loaded {
    sink.problems.sort_by_key(|problem| (problem.place, problem.severity, problem.code));
    sink.problems.dedup();
    let has_errors = sink.problems.iter().any(|problem| problem.severity == Severity::Error);
    let scenario = (!has_errors).then(|| Scenario {
        path: short_path(path),
        digest: digest(&sources),
        file,
        mocks,
        sources: sources.clone(),
    });
    Loaded { scenario, problems: sink.problems, sources }
}

/// Parses TOML; reports what is wrong and returns what could be read.
pub(crate) fn parse<'a>(text: &'a str, source: u16, sink: &mut Sink) -> DeValue<'a> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let place = Place { source, start: span.start as u32, end: span.end as u32 };
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        sink.push(Problem::error(Code::Syntax, place, message));
    }
    DeValue::Table(table.into_inner())
}

/// Decodes every mock from its file and the scenario's overrides.
pub(crate) fn mocks(
    root: Node<'_>,
    sources: &mut Vec<Source>,
    library: &dyn Library,
    sink: &mut Sink,
) -> BTreeMap<String, Mock> {
    let mut decoded = BTreeMap::new();
    let Some(table) = root.value.get("mocks").and_then(|mocks| mocks.get_ref().as_table()) else {
        return decoded;
    };
    for (key, value) in table.iter().take(NAMED_MAX + 1) {
        let name = key.get_ref().to_string();
        let node = root.child(value);
        if !node.value.is_str() && !node.value.is_table() {
            decoded.insert(name, Mock::hole());
            continue;
        }
        let mut overrides = match node.value.as_table() {
            Some(table) => Fields::of(table, node.place),
            None => Fields::of(EMPTY.get_or_init(DeTable::new), node.place),
        };
        let used = if node.value.is_str() { Some(node) } else { overrides.take("use").map(|(_, used)| used) };
        let Some(used) = used else {
            decoded.insert(name, Mock::from_fields(overrides, sink));
            continue;
        };
        let file_name = used.value.as_str().unwrap_or_default();
        let Some(source) = find(file_name, used.place, library, sink) else {
            decoded.insert(name, Mock::hole());
            continue;
        };
        let known = sources.iter().position(|known| known.path == source.path);
        let index = known.unwrap_or_else(|| {
            sources.push(source.clone());
            sources.len() - 1
        }) as u16;
        let file_root = parse(&source.text, index, sink);
        let file_place = Place { source: index, start: 0, end: 0 };
        let mut fields = Node { value: &file_root, place: file_place }.fields("a mock", sink);
        fields.lay_over(overrides);
        decoded.insert(name, Mock::from_fields(fields, sink));
    }
    decoded
}

/// Reads the page of every runbook that is named and not written in place.
fn runbooks(
    root: Node<'_>,
    (file, sources): (&mut ScenarioFile, &mut Vec<Source>),
    library: &dyn Library,
    sink: &mut Sink,
) {
    let Some(table) = root.value.get("runbook").and_then(|all| all.get_ref().as_table()) else { return };
    for (key, value) in table.iter().take(NAMED_MAX + 1) {
        let node = root.child(value);
        let Some(name) = node.value.as_str() else { continue };
        let is_name = name.strip_suffix(".md").is_some_and(|stem| crate::scenario::units::name(stem).is_ok());
        let found = if is_name { library.runbook(name) } else { Ok(None) };
        let source = match found {
            Ok(Some(source)) => source,
            Ok(None) => {
                let problem =
                    Problem::error(Code::UnknownName, node.place, format!("no file `runbooks/{name}`"));
                sink.push(problem.hint("a page is named like \"degrade-search.md\""));
                continue;
            }
            Err(why) => {
                let message = format!("cannot read runbook `{name}`: {why}");
                sink.push(Problem::error(Code::Unreadable, node.place, message));
                continue;
            }
        };
        sources.push(source);
        let index = sources.len() - 1;
        let page = markdown::page(&sources[index].text, index as u16, sink);
        if let (Some(at), Some(runbook)) = (file.runbook.0.get_mut(key.get_ref().as_ref()), page.runbook) {
            at.value = RunbookUse(runbook);
        }
    }
}

static EMPTY: std::sync::OnceLock<DeTable<'static>> = std::sync::OnceLock::new();

/// Returns the mock file of a name, or reports why there is none.
fn find(name: &str, place: Place, library: &dyn Library, sink: &mut Sink) -> Option<Source> {
    // A name that is not a plain word never reaches the file system.
    if crate::scenario::units::name(name).is_err() {
        return None;
    }
    let problem = match library.mock(name) {
        Ok(Some(source)) if source.text.len() as u64 > FILE_BYTES_MAX => {
            Problem::error(Code::Limit, place, format!("mock file `{name}` is too large"))
        }
        Ok(Some(source)) => return Some(source),
        Ok(None) => {
            let names = library.names();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("no file `mocks/{name}.toml`");
            Problem::error(Code::UnknownName, place, message).hint(suggest(name, &names))
        }
        Err(why) => Problem::error(Code::Unreadable, place, format!("cannot read mock `{name}`: {why}")),
    };
    sink.push(problem);
    None
}

/// Returns the last folder and the name of a path, so that the same file reads the same anywhere.
pub(crate) fn short_path(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    match parts.next() {
        Some(folder) if !matches!(folder, "" | "." | "..") => format!("{folder}/{file}"),
        Some(_) | None => file.to_owned(),
    }
}

fn digest(sources: &[Source]) -> String {
    let mut hasher = Sha256::new();
    let mut texts: Vec<&str> = sources.iter().skip(1).map(|source| source.text.as_str()).collect();
    texts.sort_unstable();
    for text in sources.iter().take(1).map(|source| source.text.as_str()).chain(texts) {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let hexadecimal =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    hasher.finalize().iter().flat_map(hexadecimal).collect()
}
