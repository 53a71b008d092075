//! Mocks without a drill: a mock's file, or a file of mocks and faults, for any test suite.

use toml::de::DeValue;

use crate::scenario::check;
use crate::scenario::decode::{Decode, Named, Node};
use crate::scenario::file::ScenarioFile;
use crate::scenario::file::faults::Fault;
use crate::scenario::file::mocks::{Mock, MockUse};
use crate::scenario::load::{Library, Loaded, finished, load_text, mocks, parse};
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::record::record;
use crate::scenario::source::{At, Place, Source};
use crate::scenario::units::{Line, name};

record! {
    /// Mocks and faults for a test suite: no load, no agents, no targets.
    pub struct MockSet {
        /// The version of this format: 1.
        pub version: At<u64>,
        /// What it is for, in one line.
        pub title: Option<At<Line>>,
        /// The mocks: a name here, and the file in `mocks/` that describes it.
        pub mocks: Named<MockUse>,
        /// What goes wrong, and when, counted from the start of the servers.
        pub fault: Vec<Fault>,
    }
}

/// Loads what is served: a scenario, a mock's file, or a file of mocks and faults.
pub fn load(path: &str, text: &str, library: &dyn Library) -> Loaded {
    let place = Place { source: 0, start: 0, end: 0 };
    // Only a look at which kind of file it is: whatever is wrong is reported below.
    let root = parse(text, 0, &mut Sink::default());
    let has = |key: &str| root.get(key).is_some();
    if ["load", "agents", "targets", "duration"].into_iter().any(has) {
        return load_text(path, text, library);
    }
    let mut sink = Sink::default();
    let root = parse(text, 0, &mut sink);
    let mut sources = vec![Source { path: path.to_owned(), text: text.to_owned() }];
    let node = Node { value: &root, place };
    let mut file = ScenarioFile::hole();
    let found = if root.get("kind").is_some() && root.get("version").is_none() {
        one(path, node, &mut file, &mut sink)
    } else {
        let set = MockSet::decode(node, &mut sink);
        file.version = set.version;
        (file.mocks, file.fault) = (set.mocks, set.fault);
        mocks(node, &mut sources, library, &mut sink)
    };
    check::served(&file, &found, &mut sink);
    finished(path, (file, found), sources, sink)
}

/// Reads a mock's file: the mock is called as the file is.
fn one(
    path: &str,
    node: Node<'_>,
    file: &mut ScenarioFile,
    sink: &mut Sink,
) -> std::collections::BTreeMap<String, Mock> {
    let stem = path.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".toml");
    let mock = Mock::decode(node, sink);
    if let Err(message) = name(stem) {
        sink.push(Problem::error(Code::BadName, node.place, format!("`{stem}`: {message}")));
    }
    let used = MockUse { file: None, place: At { value: (), place: node.place } };
    file.mocks.0.insert(stem.to_owned(), At { value: used, place: node.place });
    [(stem.to_owned(), mock)].into()
}

/// Decodes a fault that is told to running mocks, from a TOML table.
pub fn fault(
    text: &str,
    file: &ScenarioFile,
    mocks: &std::collections::BTreeMap<String, Mock>,
) -> Result<Fault, Vec<String>> {
    let mut sink = Sink::default();
    let root: DeValue<'_> = parse(text, 0, &mut sink);
    let fault = Fault::decode(Node { value: &root, place: Place { source: 0, start: 0, end: 0 } }, &mut sink);
    let alone = ScenarioFile { fault: vec![fault.clone()], ..file.clone() };
    check::faults_alone(&alone, mocks, &mut sink);
    let messages: Vec<String> = sink
        .problems
        .iter()
        .map(|problem| {
            if problem.hint.is_empty() {
                problem.message.clone()
            } else {
                format!("{} ({})", problem.message, problem.hint)
            }
        })
        .collect();
    if messages.is_empty() { Ok(fault) } else { Err(messages) }
}
