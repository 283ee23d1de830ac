//! Changes are the same behind their bytes, and with other content never something else.

use proptest::prelude::*;
use prost::Message as _;

use super::super::tests::{complete, pack, refuses_what_is_newer, schema, shown, text};
use super::*;
use crate::model::{
    Act, Cause, Cell, Edit, Element, ElementRef, FacetEdit, Family, Format, KindId, Operation,
    Ownership, Provider, RecordId, Source, Target, Value, Write,
};

mod arbitrary;
mod other_content;
mod shipped;

use arbitrary::{any_change, any_origin};

const SMALL: &str = "
apiVersion: driftline/v1
kind: Types
types:
  rule:
    ports: {type: ports, default: all}
    action: {enum: [allow, deny], default: allow}
    host: ref test.group
---
apiVersion: driftline/v1
kind: Acts
acts:
  seen: {at: time, of: rule}
---
apiVersion: driftline/v1
kind: Kind
id: test.group
area: virtual firewalls
facets:
  rules: {type: set<rule>, key: [ports]}
  first: rule
  count: int
  anything: json
  all: list<rule>
  numbers: map<int>
";

fn origin() -> Origin {
    Origin {
        arrived: Timestamp(11),
        topic: "the topic".into(),
        partition: 12,
        offset: 13,
        reads: true,
    }
}

/// A cause in which each text says which it is.
fn cause() -> Cause {
    Cause {
        id: "the id".into(),
        time: Timestamp(-14),
        format: Format::GcpAudit,
        family: Family::State,
        service: "the service".into(),
        name: "the name".into(),
        region: "the region".into(),
        ownership: Ownership::TenantViaService,
        actor: "the actor".into(),
        actor_name: "the actor_name".into(),
        actor_kind: "the actor_kind".into(),
        credential: "the credential".into(),
        invoked_by: "the invoked_by".into(),
        root: true,
        mfa: Some(false),
        source_ip: "the source_ip".into(),
        user_agent: "the user_agent".into(),
        error: Some("the error".into()),
    }
}

/// A change that says nothing.
fn silent() -> Change {
    Change {
        cell: Cell {
            tenant: "the tenant".into(),
            provider: Provider::Gcp,
            account: "the account".into(),
        },
        cause: Arc::new(cause()),
        source: Source::Snapshot,
        operation: Operation::Single,
        writes: Vec::new(),
        acts: Vec::new(),
        blind: false,
        failed: false,
    }
}

fn rule(fields: [Value; 3]) -> Value {
    Value::Record(RecordId(0), fields.into())
}

/// Edits of the facets of the small schema's kind, by name.
fn saying(schema: &Schema, facets: Vec<(&str, FacetEdit)>) -> Change {
    let kind = schema.kind_named("test.group").expect("it is there");
    let facet = |(name, edit)| (kind.facet(name).expect("it is there").id, edit);
    let edit = Edit::Facets(facets.into_iter().map(facet).collect());
    let target = Target { kind: kind.id, id: Some("the group".into()), lookup: None };
    Change { writes: vec![Write { target, creates: false, edit }], ..silent() }
}

fn element(value: Value) -> Element {
    Element { id: None, alias: None, value, part: false }
}

fn elements(put: Vec<Element>) -> FacetEdit {
    FacetEdit::Elements { replace: false, put, remove: Vec::new(), keep: Vec::new() }
}

/// A change in which everything is said.
fn full(schema: &Schema) -> Change {
    let text = |text: &str| Value::Str(text.into());
    let ports = Value::Ports([crate::model::PortRange { first: 22, last: 23 }].into(), false);
    let put = Element {
        id: Some("the element's id".into()),
        alias: Some("the alias".into()),
        value: rule([ports, text("deny"), Value::Unsaid]),
        part: true,
    };
    let gone = ElementRef::Id("the gone id".into());
    let key = ElementRef::Key(rule([Value::Unknown, Value::None, text("the host")]));
    let rules = FacetEdit::Elements {
        replace: true,
        put: vec![put],
        remove: vec![gone, key],
        keep: vec![2, 1],
    };
    let map = Value::Map(
        [
            ("list".into(), Value::List([Value::Double(0.5)].into(), false)),
            ("span".into(), Value::Duration(-3)),
            ("truth".into(), Value::Bool(true)),
        ]
        .into(),
    );
    let facets = vec![
        ("rules", rules),
        ("count", FacetEdit::Set(Value::Int(-1))),
        ("anything", FacetEdit::Set(map)),
        ("rules", elements(Vec::new())),
        ("first", FacetEdit::Unknown),
    ];
    let mut change = saying(schema, facets);
    change.writes[0].creates = true;
    let kind = KindId(0);
    let lookup = Some((schema.kinds[0].facet("count").expect("it is there").id, "the text".into()));
    let target = Target { kind, id: None, lookup };
    change.writes.push(Write { target, creates: false, edit: Edit::Delete });
    let fields = [Value::Time(Timestamp(-2)), Value::None].into();
    change.acts = vec![Act { act: 0, resource: Some((kind, "the resource".into())), fields }];
    Change { operation: Operation::End("the end".into()), blind: true, failed: true, ..change }
}

fn again(change: &Change, schema: &Schema) -> Received {
    decode(&encode(change, &origin(), schema), schema).expect("it reads")
}

#[test]
fn what_is_written_is_what_the_proto_file_declares() {
    let small = schema(SMALL);
    let change = full(&small);
    assert_eq!(
        again(&change, &small),
        Received { change: change.clone(), origin: origin(), unknown: 0 }
    );
    let message = shown("event.proto", "Event", &encode(&change, &origin(), &small));
    let expected = r#"
        version: 1
        names: ["test.group", "rules", "rule", "ports", "action", "host", "count", "anything", "first", "seen", "at", "of"]
        shapes: [{ name: 2 fields: [3, 4, 5] }, { name: 9 fields: [10, 11] }]
        origin { arrived_micros: 11 topic: "the topic" partition: 12 offset: 13 reads: true }
        tenant: "the tenant" provider: "gcp" account: "the account"
        cause { id: "the id" time_micros: -14 format: "gcp-audit" family: FAMILY_STATE
            ownership: OWNERSHIP_TENANT_VIA_SERVICE service: "the service" name: "the name" region: "the region"
            actor: "the actor" actor_name: "the actor_name" actor_kind: "the actor_kind"
            credential: "the credential" invoked_by: "the invoked_by" root: true mfa: false
            source_ip: "the source_ip" user_agent: "the user_agent" error: "the error" }
        source: SOURCE_SNAPSHOT
        ends: "the end"
        writes: [{ id: "the group" creates: true facets: [
            { name: 1 edit: EDIT_REPLACE
                put: [{ id: "the element\'s id" alias: "the alias"
                    value { form: FORM_RECORD items: [{ form: FORM_PARTIAL_PORTS ports: [22, 23] }, { text: "deny" }, {}] }
                    part: true }]
                remove: [{ id: "the gone id" },
                    { key { form: FORM_RECORD items: [{ form: FORM_UNKNOWN }, { form: FORM_NONE }, { text: "the host" }] } }]
                keep: [5, 4] },
            { name: 6 edit: EDIT_SET set { integer: -1 } },
            { name: 7 edit: EDIT_SET set { form: FORM_MAP
                items: [{ form: FORM_PARTIAL_LIST items: [{ number: 0.5 }] }, { duration_micros: -3 }, { truth: true }]
                keys: ["list", "span", "truth"] } },
            { name: 1 edit: EDIT_MERGE }, { name: 8 edit: EDIT_UNKNOWN }] },
            { lookup_facet: 6 lookup_text: "the text" deletes: true }]
        acts: [{ shape: 1 kind: 0 resource: "the resource" fields: [{ time_micros: -2 }, { form: FORM_NONE }] }]
        blind: true failed: true"#;
    let line =
        |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("[ {", "[{");
    assert_eq!(text(&message), line(expected));

    // What is the first of its table, or excludes another, is not set in this one.
    let mut numbers =
        messages::Event::decode(encode(&change, &origin(), &small).as_slice()).expect("it reads");
    numbers.operation = Some(messages::event::Operation::Starts("the start".into()));
    numbers.writes[0].kind = 1;
    let set = numbers.writes[0].facets[1].set.as_mut().expect("it is set");
    set.record = 1;
    let other = shown("event.proto", "Event", &numbers.encode_to_vec());
    complete(&[message, other]);
}

#[test]
fn newer_and_other_bytes_are_told_apart() {
    let small = schema(SMALL);
    refuses_what_is_newer(|bytes| decode(bytes, &small));
}

/// An older program refuses a change with a word that it does not know as malformed: it is then
/// lost to it. A word more takes a new version for the changes that use it.
#[test]
fn the_words_of_version_1_are_these() {
    let formats: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
    let providers: Vec<_> = Provider::ALL.iter().map(|provider| provider.as_str()).collect();
    let words = format!("{VERSION}: {} / {}", formats.join(" "), providers.join(" "));
    let first = "1: huawei-cts huawei-config aws-cloudtrail aws-config azure-activity \
                 azure-event-grid gcp-audit gcp-asset kubernetes-audit ocsf-api-activity \
                 / huawei aws azure gcp kubernetes other";
    assert_eq!(words, first);
}

#[test]
fn doubles_keep_their_bits() {
    let small = schema(SMALL);
    for bits in [0, 1 << 63, 1, f64::INFINITY.to_bits(), 0x7ff8_0000_0000_1234, u64::MAX] {
        let value = Value::Double(f64::from_bits(bits));
        let read = again(&saying(&small, vec![("anything", FacetEdit::Set(value))]), &small);
        let Edit::Facets(facets) = &read.change.writes[0].edit else { panic!("facets") };
        let FacetEdit::Set(Value::Double(read)) = facets[0].1 else { panic!("a double") };
        assert_eq!(read.to_bits(), bits);
    }
}

#[test]
fn what_stands_for_a_secret_fits_any_map() {
    let small = schema(SMALL);
    for (text, fits) in [(crate::map::redact::REDACTED, true), ("other", false)] {
        let numbers = [("a".into(), Value::Int(1)), ("b".into(), Value::Str(text.into()))];
        let change = saying(&small, vec![("numbers", FacetEdit::Set(Value::Map(numbers.into())))]);
        let read = again(&change, &small);
        assert_eq!((read.change == change, read.unknown), (fits, usize::from(!fits)), "{text}");
    }
}

/// A value of that many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(Value::Int(1), |inner, level| match level % 2 {
        0 => Value::List([inner].into(), true),
        _ => Value::Map([("k".into(), inner)].into()),
    })
}

#[test]
fn a_value_at_the_deepest_level_crosses_and_one_deeper_is_unknown() {
    assert!(crate::model::Limits::default().depth < DEEPEST, "bodies are less deep");
    let mut small = schema(SMALL);
    small.acts[0].fields[0].ty = crate::model::Type::Dyn;
    small.records[0].fields[0].ty = crate::model::Type::Dyn;
    for (levels, fits) in [(DEEPEST, true), (DEEPEST + 1, false)] {
        let record = |levels| rule([nested(levels - 1), Value::Unsaid, Value::Unsaid]);
        let gone = FacetEdit::Elements {
            replace: false,
            put: Vec::new(),
            remove: vec![ElementRef::Key(record(levels))],
            keep: Vec::new(),
        };
        for edit in [
            ("anything", FacetEdit::Set(nested(levels))),
            ("rules", elements(vec![element(record(levels))])),
            ("rules", gone),
        ] {
            let facets = vec![edit, ("count", FacetEdit::Set(Value::Int(1)))];
            let change = saying(&small, facets);
            let read = again(&change, &small).change;
            assert_eq!((read == change, read.blind), (fits, !fits), "{levels}");
            let Edit::Facets(facets) = &read.writes[0].edit else { panic!("facets") };
            assert_eq!(facets[0].1 == FacetEdit::Unknown, !fits);
            assert_eq!(facets[1].1, FacetEdit::Set(Value::Int(1)), "the others cross");
        }
        let fields: Box<[Value]> = [nested(levels), Value::Unsaid].into();
        let act = Act { act: 0, resource: None, fields: fields.clone() };
        let read = again(&Change { acts: vec![act], ..silent() }, &small).change;
        let expected = if fits { fields[0].clone() } else { Value::Unknown };
        assert_eq!(read.acts[0].fields[0], expected, "{levels}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    use messages::event as told;
    let small = schema(SMALL);
    let bytes = encode(&full(&small), &origin(), &small);
    let whole = messages::Event::decode(bytes.as_slice()).expect("it reads");
    let refused = |why: &str, change: &dyn Fn(&mut told::Event)| {
        let mut message = whole.clone();
        change(&mut message);
        let told = decode(&message.encode_to_vec(), &small).expect_err(why);
        assert_eq!(told, WireError::Malformed(why.to_owned()));
    };
    refused("it has no cause", &|m| m.cause = None);
    refused("it has no origin", &|m| m.origin = None);
    refused("its source is no known one", &|m| m.source = 0);
    refused("its family is no known one", &|m| m.cause.as_mut().expect("set").family = 9);
    refused("its ownership is no known one", &|m| m.cause.as_mut().expect("set").ownership = 0);
    refused("no provider is called `ibm`", &|m| m.provider = "ibm".into());
    refused("no format is called ``", &|m| m.cause.as_mut().expect("set").format.clear());
    refused("no name has the place 12", &|m| m.writes[0].kind = 12);
    refused("no name has the place 12", &|m| m.writes[1].lookup_facet = Some(12));
    refused("no name has the place 12", &|m| m.writes[0].facets[0].name = 12);
    refused("no name has the place 12", &|m| m.writes[0].facets[0].keep[0] = 12);
    refused("no name has the place 12", &|m| m.shapes[0].name = 12);
    refused("no name has the place 12", &|m| m.shapes[0].fields[0] = 12);
    refused("no name has the place 12", &|m| m.acts[0].kind = Some(12));
    refused("an act has no shape", &|m| m.acts[0].shape = 2);
    refused("what is gone has facets", &|m| m.writes[0].deletes = true);
    refused("an edit of no known sort", &|m| m.writes[0].facets[0].edit = 0);
    refused("a value is missing", &|m| m.writes[0].facets[1].set = None);
    refused("an element has no value", &|m| m.writes[0].facets[0].put[0].value = None);
    let nameless = "an element that is gone has no name";
    refused(nameless, &|m| m.writes[0].facets[0].remove[0].element = None);
    let more = "a record with more values than fields";
    refused(more, &|m| m.acts[0].fields.push(messages::Value::default()));
    let value = |change: &dyn Fn(&mut messages::Value), why| {
        refused(why, &|m| {
            change(m.writes[0].facets[2].set.as_mut().expect("it is set"));
        });
    };
    value(&|value| drop(value.keys.pop()), "a map with more keys than values, or fewer");
    value(&|value| value.is = Some(messages::Is::Form(0)), "a value of no known form");
    value(&|value| value.is = Some(messages::Is::Form(99)), "a value of no known form");
    let record = |value: &mut messages::Value, record| {
        *value = messages::Value { record, ..messages::Value::default() };
        value.is = Some(messages::Is::Form(messages::Form::Record.into()));
    };
    value(&|value| record(value, 2), "no record type has the place 2");
    for ports in [&[1][..], &[2, 1], &[1, 1 << 16], &[5, 6, 1, 2], &[1, 2, 2, 3]] {
        let set = |value: &mut messages::Value| {
            value.ports = ports.to_vec();
            value.is = Some(messages::Is::Form(messages::Form::Ports.into()));
        };
        value(&set, "ports that are no ascending ranges");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn encoding_and_decoding_is_the_identity(change in any_change(), origin in any_origin()) {
        let schema = &pack().schema;
        let read = decode(&encode(&change, &origin, schema), schema);
        prop_assert_eq!(read, Ok(Received { change, origin, unknown: 0 }));
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode(&bytes, &pack().schema);
    }

    #[test]
    fn no_change_of_bytes_panics(
        change in any_change(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let schema = &pack().schema;
        let mut bytes = encode(&change, &origin(), schema);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes, schema);
        bytes.truncate(end.index(bytes.len()));
        let _ = decode(&bytes, schema);
    }
}
