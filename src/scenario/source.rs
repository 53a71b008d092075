//! Where a value was written: which file, which bytes.

/// A text that values came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user named it, with forward slashes.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the source; `u16::MAX` for a value that is not there.
    pub source: u16,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Place {
    /// The place of a value that was missing or wrong and has been reported.
    pub const NOWHERE: Self = Self { source: u16::MAX, start: 0, end: 0 };
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy)]
pub struct At<T> {
    /// The value; a stand-in where [`At::is_hole`] holds.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

impl<T> At<T> {
    /// Returns whether this stands in for something that was missing or wrong.
    ///
    /// Checks leave holes alone: the user has already been told.
    pub fn is_hole(&self) -> bool {
        self.place == Place::NOWHERE
    }

    /// Returns the value unless it is a hole.
    pub fn known(&self) -> Option<&T> {
        (!self.is_hole()).then_some(&self.value)
    }
}

/// Values are compared without their places, so that moving a line changes nothing.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Source {
    /// Returns the line and column (both from 1, columns in characters) of a byte offset.
    pub fn line_and_column(&self, offset: u32) -> (usize, usize) {
        let before = self.text.get(..offset as usize).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// Returns a call-like key as it is written: of `do.degrade = { mock = "search" }` with the key `do` and the
/// tag `degrade` it is `degrade (mock = "search")`. Written in any other form it is the tag alone: what stands near it
/// may belong to something else.
pub fn call(written: &str, key: &str, tag: &str) -> String {
    let wanted = format!("{key}.{tag}");
    let inner = written.split(&wanted).skip(1).find_map(|rest| {
        let line = rest.lines().next().unwrap_or_default();
        let table = line.trim_start().strip_prefix('=')?.trim_start().strip_prefix('{')?;
        table.split_once('}').map(|(inner, _)| inner.trim())
    });
    match inner {
        None | Some("") => tag.to_owned(),
        Some(inner) => format!("{tag} ({inner})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_it_is_written_or_by_its_name_alone() {
        let inline = "do.degrade = { mock = \"search\" }, expect = \"x\"";
        assert_eq!(call(inline, "do", "degrade"), "degrade (mock = \"search\")");
        assert_eq!(call("do.acknowledge = {}", "do", "acknowledge"), "acknowledge");
        let table = "[fault.inject.hang]\nshare = \"85%\"\n[guard.x]\nretry = { attempts = 3 }";
        assert_eq!(call(table, "inject", "hang"), "hang", "a retry is no dose");
        assert_eq!(call("do.undo.steps = [\"a\"]\nday = { x = 1 }", "do", "undo"), "undo");
    }
}
