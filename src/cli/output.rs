//! Where a text goes: to the standard output, or to a file.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::report::safe;

/// Writes a value as JSON that people can read.
pub(super) fn json(value: &impl Serialize) -> Result<String, io::Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(io::Error::other)
}

/// Returns a path as a log may have it: nothing in it acts.
pub(super) fn shown(path: &Path) -> String {
    safe::log(&safe::text(&path.to_string_lossy()))
}

/// Prints a text, or writes it to a file; a file gets no styles.
pub(super) fn print(text: &str, output: Option<&Path>) -> Result<(), io::Error> {
    let Some(path) = output else {
        return match anstream::stdout().lock().write_all(text.as_bytes()) {
            // Whoever reads has seen enough; the exit code stays what it is.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        };
    };
    let plain = anstream::adapter::strip_str(text).to_string();
    std::fs::write(path, plain)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write `{}`: {error}", shown(path))))
}
