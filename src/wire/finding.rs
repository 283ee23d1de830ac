//! Records of the findings topic: each finding as it now stands, for readers of any content.

use prost::Message as _;

use crate::model::{Confidence, Finding, Novelty, Reason, Schema};

use super::{WireError, messages, read};

pub use messages::finding::{Finding as Standing, Reason as StandingReason};

/// The version of the form.
pub const VERSION: u32 = 1;

/// The finding as bytes, its kind by the name it has in `schema`.
#[must_use]
pub fn encode(finding: &Finding, schema: &Schema) -> Vec<u8> {
    let kind = schema.kinds.get(usize::from(finding.kind.0));
    Standing {
        version: VERSION,
        uid: finding.uid.to_string(),
        tenant: finding.cell.tenant.to_string(),
        provider: finding.cell.provider.as_str().to_owned(),
        account: finding.cell.account.to_string(),
        kind: kind.map_or_else(String::new, |kind| kind.name.to_string()),
        resource: finding.resource.to_string(),
        incarnation_micros: finding.incarnation.0,
        subject: finding.subject.to_string(),
        element: finding.element.to_string(),
        reasons: finding.reasons.iter().map(reason).collect(),
        episode: finding.episode.to_string(),
        steps: finding.steps,
        opened_micros: finding.opened.0,
        seen_micros: finding.seen.0,
        discovered: finding.novelty == Novelty::Discovered,
        told: finding.told,
    }
    .encode_to_vec()
}

fn reason(reason: &Reason) -> StandingReason {
    StandingReason {
        detector: reason.detector.to_string(),
        severity: reason.severity.as_str().to_owned(),
        since_micros: reason.since.0,
        provisional: reason.confidence == Confidence::Provisional,
        assumptions: reason.assumptions.iter().map(ToString::to_string).collect(),
        measure: reason.measure,
    }
}

/// The finding of these bytes.
///
/// # Errors
/// [`WireError::Newer`] where a newer program wrote it; [`WireError::Malformed`] for other bytes.
pub fn decode(bytes: &[u8]) -> Result<Standing, WireError> {
    read(bytes, VERSION)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{complete, pack, refuses_what_is_newer, shown, text};
    use super::*;
    use crate::model::{Cell, Digest, KindId, Provider, Severity, Timestamp};

    fn finding() -> Finding {
        let tenant = "acme".into();
        Finding {
            uid: Digest([7; 16]),
            cell: Cell { tenant, provider: Provider::Huawei, account: "d-1".into() },
            kind: KindId(0),
            resource: "r-1".into(),
            incarnation: Timestamp(8),
            subject: "s-1".into(),
            element: "the element".into(),
            reasons: vec![Reason {
                detector: "FW-001".into(),
                severity: Severity::High,
                since: Timestamp(-3),
                confidence: Confidence::Provisional,
                assumptions: ["block = off".into()].into(),
                measure: Some(-6),
            }],
            episode: "e-1".into(),
            steps: 13,
            opened: Timestamp(14),
            seen: Timestamp(15),
            novelty: Novelty::Discovered,
            told: true,
        }
    }

    #[test]
    fn what_is_written_is_what_the_proto_file_declares() {
        let schema = &pack().schema;
        let bytes = encode(&finding(), schema);
        let message = shown("finding.proto", "Finding", &bytes);
        let kind = &schema.kinds[0].name;
        let said = text(&message);
        for words in [
            "version: 1 uid: \"07070707070707070707070707070707\" tenant: \"acme\"",
            &format!("provider: \"huawei\" account: \"d-1\" kind: \"{kind}\" resource: \"r-1\""),
            "incarnation_micros: 8 subject: \"s-1\" element: \"the element\" reasons: [{ \
             detector: \"FW-001\" severity: \"high\" since_micros: -3 provisional: true \
             assumptions: [\"block = off\"] measure: -6 }]",
            "episode: \"e-1\" steps: 13 opened_micros: 14 seen_micros: 15 discovered: true told: \
             true",
        ] {
            assert!(said.contains(words), "{said}");
        }
        complete(&[message]);
        let read = decode(&bytes).expect("it reads");
        assert_eq!(read.encode_to_vec(), bytes);
    }

    #[test]
    fn newer_and_other_bytes_are_told_apart() {
        refuses_what_is_newer(decode);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes);
        }
    }
}
