//! Markdown in which a text cannot act: no markup, no link, no mention, no HTML.

/// Returns a text that Markdown shows as it is, also in a cell of a table.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    // An address without a scheme becomes a link as well.
    let text = text.replace("www.", "www&#46;").replace("&#46;", "\u{0}");
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\u{0}' => escaped.push_str("&#46;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // A mention notifies, and an address becomes a link.
            '@' => escaped.push_str("&#64;"),
            // Not in `runs: 3` and `14:00`, but in `https://` and `:smile:`.
            ':' if letters.peek().is_some_and(|next| !next.is_ascii_digit() && *next != ' ') => {
                escaped.push_str("&#58;");
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~'
            | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' | '\r' | '\t' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a text as code in a line. What looks like markup is escaped instead: not every reader leaves code alone.
pub(super) fn code(text: &str) -> String {
    let mut letters = text.chars().zip(text.chars().skip(1));
    let has_tag = letters.any(|(c, next)| c == '<' && next != ' ');
    if has_tag || ["`", "|", "\n", "\r", "://", "www.", "@", "]("].iter().any(|part| text.contains(part)) {
        return escaped(text);
    }
    format!("`{text}`")
}
