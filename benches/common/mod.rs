//! What the measurements share: a synthetic stream of CloudTrail records, and the loops that
//! our figures are told as ratios to.
//!
//! A seed and a number enter; records leave, one JSON text each. Every record is composed here,
//! no account or name in it is anybody's.
#![allow(dead_code, reason = "each measurement uses its own part of this")]
#![allow(clippy::panic, reason = "a measurement without the pack has nothing to say")]

pub mod predicates;
pub mod resources;
mod writes;

use std::sync::Arc;

use driftline::cloud::tables;
use driftline::content::{Content, Detector, Files, load};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Setup, Sink};
use driftline::model::{FindingChange, Outcome};
use driftline::tenant::Registry;
use memchr::memmem::Finder;
use serde::Deserialize;

/// 2026-03-01 00:00 UTC, where each stream begins; seconds since 1970.
const BEGIN: u64 = 1_772_323_200;

/// What sort of call a record tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A management call that only reads.
    ReadOnly,
    /// A call on the data of a bucket.
    Data,
    /// A management call that changes something.
    Write,
}

/// Numbers that look random and are the same in every run (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}

/// `count` records: of each hundred 53 only read, 45 are data events, 2 are writes.
pub fn mix(seed: u64, count: usize) -> Vec<(Sort, String)> {
    let mut dice = Dice::new(seed);
    let records = (0..count as u64).map(|number| {
        // 53 and 100 have no common factor: the sorts come interleaved, and exactly in number.
        match number * 53 % 100 {
            0..53 => (Sort::ReadOnly, read(&mut dice, number)),
            53..98 => (Sort::Data, data(&mut dice, number)),
            _ => (Sort::Write, writes::write(&mut dice, number)),
        }
    });
    records.collect()
}

/// `count` management writes alone.
pub fn writes(seed: u64, count: usize) -> Vec<String> {
    let mut dice = Dice::new(seed);
    (0..count as u64).map(|number| writes::write(&mut dice, number)).collect()
}

/// All members of a call that the measurements vary.
pub struct Call<'c> {
    pub number: u64,
    pub source: &'c str,
    pub name: &'c str,
    /// JSON.
    pub request: &'c str,
    /// JSON.
    pub response: &'c str,
    /// JSON members after the ids, each with its comma behind.
    pub more: &'c str,
    pub read_only: bool,
    pub management: bool,
}

/// A record with the members, and in the order, in which CloudTrail writes them.
pub fn record(dice: &mut Dice, call: &Call<'_>) -> String {
    let Call { number, source, name, request, response, more, read_only, management } = call;
    let account = 100_000_000_000 + dice.below(20);
    let role = ["deployer", "reader", "backup-runner", "site-operator"][number_of(dice, 4)];
    let session = dice.below(1 << 40);
    let time = text_of(BEGIN + number / 10);
    let (one, two) = (dice.below(u64::MAX), dice.below(1 << 48));
    let service = source.split('.').next().unwrap_or_default();
    let category = if *management { "Management" } else { "Data" };
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE{session:010X}:{role}-{session:x}","arn":"arn:aws:sts::{account}:assumed-role/{role}/{role}-{session:x}","accountId":"{account}","accessKeyId":"ASIAEXAMPLE{session:010X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{session:010X}","arn":"arn:aws:iam::{account}:role/{role}","accountId":"{account}","userName":"{role}"}},"webIdFederationData":{{}},"attributes":{{"creationDate":"2026-03-01T00:00:00Z","mfaAuthenticated":"false"}}}}}},"eventTime":"{time}","eventSource":"{source}","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.{octet}","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.58.2","requestParameters":{request},"responseElements":{response},{more}"requestID":"{two:012X}EXAMPLE","eventID":"{one:016x}-{two:012x}","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":{management},"recipientAccountId":"{account}","eventCategory":"{category}","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.eu-central-1.amazonaws.com"}}}}"#,
        octet = dice.below(254) + 1,
    )
}

fn number_of(dice: &mut Dice, bound: u64) -> usize {
    usize::try_from(dice.below(bound)).unwrap_or_default()
}

/// `2026-03-01T..Z` of seconds since 1970; a stream is shorter than a day's seconds times ten.
pub fn text_of(second: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(second).unwrap_or_default());
    time.unwrap_or_default().to_string()
}

fn read(dice: &mut Dice, number: u64) -> String {
    let (source, name, request) = [
        (
            "ec2.amazonaws.com",
            "DescribeInstances",
            r#"{"instancesSet":{},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#,
        ),
        (
            "ec2.amazonaws.com",
            "DescribeNetworkInterfaces",
            r#"{"networkInterfaceIdSet":{},"filterSet":{"items":[{"name":"status","valueSet":{"items":[{"value":"in-use"}]}}]}}"#,
        ),
        (
            "iam.amazonaws.com",
            "ListAttachedRolePolicies",
            r#"{"roleName":"site-operator","maxItems":100}"#,
        ),
        (
            "s3.amazonaws.com",
            "GetBucketAcl",
            r#"{"bucketName":"records-of-the-mill","Host":"records-of-the-mill.s3.amazonaws.com","acl":""}"#,
        ),
        (
            "kms.amazonaws.com",
            "DescribeKey",
            r#"{"keyId":"arn:aws:kms:eu-central-1:100000000001:key/example-0001"}"#,
        ),
        ("sts.amazonaws.com", "GetCallerIdentity", "null"),
        (
            "monitoring.amazonaws.com",
            "DescribeAlarms",
            r#"{"maxRecords":100,"alarmTypes":["MetricAlarm"]}"#,
        ),
    ][number_of(dice, 7)];
    let (response, more) = ("null", "");
    let call =
        Call { number, source, name, request, response, more, read_only: true, management: true };
    record(dice, &call)
}

fn data(dice: &mut Dice, number: u64) -> String {
    let (bucket, object) = (dice.below(40), dice.below(1 << 48));
    let name = ["PutObject", "PutObject", "UploadPart", "DeleteObject"][number_of(dice, 4)];
    let request = format!(
        r#"{{"bucketName":"records-{bucket}","Host":"records-{bucket}.s3.eu-central-1.amazonaws.com","key":"mill/2026/03/01/part-{object:012x}.parquet","x-amz-server-side-encryption":"aws:kms"}}"#
    );
    let response = r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-bucket-key-enabled":"true"}"#;
    let more = format!(
        r#""additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":{size},"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{object:040X}","bytesTransferredOut":0}},"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::records-{bucket}/mill/2026/03/01/part-{object:012x}.parquet"}},{{"accountId":"100000000001","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::records-{bucket}"}}],"#,
        size = object % 9_000_000,
    );
    let call = Call {
        number,
        source: "s3.amazonaws.com",
        name,
        request: &request,
        response,
        more: &more,
        read_only: false,
        management: false,
    };
    record(dice, &call)
}

/// The shipped pack.
pub fn pack() -> Arc<Content> {
    let (content, _) = load(&Files::shipped(), &tables())
        .unwrap_or_else(|faults| panic!("the shipped pack does not load: {}", faults[0]));
    Arc::new(content)
}

/// An engine over the pack in which each account is its own tenant.
pub fn engine(content: &Arc<Content>) -> Engine {
    Engine::new(Arc::clone(content), Arc::new(Registry::own_tenants()), Setup::default())
}

/// A sink that only counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Events that nobody reads.
    pub ignored: u64,
    /// Events that changed the state or confirmed it.
    pub watched: u64,
    /// All other fates.
    pub other: u64,
    /// Alerts.
    pub alerts: u64,
}

impl Sink for Count {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        match outcome.outcome {
            Outcome::ReadOnly | Outcome::Unwatched => self.ignored += 1,
            Outcome::Applied | Outcome::Unchanged => self.watched += 1,
            _ => self.other += 1,
        }
    }

    fn finding(&mut self, _: &FindingChange, _: &Detector, _: &Content) {
        self.alerts += 1;
    }
}

/// Gives one record to an engine.
pub fn give(engine: &mut Engine, text: &[u8], count: &mut Count) {
    engine.record(&Record { value: text, ..Record::default() }, count);
}

/// Three members, as much as a typed reader must know to look up an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "the record's own names")]
pub struct Typed<'t> {
    #[serde(borrow)]
    pub event_source: std::borrow::Cow<'t, str>,
    #[serde(borrow)]
    pub event_name: std::borrow::Cow<'t, str>,
    #[serde(borrow, rename = "eventID")]
    pub event_id: std::borrow::Cow<'t, str>,
}

/// The floor: drop what has the read-only mark anywhere, read three members of the rest.
/// Tells how many records were read; nobody should filter like this, see `BENCHMARKS.md`.
pub struct Floor(Finder<'static>);

impl Default for Floor {
    fn default() -> Self {
        Self(Finder::new(br#""readOnly":true"#))
    }
}

impl Floor {
    /// Bytes of the three members; 0 for a dropped or broken record.
    pub fn take(&self, record: &[u8]) -> usize {
        if self.0.find(record).is_some() {
            return 0;
        }
        serde_json::from_slice::<Typed<'_>>(record).map_or(0, |typed| {
            typed.event_source.len() + typed.event_name.len() + typed.event_id.len()
        })
    }
}
