//! From TOML values to typed ones, reporting every problem and never stopping at the first.
//!
//! Decoding cannot fail: what is missing or wrong is reported to the [`Sink`] and replaced by a
//! hole, so that the checks that follow can still look at everything else.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::source::{At, Place};

/// A TOML value with its place.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// The value.
    pub value: &'a DeValue<'a>,
    /// Where it stands.
    pub place: Place,
}

/// The definitions that a JSON Schema refers to, by type name.
pub type Definitions = BTreeMap<String, Value>;

/// Something that can be read from a TOML value, and that knows its JSON Schema.
pub trait Decode: Sized {
    /// Reads the value, reporting whatever is wrong.
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self;
    /// Returns the stand-in for a value that is missing or wrong.
    fn hole() -> Self;
    /// Returns the value of an absent key, or nothing if the key must be there.
    fn absent() -> Option<Self> {
        None
    }
    /// Returns the JSON Schema, adding what it refers to.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// A value written as one TOML string (or number) with its unit.
pub trait Scalar: Sized {
    /// What it is, after "expected": `a span such as "30s"`.
    const EXPECTED: &'static str;
    /// A regular expression (as JSON Schema has them) that the text matches.
    const PATTERN: &'static str;
    /// The code of a text that is not one.
    const CODE: Code = Code::WrongUnit;
    /// Whether a bare TOML integer will do, because it counts something.
    const TAKES_BARE_COUNT: bool = false;
    /// Reads the text; the error is what is wrong with it, in one clause.
    fn parse(text: &str) -> Result<Self, String>;
    /// Returns the stand-in for a wrong value.
    fn blank() -> Self;
}

impl<T: Scalar> Decode for At<T> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let bare = node.value.as_integer().filter(|number| T::TAKES_BARE_COUNT && number.radix() == 10);
        let Some(text) = node.value.as_str().or(bare.map(toml::de::DeInteger::as_str)) else {
            let found = type_name(node.value);
            let message = format!("expected {}, found {found}", T::EXPECTED);
            let mut problem = Problem::error(T::CODE, node.place, message);
            if T::CODE == Code::WrongUnit && matches!(node.value, DeValue::Integer(_) | DeValue::Float(_)) {
                problem = problem.hint("write the number as a string with its unit");
            } else {
                problem.code = Code::WrongType;
            }
            sink.push(problem);
            return Self::hole();
        };
        match T::parse(text) {
            Ok(value) => Self { value, place: node.place },
            Err(message) => {
                let hint = format!("expected {}", T::EXPECTED);
                sink.push(Problem::error(T::CODE, node.place, message).hint(hint));
                Self::hole()
            }
        }
    }

    fn hole() -> Self {
        Self { value: T::blank(), place: Place::NOWHERE }
    }

    fn schema(_: &mut Definitions) -> Value {
        if T::TAKES_BARE_COUNT {
            return json!({
                "anyOf": [{ "type": "string", "pattern": T::PATTERN }, { "type": "integer", "minimum": 0 }],
                "description": T::EXPECTED,
            });
        }
        json!({ "type": "string", "pattern": T::PATTERN, "description": T::EXPECTED })
    }
}

impl Decode for At<bool> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        if let Some(value) = node.value.as_bool() {
            return Self { value, place: node.place };
        }
        wrong_type(node, "`true` or `false`", sink);
        Self::hole()
    }

    fn hole() -> Self {
        Self { value: false, place: Place::NOWHERE }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }
}

/// A whole number that counts things, and so has no unit.
impl Decode for At<u64> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let parsed = node
            .value
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|&count| count <= 1_000_000_000);
        if let Some(value) = parsed {
            return Self { value, place: node.place };
        }
        if node.value.is_integer() {
            let message = "expected a count from 0 to 1000000000";
            sink.push(Problem::error(Code::OutOfRange, node.place, message));
        } else {
            wrong_type(node, "a count, such as 3", sink);
        }
        Self::hole()
    }

    fn hole() -> Self {
        Self { value: 0, place: Place::NOWHERE }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000_000_u64 })
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        Some(T::decode(node, sink))
    }

    fn hole() -> Self {
        None
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let Some(items) = node.value.as_array() else {
            wrong_type(node, "a list", sink);
            return Self::new();
        };
        if items.len() > crate::scenario::limits::LIST_MAX {
            let message = format!("a list may have at most {} entries", crate::scenario::limits::LIST_MAX);
            sink.push(Problem::error(Code::Limit, node.place, message));
            return Self::new();
        }
        let each = |item| T::decode(node.child(item), sink);
        items.iter().map(each).collect()
    }

    fn hole() -> Self {
        Self::new()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

/// Reports a table with too many entries, before any work is done on them.
pub(crate) fn is_crowded(entries: usize, place: Place, sink: &mut Sink) -> bool {
    let is_crowded = entries > crate::scenario::limits::LIST_MAX;
    if is_crowded {
        let message = format!("a table may have at most {} entries", crate::scenario::limits::LIST_MAX);
        sink.push(Problem::error(Code::Limit, place, message));
    }
    is_crowded
}

/// A table whose keys are the author's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub BTreeMap<String, At<T>>);

impl<T> Named<T> {
    /// Returns the number of `name` in the order of names, if it is there.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.0.keys().position(|key| key == name)
    }

    /// Returns the value called `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name).map(|at| &at.value)
    }

    /// Goes through names and values in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter().map(|(name, at)| (name, &at.value))
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: Node<'_>, sink: &mut Sink) -> Self {
        let Some(table) = node.value.as_table() else {
            wrong_type(node, "a table", sink);
            return Self::default();
        };
        let mut named = BTreeMap::new();
        if is_crowded(table.len(), node.place, sink) {
            return Self::default();
        }
        for (key, value) in table {
            let place = node.at(key.span());
            if let Err(message) = crate::scenario::units::name(key.get_ref()) {
                sink.push(Problem::error(Code::OutOfRange, place, message));
                continue;
            }
            let value = T::decode(node.child(value), sink);
            named.insert(key.get_ref().to_string(), At { value, place });
        }
        Self(named)
    }

    fn hole() -> Self {
        Self::default()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let names = json!({ "pattern": crate::scenario::units::NAME_PATTERN });
        json!({ "type": "object", "propertyNames": names, "additionalProperties": T::schema(definitions) })
    }
}

impl<'a> Node<'a> {
    /// Returns the node of a value inside this one.
    pub fn child(&self, value: &'a toml::Spanned<DeValue<'a>>) -> Self {
        Node { value: value.get_ref(), place: self.at(value.span()) }
    }

    /// Returns a place in the same source.
    pub fn at(&self, span: std::ops::Range<usize>) -> Place {
        Place { source: self.place.source, start: span.start as u32, end: span.end as u32 }
    }

    /// Returns the fields of a table, or reports that this is none.
    pub fn fields(self, what: &str, sink: &mut Sink) -> Fields<'a> {
        if let Some(table) = self.value.as_table() {
            return Fields::of(table, self.place);
        }
        let message = format!("expected a table, found {}", type_name(self.value));
        sink.push(Problem::error(Code::WrongType, self.place, message).hint(what));
        Fields { entries: BTreeMap::new(), place: Place::NOWHERE }
    }
}

/// The keys of a table that have not been asked for yet.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: BTreeMap<&'a str, (Place, Node<'a>)>,
    /// Where the table stands.
    pub place: Place,
}

impl<'a> Fields<'a> {
    /// Returns all fields of `table`.
    pub fn of(table: &'a DeTable<'a>, place: Place) -> Self {
        let within = |span: std::ops::Range<usize>| Place {
            source: place.source,
            start: span.start as u32,
            end: span.end as u32,
        };
        let entry = |(key, value): (&'a toml::Spanned<_>, &'a toml::Spanned<DeValue<'a>>)| {
            let key: &'a toml::Spanned<toml::de::DeString<'a>> = key;
            let node = Node { value: value.get_ref(), place: within(value.span()) };
            (key.get_ref().as_ref(), (within(key.span()), node))
        };
        Self { entries: table.iter().map(entry).collect(), place }
    }

    /// Lays `other` over these fields: where both have a key, `other`'s is kept.
    pub fn lay_over(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Returns whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Takes a key out without decoding it, with the place of the key.
    pub fn take(&mut self, key: &str) -> Option<(Place, Node<'a>)> {
        self.entries.remove(key)
    }

    /// Takes and decodes a key; reports it if it is missing and must not be.
    pub fn field<T: Decode>(&mut self, key: &str, sink: &mut Sink) -> T {
        if let Some((_, node)) = self.take(key) {
            return T::decode(node, sink);
        }
        T::absent().unwrap_or_else(|| {
            if self.place != Place::NOWHERE {
                let code = if matches!(key, "owner" | "within" | "recovery") {
                    Code::UnownedStep
                } else if key == "runbook" {
                    Code::AlertWithoutRunbook
                } else {
                    Code::MissingKey
                };
                let problem = Problem::error(code, self.place, format!("`{key}` is missing here"));
                sink.push(problem.hint(format!("add `{key} = ...`")));
            }
            T::hole()
        })
    }

    /// Returns whether every key has been taken.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the keys that nobody asked for, with their places.
    pub fn rest(self) -> impl Iterator<Item = (&'a str, Place)> {
        self.entries.into_iter().map(|(key, (place, _))| (key, place))
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, known: &[&str], sink: &mut Sink) {
        for (key, place) in self.rest() {
            let problem = Problem::error(Code::UnknownKey, place, format!("unknown key `{key}`"));
            sink.push(problem.hint(suggest(key, known)));
        }
    }
}

/// The most names that a hint lists.
const NAMES_MAX: usize = 24;

/// Returns a hint that names the likely meaning of `word`, or all choices.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().copied().collect();
    let is_long = word.len() > 64;
    let closest = known
        .iter()
        .filter(|choice| !is_long && choice.len() <= 64)
        .map(|choice| (strsim::damerau_levenshtein(word, choice), choice))
        .filter(|(distance, choice)| *distance <= choice.len() / 3)
        .min_by_key(|(distance, _)| *distance);
    match closest {
        Some((_, choice)) => format!("did you mean `{choice}`?"),
        None if known.is_empty() => "there are none here".into(),
        None => {
            let more = if known.len() > NAMES_MAX { ", ..." } else { "" };
            let shown = known.get(..NAMES_MAX).unwrap_or(&known);
            format!("known here: {}{more}", shown.join(", "))
        }
    }
}

/// Reports a value of the wrong TOML type.
pub fn wrong_type(node: Node<'_>, expected: &str, sink: &mut Sink) {
    let message = format!("expected {expected}, found {}", type_name(node.value));
    sink.push(Problem::error(Code::WrongType, node.place, message));
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a bare number",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
