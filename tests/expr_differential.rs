//! Random well-typed expressions give the same in our evaluator and in the `cel` crate's.
//!
//! Without unknowns and absences ours is plain CEL, so the crate is an oracle: where it gives a
//! value, ours gives that value; where it fails, ours fails. `DRIFTLINE_CASES` raises the number
//! of cases; a failure prints the shrunk expression.

#[path = "support/grow.rs"]
mod grow;

use std::cell::Cell;
use std::fmt::Write as _;

use bumpalo::Bump;
use driftline::expr::{Call, Functions, Program, Scope, Var, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Type, Val, Value};
use proptest::prelude::*;

/// Cases of an ordinary run.
const CASES: u32 = 2_500;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// What ours gives; `Err` with the reason where it fails.
fn ours(source: &str, typed: bool) -> Result<String, String> {
    let schema = Schema::default();
    let declared = [
        ("n", Type::Int),
        ("flag", Type::Bool),
        ("text", Type::String),
        ("numbers", Type::List(Type::Int.into())),
        ("texts", Type::List(Type::String.into())),
        ("counts", Type::Map(Type::Int.into())),
    ];
    // Lists keep their type: an index out of range is unsaid in a body, and an error in CEL.
    let kept = |ty: Type| if typed || matches!(ty, Type::List(_)) { ty } else { Type::Dyn };
    let vars = declared.map(|(name, ty)| Var { name: name.into(), ty: kept(ty) });
    let scope = Scope { schema: &schema, vars: vars.to_vec(), kind: None, expect: None };
    let compiled = Program::compile(source, &scope, &Functions::default());
    let (program, _) = compiled.expect("generated expressions are well typed");
    let (arena, fuel) = (Bump::new(), Cell::new(u32::MAX));
    let call =
        Call { arena: &arena, schema: &schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    let values = [
        Val::Int(3),
        Val::Bool(true),
        Val::Str("ab"),
        Val::list(&[Val::Int(1), Val::Int(2), Val::Int(3)]),
        Val::list(&[Val::Str("a"), Val::Str("né")]),
        Val::Map(&[("a", Val::Int(1)), ("b", Val::Int(5))]),
    ];
    let result = program.eval(&values, &call).map_err(|error| error.to_string())?;
    Ok(written(&result.to_value()))
}

fn written(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::List(items, true) => {
            items.iter().fold("[".into(), |text, item| format!("{text}{},", written(item)))
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.iter().fold("{".into(), |mut text, (key, value)| {
                let _ = write!(text, "{key}:{},", written(value));
                text
            })
        }
        other => format!("not CEL: {other:?}"),
    }
}

/// What the crate gives.
fn theirs(source: &str) -> Result<String, String> {
    let env = std::sync::Arc::new(cel::Env::stdlib());
    let program = env.compile(source).map_err(|errors| errors.to_string())?;
    let mut context = cel::Context::with_env(env);
    context.add_variable_from_value("n", 3_i64);
    context.add_variable_from_value("flag", true);
    context.add_variable_from_value("text", "ab");
    context.add_variable_from_value("numbers", vec![1_i64, 2, 3]);
    context.add_variable_from_value("texts", vec!["a", "né"]);
    let counts = std::collections::HashMap::from([("a", 1_i64), ("b", 5)]);
    context.add_variable_from_value("counts", counts);
    let result = program.execute(&context).map_err(|error| error.to_string())?;
    Ok(spelled(&result))
}

fn spelled(value: &cel::Value) -> String {
    match value {
        cel::Value::Bool(truth) => truth.to_string(),
        cel::Value::Int(number) => number.to_string(),
        cel::Value::String(text) => format!("{text:?}"),
        cel::Value::List(items) => {
            items.iter().fold("[".into(), |text, item| format!("{text}{},", spelled(item)))
        }
        cel::Value::Map(map) => {
            let mut entries: Vec<_> = map.map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            entries.iter().fold("{".into(), |mut text, (key, value)| {
                if let cel::objects::Key::String(key) = key {
                    let _ = write!(text, "{key}:{},", spelled(value));
                }
                text
            })
        }
        other => format!("unexpected: {other:?}"),
    }
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the number of cases is the tester's choice")]
    let asked = std::env::var("DRIFTLINE_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

#[test]
fn random_expressions_give_what_the_cel_crate_gives() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() };
    let counts = Cell::new((0_u32, 0_u32));
    let bytes = proptest::collection::vec(any::<u8>(), 1..160);
    let result = proptest::test_runner::TestRunner::new(config).run(
        &(0..grow::SORTS.len(), bytes),
        |(sort, bytes)| {
            let source = grow::grow(sort, &bytes);
            let theirs = theirs(&source);
            for typed in [true, false] {
                let ours = ours(&source, typed);
                prop_assert_eq!(
                    ours.as_ref().ok(),
                    theirs.as_ref().ok(),
                    "`{}`: ours {:?}, theirs {:?}",
                    source,
                    ours,
                    theirs
                );
            }
            let (values, failures) = counts.get();
            let fine = u32::from(theirs.is_ok());
            counts.set((values + fine, failures + 1 - fine));
            Ok(())
        },
    );
    match result {
        Ok(()) => {}
        Err(proptest::test_runner::TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(failure) => panic!("{failure}"),
    }
    let (values, failures) = counts.get();
    println!("{values} values and {failures} failures agree");
    assert!(values > failures && failures > 0, "{values} values, {failures} failures");
}

#[test]
fn expressions_that_once_differed_agree() {
    for source in ["[1, 2].exists(x, x / 0 == 1 || x == 2)", "true || 1 / 0 == 1"] {
        assert_eq!(ours(source, true).ok(), theirs(source).ok(), "{source}");
    }
}
