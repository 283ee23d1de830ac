//! The message of `names.proto`.

use super::value::Value;

/// All declared types by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Names {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// A record type's number is its place here.
    #[prost(message, repeated, tag = "2")]
    pub records: Vec<Record>,
    /// A kind's number is its place here.
    #[prost(message, repeated, tag = "3")]
    pub kinds: Vec<Kind>,
    /// An act's number is its place here.
    #[prost(message, repeated, tag = "4")]
    pub acts: Vec<Record>,
}

/// A record type, or an act with what it tells.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A field's number is its place here.
    #[prost(message, repeated, tag = "2")]
    pub fields: Vec<Field>,
}

/// A field of a record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Field {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
    /// What a whole element has where the event leaves the field out.
    #[prost(message, optional, tag = "3")]
    pub default: Option<Value>,
}

/// A canonical resource type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Kind {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Whose part of the shared-responsibility model it is.
    #[prost(string, tag = "2")]
    pub area: String,
    /// A facet's number is its place here.
    #[prost(message, repeated, tag = "3")]
    pub facets: Vec<Facet>,
}

/// One named, typed part of a kind's configuration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Facet {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
    /// Where its value comes from.
    #[prost(enumeration = "Origin", tag = "3")]
    pub origin: i32,
    /// The referring, or the account's single, kind's number.
    #[prost(uint32, tag = "4")]
    pub of_kind: u32,
    /// The referring facet's number.
    #[prost(uint32, tag = "5")]
    pub of_facet: u32,
    /// The number of the record's field that holds the reference.
    #[prost(uint32, optional, tag = "6")]
    pub of_field: Option<u32>,
    /// Whether it is merged element by element.
    #[prost(bool, tag = "7")]
    pub is_set: bool,
    /// Of sets of records the numbers of the fields that tell elements apart.
    #[prost(uint32, repeated, tag = "8")]
    pub key: Vec<u32>,
    /// The cloud's own value where nobody ever said one.
    #[prost(message, optional, tag = "9")]
    pub default: Option<Value>,
}

/// Where a facet's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Origin {
    /// `ORIGIN_UNSPECIFIED`.
    Unspecified = 0,
    /// Events say it.
    Said = 1,
    /// Computed from other facets.
    Derived = 2,
    /// Who refers to this resource.
    Back = 3,
    /// The account's single resource of a kind.
    One = 4,
}

/// A type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Type {
    /// Which sort.
    #[prost(enumeration = "Sort", tag = "1")]
    pub sort: i32,
    /// Of lists and maps.
    #[prost(message, optional, boxed, tag = "2")]
    pub item: Option<Box<Type>>,
    /// Of enums.
    #[prost(string, repeated, tag = "3")]
    pub words: Vec<String>,
    /// Of records and resources: the number of the record type or kind.
    #[prost(uint32, tag = "4")]
    pub place: u32,
}

/// The sorts of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Sort {
    /// `SORT_UNSPECIFIED`.
    Unspecified = 0,
    /// Any value of an event's body.
    Json = 1,
    /// `none`.
    Null = 2,
    /// True or false.
    Bool = 3,
    /// Integer.
    Int = 4,
    /// Double.
    Double = 5,
    /// Text.
    String = 6,
    /// `tcp`.
    Protocol = 7,
    /// `10.0.0.0/8`.
    Cidr = 8,
    /// A CIDR, `any`, `group:ID`.
    Peer = 9,
    /// Who is let in.
    Principal = 10,
    /// An instant.
    Time = 11,
    /// A span.
    Duration = 12,
    /// A set of ports.
    Ports = 13,
    /// One of some words.
    Enum = 14,
    /// A list or set.
    List = 15,
    /// Text to value.
    Map = 16,
    /// A record.
    Record = 17,
    /// A resource.
    Resource = 18,
}
