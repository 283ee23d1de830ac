//! Short forms as JSON, and the time of a test.

use serde_json::json;

use super::*;

fn event(form: EventForm, body: Json) -> CaseEvent {
    let Json::Object(body) = body else { panic!("no object") };
    CaseEvent { form, at: None, body }
}

fn expanded(form: EventForm, body: Json) -> Json {
    let bytes = expand(&event(form, body), &mut Clock::new());
    serde_json::from_slice(&bytes).expect("JSON")
}

type Shape = (EventForm, Json, Vec<(&'static str, Json)>);

fn huawei_shapes() -> Vec<Shape> {
    vec![
        (
            EventForm::Huawei,
            json!({"service": "VPC", "type": "security-group-rules", "name": "createRule",
                "request": {"a": 1}, "user": "bob"}),
            vec![
                ("/trace_rating", json!("normal")),
                ("/request", json!("{\"a\":1}")),
                ("/user/name", json!("bob")),
                ("/time", json!(1_772_452_800_000_i64)),
                ("/domain_id", json!(account(Provider::Huawei))),
            ],
        ),
        (
            EventForm::Huawei,
            json!({"service": "IAM", "type": "user", "name": "login", "failed": true}),
            vec![("/trace_rating", json!("warning")), ("/code", json!("403"))],
        ),
        (
            EventForm::HuaweiConfig,
            json!({"type": "vpc.securityGroups", "id": "sg-1", "properties": {"x": 1}}),
            vec![
                ("/detail/resource/provider", json!("vpc")),
                ("/detail/resource/properties/x", json!(1)),
                ("/detail/capture_time", json!("2026-03-02T12:00:00Z")),
            ],
        ),
        (
            EventForm::HuaweiConfig,
            json!({"type": "vpc.securityGroups", "id": "sg-1", "event": "DELETE"}),
            vec![
                ("/detail/event_type", json!("DELETE")),
                ("/detail/resource/properties", Json::Null),
            ],
        ),
    ]
}

fn aws_shapes() -> Vec<Shape> {
    vec![
        (
            EventForm::Aws,
            json!({"source": "ec2.amazonaws.com", "name": "RunInstances", "error": "AccessDenied"}),
            vec![
                ("/userIdentity/userName", json!("alice")),
                ("/errorCode", json!("AccessDenied")),
                ("/recipientAccountId", json!("111122223333")),
                ("/readOnly", json!(false)),
            ],
        ),
        (
            EventForm::Aws,
            json!({"source": "signin.amazonaws.com", "name": "ConsoleLogin", "root": true,
                "extra": {"additionalEventData": {"MFAUsed": "No"}}}),
            vec![
                ("/userIdentity/type", json!("Root")),
                ("/eventType", json!("AwsConsoleSignIn")),
                ("/responseElements/ConsoleLogin", json!("Success")),
                ("/additionalEventData/MFAUsed", json!("No")),
            ],
        ),
        (
            EventForm::AwsConfig,
            json!({"type": "AWS::S3::Bucket", "id": "b", "status": "ResourceDeleted"}),
            vec![
                ("/detail/configurationItem/configuration", Json::Null),
                ("/detail/configurationItem/ARN", json!("arn:aws:s3:::b")),
            ],
        ),
    ]
}

fn azure_shapes() -> Vec<Shape> {
    vec![
        (
            EventForm::Azure,
            json!({"operation": "Microsoft.Network/networkSecurityGroups/write",
                "resource": "/subscriptions/S/resourceGroups/g", "status": "Start",
                "request": {"p": 1}}),
            vec![
                ("/records/0/resultType", json!("Start")),
                ("/records/0/properties/requestbody", json!("{\"p\":1}")),
                (
                    "/records/0/properties/hierarchy",
                    json!(format!("{}/S", "c0ffee00-0000-4000-8000-000000000001")),
                ),
            ],
        ),
        (
            EventForm::AzureResource,
            json!({"id": "/subscriptions/S/x/nsg", "type": "Microsoft.Network/x", "properties": {"a": 1}}),
            vec![
                ("/data/resourceDetails/properties/a", json!(1)),
                ("/data/resourceDetails/name", json!("nsg")),
                ("/topic", json!("/subscriptions/S")),
            ],
        ),
    ]
}

fn gcp_shapes() -> Vec<Shape> {
    vec![
        (
            EventForm::Gcp,
            json!({"service": "compute.googleapis.com", "method": "v1.compute.firewalls.insert",
                "resource": "projects/acme/global/firewalls/f", "failed": 7,
                "operation": {"id": "o", "first": true}}),
            vec![
                ("/protoPayload/status/code", json!(7)),
                ("/resource/labels/project_id", json!("acme")),
                ("/operation/producer", json!("compute.googleapis.com")),
            ],
        ),
        (
            EventForm::GcpAsset,
            json!({"type": "compute.googleapis.com/Firewall",
                "name": "//compute.googleapis.com/projects/p/global/firewalls/f", "deleted": true}),
            vec![("/deleted", json!(true)), ("/asset/ancestors/0", json!("projects/p"))],
        ),
    ]
}

#[test]
fn each_short_form_becomes_the_clouds_own_shape() {
    let shapes = [huawei_shapes(), aws_shapes(), azure_shapes(), gcp_shapes()];
    for (form, body, members) in shapes.into_iter().flatten() {
        let json = expanded(form, body);
        for (path, expected) in members {
            let found = json.pointer(path).cloned().unwrap_or(Json::Null);
            assert_eq!(found, expected, "{form:?} {path} of {json:#}");
        }
    }
}

#[test]
fn events_are_a_minute_apart_unless_the_test_says_otherwise() {
    let mut clock = Clock::new();
    let mut plain = event(EventForm::Gcp, json!({}));
    let mut times = Vec::new();
    for at in [None, None, Some(46_800), None] {
        plain.at = at;
        let _ = expand(&plain, &mut clock);
        times.push(clock.now().to_string());
    }
    clock.wait(20 * 60 * SECOND);
    times.push(clock.now().to_string());
    let _ = expand(&CaseEvent { at: None, ..plain }, &mut clock);
    times.push(clock.now().to_string());
    let expected = ["12:00:00", "12:01:00", "13:00:00", "13:01:00", "13:21:00", "13:21:00"];
    assert_eq!(times, expected.map(|time| format!("2026-03-02T{time}Z")));
}

#[test]
fn a_fixture_is_overwritten_at_dotted_paths() {
    let text = r#"{"a": {"b": [1, 2]}, "c": null}"#;
    let set = |path: &str, value: Json| fixture(text, &[(path.into(), value)]);
    let json = |bytes: Option<Vec<u8>>| {
        bytes.and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok())
    };
    assert_eq!(json(set("a.b.1", json!(9))), Some(json!({"a": {"b": [1, 9]}, "c": null})));
    assert_eq!(json(set("c.d.e", json!("x"))).expect("set")["c"], json!({"d": {"e": "x"}}));
    assert_eq!(set("a.b.7", json!(9)), None);
    assert_eq!(fixture(text, &[]), Some(text.as_bytes().to_vec()));
    assert_eq!(time_of_day("12:00:30"), Some(43_230));
    assert_eq!(time_of_day("24:00"), None);
}
