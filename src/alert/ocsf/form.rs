//! The members of a Detection Finding by name, as its class and objects list them, in the order of
//! their names. What is absent is left out.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The Detection Finding.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are OCSF's")]
pub(super) struct Finding<'a> {
    pub(super) activity_id: u32,
    pub(super) activity_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor: Option<Actor<'a>>,
    pub(super) api: Api<'a>,
    pub(super) category_name: &'a str,
    pub(super) category_uid: u32,
    pub(super) class_name: &'a str,
    pub(super) class_uid: u32,
    pub(super) cloud: Cloud<'a>,
    pub(super) evidences: [Evidence<'a>; 1],
    pub(super) finding_info: Info<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_request: Option<Request<'a>>,
    pub(super) is_alert: bool,
    pub(super) message: &'a str,
    pub(super) metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remediation: Option<Remediation<'a>>,
    pub(super) resources: Vec<Resource<'a>>,
    pub(super) severity: &'a str,
    pub(super) severity_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) src_endpoint: Option<Endpoint<'a>>,
    pub(super) status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_detail: Option<&'a str>,
    pub(super) status_id: u32,
    pub(super) time: i64,
    pub(super) type_name: &'a str,
    pub(super) type_uid: u32,
    pub(super) unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
pub(super) struct Actor<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) invoked_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<User<'a>>,
}

#[derive(Default, PartialEq, Serialize)]
pub(super) struct User<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) credential_uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) has_mfa: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) type_id: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct Api<'a> {
    pub(super) operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Response<'a>>,
    pub(super) service: Named<'a>,
}

#[derive(Serialize)]
pub(super) struct Response<'a> {
    pub(super) error: &'a str,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
}

#[derive(Serialize)]
pub(super) struct Identified<'a> {
    pub(super) uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct Cloud<'a> {
    pub(super) account: Identified<'a>,
    pub(super) provider: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) region: &'a str,
}

#[derive(Serialize)]
pub(super) struct Evidence<'a> {
    pub(super) data: EvidenceData<'a>,
}

#[derive(Serialize)]
pub(super) struct EvidenceData<'a> {
    pub(super) after: &'a Value,
    pub(super) before: &'a Value,
    pub(super) element: &'a str,
    pub(super) event_id: &'a str,
    pub(super) event_name: &'a str,
    pub(super) event_time: i64,
    pub(super) source: &'a str,
}

#[derive(Serialize)]
pub(super) struct Info<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) analytic: Option<Analytic<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) attacks: Vec<Attack<'a>>,
    pub(super) desc: &'a str,
    pub(super) first_seen_time: i64,
    pub(super) last_seen_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) related_analytics: Option<Vec<Analytic<'a>>>,
    pub(super) title: &'a str,
    pub(super) types: [&'a str; 1],
    pub(super) uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct Analytic<'a> {
    pub(super) name: &'a str,
    pub(super) r#type: &'a str,
    pub(super) type_id: u32,
    pub(super) uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct Attack<'a> {
    pub(super) technique: Identified<'a>,
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) user_agent: &'a str,
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) original_event_uid: &'a str,
    pub(super) product: Product,
    pub(super) profiles: [&'a str; 1],
    pub(super) tenant_uid: &'a str,
    pub(super) uid: &'a str,
    pub(super) version: &'a str,
}

#[derive(Serialize)]
pub(super) struct Product {
    pub(super) name: &'static str,
    pub(super) vendor_name: &'static str,
    pub(super) version: &'static str,
}

#[derive(Serialize)]
pub(super) struct Remediation<'a> {
    pub(super) desc: &'a str,
    pub(super) references: [&'a str; 0],
}

#[derive(Serialize)]
pub(super) struct Resource<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Named<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) region: &'a str,
    pub(super) r#type: &'a str,
    pub(super) uid: &'a str,
}

#[derive(Default, Serialize)]
pub(super) struct Endpoint<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) svc_name: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    pub(super) driftline: Own<'a>,
}

/// What OCSF has no place for.
#[derive(Serialize)]
pub(super) struct Own<'a> {
    pub(super) assumptions: &'a [String],
    pub(super) benchmarks: Pairs<'a, Vec<String>>,
    pub(super) channel: &'a str,
    pub(super) confidence: &'a str,
    pub(super) discovered: bool,
    pub(super) episode: &'a str,
    pub(super) exception: Option<&'a str>,
    pub(super) exposure_seconds: i64,
    pub(super) facts: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) findings: Option<usize>,
    pub(super) introduced: bool,
    pub(super) owner: &'a str,
    pub(super) reasons: Vec<Reason<'a>>,
    pub(super) responsibility_area: &'a str,
    pub(super) step: &'a str,
    pub(super) tags: Pairs<'a, String>,
}

#[derive(Serialize)]
pub(super) struct Reason<'a> {
    pub(super) confidence: &'a str,
    pub(super) detector: &'a str,
    pub(super) severity: &'a str,
    pub(super) since: i64,
}

/// Pairs as a map.
pub(super) struct Pairs<'a, V>(pub(super) &'a [(String, V)]);

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
