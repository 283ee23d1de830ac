//! Control records among the changes: by which content a partition is judged from where on.

use prost::Message as _;

use crate::model::Digest;

use super::{WireError, messages, read};

/// The version of the form.
pub const VERSION: u32 = 1;

/// By which content a partition is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its digest.
    pub content: Digest,
    /// In a claim, the first change judged by it; a command begins behind itself.
    pub since: Option<u64>,
}

impl Control {
    /// The record as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { content, since } = *self;
        messages::Control { version: VERSION, content: content.0.to_vec(), since }.encode_to_vec()
    }

    /// The record of these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let message: messages::Control = read(bytes, VERSION)?;
        let content = <[u8; 16]>::try_from(message.content)
            .map_err(|bytes| WireError::malformed(format!("a digest of {} bytes", bytes.len())))?;
        Ok(Self { content: Digest(content), since: message.since })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{complete, refuses_what_is_newer, shown, text};
    use super::*;

    #[test]
    fn what_is_written_is_what_the_proto_file_declares() {
        let control = Control { content: Digest(*b"the content now."), since: Some(42) };
        let bytes = control.encode();
        assert_eq!(Control::decode(&bytes), Ok(control));
        let message = shown("control.proto", "Control", &bytes);
        let said = "version: 1 content: \"the content now.\" since: 42";
        assert_eq!(text(&message), said);
        complete(&[message]);
        let plain = Control { since: None, ..control };
        assert_eq!(Control::decode(&plain.encode()), Ok(plain));
    }

    #[test]
    fn newer_and_other_bytes_are_told_apart() {
        refuses_what_is_newer(Control::decode);
    }
}
