//! The schema of documents `Kind`, `Types` and `Acts`.

use serde_json::{Value as Json, json};

use super::shape::{anything, choice, map, object, part, said, text, whole};
use crate::content::names::{KIND, WORD};
use crate::content::types::BUILT_IN;
use crate::model::Area;

/// Kinds, types and acts: three documents that share their notation of types.
pub(super) fn schema() -> Json {
    let root = json!({
        "description": "What is told of resources and deeds: their facets, record types, and acts",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "oneOf": [part("A kind of resource", "kind"), part("Record types", "types"), part("Acts", "acts")],
    });
    let parts = vec![
        ("kind", kind()),
        ("types", group("Types", "types", "Record types, which facets and fields are made of")),
        ("acts", group("Acts", "acts", "Deeds: nothing's state, but something done")),
        ("facet", facet(false)),
        ("derived", facet(true)),
        ("field", field()),
        ("type", type_name()),
        (
            "words",
            json!({"type": "array", "items": {"type": ["string", "number", "boolean"]},
            "minItems": 1, "description": "The words it may be"}),
        ),
    ];
    whole("kind", "Driftline kinds, types and acts", root, parts)
}

/// The keys that every document begins with.
pub(super) fn head(kind: &str) -> Vec<(&'static str, Json)> {
    vec![
        ("apiVersion", said("The version of the grammar", json!({"const": "driftline/v1"}))),
        ("kind", said("What the document declares", json!({"const": kind}))),
    ]
}

fn kind() -> Json {
    let mut keys = head("Kind");
    keys.extend([
        (
            "id",
            json!({"type": "string", "pattern": KIND, "examples": ["network.security_group"],
            "description": "The kind's name: words between dots"}),
        ),
        ("area", choice("Whose part of the shared responsibility it is", areas())),
        ("doc", text("What the resource is")),
        ("facets", named("What events say of it", "facet")),
        (
            "derive",
            named("What follows from its facets, and from resources it refers to", "derived"),
        ),
    ]);
    object("A kind of resource", &["apiVersion", "kind", "id", "area"], keys)
}

pub(super) fn areas() -> impl Iterator<Item = &'static str> {
    Area::ALL.into_iter().map(Area::as_str)
}

fn group(name: &str, key: &'static str, doc: &str) -> Json {
    let mut keys = head(name);
    keys.push((key, named_maps(doc)));
    object(doc, &["apiVersion", "kind", key], keys)
}

fn named(doc: &str, of: &str) -> Json {
    let mut schema = map(doc, &json!({"$ref": format!("#/$defs/{of}")}));
    schema["propertyNames"] = json!({"pattern": WORD});
    schema
}

fn named_maps(doc: &str) -> Json {
    let mut schema = map(doc, &named("Its fields", "field"));
    schema["propertyNames"] = json!({"pattern": WORD});
    schema
}

fn facet(derived: bool) -> Json {
    let mut keys = typed();
    let doc = "The fields that tell one element of a set from another";
    keys.push((
        "key",
        json!({"type": ["string", "array"], "items": {"type": "string"}, "description": doc}),
    ));
    if derived {
        let is = "A CEL expression over the kind's facets";
        keys.push(("is", json!({"type": ["string", "number", "boolean"], "description": is})));
        return object("A derived facet", &["is"], keys);
    }
    keys.push(("default", anything("The cloud's own default, for what no event ever said")));
    json!({"anyOf": [{"$ref": "#/$defs/type"}, object("A facet", &[], keys)]})
}

fn field() -> Json {
    let mut keys = typed();
    keys.push(("default", anything("What a whole element has where nothing is said")));
    json!({"anyOf": [{"$ref": "#/$defs/type"}, object("A field", &[], keys)]})
}

/// The keys of every declaration.
fn typed() -> Vec<(&'static str, Json)> {
    let words =
        object("Words as a type", &["enum"], vec![("enum", part("The words it may be", "words"))]);
    vec![
        ("type", json!({"anyOf": [{"$ref": "#/$defs/type"}, words], "description": "Its type"})),
        ("enum", part("The words it may be, instead of a type", "words")),
        ("doc", text("What it means")),
    ]
}

fn type_name() -> Json {
    let known: Vec<&str> = BUILT_IN.into_iter().collect();
    let examples = [
        "list<string>",
        "map<string>",
        "set<ref network.subnet>",
        "ref network.interface",
        "back network.route_table.subnets",
        "one account.settings",
    ];
    json!({
        "description": "A built-in type, a declared record, or `list<T>`, `map<T>`, `set<T>`, `ref K`, `set<ref K>`, `back K.facet`, `one K`",
        "anyOf": [{"enum": known}, {"type": "string", "pattern": "^[A-Za-z_].*$", "examples": examples}],
    })
}
