//! Every host function, with arguments made from its signature: what it says with less knowledge
//! never contradicts what it says with more.
//!
//! One thing is so on purpose and left out: what nobody has seen is taken to add and not to
//! forbid, so that an unread Deny hides no grant and an unread rule that denies no open port.
//! Knowing less here never hides what denies.

use std::cell::Cell;
use std::collections::BTreeMap;

use bumpalo::Bump;
use driftline::cloud::tables;
use driftline::content::{Files, load};
use driftline::expr::{Call, EvalError, Functions, Host, World, net, parse_type};
use driftline::model::{
    FacetId, Handle, PortRange, Schema, Timestamp, Type, Val, Value, schema::Text,
};
use proptest::prelude::*;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// Values where anything may stand: what the clouds write, as JSON.
const SHAPES: &[&str] = &[
    r#""10.0.0.0/8""#,
    r#"["10.0.0.0/8", "0.0.0.0/0", "list:pl-1", "tag:web"]"#,
    r#"["54.0.0.0/9", "55.0.0.0/9"]"#,
    r#""22,80-443""#,
    "[22, 80, 443]",
    "22",
    "-1",
    r#""tcp""#,
    r#"["a", "b", "c", "a"]"#,
    r#"[1, "a", {"k": [1]}]"#,
    r#"["Mon-Fri 09:00-18:00 +08:00", "Sat"]"#,
    r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*", "111122223333"]}, "Action": ["s3:GetObject", "s3:*"], "Resource": "*"}]}"#,
    r#"{"StringEquals": {"aws:PrincipalOrgID": ["o-1"], "aws:SourceVpc": "vpc-*"}}"#,
    r#"{"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}, "Null": {"aws:SourceVpc": "false"}}"#,
    r#"{"ipProtocol": "tcp", "fromPort": 22, "toPort": 80, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}, {"cidrIp": "10.0.0.0/8"}]}}"#,
    r#"[{"ipProtocol": "6", "peer": "0.0.0.0/0"}, {"ipProtocol": "-1", "cidrIp": "10.0.0.0/8"}]"#,
    r#"{"AccessControlList": {"Grant": [{"Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}, {"Grantee": {"ID": "79a5"}}]}}"#,
    r#"{"x-obs-acl": "public-read"}"#,
    r#"{"bindings": [{"role": "roles/owner", "members": ["allUsers", "user:a@b.c"]}, {"role": "roles/viewer", "members": ["domain:x.y"]}]}"#,
    r#"{"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "sourceAddressPrefixes": ["10.0.0.0/8", "Internet"], "destinationPortRange": "22", "priority": 100}"#,
    r#"{"roleDefinitionId": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "principalId": "p", "scope": "/subscriptions/s"}"#,
    r#"[{"IPProtocol": "tcp", "ports": ["22", "80-90"]}, {"IPProtocol": "icmp"}]"#,
    r#"[{"key": "a", "value": "1"}, {"Key": "b", "Value": "2"}]"#,
    r#"{"items": [{"a": 1}, {"a": 2}]}"#,
    "null",
];

const TEXTS: &[&str] = &[
    "a",
    "b",
    "Ab c",
    "1",
    "",
    "arn:aws:iam::123456789012:role/r",
    "/subscriptions/s/resourceGroups/g/providers/P.Q/a/n",
    "roles/owner",
    "s3:GetObject",
    "111122223333",
    "ingress",
    "1h",
    "2026-03-02T12:00:00Z",
];
const PEERS: &[&str] = &["any", "0.0.0.0/0", "::/0", "10.0.0.0/8", "group:sg-1", "list:pl-1"];
const PRINCIPALS: &[&str] =
    &["*", "aws:123456789012", "aws:111122223333", "service:ec2.amazonaws.com", "domain:d1"];
const ACTIONS: &[&str] = &["*", "s3:*", "s3:GetObject", "iam:PutUserPolicy", "iam:*"];

/// A small generator: a case is its seed.
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<'p>(&mut self, pool: &[&'p str]) -> &'p str {
        pool[self.below(pool.len())]
    }

    fn text(&mut self, pool: &[&str]) -> Value {
        Value::Str(self.pick(pool).into())
    }

    /// A whole value of that type. `name` is the field or parameter it stands in.
    fn of(&mut self, ty: &Type, name: &str, schema: &Schema) -> Value {
        match ty {
            Type::Bool => Value::Bool(self.one_in(2)),
            Type::Int => Value::Int(i64::try_from(self.below(70)).expect("small")),
            Type::Double => Value::Double(1.5),
            Type::String if name.ends_with("actions") || name == "action" => self.text(ACTIONS),
            Type::String => self.text(TEXTS),
            Type::Text(Text::Peer) => self.text(PEERS),
            Type::Text(Text::Cidr) => self.text(&PEERS[1..4]),
            Type::Text(Text::Principal) => self.text(PRINCIPALS),
            Type::Text(Text::Protocol) => self.text(&["tcp", "udp", "any", "icmp"]),
            Type::Enum(words) if words.is_empty() => self.text(&["ingress", "egress"]),
            Type::Enum(words) => Value::Str(words[self.below(words.len())].clone()),
            Type::Time => Value::Time(Timestamp(1_772_452_800_000_000)),
            Type::Duration => Value::Duration(3_600_000_000),
            Type::Ports => self.ports(),
            Type::List(item) => {
                let count = self.below(4);
                let items = (0..count).map(|_| self.of(item, name, schema)).collect();
                Value::List(items, true)
            }
            Type::Map(item) => Value::Map([("a".into(), self.of(item, name, schema))].into()),
            Type::Record(id) => {
                let fields = &schema.record(*id).fields;
                let field = |field: &driftline::model::Field| match &*field.name {
                    _ if self.one_in(4) => Value::Unsaid,
                    "conditions" => json(self.pick(&[
                        "{}",
                        r#"{"StringEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"]}}"#,
                        r#"{"Bool": {"aws:SecureTransport": "false"}}"#,
                    ])),
                    name => self.of(&field.ty, name, schema),
                };
                Value::Record(*id, fields.iter().map(field).collect())
            }
            Type::Dyn => json(self.pick(SHAPES)),
            Type::Null | Type::Resource(_) => Value::Unsaid,
        }
    }

    fn ports(&mut self) -> Value {
        let first = u16::try_from(self.below(100)).expect("small");
        let ranges = [PortRange { first, last: first + 10 }, PortRange { first: 200, last: 300 }];
        Value::Ports(ranges[self.below(2)..].into(), true)
    }

    /// The same with less knowledge.
    fn less(&mut self, value: &Value, schema: &Schema) -> Value {
        if denies(value, schema) {
            return value.clone();
        }
        if self.one_in(6) {
            return Value::Unknown;
        }
        match value {
            Value::List(items, _) => {
                let partial = self.one_in(3);
                let kept =
                    items.iter().filter(|item| !partial || denies(item, schema) || !self.one_in(2));
                let kept: Vec<Value> = kept.cloned().collect();
                Value::List(kept.iter().map(|item| self.less(item, schema)).collect(), !partial)
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), self.less(value, schema)))
                    .collect(),
            ),
            Value::Record(id, fields) => {
                Value::Record(*id, fields.iter().map(|field| self.less(field, schema)).collect())
            }
            Value::Ports(ranges, _) if self.one_in(3) => Value::Ports(ranges[1..].into(), false),
            other => other.clone(),
        }
    }
}

/// Whether it is a statement, or a rule of a network, that denies.
fn denies(value: &Value, schema: &Schema) -> bool {
    let Value::Record(id, fields) = value else { return false };
    ["effect", "action"].into_iter().any(|name| {
        let said = schema.record(*id).field(name).and_then(|index| fields.get(index));
        said == Some(&Value::Str("deny".into()))
    })
}

fn json(text: &str) -> Value {
    fn of(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Unsaid,
            serde_json::Value::Bool(truth) => Value::Bool(*truth),
            serde_json::Value::Number(number) => Value::Int(number.as_i64().expect("an integer")),
            serde_json::Value::String(text) => Value::Str(text.as_str().into()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(of).collect(), true),
            serde_json::Value::Object(members) => Value::Map(
                members.iter().map(|(key, value)| (key.as_str().into(), of(value))).collect(),
            ),
        }
    }
    of(&serde_json::from_str(text).expect("JSON"))
}

/// Calls the function as an evaluation does: what is strict is unknown of the unknown, and absent
/// of the absent.
fn call(host: &Host, args: &[Value], schema: &Schema) -> Result<Value, EvalError> {
    let (arena, fuel) = (Bump::new(), Cell::new(10_000_000));
    let call = Call { arena: &arena, schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    let args: Vec<Val<'_>> = args.iter().map(|arg| arg.lend(&arena, schema)).collect();
    if !host.lenient && args.iter().any(|arg| matches!(arg, Val::Unknown)) {
        return Ok(Value::Unknown);
    }
    let due = !host.lenient && host.params.first().is_some_and(|param| !param.optional);
    if due && args.first().is_none_or(|arg| !arg.is_present()) {
        return Ok(Value::Unsaid);
    }
    (host.call)(&call, &args).map(|value| value.to_value())
}

/// Whether what was said with less knowledge leaves room for what is said with more.
fn allows(less: &Value, more: &Value) -> bool {
    match (less, more) {
        (Value::Unknown, _) | (_, Value::Unknown) => true,
        (Value::List(a, true), Value::List(b, true)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| allows(a, b))
        }
        (Value::List(a, _), Value::List(b, whole)) => {
            !*whole || a.iter().all(|a| b.iter().any(|b| allows(a, b)))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && allows(&a.1, &b.1))
        }
        (Value::Record(a, fields), Value::Record(b, others)) => {
            a == b && fields.iter().zip(others).all(|(a, b)| allows(a, b))
        }
        (Value::Ports(a, true), Value::Ports(b, true)) => a == b,
        (Value::Ports(a, _), Value::Ports(b, _)) => {
            a.iter().all(|a| b.iter().any(|b| b.first <= a.first && a.last <= b.last))
        }
        (less, more) => less == more,
    }
}

fn schema() -> Schema {
    let told = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<String>();
    load(&Files::shipped(), &tables()).map_err(told).expect("it loads").0.schema
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the number of cases is the tester's choice")]
    let asked = std::env::var("DRIFTLINE_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(50)
}

/// One round: every function once, with arguments that the seed chooses.
fn round(functions: &Functions, schema: &Schema, seed: u64) -> Vec<(&'static str, String)> {
    let mut choices = Choices(seed);
    let mut wrong = Vec::new();
    for host in functions.hosts() {
        let more: Vec<Value> = host
            .params
            .iter()
            .map(|param| {
                let ty = parse_type(param.ty, schema).expect("a declared type");
                if param.optional && choices.one_in(2) {
                    return Value::Unsaid;
                }
                choices.of(&ty, param.name, schema)
            })
            .collect();
        let less: Vec<Value> = more.iter().map(|arg| choices.less(arg, schema)).collect();
        let Ok(with_more) = call(host, &more, schema) else { continue };
        let with_less = call(host, &less, schema);
        if !with_less.as_ref().is_ok_and(|less| allows(less, &with_more)) {
            let told = format!(
                "{}: {with_less:?}\n  of {less:?}\nbut {with_more:?}\n  of {more:?}",
                host.name
            );
            wrong.push((host.name, told));
        }
    }
    wrong
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), failure_persistence: None, max_shrink_iters: 0, ..Default::default()
    })]

    #[test]
    fn no_function_contradicts_with_less_knowledge_what_it_says_with_more(
        seeds in proptest::collection::vec(any::<u64>(), 64),
    ) {
        let hosts: Vec<&[Host]> = [net::HOSTS].into_iter().chain(tables()).collect();
        let functions = Functions::new(&hosts);
        thread_local! {
            static SCHEMA: Schema = schema();
        }
        SCHEMA.with(|schema| -> Result<(), TestCaseError> {
            let mut wrong = BTreeMap::new();
            for seed in seeds {
                for (name, told) in round(&functions, schema, seed) {
                    wrong.entry(name).or_insert_with(|| format!("seed {seed}: {told}"));
                }
            }
            let told: Vec<String> = wrong.into_values().collect();
            prop_assert!(told.is_empty(), "{}", told.join("\n"));
            Ok(())
        })?;
    }
}

#[test]
fn every_function_answers_unknown_of_the_unknown_and_nothing_of_nothing() {
    let hosts: Vec<&[Host]> = [net::HOSTS].into_iter().chain(tables()).collect();
    let schema = schema();
    for host in Functions::new(&hosts).hosts() {
        if host.params.is_empty() || host.lenient {
            continue;
        }
        let all = |value: Value| vec![value; host.params.len()];
        assert_eq!(call(host, &all(Value::Unknown), &schema), Ok(Value::Unknown), "{}", host.name);
        if !host.params[0].optional {
            let found = call(host, &all(Value::Unsaid), &schema);
            assert_eq!(found, Ok(Value::Unsaid), "{}", host.name);
        }
    }
}
