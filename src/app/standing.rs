//! Findings as they stand in their topic, for the view.

use crate::model::Timestamp;
use crate::web::view::{Standing, StandingReason};
use crate::wire::finding;

/// Reads a record of the findings topic; `None` where a newer program wrote it, or nobody.
pub(super) fn decode(bytes: &[u8]) -> Option<Standing> {
    let found = finding::decode(bytes).ok()?;
    let reason = |reason: &finding::StandingReason| StandingReason {
        detector: reason.detector.as_str().into(),
        severity: reason.severity.as_str().into(),
        since: Timestamp(reason.since_micros),
        provisional: reason.provisional,
        assumptions: reason.assumptions.iter().map(|text| text.as_str().into()).collect(),
    };
    Some(Standing {
        severity: found.reasons.first().map_or("", |first| &first.severity).into(),
        reasons: found.reasons.iter().map(reason).collect(),
        opened: Timestamp(found.opened_micros),
        seen: Timestamp(found.seen_micros),
        uid: found.uid.into(),
        tenant: found.tenant.into(),
        provider: found.provider.into(),
        account: found.account.into(),
        region: "".into(),
        kind: found.kind.into(),
        resource: found.resource.into(),
        subject: found.subject.into(),
        element: found.element.into(),
        episode: found.episode.into(),
        steps: found.steps,
        discovered: found.discovered,
        told: found.told,
    })
}
