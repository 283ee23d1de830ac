//! What each part of an expression came to, as indented lines or as JSON.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::alert::clean;
use crate::model::trace::{Got, Part, Sort};
use crate::model::{Schema, Value};

/// Columns of a line, where it can be kept to.
pub(super) const COLUMNS: usize = 100;

/// Columns that a line may be indented by.
const DEEPEST: usize = 56;

/// Columns that a part's text keeps, whatever its value takes.
const SOURCE: usize = 40;

/// Columns that a value keeps.
const VALUE: usize = 12;

/// Bytes of a value in JSON.
const SHOWN: usize = 2_000;

/// Writes `part` and those below it, one a line, the first indented by `indent` columns.
pub(super) fn lines(out: &mut String, part: &Part, indent: usize, schema: &Schema) {
    let at = indent.min(DEEPEST);
    let _ = writeln!(out, "{:at$}{}", "", line(part, COLUMNS - at, schema));
    for below in &part.parts {
        lines(out, below, indent + 2, schema);
    }
    if part.more > 0 {
        let at = (indent + 2).min(DEEPEST);
        let _ = writeln!(out, "{:at$}... and {} more", "", part.more);
    }
}

/// One part on one line.
fn line(part: &Part, columns: usize, schema: &Schema) -> String {
    let text = one_line(&part.text);
    let sign = if part.sort == Sort::Element { ": " } else { " = " };
    let sign = format!("{}{sign}", read_from(part));
    let note =
        if part.note.is_empty() { String::new() } else { format!("  ({})", safe(&part.note)) };
    let value = match &part.got {
        Got::Skipped => return format!("{}  not evaluated", cut(&text, columns - 15)),
        Got::Failed(why) => format!("no value: {why}"),
        Got::Value(value) => told(value, schema),
    };
    // The text gives way first, then the value; neither below what still says something.
    let fixed = sign.chars().count() + note.chars().count();
    let taken = value.chars().count() + fixed;
    let text = cut(&text, columns.saturating_sub(taken).max(SOURCE.min(columns / 3)));
    let room = columns.saturating_sub(text.chars().count() + fixed);
    format!("{text}{sign}{}{note}", cut(&value, room.max(VALUE)))
}

/// Where it was read; the facet only where the text does not end in it.
fn read_from(part: &Part) -> String {
    if part.read.is_empty() {
        return String::new();
    }
    let whole = safe(&part.read);
    let short = whole.rsplit_once(" .").filter(|(_, facet)| part.text.ends_with(facet));
    format!(" <- {}", short.map_or(&*whole, |(resource, _)| resource))
}

/// A value in words: what is not there says in which way.
pub(super) fn told(value: &Value, schema: &Schema) -> String {
    match value {
        Value::Unknown => "unknown".to_owned(),
        Value::Unsaid => "unsaid".to_owned(),
        Value::None => "none".to_owned(),
        Value::Ports(_, false) => format!("partial {}", safe(&value.to_json(schema).to_string())),
        Value::List(items, whole) => {
            let items: Vec<String> = items.iter().map(|item| told(item, schema)).collect();
            format!("{}[{}]", if *whole { "" } else { "partial " }, items.join(","))
        }
        _ => safe(&value.to_json(schema).to_string()),
    }
}

/// The same as JSON.
pub(super) fn json(part: &Part, schema: &Schema) -> Json {
    let (state, value) = match &part.got {
        Got::Skipped => ("skipped", Json::Null),
        Got::Failed(why) => ("failed", Json::from(&**why)),
        Got::Value(Value::Unknown) => ("unknown", Json::Null),
        Got::Value(Value::Unsaid) => ("unsaid", Json::Null),
        Got::Value(Value::None) => ("none", Json::Null),
        Got::Value(value @ (Value::List(_, false) | Value::Ports(_, false))) => {
            ("partial", value.to_json(schema))
        }
        Got::Value(value) => ("known", value.to_json(schema)),
    };
    let parts: Vec<Json> = part.parts.iter().map(|below| json(below, schema)).collect();
    let mut told = json!({"sort": part.sort.as_str(), "text": one_line(&part.text), "is": state});
    for (name, value, there) in [
        ("value", value, matches!(state, "known" | "partial" | "failed")),
        ("read", Json::from(&*part.read), !part.read.is_empty()),
        ("note", Json::from(&*part.note), !part.note.is_empty()),
        ("parts", Json::from(parts), !part.parts.is_empty()),
        ("more", Json::from(part.more), part.more > 0),
    ] {
        if there {
            told[name] = value;
        }
    }
    told
}

/// An expression, its line breaks and indents gone.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn safe(text: &str) -> String {
    clean::text(text, SHOWN)
}

/// At most so many characters, the cut marked.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, got: Got, parts: Vec<Part>) -> Part {
        Part {
            sort: Sort::Expression,
            text: text.into(),
            read: "".into(),
            got,
            note: "".into(),
            parts,
            more: 0,
        }
    }

    #[test]
    fn what_is_not_there_says_in_which_way_and_what_was_not_asked_says_so() {
        let parts = vec![
            part("a", Got::Value(Value::Unknown), Vec::new()),
            part("b", Got::Value(Value::Unsaid), Vec::new()),
            part("c", Got::Value(Value::List([Value::Int(1)].into(), false)), Vec::new()),
            part("d", Got::Skipped, Vec::new()),
            part("e", Got::Failed("division by zero".into()), Vec::new()),
        ];
        let whole = Part { more: 3, ..part("f", Got::Value(Value::Bool(true)), parts) };
        let mut out = String::new();
        lines(&mut out, &whole, 1, &Schema::default());
        assert_eq!(
            out,
            " f = true\n   a = unknown\n   b = unsaid\n   c = partial [1]\n   \
             d  not evaluated\n   e = no value: division by zero\n   ... and 3 more\n"
        );
        let told = json(&whole, &Schema::default());
        assert_eq!(told["parts"][3], json!({"sort": "expression", "text": "d", "is": "skipped"}));
        assert_eq!(told["parts"][2]["value"], json!([1]));
        assert_eq!((&told["is"], &told["more"]), (&json!("known"), &json!(3)));
    }

    #[test]
    fn a_line_keeps_to_its_columns_however_long_text_and_value_are() {
        let long = part(&"x".repeat(300), Got::Value(Value::Str("y".repeat(300).into())), vec![]);
        let mut out = String::new();
        lines(&mut out, &long, 90, &Schema::default());
        assert!(out.trim_end().chars().count() <= COLUMNS, "{out}");
        assert!(out.contains('x') && out.contains('y'), "{out}");
    }
}
