//! The engine's findings into records of the findings topic: what is other than it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::content::Content;
use crate::engine::Engine;
use crate::model::{Confidence, Finding, Novelty, Reason, Severity};
use crate::web::view;

/// What stands in the topic: values by uid.
#[derive(Default)]
pub(super) struct Standing(BTreeMap<String, Vec<u8>>);

impl Standing {
    /// Records that bring the topic up to what the engine holds: a uid, and a value where it stands.
    pub(super) fn moved(
        &mut self,
        engine: &Engine,
        content: &Content,
    ) -> Vec<(String, Option<Vec<u8>>)> {
        let mut now = BTreeMap::new();
        engine.each_finding(&mut |finding| {
            // Every member is text, a number or a list of them: there is nothing that could fail.
            let value = serde_json::to_vec(&standing(finding, content)).unwrap_or_default();
            now.insert(finding.uid.to_string(), value);
        });
        let before = std::mem::replace(&mut self.0, now);
        let new = self.0.iter().filter(|(uid, value)| before.get(*uid) != Some(*value));
        let gone = before.keys().filter(|uid| !self.0.contains_key(*uid));
        let new = new.map(|(uid, value)| (uid.clone(), Some(value.clone())));
        new.chain(gone.map(|uid| (uid.clone(), None))).collect()
    }
}

fn standing(finding: &Finding, content: &Content) -> view::Standing {
    let kind = content.schema.kinds.get(usize::from(finding.kind.0));
    let severity = finding.reasons.first().map_or(Severity::Informational, |top| top.severity);
    view::Standing {
        uid: finding.uid.to_string().into(),
        tenant: Arc::clone(&finding.cell.tenant),
        provider: finding.cell.provider.as_str().into(),
        account: Arc::clone(&finding.cell.account),
        region: "".into(),
        kind: kind.map_or("", |kind| &kind.name).into(),
        resource: (*finding.resource).into(),
        subject: (*finding.subject).into(),
        element: (*finding.element).into(),
        severity: severity.as_str().into(),
        reasons: finding.reasons.iter().map(reason).collect(),
        opened: finding.opened,
        seen: finding.seen,
        episode: (*finding.episode).into(),
        steps: finding.steps,
        discovered: finding.novelty == Novelty::Discovered,
        told: finding.told,
    }
}

fn reason(reason: &Reason) -> view::StandingReason {
    view::StandingReason {
        detector: Arc::clone(&reason.detector),
        severity: reason.severity.as_str().into(),
        since: reason.since,
        provisional: reason.confidence == Confidence::Provisional,
        assumptions: reason.assumptions.clone(),
    }
}
