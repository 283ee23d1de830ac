//! What content declares: record types, kinds, and the facets of a kind.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::finding::Area;
use super::value::Value;

/// Place of a kind in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KindId(pub u16);

/// Place of a facet in its [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FacetId(pub u16);

/// Place of a record type in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub u16);

/// The type of an expression, a facet or a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Any value of an event's body: its shape is known only when it is there.
    Dyn,
    /// `none`, `unsaid`.
    Null,
    /// True or false.
    Bool,
    /// Signed 64-bit integer.
    Int,
    /// Double.
    Double,
    /// Text.
    String,
    /// Text with a canonical form of its own.
    Text(Text),
    /// An instant.
    Time,
    /// A span of time.
    Duration,
    /// A set of ports.
    Ports,
    /// One of the words listed.
    Enum(Arc<[Box<str>]>),
    /// A list; sets are lists to an expression.
    List(Arc<Type>),
    /// Text to value.
    Map(Arc<Type>),
    /// A declared record.
    Record(RecordId),
    /// A resource of a kind.
    Resource(KindId),
}

/// Text types whose canonical forms the host functions make and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// `any`, `tcp`, `udp`, `icmp`, ..., or an IANA number.
    Protocol,
    /// `10.0.0.0/8`, host bits cleared.
    Cidr,
    /// A CIDR, `any`, `group:ID`, `list:ID`, `tag:NAME`.
    Peer,
    /// `*` (everyone), `authenticated` (anyone with an account), or a cloud's own name of one.
    Principal,
}

impl Text {
    /// The name content uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Cidr => "cidr",
            Self::Peer => "peer",
            Self::Principal => "principal",
        }
    }
}

/// A declared record type.
#[derive(Clone, Debug)]
pub struct RecordType {
    /// Its place in the schema.
    pub id: RecordId,
    /// Its name.
    pub name: Box<str>,
    /// Its fields, in the order declared.
    pub fields: Box<[Field]>,
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub ty: Type,
    /// What a whole element has where the event leaves the field out.
    pub default: Option<Value>,
    /// Stable short name in encoded rows: [`tag`] of the name, unique in the record.
    pub tag: u16,
}

impl RecordType {
    /// The index of the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }
}

/// A canonical resource type.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its place in the schema.
    pub id: KindId,
    /// Its name, `network.security_group`.
    pub name: Box<str>,
    /// Whose part of the shared-responsibility model it is.
    pub area: Area,
    /// Its facets: the common ones (`name tags owner created managed_by`) first, then its own.
    pub facets: Box<[Facet]>,
    /// Facet by name.
    pub by_name: FxHashMap<Box<str>, FacetId>,
}

impl Kind {
    /// The facet of that name.
    #[must_use]
    pub fn facet(&self, name: &str) -> Option<&Facet> {
        self.by_name.get(name).map(|id| &self.facets[usize::from(id.0)])
    }
}

/// One named, typed part of a kind's configuration.
#[derive(Clone, Debug)]
pub struct Facet {
    /// Its place in the kind.
    pub id: FacetId,
    /// Its name.
    pub name: Box<str>,
    /// What an expression gets. `set<T>` and `list<T>` are both [`Type::List`];
    /// `ref K` is [`Type::Resource`].
    pub ty: Type,
    /// Where its value comes from.
    pub origin: Origin,
    /// For element sets of records: indexes of the key fields. Empty for sets whose element
    /// is its own key, and for facets that are not sets.
    pub key: Box<[u16]>,
    /// Whether it is an element set, merged element by element.
    pub is_set: bool,
    /// The cloud's own value where nobody ever said one.
    pub default: Option<Value>,
    /// Stable short name in encoded rows: [`tag`] of the name, unique in the kind.
    pub tag: u16,
}

/// Where a facet's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Events say it.
    Said,
    /// Computed from other facets.
    Derived,
    /// The resources of `kind` whose `facet` (or its record field `field`) refers to this one.
    Back {
        /// The referring kind.
        kind: KindId,
        /// The referring facet.
        facet: FacetId,
        /// The field of the facet's record that holds the reference.
        field: Option<u16>,
    },
    /// The account's single resource of a kind.
    One(KindId),
}

/// All declared types. Immutable once loaded; ids index into it.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Record types by id.
    pub records: Vec<RecordType>,
    /// Kinds by id.
    pub kinds: Vec<Kind>,
    /// Acts, declared like records: their fields by act name.
    pub acts: Vec<RecordType>,
    /// Record id by name.
    pub record_names: FxHashMap<Box<str>, RecordId>,
    /// Kind id by name.
    pub kind_names: FxHashMap<Box<str>, KindId>,
}

impl Schema {
    /// The record type of that id.
    ///
    /// # Panics
    /// Panics when the id comes from another schema.
    #[must_use]
    pub fn record(&self, id: RecordId) -> &RecordType {
        &self.records[usize::from(id.0)]
    }

    /// The kind of that id.
    ///
    /// # Panics
    /// Panics when the id comes from another schema.
    #[must_use]
    pub fn kind(&self, id: KindId) -> &Kind {
        &self.kinds[usize::from(id.0)]
    }

    /// The facet of that kind.
    ///
    /// # Panics
    /// Panics when the ids come from another schema.
    #[must_use]
    pub fn facet(&self, kind: KindId, facet: FacetId) -> &Facet {
        &self.kind(kind).facets[usize::from(facet.0)]
    }

    /// The kind of that name.
    #[must_use]
    pub fn kind_named(&self, name: &str) -> Option<&Kind> {
        self.kind_names.get(name).map(|id| self.kind(*id))
    }

    /// The record type of that name.
    #[must_use]
    pub fn record_named(&self, name: &str) -> Option<&RecordType> {
        self.record_names.get(name).map(|id| self.record(*id))
    }
}

/// The stable 16-bit name of a facet or field in encoded rows (FNV-1a folded).
///
/// Content is refused at load where two names of one owner collide.
#[must_use]
pub fn tag(name: &str) -> u16 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in name.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let [a, b, c, d] = hash.to_le_bytes();
    u16::from_le_bytes([a ^ c, b ^ d])
}
