//! Five predicates over one document, as detectors ask them: before and after of a change, its
//! event and actor, 3.4 KB of JSON. All five hold, so that nothing is decided early.

use bumpalo::Bump;
use driftline::expr::{Functions, Program, Scope, Var};
use driftline::model::{Schema, Type, Val};
use serde_json::{Value as Json, json};

/// Names of the parts of the document, which are the variables.
pub const PARTS: [&str; 4] = ["event", "actor", "before", "after"];

/// Name and text.
pub const PREDICATES: [(&str, &str); 5] = [
    (
        "p1 who and what",
        "event.name in ['RevokeSecurityGroupIngress', 'ModifySecurityGroupRules', \
         'AuthorizeSecurityGroupIngress'] && actor.type == 'AssumedRole' && \
         !actor.arn.startsWith('arn:aws:sts::111122223333:assumed-role/terraform') && !actor.mfa",
    ),
    (
        "p2 a port opened to the world",
        "after.ingress.exists(r, r.from <= 22 && 22 <= r.to && \
         r.cidrs.exists(c, c == '0.0.0.0/0' || c == '::/0')) && \
         !before.ingress.exists(r, r.from <= 22 && 22 <= r.to && \
         r.cidrs.exists(c, c == '0.0.0.0/0' || c == '::/0'))",
    ),
    (
        "p3 a block taken off",
        "before.bucket.block.blockPublicPolicy == true && \
         after.bucket.block.blockPublicPolicy == false",
    ),
    (
        "p4 a statement for everyone",
        "after.bucket.policy.Statement.exists(s, s.Effect == 'Allow' && s.Principal == '*' && \
         !has(s.Condition))",
    ),
    (
        "p5 another key",
        "before.bucket.encryption.algorithm == 'aws:kms' && (!has(after.bucket.encryption) || \
         after.bucket.encryption.algorithm != 'aws:kms')",
    ),
];

/// The document.
pub fn document() -> Json {
    let rule = |from: u16, to: u16, cidrs: &[&str], id: &str| {
        json!({"id": id, "protocol": "tcp", "from": from, "to": to, "cidrs": cidrs,
               "description": "opened for the mill's own services"})
    };
    let mut rules = vec![
        rule(443, 443, &["10.0.0.0/8", "192.168.0.0/16"], "sgr-0a1b2c3d4e5f60001"),
        rule(80, 80, &["10.0.0.0/8"], "sgr-0a1b2c3d4e5f60002"),
        rule(5432, 5432, &["10.20.0.0/16"], "sgr-0a1b2c3d4e5f60003"),
        rule(22, 22, &["10.30.0.0/16"], "sgr-0a1b2c3d4e5f60004"),
    ];
    let statement = |sid: &str, principal: Json, condition: Option<Json>| {
        let mut statement = json!({"Sid": sid, "Effect": "Allow", "Principal": principal,
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::records-of-the-mill/*"]});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    };
    let role = json!({"AWS": "arn:aws:iam::111122223333:role/reader"});
    let inside = json!({"StringEquals": {"aws:PrincipalOrgID": "o-example"}});
    let mut statements = vec![
        statement("readers", role, None),
        statement("inside", json!("*"), Some(inside)),
        statement("tls", json!({"AWS": "arn:aws:iam::111122223333:role/backup"}), None),
    ];
    let state = |rules: &[Json], statements: &[Json], block: bool, algorithm: &str| {
        json!({"id": "sg-0123456789abcdef0", "vpc": "vpc-0123456789abcdef0", "ingress": rules,
            "bucket": {"name": "records-of-the-mill",
                "block": {"blockPublicAcls": true, "ignorePublicAcls": true,
                          "blockPublicPolicy": block, "restrictPublicBuckets": true},
                "encryption": {"algorithm": algorithm},
                "policy": {"Version": "2012-10-17", "Statement": statements}}})
    };
    let before = state(&rules, &statements, true, "aws:kms");
    rules.push(rule(0, 1024, &["172.16.0.0/12", "0.0.0.0/0"], "sgr-0a1b2c3d4e5f60005"));
    statements.push(statement("everyone", json!("*"), None));
    let after = state(&rules, &statements, false, "AES256");
    json!({
        "event": {"name": "AuthorizeSecurityGroupIngress", "service": "ec2.amazonaws.com",
                  "time": "2026-03-01T12:00:00Z", "id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},
        "actor": {"type": "AssumedRole", "mfa": false, "ip": "203.0.113.7",
                  "arn": "arn:aws:sts::111122223333:assumed-role/deployer/morning"},
        "before": before,
        "after": after,
    })
}

/// A part of the document on loan.
pub fn lend<'a>(json: &'a Json, arena: &'a Bump) -> Val<'a> {
    match json {
        Json::Null => Val::Unsaid,
        Json::Bool(truth) => Val::Bool(*truth),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Val::Double(number.as_f64().unwrap_or(f64::NAN)), Val::Int),
        Json::String(text) => Val::Str(text),
        Json::Array(items) => {
            Val::list(arena.alloc_slice_fill_iter(items.iter().map(|item| lend(item, arena))))
        }
        Json::Object(members) => Val::Map(arena.alloc_slice_fill_iter(
            members.iter().map(|(name, value)| (&**name, lend(value, arena))),
        )),
    }
}

/// A predicate, compiled over parts of any shape.
pub fn compile(source: &str, schema: &Schema) -> Program {
    let vars = PARTS.map(|name| Var { name: name.into(), ty: Type::Dyn });
    let expect = Some(Type::Bool);
    let scope = Scope { schema, vars: vars.to_vec(), kind: None, expect };
    match Program::compile(source, &scope, &Functions::default()) {
        Ok((program, _)) => program,
        Err(issues) => panic!("`{source}`: {issues:?}"),
    }
}
