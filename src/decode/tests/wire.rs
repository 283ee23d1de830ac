//! The fixtures of `tests/fixtures/wire`: each wire shape and what comes of it.

use std::path::Path;

use super::{All, NOW, Told, feed, only, outcomes, outcomes_with, told};
use crate::decode::{Decoded, Decoder, Detail, Record};
use crate::model::{Format, Limits, Ownership, Phase, Timestamp, Val};

pub(super) fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    std::fs::read(folder.join(name).with_extension("json")).expect(name)
}

/// Fixture, events in it, service, name.
const SHAPES: [(&str, usize, &str, &str); 38] = [
    ("huawei-cts", 1, "VPC", "updateSecurityGroup"),
    ("huawei-cts-lts", 1, "VPC", "updateSecurityGroup"),
    ("huawei-cts-functiongraph", 1, "VPC", "updateSecurityGroup"),
    ("huawei-cts-list", 2, "VPC", "updateSecurityGroup"),
    ("huawei-cts-cloudevents", 1, "VPC", "updateSecurityGroup"),
    ("huawei-config", 1, "", "vpc.securityGroups"),
    ("huawei-config-smn", 1, "", "vpc.securityGroups"),
    ("huawei-config-functiongraph", 1, "", "vpc.securityGroups"),
    ("huawei-config-archive", 2, "", "vpc.securityGroups"),
    ("huawei-config-snapshot", 1, "", "vpc.securityGroups"),
    ("huawei-config-history", 1, "", "vpc.securityGroups"),
    ("aws-cloudtrail", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-file", 3, "s3.amazonaws.com", ""),
    ("aws-cloudtrail-eventbridge", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-sqs", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-sns-lambda", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-cloudwatch", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-awslogs", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-lookup", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-cloudtrail-lake", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("aws-config", 1, "", "AWS::S3::Bucket"),
    ("aws-config-rule", 1, "", "AWS::S3::Bucket"),
    ("aws-config-snapshot", 2, "", "AWS::S3::Bucket"),
    ("azure-activity", 2, "microsoft.storage", "STORAGEACCOUNTS/WRITE"),
    ("azure-activity-rest", 1, "microsoft.storage", "storageAccounts/write"),
    ("azure-event-grid-notification", 2, "", "Microsoft.Storage/storageAccounts"),
    ("azure-event-grid-resource", 1, "microsoft.storage", "storageAccounts/delete"),
    ("kubernetes-audit", 1, "", "create"),
    ("kubernetes-audit-aks", 1, "", "create"),
    ("gcp-audit", 1, "storage.googleapis.com", "storage.setIamPermissions"),
    ("gcp-audit-lower-case", 1, "storage.googleapis.com", "storage.setIamPermissions"),
    ("gcp-audit-operation", 1, "storage.googleapis.com", "storage.setIamPermissions"),
    ("gcp-audit-pull", 1, "storage.googleapis.com", "storage.setIamPermissions"),
    ("gcp-audit-push", 1, "storage.googleapis.com", "storage.setIamPermissions"),
    ("gcp-asset", 1, "", "storage.googleapis.com/Bucket"),
    ("ocsf-api-activity", 1, "s3.amazonaws.com", "PutBucketAcl"),
    ("huawei-cts", 1, "VPC", ""),
    ("gcp-asset", 1, "", ""),
];

#[test]
fn every_wire_shape_comes_out_as_the_events_in_it() {
    for (file, count, expected, called) in SHAPES {
        let all = outcomes(&fixture(file));
        assert_eq!(all.len(), count, "{file}: {all:?}");
        for told in all {
            let Told::Event { format, service, name, id, .. } = told else {
                panic!("{file}: {told:?}")
            };
            assert!(file.starts_with(format.as_str()), "{file}: {format:?}");
            assert_eq!(service, expected, "{file}");
            assert!(called.is_empty() || name == called, "{file}: {name}");
            assert!(!id.is_empty(), "{file}");
        }
    }
}

#[test]
fn an_event_nobody_reads_is_skipped_in_every_wire_shape() {
    for (file, count, expected, _) in SHAPES {
        let all = outcomes_with(&fixture(file), Limits::default(), false);
        assert_eq!(all.len(), count, "{file}");
        for told in all {
            let Told::Skipped { service, .. } = told else { panic!("{file}: {told:?}") };
            assert_eq!(service, expected, "{file}");
        }
    }
}

#[test]
fn lines_and_objects_side_by_side_and_gzip_are_unwrapped() {
    let one = String::from_utf8(fixture("aws-cloudtrail")).unwrap();
    let line = serde_json::from_str::<serde_json::Value>(&one).unwrap().to_string();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, line.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    for (value, count) in [
        (format!("{line}\n{line}\r\n\n{line}").into_bytes(), 3),
        (format!("{line}{line}").into_bytes(), 2),
        (format!("\u{feff}{one}{one}").into_bytes(), 2),
        (format!("[{line},{line}]").into_bytes(), 2),
        ([packed.clone(), packed].concat(), 2),
    ] {
        let all = outcomes(&value);
        assert_eq!(all.len(), count, "{all:?}");
        assert!(all.iter().all(|told| matches!(told, Told::Event { .. })), "{all:?}");
    }
}

#[test]
fn skipped_events_tell_id_account_and_time_when_asked_to() {
    let value = fixture("aws-cloudtrail");
    let record = Record { value: &value, headers: &[], time: Some(NOW) };
    let mut seen = 0;
    Decoder::new(Limits::default(), None, Detail::Full).decode(
        &record,
        &All(false),
        &mut |_, item| {
            let Decoded::Skipped(skipped) = item else { panic!("{:?}", told(&item)) };
            assert_eq!(skipped.id, "e0000000-0000-4000-8000-000000000001");
            assert_eq!(skipped.account, "210987654321");
            assert_eq!(skipped.time, Some(Timestamp::from_seconds(1_773_000_001)));
            seen += 1;
        },
    );
    assert_eq!(seen, 1);
}

#[test]
fn a_trace_says_who_what_and_where() {
    for file in ["huawei-cts", "huawei-cts-lts", "huawei-cts-functiongraph"] {
        only(&fixture(file), &mut |event| {
            assert_eq!(event.time, Timestamp(1_773_000_000_123_000));
            assert_eq!(event.recorded, Some(Timestamp(1_773_000_000_456_000)));
            assert_eq!(event.account, "d0000000000000000000000000000001");
            assert_eq!(event.actor.name, "chen.yu");
            assert_eq!(event.actor.mfa, Some(true));
            assert_eq!(event.actor.credential, "HSTAINVENTED");
            assert_eq!(event.ownership, Ownership::Tenant);
            let name = event.body.request.at(&["security_group", "name"]);
            assert_eq!(name.as_str(), Some("sg-shop"));
            let absent = event.body.request.at(&["security_group", "description"]);
            assert!(matches!(absent, Val::Unsaid), "{absent:?}");
            if let Val::Map(members) = event.body.request.get("security_group") {
                assert_eq!(members.len(), 1);
            }
            assert!(matches!(event.body.response, Val::Unsaid));
        });
    }
}

#[test]
fn huawei_config_comes_in_one_shape_from_every_source() {
    for (file, kind) in [
        ("huawei-config", "UPDATE"),
        ("huawei-config-smn", "UPDATE"),
        ("huawei-config-snapshot", "SNAPSHOT"),
        ("huawei-config-history", "CREATE"),
    ] {
        only(&fixture(file), &mut |event| {
            let raw = event.body.raw;
            assert_eq!(raw.at(&["detail", "event_type"]).as_str(), Some(kind), "{file}");
            let detail = raw.at(&["detail", "resource_type"]);
            assert_eq!(detail.as_str(), Some("vpc.securityGroups"), "{file}");
            assert_eq!(raw.at(&["resource", "name"]).as_str(), Some("sg-shop"), "{file}");
            assert!(matches!(raw.at(&["resource", "properties"]), Val::Map(_)), "{file}");
            assert!(!event.time_inferred || kind == "SNAPSHOT", "{file}");
        });
    }
}

#[test]
fn aws_config_opens_the_texts_that_hold_json() {
    for file in ["aws-config", "aws-config-rule"] {
        only(&fixture(file), &mut |event| {
            let raw = event.body.raw;
            assert_eq!(raw.at(&["configuration", "name"]).as_str(), Some("shop-data"));
            assert_eq!(raw.get("arn").as_str(), Some("arn:aws:s3:::shop-data"));
            let more = raw.get("supplementaryConfiguration");
            assert!(matches!(more.get("BucketPolicy"), Val::Map(_)));
            assert_eq!(more.get("Plain").as_str(), Some("Enabled"));
            assert_eq!(event.account, "210987654321");
        });
    }
}

#[test]
fn azure_starts_and_ends_meet_by_their_operation() {
    let mut phases = Vec::new();
    feed(&fixture("azure-activity"), Limits::default(), true, &mut |_, item| {
        let Decoded::Event(event) = item else { panic!("{:?}", told(&item)) };
        assert_eq!(event.account, "11111111-aaaa-4aaa-8aaa-222222222222");
        assert_eq!(event.actor.id, "mara@shop.example");
        phases.push(match event.phase {
            Phase::Start(id) => ("start", id.to_owned()),
            Phase::End(id) => ("end", id.to_owned()),
            Phase::Single => ("single", String::new()),
        });
    });
    assert_eq!(phases[0].0, "start");
    assert_eq!(phases[1].0, "end");
    assert_eq!(phases[0].1, phases[1].1);
}

#[test]
fn azure_notifications_carry_the_resource_and_whether_it_is_gone() {
    let mut gone = Vec::new();
    let file = fixture("azure-event-grid-notification");
    feed(&file, Limits::default(), true, &mut |_, item| {
        let Decoded::Event(event) = item else { panic!("{:?}", told(&item)) };
        let name = event.body.raw.at(&["resourceDetails", "name"]);
        assert_eq!(name.as_str(), Some("shopdata"));
        gone.push(event.body.raw.get("deleted").as_bool());
    });
    assert_eq!(gone, [Some(false), Some(true)]);
}

#[test]
fn gcp_exports_in_lower_case_say_the_same() {
    for file in ["gcp-audit", "gcp-audit-lower-case", "gcp-audit-push", "gcp-audit-pull"] {
        only(&fixture(file), &mut |event| {
            assert_eq!(event.account, "shop-prod", "{file}");
            assert_eq!(event.region, "europe-west1", "{file}");
            assert_eq!(event.actor.id, "mara@shop.example", "{file}");
            assert_eq!(event.time, Timestamp(1_773_000_001_123_456), "{file}");
            assert!(event.error.is_none(), "{file}");
            assert_eq!(event.body.request.get("numeric").as_str(), Some("9007199254740993"));
        });
    }
    only(&fixture("gcp-audit-operation"), &mut |event| {
        assert_eq!(event.phase, Phase::Start("op-1"));
    });
}

#[test]
fn failures_are_told_by_each_format_in_its_own_way() {
    for (file, code) in [
        ("azure-activity-rest", "Conflict"),
        ("azure-event-grid-resource", "Failed"),
        ("kubernetes-audit", "Forbidden"),
        ("ocsf-api-activity", "AccessDenied"),
    ] {
        only(&fixture(file), &mut |event| {
            assert_eq!(event.error.map(|error| error.code), Some(code), "{file}");
        });
    }
    let mut codes = Vec::new();
    for file in ["huawei-cts-list", "aws-cloudtrail-file"] {
        feed(&fixture(file), Limits::default(), true, &mut |_, item| {
            let Decoded::Event(event) = item else { panic!("{:?}", told(&item)) };
            codes.push(event.error.map_or("", |error| error.code).to_owned());
        });
    }
    assert_eq!(codes, ["", "VPC.0601", "", "AccessDenied", ""]);
}

#[test]
fn a_forced_format_reads_what_does_not_tell_itself() {
    let value = br#"{"trace_name":"createVpc","service_type":"VPC","time":1773000000}"#;
    let record = Record { value, headers: &[("ce_id", b"outer")], time: None };
    let mut all = Vec::new();
    let forced = Some(Format::HuaweiCts);
    Decoder::new(Limits::default(), forced, Detail::Counts).decode(
        &record,
        &All(true),
        &mut |_, item| all.push(told(&item)),
    );
    let [Told::Event { id, .. }] = &all[..] else { panic!("{all:?}") };
    assert_eq!(id, "outer");
}

#[test]
fn passing_over_an_event_leaves_the_arenas_untouched() {
    for file in ["aws-cloudtrail", "aws-cloudtrail-file", "huawei-cts", "huawei-cts-list"] {
        let value = fixture(file);
        let record = Record { value: &value, headers: &[], time: Some(NOW) };
        let mut decoder = Decoder::new(Limits::default(), None, Detail::Counts);
        let mut seen = 0;
        decoder.decode(&record, &All(false), &mut |arena, _| {
            seen += 1;
            assert_eq!(arena.allocated_bytes(), 0, "{file}");
        });
        assert!(seen > 0);
        assert_eq!(decoder.opened.allocated_bytes(), 0, "{file}");
    }
}
