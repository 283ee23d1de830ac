//! A change into its message.

use rustc_hash::FxHashMap;

use crate::model::{
    Act, Cause, Change, Edit, Element, ElementRef, FacetEdit, FacetId, Family, Kind, Operation,
    Ownership, RecordId, RecordType, Schema, Source, Type, Value, Write,
};
use crate::wire::messages::{self, event as told};
use crate::wire::value;

use super::fit::{DEEPEST, is_deeper};
use super::{Origin, VERSION};

pub(super) fn event(change: &Change, origin: &Origin, schema: &Schema) -> told::Event {
    let mut writer = Writer { schema, table: Table::default(), cut: false };
    let writes = change.writes.iter().map(|write| writer.write(write)).collect();
    let acts = change.acts.iter().map(|act| writer.act(act)).collect();
    let Writer { table, cut, .. } = writer;
    told::Event {
        version: VERSION,
        names: table.names.iter().map(|name| (*name).to_owned()).collect(),
        shapes: table.shapes,
        origin: Some(told::Origin {
            arrived_micros: origin.arrived.0,
            topic: origin.topic.to_string(),
            partition: origin.partition,
            offset: origin.offset,
            reads: origin.reads,
        }),
        tenant: change.cell.tenant.to_string(),
        provider: change.cell.provider.as_str().to_owned(),
        account: change.cell.account.to_string(),
        cause: Some(cause(&change.cause)),
        source: match change.source {
            Source::Activity => told::Source::Activity,
            Source::Snapshot => told::Source::Snapshot,
        }
        .into(),
        operation: match &change.operation {
            Operation::Single => None,
            Operation::Start(id) => Some(told::Operation::Starts(id.to_string())),
            Operation::End(id) => Some(told::Operation::Ends(id.to_string())),
        },
        writes,
        acts,
        blind: change.blind || cut,
        failed: change.failed,
    }
}

fn cause(cause: &Cause) -> told::Cause {
    told::Cause {
        id: cause.id.to_string(),
        time_micros: cause.time.0,
        format: cause.format.as_str().to_owned(),
        family: match cause.family {
            Family::Activity => told::Family::Activity,
            Family::State => told::Family::State,
        }
        .into(),
        ownership: match cause.ownership {
            Ownership::Tenant => told::Ownership::Tenant,
            Ownership::TenantViaService => told::Ownership::TenantViaService,
            Ownership::Provider => told::Ownership::Provider,
        }
        .into(),
        service: cause.service.to_string(),
        name: cause.name.to_string(),
        region: cause.region.to_string(),
        actor: cause.actor.to_string(),
        actor_name: cause.actor_name.to_string(),
        actor_kind: cause.actor_kind.to_string(),
        credential: cause.credential.to_string(),
        invoked_by: cause.invoked_by.to_string(),
        root: cause.root,
        mfa: cause.mfa,
        source_ip: cause.source_ip.to_string(),
        user_agent: cause.user_agent.to_string(),
        error: cause.error.as_deref().map(str::to_owned),
    }
}

struct Writer<'s> {
    schema: &'s Schema,
    table: Table<'s>,
    /// Whether something was nested too deep.
    cut: bool,
}

impl<'s> Writer<'s> {
    fn write(&mut self, write: &Write) -> told::Write {
        let schema = self.schema;
        let kind = schema.kind(write.target.kind);
        let mut message = told::Write {
            kind: self.table.name(&kind.name),
            id: write.target.id.as_deref().map(str::to_owned),
            creates: write.creates,
            ..told::Write::default()
        };
        if let Some((facet, text)) = &write.target.lookup {
            let facet = &schema.facet(write.target.kind, *facet).name;
            message.lookup_facet = Some(self.table.name(facet));
            message.lookup_text = text.to_string();
        }
        match &write.edit {
            Edit::Delete => message.deletes = true,
            Edit::Facets(facets) => {
                let facet = |(id, edit): &(FacetId, FacetEdit)| self.facet(kind, *id, edit);
                message.facets = facets.iter().map(facet).collect();
            }
        }
        message
    }

    fn facet(&mut self, kind: &'s Kind, id: FacetId, edit: &FacetEdit) -> told::Facet {
        let facet = &kind.facets[usize::from(id.0)];
        let mut message =
            told::Facet { name: self.table.name(&facet.name), ..told::Facet::default() };
        let said = match edit {
            edit if is_too_deep(edit) => {
                self.cut = true;
                told::Edit::Unknown
            }
            FacetEdit::Unknown => told::Edit::Unknown,
            FacetEdit::Set(value) => {
                message.set = Some(self.value(value));
                told::Edit::Set
            }
            FacetEdit::Elements { replace, put, remove, keep } => {
                message.put = put.iter().map(|element| self.element(element)).collect();
                message.remove = remove.iter().map(|element| self.removal(element)).collect();
                message.keep = self.keep(&facet.ty, keep);
                if *replace { told::Edit::Replace } else { told::Edit::Merge }
            }
        };
        message.edit = said.into();
        message
    }

    fn element(&mut self, element: &Element) -> told::Element {
        told::Element {
            id: element.id.as_deref().map(str::to_owned),
            alias: element.alias.as_deref().map(str::to_owned),
            value: Some(self.value(&element.value)),
            part: element.part,
        }
    }

    fn removal(&mut self, element: &ElementRef) -> told::Removal {
        let gone = match element {
            ElementRef::Id(id) => told::Gone::Id(id.to_string()),
            ElementRef::Key(value) => told::Gone::Key(self.value(value)),
        };
        told::Removal { element: Some(gone) }
    }

    /// Places of fields in a set's elements by name; elements that are no records have none.
    fn keep(&mut self, ty: &Type, keep: &[u16]) -> Vec<u32> {
        let schema = self.schema;
        let Some(record) = super::fit::element(ty).map(|id| schema.record(id)) else {
            return Vec::new();
        };
        let name = |place: &u16| self.table.name(&record.fields[usize::from(*place)].name);
        keep.iter().map(name).collect()
    }

    fn act(&mut self, act: &Act) -> told::Act {
        let schema = self.schema;
        let (kind, resource) = match &act.resource {
            Some((kind, id)) => (Some(self.table.name(&schema.kind(*kind).name)), id.to_string()),
            None => (None, String::new()),
        };
        let field = |value: &Value| {
            if is_deeper(value, DEEPEST) { self.value(&Value::Unknown) } else { self.value(value) }
        };
        let fields = act.fields.iter().map(field).collect();
        let shape = self.table.act(act.act, schema);
        told::Act { shape, kind, resource, fields }
    }

    fn value(&mut self, value: &Value) -> messages::Value {
        let (table, schema) = (&mut self.table, self.schema);
        value::write(value, &mut |id| table.record(id, schema))
    }
}

fn is_too_deep(edit: &FacetEdit) -> bool {
    match edit {
        FacetEdit::Unknown => false,
        FacetEdit::Set(value) => is_deeper(value, DEEPEST),
        FacetEdit::Elements { put, remove, .. } => {
            put.iter().any(|element| is_deeper(&element.value, DEEPEST))
                || remove.iter().any(|element| match element {
                    ElementRef::Id(_) => false,
                    ElementRef::Key(value) => is_deeper(value, DEEPEST),
                })
        }
    }
}

/// The names and shapes that the message uses, in the order in which it came to them.
#[derive(Default)]
struct Table<'s> {
    names: Vec<&'s str>,
    places: FxHashMap<&'s str, u32>,
    shapes: Vec<told::Shape>,
    records: FxHashMap<RecordId, u32>,
    acts: FxHashMap<u16, u32>,
}

impl<'s> Table<'s> {
    fn name(&mut self, name: &'s str) -> u32 {
        let next = count(&self.names);
        *self.places.entry(name).or_insert_with(|| {
            self.names.push(name);
            next
        })
    }

    fn record(&mut self, id: RecordId, schema: &'s Schema) -> u32 {
        if let Some(place) = self.records.get(&id) {
            return *place;
        }
        let place = self.shape(schema.record(id));
        self.records.insert(id, place);
        place
    }

    fn act(&mut self, act: u16, schema: &'s Schema) -> u32 {
        if let Some(place) = self.acts.get(&act) {
            return *place;
        }
        let place = self.shape(&schema.acts[usize::from(act)]);
        self.acts.insert(act, place);
        place
    }

    fn shape(&mut self, ty: &'s RecordType) -> u32 {
        let name = self.name(&ty.name);
        let fields = ty.fields.iter().map(|field| self.name(&field.name)).collect();
        self.shapes.push(told::Shape { name, fields });
        count(&self.shapes) - 1
    }
}

/// How many there are; a schema has fewer names than 2 to the 32nd.
fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
