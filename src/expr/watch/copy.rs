//! Borrowed values into owned ones, cut to what a reader can take in.

use crate::expr::api::Call;
use crate::model::{Val, Value};

use super::{Clean, mark};

/// Items of a list or a map.
pub const ITEMS: usize = 16;

/// Bytes of a text.
pub const TEXT: usize = 400;

/// Lists, maps and records within each other.
pub const LEVELS: usize = 6;

/// A copy; resources by their ids.
pub(super) fn value<'a>(of: &Val<'a>, call: &Call<'a, '_>, clean: Clean) -> Value {
    copy(of, call, clean, LEVELS)
}

fn copy<'a>(of: &Val<'a>, call: &Call<'a, '_>, clean: Clean, levels: usize) -> Value {
    let nested = matches!(of, Val::List(_) | Val::Map(_) | Val::Record(_));
    if nested && levels == 0 {
        return mark("...".to_owned());
    }
    let below = |item: &Val<'a>| copy(item, call, clean, levels.saturating_sub(1));
    match of {
        Val::Str(whole) => text(whole, clean),
        Val::Resource(handle) => match call.world.id(*handle) {
            Val::Str(id) => text(id, clean),
            _ => Value::Unknown,
        },
        Val::List(seq) => {
            let mut items: Vec<Value> = seq.items.iter().take(ITEMS).map(below).collect();
            if let Some(more) = beyond(seq.items.len()) {
                items.push(mark(more));
            }
            Value::List(items.into(), seq.whole)
        }
        Val::Map(entries) => {
            let entry = |(key, item): &(&str, Val<'a>)| (cut(key, clean).into(), below(item));
            let mut copied: Vec<_> = entries.iter().take(ITEMS).map(entry).collect();
            if let Some(more) = beyond(entries.len()) {
                copied.push(("...".into(), mark(more)));
            }
            Value::Map(copied.into())
        }
        Val::Record(record) => {
            Value::Record(record.ty.id, record.fields.iter().map(below).collect())
        }
        Val::Ports(set) => {
            Value::Ports(set.ranges.iter().take(ITEMS).copied().collect(), set.whole)
        }
        other => other.to_value(),
    }
}

fn text(whole: &str, clean: Clean) -> Value {
    mark(cut(whole, clean))
}

/// Cleaned, then cut at a character's edge.
fn cut(whole: &str, clean: Clean) -> String {
    let mut text = clean(whole).into_owned();
    if text.len() > TEXT {
        let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

fn beyond(count: usize) -> Option<String> {
    count.checked_sub(ITEMS).filter(|more| *more > 0).map(|more| format!("... {more} more"))
}
