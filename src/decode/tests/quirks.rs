//! Odd but real: torn lines, bad neighbours, flipped types, notices.

use super::{All, NOW, Told, only, outcomes, reasons};
use crate::decode::{Decoded, Decoder, Detail, Record};
use crate::model::{DeadReason, Limits, Ownership, Val};

const TRACE: &str = r#"{"trace_id":"1","trace_name":"a","time":1773000000}"#;

#[test]
fn a_record_without_an_event_is_refused_once() {
    for (value, reason) in [
        (&b""[..], DeadReason::Empty),
        (b" \n\t", DeadReason::Empty),
        (b"[]", DeadReason::Empty),
        (br#"{"Records":[]}"#, DeadReason::Empty),
        (b"null", DeadReason::Unrecognised),
        (b"{}", DeadReason::Unrecognised),
        (br#""text""#, DeadReason::Unrecognised),
        (b"You have successfully configured", DeadReason::NotJson),
        (b"{\"a\":\xff}", DeadReason::NotUtf8),
        (b"\xff\xfe\x00", DeadReason::NotUtf8),
        (b"\x1f\x8b\x08\x00", DeadReason::BadCompression),
        (br#"{"data":"%%%"}"#, DeadReason::BadBase64),
        (br#"{"message":{"data":"eyJ"}}"#, DeadReason::NotJson),
        (br#"{"trace_id":"1","trace_name":"a","time":tomorrow}"#, DeadReason::NotJson),
        (b"{\"trace_id\":\"1\",\"trace_name\":\"a\",\"x\":\"\xff\"}", DeadReason::NotUtf8),
    ] {
        let text = String::from_utf8_lossy(value);
        assert_eq!(reasons(value), [Some(reason)], "{text}");
    }
}

#[test]
fn a_bad_leaf_never_loses_its_siblings() {
    let fine = None;
    let bad = Some(DeadReason::NotJson);
    let strange = Some(DeadReason::Unrecognised);
    for (value, expected) in [
        (format!("[{TRACE},{{\"a\" 1}},{TRACE}]"), vec![fine, bad, fine]),
        (format!("[{TRACE},7,{TRACE}]"), vec![fine, strange, fine]),
        (format!("{TRACE}\n{{\"a\":\"torn\n{TRACE}"), vec![fine, bad, fine]),
        (format!("{TRACE}\n{{\"a\":[\n{TRACE}\n"), vec![fine, bad, fine]),
        (format!("{TRACE}\nplain words\n{TRACE}"), vec![fine, bad, fine]),
        (format!("{{\n  \"a\": {{\n    \"b\": 1,\n\n{TRACE}"), vec![bad, fine]),
        (format!("{{\"traces\":[{TRACE},{{\"z\":}},{TRACE}]}}"), vec![fine, strange, fine]),
    ] {
        let all = reasons(value.as_bytes());
        // An unknown object with a hole in it is refused either way.
        let same = all.len() == expected.len()
            && all.iter().zip(&expected).all(|(a, b)| a.is_some() == b.is_some());
        assert!(same, "{value}: {all:?}");
    }
}

#[test]
fn types_that_flip_are_read_all_the_same() {
    for (members, user, code) in [
        (r#""user":null,"trace_type":"SystemAction","source_ip":"""#, "", None),
        (r#""user":"bob","read_only":"false","resource_id":{}"#, "bob", None),
        (r#""user":"{\"name\":\"bob\"}","code":200,"trace_rating":"warning""#, "bob", Some("200")),
        (r#""user":{"name":"bob"},"code":"200","trace_status":"incident""#, "bob", Some("200")),
    ] {
        let value = format!(
            r#"{{"trace_id":"1","trace_name":"a","time":"",{members},"request_id":"null"}}"#
        );
        only(value.as_bytes(), &mut |event| {
            assert_eq!(event.actor.name, user, "{members}");
            assert_eq!(event.error.map(|error| error.code), code, "{members}");
            assert!(event.time_inferred && event.time == NOW, "{members}");
            let system = event.ownership == Ownership::TenantViaService;
            assert_eq!(system, user.is_empty(), "{members}");
        });
    }
}

#[test]
fn of_two_members_of_one_name_the_last_counts_also_when_escaped_or_null() {
    for (value, name) in [
        (r#"{"trace_id":"1","trace_name":"a","trace_name":"b","time":1}"#, "b"),
        (r#"{"trace_id":"1","trace_name":"a","trace\u005fname":"b","time":1}"#, "b"),
        (r#"{"trace_id":"1","trace_name":"a","x":{"trace_name":"c"},"time":1}"#, "a"),
        (r#"{"trace_id":"1","x":"\"trace_name\":\"c\"","trace_name":"\u0061","time":1}"#, "a"),
    ] {
        only(value.as_bytes(), &mut |event| assert_eq!(event.key.name, name, "{value}"));
    }
    let value =
        br#"{"trace_id":"1","trace_name":"a","time":1,"resource_id":"x","resource_id":null}"#;
    only(value, &mut |event| {
        assert_eq!(event.body.resource_id, "");
        assert!(matches!(event.body.raw.get("resource_id"), Val::Unsaid));
    });
}

#[test]
fn texts_and_numbers_are_read_exactly() {
    let value = br#"{"trace_id":"1","trace_name":"a","time":1,"request":{"a":"\ud83d\ude00 \ud83d \udc00x","b":9223372036854775807,"c":9223372036854775808,"d":-0.5e1,"e":[null,1],"f":"\u0000","g":1e999}}"#;
    only(value, &mut |event| {
        let request = event.body.request;
        assert_eq!(request.get("a").as_str(), Some("\u{1f600} \u{fffd} \u{fffd}x"));
        assert!(matches!(request.get("b"), Val::Int(i64::MAX)));
        assert!(matches!(request.get("c"), Val::Double(n) if n > 9.2e18));
        assert!(matches!(request.get("d"), Val::Double(n) if (n + 5.0).abs() < 1e-9));
        assert!(matches!(request.get("e").items(), Some([Val::None, Val::Int(1)])));
        assert_eq!(request.get("f").as_str(), Some("\0"));
        assert!(matches!(request.get("g"), Val::Double(n) if n.is_finite()));
    });
}

#[test]
fn notices_are_refused_as_what_they_are_and_name_the_place() {
    let archive = br#"{"notification_type":"NotificationArchiveCompleted","detail":{"bucket_name":"b","object_key":"k/1.gz"}}"#;
    let relation =
        br#"{"notification_type":"ResourceRelationChanged","detail":{"resource_id":"x"}}"#;
    let verdict = br#"{"messageType":"ComplianceChangeNotification","awsAccountId":"1","newEvaluationResult":{}}"#;
    let oversized = br#"{"messageType":"OversizedConfigurationItemChangeNotification","configurationItemSummary":{"resourceType":"T"},"s3DeliverySummary":{"s3BucketLocation":"b/k.gz"}}"#;
    for (value, reason, place) in [
        (&archive[..], DeadReason::Pointer, "b/k/1.gz"),
        (relation, DeadReason::NotAChange, ""),
        (verdict, DeadReason::NotAChange, ""),
        (oversized, DeadReason::Pointer, "b/k.gz"),
    ] {
        let all = outcomes(value);
        let [Told::Dead { reason: told, detail, .. }] = &all[..] else { panic!("{all:?}") };
        assert_eq!(*told, reason);
        assert!(detail.contains(place), "{detail}");
    }
}

#[test]
fn a_refused_event_tells_its_id_and_account_where_it_has_them() {
    let value = br#"{"eventSource":"s","eventName":"n","userIdentity":{},"eventID":"e1","recipientAccountId":"12"}"#;
    let record = Record { value, headers: &[], time: None };
    let mut seen = 0;
    Decoder::new(Limits::default(), None, Detail::Counts).decode(
        &record,
        &All(true),
        &mut |_, item| {
            let Decoded::Dead(dead) = item else { panic!("{item:?}") };
            let told = (dead.reason, dead.id, dead.account, dead.service);
            assert_eq!(told, (DeadReason::NoTime, "e1", "12", "s"));
            seen += 1;
        },
    );
    assert_eq!(seen, 1);
}

#[test]
fn a_failed_sign_in_is_an_error_though_the_record_has_no_code() {
    let value = br#"{"eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","userIdentity":{"type":"Root","arn":"arn:aws:iam::1:root"},"eventTime":"2026-03-08T20:00:01Z","eventID":"1","responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"MFAUsed":"Yes"}}"#;
    only(value, &mut |event| {
        assert_eq!(event.error.map(|error| error.code), Some("Failure"));
        assert!(event.actor.root);
        assert_eq!(event.actor.mfa, Some(true));
    });
}

#[test]
fn stages_before_the_end_of_a_request_are_passed_over() {
    let value = br#"{"apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"RequestReceived","verb":"create","objectRef":{"resource":"pods"}}"#;
    assert!(matches!(&outcomes(value)[..], [Told::Skipped { .. }]));
}
