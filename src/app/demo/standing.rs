//! The engine's findings into records of the findings topic: what is other than it was.

use std::collections::BTreeMap;

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
        uid: finding.uid.to_string(),
        tenant: finding.cell.tenant.to_string(),
        provider: finding.cell.provider.to_string(),
        account: finding.cell.account.to_string(),
        region: String::new(),
        kind: kind.map(|kind| kind.name.to_string()).unwrap_or_default(),
        resource: finding.resource.to_string(),
        subject: finding.subject.to_string(),
        element: finding.element.to_string(),
        severity: severity.as_str().to_owned(),
        reasons: finding.reasons.iter().map(reason).collect(),
        opened: finding.opened.to_string(),
        seen: finding.seen.to_string(),
        episode: finding.episode.to_string(),
        steps: finding.steps,
        discovered: finding.novelty == Novelty::Discovered,
        told: finding.told,
    }
}

fn reason(reason: &Reason) -> view::StandingReason {
    view::StandingReason {
        detector: reason.detector.to_string(),
        severity: reason.severity.as_str().to_owned(),
        since: reason.since.to_string(),
        provisional: reason.confidence == Confidence::Provisional,
        assumptions: reason.assumptions.iter().map(ToString::to_string).collect(),
    }
}
