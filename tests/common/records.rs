//! Records of the other wire formats, composed: configuration items, Azure, Google Cloud, Huawei Cloud.

use serde_json::{Value, json};

use super::{clock, cloudtrail};

/// The account of these records.
pub const ACCOUNT: &str = "111122223333";
/// The Azure subscription of these records.
pub const SUBSCRIPTION: &str = "/subscriptions/0a0a0a0a-1111-4111-8111-0b0b0b0b0b0b";
/// Noon of the records' day, in seconds.
pub const NOON: i64 = 1_772_452_800;

/// A CloudTrail record of EC2, named after its second and number.
pub fn ec2(id: &str, second: i64, name: &str, request: &Value, response: &Value) -> Value {
    cloudtrail(ACCOUNT, id, second, "ec2.amazonaws.com", name, request, response)
}

/// A CloudTrail record of IAM.
pub fn iam(id: &str, second: i64, name: &str, request: &Value) -> Value {
    cloudtrail(ACCOUNT, id, second, "iam.amazonaws.com", name, request, &Value::Null)
}

/// A group is made.
pub fn create_group(id: &str, second: i64, group: &str) -> Value {
    let request = json!({"groupName": "web", "vpcId": "vpc-1"});
    ec2(id, second, "CreateSecurityGroup", &request, &json!({"groupId": group}))
}

/// A port is opened to `cidr`; the answer names the rule.
pub fn authorize(id: &str, second: i64, group: &str, rule: &str, port: u16, cidr: &str) -> Value {
    let request = json!({"groupId": group, "ipPermissions": {"items": [
        {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": [{"cidrIp": cidr}]}}]}});
    let response = json!({"_return": true, "securityGroupRuleSet": {"items": [{
        "groupId": group, "securityGroupRuleId": rule, "isEgress": false, "ipProtocol": "tcp",
        "fromPort": port, "toPort": port, "cidrIpv4": cidr}]}});
    ec2(id, second, "AuthorizeSecurityGroupIngress", &request, &response)
}

/// A port is closed, told as what was permitted.
pub fn revoke(id: &str, second: i64, group: &str, port: u16, cidr: &str) -> Value {
    let request = json!({"groupId": group, "ipPermissions": {}, "ipProtocol": "tcp",
        "fromPort": port, "toPort": port, "cidrIp": cidr});
    ec2(id, second, "RevokeSecurityGroupIngress", &request, &json!({"_return": true}))
}

/// The same deed, done by somebody else.
pub fn by(mut record: Value, name: &str) -> Value {
    record["userIdentity"]["userName"] = name.into();
    record["userIdentity"]["arn"] = format!("arn:aws:iam::{ACCOUNT}:user/{name}").into();
    record
}

/// A configuration item of a security group with these open ports.
pub fn item(id: i64, second: i64, group: &str, open: &[(u16, &str)]) -> Value {
    let permissions: Vec<Value> = open
        .iter()
        .map(|(port, cidr)| {
            json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "userIdGroupPairs": [],
                "ipv6Ranges": [], "prefixListIds": [], "ipv4Ranges": [{"cidrIp": cidr}]})
        })
        .collect();
    json!({
        "messageType": "ConfigurationItemChangeNotification", "recordVersion": "1.3",
        "notificationCreationTime": clock(second),
        "configurationItem": {
            "configurationItemVersion": "1.3", "configurationItemCaptureTime": clock(second),
            "configurationStateId": id, "awsAccountId": ACCOUNT, "configurationItemStatus": "OK",
            "resourceType": "AWS::EC2::SecurityGroup", "resourceId": group, "resourceName": "web",
            "awsRegion": "eu-west-1", "tags": {}, "relationships": [], "supplementaryConfiguration": {},
            "ARN": format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/{group}"),
            "configuration": {"groupName": "web", "groupId": group, "ipPermissions": permissions,
                "ipPermissionsEgress": []},
        }
    })
}

/// An Azure activity: `rest` is what follows the subscription, `body` its request or response.
pub fn azure(
    second: i64,
    operation: &str,
    rest: &str,
    status: &str,
    run: &str,
    body: &Value,
) -> Value {
    let resource = format!("{SUBSCRIPTION}{rest}");
    let mut properties = json!({});
    if !body.is_null() {
        let name = if status == "Start" { "requestbody" } else { "responseBody" };
        properties[name] = body.to_string().into();
    }
    json!({"records": [{
        "time": clock(second), "resourceId": resource, "operationName": operation,
        "category": "Administrative", "resultType": status, "correlationId": run,
        "callerIpAddress": "192.0.2.19", "properties": properties,
        "identity": {"claims": {"name": "Mara",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "mara@shop.example"}},
    }]})
}

/// What Azure says of a rule.
pub fn azure_rule(port: &str, source: &str) -> Value {
    json!({"properties": {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100,
        "sourceAddressPrefix": source, "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": port}})
}

/// An Azure notification of a network security group with these rules.
pub fn azure_group(id: &str, second: i64, group: &str, rules: &[(&str, Value)]) -> Value {
    let resource = format!("{SUBSCRIPTION}{group}");
    let rules: Vec<Value> = rules
        .iter()
        .map(|(name, rule)| json!({"name": name, "properties": rule["properties"]}))
        .collect();
    json!([{
        "id": id, "topic": SUBSCRIPTION, "subject": resource, "dataVersion": "1",
        "eventType": "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated",
        "eventTime": clock(second),
        "data": {"apiVersion": "2023-01-01", "operationalInfo": {"resourceEventTime": clock(second)},
            "resourceInfo": {"id": resource, "name": "nsg", "location": "westeurope", "tags": {},
                "type": "Microsoft.Network/networkSecurityGroups",
                "properties": {"securityRules": rules}}},
    }])
}

/// A Google Cloud audit entry; `operation` is the entry's member of that name, or null.
pub fn gcp(
    id: &str,
    second: i64,
    method: &str,
    name: &str,
    request: &Value,
    operation: &Value,
) -> Value {
    let mut entry = json!({
        "insertId": id, "logName": "projects/shop-prod/logs/cloudaudit.googleapis.com%2Factivity",
        "resource": {"type": "gce_firewall_rule", "labels": {"project_id": "shop-prod"}},
        "timestamp": clock(second), "receiveTimestamp": clock(second),
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "compute.googleapis.com", "methodName": method,
            "resourceName": format!("projects/shop-prod/global/firewalls/{name}"),
            "authenticationInfo": {"principalEmail": "mara@shop.example"},
            "requestMetadata": {"callerIp": "192.0.2.21", "callerSuppliedUserAgent": "gcloud"},
        },
    });
    if !request.is_null() {
        entry["protoPayload"]["request"] = request.clone();
    }
    if !operation.is_null() {
        entry["operation"] = operation.clone();
    }
    entry
}

/// A Huawei Cloud trace of the VPC.
pub fn cts(
    id: &str,
    second: i64,
    kind: &str,
    name: &str,
    resource: &str,
    request: &Value,
) -> Value {
    json!({
        "trace_id": id, "trace_name": name, "trace_rating": "normal", "trace_type": "ApiCall",
        "service_type": "VPC", "resource_type": kind, "resource_name": "web", "resource_id": resource,
        "domain_id": "d0000000000000000000000000000001", "project_id": "p0000000000000000000000000000001",
        "source_ip": "192.0.2.17", "user_agent": "console", "read_only": false, "code": "200",
        "time": (NOON + second) * 1_000, "record_time": (NOON + second) * 1_000,
        "user": {"type": "User", "account_id": "d0000000000000000000000000000001", "name": "chen.yu",
            "id": "u1", "principal_urn": "iam::d0000000000000000000000000000001:user:chen.yu"},
        "request": if request.is_null() { String::new() } else { request.to_string() }, "response": "",
    })
}
