//! From the ids of one schema to those of another: what content is loaded anew changes places,
//! and what was remembered under the old ones moves along by name.
//!
//! **Invariant:** a value is carried over only where its type means the same in both; anything
//! else is given up as unknown, never read as something that it is not.

use super::change::{Act, Change, Edit, Element, ElementRef, FacetEdit, Write};
use super::schema::{Facet, FacetId, Kind, KindId, RecordId, RecordType, Schema, Type};
use super::value::Value;

/// Records within records beyond which two types count as different.
const DEEPEST: usize = 16;

/// How the ids of an old schema are those of a new one.
#[derive(Debug)]
pub struct Translation<'s> {
    old: &'s Schema,
    new: &'s Schema,
    kinds: Vec<Option<KindId>>,
    facets: Vec<Vec<Option<Moved>>>,
    records: Vec<Option<Record>>,
    acts: Vec<Option<Record>>,
}

/// Where a facet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its new place.
    pub to: FacetId,
    /// Whether it still holds the same sort of value.
    pub fits: bool,
}

/// Where a record type, or an act, and its fields went.
#[derive(Debug)]
struct Record {
    to: usize,
    /// For each new field the old one of its name.
    from: Vec<Option<usize>>,
}

impl<'s> Translation<'s> {
    /// Compares two schemas by name.
    #[must_use]
    pub fn between(old: &'s Schema, new: &'s Schema) -> Self {
        let kinds = old.kinds.iter().map(|kind| new.kind_names.get(&kind.name).copied()).collect();
        let record = |old: &RecordType, new: Option<&RecordType>| {
            let new = new?;
            let from = new.fields.iter().map(|field| old.field(&field.name)).collect();
            Some(Record { to: usize::from(new.id.0), from })
        };
        let records = old.records.iter().map(|old| record(old, new.record_named(&old.name)));
        let acts = old.acts.iter().map(|old| {
            let place = new.acts.iter().position(|new| new.name == old.name)?;
            let from = new.acts[place].fields.iter().map(|field| old.field(&field.name)).collect();
            Some(Record { to: place, from })
        });
        let mut translation = Self {
            old,
            new,
            kinds,
            facets: Vec::new(),
            records: records.collect(),
            acts: acts.collect(),
        };
        translation.facets = old.kinds.iter().map(|kind| translation.facets_of(kind)).collect();
        translation
    }

    fn facets_of(&self, old: &Kind) -> Vec<Option<Moved>> {
        let Some(new) = self.kind(old.id).map(|id| self.new.kind(id)) else {
            return vec![None; old.facets.len()];
        };
        let moved = |facet: &Facet| {
            let is = new.facet(&facet.name)?;
            Some(Moved { to: is.id, fits: self.is_same_facet(facet, is) })
        };
        old.facets.iter().map(moved).collect()
    }

    fn is_same_facet(&self, old: &Facet, new: &Facet) -> bool {
        old.is_set == new.is_set
            && self.is_same(&old.ty, &new.ty, DEEPEST)
            && Self::keys(self.old, old).eq(Self::keys(self.new, new))
    }

    /// The names of the fields by which elements of a set are told apart.
    fn keys<'k>(schema: &'k Schema, facet: &'k Facet) -> impl Iterator<Item = &'k str> {
        let fields = match &facet.ty {
            Type::List(item) => match **item {
                Type::Record(id) => Some(&schema.record(id).fields),
                _ => None,
            },
            _ => None,
        };
        let name = move |place: &u16| fields.map_or("", |all| &*all[usize::from(*place)].name);
        facet.key.iter().map(name)
    }

    /// Whether a value of the old type is one of the new.
    fn is_same(&self, old: &Type, new: &Type, depth: usize) -> bool {
        if depth == 0 {
            return false;
        }
        match (old, new) {
            (Type::List(old), Type::List(new)) | (Type::Map(old), Type::Map(new)) => {
                self.is_same(old, new, depth - 1)
            }
            (Type::Enum(old), Type::Enum(new)) => old.iter().all(|word| new.contains(word)),
            (Type::Resource(old), Type::Resource(new)) => self.kind(*old) == Some(*new),
            (Type::Record(old), Type::Record(new)) => {
                let (old, new) = (self.old.record(*old), self.new.record(*new));
                old.name == new.name
                    && new.fields.iter().all(|field| {
                        old.field(&field.name).is_none_or(|place| {
                            self.is_same(&old.fields[place].ty, &field.ty, depth - 1)
                        })
                    })
            }
            (Type::Enum(_) | Type::Resource(_) | Type::Record(_), _) => false,
            (old, new) => old == new,
        }
    }

    /// Whether nothing has another place or another type.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let stays = |record: &Option<Record>, place: usize, width: usize| {
            record.as_ref().is_some_and(|record| {
                let same = |(place, from): (usize, &Option<usize>)| *from == Some(place);
                record.to == place
                    && record.from.len() == width
                    && record.from.iter().enumerate().all(same)
            })
        };
        let kinds = self.kinds.iter().enumerate().all(|(place, kind)| {
            kind.is_some_and(|kind| {
                usize::from(kind.0) == place
                    && self.new.kind(kind).facets.len() == self.facets[place].len()
            })
        });
        let facets = self.facets.iter().all(|facets| {
            let stays = |(place, moved): (usize, &Option<Moved>)| {
                moved.is_some_and(|moved| moved.fits && usize::from(moved.to.0) == place)
            };
            facets.iter().enumerate().all(stays)
        });
        let all = |records: &[Option<Record>], types: &[RecordType]| {
            let widths = types.iter().map(|ty| ty.fields.len());
            records.iter().zip(widths).enumerate().all(|(place, (r, width))| stays(r, place, width))
        };
        kinds && facets && all(&self.records, &self.old.records) && all(&self.acts, &self.old.acts)
    }

    /// The kind's new id; `None` where there is no such kind any more.
    #[must_use]
    pub fn kind(&self, kind: KindId) -> Option<KindId> {
        self.kinds.get(usize::from(kind.0)).copied().flatten()
    }

    /// Where a facet of a kind went.
    #[must_use]
    pub fn facet(&self, kind: KindId, facet: FacetId) -> Option<Moved> {
        let facets = self.facets.get(usize::from(kind.0))?;
        facets.get(usize::from(facet.0)).copied().flatten()
    }

    /// A value under the new ids; records get the new fields as unsaid.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::List(items, whole) => {
                Value::List(items.into_iter().map(|item| self.value(item)).collect(), whole)
            }
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, item)| (key, self.value(item))).collect())
            }
            Value::Record(id, fields) => {
                let Some(Some(record)) = self.records.get(usize::from(id.0)) else {
                    return Value::Unknown;
                };
                let to = RecordId(u16::try_from(record.to).unwrap_or_default());
                Value::Record(to, self.fields(record, fields))
            }
            other => other,
        }
    }

    fn fields(&self, record: &Record, fields: Box<[Value]>) -> Box<[Value]> {
        let mut old: Vec<Value> = fields.into_vec();
        let take = |from: &Option<usize>| {
            let value = from.and_then(|place| old.get_mut(place)).map(std::mem::take);
            self.value(value.unwrap_or_default())
        };
        record.from.iter().map(take).collect()
    }

    /// What is said of a resource of the old `kind`, under the new ids.
    #[must_use]
    pub fn edit(&self, kind: KindId, edit: Edit) -> Edit {
        let Edit::Facets(facets) = edit else { return edit };
        let mut moved: Vec<(FacetId, FacetEdit)> = facets
            .into_iter()
            .filter_map(|(facet, edit)| {
                let Moved { to, fits } = self.facet(kind, facet)?;
                let edit =
                    if fits { self.facet_edit(kind, facet, edit) } else { FacetEdit::Unknown };
                Some((to, edit))
            })
            .collect();
        moved.sort_by_key(|(facet, _)| *facet);
        Edit::Facets(moved)
    }

    fn facet_edit(&self, kind: KindId, facet: FacetId, edit: FacetEdit) -> FacetEdit {
        match edit {
            FacetEdit::Unknown => FacetEdit::Unknown,
            FacetEdit::Set(value) => FacetEdit::Set(self.value(value)),
            FacetEdit::Elements { replace, put, remove, keep } => FacetEdit::Elements {
                replace,
                put: put.into_iter().map(|e| Element { value: self.value(e.value), ..e }).collect(),
                remove: remove
                    .into_iter()
                    .map(|element| match element {
                        ElementRef::Key(value) => ElementRef::Key(self.value(value)),
                        ElementRef::Id(id) => ElementRef::Id(id),
                    })
                    .collect(),
                keep: self.kept(kind, facet, &keep),
            },
        }
    }

    /// Places of fields in the records of a set, in its new record type.
    fn kept(&self, kind: KindId, facet: FacetId, keep: &[u16]) -> Vec<u16> {
        let Type::List(item) = &self.old.facet(kind, facet).ty else { return Vec::new() };
        let Type::Record(id) = **item else { return Vec::new() };
        let Some(Some(record)) = self.records.get(usize::from(id.0)) else { return Vec::new() };
        let is_kept = |from: &Option<usize>| {
            from.is_some_and(|from| keep.iter().any(|place| usize::from(*place) == from))
        };
        let places = record.from.iter().enumerate().filter(|(_, from)| is_kept(from));
        places.filter_map(|(place, _)| u16::try_from(place).ok()).collect()
    }

    /// A change that waits, under the new ids; what it says of kinds that are no more is left out.
    #[must_use]
    pub fn change(&self, change: Change) -> Change {
        let writes = change.writes.into_iter().filter_map(|write| self.write(write)).collect();
        let acts = change.acts.into_iter().filter_map(|act| self.act(act)).collect();
        Change { writes, acts, ..change }
    }

    fn write(&self, write: Write) -> Option<Write> {
        let kind = write.target.kind;
        let mut target = write.target;
        target.kind = self.kind(kind)?;
        target.lookup = match target.lookup {
            Some((facet, name)) => Some((self.facet(kind, facet)?.to, name)),
            None => None,
        };
        Some(Write { target, edit: self.edit(kind, write.edit), ..write })
    }

    fn act(&self, act: Act) -> Option<Act> {
        let record = self.acts.get(usize::from(act.act))?.as_ref()?;
        let resource = match act.resource {
            Some((kind, id)) => Some((self.kind(kind)?, id)),
            None => None,
        };
        let fields = self.fields(record, act.fields);
        Some(Act { act: u16::try_from(record.to).ok()?, resource, fields })
    }
}
