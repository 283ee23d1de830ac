//! The command as scripts use it: exit codes, streams, and the same results on any number of
//! threads.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn driftline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// SSH opened and closed in two accounts, a read, and a line that is no JSON.
fn stream(folder: &Path) -> String {
    let mut lines = Vec::new();
    for (minute, account) in [(1, "111122223333"), (2, "444455556666")] {
        for (offset, name) in
            [(0, "AuthorizeSecurityGroupIngress"), (5, "RevokeSecurityGroupIngress")]
        {
            let response = if offset == 0 {
                serde_json::json!({"_return": true, "securityGroupRuleSet": {"items": [{
                    "groupId": "sg-1", "securityGroupRuleId": "sgr-1", "isEgress": false,
                    "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"}]}})
            } else {
                serde_json::json!({"_return": true})
            };
            lines.push(event(account, minute + offset, "ec2.amazonaws.com", name, &response));
        }
        lines.push(event(account, 9, "ec2.amazonaws.com", "DescribeInstances", &().into()));
    }
    lines.push("this is not JSON".to_owned());
    let path = folder.join("stream.jsonl");
    fs::write(&path, lines.join("\n")).expect("written");
    path.display().to_string()
}

fn event(
    account: &str,
    minute: u32,
    source: &str,
    name: &str,
    response: &serde_json::Value,
) -> String {
    serde_json::json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/a"),
            "accountId": account, "userName": "a"},
        "eventTime": format!("2026-03-02T12:{minute:02}:00Z"),
        "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.5", "userAgent": "aws-cli/2",
        "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [{
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {},
            "prefixListIds": {}}]}},
        "responseElements": response,
        "eventID": format!("{account}-{minute}"), "readOnly": name.starts_with("Describe"),
        "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": account,
        "eventCategory": "Management",
    })
    .to_string()
}

#[test]
fn alerts_go_to_stdout_the_summary_to_stderr_and_outcomes_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, outcomes) = (stream(folder.path()), folder.path().join("outcomes.jsonl"));
    let outcomes_name = outcomes.display().to_string();
    let run = driftline(&["replay", &input, "--outcomes", &outcomes_name, "--summary", "json"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let stderr = text(&run.stderr);
    let line = stderr.lines().find(|line| line.starts_with('{')).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
    assert_eq!(summary["records"], 7);
    assert_eq!(summary["outcomes"]["dead"], 1);
    assert_eq!(summary["open_findings"], 0);
    let told = fs::read_to_string(&outcomes).expect("outcomes");
    assert_eq!(Some(told.lines().count() as u64), summary["events"].as_u64());
    let alerts: Vec<serde_json::Value> = text(&run.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    for tenant in ["111122223333", "444455556666"] {
        let steps: Vec<u64> = alerts
            .iter()
            .filter(|alert| alert["metadata"]["tenant_uid"] == tenant)
            .filter(|alert| alert["finding_info"]["analytic"]["uid"] == "FW-001")
            .filter_map(|alert| alert["activity_id"].as_u64())
            .collect();
        assert_eq!(steps, [1, 3], "{tenant} opens and resolves");
    }
}

#[test]
fn threads_and_repetition_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = stream(folder.path());
    let alone = driftline(&["replay", &input, "--outcomes", "-"]);
    assert!(!alone.stdout.is_empty());
    for threads in ["1", "2", "3"] {
        let more = driftline(&["replay", &input, "--outcomes", "-", "--threads", threads]);
        let sorted = |bytes: &[u8]| {
            let mut lines: Vec<String> = text(bytes).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&more.stdout), sorted(&alone.stdout), "{threads} threads");
    }
}

#[test]
fn exit_codes_are_as_promised() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = stream(folder.path());
    let bad = folder.path().join("bad.yaml");
    fs::write(&bad, "nonsense: 1\n").expect("written");
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").expect("written");
    let (bad, empty) = (bad.display().to_string(), empty.display().to_string());
    for (arguments, code, told) in [
        (vec!["replay", &*input, "--fail-on", "high"], 3, "records"),
        (vec!["replay", &*input, "--fail-on", "critical", "--tenant", "t"], 0, "records"),
        (vec!["replay", &*empty], 0, "holds no record"),
        (vec!["replay", "/no/such/file"], 1, "`/no/such/file` cannot be read"),
        (vec!["replay"], 2, "Usage"),
        (vec!["nonsense"], 2, "nonsense"),
        (vec!["--config", &*bad, "check"], 78, "bad.yaml:1:1: unknown key `nonsense`"),
        (vec!["explain", "NO-999"], 1, "there is no detector `NO-999`"),
    ] {
        let run = driftline(&arguments);
        let stderr = text(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
        assert!(!stderr.contains('\u{1b}'), "no escape codes off a terminal");
    }
}

#[test]
fn the_demo_tells_its_story() {
    let run = driftline(&["demo"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let told = text(&run.stdout);
    assert!(told.matches("\nHIGH").count() + told.matches("\nCRITICAL").count() >= 5, "{told}");
    assert!(told.contains("\nRESOLVED"), "{told}");
    let summary = text(&run.stderr);
    for outcome in ["applied", "read_only", "quarantined", "dead", "failed"] {
        assert!(summary.contains(&format!("  {outcome} ")), "{outcome}: {summary}");
    }
}
