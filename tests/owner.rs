//! Entries that read by actor: whatever the account's owner does is read, and nobody else's
//! calls cost more for it.

mod common;

use std::sync::Arc;

use common::records::{ACCOUNT, cts, ec2};
use common::{Log, Play, cloudtrail};
use driftline::content::{Content, Files, load};
use driftline::engine::{Engine, Setup};
use driftline::model::Outcome::{ReadOnly, Unchanged, Unwatched};
use driftline::model::Step::Opened;
use driftline::model::{Outcome, Step};
use driftline::tenant::Registry;
use serde_json::{Value, json};

/// A call to a service that no mapping names.
fn ses(id: &str, name: &str, read_only: bool) -> Value {
    let source = "ses.amazonaws.com";
    let mut record = cloudtrail(ACCOUNT, id, 1, source, name, &Value::Null, &Value::Null);
    record["readOnly"] = json!(read_only);
    record
}

fn smn(id: &str, name: &str, read_only: bool) -> Value {
    let mut record = cts(id, 1, "topic", name, "topic-1", &Value::Null);
    record["service_type"] = json!("SMN");
    record["read_only"] = json!(read_only);
    record
}

/// The record, by the account's owner.
fn by_owner(mut record: Value) -> Value {
    if record["userIdentity"].is_object() {
        record["userIdentity"] = json!({"type": "Root", "principalId": ACCOUNT,
            "arn": format!("arn:aws:iam::{ACCOUNT}:root"), "accountId": ACCOUNT});
    } else {
        record["user"]["principal_is_root_user"] = json!("true");
    }
    record
}

/// The shipped pack, in which the detector's parameter says otherwise.
fn telling_reads() -> Arc<Content> {
    let mut files = Files::new();
    for file in Files::shipped().all() {
        let reads = "reads: {type: bool, default: false}";
        let text = file.text.replace(reads, "reads: {type: bool, default: true}");
        files.add(&file.path, text);
    }
    let (content, _) = load(&files, &driftline::cloud::tables()).expect("the pack loads");
    Arc::new(content)
}

fn check(content: &Arc<Content>, record: &Value, outcome: Outcome, story: &[Step]) {
    let registry = Arc::new(Registry::own_tenants());
    let engine = Engine::new(Arc::clone(content), registry, Setup::default());
    let mut play = Play { engine, log: Log::default() };
    assert_eq!(play.say(record), outcome, "{record} {}", play.log.text);
    assert_eq!(play.story("IAM-001"), story, "{record} {}", play.log.text);
}

#[test]
fn a_write_by_the_owner_is_told_whether_or_not_a_mapping_names_it() {
    let named = ec2("e", 1, "DeleteSecurityGroup", &json!({"groupId": "sg-1"}), &Value::Null);
    let pack = common::pack();
    for record in [ses("e", "VerifyEmailIdentity", false), smn("e", "createTopic", false)] {
        check(&pack, &record, Unwatched, &[]);
        check(&pack, &by_owner(record), Unchanged, &[Opened]);
    }
    check(&pack, &by_owner(named), Outcome::Applied, &[Opened]);
}

#[test]
fn a_read_by_the_owner_is_told_where_the_parameter_says_so() {
    let (pack, telling) = (common::pack(), telling_reads());
    for record in [ses("e", "ListIdentities", true), smn("e", "listTopics", true)] {
        check(&pack, &by_owner(record.clone()), ReadOnly, &[]);
        check(&telling, &record, ReadOnly, &[]);
        check(&telling, &by_owner(record), ReadOnly, &[Opened]);
    }
}

#[test]
fn an_owner_within_text_is_seen() {
    let mut record = by_owner(smn("e", "createTopic", false));
    record["user"] = json!(record["user"].to_string());
    check(&common::pack(), &record, Unchanged, &[Opened]);
}

#[test]
fn a_call_that_only_looks_like_the_owners_is_nobodys_concern() {
    let mut record = ses("e", "VerifyEmailIdentity", false);
    record["userIdentity"]["sessionContext"] = json!({"webIdFederationData": {"type": "Root"}});
    check(&common::pack(), &record, Unwatched, &[]);
}
