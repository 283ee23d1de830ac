//! Huawei CTS traces (formats.md 3.1, 3.5 A) and Config notifications (section 4).

use serde_json::{Value as Json, json};

use super::{Body, Tick, account};
use crate::model::Provider;

/// A trace as trackers write it: `request` and `response` are JSON in text.
pub(super) fn trace(body: Body<'_>, tick: Tick) -> Json {
    let domain = body.text_or("account", account(Provider::Huawei));
    let failed = body.flag("failed");
    let response = match body.get("response") {
        None if failed => json!({"error_code": "Common.0011", "error_msg": "no permission"}),
        other => other.cloned().unwrap_or(Json::Null),
    };
    let mut trace = json!({
        "trace_id": tick.uuid(0xc75),
        "trace_name": body.text("name"),
        "trace_rating": if failed { "warning" } else { "normal" },
        "trace_type": "ApiCall",
        "event_type": "system",
        "tracker_name": "system",
        "service_type": body.text("service"),
        "resource_type": body.text("type"),
        "resource_name": body.text("resource_name"),
        "resource_id": body.text("resource_id"),
        "resource_account_id": "",
        "project_id": "97f0c10000000000000000000000a11c",
        "domain_id": domain,
        "source_ip": "198.51.100.7",
        "read_only": body.flag("read_only"),
        "code": if failed { "403" } else { "200" },
        "time": tick.time.millis(),
        "record_time": tick.time.millis() + 400,
        "user": user(body, &domain),
    });
    for (key, value) in [("request", body.json("request")), ("response", response)] {
        if !value.is_null() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            trace[key] = Json::from(text);
        }
    }
    trace
}

fn user(body: Body<'_>, domain: &str) -> Json {
    let name = body.actor();
    let root = body.flag("root");
    let default = json!({
        "type": "User",
        "id": format!("id-of-{name}"),
        "name": name,
        "user_name": name,
        "account_id": domain,
        "domain": {"id": domain, "name": "acme"},
        "access_key_id": format!("HSTA-{name}"),
        "principal_id": format!("id-of-{name}"),
        "principal_urn": format!("iam::{domain}:user:{name}"),
        "principal_is_root_user": if root { "true" } else { "false" },
    });
    body.over("user", default)
}

/// A `ResourceChanged` notification; a deletion carries neither properties nor tags.
pub(super) fn config(body: Body<'_>, tick: Tick) -> Json {
    let kind = body.text("type");
    let (provider, ty) = kind.split_once('.').unwrap_or((&kind, ""));
    let id = body.text("id");
    let event = body.text_or("event", "UPDATE");
    let mut resource = json!({
        "id": id,
        "name": body.text("name"),
        "provider": provider,
        "type": ty,
        "region_id": body.text_or("region", "eu-west-101"),
        "project_id": "97f0c10000000000000000000000a11c",
        "ep_id": "0",
        "checksum": "",
    });
    if event != "DELETE" {
        resource["checksum"] = Json::from(format!("{:064x}", tick.number));
        resource["updated"] = Json::from(tick.text());
        resource["provisioning_state"] = Json::from("Succeeded");
        resource["properties"] = body.object("properties");
        resource["tags"] = body.object("tags");
    }
    json!({
        "notification_type": "ResourceChanged",
        "notification_creation_time": tick.text(),
        "domain_id": body.text_or("account", account(Provider::Huawei)),
        "detail": {
            "resource_id": id,
            "resource_type": kind,
            "event_type": event,
            "capture_time": tick.text(),
            "resource": resource,
        },
    })
}
