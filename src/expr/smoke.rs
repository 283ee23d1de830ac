#![cfg(test)]
//! Expressions without resources: what they give.

use std::cell::Cell;

use bumpalo::Bump;

use crate::model::{FacetId, Handle, Schema, Timestamp, Type, Val};

use super::api::{Call, EvalError, Scope, Var, World};
use super::net;
use super::program::{Functions, Program};

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

fn check(source: &str, expected: &str) {
    let schema = Schema::default();
    let vars =
        [("u", Type::Dyn), ("gone", Type::Dyn), ("part", Type::Dyn), ("e.name", Type::String)];
    let vars = vars.map(|(name, ty)| Var { name: name.into(), ty }).to_vec();
    let scope = Scope { schema: &schema, vars, kind: None, expect: None };
    let functions = Functions::new(&[net::HOSTS]);
    let (program, _) = Program::compile(source, &scope, &functions)
        .unwrap_or_else(|issues| panic!("{source}: {issues:?}"));
    let arena = Bump::new();
    let fuel = Cell::new(10_000);
    let call =
        Call { arena: &arena, schema: &schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    let part = Val::List(crate::model::Seq { items: &[Val::Int(1), Val::Int(2)], whole: false });
    let result = program.eval(&[Val::Unknown, Val::Unsaid, part, Val::Str("x")], &call);
    let text = match result {
        Ok(value) => format!("{:?}", value.to_value()),
        Err(error @ EvalError::OutOfFuel) => error.to_string(),
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(text, expected, "{source}");
}

#[test]
fn expressions_give_what_they_say() {
    for (source, expected) in [
        ("1 + 2 * 3", "Int(7)"),
        ("[1,2,3].exists(x, x > 2)", "Bool(true)"),
        ("[1,2,3].map(x, x > 1, x * 2).size()", "Int(2)"),
        ("u && false", "Bool(false)"),
        ("u.a.b == none", "Unknown"),
        ("gone.a.b == none", "Bool(true)"),
        ("e.name + 'y'", "Str(\"xy\")"),
        ("part.exists(x, x == 2)", "Bool(true)"),
        ("part.exists(x, x == 3)", "Unknown"),
        ("3 in part", "Unknown"),
        ("net.ports('22,80-81').size()", "Int(3)"),
        ("net.range(0, 0, {zero: all}).contains(5)", "Bool(true)"),
        ("first(gone, 3)", "Int(3)"),
        ("gone.?x.orValue(4)", "Int(4)"),
        ("has(gone.x)", "Bool(false)"),
        ("'é' + 'a'", "Str(\"éa\")"),
        ("net.cidr('10.1.2.3/8')", "Str(\"10.0.0.0/8\")"),
        ("list(gone).size()", "Int(0)"),
        ("'abc'.matches('^a.c$')", "Bool(true)"),
        ("1 / 0", "error: division by zero"),
    ] {
        check(source, expected);
    }
}
