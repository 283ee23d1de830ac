//! Records of the state topic: rows as they rest, and how far a partition has come.

use prost::Message as _;

use crate::model::{Digest, Timestamp};

use super::{WireError, messages, read};

/// The version of both forms, and of the bytes in [`Row::payload`].
pub const VERSION: u32 = 1;

/// One row of the state: a resource, a window, a timer. The record's key tells which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The [fingerprint](super::names::fingerprint) of the schema whose numbers are in `payload`.
    pub schema: u64,
    /// The row as it rests in memory.
    pub payload: Vec<u8>,
}

impl Row {
    /// The row as bytes: at most 14 bytes more than a payload below 16 KiB has.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let Self { schema, payload } = self;
        messages::Row { version: VERSION, schema, payload }.encode_to_vec()
    }

    /// The row of these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let messages::Row { version: _, schema, payload } = read(bytes, VERSION)?;
        Ok(Self { schema, payload })
    }
}

/// How far a partition's state has come. Written in the transaction that brought it there, so it
/// tells the truth about the rows beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next offset of the changes topic that is not yet in the state.
    pub input_offset: u64,
    /// Counts the writer's transactions of this partition.
    pub sequence: u64,
    /// Who committed it. With `sequence` it is the transaction's receipt.
    pub writer: String,
    /// The latest event time seen.
    pub watermark: Timestamp,
    /// Every change that came up to then was applied, by the writer's clock; the epoch where an
    /// older version wrote it.
    pub heard: Timestamp,
    /// By which content it was judged; `None` where an older version wrote it.
    pub content: Option<Digest>,
}

impl Progress {
    /// The progress as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        messages::Progress {
            version: VERSION,
            input_offset: self.input_offset,
            sequence: self.sequence,
            writer: self.writer.clone(),
            watermark_micros: self.watermark.0,
            heard_micros: self.heard.0,
            content: self.content.map(|digest| digest.0.to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    /// The progress of these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let message: messages::Progress = read(bytes, VERSION)?;
        Ok(Self {
            input_offset: message.input_offset,
            sequence: message.sequence,
            writer: message.writer,
            watermark: Timestamp(message.watermark_micros),
            heard: Timestamp(message.heard_micros),
            content: message.content.try_into().ok().map(Digest),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{complete, refuses_what_is_newer, shown, text};
    use super::*;

    fn progress() -> Progress {
        Progress {
            input_offset: 42,
            sequence: 7,
            writer: "the writer".to_owned(),
            watermark: Timestamp(-5),
            heard: Timestamp(9),
            content: Some(Digest(*b"the content now.")),
        }
    }

    #[test]
    fn what_is_written_is_what_the_proto_file_declares() {
        let row = Row { schema: 258, payload: b"the payload".to_vec() }.encode();
        let row = shown("state.proto", "Row", &row);
        assert_eq!(text(&row), "version: 1 schema: 258 payload: \"the payload\"");
        complete(&[row]);
        let progress = shown("state.proto", "Progress", &progress().encode());
        let said = "version: 1 input_offset: 42 sequence: 7 writer: \"the writer\" \
                    watermark_micros: -5 heard_micros: 9 content: \"the content now.\"";
        assert_eq!(text(&progress), said);
        complete(&[progress]);
    }

    #[test]
    fn a_row_costs_what_it_says() {
        for length in [1, 127, 128, 16_000] {
            let row = Row { schema: u64::MAX, payload: vec![0; length] };
            let cost = row.encode().len() - length;
            assert!(cost <= 14, "{length}: {cost}");
        }
    }

    #[test]
    fn newer_and_other_bytes_are_told_apart() {
        refuses_what_is_newer(Row::decode);
        refuses_what_is_newer(Progress::decode);
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_is_the_identity(
            (numbers, payload) in (any::<[u64; 3]>(), any::<Vec<u8>>()),
            (writer, [micros, heard]) in (any::<String>(), any::<[i64; 2]>()),
            digest in any::<Option<[u8; 16]>>(),
        ) {
            let [schema, input_offset, sequence] = numbers;
            let row = Row { schema, payload };
            prop_assert_eq!(Row::decode(&row.clone().encode()), Ok(row));
            let watermark = Timestamp(micros);
            let heard = Timestamp(heard);
            let content = digest.map(Digest);
            let progress =
                Progress { input_offset, sequence, writer, watermark, heard, content };
            prop_assert_eq!(Progress::decode(&progress.encode()), Ok(progress));
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = Row::decode(&bytes);
            let _ = Progress::decode(&bytes);
        }
    }
}
