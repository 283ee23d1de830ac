//! A whole schema as bytes: what the numbers mean under which rows rest.
//!
//! **Invariant:** the same schema gives the same bytes, and the schema read from them has every
//! kind, facet, record type, field and act at the same place.

use std::hash::Hash;
use std::sync::Arc;

use prost::Message as _;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::schema::tag;
use crate::model::{
    Area, Facet, FacetId, Field, Kind, KindId, Origin, RecordId, RecordType, Schema, Text, Type,
};

use super::messages::names::{self as messages, Sort};
use super::value::{self, Reader, Shape};
use super::{WireError, read};

/// The version of the form.
pub const VERSION: u32 = 1;

/// The schema as bytes: eleven kilobytes for the shipped one.
#[must_use]
pub fn encode(schema: &Schema) -> Vec<u8> {
    messages::Names {
        version: VERSION,
        records: schema.records.iter().map(record).collect(),
        kinds: schema.kinds.iter().map(kind).collect(),
        acts: schema.acts.iter().map(record).collect(),
    }
    .encode_to_vec()
}

/// What names a schema: XXH3 over its bytes. Rows carry it, and the names rest under it.
///
/// Another release may encode the same schema with fields more and so under another
/// fingerprint; rows of the old one are then carried over as those of other content are.
#[must_use]
pub fn fingerprint(schema: &Schema) -> u64 {
    xxh3_64(&encode(schema))
}

fn record(record: &RecordType) -> messages::Record {
    let field = |field: &Field| messages::Field {
        name: field.name.to_string(),
        r#type: Some(ty(&field.ty)),
        default: field.default.as_ref().map(default),
    };
    messages::Record {
        name: record.name.to_string(),
        fields: record.fields.iter().map(field).collect(),
    }
}

fn kind(kind: &Kind) -> messages::Kind {
    messages::Kind {
        name: kind.name.to_string(),
        area: kind.area.as_str().to_owned(),
        facets: kind.facets.iter().map(facet).collect(),
    }
}

fn facet(facet: &Facet) -> messages::Facet {
    let (origin, of_kind, of_facet, of_field) = match facet.origin {
        Origin::Said => (messages::Origin::Said, 0, 0, None),
        Origin::Derived => (messages::Origin::Derived, 0, 0, None),
        Origin::Back { kind, facet, field } => (messages::Origin::Back, kind.0, facet.0, field),
        Origin::One(kind) => (messages::Origin::One, kind.0, 0, None),
    };
    messages::Facet {
        name: facet.name.to_string(),
        r#type: Some(ty(&facet.ty)),
        origin: origin.into(),
        of_kind: of_kind.into(),
        of_facet: of_facet.into(),
        of_field: of_field.map(u32::from),
        is_set: facet.is_set,
        key: facet.key.iter().map(|place| u32::from(*place)).collect(),
        default: facet.default.as_ref().map(default),
    }
}

fn default(of: &crate::model::Value) -> super::messages::Value {
    value::write(of, &mut |record| record.0.into())
}

fn ty(of: &Type) -> messages::Type {
    let mut message = messages::Type::default();
    let sort = match of {
        Type::Dyn => Sort::Json,
        Type::Null => Sort::Null,
        Type::Bool => Sort::Bool,
        Type::Int => Sort::Int,
        Type::Double => Sort::Double,
        Type::String => Sort::String,
        Type::Text(Text::Protocol) => Sort::Protocol,
        Type::Text(Text::Cidr) => Sort::Cidr,
        Type::Text(Text::Peer) => Sort::Peer,
        Type::Text(Text::Principal) => Sort::Principal,
        Type::Time => Sort::Time,
        Type::Duration => Sort::Duration,
        Type::Ports => Sort::Ports,
        Type::Enum(words) => {
            message.words = words.iter().map(ToString::to_string).collect();
            Sort::Enum
        }
        Type::List(item) => {
            message.item = Some(Box::new(ty(item)));
            Sort::List
        }
        Type::Map(item) => {
            message.item = Some(Box::new(ty(item)));
            Sort::Map
        }
        Type::Record(id) => {
            message.place = id.0.into();
            Sort::Record
        }
        Type::Resource(id) => {
            message.place = id.0.into();
            Sort::Resource
        }
    };
    message.sort = sort.into();
    message
}

/// The schema of these bytes. Every number in it names something that is there.
pub fn decode(bytes: &[u8]) -> Result<Schema, WireError> {
    let message: messages::Names = read(bytes, VERSION)?;
    let identity = |record: (usize, &messages::Record)| {
        let width = record.1.fields.len();
        let id = Some(RecordId(number(record.0)?));
        Ok(Shape { id, from: (0..width).map(Some).collect(), width })
    };
    let shapes: Result<Vec<Shape>, WireError> =
        message.records.iter().enumerate().map(identity).collect();
    let mut decoder = Decoder {
        records: message.records.len(),
        kinds: message.kinds.len(),
        reader: Reader { shapes: shapes?, lost: 0 },
    };
    let mut records = |list: Vec<messages::Record>| {
        let place = |(place, record)| decoder.record(place, record);
        list.into_iter().enumerate().map(place).collect::<Result<Vec<RecordType>, WireError>>()
    };
    let (records, acts) = (records(message.records)?, records(message.acts)?);
    let kind = |(place, kind)| decoder.kind(place, kind);
    let kinds: Result<Vec<Kind>, WireError> =
        message.kinds.into_iter().enumerate().map(kind).collect();
    let kinds = kinds?;
    index(acts.iter().map(|act| (&*act.name, act.id)))?;
    let record_names = index(records.iter().map(|record| (record.name.clone(), record.id)))?;
    let kind_names = index(kinds.iter().map(|kind| (kind.name.clone(), kind.id)))?;
    let schema = Schema { records, kinds, acts, record_names, kind_names };
    for facet in schema.kinds.iter().flat_map(|kind| &kind.facets) {
        check(facet, &schema)?;
    }
    Ok(schema)
}

/// A place as the number that rows use.
fn number(place: usize) -> Result<u16, WireError> {
    u16::try_from(place).map_err(|_| WireError::malformed("more names than numbers"))
}

/// A number that names one of `count`.
fn place(number: u32, count: usize, what: &str) -> Result<u16, WireError> {
    match u16::try_from(number) {
        Ok(place) if usize::from(place) < count => Ok(place),
        _ => Err(WireError::malformed(format!("no {what} has the number {number}"))),
    }
}

fn index<K: Eq + Hash, I>(
    names: impl Iterator<Item = (K, I)>,
) -> Result<FxHashMap<K, I>, WireError> {
    let mut index = FxHashMap::default();
    for (name, id) in names {
        if index.insert(name, id).is_some() {
            return Err(WireError::malformed("two of one name"));
        }
    }
    Ok(index)
}

/// What can only be checked once all kinds are there: key fields, and who refers to whom.
fn check(facet: &Facet, schema: &Schema) -> Result<(), WireError> {
    let width = item_record(&facet.ty).map_or(0, |id| schema.record(id).fields.len());
    for key in &facet.key {
        place(u32::from(*key), width, "key field")?;
    }
    let Origin::Back { kind, facet, field } = facet.origin else { return Ok(()) };
    let facets = &schema.kind(kind).facets;
    let referring = place(facet.0.into(), facets.len(), "referring facet")?;
    let Some(field) = field else { return Ok(()) };
    let record = item_record(&facets[usize::from(referring)].ty);
    let width = record.map_or(0, |id| schema.record(id).fields.len());
    place(field.into(), width, "referring field").map(drop)
}

/// The record type of a list's items, or of a register.
fn item_record(ty: &Type) -> Option<RecordId> {
    match ty {
        Type::Record(id) => Some(*id),
        Type::List(item) => match **item {
            Type::Record(id) => Some(id),
            _ => None,
        },
        _ => None,
    }
}

/// Reads what refers to other parts of the message by number.
struct Decoder {
    records: usize,
    kinds: usize,
    reader: Reader,
}

impl Decoder {
    fn record(&mut self, place: usize, record: messages::Record) -> Result<RecordType, WireError> {
        let field = |field: messages::Field| {
            Ok(Field {
                ty: self.ty(field.r#type)?,
                default: self.default(field.default)?,
                tag: tag(&field.name),
                name: field.name.into(),
            })
        };
        let fields: Result<_, WireError> = record.fields.into_iter().map(field).collect();
        Ok(RecordType { id: RecordId(number(place)?), name: record.name.into(), fields: fields? })
    }

    fn kind(&mut self, place: usize, kind: messages::Kind) -> Result<Kind, WireError> {
        let area = Area::from_name(&kind.area)
            .ok_or_else(|| WireError::malformed(format!("no area is called `{}`", kind.area)))?;
        let facet = |(place, facet)| self.facet(place, facet);
        let facets: Result<Box<[Facet]>, WireError> =
            kind.facets.into_iter().enumerate().map(facet).collect();
        let facets = facets?;
        let by_name = index(facets.iter().map(|facet| (facet.name.clone(), facet.id)))?;
        Ok(Kind { id: KindId(number(place)?), name: kind.name.into(), area, facets, by_name })
    }

    fn facet(&mut self, place: usize, facet: messages::Facet) -> Result<Facet, WireError> {
        let origin = self.origin(&facet)?;
        let key: Result<_, WireError> =
            facet.key.iter().map(|key| self::place(*key, usize::MAX, "key field")).collect();
        Ok(Facet {
            id: FacetId(number(place)?),
            ty: self.ty(facet.r#type)?,
            origin,
            key: key?,
            is_set: facet.is_set,
            default: self.default(facet.default)?,
            tag: tag(&facet.name),
            name: facet.name.into(),
        })
    }

    fn origin(&self, facet: &messages::Facet) -> Result<Origin, WireError> {
        let kind = || place(facet.of_kind, self.kinds, "kind").map(KindId);
        match messages::Origin::try_from(facet.origin) {
            Ok(messages::Origin::Said) => Ok(Origin::Said),
            Ok(messages::Origin::Derived) => Ok(Origin::Derived),
            Ok(messages::Origin::Back) => {
                // Checked against the referring kind once that is read.
                let unchecked = |number| place(number, usize::MAX, "referring facet or field");
                Ok(Origin::Back {
                    kind: kind()?,
                    facet: FacetId(unchecked(facet.of_facet)?),
                    field: facet.of_field.map(unchecked).transpose()?,
                })
            }
            Ok(messages::Origin::One) => kind().map(Origin::One),
            Ok(messages::Origin::Unspecified) | Err(_) => {
                Err(WireError::malformed("a facet of no known origin"))
            }
        }
    }

    fn default(
        &mut self,
        default: Option<super::messages::Value>,
    ) -> Result<Option<crate::model::Value>, WireError> {
        default.map(|default| self.reader.value(default)).transpose()
    }

    fn ty(&self, message: Option<messages::Type>) -> Result<Type, WireError> {
        let Some(message) = message else { return Err(WireError::malformed("a type is missing")) };
        let item =
            |item: Option<Box<messages::Type>>| self.ty(item.map(|item| *item)).map(Arc::new);
        Ok(match Sort::try_from(message.sort) {
            Ok(Sort::Json) => Type::Dyn,
            Ok(Sort::Null) => Type::Null,
            Ok(Sort::Bool) => Type::Bool,
            Ok(Sort::Int) => Type::Int,
            Ok(Sort::Double) => Type::Double,
            Ok(Sort::String) => Type::String,
            Ok(Sort::Protocol) => Type::Text(Text::Protocol),
            Ok(Sort::Cidr) => Type::Text(Text::Cidr),
            Ok(Sort::Peer) => Type::Text(Text::Peer),
            Ok(Sort::Principal) => Type::Text(Text::Principal),
            Ok(Sort::Time) => Type::Time,
            Ok(Sort::Duration) => Type::Duration,
            Ok(Sort::Ports) => Type::Ports,
            Ok(Sort::Enum) => Type::Enum(message.words.into_iter().map(Into::into).collect()),
            Ok(Sort::List) => Type::List(item(message.item)?),
            Ok(Sort::Map) => Type::Map(item(message.item)?),
            Ok(Sort::Record) => {
                Type::Record(RecordId(place(message.place, self.records, "record type")?))
            }
            Ok(Sort::Resource) => Type::Resource(KindId(place(message.place, self.kinds, "kind")?)),
            Ok(Sort::Unspecified) | Err(_) => {
                return Err(WireError::malformed("a type of no known sort"));
            }
        })
    }
}

#[cfg(test)]
mod tests;
