//! Runbooks as people have them: a Markdown page whose steps carry small TOML blocks.
//!
//! Each block is parsed inside a text in which everything else is blank, so that a problem in it is
//! reported at its own line of the page.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::scenario::condition::Condition;
use crate::scenario::decode::{Decode, Node, suggest};
use crate::scenario::file::runbooks::{Runbook, RunbookStep};
use crate::scenario::limits::LIST_MAX;
use crate::scenario::load::parse;
use crate::scenario::problem::{Code, Problem, Sink};
use crate::scenario::record::record;
use crate::scenario::source::{At, Place};

record! {
    /// The TOML block of a page's section Recovery.
    pub struct RecoveryBlock {
        /// What must be observed for the incident to be closed.
        pub recovery: At<Condition>,
    }
}

/// A section of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Its text, without blocks of code.
    pub prose: String,
}

/// A page: its title, its sections, and what stands before each step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The heading of the page.
    pub title: String,
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// By step, the text that it stands under.
    pub told: Vec<String>,
    /// What the page says.
    pub runbook: Option<Runbook>,
}

/// The sections that a page must have.
const SECTIONS: [&str; 5] = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Recovery"];

/// A block of TOML and the section it stands in.
struct Block {
    section: usize,
    /// What stands between it and the block before.
    told: String,
    /// The ranges of its lines.
    lines: Vec<Range<usize>>,
    place: Place,
}

impl Block {
    /// Returns the page up to the block's end with everything before it blank.
    fn alone(&self, text: &str) -> String {
        let end = self.lines.last().map_or(0, |line| line.end);
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        let mut alone: String = text.bytes().take(end).map(blank).collect();
        for line in &self.lines {
            alone.replace_range(line.clone(), text.get(line.clone()).unwrap_or_default());
        }
        alone
    }
}

/// Reads a page; `source` is the number of its text.
pub fn page(text: &str, source: u16, sink: &mut Sink) -> Page {
    let (mut page, blocks) = split(text, source);
    let whole = Place { source, start: 0, end: 0 };
    for wanted in SECTIONS {
        if !page.sections.iter().any(|section| section.title == wanted) {
            let message = format!("this runbook has no section `{wanted}`");
            let titles: Vec<&str> = page.sections.iter().map(|section| section.title.as_str()).collect();
            let problem = Problem::error(Code::MissingKey, whole, message);
            sink.push(problem.hint(suggest(wanted, &titles)));
        }
    }
    let (mut steps, mut recovery) = (Vec::new(), None);
    if let Some(block) = blocks.get(LIST_MAX) {
        let message = format!("a page has at most {LIST_MAX} blocks of TOML");
        sink.push(Problem::error(Code::Limit, block.place, message));
    }
    for block in blocks.iter().take(LIST_MAX) {
        let known = sink.problems.len();
        let alone = block.alone(text);
        let root = parse(&alone, source, sink);
        if sink.problems.len() > known {
            // What could be read of it would be reported once more.
            continue;
        }
        let node = Node { value: &root, place: block.place };
        match page.sections.get(block.section).map_or("", |section| section.title.as_str()) {
            "Mitigation" => {
                steps.push(RunbookStep::decode(node, sink));
                page.told.push(block.told.clone());
            }
            "Recovery" => recovery = Some(RecoveryBlock::decode(node, sink).recovery),
            _ => {
                let message = "a block of TOML stands under Mitigation or Recovery";
                sink.push(Problem::error(Code::Contradiction, block.place, message));
            }
        }
    }
    if recovery.is_none() {
        let problem = Problem::error(Code::UnownedStep, whole, "this runbook states no recovery criteria");
        sink.push(problem.hint("add a block with `recovery = \"...\"` under Recovery"));
    }
    page.runbook = Some(Runbook { recovery: recovery.unwrap_or_else(At::hole), steps });
    page
}

/// What is known of a page while it is read.
struct Reader<'t> {
    text: &'t str,
    source: u16,
    page: Page,
    blocks: Vec<Block>,
    heading: Option<HeadingLevel>,
    is_toml: bool,
    /// From where on text belongs to the section, and to what comes before the next block.
    prose_from: usize,
    told_from: usize,
}

/// Finds the sections of a page and its blocks of TOML.
fn split(text: &str, source: u16) -> (Page, Vec<Block>) {
    let mut reader = Reader {
        text,
        source,
        page: Page::default(),
        blocks: Vec::new(),
        heading: None,
        is_toml: false,
        prose_from: 0,
        told_from: 0,
    };
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        reader.read(&event, range);
    }
    let rest = reader.between(reader.prose_from, text.len());
    finish(&mut reader.page, rest);
    (reader.page, reader.blocks)
}

impl<'t> Reader<'t> {
    fn between(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from.min(to)..to).unwrap_or_default()
    }

    fn read(&mut self, event: &Event<'_>, range: Range<usize>) {
        if let Event::Start(Tag::Heading { level, .. }) = event {
            let prose = self.between(self.prose_from, range.start);
            finish(&mut self.page, prose);
            self.heading = Some(*level);
            if *level > HeadingLevel::H1 {
                self.page.sections.push(Section::default());
            }
        } else if let Event::End(TagEnd::Heading(_)) = event {
            self.heading = None;
            (self.prose_from, self.told_from) = (range.end, range.end);
        } else if let Event::Start(Tag::CodeBlock(kind)) = event {
            self.begin_block(kind, range);
        } else if let Event::End(TagEnd::CodeBlock) = event {
            self.is_toml = false;
        } else if let Event::Text(words) = event {
            self.words(words, range);
        }
    }

    fn begin_block(&mut self, kind: &CodeBlockKind<'_>, range: Range<usize>) {
        let prose = self.between(self.prose_from, range.start);
        finish(&mut self.page, prose);
        self.prose_from = range.end;
        self.is_toml = matches!(kind, CodeBlockKind::Fenced(info) if info.trim() == "toml");
        if self.is_toml {
            let place = Place { source: self.source, start: range.start as u32, end: range.start as u32 + 7 };
            let told = tidy(self.between(self.told_from, range.start));
            let section = self.page.sections.len().wrapping_sub(1);
            self.blocks.push(Block { section, told, lines: Vec::new(), place });
        }
        self.told_from = range.end;
    }

    fn words(&mut self, words: &str, range: Range<usize>) {
        if let Some(level) = self.heading {
            let section = self.page.sections.last_mut().filter(|_| level > HeadingLevel::H1);
            section.map_or(&mut self.page.title, |section| &mut section.title).push_str(words);
        } else if let (true, Some(block)) = (self.is_toml, self.blocks.last_mut()) {
            block.lines.push(range);
        }
    }
}

fn finish(page: &mut Page, prose: &str) {
    if let Some(section) = page.sections.last_mut() {
        let prose = tidy(prose);
        if !section.prose.is_empty() && !prose.is_empty() {
            section.prose.push(' ');
        }
        section.prose.push_str(&prose);
    }
}

/// Returns text on one line, without the marks of a list.
fn tidy(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = words.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix(". ").filter(|_| rest.len() < words.len()).unwrap_or(&words);
    rest.trim_start_matches("* ").trim_start_matches("- ").to_owned()
}
