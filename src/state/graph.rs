//! Which resources must be looked at again when a facet changes: read off the content once.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::content::{Content, Form};
use crate::expr::Read;
use crate::model::{FacetId, KindId, Origin, Schema, Type};

/// A facet of a kind.
pub type FacetRef = (KindId, FacetId);

/// What follows from what, across resources.
#[derive(Debug, Default)]
pub struct Graph {
    /// For a facet: the chains of facets by which some kind reads it from afar, reader first.
    readers: FxHashMap<FacetRef, Vec<Box<[FacetRef]>>>,
    /// For a referring facet: the facets of the referred kind that are its other direction.
    backs: FxHashMap<FacetRef, Vec<FacetRef>>,
    /// Facets whose elements' names some mapping looks resources up by.
    looked_up: FxHashSet<FacetRef>,
    /// For a kind: its facets that refer to resources, with the field where it is a record's.
    references: Vec<Vec<Reference>>,
    /// Kinds that read an account's singleton: all their resources follow from it.
    singleton_readers: FxHashSet<KindId>,
}

/// A facet that refers to resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The facet.
    pub facet: FacetId,
    /// The kind referred to.
    pub to: KindId,
    /// The field of its record that holds the reference; `None` where the value is it.
    pub field: Option<usize>,
}

impl Graph {
    /// Reads the content's expressions and mappings.
    #[must_use]
    pub fn of(content: &Content) -> Self {
        let mut graph = Self {
            references: content
                .schema
                .kinds
                .iter()
                .map(|kind| references(&content.schema, kind.id))
                .collect(),
            ..Self::default()
        };
        for kind in &content.schema.kinds {
            for facet in &kind.facets {
                match facet.origin {
                    Origin::Back { kind: from, facet: through, .. } => {
                        graph.backs.entry((from, through)).or_default().push((kind.id, facet.id));
                    }
                    Origin::One(_) => {
                        graph.singleton_readers.insert(kind.id);
                    }
                    Origin::Said | Origin::Derived => {}
                }
            }
        }
        for derives in &content.derives {
            for derive in derives {
                graph.add(derive.is.reads());
            }
        }
        for detector in &content.detectors {
            let Form::Posture(form) = &detector.form else { continue };
            for on in &form.on {
                graph.add(on.insecure.reads());
                if let Some(measure) = &on.measure {
                    graph.add(measure.reads());
                }
            }
        }
        for entry in &content.entries {
            for group in &entry.groups {
                let Some(identify) = &group.resource else { continue };
                if let Some((facet, _)) = &identify.lookup {
                    graph.looked_up.insert((identify.kind, *facet));
                }
            }
        }
        graph
    }

    fn add(&mut self, reads: &[Read]) {
        for read in reads {
            let Some((last, chain)) = read.path.split_last() else { continue };
            if chain.is_empty() {
                continue;
            }
            let chains = self.readers.entry(*last).or_default();
            if !chains.iter().any(|known| **known == *chain) {
                chains.push(chain.into());
            }
        }
    }

    /// The chains by which other resources read `facet`, the reader's own facet first.
    #[must_use]
    pub fn readers(&self, facet: FacetRef) -> &[Box<[FacetRef]>] {
        self.readers.get(&facet).map_or(&[], Vec::as_slice)
    }

    /// The facets of the referred kind that mirror the referring `facet`.
    #[must_use]
    pub fn backs(&self, facet: FacetRef) -> &[FacetRef] {
        self.backs.get(&facet).map_or(&[], Vec::as_slice)
    }

    /// Whether mappings look resources up by this facet.
    #[must_use]
    pub fn is_looked_up(&self, facet: FacetRef) -> bool {
        self.looked_up.contains(&facet)
    }

    /// The referring facets of a kind.
    #[must_use]
    pub fn references(&self, kind: KindId) -> &[Reference] {
        self.references.get(usize::from(kind.0)).map_or(&[], Vec::as_slice)
    }

    /// Whether the kind's resources read their account's singleton.
    #[must_use]
    pub fn has_singleton_readers(&self, kind: KindId) -> bool {
        self.singleton_readers.contains(&kind)
    }
}

fn references(schema: &Schema, kind: KindId) -> Vec<Reference> {
    let mut found = Vec::new();
    for facet in &schema.kind(kind).facets {
        if facet.origin != Origin::Said {
            continue;
        }
        let item = match &facet.ty {
            Type::List(item) => &**item,
            other => other,
        };
        match item {
            Type::Resource(to) => found.push(Reference { facet: facet.id, to: *to, field: None }),
            Type::Record(id) => {
                for (field, declared) in schema.record(*id).fields.iter().enumerate() {
                    if let Type::Resource(to) = declared.ty {
                        found.push(Reference { facet: facet.id, to, field: Some(field) });
                    }
                }
            }
            _ => {}
        }
    }
    found
}
