//! What is wrong with an input, said so that the reader can mend it.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::scenario::source::{Place, Source};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// The scenario runs, but probably does not say what its author means.
    Warning,
}

/// The kinds of problem; each has a stable name that pipelines may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The text is not TOML.
    Syntax,
    /// A file cannot be read.
    Unreadable,
    /// Something is larger, deeper or longer than allowed.
    Limit,
    /// A key that means nothing here.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of the wrong TOML type.
    WrongType,
    /// A number without a unit, or with the wrong one.
    WrongUnit,
    /// A value outside what makes sense.
    OutOfRange,
    /// A word that is not one of the choices.
    UnknownWord,
    /// A name that nothing in the scenario has.
    UnknownName,
    /// A name given twice, or one with a special meaning.
    NameTaken,
    /// Two statements that cannot both hold.
    Contradiction,
    /// House rule: every alert names a runbook that exists.
    AlertWithoutRunbook,
    /// House rule: every step has an owner and a time window, every runbook its recovery criteria.
    UnownedStep,
    /// House rule: no step switches off monitoring or an alert.
    MonitoringSwitchedOff,
    /// House rule: objectives and targets are stated before the run, cost among them.
    UnstatedTarget,
    /// An alert that can never fire.
    UnreachableThreshold,
    /// An alert that one failed task sets off.
    LowTraffic,
    /// An alert evaluated too seldom for its window.
    SparseEvaluation,
    /// A budget that is gone before the page arrives.
    LatePage,
    /// A recovery that the traffic cannot prove.
    UnprovableRecovery,
    /// Something declared and never used.
    Unused,
}

impl Code {
    /// Returns the stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unreadable => "unreadable",
            Self::Limit => "limit",
            Self::UnknownKey => "unknown-key",
            Self::MissingKey => "missing-key",
            Self::WrongType => "wrong-type",
            Self::WrongUnit => "wrong-unit",
            Self::OutOfRange => "out-of-range",
            Self::UnknownWord => "unknown-word",
            Self::UnknownName => "unknown-name",
            Self::NameTaken => "name-taken",
            Self::Contradiction => "contradiction",
            Self::AlertWithoutRunbook => "alert-without-runbook",
            Self::UnownedStep => "unowned-step",
            Self::MonitoringSwitchedOff => "monitoring-switched-off",
            Self::UnstatedTarget => "unstated-target",
            Self::UnreachableThreshold => "unreachable-threshold",
            Self::LowTraffic => "low-traffic",
            Self::SparseEvaluation => "sparse-evaluation",
            Self::LatePage => "late-page",
            Self::UnprovableRecovery => "unprovable-recovery",
            Self::Unused => "unused",
        }
    }
}

/// One problem: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// What is wrong, in one clause.
    pub message: String,
    /// Where.
    pub place: Place,
    /// How to mend it; empty where the message says it all.
    pub hint: String,
}

impl Problem {
    /// Returns an error at a place.
    pub fn error(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), place, hint: String::new() }
    }

    /// Returns a warning at a place.
    pub fn warning(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Returns the problem with a hint that names the fix.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

/// Gathers problems; a value that was wrong is reported here and replaced by a hole.
#[derive(Debug, Default)]
pub struct Sink {
    /// What was found so far.
    pub problems: Vec<Problem>,
}

impl Sink {
    /// Takes a problem.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// Returns the problem drawn with its source line, as a compiler does.
pub fn draw(problem: &Problem, sources: &[Source], with_colour: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&problem.message)).id(problem.code.name());
    let mut group = Group::with_title(title);
    let cleaned = sources.get(usize::from(problem.place.source)).map(Source::printable);
    if let Some(source) = &cleaned {
        let span = visible_span(&source.text, problem.place);
        group = group.element(
            Snippet::source(source.text.as_str())
                .path(source.path.as_str())
                .fold(true)
                .annotation(AnnotationKind::Primary.span(span)),
        );
    }
    if !problem.hint.is_empty() {
        group = group.element(Level::HELP.with_name("hint").message(printable(&problem.hint)));
    }
    let renderer = if with_colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// Returns text in which control characters cannot act: each is replaced by a one-byte stand-in.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '?' } else { c }).collect()
}

/// Characters that reorder or hide the text around them.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl Source {
    /// Returns the same source with acting characters made inert, byte offsets unchanged.
    fn printable(&self) -> Self {
        let clean = |text: &str| -> String {
            text.chars()
                .flat_map(|c| {
                    let is_bad = (c.is_control() && c != '\n' && c != '\t') || is_bidi(c);
                    let (shown, count) = if is_bad { ('?', c.len_utf8()) } else { (c, 1) };
                    std::iter::repeat_n(shown, count)
                })
                .collect()
        };
        Self { path: clean(&self.path), text: clean(&self.text) }
    }
}

/// A span that lies inside the text, on character boundaries, and covers its first line only.
fn visible_span(text: &str, place: Place) -> std::ops::Range<usize> {
    let mut start = (place.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (place.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let first_line = text.get(start..end).and_then(|part| part.find('\n')).map_or(end, |at| start + at);
    start..first_line
}
