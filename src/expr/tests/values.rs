//! What expressions without resources give.

use std::cell::Cell;

use bumpalo::Bump;

use crate::expr::api::Scope;
use crate::expr::net;
use crate::expr::program::Functions;
use crate::model::{Schema, Seq, Timestamp, Type, Val};

use super::{Cloud, call_with, compiled, list_of, schema, vars, written};

fn check(cases: &[(&str, &str)]) {
    let schema = schema();
    for (source, expected) in cases {
        assert_eq!(evaluate(source, &schema, 10_000), *expected, "{source}");
    }
}

fn evaluate(source: &str, schema: &Schema, fuel: u32) -> String {
    let given = vars(&[
        ("u", Type::Dyn),
        ("gone", Type::Dyn),
        ("part", list_of(Type::Int)),
        ("event.name", Type::String),
        ("body", Type::Dyn),
        ("rule", Type::Record(schema.record_names["network_rule"])),
        ("now", Type::Time),
        ("gone_text", Type::String),
    ]);
    let scope = Scope { schema, vars: given, kind: None, expect: None };
    let mut functions = Functions::new(&[net::HOSTS]);
    functions.define("twice", &["x"], "x + x", &scope).expect("defines");
    functions.define("four.times", &["x"], "twice(twice(x))", &scope).expect("defines");
    functions.define("named", &["x"], "event.name + x", &scope).expect("defines");
    functions.define("block", &["c"], "s3_block{block_acls: c.A}", &scope).expect("defines");
    let program = compiled(source, &scope, &functions);
    let arena = Bump::new();
    let fuel = Cell::new(fuel);
    let world = Cloud::default();
    let call = call_with(&arena, schema, &world, &fuel);
    let part = Val::List(Seq { items: &[Val::Int(1), Val::Int(2)], whole: false });
    let body = Val::Map(&[
        ("port", Val::Int(22)),
        ("one", Val::Map(&[("id", Val::Str("i-1"))])),
        ("flag", Val::Bool(true)),
        ("text", Val::Str("Ab")),
        ("half", Val::Double(0.5)),
    ]);
    let mut fields = [Val::Unsaid; 7];
    (fields[0], fields[3]) = (Val::Str("ingress"), Val::Unknown);
    let fields = arena.alloc_slice_copy(&fields);
    let ty = schema.record_named("network_rule").expect("declared");
    let rule = Val::Record(crate::model::Rec { ty, fields });
    let now = Val::Time(Timestamp::from_seconds(1_767_225_600));
    let values = [Val::Unknown, Val::Unsaid, part, Val::Str("x"), body, rule, now, Val::Unsaid];
    written(program.eval(&values, &call))
}

#[test]
fn arithmetic_is_checked() {
    check(&[
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("1 / 0", "error: division by zero"),
        ("1 % 0", "error: division by zero"),
        ("9223372036854775807 + 1", "error: number too large"),
        ("-9223372036854775808 / -1", "error: number too large"),
        ("-(-9223372036854775808)", "error: number too large"),
        ("1.5 + 1.0", "2.5"),
        ("body.half + 1", "1.5"),
        ("'a' + 'é'", "'aé'"),
        ("'user/' + gone.name", "unsaid"),
        ("'user/' + u", "unknown"),
        ("[1] + [2]", "[1, 2]"),
        ("[0] + part", "[0, 1, 2, ...]"),
        ("body.text + body.port", "error: the operator is not defined for these values"),
    ]);
}

#[test]
fn numbers_are_compared_by_value() {
    check(&[
        ("1 == 1.0", "true"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("9223372036854775807 < 9223372036854775808.0", "true"),
        ("-1 < -0.5", "true"),
        ("'b' > 'a' && false < true", "true"),
        ("body.port == '22'", "false"),
        ("body.port < body.text", "error: these values have no order"),
    ]);
}

#[test]
fn unknown_passes_through_and_is_absorbed_by_logic() {
    check(&[
        ("u && false", "false"),
        ("false && u", "false"),
        ("u || true", "true"),
        ("u && true", "unknown"),
        ("u || false", "unknown"),
        ("!u", "unknown"),
        ("u == none", "unknown"),
        ("u.a.b", "unknown"),
        ("has(u.a)", "unknown"),
        ("u + 1", "unknown"),
        ("size(u)", "unknown"),
        ("first(u, 1)", "unknown"),
        ("first(1, u)", "1"),
        ("u ? 1 : 1", "1"),
        ("u ? 1 : 2", "unknown"),
        ("u ? 1 : 1 / 0", "unknown"),
        ("u ? none : unsaid", "unknown"),
        ("1 / 0 == 1 && false", "false"),
        ("true || 1 / 0 == 1", "true"),
        ("1 / 0 == 1 || false", "error: division by zero"),
        ("1 / 0 == 1 || u", "unknown"),
        ("[u, 1] == [2, 1]", "unknown"),
        ("[u, 1] == [u, 2]", "false"),
        ("1 in [u, 1]", "true"),
        ("2 in [u, 1]", "unknown"),
        ("u.exists(x, x)", "unknown"),
    ]);
}

#[test]
fn absence_is_no_error_and_counts_as_false() {
    check(&[
        ("gone.a.b", "unsaid"),
        ("gone == none", "true"),
        ("gone != 1", "true"),
        ("none == unsaid && null == none", "true"),
        ("gone < 1", "false"),
        ("gone ? 1 : 2", "2"),
        ("!gone", "true"),
        ("gone || true", "true"),
        ("gone && true", "false"),
        ("gone.startsWith('a')", "unsaid"),
        ("event.name.startsWith(gone)", "false"),
        ("gone.exists(x, x == 1)", "false"),
        ("gone.all(x, x == 1)", "true"),
        ("gone.map(x, x)", "[]"),
        ("1 in gone", "false"),
        ("has(gone.a)", "false"),
        ("has(body.port)", "true"),
        ("has(body.prt)", "false"),
        ("has(event.name)", "true"),
        ("first(gone, none, 3)", "3"),
        ("first(gone)", "unsaid"),
        ("list(gone)", "[]"),
        ("list(body.one).map(x, x.id)", "['i-1']"),
        ("list([1])", "[1]"),
        ("body.?port.orValue(1)", "22"),
        ("body.?prt.orValue(1)", "1"),
        ("body[?'prt'].hasValue()", "false"),
        ("[1, ?gone, ?body.port]", "[1, 22]"),
        ("{'a': 1, ?'b': gone}", "{a: 1}"),
        ("body.items[5]", "unsaid"),
        ("body.one[0].id", "'i-1'"),
        ("[1][?4]", "unsaid"),
        ("[1][4]", "error: index out of range"),
        ("list(body.none)[0]", "unsaid"),
        ("[].filter(x, x > 1).map(x, x + 1)", "[]"),
        ("[].map(x, x.a.b)", "[]"),
        ("-gone", "unsaid"),
        ("gone.size() > 0", "false"),
        ("gone_text + 'a'", "unsaid"),
    ]);
}

#[test]
fn partial_lists_tell_only_what_is_known() {
    check(&[
        ("part.exists(x, x == 2)", "true"),
        ("part.exists(x, x == 3)", "unknown"),
        ("part.all(x, x < 2)", "false"),
        ("part.all(x, x < 3)", "unknown"),
        ("part.exists_one(x, x == 1)", "unknown"),
        ("part.exists_one(x, x > 0)", "false"),
        ("part.size()", "unknown"),
        ("part == [1, 2]", "unknown"),
        ("2 in part", "true"),
        ("3 in part", "unknown"),
        ("part.map(x, x * 2)", "[2, 4, ...]"),
        ("part.filter(x, x > 1)", "[2, ...]"),
        ("part[0]", "unknown"),
        ("part[2]", "unknown"),
        ("[1, 2].filter(x, x == 1 || u)", "[1, ...]"),
        ("[1, 2, 3].map(x, x > 1, x * 10)", "[20, 30]"),
        ("[1, 2].exists(x, x / 0 == 1 || x == 2)", "true"),
        ("[0, 1].exists(x, 1 / x == 1)", "true"),
        ("[0, 1].exists(x, 1 / x == 2)", "error: division by zero"),
        ("[[1, 2], [3]].exists(x, x.exists(y, y == 3) && x.size() == 1)", "true"),
        ("{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", "true"),
    ]);
}

#[test]
fn texts_times_and_conversions() {
    check(&[
        ("'né'.size()", "2"),
        ("size('abc') == 3 && size([1]) == 1 && size({'a': 1}) == 1", "true"),
        ("'a,b,c'.split(',')", "['a', 'b', 'c']"),
        ("'a,b,c'.split(',', 2)", "['a', 'b,c']"),
        ("'né'.split('')", "['n', 'é']"),
        ("['a', 'b'].join('-')", "'a-b'"),
        ("'aba'.replace('a', 'cc')", "'ccbcc'"),
        ("'néa'.substring(1, 2)", "'é'"),
        ("'abc'.substring(4)", "error: place out of range"),
        ("'néa'.indexOf('a')", "2"),
        ("'néa'.charAt(1) + 'né'.reverse()", "'één'"),
        ("body.text.lowerAscii() + lower(' A').trim()", "'aba'"),
        ("'i-0a1'.matches('^i-[0-9a-f]+$') && !body.text.matches('^a')", "true"),
        ("int('22') + int(1.9) + int(-1.9)", "22"),
        ("string(22) + string(1.5) + string(true)", "'221.5true'"),
        ("bool('True') && !bool('false')", "true"),
        ("type(1) + type('a') + type([])", "'intstringlist'"),
        ("duration('1h30m') == duration('90m')", "true"),
        ("string(duration('90.5s'))", "'90.5s'"),
        ("now - duration('1d') < timestamp('2026-01-01T00:00:00Z')", "true"),
        ("now == timestamp('2026-01-01T08:00:00+08:00')", "true"),
        ("now.getFullYear() * 100 + now.getMonth()", "202600"),
        ("(now - timestamp('2025-12-31T22:00:00Z')).getHours()", "2"),
        ("json('{\"a\": [1, null, \"x\"]}').a[2]", "'x'"),
        ("json('{')", "unsaid"),
        ("json(body).port", "22"),
    ]);
}

#[test]
fn records_words_and_functions() {
    check(&[
        (
            "network_rule{direction: egress}",
            "('egress', unsaid, unsaid, unsaid, unsaid, unsaid, unsaid)",
        ),
        (
            "network_rule{direction: body.flag ? egress : ingress, protocol: tcp, \
             peers: [any], enabled: !gone, action: first(gone, deny)}",
            "('egress', 'deny', 'tcp', unsaid, ['any'], unsaid, true)",
        ),
        ("network_rule{ports: all}.ports", "<all>"),
        ("network_rule{direction: body.port}", "error: a field's value is not of its type"),
        ("network_rule{direction: body.text}", "error: a field's value is not of its type"),
        ("network_rule{direction: lower('INGRESS')} == network_rule{direction: ingress}", "true"),
        ("network_rule{priority: gone.x, enabled: none}.enabled == none", "true"),
        ("rule.direction == ingress && egress != rule.direction", "true"),
        ("rule.direction in [ingress, egress]", "true"),
        ("rule.ports.contains(22)", "unknown"),
        ("has(rule.action)", "false"),
        ("block({}) == block({})", "true"),
        ("block({'A': true}).block_acls", "true"),
        ("four.times('a') + named('b')", "'aaaaxb'"),
        ("[1, 2].map(x, twice(x)).map(x, x + 1)", "[3, 5]"),
    ]);
}

#[test]
fn the_deepest_expressions_fit_the_stack_of_a_thread() {
    let schema = schema();
    let sum = format!("1{}", "+1".repeat(125));
    assert_eq!(evaluate(&sum, &schema, 10_000), "126");
    let mapped = format!("[1]{}", ".map(x,x)".repeat(60));
    assert_eq!(evaluate(&mapped, &schema, 10_000), "[1]");
    let given = vars(&[("x", Type::Dyn)]);
    let scope = Scope { schema: &schema, vars: given, kind: None, expect: None };
    let mut functions = Functions::default();
    let mut body = "[x].map(y, y)[0]".to_owned();
    let mut calls = 0;
    while functions.define(&format!("f{calls}"), &["y"], &body, &scope).is_ok() {
        body = format!("[y].map(z, f{calls}(z))[0]");
        calls += 1;
    }
    let program = compiled(&format!("f{}(x)", calls - 2), &scope, &functions);
    let (arena, fuel, world) = (Bump::new(), Cell::new(10_000), Cloud::default());
    let call = call_with(&arena, &schema, &world, &fuel);
    assert!(calls > 20);
    assert_eq!(written(program.eval(&[Val::Int(7)], &call)), "7");
}

#[test]
fn an_evaluation_stops_when_its_budget_is_used_up() {
    let schema = schema();
    let nested = "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8]\
                  .all(c, [1,2,3,4,5,6,7,8].all(d, a + b + c + d < body.port * 2))))";
    assert_eq!(evaluate(nested, &schema, 1_000), "error: expression budget used up");
    assert_eq!(evaluate(nested, &schema, 100_000), "true");
    let doubled = "twice(twice(twice(twice(twice(twice(twice(twice(twice(twice(\
                   twice(twice(twice(twice(twice(twice('aaaaaaaaaaaaaaaa'))))))))))))))))";
    assert_eq!(evaluate(doubled, &schema, 10_000), "error: expression budget used up");
}
