//! A message into the change that it is here.

use std::sync::Arc;

use crate::model::{
    Act, Cause, Cell, Change, Edit, Element, ElementRef, Facet, FacetEdit, FacetId, Family, Format,
    Kind, Operation, Origin as From, Ownership, Provider, RecordType, Schema, Source, Target,
    Timestamp, Type, Value, Write,
};
use crate::wire::WireError;
use crate::wire::messages::event as told;
use crate::wire::value::{Reader, Shape};

use super::fit::{element, fits};
use super::{Origin, Received};

pub(super) fn event(message: told::Event, schema: &Schema) -> Result<Received, WireError> {
    let Some(cause) = message.cause else { return Err(bad("it has no cause")) };
    let Some(origin) = message.origin else { return Err(bad("it has no origin")) };
    let mut decoder = Decoder::new(message.names, message.shapes, schema)?;
    let mut change = Change {
        cell: Cell {
            tenant: message.tenant.into(),
            provider: word(Provider::from_name(&message.provider), "provider", &message.provider)?,
            account: message.account.into(),
        },
        cause: Arc::new(self::cause(cause)?),
        source: match told::Source::try_from(message.source) {
            Ok(told::Source::Activity) => Source::Activity,
            Ok(told::Source::Snapshot) => Source::Snapshot,
            Ok(told::Source::Unspecified) | Err(_) => {
                return Err(bad("its source is no known one"));
            }
        },
        operation: match message.operation {
            None => Operation::Single,
            Some(told::Operation::Starts(id)) => Operation::Start(id.into()),
            Some(told::Operation::Ends(id)) => Operation::End(id.into()),
        },
        writes: Vec::with_capacity(message.writes.len()),
        acts: Vec::with_capacity(message.acts.len()),
        blind: message.blind,
        failed: message.failed,
    };
    for write in message.writes {
        let write = decoder.write(write)?;
        decoder.keep(write, &mut change.writes);
    }
    for act in message.acts {
        let act = decoder.act(act)?;
        decoder.keep(act, &mut change.acts);
    }
    let origin = Origin {
        arrived: Timestamp(origin.arrived_micros),
        topic: origin.topic.into(),
        partition: origin.partition,
        offset: origin.offset,
        reads: origin.reads,
    };
    Ok(Received { change, origin, unknown: decoder.unknown + decoder.values.lost })
}

fn bad(why: &str) -> WireError {
    WireError::malformed(why)
}

/// A word of a list that is closed in this version.
fn word<T>(found: Option<T>, what: &str, word: &str) -> Result<T, WireError> {
    found.ok_or_else(|| WireError::malformed(format!("no {what} is called `{word}`")))
}

fn cause(cause: told::Cause) -> Result<Cause, WireError> {
    Ok(Cause {
        format: word(Format::from_name(&cause.format), "format", &cause.format)?,
        family: match told::Family::try_from(cause.family) {
            Ok(told::Family::Activity) => Family::Activity,
            Ok(told::Family::State) => Family::State,
            Ok(told::Family::Unspecified) | Err(_) => {
                return Err(bad("its family is no known one"));
            }
        },
        ownership: match told::Ownership::try_from(cause.ownership) {
            Ok(told::Ownership::Tenant) => Ownership::Tenant,
            Ok(told::Ownership::TenantViaService) => Ownership::TenantViaService,
            Ok(told::Ownership::Provider) => Ownership::Provider,
            Ok(told::Ownership::Unspecified) | Err(_) => {
                return Err(bad("its ownership is no known one"));
            }
        },
        id: cause.id.into(),
        time: Timestamp(cause.time_micros),
        service: cause.service.into(),
        name: cause.name.into(),
        region: cause.region.into(),
        actor: cause.actor.into(),
        actor_name: cause.actor_name.into(),
        actor_kind: cause.actor_kind.into(),
        credential: cause.credential.into(),
        invoked_by: cause.invoked_by.into(),
        root: cause.root,
        mfa: cause.mfa,
        source_ip: cause.source_ip.into(),
        user_agent: cause.user_agent.into(),
        error: cause.error.map(Into::into),
    })
}

struct Decoder<'s> {
    schema: &'s Schema,
    names: Vec<String>,
    shapes: Vec<told::Shape>,
    values: Reader,
    /// What was left out, or does not fit, but for fields of records.
    unknown: usize,
}

impl<'s> Decoder<'s> {
    fn new(
        names: Vec<String>,
        shapes: Vec<told::Shape>,
        schema: &'s Schema,
    ) -> Result<Self, WireError> {
        let values = Reader { shapes: Vec::with_capacity(shapes.len()), lost: 0 };
        let mut decoder = Self { schema, names, shapes, values, unknown: 0 };
        for shape in &decoder.shapes {
            let record = schema.record_named(decoder.name(shape.name)?);
            let shape = decoder.shape(shape, record)?;
            decoder.values.shapes.push(shape);
        }
        Ok(decoder)
    }

    fn name(&self, place: u32) -> Result<&str, WireError> {
        let name = usize::try_from(place).ok().and_then(|place| self.names.get(place));
        name.map(String::as_str)
            .ok_or_else(|| WireError::malformed(format!("no name has the place {place}")))
    }

    /// Where the fields of a type that is declared here are in the message.
    fn shape(&self, shape: &told::Shape, ty: Option<&RecordType>) -> Result<Shape, WireError> {
        let names: Result<Vec<&str>, WireError> =
            shape.fields.iter().map(|field| self.name(*field)).collect();
        let names = names?;
        let fields = ty.map_or(&[][..], |ty| &ty.fields);
        let place = |name: &str| names.iter().position(|own| *own == name);
        Ok(Shape {
            id: ty.map(|ty| ty.id),
            from: fields.iter().map(|field| place(&field.name)).collect(),
            width: names.len(),
        })
    }

    /// Takes what has a name here and counts what has none.
    fn keep<T>(&mut self, read: Option<T>, into: &mut Vec<T>) {
        match read {
            Some(read) => into.push(read),
            None => self.unknown += 1,
        }
    }

    fn write(&mut self, write: told::Write) -> Result<Option<Write>, WireError> {
        let schema = self.schema;
        let Some(kind) = schema.kind_named(self.name(write.kind)?) else { return Ok(None) };
        let id: Option<Arc<str>> = write.id.map(Into::into);
        let mut lookup = None;
        if let Some(facet) = write.lookup_facet {
            lookup =
                kind.facet(self.name(facet)?).map(|facet| (facet.id, write.lookup_text.into()));
            if lookup.is_none() && id.is_none() {
                return Ok(None);
            }
        }
        let edit = match (write.deletes, write.facets) {
            (true, facets) if facets.is_empty() => Edit::Delete,
            (true, _) => return Err(bad("what is gone has facets")),
            (false, facets) => Edit::Facets(self.facets(kind, facets)?),
        };
        let target = Target { kind: kind.id, id, lookup };
        Ok(Some(Write { target, creates: write.creates, edit }))
    }

    fn facets(
        &mut self,
        kind: &Kind,
        facets: Vec<told::Facet>,
    ) -> Result<Vec<(FacetId, FacetEdit)>, WireError> {
        let mut edits = Vec::with_capacity(facets.len());
        for said in facets {
            let facet = kind.facet(self.name(said.name)?).filter(|f| f.origin == From::Said);
            let edit = match facet {
                Some(facet) => Some((facet.id, self.edit(facet, said)?)),
                None => None,
            };
            self.keep(edit, &mut edits);
        }
        Ok(edits)
    }

    fn edit(&mut self, facet: &Facet, said: told::Facet) -> Result<FacetEdit, WireError> {
        let replace = match told::Edit::try_from(said.edit) {
            Ok(told::Edit::Unknown) => return Ok(FacetEdit::Unknown),
            Ok(told::Edit::Set) => {
                let Some(value) = said.set else { return Err(bad("a value is missing")) };
                let value = self.values.value(value)?;
                let is_fit = !facet.is_set && fits(&value, &facet.ty, self.schema);
                return Ok(self.fitting(is_fit, FacetEdit::Set(value)));
            }
            Ok(told::Edit::Merge) => false,
            Ok(told::Edit::Replace) => true,
            Ok(told::Edit::Unspecified) | Err(_) => return Err(bad("an edit of no known sort")),
        };
        let put: Result<Vec<Element>, WireError> =
            said.put.into_iter().map(|element| self.element(element)).collect();
        let remove: Result<Vec<ElementRef>, WireError> =
            said.remove.into_iter().map(|gone| self.removal(gone)).collect();
        let (put, remove) = (put?, remove?);
        let is_fit = self.is_set(facet, &put, &remove);
        let keep = self.kept(facet, &said.keep)?;
        Ok(self.fitting(is_fit, FacetEdit::Elements { replace, put, remove, keep }))
    }

    /// The edit, or that nobody can tell.
    fn fitting(&mut self, is_fit: bool, edit: FacetEdit) -> FacetEdit {
        if is_fit {
            return edit;
        }
        self.unknown += 1;
        FacetEdit::Unknown
    }

    /// Whether these are elements of the set, and what tells them apart is said of them.
    fn is_set(&self, facet: &Facet, put: &[Element], remove: &[ElementRef]) -> bool {
        let Type::List(item) = &facet.ty else { return false };
        let keys = remove.iter().filter_map(|element| match element {
            ElementRef::Id(_) => None,
            ElementRef::Key(value) => Some(value),
        });
        let mut values = put.iter().map(|element| &element.value).chain(keys);
        let is_keyed = |shape: &Shape| {
            facet
                .key
                .iter()
                .all(|key| shape.from.get(usize::from(*key)).is_some_and(Option::is_some))
        };
        facet.is_set
            && self.item_shape(facet).is_none_or(is_keyed)
            && values.all(|value| fits(value, item, self.schema))
    }

    /// The record type of a set's elements as the message has it.
    fn item_shape(&self, facet: &Facet) -> Option<&Shape> {
        let id = element(&facet.ty)?;
        self.values.shapes.iter().find(|shape| shape.id == Some(id))
    }

    /// Places of the fields that the source never carries: those it names, and those that its
    /// program has no name for.
    fn kept(&self, facet: &Facet, keep: &[u32]) -> Result<Vec<u16>, WireError> {
        let mut kept = Vec::with_capacity(keep.len());
        let record = element(&facet.ty).map(|id| self.schema.record(id));
        for name in keep {
            let name = self.name(*name)?;
            kept.extend(record.and_then(|record| record.field(name)).and_then(small));
        }
        for (place, from) in
            self.item_shape(facet).into_iter().flat_map(|s| s.from.iter().enumerate())
        {
            if from.is_none() {
                kept.extend(small(place));
            }
        }
        Ok(kept)
    }

    fn element(&mut self, element: told::Element) -> Result<Element, WireError> {
        let Some(value) = element.value else { return Err(bad("an element has no value")) };
        Ok(Element {
            id: element.id.map(Into::into),
            alias: element.alias.map(Into::into),
            value: self.values.value(value)?,
            part: element.part,
        })
    }

    fn removal(&mut self, removal: told::Removal) -> Result<ElementRef, WireError> {
        match removal.element {
            Some(told::Gone::Id(id)) => Ok(ElementRef::Id(id.into())),
            Some(told::Gone::Key(value)) => self.values.value(value).map(ElementRef::Key),
            None => Err(bad("an element that is gone has no name")),
        }
    }

    fn act(&mut self, act: told::Act) -> Result<Option<Act>, WireError> {
        let schema = self.schema;
        let shape = usize::try_from(act.shape).ok().and_then(|place| self.shapes.get(place));
        let Some(shape) = shape else { return Err(bad("an act has no shape")) };
        let name = self.name(shape.name)?;
        let Some(declared) = schema.acts.iter().find(|act| *act.name == *name) else {
            return Ok(None);
        };
        let shape = self.shape(shape, Some(declared))?;
        let resource = match act.kind {
            None => None,
            Some(kind) => match schema.kind_named(self.name(kind)?) {
                Some(kind) => Some((kind.id, act.resource.into())),
                None => return Ok(None),
            },
        };
        let mut fields = self.values.arranged(&shape, act.fields)?;
        for (value, field) in fields.iter_mut().zip(&declared.fields) {
            if !fits(value, &field.ty, schema) {
                *value = Value::Unknown;
                self.unknown += 1;
            }
        }
        Ok(Some(Act { act: declared.id.0, resource, fields }))
    }
}

fn small(place: usize) -> Option<u16> {
    u16::try_from(place).ok()
}
