//! Schemas are the same behind their bytes, and translations between them.

use proptest::prelude::*;
use prost::Message as _;

use super::super::messages::{self, Names};
use super::super::tests::{complete, pack, refuses_what_is_newer, schema, shown, text};
use super::*;
use crate::model::{Act, Cause, Cell, Change, Operation, Provider, Source, Translation, Value};

const SMALL: &str = "
apiVersion: driftline/v1
kind: Types
types:
  one_of_each:
    truth: {type: bool, default: true}
    integer: {type: int, default: -3}
    number: {type: double, default: 0.5}
    instant: {type: time, default: 1970-01-01T00:00:01Z}
    span: {type: duration, default: 2s}
    anything: {type: json, default: {key: text}}
  rule:
    ports: {type: ports, default: '22,80-90'}
    action: {enum: [allow, deny], default: allow}
    peers: {type: list<peer>, default: [any]}
    host: ref test.host
---
apiVersion: driftline/v1
kind: Acts
acts:
  seen: {at: time, of: rule}
---
apiVersion: driftline/v1
kind: Kind
id: test.host
area: virtual hosts
facets:
  labels: map<string>
  account: one test.group
  groups: back test.group.first.host
---
apiVersion: driftline/v1
kind: Kind
id: test.group
area: virtual firewalls
facets:
  rules: {type: set<rule>, key: [ports, action]}
  first: {type: rule, default: {ports: none}}
derive: {open: {type: bool, is: \"rules.exists(r, r.action == 'allow')\"}}
";

fn same(one: &Schema, other: &Schema) {
    assert_eq!(format!("{:?}", one.records), format!("{:?}", other.records));
    assert_eq!(format!("{:?}", one.acts), format!("{:?}", other.acts));
    assert_eq!(one.record_names, other.record_names);
    assert_eq!(one.kind_names, other.kind_names);
    assert_eq!(one.kinds.len(), other.kinds.len());
    for (one, other) in one.kinds.iter().zip(&other.kinds) {
        assert_eq!((one.id, &one.name, one.area), (other.id, &other.name, other.area));
        assert_eq!(format!("{:?}", one.facets), format!("{:?}", other.facets));
        assert_eq!(one.by_name, other.by_name);
    }
}

fn again(schema: &Schema) -> Schema {
    decode(&encode(schema)).expect("it reads")
}

#[test]
fn the_shipped_schema_is_the_same_behind_its_bytes() {
    let shipped = &pack().schema;
    let read = again(shipped);
    same(shipped, &read);
    assert!(Translation::between(&read, shipped).is_identity());
    assert!(Translation::between(shipped, &read).is_identity());
    assert_eq!(fingerprint(shipped), fingerprint(&read));
}

/// What a translation does with everything that can be asked of it.
fn told(old: &Schema, new: &Schema) -> String {
    let translation = Translation::between(old, new);
    let mut told = Vec::new();
    for kind in &old.kinds {
        told.push(format!("{} {:?}", kind.name, translation.kind(kind.id)));
        let facet = |facet: &Facet| (facet.name.clone(), translation.facet(kind.id, facet.id));
        told.push(format!("{:?}", kind.facets.iter().map(facet).collect::<Vec<_>>()));
    }
    let numbers = |record: &RecordType| (0..).map(Value::Int).take(record.fields.len()).collect();
    for record in &old.records {
        let value = translation.value(Value::Record(record.id, numbers(record)));
        told.push(format!("{} {value:?}", record.name));
    }
    let act = |act: &RecordType| Act { act: act.id.0, resource: None, fields: numbers(act) };
    let change = translation.change(Change {
        cell: Cell { tenant: "t".into(), provider: Provider::Aws, account: "a".into() },
        cause: Arc::new(Cause::nobody()),
        source: Source::Activity,
        operation: Operation::Single,
        writes: Vec::new(),
        acts: old.acts.iter().map(act).collect(),
        blind: false,
        failed: false,
    });
    told.push(format!("{:?} {}", change.acts, translation.is_identity()));
    told.join("\n")
}

#[test]
fn a_translation_from_names_is_the_one_from_the_schema_they_were_written_of() {
    let small = schema(SMALL);
    for (what, old, new) in [
        ("a facet goes", "  labels: map<string>\n", ""),
        ("a facet comes", "  labels: map", "  before: bool\n  labels: map"),
        ("a facet has another type", "map<string>", "map<int>"),
        ("a set is a list", "{type: set<rule>, key: [ports, action]}", "list<rule>"),
        ("a set has another key", "[ports, action]", "[ports]"),
        ("a word goes", "[allow, deny]", "[allow]"),
        ("a field goes", "    peers: {type: list<peer>, default: [any]}\n", ""),
        ("a field has another type", "peers: {type: list<peer>, default: [any]}", "peers: int"),
        ("a record type comes first", "types:\n", "types:\n  before: {here: bool}\n"),
        ("an act tells less", "{at: time, of: rule}", "{of: rule}"),
        ("an act goes", "seen: {", "heard: {"),
        (
            "a kind comes first",
            "---\n",
            "---\napiVersion: driftline/v1\nkind: Kind\nid: a.b\narea: identity\n---\n",
        ),
    ] {
        assert!(SMALL.contains(old), "{what}");
        let changed = schema(&SMALL.replacen(old, new, 1));
        assert_ne!(fingerprint(&small), fingerprint(&changed), "{what}");
        let both = [told(&small, &changed), told(&changed, &small)];
        assert_eq!(told(&again(&small), &changed), both[0], "{what}");
        assert_eq!(told(&again(&changed), &small), both[1], "{what}, backwards");
        assert!(both.iter().any(|told| told.ends_with("false")), "{what}: {both:?}");
    }
}

#[test]
fn what_is_written_is_what_the_proto_file_declares() {
    let mut small = schema(SMALL);
    small.acts[0].fields[0].ty = Type::Null;
    same(&small, &again(&small));
    let shown = shown("names.proto", "Names", &encode(&small));
    let text = text(&shown);
    for part in [
        r#"version: 1 records: [{ name: "one_of_each" fields: [{ name: "truth" type { sort: SORT_BOOL } default { truth: true } }"#,
        r#"{ name: "integer" type { sort: SORT_INT } default { integer: -3 } }"#,
        r#"{ name: "number" type { sort: SORT_DOUBLE } default { number: 0.5 } }"#,
        r#"{ name: "instant" type { sort: SORT_TIME } default { time_micros: 1000000 } }"#,
        r#"{ name: "span" type { sort: SORT_DURATION } default { duration_micros: 2000000 } }"#,
        r#"{ name: "anything" type { sort: SORT_JSON } default { form: FORM_MAP items: [{ text: "text" }] keys: ["key"] } }"#,
        r#"{ name: "rule" fields: [{ name: "ports" type { sort: SORT_PORTS } default { form: FORM_PORTS ports: [22, 22, 80, 90] } }"#,
        r#"{ name: "action" type { sort: SORT_ENUM words: ["allow", "deny"] } default { text: "allow" } }"#,
        r#"{ name: "peers" type { sort: SORT_LIST item { sort: SORT_PEER } } default { form: FORM_LIST items: [{ text: "any" }] } }"#,
        r#"{ name: "host" type { sort: SORT_RESOURCE } }"#,
        r#"kinds: [{ name: "test.host" area: "virtual hosts" facets: [{ name: "name" type { sort: SORT_STRING } origin: ORIGIN_SAID }"#,
        r#"{ name: "labels" type { sort: SORT_MAP item { sort: SORT_STRING } } origin: ORIGIN_SAID }"#,
        r#"{ name: "account" type { sort: SORT_RESOURCE place: 1 } origin: ORIGIN_ONE of_kind: 1 }"#,
        r#"{ name: "groups" type { sort: SORT_LIST item { sort: SORT_RESOURCE place: 1 } } origin: ORIGIN_BACK of_kind: 1 of_facet: 6 of_field: 3 }"#,
        r#"{ name: "rules" type { sort: SORT_LIST item { sort: SORT_RECORD place: 1 } } origin: ORIGIN_SAID is_set: true key: [0, 1] }"#,
        r#"{ name: "first" type { sort: SORT_RECORD place: 1 } origin: ORIGIN_SAID default { form: FORM_RECORD items: [{ form: FORM_PORTS }"#,
        r#"{ name: "open" type { sort: SORT_BOOL } origin: ORIGIN_DERIVED }"#,
        r#"acts: [{ name: "seen" fields: [{ name: "at" type { sort: SORT_NULL } }, { name: "of" type { sort: SORT_RECORD place: 1 } }] }]"#,
    ] {
        assert!(text.contains(part), "not there: {part}\nin: {text}");
    }
    complete(&[shown]);
}

#[test]
fn newer_and_other_bytes_are_told_apart() {
    refuses_what_is_newer(|bytes| decode(bytes).map(|schema| schema.kinds.len()));
}

#[test]
fn a_number_that_names_nothing_is_refused() {
    let small = Names::decode(encode(&schema(SMALL)).as_slice()).expect("it reads");
    let refused = |why: &str, change: &dyn Fn(&mut Names)| {
        let mut names = small.clone();
        change(&mut names);
        let told = decode(&names.encode_to_vec()).map(|_| ()).expect_err(why);
        assert_eq!(told, WireError::Malformed(why.to_owned()));
    };
    let (host, group) = (0, 1);
    let (account, groups, rules, first) = (6, 7, 5, 6);
    assert_eq!(small.kinds[host].facets[groups].name, "groups");
    let no = |what: &str, number: u32| format!("no {what} has the number {number}");
    refused(&no("kind", 2), &|n| n.kinds[host].facets[account].of_kind = 2);
    refused(&no("kind", 2), &|n| n.kinds[host].facets[groups].of_kind = 2);
    refused(&no("referring facet", 99), &|n| n.kinds[host].facets[groups].of_facet = 99);
    refused(&no("referring facet or field", 1 << 16), &|n| {
        n.kinds[host].facets[groups].of_facet = 1 << 16;
    });
    refused(&no("referring field", 4), &|n| n.kinds[host].facets[groups].of_field = Some(4));
    refused(&no("referring field", 3), &|n| n.kinds[host].facets[groups].of_facet = 0);
    refused(&no("key field", 4), &|n| n.kinds[group].facets[rules].key = vec![4]);
    refused(&no("key field", 0), &|n| n.kinds[group].facets[0].key = vec![0]);
    refused(&no("record type", 1), &|n| n.records.truncate(1));
    refused(&no("kind", 0), &|n| n.kinds.clear());
    let missing = "a type is missing";
    refused(missing, &|n| n.kinds[group].facets[0].r#type = None);
    let list = messages::names::Type { sort: Sort::List.into(), ..Default::default() };
    refused(missing, &|n| n.acts[0].fields[0].r#type = Some(list.clone()));
    let sort = messages::names::Type { sort: 99, ..Default::default() };
    refused("a type of no known sort", &|n| n.acts[0].fields[0].r#type = Some(sort.clone()));
    refused("a facet of no known origin", &|n| n.kinds[group].facets[0].origin = 9);
    refused("no area is called `clouds`", &|n| n.kinds[group].area = "clouds".to_owned());
    let twice = "two of one name";
    refused(twice, &|n| n.kinds[group].name = n.kinds[host].name.clone());
    refused(twice, &|n| n.kinds[group].facets[1].name = n.kinds[group].facets[0].name.clone());
    refused(twice, &|n| n.records.push(n.records[0].clone()));
    refused(twice, &|n| n.acts.push(n.acts[0].clone()));
    refused("no record type has the place 9", &|n| {
        let default = n.kinds[group].facets[first].default.as_mut();
        default.expect("it has one").record = 9;
    });
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_change_of_a_byte_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        static SMALL_BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = SMALL_BYTES.get_or_init(|| encode(&schema(SMALL))).clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = decode(&bytes) {
            // Whatever is read can be used.
            let small = again(&read);
            let _ = told(&small, &read);
        }
    }
}
