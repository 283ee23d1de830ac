//! The event behind a change, in owned form; secrets redacted, texts bounded.

use std::sync::Arc;

use crate::model::{
    Cause, Cell, Change, Event, Family, Limits, Operation, Phase, Source, Timestamp,
};

use super::redact;

/// A change that says nothing yet.
pub(super) fn change(event: &Event<'_>, cell: &Cell, time: Timestamp, limits: &Limits) -> Change {
    Change {
        cell: cell.clone(),
        cause: Arc::new(cause(event, time, limits)),
        source: match event.key.family {
            Family::Activity => Source::Activity,
            Family::State => Source::Snapshot,
        },
        operation: match event.phase {
            Phase::Single => Operation::Single,
            Phase::Start(id) => Operation::Start(id.into()),
            Phase::End(id) => Operation::End(id.into()),
        },
        writes: Vec::new(),
        acts: Vec::new(),
        blind: false,
        failed: event.error.is_some(),
    }
}

/// The owned form of who, when and how; `time` is when what it says was so.
#[must_use]
pub fn cause(event: &Event<'_>, time: Timestamp, limits: &Limits) -> Cause {
    let text = |text: &str| -> Box<str> { redact::text(text, limits).into() };
    Cause {
        id: redact::bounded(event.id, limits).into(),
        time,
        format: event.format,
        family: event.key.family,
        service: text(event.key.service),
        name: text(event.key.name),
        region: text(event.region),
        ownership: event.ownership,
        actor: Arc::from(text(event.actor.id)),
        actor_name: text(event.actor.name),
        actor_kind: text(event.actor.kind),
        credential: text(event.actor.credential),
        invoked_by: text(event.actor.invoked_by),
        root: event.actor.root,
        mfa: event.actor.mfa,
        source_ip: text(event.actor.source_ip),
        user_agent: text(event.actor.user_agent),
        error: event.error.map(|error| text(error.code)),
    }
}
