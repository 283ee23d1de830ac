//! Host functions as expressions call them: tables of cases with the source of each outside fact,
//! and bounds on hostile input.

use std::cell::Cell;

use bumpalo::Bump;
use driftline::cloud::tables;
use driftline::content::{Content, Files, load};
use driftline::expr::{Call, EvalError, Functions, Host, Program, Scope, Var, World, net};
use driftline::model::{FacetId, Handle, Limits, Seq, Timestamp, Type, Val, Value};

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// Variables of every case: nothing known, part of a list, and a text given by the case.
const PARTIAL: Val<'static> =
    Val::List(Seq { items: &[Val::Str("a"), Val::Str("b")], whole: false });
const PEERS: Val<'static> =
    Val::List(Seq { items: &[Val::Str("10.0.0.0/8"), Val::Str("192.168.0.0/16")], whole: false });

struct Bench {
    content: Content,
    functions: Functions,
}

impl Bench {
    fn new() -> Self {
        let hosts: Vec<&[Host]> = [net::HOSTS].into_iter().chain(tables()).collect();
        let told = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<String>();
        let content = load(&Files::shipped(), &tables()).map_err(told).expect("it loads").0;
        Self { content, functions: Functions::new(&hosts) }
    }

    /// The result, and the fuel that is left of so much.
    fn run(&self, source: &str, text: Val<'_>, fuel: u32) -> (Result<Value, EvalError>, u32) {
        let vars = ["unknown", "partial", "peers", "text"]
            .map(|name| Var { name: name.into(), ty: Type::Dyn })
            .to_vec();
        let schema = &self.content.schema;
        let scope = Scope { schema, vars, kind: None, expect: None };
        let (program, _) = Program::compile(source, &scope, &self.functions)
            .map_err(|issues| format!("`{source}`: {issues:?}"))
            .expect("it compiles");
        let (arena, fuel) = (Bump::new(), Cell::new(fuel));
        let call = Call { arena: &arena, schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
        let vars = [Val::Unknown, PARTIAL, PEERS, text];
        let result = program.eval(&vars, &call).map(|value| value.to_value());
        (result, fuel.get())
    }

    fn check(&self, cases: &[(&str, &str)]) {
        for (source, expected) in cases {
            let (found, _) = self.run(source, Val::Unsaid, Limits::default().fuel);
            assert_eq!(show(&found), *expected, "{source}");
        }
    }
}

fn show(value: &Result<Value, EvalError>) -> String {
    match value {
        Ok(Value::Bool(truth)) => truth.to_string(),
        Ok(Value::Unknown) => "unknown".into(),
        Ok(Value::Unsaid) => "unsaid".into(),
        Ok(Value::Str(text)) => text.to_string(),
        Ok(Value::Int(number)) => number.to_string(),
        Ok(Value::List(items, whole)) => {
            let items: Vec<String> = items.iter().map(|item| show(&Ok(item.clone()))).collect();
            format!("[{}{}]", items.join(", "), if *whole { "" } else { "..." })
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn lists_are_compared_as_sets() {
    Bench::new().check(&[
        ("sets.contains(['a', 'b'], ['b', 'a', 'a'])", "true"),
        ("sets.contains(['a'], ['b'])", "false"),
        ("sets.contains(['a'], [])", "true"),
        ("sets.contains([1, 2.5], [2.5, 1.0])", "true"),
        ("sets.contains([[1], {'a': 1}], [{'a': 1}])", "true"),
        ("sets.contains(partial, ['a'])", "true"),
        ("sets.contains(partial, ['c'])", "unknown"),
        ("sets.contains(['a', 'b', 'c'], partial)", "unknown"),
        ("sets.contains(['a'], partial)", "false"),
        ("sets.contains(unknown, ['a'])", "unknown"),
        ("sets.contains(['a'], unsaid)", "true"),
        ("sets.intersects(['a', 'b'], ['b', 'c'])", "true"),
        ("sets.intersects(['a'], ['b'])", "false"),
        ("sets.intersects(partial, ['b'])", "true"),
        ("sets.intersects(partial, ['c'])", "unknown"),
        ("sets.intersects(partial, [])", "false"),
        ("sets.equivalent(['a', 'b', 'a'], ['b', 'a'])", "true"),
        ("sets.equivalent(['a'], ['a', 'b'])", "false"),
        ("sets.equivalent(partial, ['a', 'b'])", "unknown"),
        ("sets.equivalent(partial, ['a'])", "false"),
        ("sets.minus(['a', 'b', 'a', 'c'], ['b'])", "[a, c]"),
        ("sets.minus(['a', 'c'], partial)", "[...]"),
        ("sets.minus(partial, ['a'])", "[b...]"),
        ("sets.union(['b', 'a'], ['a', 'c'])", "[b, a, c]"),
        ("sets.union(partial, ['a', 'c'])", "[a, b, c...]"),
        ("sets.union([1, 1.0, 2], [])", "[1, 2]"),
    ]);
}

#[test]
fn windows_of_the_week_are_asked_one_or_several() {
    Bench::new().check(&[
        ("time.within(timestamp('2026-03-02T12:00:00Z'), ['Sat,Sun', 'Mon 12:00-13:00'])", "true"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), ['Sat,Sun'])", "false"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), [])", "false"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), unsaid)", "false"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), [unknown, 'Mon'])", "true"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), [unknown, 'Tue'])", "unknown"),
        ("time.within(timestamp('2026-03-02T12:00:00Z'), unknown)", "unknown"),
        (
            "time.within(timestamp('2026-03-02T12:00:00Z'), 'Mo' + string(list(1)[0]))",
            "error: the text is no time window",
        ),
    ]);
}

/// Sources: <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>; what counts as too wide:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
#[test]
fn address_space_is_public_or_not_and_wide_or_not() {
    Bench::new().check(&[
        ("net.public_space('8.8.8.8')", "true"),
        ("net.public_space('10.0.0.0/7')", "true"),
        ("net.public_space('10.0.0.0/8')", "false"),
        ("net.public_space('100.64.1.0/24')", "false"),
        ("net.public_space('192.0.0.0/24')", "false"),
        ("net.public_space('fd00::/8')", "false"),
        ("net.public_space('64:ff9b:1::/48')", "false"),
        ("net.public_space('2600::/12')", "true"),
        ("net.public_space('any')", "true"),
        ("net.public_space('9.9.9.9/0')", "true"),
        ("net.public_space('group:sg-1')", "false"),
        ("net.public_space('list:pl-1')", "unknown"),
        ("net.public_space('tag:AzureCloud')", "unknown"),
        ("net.public_space(['list:pl-1', '8.8.8.0/24'])", "true"),
        ("net.public_space(['10.0.0.0/8', 'group:sg-1'])", "false"),
        ("net.public_space(peers)", "unknown"),
        ("net.public_space(unknown)", "unknown"),
        ("net.wide('0.0.0.0/0')", "true"),
        ("net.wide('::/0')", "true"),
        ("net.wide('128.0.0.0/1')", "true"),
        ("net.wide('54.0.0.0/8')", "true"),
        ("net.wide('54.0.0.0/9')", "false"),
        ("net.wide(['54.0.0.0/9', '55.0.0.0/9'])", "true"),
        ("net.wide(['54.0.0.0/9', '54.0.0.0/9'])", "false"),
        ("net.wide(['54.0.0.0/9', '54.64.0.0/10'])", "false"),
        ("net.wide('10.0.0.0/8')", "false"),
        ("net.wide('2000::/3')", "true"),
        ("net.wide('2600::/32')", "false"),
        ("net.wide(['list:pl-1', 'group:sg-1', 'tag:web'])", "false"),
        ("net.wide(network_rule{peers: ['128.0.0.0/2']})", "true"),
        ("net.wide(network_rule{direction: ingress})", "true"),
        (
            "net.wide([network_rule{peers: ['54.0.0.0/9']}, network_rule{peers: ['55.0.0.0/9']}])",
            "true",
        ),
        ("net.wide(peers)", "unknown"),
        ("net.wide([peers, '0.0.0.0/1'])", "true"),
        ("net.any(['0.0.0.0/1', '128.0.0.0/1'])", "false"),
        ("net.any('10.1.2.3/0')", "true"),
        ("net.any('list:pl-1')", "false"),
        ("net.any(peers)", "unknown"),
        ("net.contains('10.0.0.0/8', '10.2.3.4')", "true"),
        ("net.contains('10.0.0.0/8', '10.0.0.0/7')", "false"),
        ("net.contains('1.2.3.4/0', '9.0.0.0/8')", "true"),
        ("net.contains('0.0.0.0/0', '::/0')", "false"),
        ("net.contains('0.0.0.0/0', 'any')", "false"),
        ("net.contains('any', 'fe80::1')", "true"),
        ("net.contains('10.0.0.0/8', unsaid)", "false"),
    ]);
}

/// A rule of those fields, ingress.
fn rule(fields: &str) -> String {
    format!("network_rule{{direction: ingress, {fields}}}")
}

/// The cloud whose documentation decides, its rules (the first is asked), whether 22 is open.
const PRIORITY: &[(&str, &[&str], bool)] = &[
    // Of equal priority the deny wins: https://support.huaweicloud.com/topic/1029456-4-A
    ("huawei", &["action: allow, priority: 1", "action: deny, priority: 1"], false),
    ("huawei", &["action: allow, priority: 1", "action: deny, priority: 2"], true),
    ("huawei", &["action: allow, priority: 2", "action: deny, priority: 1"], false),
    // Lower numbers first, unique: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
    ("azure", &["action: allow, priority: 100", "action: deny, priority: 4096"], true),
    ("azure", &["action: allow, priority: 4096", "action: deny, priority: 100"], false),
    // A deny overrides an allow of the same priority: https://cloud.google.com/firewall/docs/firewalls
    ("gcp", &["action: allow, priority: 1000", "action: deny, priority: 1000"], false),
    ("gcp", &["action: allow, priority: 1000", "action: deny, priority: 65534"], true),
    ("gcp", &["action: allow, priority: 1000", "action: deny, priority: 0, enabled: false"], true),
    // By rule number, the first that matches: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    (
        "aws",
        &["action: allow, priority: 200", "action: deny, priority: 100, ports: net.ports('22')"],
        false,
    ),
    (
        "aws",
        &["action: allow, priority: 200", "action: deny, priority: 100, ports: net.ports('23')"],
        true,
    ),
    (
        "aws",
        &["action: allow, priority: 200", "action: deny, priority: 100, peers: ['203.0.113.0/24']"],
        true,
    ),
];

#[test]
fn a_deny_closes_what_the_clouds_priorities_say() {
    let bench = Bench::new();
    for (cloud, rules, open) in PRIORITY {
        let rules: Vec<String> = rules.iter().map(|fields| rule(fields)).collect();
        let source = format!("net.opens({}, [{}], tcp, 22)", rules[0], rules.join(", "));
        let (found, _) = bench.run(&source, Val::Unsaid, Limits::default().fuel);
        assert_eq!(show(&found), open.to_string(), "{cloud}: {source}");
        let source = format!("net.open([{}], ingress).contains(22)", rules.join(", "));
        let (found, _) = bench.run(&source, Val::Unsaid, Limits::default().fuel);
        assert_eq!(show(&found), open.to_string(), "{cloud}: {source}");
    }
}

/// A hostile value, as JSON text in `text`, and expressions over it.
struct Hostile {
    what: &'static str,
    text: String,
    sources: &'static [&'static str],
}

const POLICY_QUESTIONS: &[&str] = &[
    "iam.public(iam.statements(text))",
    "iam.public_actions(iam.statements(text))",
    "iam.admin(iam.statements(text))",
    "iam.wildcard(iam.statements(text))",
    "iam.escalates(iam.statements(text))",
    "iam.external_to(iam.statements(text), ['123456789012'])",
    "iam.allows(iam.statements(text), 's3:GetObject')",
    "iam.plain_http(iam.statements(text))",
];

/// Names of that many accounts, in quotes.
fn names() -> String {
    let names: Vec<String> = (0..20_000).map(|number| format!(r#""aws:{number:012}""#)).collect();
    names.join(",")
}

fn statement(effect: &str, action: &str, more: &str) -> String {
    format!(
        r#"{{"Effect": "{effect}", "Principal": "*", "Action": {action}, "Resource": "*"{more}}}"#
    )
}

fn document(statements: impl Iterator<Item = String>) -> String {
    let statements: Vec<String> = statements.collect();
    format!(r#"{{"Statement": [{}]}}"#, statements.join(","))
}

/// 10,000 statements.
fn many_statements() -> String {
    document((0..10_000).map(|number| {
        let effect = if number % 2 == 0 { "Allow" } else { "Deny" };
        statement(effect, &format!(r#""s3:Get{number}*""#), "")
    }))
}

/// Patterns that go back at every star.
fn slow_patterns() -> String {
    let stars = format!(r#""{}b""#, "a*".repeat(1_000));
    let long = format!(r#""{}""#, "a".repeat(2_000));
    document((0..50).map(|number| match number % 2 {
        0 => statement("Allow", &long, ""),
        _ => statement("Deny", &stars, ""),
    }))
}

fn many_principals() -> String {
    format!(
        r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Principal": {{"AWS": [{}]}}}}}}"#,
        names()
    )
}

/// 20,000 keys of a condition; demanded, they may also be missing.
fn many_keys(demanded: bool) -> String {
    let keys: Vec<String> = (0..20_000).map(|number| format!(r#""aws:k{number}": "v""#)).collect();
    let keys = keys.join(",");
    let block = if demanded {
        let null = keys.replace(r#""v""#, "false");
        format!(r#", "Condition": {{"StringEqualsIfExists": {{{keys}}}, "Null": {{{null}}}}}"#)
    } else {
        format!(r#", "Condition": {{"StringEquals": {{{keys}}}}}"#)
    };
    document(std::iter::once(statement("Allow", r#""*""#, &block)))
}

fn hostile_policies() -> Vec<Hostile> {
    [
        ("10,000 statements", many_statements()),
        ("patterns that go back at every star", slow_patterns()),
        ("20,000 principals", many_principals()),
        ("20,000 keys of a condition", many_keys(false)),
        ("20,000 keys that may be missing and are demanded", many_keys(true)),
    ]
    .map(|(what, text)| Hostile { what, text, sources: POLICY_QUESTIONS })
    .into()
}

fn hostile_values() -> Vec<Hostile> {
    let ports: Vec<String> = (0..32_000).map(|port| (port * 2).to_string()).collect();
    let peers: Vec<String> = (0..20_000)
        .map(|number| format!(r#"{{"cidrIp": "10.{}.{}.0/24"}}"#, number / 256 % 256, number % 256))
        .collect();
    let peers = peers.join(",");
    let wrapped = (0..12).fold(r#"{"Statement": []}"#.to_owned(), |text, _| {
        serde_json::Value::from(text).to_string()
    });
    vec![
        Hostile {
            what: "a policy nested as deep as it goes",
            text: format!("{}{}", r#"{"Statement": "#.repeat(5_000), "}".repeat(5_000)),
            sources: &["iam.statements(text)", "gcp.bindings(text)", "json(text)"],
        },
        Hostile { what: "JSON in JSON in JSON", text: wrapped, sources: &["iam.statements(text)"] },
        Hostile {
            what: "32,000 single ports",
            text: ports.join(","),
            sources: &[
                "net.ports(text).contains(net.ports(text))",
                "net.ports(text).intersects(net.ports(text))",
                "net.union([net.ports(text), net.ports(text)])",
                "net.open([network_rule{direction: ingress, ports: net.ports(text)}, network_rule{direction: ingress, action: deny, ports: net.ports(text)}], ingress)",
            ],
        },
        Hostile {
            what: "20,000 peers of one permission",
            text: format!(r#"{{"ipProtocol": "tcp", "ipRanges": {{"items": [{peers}]}}}}"#),
            sources: &["aws.permissions(json(text)).size()", "net.wide(json(text).ipRanges.items)"],
        },
        Hostile {
            what: "a list against itself",
            text: format!("[{}]", names()),
            sources: &[
                "sets.equivalent(json(text), json(text))",
                "sets.minus(json(text), json(text))",
                "sets.union(json(text), json(text))",
                "sets.contains(json(text).map(x, [x]), json(text).map(x, [x]))",
            ],
        },
    ]
}

/// Steps of work that a unit of fuel may stand for are bounded, so the clock is not asked: what
/// is not answered within the budget ends by it, and what is answered has paid for its size.
#[test]
fn hostile_input_is_answered_within_the_budget_or_ended_by_it() {
    let bench = Bench::new();
    let budget = Limits::default().fuel;
    for Hostile { what, text, sources } in hostile_policies().into_iter().chain(hostile_values()) {
        for source in sources {
            let (result, left) = bench.run(source, Val::Str(&text), budget);
            let ended = matches!(result, Err(EvalError::OutOfFuel));
            assert!(result.is_ok() || ended, "{what}, {source}: {}", show(&result));
            let paid = (budget - left) as usize;
            let least = text.len() / 256;
            assert!(ended || paid >= least, "{what}, {source}: {paid} for {} bytes", text.len());
        }
    }
}

/// Going back at every star costs the product of both lengths, here four million steps for each
/// pair: a budget that counted patterns alone would pay for all of them.
#[test]
fn patterns_are_paid_for_by_their_length() {
    let bench = Bench::new();
    let slow = slow_patterns();
    let source = "iam.public_actions(iam.statements(text))";
    let (result, _) = bench.run(source, Val::Str(&slow), Limits::default().fuel);
    assert_eq!(show(&result), "error: expression budget used up");
}

#[test]
fn policies_of_a_real_size_are_answered_within_the_budget() {
    let bench = Bench::new();
    // The largest that AWS keeps: 20 KB of a bucket's policy.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
    let statements: Vec<String> = (0..120)
        .map(|number| {
            let effect = if number % 3 == 0 { "Deny" } else { "Allow" };
            format!(
                r#"{{"Sid": "s{number}", "Effect": "{effect}", "Principal": {{"AWS": "arn:aws:iam::{number:012}:role/reader"}}, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::b/{number}/*"]}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"Statement": [{}]}}"#, statements.join(","));
    assert!(text.len() > 20 << 10, "{}", text.len());
    for source in POLICY_QUESTIONS {
        let (result, _) = bench.run(source, Val::Str(&text), Limits::default().fuel);
        assert!(result.is_ok(), "{source}: {}", show(&result));
    }
}
