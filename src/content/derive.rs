//! Derived facets: their expressions enter, programs in an order in which each comes after
//! those it reads leave; what leads back to itself is refused.

use rustc_hash::{FxHashMap, FxHashSet};

use super::compiled::Derive;
use super::doc::Coder;
use super::kinds::{Declared, Formula};
use super::scope;
use crate::expr::{Functions, Program};
use crate::model::{FacetId, KindId, Origin, Schema};

type Place = (KindId, FacetId);

/// Compiles every derived facet; by kind.
pub(super) fn compile(declared: &Declared<'_>, functions: &Functions) -> Vec<Vec<Derive>> {
    let schema = &declared.schema;
    let coder = Coder { schema, functions };
    let mut programs: FxHashMap<Place, Program> = FxHashMap::default();
    for formula in &declared.formulas {
        let Formula { kind, facet, doc, is } = formula;
        let ty = schema.facet(*kind, *facet).ty.clone();
        if let Some(program) = coder.compile(doc, is, &scope::derive(*kind), Some(*kind), Some(ty))
        {
            programs.insert((*kind, *facet), program);
        }
    }
    let order = order(declared, &programs);
    let mut by_kind: Vec<Vec<Derive>> = Vec::new();
    by_kind.resize_with(schema.kinds.len(), Vec::new);
    for (kind, facet) in order {
        if let Some(is) = programs.remove(&(kind, facet)) {
            by_kind[usize::from(kind.0)].push(Derive { facet, is });
        }
    }
    by_kind
}

/// Depth first: a facet comes after all that its expression reads, on any kind.
fn order(declared: &Declared<'_>, programs: &FxHashMap<Place, Program>) -> Vec<Place> {
    let mut walk = Walk {
        declared,
        programs,
        path: Vec::new(),
        done: FxHashSet::default(),
        order: Vec::new(),
    };
    for formula in &declared.formulas {
        walk.visit((formula.kind, formula.facet));
    }
    walk.order
}

struct Walk<'a, 'f> {
    declared: &'a Declared<'f>,
    programs: &'a FxHashMap<Place, Program>,
    path: Vec<Place>,
    done: FxHashSet<Place>,
    order: Vec<Place>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, place: Place) {
        if self.done.contains(&place) {
            return;
        }
        if let Some(start) = self.path.iter().position(|step| *step == place) {
            self.refuse(start);
            return;
        }
        self.path.push(place);
        let below: Vec<Place> = self
            .programs
            .get(&place)
            .into_iter()
            .flat_map(Program::reads)
            .flat_map(|read| read.path.iter().copied())
            .filter(|step| self.programs.contains_key(step))
            .collect();
        for step in below {
            self.visit(step);
        }
        self.path.pop();
        self.done.insert(place);
        self.order.push(place);
    }

    fn refuse(&self, start: usize) {
        let schema = &self.declared.schema;
        let mut names: Vec<String> =
            self.path[start..].iter().map(|place| name(schema, *place)).collect();
        names.push(names[0].clone());
        let place = self.path[start];
        let found = self.declared.formulas.iter().find(|f| (f.kind, f.facet) == place);
        if let Some(formula) = found {
            let message = format!("derived facets lead back to themselves: {}", names.join(" -> "));
            formula.doc.error(&formula.is.span, message);
        }
    }
}

/// `network.subnet.internet`.
pub(super) fn name(schema: &Schema, (kind, facet): Place) -> String {
    format!("{}.{}", schema.kind(kind).name, schema.facet(kind, facet).name)
}

/// The facets of the kind itself that reading `facet` reads: itself, and where it is derived,
/// those its expression begins at, to any depth.
pub(super) fn own_facets(
    schema: &Schema,
    derives: &[Vec<Derive>],
    kind: KindId,
    facet: FacetId,
    found: &mut Vec<FacetId>,
) {
    if found.contains(&facet) {
        return;
    }
    found.push(facet);
    if schema.facet(kind, facet).origin != Origin::Derived {
        return;
    }
    let Some(derive) = derives[usize::from(kind.0)].iter().find(|derive| derive.facet == facet)
    else {
        return;
    };
    for read in derive.is.reads() {
        match read.path.first() {
            Some((first, below)) if *first == kind => {
                own_facets(schema, derives, kind, *below, found);
            }
            _ => {}
        }
    }
}

/// The said facets among [`own_facets`].
pub(super) fn said_facets(
    schema: &Schema,
    derives: &[Vec<Derive>],
    kind: KindId,
    facet: FacetId,
) -> Vec<FacetId> {
    let mut found = Vec::new();
    own_facets(schema, derives, kind, facet, &mut found);
    found.retain(|facet| schema.facet(kind, *facet).origin == Origin::Said);
    found
}
