//! What happened that matters: a bounded list in memory, and lines of JSON in a file on request.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::base::Time;

/// The most entries that are kept in memory.
const KEPT: usize = 10_000;

/// A notable happening.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its number, from 0.
    pub(super) number: u64,
    /// When, in the drill's time.
    pub(super) at: Time,
    /// What.
    pub(super) kind: &'static str,
    /// More about it.
    pub(super) detail: Value,
}

impl Entry {
    /// Returns the entry as JSON.
    pub(super) fn json(&self) -> Value {
        json!({ "number": self.number, "at_s": self.at.seconds(), "event": self.kind, "detail": self.detail })
    }
}

/// The journal of live mocks.
pub(super) struct Journal {
    inner: Mutex<Inner>,
}

struct Inner {
    entries: VecDeque<Entry>,
    next: u64,
    file: Option<Box<dyn Write + Send>>,
    has_failed: bool,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// Returns an empty journal, which also goes to `file` if there is one.
    pub(super) fn new(file: Option<Box<dyn Write + Send>>) -> Self {
        Self { inner: Mutex::new(Inner { entries: VecDeque::new(), next: 0, file, has_failed: false }) }
    }

    /// Adds an entry.
    pub(super) fn push(&self, at: Time, kind: &'static str, detail: Value) {
        let mut inner = self.inner.lock().expect("nobody panics while writing the journal");
        let entry = Entry { number: inner.next, at, kind, detail };
        inner.next += 1;
        let line = format!("{}\n", entry.json());
        if let Some(file) = &mut inner.file {
            let written = file.write_all(line.as_bytes()).and_then(|()| file.flush());
            // A full disk must not stop the mocks; readiness and state say that lines are missing.
            inner.has_failed |= written.is_err();
        }
        if inner.entries.len() == KEPT {
            inner.entries.pop_front();
        }
        inner.entries.push_back(entry);
    }

    /// Returns the entries from a number on, those that are still kept.
    pub(super) fn since(&self, number: u64) -> Vec<Entry> {
        let inner = self.inner.lock().expect("nobody panics while writing the journal");
        inner.entries.iter().filter(|entry| entry.number >= number).cloned().collect()
    }

    /// Returns whether a line could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.inner.lock().expect("nobody panics while writing the journal").has_failed
    }
}
