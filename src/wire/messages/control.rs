//! The message of `control.proto`.

/// By which content a partition is judged, and from where on.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Control {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The content's digest.
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
    /// The first change judged by it.
    #[prost(uint64, optional, tag = "3")]
    pub since: Option<u64>,
}
