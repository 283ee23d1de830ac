//! What can never be otherwise is warned of at load, and loops that could use up the budget are
//! refused.

use crate::expr::api::{Level, Scope};
use crate::expr::net;
use crate::expr::program::{Functions, Program};
use crate::model::{Schema, Type};

use super::{list_of, schema, scope_of, vars};

fn scope(schema: &Schema) -> Scope<'_> {
    let mut scope = scope_of(schema, "network.security_group");
    scope.vars.extend(vars(&[
        ("n", Type::Int),
        ("name", Type::String),
        ("flag", Type::Bool),
        ("request", Type::Dyn),
        ("params.ports", list_of(Type::Int)),
    ]));
    scope
}

/// Every issue of a text, as level, place and message.
fn issues(source: &str) -> Vec<(Level, String, String)> {
    let schema = schema();
    let scope = scope(&schema);
    let functions = Functions::new(&[net::HOSTS]);
    let issues = match Program::compile(source, &scope, &functions) {
        Ok((_, issues)) | Err(issues) => issues,
    };
    let told =
        |issue: crate::expr::Issue| (issue.level, source[issue.range].to_owned(), issue.message);
    issues.into_iter().map(told).collect()
}

#[test]
fn a_condition_that_is_always_the_same_is_warned_of_once() {
    for (source, place, message) in [
        ("1 + 1 == 2 && flag", "==", "this is always true"),
        ("flag || 'abc'.contains('d')", "contains", "this is always false"),
        ("[1, 2].exists(x, x > 1)", "(", "this is always true"),
        ("cel.bind(x, 2, x > 1)", "bind", "this is always true"),
        ("duration('1h') > duration('59m')", ">", "this is always true"),
        ("timestamp('2026-01-01T00:00:00Z').getFullYear() == 2025", "==", "this is always false"),
        ("flag && 1 / 0 == 1", "/", "this always fails: division by zero"),
        ("'abc'.substring(9) == name", "substring", "this always fails: place out of range"),
        ("name == name", "==", "both sides are the same"),
        ("rules.size() < rules.size()", "<", "both sides are the same"),
        ("name in []", "in", "nothing is in an empty list"),
        ("rules.size() >= 0", ">=", "a size is never below zero: this is always true"),
        ("0 > rules.size()", ">", "a size is never below zero: this is always false"),
        ("flag && n > 0 && !flag", "&&", "a condition and its opposite: this is always false"),
        ("!(n > 0) || n > 0", "||", "a condition and its opposite: this is always true"),
        ("flag && flag", "&&", "the same condition stands here twice"),
        (
            "name != 'a' || name != 'b'",
            "||",
            "every value differs from one of the two: this is always true (write `&&`)",
        ),
        (
            "name == 'a' && flag && 'b' == name",
            "&&",
            "one value cannot be both: this is always false",
        ),
        ("n > 10 && n < 5", "&&", "no number is in both ranges: this is always false"),
        ("n == 10 && 5 >= n", "&&", "no number is in both ranges: this is always false"),
        ("n > 5 || n < 10", "||", "every number is in one of the ranges: this is always true"),
    ] {
        let found = issues(source);
        let expected = [(Level::Warning, place.to_owned(), message.to_owned())];
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn conditions_that_may_go_either_way_are_not_warned_of() {
    for source in [
        "name == 'a' || name == 'b'",
        "name != 'a' && name != 'b'",
        "n > 5 && n < 10",
        "n < 5 || n > 10",
        "n == 5 || n == 6",
        "rules.size() > 0",
        "rules.size() == 0 || flag",
        "rules.exists(r, r.enabled) && rules.exists(r, !r.enabled)",
        "rules.exists(r, r.priority > 1 && rules.size() > 1)",
        "request.a == request.b",
        "first(name, 'a') == 'a'",
        "name in ['a', 'b']",
    ] {
        assert_eq!(issues(source), [], "{source}");
    }
}

#[test]
fn loops_over_sets_inside_loops_over_sets_are_refused() {
    let refused = [
        "rules.exists(a, rules.exists(b, a.priority < b.priority))",
        "rules.map(a, rules.filter(b, b == a)).size() > 0",
        "request.a.exists(x, request.b.exists(y, x == y))",
        "rules.exists(a, a.priority in rules.map(b, b.priority))",
        "rules.exists(i, a, rules.exists(j, b, i != j && a == b))",
        "cel.bind(all, rules, all.exists(a, all.exists(b, a == b)))",
        "rules.exists(r, net.open(rules, ingress).contains(22))",
    ];
    for source in refused {
        let found = issues(source);
        let [(Level::Error, _, message)] = &*found else { panic!("{source}: {found:?}") };
        let fine = message.starts_with("2 loops over sets of up to 2,000 elements")
            && message.ends_with("steps, and an evaluation has 100,000");
        assert!(fine, "{source}: {message}");
    }
}

#[test]
fn loops_whose_worst_case_is_small_are_not_refused() {
    for source in [
        "rules.exists(r, r.peers.exists(p, p == 'any'))",
        "rules.exists(r, r.peers.exists(p, p in ['a', 'b']))",
        "rules.exists(r, r.priority in params.ports)",
        "request.a.exists(x, x.b.exists(y, y.c.exists(z, z == 1)))",
        "[22, 3389].exists(p, rules.exists(r, r.ports.contains(p)))",
        "rules.exists(a, a.enabled) && rules.all(b, b.enabled)",
        "rules.filter(a, a.enabled).map(a, a.ports).exists(p, p.contains(22))",
    ] {
        assert_eq!(issues(source), [], "{source}");
    }
}

#[test]
fn a_functions_loop_is_weighed_where_it_is_called() {
    let schema = schema();
    let scope = scope(&schema);
    let mut functions = Functions::new(&[net::HOSTS]);
    functions
        .define("meet", &["a", "b"], "a.exists(x, b.exists(y, x == y))", &scope)
        .expect("defines");
    let compile = |source: &str| Program::compile(source, &scope, &functions);
    assert!(compile("meet(request.a, ['x', 'y'])").is_ok());
    assert!(compile("meet(request.a, request.b)").is_err());
}

#[test]
fn a_facet_that_only_another_kind_has_is_told_with_that_kind() {
    let schema = schema();
    let scope = scope(&schema);
    let issues = super::refused("default_version == 'v1'", &scope, &Functions::default());
    assert_eq!(
        issues[0].hint.as_deref(),
        Some("`network.security_group` has no such facet, `identity.policy` has")
    );
}
