//! Types, acts and kinds: their documents enter, the [`Schema`] and the texts of derived facets
//! leave.

use rustc_hash::FxHashMap;

use super::doc::Doc;
use super::literal::literal;
use super::names::{is_kind, is_word};
use super::tree::{Data, Node};
use super::types::{BUILT_IN, Shape, plain, shape};
use crate::model::schema::tag;
use crate::model::{
    Area, Facet, FacetId, Field, Kind, KindId, Origin, RecordId, RecordType, Schema, Type,
};

/// Facets that every kind has, in their order.
const COMMON: [(&str, Type); 5] = [
    ("name", Type::String),
    ("tags", Type::Dyn),
    ("owner", Type::String),
    ("created", Type::Time),
    ("managed_by", Type::String),
];

/// A derived facet's expression before it is compiled.
pub(super) struct Formula<'f> {
    pub(super) kind: KindId,
    pub(super) facet: FacetId,
    pub(super) doc: Doc<'f>,
    pub(super) is: &'f Node,
}

/// What the schema's documents say.
pub(super) struct Declared<'f> {
    pub(super) schema: Schema,
    pub(super) formulas: Vec<Formula<'f>>,
    /// Each kind's document.
    pub(super) kinds: Vec<Doc<'f>>,
    /// Said facets' keys, for messages about them.
    pub(super) places: FxHashMap<(KindId, FacetId), std::ops::Range<usize>>,
}

/// Builds the schema from documents of the kinds `Types`, `Acts` and `Kind`.
pub(super) fn declare<'f>(types: &[Doc<'f>], acts: &[Doc<'f>], kinds: &[Doc<'f>]) -> Declared<'f> {
    let mut declared = Declared {
        schema: Schema::default(),
        formulas: Vec::new(),
        kinds: Vec::new(),
        places: FxHashMap::default(),
    };
    for doc in types {
        doc.only(doc.root, "a document of types", &["apiVersion", "kind", "types"]);
        name_records(doc, &mut declared.schema);
    }
    for doc in kinds {
        name_kind(doc, &mut declared);
    }
    for doc in types {
        fill_records(doc, &mut declared.schema);
    }
    for doc in types {
        record_defaults(doc, &mut declared.schema);
    }
    for doc in acts {
        doc.only(doc.root, "a document of acts", &["apiVersion", "kind", "acts"]);
        declare_acts(doc, &mut declared.schema);
    }
    for index in 0..declared.kinds.len() {
        fill_kind(index, &mut declared);
    }
    for index in 0..declared.kinds.len() {
        link_kind(index, &mut declared);
    }
    declared
}

fn members<'n>(doc: &Doc<'_>, owner: &'n Node, key: &str) -> &'n [(super::tree::Key, Node)] {
    owner.get(key).map_or(&[], |node| doc.map(node, &format!("`{key}`")))
}

fn name_records(doc: &Doc<'_>, schema: &mut Schema) {
    for (key, _) in members(doc, doc.root, "types") {
        let name = key.text.as_str();
        nameable(doc, key, "a type");
        if BUILT_IN.contains(&name) || schema.record_names.contains_key(name) {
            doc.error(&key.span, format!("type `{name}` is already there"));
            continue;
        }
        let Ok(number) = u16::try_from(schema.records.len()) else { return };
        let id = RecordId(number);
        schema.record_names.insert(name.into(), id);
        schema.records.push(RecordType { id, name: name.into(), fields: Box::default() });
    }
}

fn fill_records(doc: &Doc<'_>, schema: &mut Schema) {
    for (key, body) in members(doc, doc.root, "types") {
        let Some(id) = schema.record_names.get(key.text.as_str()).copied() else { continue };
        if !schema.record(id).fields.is_empty() {
            continue;
        }
        let fields = fields(doc, schema, body, &format!("type `{}`", key.text));
        schema.records[usize::from(id.0)].fields = fields;
    }
}

/// The fields of a record or an act; a field whose type can't be read is taken as `json`, so
/// that it is reported once.
fn fields(doc: &Doc<'_>, schema: &Schema, body: &Node, what: &str) -> Box<[Field]> {
    let mut fields: Vec<Field> = Vec::new();
    for (key, node) in doc.map(body, what) {
        let name = key.text.as_str();
        nameable(doc, key, "a field");
        if matches!(node.data, Data::Map(_)) {
            doc.only(node, &format!("field `{name}`"), &["type", "enum", "default", "doc"]);
        }
        let number = tag(name);
        if let Some(other) = fields.iter().find(|field| field.tag == number) {
            collision(doc, key, &other.name);
            continue;
        }
        let ty = plain(doc, schema, node).unwrap_or(Type::Dyn);
        fields.push(Field { name: name.into(), ty, default: None, tag: number });
    }
    fields.into()
}

/// Refuses a name that no expression could read.
pub(super) fn nameable(doc: &Doc<'_>, key: &super::tree::Key, what: &str) {
    if !is_word(&key.text) {
        let message = format!("`{}` is no name of {what}", key.text);
        doc.error_hint(&key.span, message, "write letters, digits and `_`, a letter first");
    }
}

fn collision(doc: &Doc<'_>, key: &super::tree::Key, other: &str) {
    doc.error_hint(
        &key.span,
        format!("`{}` and `{other}` share the short name they are stored under", key.text),
        "rename one of them",
    );
}

fn record_defaults(doc: &Doc<'_>, schema: &mut Schema) {
    for (key, body) in members(doc, doc.root, "types") {
        let Some(id) = schema.record_names.get(key.text.as_str()).copied() else { continue };
        for (name, node) in body.entries() {
            let Some(default) = node.get("default") else { continue };
            let Some(index) = schema.record(id).field(&name.text) else { continue };
            let ty = schema.record(id).fields[index].ty.clone();
            let value = literal(doc, schema, default, &ty);
            schema.records[usize::from(id.0)].fields[index].default = value;
        }
    }
}

fn declare_acts(doc: &Doc<'_>, schema: &mut Schema) {
    for (key, body) in members(doc, doc.root, "acts") {
        let name = key.text.as_str();
        nameable(doc, key, "an act");
        if name == "blind" || schema.acts.iter().any(|act| &*act.name == name) {
            doc.error(&key.span, format!("act `{name}` is already there"));
            continue;
        }
        let Ok(number) = u16::try_from(schema.acts.len()) else { return };
        let fields = fields(doc, schema, body, &format!("act `{name}`"));
        schema.acts.push(RecordType { id: RecordId(number), name: name.into(), fields });
    }
}

fn name_kind<'f>(doc: &Doc<'f>, declared: &mut Declared<'f>) {
    let known = ["apiVersion", "kind", "id", "area", "doc", "facets", "derive"];
    doc.only(doc.root, "a kind", &known);
    let Some(node) = doc.need(doc.root, "id", "the kind") else { return };
    let Some(name) = doc.word(node, "`id`") else { return };
    if !is_kind(name) {
        let message = format!("`{name}` is no id of a kind");
        doc.error_hint(
            &node.span,
            message,
            "write it as `network.security_group`: lower case, words between dots",
        );
    }
    if declared.schema.kind_names.contains_key(name) {
        doc.error(&node.span, format!("kind `{name}` is already there"));
        return;
    }
    let Ok(number) = u16::try_from(declared.schema.kinds.len()) else { return };
    let id = KindId(number);
    let area = area(doc, doc.root).unwrap_or(Area::CloudServices);
    if doc.root.get("area").is_none() {
        doc.need(doc.root, "area", &format!("kind `{name}`"));
    }
    declared.schema.kind_names.insert(name.into(), id);
    declared.schema.kinds.push(Kind {
        id,
        name: name.into(),
        area,
        facets: Box::default(),
        by_name: FxHashMap::default(),
    });
    declared.kinds.push(*doc);
}

/// The area a document names; `None` where it names none, or one that is not there.
pub(super) fn area(doc: &Doc<'_>, root: &Node) -> Option<Area> {
    let node = root.get("area")?;
    let name = doc.word(node, "`area`")?;
    let found = Area::from_name(name);
    if found.is_none() {
        let message = format!("unknown area `{name}`");
        doc.unknown(&node.span, message, name, Area::ALL.iter().map(|area| area.as_str()));
    }
    found
}

fn fill_kind(index: usize, declared: &mut Declared<'_>) {
    let doc = declared.kinds[index];
    let kind = declared.schema.kinds[index].id;
    let what = declared.schema.kinds[index].name.clone();
    let mut facets: Vec<Facet> = COMMON
        .iter()
        .map(|(name, ty)| {
            let ty = if *name == "tags" { Type::Map(Type::String.into()) } else { ty.clone() };
            empty_facet(name, ty, Origin::Said)
        })
        .collect();
    for (section, derived) in [("facets", false), ("derive", true)] {
        for (key, node) in members(&doc, doc.root, section) {
            let number = tag(&key.text);
            nameable(&doc, key, "a facet");
            if let Some(other) = facets.iter().find(|facet| facet.tag == number) {
                if *other.name == *key.text {
                    doc.error(&key.span, format!("facet `{}` is already there", key.text));
                } else {
                    collision(&doc, key, &other.name);
                }
                continue;
            }
            let facet = facet(&doc, &declared.schema, &key.text, node, derived, &what);
            let Ok(place) = u16::try_from(facets.len()) else { break };
            declared.places.insert((kind, FacetId(place)), key.span.clone());
            if derived && let Some(is) = doc.need(node, "is", &format!("facet `{}`", key.text)) {
                declared.formulas.push(Formula { kind, facet: FacetId(place), doc, is });
            }
            facets.push(facet);
        }
    }
    for (place, facet) in facets.iter_mut().enumerate() {
        facet.id = FacetId(u16::try_from(place).unwrap_or(u16::MAX));
    }
    let target = &mut declared.schema.kinds[index];
    target.by_name = facets.iter().map(|facet| (facet.name.clone(), facet.id)).collect();
    target.facets = facets.into();
}

fn empty_facet(name: &str, ty: Type, origin: Origin) -> Facet {
    Facet {
        id: FacetId(0),
        name: name.into(),
        ty,
        origin,
        key: Box::default(),
        is_set: false,
        default: None,
        tag: tag(name),
    }
}

fn facet(
    doc: &Doc<'_>,
    schema: &Schema,
    name: &str,
    node: &Node,
    derived: bool,
    kind: &str,
) -> Facet {
    if matches!(node.data, Data::Map(_)) {
        let known: &[&str] = if derived {
            &["type", "enum", "key", "is", "doc"]
        } else {
            &["type", "enum", "key", "default", "doc"]
        };
        doc.only(node, &format!("facet `{name}`"), known);
    }
    let origin = if derived { Origin::Derived } else { Origin::Said };
    match shape(doc, schema, node).unwrap_or(Shape::Plain(Type::Dyn)) {
        Shape::Plain(ty) => {
            if let Some(key) = node.get("key") {
                doc.error(&key.span, format!("`{name}` is no set: only sets have a `key`"));
            }
            let mut facet = empty_facet(name, ty, origin);
            facet.default =
                node.get("default").and_then(|node| literal(doc, schema, node, &facet.ty));
            facet
        }
        Shape::Set(item) => {
            let mut facet = empty_facet(name, Type::List(item.clone().into()), origin);
            facet.is_set = true;
            facet.key = set_key(doc, schema, node, &item, name);
            facet.default =
                node.get("default").and_then(|node| literal(doc, schema, node, &facet.ty));
            facet
        }
        Shape::One(target) => empty_facet(name, Type::Resource(target), Origin::One(target)),
        Shape::Back if derived => {
            doc.error(&node.span, format!("`{name}` of `{kind}` can't be both derived and `back`"));
            empty_facet(name, Type::Dyn, origin)
        }
        // Linked once every kind's facets are known.
        Shape::Back => empty_facet(name, Type::List(Type::Dyn.into()), origin),
    }
}

fn set_key(doc: &Doc<'_>, schema: &Schema, node: &Node, item: &Type, name: &str) -> Box<[u16]> {
    let key = node.get("key");
    let Type::Record(id) = item else {
        if let Some(key) = key {
            doc.error(&key.span, format!("the elements of `{name}` are their own key"));
        }
        return Box::default();
    };
    let record = schema.record(*id);
    let Some(key) = key else {
        doc.error_hint(
            &node.span,
            format!("set `{name}` of records has no `key`"),
            format!("name the fields that tell one `{}` from another", record.name),
        );
        return Box::default();
    };
    doc.fields_named(key, "`key`", record).into()
}

/// Resolves the kind's `back` facets.
fn link_kind(index: usize, declared: &mut Declared<'_>) {
    let doc = declared.kinds[index];
    for (key, node) in members(&doc, doc.root, "facets") {
        let type_node = node.get("type").unwrap_or(node);
        let Some(path) = type_node.text().and_then(|text| text.trim().strip_prefix("back ")) else {
            continue;
        };
        let Some(origin) = back(&doc, &declared.schema, type_node, path.trim()) else { continue };
        let Origin::Back { kind, .. } = origin else { continue };
        let target = &mut declared.schema.kinds[index];
        let Some(place) = target.by_name.get(key.text.as_str()).copied() else { continue };
        let facet = &mut target.facets[usize::from(place.0)];
        facet.ty = Type::List(Type::Resource(kind).into());
        facet.origin = origin;
    }
}

/// `network.public_ip.bindings.interface`: the longest front that is a kind, a facet, and the
/// field of its record that holds the reference.
fn back(doc: &Doc<'_>, schema: &Schema, node: &Node, path: &str) -> Option<Origin> {
    let dots: Vec<usize> = path.match_indices('.').map(|(at, _)| at).collect();
    let found = dots.iter().rev().find_map(|at| Some((schema.kind_named(&path[..*at])?, *at)));
    let Some((kind, at)) = found else {
        let front = dots.get(1).map_or(path, |at| &path[..*at]);
        let message = format!("unknown kind in `back {path}`");
        doc.unknown(&node.span, message, front, schema.kinds.iter().map(|kind| &*kind.name));
        return None;
    };
    let (name, field) = match path[at + 1..].split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (&path[at + 1..], None),
    };
    let Some(facet) = kind.facet(name) else {
        let message = format!("unknown facet `{name}` of `{}`", kind.name);
        doc.unknown(&node.span, message, name, kind.facets.iter().map(|facet| &*facet.name));
        return None;
    };
    let field = match field {
        None => None,
        Some(field) => Some(back_field(doc, schema, node, facet, field)?),
    };
    Some(Origin::Back { kind: kind.id, facet: facet.id, field })
}

fn back_field(
    doc: &Doc<'_>,
    schema: &Schema,
    node: &Node,
    facet: &Facet,
    field: &str,
) -> Option<u16> {
    let item = match &facet.ty {
        Type::List(item) => item,
        other => other,
    };
    let Type::Record(id) = item else {
        doc.error(&node.span, format!("`{}` has no fields", facet.name));
        return None;
    };
    let record = schema.record(*id);
    let found = record.field(field).and_then(|index| u16::try_from(index).ok());
    if found.is_none() {
        let message = format!("unknown field `{field}` of `{}`", record.name);
        doc.unknown(&node.span, message, field, record.fields.iter().map(|f| &*f.name));
    }
    found
}
