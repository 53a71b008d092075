//! Changing single values in the text of a scenario, so that a study can ask "what if".
//!
//! Text in, text out: whatever comes of it is loaded and checked like any other scenario. A path has
//! dots, as in `guard.search.timeout`; an entry of a list, such as a fault, is named by its `id`; and a
//! key that a fault does not have itself is looked for in what it injects (`fault.search-hangs.share`).

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// Sets the value at a path, written as the scenario writes it: `2s`, `85%` or `3`.
///
/// Tables on the way are made if they are not there. Fails if the text is no TOML, or the path leads
/// through something that is no table.
pub fn set(text: &str, path: &str, value: &str) -> Result<String, String> {
    let mut document = parse(text)?;
    let parts: Vec<&str> = path.split('.').collect();
    let (key, tables) = parts.split_last().ok_or("the path is empty")?;
    if let ["mocks", name] = tables {
        own_table(&mut document, name);
    }
    let table = enter(document.as_table_mut(), tables).map_err(|why| format!("`{path}`: {why}"))?;
    let table = injected(table, key);
    let old = table.get(key).and_then(Item::as_value).cloned();
    let mut new = written(value, old.as_ref());
    if let Some(old) = &old {
        *new.decor_mut() = old.decor().clone();
    }
    table.insert(key, Item::Value(new));
    Ok(document.to_string())
}

/// Returns the value at a path as the scenario writes it; nothing if it is not there.
pub fn get(text: &str, path: &str) -> Option<String> {
    let document = parse(text).ok()?;
    let parts: Vec<&str> = path.split('.').collect();
    let (key, tables) = parts.split_last()?;
    let table = look(document.as_table(), tables)?;
    let item = table.get(key).or_else(|| inside(table)?.1.get(key))?;
    let value = item.as_value()?;
    Some(value.as_str().map_or_else(|| value.to_string().trim().to_owned(), str::to_owned))
}

/// Returns the kind of what a fault injects.
pub fn kind(text: &str, fault: &str) -> Option<String> {
    let document = parse(text).ok()?;
    Some(inside(look(document.as_table(), &["fault", fault])?)?.0.to_owned())
}

/// Takes a value, a table or an entry of a list away; returns the text without it, or nothing if it is
/// not there.
pub fn remove(text: &str, path: &str) -> Option<String> {
    let mut document = parse(text).ok()?;
    let parts: Vec<&str> = path.split('.').collect();
    let (key, tables) = parts.split_last()?;
    look(document.as_table(), tables.split_last().map_or(&[], |(_, above)| above))?;
    if let Some((list, above)) = tables.split_last() {
        let table = enter(document.as_table_mut(), above).ok()?;
        if let Some(entries) = table.get_mut(list).and_then(Item::as_array_of_tables_mut) {
            // An entry without a name goes by its number.
            let named = entries.iter().position(|entry| has_id(entry, key));
            let index = named.or_else(|| key.parse().ok().filter(|index| *index < entries.len()))?;
            entries.remove(index);
            return Some(document.to_string());
        }
    }
    look(document.as_table(), tables)?;
    enter(document.as_table_mut(), tables).ok()?.remove(key)?;
    Some(document.to_string())
}

/// Returns the keys of a table, or the `id`s (or else the numbers) of the entries of a list.
pub fn names(text: &str, path: &str) -> Vec<String> {
    let Ok(document) = parse(text) else { return Vec::new() };
    let parts: Vec<&str> = path.split('.').collect();
    let Some((key, tables)) = parts.split_last() else { return Vec::new() };
    let Some(item) = look(document.as_table(), tables).and_then(|table| table.get(key)) else {
        return Vec::new();
    };
    if let Some(entries) = item.as_array_of_tables() {
        let id = |entry: &Table| entry.get("id").and_then(Item::as_str).map(str::to_owned);
        return (0..)
            .zip(entries)
            .map(|(index, entry)| id(entry).unwrap_or_else(|| u32::to_string(&index)))
            .collect();
    }
    item.as_table_like().map_or_else(Vec::new, |table| table.iter().map(|(key, _)| key.to_owned()).collect())
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse::<DocumentMut>().map_err(|error| error.message().to_owned())
}

/// Gives a mock that is only named a table of its own, so that it can have overrides.
fn own_table(document: &mut DocumentMut, name: &str) {
    let Some(item) = document.get_mut("mocks").and_then(|mocks| mocks.get_mut(name)) else { return };
    if let Some(file) = item.as_str().map(str::to_owned) {
        let mut own = InlineTable::new();
        own.insert("use", file.into());
        *item = Item::Value(Value::InlineTable(own));
    }
}

/// Returns the table that the parts of a path lead to; those that are not there are made.
fn enter<'a>(table: &'a mut dyn TableLike, parts: &[&str]) -> Result<&'a mut dyn TableLike, String> {
    let [part, rest @ ..] = parts else { return Ok(table) };
    let item = table.entry(part).or_insert(Item::Table(Table::new()));
    if let Item::ArrayOfTables(entries) = item {
        let [id, rest @ ..] = rest else { return Err(format!("`{part}` is a list; name an entry of it")) };
        let entry = entries.iter_mut().find(|entry| has_id(entry, id));
        return enter(entry.ok_or_else(|| format!("no `{part}` is called `{id}`"))?, rest);
    }
    enter(item.as_table_like_mut().ok_or_else(|| format!("`{part}` is no table"))?, rest)
}

/// Returns the table that the parts of a path lead to.
fn look<'a>(table: &'a dyn TableLike, parts: &[&str]) -> Option<&'a dyn TableLike> {
    let [part, rest @ ..] = parts else { return Some(table) };
    let item = table.get(part)?;
    if let Item::ArrayOfTables(entries) = item {
        let [id, rest @ ..] = rest else { return None };
        return look(entries.iter().find(|entry| has_id(entry, id))?, rest);
    }
    look(item.as_table_like()?, rest)
}

fn has_id(entry: &Table, id: &str) -> bool {
    entry.get("id").and_then(Item::as_str) == Some(id)
}

/// Returns what a fault injects, and its kind.
fn inside(table: &dyn TableLike) -> Option<(&str, &dyn TableLike)> {
    let (kind, item) = table.get("inject")?.as_table_like()?.iter().next()?;
    Some((kind, item.as_table_like()?))
}

/// Returns the table that has a key: the one given, unless it is a fault and what it injects has it.
fn injected<'a>(table: &'a mut dyn TableLike, key: &str) -> &'a mut dyn TableLike {
    let is_inside =
        !table.contains_key(key) && inside(table).is_some_and(|(_, inside)| inside.contains_key(key));
    if !is_inside {
        return table;
    }
    let inject = table.get_mut("inject").and_then(Item::as_table_like_mut);
    let kind = inject.and_then(|inject| inject.iter_mut().next().map(|(_, kind)| kind));
    kind.and_then(Item::as_table_like_mut).expect("what a fault injects has just been seen")
}

/// Returns a value as the text would have it: of the type that the old one has, or else by its looks.
fn written(value: &str, old: Option<&Value>) -> Value {
    let is_text = old.is_some_and(Value::is_str);
    let parsed = value.parse::<Value>().ok().filter(|parsed| !is_text || parsed.is_array());
    parsed.unwrap_or_else(|| Value::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# A drill.
duration = "45m" # long

[mocks]
search = "search-tool"

[[fault]]
id = "hangs"
start = "12m"
inject.hang = { share = "85%" } # a lot

[guard.search]
retry = { attempts = 3 }
"#;

    #[test]
    fn a_value_is_set_where_it_stands_and_the_rest_stays() {
        let text = set(TEXT, "fault.hangs.share", "90%").unwrap();
        assert_eq!(text, TEXT.replace("85%", "90%"));
        let text = set(TEXT, "fault.hangs.start", "13m").unwrap();
        assert_eq!(text, TEXT.replace("12m", "13m"));
        let text = set(TEXT, "guard.search.retry.attempts", "5").unwrap();
        assert_eq!(text, TEXT.replace("attempts = 3", "attempts = 5"));
        assert_eq!(get(&text, "guard.search.retry.attempts").as_deref(), Some("5"));
        assert_eq!(get(&text, "fault.hangs.share").as_deref(), Some("85%"));
    }

    #[test]
    fn what_is_not_there_is_made() {
        let text = set(TEXT, "guard.search.timeout", "2s").unwrap();
        assert_eq!(get(&text, "guard.search.timeout").as_deref(), Some("2s"));
        let text = set(TEXT, "guard.tasks.shed.in_flight_above", "40").unwrap();
        assert_eq!(get(&text, "guard.tasks.shed.in_flight_above").as_deref(), Some("40"));
        let text = set(TEXT, "mocks.search.concurrency", "40").unwrap();
        assert!(text.contains(r#"search = { use = "search-tool", concurrency = 40 }"#), "{text}");
    }

    #[test]
    fn a_path_that_leads_nowhere_says_why() {
        let why = |path: &str| set(TEXT, path, "1").unwrap_err();
        assert_eq!(why("fault.other.share"), "`fault.other.share`: no `fault` is called `other`");
        assert_eq!(why("fault.share"), "`fault.share`: `fault` is a list; name an entry of it");
        assert_eq!(why("duration.much"), "`duration.much`: `duration` is no table");
        assert_eq!(get(TEXT, "fault.other.share"), None);
    }

    #[test]
    fn a_fault_or_a_control_is_taken_away_whole() {
        let text = remove(TEXT, "fault.hangs").unwrap();
        assert_eq!((names(TEXT, "fault"), names(&text, "fault")), (vec!["hangs".to_owned()], vec![]));
        assert!(get(&remove(TEXT, "guard.search.retry").unwrap(), "guard.search.retry.attempts").is_none());
        assert_eq!(remove(TEXT, "fault.other"), None);
        assert_eq!(kind(TEXT, "hangs").as_deref(), Some("hang"));
    }
}
