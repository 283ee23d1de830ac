//! Azure activity log records (formats.md section 7) and Event Grid resource notifications
//! (learn.microsoft.com, "Resource Notifications resources events in Event Grid").

use serde_json::{Value as Json, json};

use super::{Body, Tick, account};
use crate::model::Provider;

const TENANT: &str = "c0ffee00-0000-4000-8000-000000000001";

/// A diagnostic setting's message with one record; a start carries the request, a success the
/// response, both as JSON in text.
pub(super) fn activity(body: Body<'_>, tick: Tick) -> Json {
    let resource = body.text("resource");
    let operation = body.text("operation");
    let status = body.text_or("status", "Success");
    let signature = match status.as_str() {
        "Start" | "Started" => "Started.",
        "Failure" | "Failed" => "Forbidden",
        _ => "Succeeded.OK",
    };
    let mut properties = json!({
        "eventCategory": "Administrative",
        "entity": resource,
        "message": operation,
        "hierarchy": format!("{TENANT}/{}", subscription(&resource)),
    });
    for (key, part) in [("requestbody", "request"), ("responseBody", "response")] {
        if let Some(value) = body.get(part) {
            properties[key] = Json::from(value.to_string());
        }
    }
    let correlation = body.text_or("correlation", &tick.uuid(0xa20));
    let record = json!({
        "time": tick.text(),
        "resourceId": resource,
        "operationName": operation,
        "category": "Administrative",
        "resultType": status,
        "resultSignature": signature,
        "durationMs": "0",
        "callerIpAddress": "198.51.100.7",
        "correlationId": correlation,
        "identity": identity(body, &resource, &operation),
        "level": "Information",
        "location": "global",
        "tenantId": TENANT,
        "properties": properties,
    });
    json!({"records": [record]})
}

fn identity(body: Body<'_>, resource: &str, operation: &str) -> Json {
    let name = body.actor();
    let upn = if name.contains('@') { name } else { format!("{name}@acme.example") };
    let scope = format!("/subscriptions/{}", subscription(resource));
    let default = json!({
        "authorization": {
            "scope": resource,
            "action": operation,
            "evidence": {
                "role": "Owner",
                "roleAssignmentScope": scope,
                "principalId": format!("id-of-{upn}"),
                "principalType": "User",
            },
        },
        "claims": {
            "aud": "https://management.core.windows.net/",
            "http://schemas.microsoft.com/identity/claims/tenantid": TENANT,
            "http://schemas.microsoft.com/identity/claims/objectidentifier": format!("id-of-{upn}"),
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": upn,
            "appid": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
            "ipaddr": "198.51.100.7",
        },
    });
    body.over("user", default)
}

/// The subscription a resource's path names.
fn subscription(resource: &str) -> &str {
    let mut parts = resource.split('/');
    parts
        .find(|part| part.eq_ignore_ascii_case("subscriptions"))
        .and_then(|_| parts.next())
        .unwrap_or(account(Provider::Azure))
}

/// A resource notification: the resource as it now is.
pub(super) fn resource(body: Body<'_>, tick: Tick) -> Json {
    let id = body.text("id");
    let deleted = body.flag("deleted");
    let name = id.rsplit('/').next().unwrap_or("").to_owned();
    let mut details = json!({
        "id": id,
        "name": name,
        "type": body.text("type"),
        "location": body.text_or("location", "westeurope"),
    });
    if !deleted {
        details["tags"] = body.object("tags");
        details["properties"] = body.object("properties");
    }
    let event = if deleted { "Deleted" } else { "CreatedOrUpdated" };
    json!({
        "id": tick.uuid(0xa2e),
        "topic": format!("/subscriptions/{}", subscription(&id)),
        "subject": id,
        "eventType": format!("Microsoft.ResourceNotifications.Resources.{event}"),
        "eventTime": tick.text(),
        "dataVersion": "1",
        "metadataVersion": "1",
        "data": {
            "resourceDetails": details,
            "operationalDetails": {"resourceEventTime": tick.text()},
            "apiVersion": "2024-01-01",
        },
    })
}
