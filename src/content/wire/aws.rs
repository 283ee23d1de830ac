//! CloudTrail events (formats.md section 5) and AWS Config items (section 6).

use serde_json::{Value as Json, json};

use super::{Body, Tick, account};
use crate::model::Provider;

const REGION: &str = "eu-west-1";

/// A CloudTrail event as it stands in a trail's file.
pub(super) fn trail(body: Body<'_>, tick: Tick) -> Json {
    let account = body.text_or("account", account(Provider::Aws));
    let name = body.text("name");
    let sign_in = name == "ConsoleLogin";
    let read_only =
        ["Get", "List", "Describe", "Head", "Lookup"].iter().any(|verb| name.starts_with(verb));
    let mut event = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(body, &account),
        "eventTime": tick.text(),
        "eventSource": body.text("source"),
        "eventName": name,
        "awsRegion": body.text_or("region", REGION),
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.22.0",
        "requestParameters": body.json("request"),
        "responseElements": body.json("response"),
        "requestID": tick.uuid(0xae0),
        "eventID": tick.uuid(0xaee),
        "readOnly": read_only,
        "eventType": if sign_in { "AwsConsoleSignIn" } else { "AwsApiCall" },
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let Some(error) = body.get("error") {
        event["errorCode"] = error.clone();
        event["errorMessage"] = Json::from("the call was refused");
    }
    if sign_in && body.get("response").is_none() {
        let outcome = if body.get("error").is_some() { "Failure" } else { "Success" };
        event["responseElements"] = json!({"ConsoleLogin": outcome});
    }
    if let (Some(Json::Object(extra)), Some(target)) = (body.get("extra"), event.as_object_mut()) {
        target.extend(extra.clone());
    }
    event
}

fn identity(body: Body<'_>, account: &str) -> Json {
    let name = body.actor();
    let default = if body.flag("root") {
        json!({
            "type": "Root",
            "principalId": account,
            "arn": format!("arn:aws:iam::{account}:root"),
            "accountId": account,
        })
    } else {
        json!({
            "type": "IAMUser",
            "principalId": format!("AIDA-{name}"),
            "arn": format!("arn:aws:iam::{account}:user/{name}"),
            "accountId": account,
            "accessKeyId": format!("AKIA-{name}"),
            "userName": name,
        })
    };
    body.over("user", default)
}

/// A configuration item as EventBridge brings it.
pub(super) fn config(body: Body<'_>, tick: Tick) -> Json {
    let account = body.text_or("account", account(Provider::Aws));
    let region = body.text_or("region", REGION);
    let (kind, id) = (body.text("type"), body.text("id"));
    let arn = match body.get("arn") {
        Some(_) => body.text("arn"),
        None => arn(&kind, &id, &account, &region),
    };
    let status = body.text_or("status", "OK");
    let deleted = status.starts_with("ResourceDeleted");
    let item = json!({
        "configurationItemVersion": "1.3",
        "configurationItemCaptureTime": tick.text(),
        "configurationStateId": tick.time.millis(),
        "awsAccountId": account,
        "configurationItemStatus": status,
        "resourceType": kind,
        "resourceId": id,
        "resourceName": body.json("name"),
        "ARN": arn,
        "awsRegion": region,
        "relatedEvents": [],
        "relationships": body.get("relationships").cloned().unwrap_or_else(|| json!([])),
        "tags": body.object("tags"),
        "supplementaryConfiguration": body.object("supplementary"),
        "configuration": if deleted { Json::Null } else { body.object("configuration") },
    });
    json!({
        "version": "0",
        "id": tick.uuid(0xacf),
        "detail-type": "Config Configuration Item Change",
        "source": "aws.config",
        "account": account,
        "time": tick.text(),
        "region": region,
        "resources": [arn],
        "detail": {
            "recordVersion": "1.3",
            "messageType": "ConfigurationItemChangeNotification",
            "notificationCreationTime": tick.text(),
            "configurationItemDiff": null,
            "configurationItem": item,
        },
    })
}

/// `AWS::EC2::SecurityGroup` and `sg-1` as an ARN of the usual form.
fn arn(kind: &str, id: &str, account: &str, region: &str) -> String {
    if id.starts_with("arn:") {
        return id.to_owned();
    }
    let mut parts = kind.split("::").skip(1);
    let service = parts.next().unwrap_or("").to_lowercase();
    match (service.as_str(), parts.next().unwrap_or("")) {
        ("s3", _) => format!("arn:aws:s3:::{id}"),
        (_, resource) => {
            let resource = resource.to_lowercase();
            format!("arn:aws:{service}:{region}:{account}:{resource}/{id}")
        }
    }
}
