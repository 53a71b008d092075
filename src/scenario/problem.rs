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

/// Declares the kinds of problem: each with its meaning and its stable name.
macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// The kinds of problem; each has a stable name that pipelines may match on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])+ $variant,)+
        }

        impl Code {
            /// Every kind.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns the stable name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

codes! {
    /// The text is not TOML.
    Syntax = "syntax",
    /// A file cannot be read.
    Unreadable = "unreadable",
    /// Something is larger, deeper or longer than allowed.
    Limit = "limit",
    /// A key that means nothing here.
    UnknownKey = "unknown-key",
    /// A key that must be there is not.
    MissingKey = "missing-key",
    /// A value of the wrong TOML type.
    WrongType = "wrong-type",
    /// A number without a unit, or with the wrong one.
    WrongUnit = "wrong-unit",
    /// Something that is not a name.
    BadName = "bad-name",
    /// Something that cannot be observed.
    BadCondition = "bad-condition",
    /// A value outside what makes sense.
    OutOfRange = "out-of-range",
    /// A word that is not one of the choices.
    UnknownWord = "unknown-word",
    /// A name that nothing in the scenario has.
    UnknownName = "unknown-name",
    /// A name given twice, or one with a special meaning.
    NameTaken = "name-taken",
    /// Two statements that cannot both hold.
    Contradiction = "contradiction",
    /// House rule: every alert names a runbook that exists.
    AlertWithoutRunbook = "alert-without-runbook",
    /// House rule: every step has an owner and a time window, every runbook its recovery criteria.
    UnownedStep = "unowned-step",
    /// House rule: no step switches off monitoring or an alert.
    MonitoringSwitchedOff = "monitoring-switched-off",
    /// House rule: objectives and targets are stated before the run, cost among them.
    UnstatedTarget = "unstated-target",
    /// House rule: a rollout goes out by steps.
    OneShotRollout = "one-shot-rollout",
    /// House rule: a rollout has an automatic stop-loss.
    NoStopLoss = "no-stop-loss",
    /// House rule: no permission is widened before its boundary has been validated.
    UnvalidatedPermission = "unvalidated-permission",
    /// An alert that can never fire.
    UnreachableThreshold = "unreachable-threshold",
    /// An alert that one failed task sets off.
    LowTraffic = "low-traffic",
    /// An alert evaluated too seldom for its window.
    SparseEvaluation = "sparse-evaluation",
    /// A budget that is gone before the page arrives.
    LatePage = "late-page",
    /// A recovery that the traffic cannot prove.
    UnprovableRecovery = "unprovable-recovery",
    /// Something declared and never used.
    Unused = "unused",
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
    let shown = sources.get(usize::from(problem.place.source)).map(|source| Shown::of(source, problem.place));
    if let Some(shown) = &shown {
        group = group.element(
            Snippet::source(shown.line.as_str())
                .path(shown.path.as_str())
                .line_start(shown.number)
                .annotation(AnnotationKind::Primary.span(shown.span.clone())),
        );
    }
    if !problem.hint.is_empty() {
        group = group.element(Level::HELP.with_name("hint").message(printable(&problem.hint)));
    }
    let renderer = if with_colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// Returns text in which no character can act on a terminal or reorder what is around it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if (c.is_control() && c != '\t') || is_bidi(c) { '?' } else { c }).collect()
}

/// Characters that reorder or hide the text around them.
pub(crate) fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The line that a problem points at, made inert, with the part to underline.
struct Shown {
    path: String,
    line: String,
    number: usize,
    span: std::ops::Range<usize>,
}

/// The longest part of a line that is shown before and after the place.
const SHOWN_MAX: usize = 400;

impl Shown {
    fn of(source: &Source, place: Place) -> Self {
        let (number, column) = source.line_and_column(place.start);
        let text = source.text.lines().nth(number - 1).unwrap_or_default();
        let mut line = String::new();
        let mut span = 0..0;
        let start = column - 1;
        let wanted = source.text.get(place.start as usize..place.end as usize).unwrap_or_default();
        let length = wanted.lines().next().unwrap_or_default().chars().count();
        // A long line is cut to what is near the place.
        let cut = start.saturating_sub(SHOWN_MAX);
        for (position, c) in text.chars().enumerate().skip(cut).take(2 * SHOWN_MAX) {
            if position == start {
                span.start = line.len();
            }
            line.push_str(&printable(&c.to_string()));
            if position < start + length {
                span.end = line.len();
            }
        }
        if start >= cut + line.chars().count() {
            span.start = line.len();
        }
        let span = span.start..span.end.max(span.start);
        Self { path: printable(&source.path), line, number, span }
    }
}
