//! What one event says of one facet, held to the bounds of its size.

use crate::model::{Act, ElementRef, FacetEdit, Limits, Value};

/// Why a facet is not taken as it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// More elements than `limits.elements`: the first ones are taken, and that there are others.
    Elements,
    /// More bytes than `limits.facet_bytes`: it becomes unknown.
    Bytes,
}

impl Cut {
    /// For people.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Elements => {
                "its body has more elements of this than are kept (`limits.elements`)"
            }
            Self::Bytes => "its body says more of this than is kept (`limits.facet_bytes`)",
        }
    }
}

/// Holds an edit to the bounds; what was cut, where something was.
///
/// Where elements are cut, those that are not named may be among the others: the edit is then no
/// replacement any more, and belongs behind one that makes the facet unknown.
pub fn bound(edit: &mut FacetEdit, limits: &Limits) -> Option<Cut> {
    let mut cut = None;
    if let FacetEdit::Elements { replace, put, .. } = edit
        && put.len() > limits.elements
    {
        put.truncate(limits.elements);
        *replace = false;
        cut = Some(Cut::Elements);
    }
    if edit_bytes(edit) > limits.facet_bytes {
        *edit = FacetEdit::Unknown;
        cut = Some(Cut::Bytes);
    }
    cut
}

/// Makes the fields of a deed unknown that are too large.
pub fn bound_act(act: &mut Act, limits: &Limits) {
    for field in act.fields.iter_mut().filter(|field| bytes(field) > limits.facet_bytes) {
        *field = Value::Unknown;
    }
}

fn edit_bytes(edit: &FacetEdit) -> usize {
    match edit {
        FacetEdit::Unknown => 0,
        FacetEdit::Set(value) => bytes(value),
        FacetEdit::Elements { put, remove, .. } => {
            let put = put.iter().map(|element| {
                let names = [&element.id, &element.alias].into_iter().flatten();
                names.map(|name| name.len()).sum::<usize>() + bytes(&element.value)
            });
            let remove = remove.iter().map(|reference| match reference {
                ElementRef::Id(id) => id.len(),
                ElementRef::Key(value) => bytes(value),
            });
            put.sum::<usize>() + remove.sum::<usize>()
        }
    }
}

/// About as many bytes as the value takes when encoded: texts as they are, a word for each value.
fn bytes(value: &Value) -> usize {
    const WORD: usize = 8;
    WORD + match value {
        Value::Str(text) => text.len(),
        Value::Ports(ranges, _) => WORD * ranges.len(),
        Value::List(items, _) | Value::Record(_, items) => items.iter().map(bytes).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| key.len() + bytes(value)).sum(),
        Value::Unsaid
        | Value::None
        | Value::Unknown
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Double(_)
        | Value::Time(_)
        | Value::Duration(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Element;

    fn text(length: usize) -> Value {
        Value::Str("x".repeat(length).into())
    }

    #[test]
    fn a_value_at_the_bound_stays_and_one_byte_more_is_unknown() {
        let limits = Limits { facet_bytes: 100, ..Limits::default() };
        let nested =
            |length| Value::List([Value::Map([("k".into(), text(length))].into())].into(), true);
        for (length, cut) in [(75, None), (76, Some(Cut::Bytes))] {
            let mut edit = FacetEdit::Set(nested(length));
            assert_eq!(bound(&mut edit, &limits), cut, "{length}");
            assert_eq!(edit == FacetEdit::Unknown, cut.is_some());
        }
    }

    #[test]
    fn elements_at_the_bound_stay_and_one_more_makes_the_set_no_whole() {
        let limits = Limits { elements: 3, ..Limits::default() };
        for (count, cut) in [(3, None), (4, Some(Cut::Elements))] {
            let put = (0..count).map(|n| Element {
                id: None,
                alias: None,
                value: Value::Int(n),
                part: false,
            });
            let mut edit = FacetEdit::Elements {
                replace: true,
                put: put.collect(),
                remove: Vec::new(),
                keep: Vec::new(),
            };
            assert_eq!(bound(&mut edit, &limits), cut);
            let FacetEdit::Elements { replace, put, .. } = edit else { panic!("still elements") };
            assert_eq!((replace, put.len()), (cut.is_none(), 3));
        }
    }
}
