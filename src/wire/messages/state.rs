//! The messages of `state.proto`.

/// One row of the state topic.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Row {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The fingerprint of the names that explain `payload`.
    #[prost(fixed64, tag = "2")]
    pub schema: u64,
    /// The row as it rests.
    #[prost(bytes = "vec", tag = "3")]
    pub payload: Vec<u8>,
}

/// How far a partition's state has come.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Progress {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The next offset that is not yet in the state.
    #[prost(uint64, tag = "2")]
    pub input_offset: u64,
    /// Counts the writer's transactions of this partition.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// Who committed it.
    #[prost(string, tag = "4")]
    pub writer: String,
    /// The latest event time seen.
    #[prost(int64, tag = "5")]
    pub watermark_micros: i64,
    /// Every change that came up to then was applied, by the writer's clock.
    #[prost(int64, tag = "6")]
    pub heard_micros: i64,
    /// The digest of the content that judges it.
    #[prost(bytes = "vec", tag = "7")]
    pub content: Vec<u8>,
}
