//! The message of `event.proto`.

use super::value::Value;

/// One event of a cloud with all that it says about resources.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The names that the message uses, each once.
    #[prost(string, repeated, tag = "2")]
    pub names: Vec<String>,
    /// The record types and acts that it uses.
    #[prost(message, repeated, tag = "3")]
    pub shapes: Vec<Shape>,
    /// Where it was read.
    #[prost(message, optional, tag = "4")]
    pub origin: Option<Origin>,
    /// Tenant.
    #[prost(string, tag = "5")]
    pub tenant: String,
    /// aws, azure, gcp, huawei, kubernetes, other.
    #[prost(string, tag = "6")]
    pub provider: String,
    /// Account.
    #[prost(string, tag = "7")]
    pub account: String,
    /// Who, when and how.
    #[prost(message, optional, tag = "8")]
    pub cause: Option<Cause>,
    /// How its writes weigh.
    #[prost(enumeration = "Source", tag = "9")]
    pub source: i32,
    /// The asynchronous operation that it starts or ends.
    #[prost(oneof = "Operation", tags = "10, 11")]
    pub operation: Option<Operation>,
    /// In the mapping's order.
    #[prost(message, repeated, tag = "12")]
    pub writes: Vec<Write>,
    /// Deeds.
    #[prost(message, repeated, tag = "13")]
    pub acts: Vec<Act>,
    /// Its body did not say to what it changed.
    #[prost(bool, tag = "14")]
    pub blind: bool,
    /// The call failed.
    #[prost(bool, tag = "15")]
    pub failed: bool,
}

/// The record of a source topic that the event was in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Origin {
    /// When the broker had it.
    #[prost(int64, tag = "1")]
    pub arrived_micros: i64,
    /// Topic.
    #[prost(string, tag = "2")]
    pub topic: String,
    /// Partition.
    #[prost(uint32, tag = "3")]
    pub partition: u32,
    /// Offset.
    #[prost(uint64, tag = "4")]
    pub offset: u64,
    /// The event only reads.
    #[prost(bool, tag = "5")]
    pub reads: bool,
}

/// A record type, or an act, with the names of its fields.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Shape {
    /// Its name.
    #[prost(uint32, tag = "1")]
    pub name: u32,
    /// The names of its fields, in the order in which values come.
    #[prost(uint32, repeated, tag = "2")]
    pub fields: Vec<u32>,
}

/// Who, when and how.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Cause {
    /// The cloud's id of the event.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Event time.
    #[prost(int64, tag = "2")]
    pub time_micros: i64,
    /// The wire format's name.
    #[prost(string, tag = "3")]
    pub format: String,
    /// Activity or state.
    #[prost(enumeration = "Family", tag = "4")]
    pub family: i32,
    /// Whose doing.
    #[prost(enumeration = "Ownership", tag = "5")]
    pub ownership: i32,
    /// Service.
    #[prost(string, tag = "6")]
    pub service: String,
    /// Name.
    #[prost(string, tag = "7")]
    pub name: String,
    /// Region.
    #[prost(string, tag = "8")]
    pub region: String,
    /// Actor.
    #[prost(string, tag = "9")]
    pub actor: String,
    /// Actor name.
    #[prost(string, tag = "10")]
    pub actor_name: String,
    /// Actor kind.
    #[prost(string, tag = "11")]
    pub actor_kind: String,
    /// Credential.
    #[prost(string, tag = "12")]
    pub credential: String,
    /// Invoked by.
    #[prost(string, tag = "13")]
    pub invoked_by: String,
    /// The account's owner.
    #[prost(bool, tag = "14")]
    pub root: bool,
    /// Unset where the event does not say.
    #[prost(bool, optional, tag = "15")]
    pub mfa: Option<bool>,
    /// Source ip.
    #[prost(string, tag = "16")]
    pub source_ip: String,
    /// User agent.
    #[prost(string, tag = "17")]
    pub user_agent: String,
    /// Unset where the call did not fail.
    #[prost(string, optional, tag = "18")]
    pub error: Option<String>,
}

/// What a resource is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Family {
    /// `FAMILY_UNSPECIFIED`.
    Unspecified = 0,
    /// Who asked for what.
    Activity = 1,
    /// What a resource now is.
    State = 2,
}

/// Whose doing the event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Ownership {
    /// `OWNERSHIP_UNSPECIFIED`.
    Unspecified = 0,
    /// The tenant's.
    Tenant = 1,
    /// The tenant's, through a service.
    TenantViaService = 2,
    /// The provider's.
    Provider = 3,
}

/// How writes weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Source {
    /// `SOURCE_UNSPECIFIED`.
    Unspecified = 0,
    /// Said by an activity event.
    Activity = 1,
    /// Seen by a state event.
    Snapshot = 2,
}

/// An end of an asynchronous operation, by the cloud's id.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum Operation {
    /// Its start.
    #[prost(string, tag = "10")]
    Starts(String),
    /// Its end.
    #[prost(string, tag = "11")]
    Ends(String),
}

/// What is said about one resource.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Write {
    /// The kind's name.
    #[prost(uint32, tag = "1")]
    pub kind: u32,
    /// The resource's id.
    #[prost(string, optional, tag = "2")]
    pub id: Option<String>,
    /// The facet by which the resource is found.
    #[prost(uint32, optional, tag = "3")]
    pub lookup_facet: Option<u32>,
    /// What that facet has.
    #[prost(string, tag = "4")]
    pub lookup_text: String,
    /// The event makes the resource.
    #[prost(bool, tag = "5")]
    pub creates: bool,
    /// The resource is gone.
    #[prost(bool, tag = "6")]
    pub deletes: bool,
    /// What is said about its facets.
    #[prost(message, repeated, tag = "7")]
    pub facets: Vec<Facet>,
}

/// What is said about one facet.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Facet {
    /// Its name.
    #[prost(uint32, tag = "1")]
    pub name: u32,
    /// What follows.
    #[prost(enumeration = "Edit", tag = "2")]
    pub edit: i32,
    /// With [`Edit::Set`].
    #[prost(message, optional, tag = "3")]
    pub set: Option<Value>,
    /// Elements that are there.
    #[prost(message, repeated, tag = "4")]
    pub put: Vec<Element>,
    /// Elements that are gone.
    #[prost(message, repeated, tag = "5")]
    pub remove: Vec<Removal>,
    /// Names of fields that this source never carries.
    #[prost(uint32, repeated, tag = "6")]
    pub keep: Vec<u32>,
}

/// How a facet is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Edit {
    /// `EDIT_UNSPECIFIED`.
    Unspecified = 0,
    /// It has this value.
    Set = 1,
    /// It has these elements, and not those.
    Merge = 2,
    /// It has these elements and no others.
    Replace = 3,
    /// It changed, and the event does not say to what.
    Unknown = 4,
}

/// One element of a set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Element {
    /// The cloud's own id of it.
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    /// A second name of it.
    #[prost(string, optional, tag = "2")]
    pub alias: Option<String>,
    /// Its value.
    #[prost(message, optional, tag = "3")]
    pub value: Option<Value>,
    /// Fields that are not mentioned keep their value.
    #[prost(bool, tag = "4")]
    pub part: bool,
}

/// An element that is gone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Removal {
    /// How it is named.
    #[prost(oneof = "Gone", tags = "1, 2")]
    pub element: Option<Gone>,
}

/// How an element that is gone is named.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Gone {
    /// By the cloud's id, or an alias.
    #[prost(string, tag = "1")]
    Id(String),
    /// By its key fields.
    #[prost(message, tag = "2")]
    Key(Value),
}

/// A deed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Act {
    /// Its place among the shapes.
    #[prost(uint32, tag = "1")]
    pub shape: u32,
    /// The kind of what it was done to.
    #[prost(uint32, optional, tag = "2")]
    pub kind: Option<u32>,
    /// The id of what it was done to.
    #[prost(string, tag = "3")]
    pub resource: String,
    /// One value for each field of the shape.
    #[prost(message, repeated, tag = "4")]
    pub fields: Vec<Value>,
}
