//! The bytes that leave for one step of a stream: whole frames, each of which is a chunk of its own.

use serde::Serialize;

/// Some frames, one after the other.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    /// Begins a frame; what is written goes into it.
    pub fn write(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the frame.
    pub fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Adds an event of server-sent events: its name, if it has one, and its data.
    pub fn event(&mut self, name: Option<&str>, data: &impl Serialize) {
        if let Some(name) = name {
            self.text("event: ");
            self.text(name);
            self.text("\n");
        }
        self.text("data: ");
        json(&mut self.bytes, data);
        self.text("\n\n");
        self.end();
    }

    /// Writes text as it is.
    pub fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Goes through the frames.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let from = std::iter::once(0).chain(self.ends.iter().copied());
        from.zip(&self.ends).map(|(from, end)| &self.bytes[from..*end])
    }

    /// Returns how many frames there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Takes them all out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Returns a name such as `req_00c0ffee00c0ffee`: a prefix, and a number as sixteen hexadecimal digits.
pub fn named(prefix: &str, number: u64) -> String {
    let mut name = Vec::with_capacity(prefix.len() + 16);
    name.extend_from_slice(prefix.as_bytes());
    digits(&mut name, number);
    String::from_utf8(name).expect("digits are UTF-8, and so is the prefix")
}

/// Appends a number as sixteen hexadecimal digits.
pub fn digits(bytes: &mut Vec<u8>, number: u64) {
    let written =
        number.to_be_bytes().map(|byte| [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
    bytes.extend_from_slice(written.as_flattened());
}

const HEX: [u8; 16] = *b"0123456789abcdef";

/// Appends a value as JSON.
pub fn json(bytes: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(bytes, value).expect("writing to memory cannot fail, and keys are texts");
}
