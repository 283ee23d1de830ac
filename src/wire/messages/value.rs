//! The message of `value.proto`.

/// A value of a resource's configuration. One level of nesting is one message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Value {
    /// Unset: the event does not mention it.
    #[prost(oneof = "Is", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub is: Option<Is>,
    /// Of lists the items, of maps the values, of records one value for each field.
    #[prost(message, repeated, tag = "8")]
    pub items: Vec<Value>,
    /// Of maps the keys, one for each item.
    #[prost(string, repeated, tag = "9")]
    pub keys: Vec<String>,
    /// Of ports first and last of each range in turn; ascending, disjoint.
    #[prost(uint32, repeated, tag = "10")]
    pub ports: Vec<u32>,
    /// Of records the type: an index into the table of the message around it.
    #[prost(uint32, tag = "11")]
    pub record: u32,
}

/// What a value is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Is {
    /// No scalar.
    #[prost(enumeration = "Form", tag = "1")]
    Form(i32),
    /// True or false.
    #[prost(bool, tag = "2")]
    Truth(bool),
    /// An integer.
    #[prost(sint64, tag = "3")]
    Integer(i64),
    /// A double.
    #[prost(double, tag = "4")]
    Number(f64),
    /// Text of every sort, ids of resources among it.
    #[prost(string, tag = "5")]
    Text(String),
    /// Microseconds since the Unix epoch.
    #[prost(int64, tag = "6")]
    TimeMicros(i64),
    /// A span.
    #[prost(sint64, tag = "7")]
    DurationMicros(i64),
}

/// What is no scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Form {
    /// `FORM_UNSPECIFIED`.
    Unspecified = 0,
    /// Known to be absent.
    None = 1,
    /// Nobody can tell.
    Unknown = 2,
    /// A whole list.
    List = 3,
    /// A list of which further items may exist.
    PartialList = 4,
    /// A map.
    Map = 5,
    /// A record.
    Record = 6,
    /// Ports.
    Ports = 7,
    /// Ports, to which others may belong.
    PartialPorts = 8,
}
