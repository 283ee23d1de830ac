//! Faults are found at load, at their place, with a way out.

use crate::expr::api::{Level, Scope};
use crate::expr::net;
use crate::expr::program::{Functions, Program};
use crate::expr::types::parse_type;
use crate::model::{Schema, Type};

use super::{list_of, refused, schema, scope_of, vars};

fn detector(schema: &Schema) -> Scope<'_> {
    let mut scope = scope_of(schema, "network.security_group");
    scope.vars.extend(vars(&[
        ("event.name", Type::String),
        ("params.allowed_ports", Type::Ports),
        ("item", Type::Record(schema.record_names["network_rule"])),
        ("request", Type::Dyn),
    ]));
    scope
}

/// Source, the text the issue points at, its message, its hint.
const FAULTS: [(&str, &str, &str, &str); 38] = [
    ("rulse.size() > 0", "rulse", "unknown name `rulse`", "did you mean `rules`?"),
    ("event.nme == 'x'", "nme", "unknown name `event.nme`", "did you mean `event.name`?"),
    (
        "self.rulez == []",
        "rulez",
        "`network.security_group` has no facet `rulez`",
        "did you mean `rules`?",
    ),
    ("item.port.size() > 1", "port", "`network_rule` has no field `port`", "did you mean `ports`?"),
    ("item.direction == ingres", "ingres", "unknown word `ingres`", "did you mean `ingress`?"),
    ("item.direction == 'in'", "'in'", "unknown word `in`", "one of `ingress`, `egress`"),
    ("item.protocol == tpc", "tpc", "unknown word `tpc`", "did you mean `tcp`?"),
    (
        "net.opns(item, rules, tcp, 22)",
        "opns",
        "unknown function `net.opns`",
        "did you mean `net.opens`?",
    ),
    ("foo(1)", "foo", "unknown function `foo`", ""),
    (
        "item.ports.intersect(world)",
        "intersect",
        "unknown method `intersect`",
        "did you mean `intersects`?",
    ),
    ("net.open(rules)", "open", "`net.open` takes 2 arguments, not 1", ""),
    ("world.intersects()", "intersects", "`intersects` takes 1 argument, not 0", ""),
    ("twice(1, 2)", "twice", "`twice` takes 1 argument, not 2", ""),
    (
        "net.open(world, ingress)",
        "world",
        "`rules` of `net.open` must be list<network_rule>, not ports",
        "",
    ),
    ("world.contains('22')", "contains", "`contains` is not defined for ports, string", ""),
    ("net.ports('22,ssh')", "'22,ssh'", "`22,ssh` is no list of ports", ""),
    ("net.cidr('10.0.0.0/33')", "'10.0.0.0/33'", "`10.0.0.0/33` is no CIDR", ""),
    ("timestamp('yesterday')", "'yesterday'", "`yesterday` is no RFC 3339 timestamp", ""),
    ("duration('1 day')", "'1 day'", "`1 day` is no duration (`90s`, `1h30m`)", ""),
    ("item.priority == 'x'", "==", "int cannot be compared with string by `==`", ""),
    ("world < 3", "<", "ports cannot be compared with int by `<`", ""),
    ("1 in 'abc'", "in", "int cannot be `in` string", ""),
    ("'a' + 1", "+", "`+` is not defined for string and int", "`string(x)` makes text of a number"),
    ("world + world", "+", "`+` is not defined for ports and ports", ""),
    ("-event.name", "-", "`-` is not defined for string", ""),
    ("item && true", "item", "a condition must be bool, not network_rule", ""),
    ("rules.exists(r, r.priority)", "priority", "a condition must be bool, not int", ""),
    (
        "rules.ports",
        "ports",
        "list<network_rule> has no member `ports`",
        "`.map(x, x.ports)` or `[0].ports`",
    ),
    ("world.exists(p, p > 1)", "world", "only a list can be gone through, not ports", ""),
    ("rules['a']", "'a'", "an index must be int, not string", ""),
    ("event.name[0]", "[", "string cannot be indexed", ""),
    (
        "network_rul{}",
        "network_rul",
        "unknown record `network_rul`",
        "did you mean `network_rule`?",
    ),
    (
        "network_rule{port: world}",
        "world",
        "`network_rule` has no field `port`",
        "did you mean `ports`?",
    ),
    ("network_rule{ports: 22}", "22", "field `ports` must be ports, not int", ""),
    ("event.name.matches('(')", "'('", "the regular expression does not parse: unclosed group", ""),
    ("event.name.matches(request.x)", "x", "a regular expression must be a literal text", ""),
    ("true ? 'a' : 1", "?", "the alternatives differ: string and int", ""),
    ("1u == 1", "1u", "there are no unsigned numbers here", "write `1`"),
];

#[test]
fn a_fault_is_found_at_its_place() {
    let schema = schema();
    let scope = detector(&schema);
    let mut functions = Functions::new(&[net::HOSTS]);
    functions.define("twice", &["x"], "x + x", &scope).expect("defines");
    for (source, place, message, hint) in FAULTS {
        let issues = refused(source, &scope, &functions);
        let error = issues.iter().find(|issue| issue.level == Level::Error);
        let error = error.expect("at least one error");
        assert!(error.message.starts_with(message), "{source}: {issues:?}");
        assert_eq!(&source[error.range.clone()], place, "{source}: {issues:?}");
        assert_eq!(error.hint.as_deref().unwrap_or(""), hint, "{source}");
    }
}

#[test]
fn several_faults_are_told_at_once_in_the_order_of_the_text() {
    let schema = schema();
    let scope = detector(&schema);
    let source = "é == 1 || rulse.size() > 0 || item.prority == tcp || net.open(rules, 3).empty()";
    let source = source.replace('é', "'é'");
    let issues = refused(&source, &scope, &Functions::new(&[net::HOSTS]));
    let places: Vec<_> = issues.iter().map(|issue| &source[issue.range.clone()]).collect();
    assert_eq!(places, ["==", "rulse", "prority", "tcp", "3"], "{issues:?}");
}

#[test]
fn the_result_must_be_of_the_type_expected() {
    let schema = schema();
    let enumeration = Type::Enum(["high".into(), "low".into()].into());
    for (source, expect, fine) in [
        ("rules.size()", Type::Bool, false),
        ("rules.size() > 0", Type::Bool, true),
        ("request.x", Type::Bool, true),
        ("true", Type::String, false),
        ("none", Type::Ports, true),
        ("[]", list_of(Type::String), true),
        ("[1]", list_of(Type::String), false),
        ("high", enumeration.clone(), true),
        ("request.x ? low : high", enumeration.clone(), true),
        ("hihg", enumeration, false),
        ("request.id", Type::Resource(schema.kind_names["network.subnet"]), true),
        ("'sn-1'", Type::Resource(schema.kind_names["network.subnet"]), true),
        ("1", Type::Resource(schema.kind_names["network.subnet"]), false),
    ] {
        let mut scope = detector(&schema);
        scope.expect = Some(expect.clone());
        let result = Program::compile(source, &scope, &Functions::new(&[net::HOSTS]));
        assert_eq!(result.is_ok(), fine, "{source} as {expect:?}: {result:?}");
    }
}

#[test]
fn what_never_changes_is_warned_of() {
    let schema = schema();
    let scope = detector(&schema);
    for (source, place) in [
        ("true ? 1 : 2", Some("true")),
        ("event.name == 'a' || false", Some("false")),
        ("1 == 2", Some("==")),
        ("event.name == 'a' || world.empty()", None),
    ] {
        let result = Program::compile(source, &scope, &Functions::new(&[net::HOSTS]));
        let (_, issues) = result.expect("compiles");
        let found = issues.first().map(|issue| (issue.level, &source[issue.range.clone()]));
        assert_eq!(found, place.map(|place| (Level::Warning, place)), "{source}");
    }
}

#[test]
fn a_function_may_call_earlier_ones_only() {
    let schema = schema();
    let scope = detector(&schema);
    let mut functions = Functions::new(&[net::HOSTS]);
    assert!(functions.define("a", &["x"], "a(x)", &scope).is_err());
    assert!(functions.define("a", &["x"], "b(x)", &scope).is_err());
    assert!(functions.define("b", &["x"], "x", &scope).is_ok());
    assert!(functions.define("a", &["x"], "b(x)", &scope).is_ok());
}

#[test]
fn texts_too_long_or_too_deep_are_refused_and_never_overflow() {
    let schema = schema();
    let scope = detector(&schema);
    let mut functions = Functions::new(&[net::HOSTS]);
    for source in [
        "(".repeat(4_000),
        format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("1{}", "+1".repeat(5_000)),
        format!("request{}", ".a".repeat(5_000)),
        format!("request{}", "[0]".repeat(4_000)),
        format!("{}true", "true?true:".repeat(900)),
        "a".repeat(1 << 20),
        format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000)),
        format!("request{}", ".map(x,x)".repeat(1_500)),
        String::new(),
        "\u{0}".into(),
        "'".into(),
        "\"\\u\"".into(),
    ] {
        let result = Program::compile(&source, &scope, &functions);
        assert!(result.is_err(), "{}", &source[..source.len().min(40)]);
    }
    // What is let through fits the stack of a thread.
    for source in [
        format!("1{}", "+1".repeat(125)),
        format!("request{}", ".a".repeat(125)),
        format!("{}1{}", "(".repeat(90), ")".repeat(90)),
        format!("{}1{}", "[".repeat(90), "]".repeat(90)),
        format!("{}true", "!".repeat(9_001)),
        format!("{}1", "true?1:".repeat(60)),
        format!("request{}", "[0]".repeat(120)),
        format!("request{}", ".map(x,x)".repeat(60)),
        vec!["request.a.b == 'x'"; 500].join(" || "),
    ] {
        let result = Program::compile(&source, &scope, &functions);
        assert!(result.is_ok(), "{}: {result:?}", &source[..source.len().min(40)]);
    }
    // Functions calling functions add up.
    let mut body = "x".to_owned();
    let mut refused = false;
    for depth in 0..200 {
        let name = format!("f{depth}");
        refused |= functions.define(&name, &["x"], &body, &scope).is_err();
        body = format!("{name}({name}(x))");
    }
    assert!(refused);
}

#[test]
fn types_are_read_as_content_writes_them() {
    let schema = schema();
    let network = |name: &str| Type::Resource(schema.kind_names[name]);
    for (text, expected) in [
        ("bool", Some(Type::Bool)),
        ("json", Some(Type::Dyn)),
        ("set<ref network.subnet>", Some(list_of(network("network.subnet")))),
        ("map<list<int>>", Some(Type::Map(list_of(Type::Int).into()))),
        ("one account.settings", Some(network("account.settings"))),
        ("back network.public_ip.bindings.interface", Some(list_of(network("network.public_ip")))),
        ("route", Some(Type::Record(schema.record_names["route"]))),
        ("network.subnet", Some(network("network.subnet"))),
        ("list<strng>", None),
        ("list<int", None),
        ("ref network.subnt", None),
        ("", None),
    ] {
        assert_eq!(parse_type(text, &schema).ok(), expected, "{text}");
    }
    assert_eq!(
        parse_type("ref network.subnt", &schema).map_err(|issue| issue.hint),
        Err(Some("did you mean `network.subnet`?".into()))
    );
}

#[test]
fn what_does_not_parse_is_told_in_plain_words() {
    let schema = schema();
    let scope = detector(&schema);
    for (source, place, message, hint) in [
        ("request.a ==", "", "the expression ends too early", ""),
        ("(1 + 2", "", "`)` is missing here", ""),
        ("request.a and true", "a", "`and` is not expected here", "write `&&`"),
        ("request.a = 'x'", "=", "`=` is no part of the language", "write `==`"),
        ("1 + ) + 2", ")", "`)` is not expected here", ""),
        (
            "'abc",
            "'",
            "`'abc` is no part of the language",
            "a text ends with the quote it begins with",
        ),
    ] {
        let issues = refused(source, &scope, &Functions::new(&[net::HOSTS]));
        let first = &issues[0];
        assert_eq!(first.message, message, "{source}: {issues:?}");
        assert_eq!(&source[first.range.clone()], place, "{source}: {issues:?}");
        assert_eq!(first.hint.as_deref().unwrap_or(""), hint, "{source}");
    }
}
