//! The event behind something said, closed: a row is decoded and encoded again on each touch, and
//! of who and how an event came to be hardly ever anything is asked.

use std::fmt;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Cause, Family, Format, Ownership, Timestamp};

/// A cause of which only id and time are read without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// The cloud's id of the event.
    pub id: Arc<str>,
    /// When it happened.
    pub time: Timestamp,
    rest: Bytes,
}

/// All of a cause but its id and time.
#[derive(Serialize, Deserialize)]
struct Rest<'c> {
    format: Format,
    family: Family,
    service: &'c str,
    name: &'c str,
    region: &'c str,
    ownership: Ownership,
    actor: &'c str,
    actor_name: &'c str,
    actor_kind: &'c str,
    credential: &'c str,
    invoked_by: &'c str,
    root: bool,
    mfa: Option<bool>,
    source_ip: &'c str,
    user_agent: &'c str,
    #[serde(borrow)]
    error: Option<&'c str>,
}

/// Bytes that most causes fit in.
const ROOM: usize = 512;

impl Sealed {
    /// Closes a cause.
    #[must_use]
    pub fn of(cause: &Cause) -> Self {
        let rest = Rest {
            format: cause.format,
            family: cause.family,
            service: &cause.service,
            name: &cause.name,
            region: &cause.region,
            ownership: cause.ownership,
            actor: &cause.actor,
            actor_name: &cause.actor_name,
            actor_kind: &cause.actor_kind,
            credential: &cause.credential,
            invoked_by: &cause.invoked_by,
            root: cause.root,
            mfa: cause.mfa,
            source_ip: &cause.source_ip,
            user_agent: &cause.user_agent,
            error: cause.error.as_deref(),
        };
        let mut bytes = Vec::with_capacity(ROOM);
        let written = postcard::serialize_with_flavor(&rest, super::Growing(&mut bytes));
        debug_assert_eq!(written, Ok(()), "{}", cause.id);
        Self { id: Arc::clone(&cause.id), time: cause.time, rest: Bytes(bytes.into()) }
    }

    /// The cause; nobody's where the bytes are none, which only a foreign row's can be.
    #[must_use]
    pub fn open(&self) -> Arc<Cause> {
        let (id, time) = (Arc::clone(&self.id), self.time);
        let Ok(rest) = postcard::from_bytes::<Rest<'_>>(&self.rest.0) else {
            return Arc::new(Cause { id, time, ..Cause::nobody() });
        };
        Arc::new(Cause {
            id,
            time,
            format: rest.format,
            family: rest.family,
            service: rest.service.into(),
            name: rest.name.into(),
            region: rest.region.into(),
            ownership: rest.ownership,
            actor: rest.actor.into(),
            actor_name: rest.actor_name.into(),
            actor_kind: rest.actor_kind.into(),
            credential: rest.credential.into(),
            invoked_by: rest.invoked_by.into(),
            root: rest.root,
            mfa: rest.mfa,
            source_ip: rest.source_ip.into(),
            user_agent: rest.user_agent.into(),
            error: rest.error.map(Into::into),
        })
    }
}

/// Bytes that are written and read as a whole.
#[derive(Clone, PartialEq)]
struct Bytes(Arc<[u8]>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(AsBytes)
    }
}

struct AsBytes;

impl Visitor<'_> for AsBytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed cause")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_what_was_sealed() {
        let cause = Cause {
            id: "e-1".into(),
            time: Timestamp(-7),
            format: Format::HuaweiCts,
            family: Family::Activity,
            service: "VPC".into(),
            name: "createSecurityGroupRule".into(),
            region: "eu-west-101".into(),
            ownership: Ownership::Tenant,
            actor: "u-1".into(),
            actor_name: "alice".into(),
            actor_kind: "User".into(),
            credential: "AK1".into(),
            invoked_by: "as".into(),
            root: true,
            mfa: Some(false),
            source_ip: "198.51.100.7".into(),
            user_agent: "terraform".into(),
            error: Some("Denied".into()),
        };
        assert_eq!(*Sealed::of(&cause).open(), cause);
    }
}
