//! No secret that an event carries is ever kept or told, whatever field it stands in.

mod common;

use std::cell::Cell;
use std::fmt::Write as _;

use common::records::{ACCOUNT, authorize, azure, azure_group, azure_rule, cts, gcp, item};
use common::{cloudtrail, engine};
use driftline::alert::text::Paint;
use driftline::alert::{Alert, ocsf, proto, text};
use driftline::content::{Content, Detector};
use driftline::engine::{EventOutcome, Sink};
use driftline::model::{FindingChange, Limits, Timestamp};
use serde_json::{Value, json};

const WORLD: &str = "0.0.0.0/0";
/// A word that is no secret and must be seen, so that the search is known to find.
const SEEN: &str = "zz-plain-tag-zz";

/// Everything that leaves the engine, as text.
#[derive(Default)]
struct Everything {
    text: String,
    alerts: usize,
}

impl Sink for Everything {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let _ = writeln!(self.text, "{outcome:?}");
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let alert = Alert::new(change, detector, content, &Limits::default());
        self.alerts += 1;
        self.text.push_str(&String::from_utf8_lossy(&ocsf::encode(&alert)));
        self.text.push_str(&String::from_utf8_lossy(&proto::encode(&alert)));
        self.text.push_str(&text::render(&alert, Paint::Plain));
        let _ = writeln!(self.text, "{change:?}");
    }
}

/// Secrets in the forms in which they really occur; each holds its own number.
#[derive(Default)]
struct Canaries(Cell<usize>);

impl Canaries {
    fn next(&self) -> String {
        self.0.set(self.0.get() + 1);
        format!("cAnArY{:04}wJalrXUtnFEMIK7MDENGbPxRfiCY", self.0.get())
    }

    /// Members whose names announce a secret, and texts that have a credential's form.
    fn tags(&self) -> Value {
        json!({
            "password": self.next(), "DB_PASSWORD": self.next(), "admin-pass": SEEN,
            "adminPass": self.next(), "client.secret": self.next(), "api_key": self.next(),
            "aws_secret_access_key": self.next(), "sessionToken": self.next(), "token": self.next(),
            "note1": format!("-----BEGIN RSA PRIVATE KEY-----\n{}", self.next()),
            "note2": format!("ghp_{}", self.next()),
            "note3": format!("Server=tcp:db;User Id=sa;Password={};", self.next()),
            "note4": format!("postgres://app:{}@db.example/shop", self.next()),
            "note5": format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==", self.next()),
            "note6": format!("Bearer eyJhbGciOiJIUzI1NiJ9.{}.c2ln", self.next()),
            "note7": format!("export AWS_SECRET_ACCESS_KEY={}", self.next()),
            "note8": format!("{{\"password\": \"{}\"}}", self.next()),
            "team": SEEN,
        })
    }

    /// The same as AWS lists them.
    fn listed(&self) -> Value {
        let tags = self.tags();
        let Value::Object(members) = tags else { return Value::Null };
        members.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    }

    /// Members that nothing should keep, beside those that are read.
    fn strewn(&self, mut body: Value) -> Value {
        for name in ["masterUserPassword", "userData", "secretString", "privateKey", "authToken"] {
            body[name] = self.next().into();
        }
        body["environment"] =
            json!({"variables": {"PLAIN": self.next(), "DB_PASSWORD": self.next()}});
        body["tags"] = self.tags();
        body["tagSet"] = json!({"items": self.listed()});
        body["connectionString"] = self.next().into();
        body
    }

    /// A policy with secrets where people put them.
    fn policy(&self, bucket: &str) -> String {
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": SEEN, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{bucket}/*"),
            "Condition": {"StringEquals": {
                "aws:password": self.next(), "x:secret": [self.next(), self.next()],
                "aws:UserAgent": format!("ghp_{}", self.next())}},
        }]})
        .to_string()
    }
}

fn aws(canaries: &Canaries) -> Vec<Value> {
    let mut records = Vec::new();
    let mut add =
        |canaries: &Canaries, source: &str, name: &str, request: Value, response: Value| {
            let second = i64::try_from(records.len()).unwrap_or_default();
            let (request, response) = (canaries.strewn(request), canaries.strewn(response));
            let id = format!("{source}{name}");
            let mut record = cloudtrail(ACCOUNT, &id, second, source, name, &request, &response);
            record["additionalEventData"] = canaries.strewn(json!({}));
            record["userIdentity"]["sessionContext"] =
                json!({"attributes": {"sessionToken": canaries.next()}});
            records.push(record);
        };
    let rds = json!({"dBInstanceIdentifier": "db-1", "publiclyAccessible": true, "engine": "mysql",
        "storageEncrypted": false, "masterUsername": "admin"});
    add(canaries, "rds.amazonaws.com", "CreateDBInstance", rds.clone(), rds);
    let run = json!({"instancesSet": {"items": [{"imageId": "ami-1"}]}});
    let ran = json!({"instancesSet": {"items": [canaries.strewn(json!({"instanceId": "i-1",
        "networkInterfaceSet": {"items": []}, "metadataOptions": {"httpTokens": "optional"}}))]}});
    add(canaries, "ec2.amazonaws.com", "RunInstances", run, ran);
    let function = json!({"functionName": "f", "role": "arn:aws:iam::111122223333:role/r"});
    add(
        canaries,
        "lambda.amazonaws.com",
        "CreateFunction20150331",
        function.clone(),
        function.clone(),
    );
    add(
        canaries,
        "lambda.amazonaws.com",
        "UpdateFunctionConfiguration20150331v2",
        function,
        json!({}),
    );
    let policy = canaries.policy("b");
    let put = json!({"bucketName": "b", "bucketPolicy": serde_json::from_str::<Value>(&policy).unwrap_or_default()});
    add(canaries, "s3.amazonaws.com", "CreateBucket", json!({"bucketName": "b"}), json!({}));
    add(canaries, "s3.amazonaws.com", "PutBucketPolicy", put, json!({}));
    add(
        canaries,
        "secretsmanager.amazonaws.com",
        "CreateSecret",
        json!({"name": "s"}),
        json!({"arn": "arn:s"}),
    );
    add(
        canaries,
        "secretsmanager.amazonaws.com",
        "GetSecretValue",
        json!({"secretId": "s"}),
        json!({}),
    );
    let key = json!({"accessKey": {"accessKeyId": "AKIAEXAMPLE", "userName": "eli", "status": "Active",
        "secretAccessKey": canaries.next()}});
    add(canaries, "iam.amazonaws.com", "CreateAccessKey", json!({"userName": "eli"}), key);
    add(canaries, "iam.amazonaws.com", "CreateLoginProfile", json!({"userName": "eli"}), json!({}));
    let command = json!({"documentName": "AWS-RunShellScript", "instanceIds": ["i-1"],
        "parameters": {"commands": [format!("mysql -p{}", canaries.next())]}});
    add(canaries, "ssm.amazonaws.com", "SendCommand", command, json!({}));
    let mut snapshot = item(77, 600, "sg-9", &[(22, WORLD)]);
    snapshot["configurationItem"]["tags"] = canaries.tags();
    records.push(snapshot);
    let mut opened = authorize("late", 700, "sg-9", "r", 3389, WORLD);
    opened["requestParameters"] = canaries.strewn(opened["requestParameters"].clone());
    records.push(opened);
    records
}

fn others(canaries: &Canaries) -> Vec<Value> {
    let group = "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg";
    let mut notice = azure_group("g", 1, group, &[("a", azure_rule("22", "*"))]);
    notice[0]["data"]["resourceInfo"]["tags"] = canaries.tags();
    let write = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let mut body = azure_rule("3389", "*");
    body["properties"] = canaries.strewn(body["properties"].clone());
    let vault = "Microsoft.KeyVault/vaults/write";
    let place = "/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/v";
    let open = canaries.strewn(json!({"properties": {"enableSoftDelete": false}, "name": "v"}));
    let firewall = canaries.strewn(json!({"direction": "INGRESS", "sourceRanges": [WORLD],
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}], "network": "global/networks/default",
        "description": canaries.next()}));
    let rule = json!({"security_group_rule": canaries.strewn(json!({"security_group_id": "sg-h",
        "direction": "ingress", "action": "allow", "protocol": "tcp", "multiport": "22",
        "remote_ip_prefix": WORLD, "description": canaries.next()}))});
    let mut server = cts("s", 5, "ecs", "createServer", "srv-1", &canaries.strewn(
        json!({"server": {"name": "web", "adminPass": canaries.next(), "user_data": canaries.next()}})));
    server["service_type"] = "ECS".into();
    vec![
        notice,
        azure(300, write, &format!("{group}/securityRules/b"), "Success", "1", &body),
        azure(310, vault, place, "Success", "2", &open),
        gcp("1", 1, "v1.compute.firewalls.insert", "fw", &firewall, &Value::Null),
        cts("1", 1, "security-group-rules", "createSecurity-group-rule", "r", &rule),
        server,
    ]
}

#[test]
fn no_secret_an_event_carries_is_kept_or_told() {
    let canaries = Canaries::default();
    let mut records = aws(&canaries);
    records.extend(others(&canaries));
    let planted = canaries.0.get();
    let (mut engine, mut all) = (engine(), Everything::default());
    for record in &records {
        let bytes = record.to_string();
        let record = driftline::decode::Record { value: bytes.as_bytes(), ..Default::default() };
        engine.record(&record, &mut all);
    }
    engine.tick(Timestamp::from_seconds(common::records::NOON + 9_000), &mut all);
    engine.finish(&mut all);
    let mut resources = 0;
    engine.resources(&mut |resource| {
        resources += 1;
        let _ = writeln!(all.text, "{} {} {}", resource.kind, resource.id, resource.facets);
    });
    engine.each_finding(&mut |finding| {
        let _ = writeln!(all.text, "{finding:?}");
    });
    assert!(planted > 300, "only {planted} secrets were planted");
    assert!(resources >= 9 && all.alerts >= 6, "{resources} resources, {} alerts", all.alerts);
    assert!(all.text.contains(SEEN), "what is no secret is kept: the search would find the rest");
    let told: Vec<usize> =
        (1..=planted).filter(|number| all.text.contains(&format!("cAnArY{number:04}"))).collect();
    let near = told.first().map(|number| {
        let at = all.text.find(&format!("cAnArY{number:04}")).unwrap_or_default();
        let from = (at.saturating_sub(300)..=at).find(|at| all.text.is_char_boundary(*at));
        all.text[from.unwrap_or(at)..].chars().take(400).collect::<String>()
    });
    assert!(told.is_empty(), "told: {told:?}; near {near:?}");
}
