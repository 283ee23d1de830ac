//! Findings as they stand in their topic, for the view.

use crate::model::Timestamp;
use crate::web::view::{Standing, StandingReason};
use crate::wire::finding;

/// Reads a record of the findings topic; `None` where a newer program wrote it, or nobody.
pub(super) fn decode(bytes: &[u8]) -> Option<Standing> {
    let found = finding::decode(bytes).ok()?;
    let time = |micros| Timestamp(micros).to_string();
    let reason = |reason: &finding::StandingReason| StandingReason {
        detector: reason.detector.clone(),
        severity: reason.severity.clone(),
        since: time(reason.since_micros),
        provisional: reason.provisional,
        assumptions: reason.assumptions.clone(),
    };
    Some(Standing {
        severity: found.reasons.first().map(|first| first.severity.clone()).unwrap_or_default(),
        reasons: found.reasons.iter().map(reason).collect(),
        opened: time(found.opened_micros),
        seen: time(found.seen_micros),
        uid: found.uid,
        tenant: found.tenant,
        provider: found.provider,
        account: found.account,
        region: String::new(),
        kind: found.kind,
        resource: found.resource,
        subject: found.subject,
        element: found.element,
        episode: found.episode,
        steps: found.steps,
        discovered: found.discovered,
        told: found.told,
    })
}
