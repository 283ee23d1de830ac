//! Changes written with one content and read with another.

use super::*;
use crate::model::{PortRange, Translation};

/// The small schema with some texts in others' places.
fn changed(edits: &[(&str, &str)]) -> Schema {
    let mut text = SMALL.to_owned();
    for (old, new) in edits {
        assert!(text.contains(old), "there is no `{old}`");
        text = text.replacen(old, new, 1);
    }
    schema(&text)
}

/// What of the edits of the kind's facets, by name, is left with other content, and how much is
/// not taken.
fn left(facets: &[(&str, FacetEdit)], edits: &[(&str, &str)]) -> (Vec<(String, FacetEdit)>, usize) {
    let (writer, reader) = (schema(SMALL), changed(edits));
    let bytes = encode(&saying(&writer, facets.to_vec()), &origin(), &writer);
    let received = decode(&bytes, &reader).expect("it reads");
    let write = received.change.writes.into_iter().next().expect("the write is there");
    let Edit::Facets(facets) = write.edit else { panic!("facets") };
    let name = |facet| reader.facet(write.target.kind, facet).name.to_string();
    (facets.into_iter().map(|(facet, edit)| (name(facet), edit)).collect(), received.unknown)
}

fn named(facets: &[(&str, FacetEdit)]) -> Vec<(String, FacetEdit)> {
    facets.iter().map(|(name, edit)| ((*name).to_owned(), edit.clone())).collect()
}

fn ssh() -> Value {
    Value::Ports([PortRange { first: 22, last: 22 }].into(), true)
}

fn deny() -> Value {
    Value::Str("deny".into())
}

fn gone(value: Value) -> FacetEdit {
    let remove = vec![ElementRef::Key(value)];
    FacetEdit::Elements { replace: false, put: Vec::new(), remove, keep: Vec::new() }
}

const RULES: &str = "rules: {type: set<rule>, key: [ports]}";
const PORTS: &str = "ports: {type: ports, default: all}";
const WORDS: (&str, &str) = ("[allow, deny]", "[allow]");

#[test]
fn a_facet_that_fits_no_more_is_unknown_and_its_siblings_stay() {
    let rule = rule([ssh(), deny(), Value::Unsaid]);
    let rules = ("rules", elements(vec![element(rule.clone())]));
    let removed = ("rules", gone(rule.clone()));
    let first = ("first", FacetEdit::Set(rule));
    let all = ("all", FacetEdit::Set(Value::List([].into(), true)));
    let count = ("count", FacetEdit::Set(Value::Int(1)));
    for (facet, edits) in [
        (&rules, &[(RULES, "rules: {type: list<rule>}")][..]),
        (&rules, &[(RULES, "rules: {type: set<string>}")]),
        (&rules, &[(RULES, "rules: int")]),
        (&rules, &[WORDS]),
        (&removed, &[WORDS]),
        (&rules, &[(PORTS, "ports: string")]),
        // Nobody said what now tells elements apart.
        (&rules, &[(PORTS, "ports: ports\n    side: string"), ("[ports]", "[ports, side]")]),
        (&removed, &[(PORTS, "ports: ports\n    side: string"), ("[ports]", "[side]")]),
        (&first, &[("first: rule", "first: {type: set<rule>, key: [ports]}")]),
        (&first, &[("first: rule", "first: list<rule>")]),
        (&first, &[WORDS]),
        (&all, &[("all: list<rule>", "all: {type: set<rule>, key: [ports]}")]),
        (&count, &[("count: int", "count: string")]),
        (&count, &[("count: int", "count: double")]),
        (&count, &[("count: int", "count: time")]),
    ] {
        let sibling = ("anything", FacetEdit::Set(Value::Int(2)));
        let (left, unknown) = left(&[facet.clone(), sibling.clone()], edits);
        assert_eq!(left, named(&[(facet.0, FacetEdit::Unknown), sibling]), "{edits:?}");
        assert_eq!(unknown, 1, "{edits:?}");
    }
}

#[test]
fn a_facet_that_still_fits_crosses() {
    let rule = rule([ssh(), deny(), Value::Unsaid]);
    let rules = ("rules", elements(vec![element(rule.clone())]));
    let first = ("first", FacetEdit::Set(rule));
    for edits in [
        [("[allow, deny]", "[log, deny, allow]")],
        [("key: [ports]", "key: [action]")],
        [("first: rule", "first: json")],
        [("count: int", "before: int")],
        [("types:\n", "types:\n  before: {here: bool}\n")],
    ] {
        let (mut left, unknown) = left(&[rules.clone(), first.clone()], &edits);
        // The number of a record type is this content's own.
        let place = changed(&edits).record_names["rule"];
        for (_, edit) in &mut left {
            let value = match edit {
                FacetEdit::Set(value) => value,
                FacetEdit::Elements { put, .. } => &mut put[0].value,
                FacetEdit::Unknown => panic!("{edits:?}: unknown"),
            };
            let Value::Record(id, _) = value else { panic!("a record") };
            assert_eq!(std::mem::replace(id, RecordId(0)), place);
        }
        assert_eq!(left, named(&[rules.clone(), first.clone()]), "{edits:?}");
        assert_eq!(unknown, 0, "{edits:?}");
    }
}

#[test]
fn what_has_no_name_is_left_out_and_counted() {
    let count = ("count", FacetEdit::Set(Value::Int(1)));
    let first = ("first", FacetEdit::Unknown);
    // What is computed here is nothing that an event says.
    let computed = "  numbers: map<int>\nderive: {count: {type: int, is: 'size(numbers)'}}\n";
    for edits in [
        &[("  count: int\n", "")][..],
        &[("  count: int\n", "  total: int\n")],
        &[("  count: int\n", ""), ("  numbers: map<int>\n", computed)],
    ] {
        let (left, unknown) = left(&[count.clone(), first.clone()], edits);
        assert_eq!((left, unknown), (named(std::slice::from_ref(&first)), 1), "{edits:?}");
    }
}

#[test]
fn writes_and_acts_without_a_name_are_left_out_and_counted() {
    let writer = schema(SMALL);
    let change = full(&writer);
    let bytes = encode(&change, &origin(), &writer);
    let read = |edits: &[(&str, &str)]| {
        let received = decode(&bytes, &changed(edits)).expect("it reads");
        let Change { writes, acts, .. } = received.change;
        (writes.len(), acts.len(), received.unknown)
    };
    assert_eq!(read(&[]), (2, 1, 0));
    assert_eq!(read(&[("seen:", "heard:")]), (2, 0, 1), "the act");
    // What the act was done to is of that kind.
    assert_eq!(
        read(&[("id: test.group", "id: test.other"), ("ref test.group", "ref test.other")]),
        (0, 0, 3)
    );
    // One write says of it, the other looks its resource up by it.
    assert_eq!(read(&[("  count: int\n", "")]), (1, 1, 2));
}

#[test]
fn an_id_finds_the_resource_where_the_facet_to_look_it_up_by_has_no_name() {
    let writer = schema(SMALL);
    let mut change = saying(&writer, Vec::new());
    let count = writer.kinds[0].facet("count").expect("it is there").id;
    change.writes[0].target.lookup = Some((count, "text".into()));
    let bytes = encode(&change, &origin(), &writer);
    let received = decode(&bytes, &changed(&[("  count: int\n", "")])).expect("it reads");
    let target = Target { lookup: None, ..change.writes[0].target.clone() };
    assert_eq!((&received.change.writes[0].target, received.unknown), (&target, 0));
}

#[test]
fn a_field_of_an_act_that_fits_no_more_is_unknown() {
    let writer = schema(SMALL);
    let fields = [Value::Time(Timestamp(1)), rule([ssh(), deny(), Value::Unsaid])].into();
    let act = Act { act: 0, resource: None, fields };
    let bytes = encode(&Change { acts: vec![act.clone()], ..silent() }, &origin(), &writer);
    for (edits, left, unknown) in [
        (("at: time", "at: int"), [Value::Unknown, act.fields[1].clone()], 1),
        (WORDS, [act.fields[0].clone(), Value::Unknown], 1),
        (("{at: time, of", "{of"), [act.fields[1].clone(), Value::Unsaid], 1),
        (("{at: time, of", "{by: string, of"), [Value::Unsaid, act.fields[1].clone()], 1),
    ] {
        let received = decode(&bytes, &changed(&[edits])).expect("it reads");
        let fields = &received.change.acts[0].fields;
        assert_eq!(**fields, left[..fields.len()], "{edits:?}");
        assert_eq!(received.unknown, unknown, "{edits:?}");
    }
}

#[test]
fn fields_the_writer_has_no_name_for_keep_what_is_known() {
    let put = vec![element(rule([ssh(), deny(), Value::Unsaid]))];
    let rules = FacetEdit::Elements { replace: true, put, remove: Vec::new(), keep: vec![1] };
    let edits = [("    host: ref test.group\n", "    added: time\n    note: string\n")];
    let (left, unknown) = left(&[("rules", rules)], &edits);
    let FacetEdit::Elements { put, keep, .. } = &left[0].1 else { panic!("elements") };
    let fields = vec![ssh(), deny(), Value::Unsaid, Value::Unsaid];
    assert_eq!(put[0].value, Value::Record(RecordId(0), fields.into()));
    assert_eq!((keep, unknown), (&vec![1, 2, 3], 0));
}

#[test]
fn what_a_field_said_that_has_no_name_is_counted() {
    let host = Value::Str("the host".into());
    let first = ("first", FacetEdit::Set(rule([ssh(), deny(), host])));
    let (left, unknown) = left(&[first], &[("    host: ref test.group\n", "")]);
    let fields = vec![ssh(), deny()];
    let expected = FacetEdit::Set(Value::Record(RecordId(0), fields.into()));
    assert_eq!((&left[0].1, unknown), (&expected, 1));
}

/// The same kinds, facets, record types, fields and acts, in other places.
const MOVED: &str = "
apiVersion: driftline/v1
kind: Types
types:
  before: {here: bool}
  rule:
    host: ref test.group
    action: {enum: [deny, allow], default: allow}
    ports: {type: ports, default: all}
---
apiVersion: driftline/v1
kind: Acts
acts:
  before: {here: bool}
  seen: {of: rule, at: time}
---
apiVersion: driftline/v1
kind: Kind
id: test.before
area: identity
---
apiVersion: driftline/v1
kind: Kind
id: test.group
area: virtual firewalls
facets:
  anything: json
  count: int
  first: rule
  rules: {type: set<rule>, key: [ports]}
  numbers: map<int>
  all: list<rule>
";

#[test]
fn with_the_same_names_in_other_places_it_is_the_change_under_the_new_numbers() {
    let (writer, reader) = (schema(SMALL), schema(MOVED));
    let change = full(&writer);
    let mut read = decode(&encode(&change, &origin(), &writer), &reader).expect("it reads");
    let mut moved = Translation::between(&writer, &reader).change(change);
    assert_eq!(read.unknown, 0);
    // Both say what is kept; a translation tells it in the order of the fields, and facets too.
    for write in read.change.writes.iter_mut().chain(&mut moved.writes) {
        let Edit::Facets(facets) = &mut write.edit else { continue };
        facets.sort_by_key(|(facet, _)| *facet);
        for (_, edit) in facets {
            if let FacetEdit::Elements { keep, .. } = edit {
                keep.sort_unstable();
            }
        }
    }
    assert_eq!(read.change, moved);
}
