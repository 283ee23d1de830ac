//! GCP audit log entries (formats.md section 8) and asset feed messages (section 9).

use serde_json::{Value as Json, json};

use super::{Body, Tick, account};
use crate::model::Provider;

/// A log entry as a sink writes it.
pub(super) fn audit(body: Body<'_>, tick: Tick) -> Json {
    let resource = body.text("resource");
    let project = body.text_or("account", project(&resource));
    let status = match body.get("failed") {
        Some(code) => {
            let code = code.as_i64().unwrap_or(7);
            json!({"code": code, "message": "PERMISSION_DENIED"})
        }
        None => json!({}),
    };
    let name = body.actor();
    let email = if name.contains('@') { name } else { format!("{name}@acme.example") };
    let mut payload = json!({
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "status": status,
        "authenticationInfo": body.over("user", json!({
            "principalEmail": email,
            "principalSubject": format!("user:{email}"),
        })),
        "requestMetadata": {
            "callerIp": "198.51.100.7",
            "callerSuppliedUserAgent": "google-cloud-sdk gcloud/500.0.0",
        },
        "serviceName": body.text("service"),
        "methodName": body.text("method"),
        "resourceName": resource,
    });
    for key in ["request", "response", "metadata"] {
        if let Some(value) = body.get(key) {
            payload[key] = value.clone();
        }
    }
    let mut entry = json!({
        "insertId": format!("test{}", tick.number),
        "logName": format!("projects/{project}/logs/cloudaudit.googleapis.com%2Factivity"),
        "resource": {"type": "audited_resource", "labels": {"project_id": project}},
        "timestamp": tick.text(),
        "receiveTimestamp": tick.text(),
        "severity": if body.get("failed").is_some() { "ERROR" } else { "NOTICE" },
        "protoPayload": payload,
    });
    if let Some(Json::Object(operation)) = body.get("operation") {
        let mut operation = operation.clone();
        operation.entry("producer").or_insert_with(|| Json::from(body.text("service")));
        entry["operation"] = Json::Object(operation);
    }
    entry
}

/// The project a resource's path names.
fn project(resource: &str) -> &str {
    let mut parts = resource.split('/');
    parts
        .find(|part| *part == "projects")
        .and_then(|_| parts.next())
        .filter(|project| !project.is_empty() && *project != "_" && *project != "-")
        .unwrap_or(account(Provider::Gcp))
}

/// A feed message of content type `RESOURCE`, or `IAM_POLICY` where the test gives `iam`.
pub(super) fn asset(body: Body<'_>, tick: Tick) -> Json {
    let name = body.text("name");
    let project = body.text_or("account", project(&name));
    let mut asset = json!({
        "name": name,
        "assetType": body.text("type"),
        "ancestors": [format!("projects/{project}")],
        "updateTime": tick.text(),
    });
    let mut message = json!({"window": {"startTime": tick.text()}});
    if body.flag("deleted") {
        message["deleted"] = Json::Bool(true);
        message["priorAssetState"] = Json::from("PRESENT");
    } else {
        if let Some(policy) = body.get("iam") {
            asset["iamPolicy"] = policy.clone();
        }
        if body.get("data").is_some() || body.get("iam").is_none() {
            asset["resource"] =
                json!({"version": "v1", "location": "global", "data": body.object("data")});
        }
        let prior = body.get("prior").is_some();
        message["priorAssetState"] = Json::from(if prior { "PRESENT" } else { "DOES_NOT_EXIST" });
    }
    if let Some(prior) = body.get("prior") {
        message["priorAsset"] = json!({
            "name": name,
            "assetType": body.text("type"),
            "resource": {"version": "v1", "data": prior},
        });
    }
    message["asset"] = asset;
    message
}
