//! Runbooks that are Markdown pages.

use std::collections::BTreeMap;
use std::fmt::Write;

use stormdrill::report::page;
use stormdrill::scenario::load_text;
use stormdrill::scenario::markdown;
use stormdrill::scenario::problem::{Sink, draw};
use stormdrill::scenario::source::Source;

use crate::{TOOL_AND_SPARE, whole};

const ALERT: &str = r#"
[alert.Down]
when.threshold = { slo = "done", bad_above = "20%", over = "1m" }
severity = "sev2"
runbook = "wrong"
[runbook]
wrong = "page.md"
"#;

fn problems(page: &str) -> String {
    let files = BTreeMap::from([("page.md".to_owned(), page.to_owned())]);
    let loaded = load_text("scenarios/test.toml", &whole(&format!("{TOOL_AND_SPARE}{ALERT}")), &files);
    let mut text = String::new();
    for problem in &loaded.problems {
        writeln!(text, "{}\n", draw(problem, &loaded.sources, false)).unwrap();
    }
    text
}

#[test]
fn mistakes_in_a_page_are_reported_at_its_own_lines() {
    insta::assert_snapshot!(problems(include_str!("bad/page.md")));
}

#[test]
fn a_page_that_is_not_there_or_not_named_like_one_is_reported() {
    let files = BTreeMap::new();
    for name in ["page.md", "../page.md", "page"] {
        let text = whole(&format!("{TOOL_AND_SPARE}{ALERT}").replace("page.md", name));
        let loaded = load_text("scenarios/test.toml", &text, &files);
        assert!(loaded.scenario.is_none(), "{name}");
        let message = &loaded.problems[0].message;
        assert!(message.contains("no file `runbooks/"), "{name}: {message}");
    }
}

#[test]
fn a_page_is_printed_as_somebody_on_call_wants_it() {
    let text = include_str!("../../scenarios/runbooks/provider-outage.md");
    let mut sink = Sink::default();
    let page = markdown::page(text, 0, &mut sink);
    assert!(sink.problems.is_empty(), "{:?}", sink.problems);
    let source = Source { path: "page.md".into(), text: text.into() };
    insta::assert_snapshot!(page::text("provider-outage", &page, page.runbook.as_ref().unwrap(), &source));
}

/// What a page says cannot act on a terminal.
#[test]
fn a_page_cannot_act_on_a_terminal() {
    let text = include_str!("../../scenarios/runbooks/provider-outage.md")
        .replace("Say that it is yours", "Say \u{1b}[31mred\u{202e}");
    let page = markdown::page(&text, 0, &mut Sink::default());
    let source = Source { path: "page.md".into(), text: text.clone() };
    let shown = page::text("x", &page, page.runbook.as_ref().unwrap(), &source);
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[test]
fn a_runbook_says_the_same_in_a_page_and_in_place() {
    let in_page =
        markdown::page(include_str!("../../scenarios/runbooks/provider-outage.md"), 0, &mut Sink::default());
    let shipped = crate::shipped::scenarios();
    let night = shipped.iter().find(|scenario| scenario.path.contains("errors-at-night")).unwrap();
    assert_eq!(night.file.runbook.get("provider-outage").unwrap().0, in_page.runbook.unwrap());
}

/// A page of a megabyte that is nothing but blocks is refused without a copy of it for each of them.
#[test]
fn a_page_of_very_many_blocks_is_refused() {
    let text = format!("# x\n\n## Mitigation\n\n{}", "```toml\na = 1\n```\n\n".repeat(50_000));
    let mut sink = Sink::default();
    let page = markdown::page(&text, 0, &mut sink);
    assert!(sink.problems.iter().any(|problem| problem.message.contains("at most")));
    assert!(page.runbook.unwrap().steps.len() <= 256);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    /// Whatever is cut out of a page or put into it, what is left is read or refused, and nothing panics.
    #[test]
    fn no_page_makes_the_reader_panic(cut in 0..4000_usize, length in 0..200_usize, more in "[`\\[\\]{}#=\"\\n\\r\t ä.a-z]{0,12}") {
        let text = include_str!("../../scenarios/runbooks/provider-outage.md");
        let before = text.chars().take(cut);
        let mutated: String = before.chain(more.chars()).chain(text.chars().skip(cut + length)).collect();
        let mut sink = Sink::default();
        let page = markdown::page(&mutated, 0, &mut sink);
        let source = Source { path: "page.md".into(), text: mutated };
        let shown = page::text("x", &page, page.runbook.as_ref().unwrap(), &source);
        proptest::prop_assert!(!shown.is_empty());
        for problem in &sink.problems {
            draw(problem, std::slice::from_ref(&source), false);
        }
    }
}
