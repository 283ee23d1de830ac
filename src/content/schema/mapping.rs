//! The schema of documents `Mapping`.

use serde_json::{Value as Json, json};

use super::Names;
use super::event::event;
use super::kind::head;
use super::shape::{
    anything, choice, flag, list, map, object, one_or_many, part, scalar, text, whole,
};
use crate::model::{Outcome, Provider};

/// What the events of a service say about our kinds.
pub(super) fn schema(names: &Names) -> Json {
    let mut keys = head("Mapping");
    keys.extend([
        ("provider", choice("Whose events it reads", Provider::ALL.iter().map(|one| one.as_str()))),
        (
            "service",
            one_or_many(
                "The services whose events it reads, as the cloud names them; snapshots need none",
                &scalar("A service"),
            ),
        ),
        ("functions", functions()),
        (
            "known",
            one_or_many(
                "Resources that every account sees, such as the cloud's managed policies",
                &known(names),
            ),
        ),
        (
            "on",
            list(
                "What is read. Of several entries for one name the first whose `when` holds wins",
                &part("An entry", "entry"),
            ),
        ),
        ("tests", list("Its own tests", &test(names))),
    ]);
    let doc = "What the events of a service say about resources";
    let root = object(doc, &["apiVersion", "kind", "provider", "on"], keys);
    let parts = vec![
        ("entry", entry(names)),
        ("group", group(names)),
        ("resource", resource(names)),
        ("verbs", object("What holds where `needs` is not there", &[], verbs(names))),
        ("rules", map("By facet: what is said of it", &part("", "rule"))),
        ("rule", rule()),
        ("item", item()),
        ("expression", scalar("A CEL expression")),
        ("event", event()),
    ];
    whole("mapping", "Driftline mapping", root, parts)
}

fn functions() -> Json {
    let mut schema = map(
        "Helpers: `name(a, b)` and the expression it stands for",
        &expression("The function's body"),
    );
    schema["propertyNames"] = json!({"pattern": r"^[A-Za-z_][A-Za-z0-9_]*\([A-Za-z0-9_, ]*\)$"});
    schema
}

fn expression(doc: &str) -> Json {
    part(doc, "expression")
}

fn known(names: &Names) -> Json {
    let keys = vec![
        ("kind", names.kind("Its kind")),
        ("id", scalar("Its id")),
        ("replace", map("Its facets, as plain values", &json!(true))),
    ];
    object("A resource that is always there", &["kind", "id"], keys)
}

fn entry(names: &Names) -> Json {
    let mut keys = group_keys(names);
    keys.extend([
        (
            "event",
            one_or_many(
                "Names of events; Huawei's as `resource_type/trace_name`",
                &scalar("A name"),
            ),
        ),
        ("snapshot", one_or_many("Resource types of configuration events", &scalar("A type"))),
        (
            "by",
            json!({
                "const": "root",
                "description": "Whatever the account's owner does, in any service, under any name",
            }),
        ),
        (
            "as_of",
            expression(
                "The instant a snapshot speaks of; the event's own time where it is left out",
            ),
        ),
        ("failures", flag("Whether failed calls are read too; for acts alone")),
        ("also", one_or_many("What the same event says of further resources", &part("", "group"))),
        ("doc", text("A remark")),
    ]);
    let mut schema = object("What one event, or one snapshot, says", &[], keys);
    schema["oneOf"] =
        json!([{"required": ["event"]}, {"required": ["snapshot"]}, {"required": ["by"]}]);
    schema
}

fn group(names: &Names) -> Json {
    object("What the event says of a further resource", &[], group_keys(names))
}

fn group_keys(names: &Names) -> Vec<(&'static str, Json)> {
    let mut keys = vec![
        (
            "for",
            text("Loops: `name in list`, several between `;`: one set of writes for each step"),
        ),
        ("when", expression("The entry is read where this holds")),
        ("needs", expression("The body without which nothing can be said")),
        ("resource", part("The resource spoken of", "resource")),
        ("creates", flag("Whether the event makes the resource")),
        ("else", part("What holds where `needs` is not there", "verbs")),
        ("inferred", flag("No source was seen for it")),
    ];
    keys.extend(verbs(names));
    keys
}

fn verbs(names: &Names) -> Vec<(&'static str, Json)> {
    vec![
        ("put", part("Sets what the event carries; what it does not carry stays", "rules")),
        ("replace", part("Sets the whole facet: what is not named is gone", "rules")),
        ("remove", part("Takes elements away, by id or key", "rules")),
        (
            "unknown",
            one_or_many("Facets that changed, the event does not say to what", &text("A facet")),
        ),
        ("delete", json!({"const": true, "description": "The resource is gone"})),
        ("act", act(names)),
    ]
}

fn act(names: &Names) -> Json {
    let fields = map("The act's fields", &expression("A field's value"));
    let acts = map("By act: its fields", &json!({"anyOf": [fields, {"type": "null"}]}));
    json!({"anyOf": [{"const": "blind"}, names.act("An act without fields"), acts],
        "description": "A deed, or `blind`: something changed, and nobody can say what"})
}

fn resource(names: &Names) -> Json {
    let mut find = map(
        "The resource whose facet has this element or reference: `rules.id: x`",
        &expression("The element's id"),
    );
    find["maxProperties"] = json!(1);
    let keys =
        vec![("kind", names.kind("Its kind")), ("id", expression("Its id")), ("where", find)];
    let mut schema = object("The resource spoken of", &["kind"], keys);
    schema["anyOf"] = json!([{"required": ["id"]}, {"required": ["where"]}]);
    schema
}

/// A register takes one expression, a set items or an expression for a list of them.
fn rule() -> Json {
    let one = json!({"anyOf": [{"$ref": "#/$defs/expression"}, {"$ref": "#/$defs/item"}]});
    let nested = json!({"anyOf": [one, {"type": "array"}]});
    let many = json!({"type": "array", "items": nested});
    json!({"anyOf": [{"$ref": "#/$defs/expression"}, {"$ref": "#/$defs/item"}, many],
        "description": "An expression; for sets also items"})
}

fn item() -> Json {
    let keys = vec![
        ("for", text("A loop, `name in list`: one element for each step")),
        ("when", expression("The item is there where this holds")),
        ("id", expression("The cloud's own id of the element")),
        ("alias", expression("Another id of the element")),
        ("whole", expression("The element; what it leaves unsaid has the type's default")),
        ("part", expression("The element; what it leaves unsaid keeps its value")),
        ("key", expression("What the element to remove is")),
        ("keep", one_or_many("Fields that this source never carries", &text("A field"))),
        ("inferred", flag("No source was seen for it")),
    ];
    object("Elements of a set", &[], keys)
}

fn test(names: &Names) -> Json {
    let facets = map("By facet: its value, or `unknown`", &anything("A value"));
    let left = json!({"anyOf": [{"const": "gone"}, facets]});
    let fields = map("Its fields", &anything("A value"));
    let fields = map("By act: its fields", &json!({"anyOf": [fields, {"type": "null"}]}));
    let act = json!({"anyOf": [names.act("An act"), fields]});
    let outcome = choice("A fate", Outcome::ALL.iter().map(|outcome| outcome.as_str()));
    let keys = vec![
        ("name", scalar("A sentence that says what the test proves")),
        ("event", one_or_many("What happens", &part("", "event"))),
        ("events", one_or_many("What happens, in order", &part("", "event"))),
        (
            "facets",
            map("By resource, as `kind id`: the facets the events must leave, or `gone`", &left),
        ),
        ("acts", one_or_many("Every deed that the events tell, in order", &act)),
        ("outcomes", one_or_many("What each event comes to, in order", &outcome)),
    ];
    let mut schema = object("Events, and what a mapping makes of them", &["name"], keys);
    schema["oneOf"] = json!([{"required": ["event"]}, {"required": ["events"]}]);
    schema["anyOf"] =
        json!([{"required": ["facets"]}, {"required": ["acts"]}, {"required": ["outcomes"]}]);
    schema
}
