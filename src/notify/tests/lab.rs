//! Notices to be told.

use serde_json::Value;

use super::super::Notice;
use crate::alert::{ocsf, samples};
use crate::model::{Severity, Step, Timestamp};

/// 2026-03-02 12:00 UTC.
pub const NOON: Timestamp = Timestamp::from_seconds(1_772_452_800);

/// An alert as it stands in the topic: opened a minute before noon, told half a minute later.
pub fn record(id: &str, finding: &str, step: Step) -> Vec<u8> {
    let mut alert = samples::alert(|_| {});
    alert.id = id.to_owned();
    alert.finding = finding.to_owned();
    alert.step = step;
    alert.opened = NOON.plus(-60_000_000);
    alert.time = NOON.plus(-30_000_000);
    ocsf::encode(&alert)
}

/// That alert as a notice.
pub fn notice(id: &str, finding: &str, step: Step) -> Notice {
    Notice::parse(&record(id, finding, step)).expect("an alert")
}

/// A notice in which everything that others may choose is chosen badly, and long.
pub fn hostile() -> Notice {
    let bad =
        "<!channel> & <https://evil.example|click> *_~`\u{1b}[2J\u{202e}\"}],\"a\":[{\r\nx: y ";
    let long = bad.repeat(200);
    let mut alert: Value = serde_json::from_slice(&record("a1", "f1", Step::Opened)).expect("JSON");
    for path in [
        "/message",
        "/finding_info/title",
        "/finding_info/desc",
        "/resources/0/uid",
        "/resources/0/name",
        "/resources/0/type",
        "/resources/0/owner/name",
        "/metadata/tenant_uid",
        "/cloud/account/uid",
        "/cloud/region",
        "/actor/user/name",
        "/src_endpoint/ip",
        "/remediation/desc",
        "/unmapped/driftline/reasons/0/detector",
    ] {
        *alert.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = Value::from(&*long);
    }
    let tags = (0..200).map(|n| (format!("{n}{bad}"), Value::from(&*long)));
    alert["unmapped"]["driftline"]["tags"] = tags.collect();
    let mut notice = Notice::parse(alert.to_string().as_bytes()).expect("an alert");
    notice.severity = Severity::Critical;
    notice
}
