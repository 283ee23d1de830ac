//! What an evaluation says with less knowledge never contradicts what it says with more, and no
//! text brings the compiler down.

#[path = "support/grow.rs"]
mod grow;

use std::cell::Cell;

use bumpalo::Bump;
use driftline::expr::{Call, Functions, Program, Scope, Var, World};
use driftline::model::{FacetId, Handle, Schema, Seq, Timestamp, Type, Val, Value};
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

const KNOWN: [Val<'static>; 7] = [
    Val::Int(3),
    Val::Bool(true),
    Val::Str("ab"),
    Val::list(&[Val::Int(1), Val::Int(2), Val::Int(3)]),
    Val::list(&[Val::Str("a"), Val::Str("b")]),
    Val::Map(&[("a", Val::Int(1)), ("b", Val::Int(5))]),
    Val::Double(2.5),
];

/// What may be known of each instead: parts of lists, members of maps.
const LESS: [Val<'static>; 7] = [
    Val::Unknown,
    Val::Unknown,
    Val::Unknown,
    Val::List(Seq { items: &[Val::Int(1), Val::Int(3)], whole: false }),
    Val::list(&[Val::Unknown, Val::Str("b")]),
    Val::Map(&[("a", Val::Unknown), ("b", Val::Int(5))]),
    Val::Unknown,
];

fn evaluate(source: &str, values: &[Val<'static>]) -> Result<Value, String> {
    let schema = Schema::default();
    let declared = [
        ("n", Type::Int),
        ("flag", Type::Bool),
        ("text", Type::String),
        ("numbers", Type::List(Type::Int.into())),
        ("texts", Type::List(Type::String.into())),
        ("counts", Type::Map(Type::Int.into())),
        ("ratio", Type::Double),
    ];
    let vars = declared.map(|(name, ty)| Var { name: name.into(), ty }).to_vec();
    let scope = Scope { schema: &schema, vars, kind: None, expect: None };
    let (program, _) =
        Program::compile(source, &scope, &Functions::default()).expect("grown to be well typed");
    let (arena, fuel) = (Bump::new(), Cell::new(u32::MAX));
    let call =
        Call { arena: &arena, schema: &schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    let result = program.eval(values, &call).map_err(|error| error.to_string())?;
    Ok(result.to_value())
}

/// Whether what was said with less knowledge leaves room for what is said with more.
fn allows(less: &Value, more: &Value) -> bool {
    match (less, more) {
        (Value::Unknown, _) => true,
        (Value::List(a, true), Value::List(b, true)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| allows(a, b))
        }
        (Value::List(a, false), Value::List(b, true)) => {
            a.len() <= b.len() && a.iter().all(|a| b.iter().any(|b| allows(a, b)))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && allows(&a.1, &b.1))
        }
        // Not-a-number is itself here.
        (Value::Double(a), Value::Double(b)) if a.is_nan() => b.is_nan(),
        (less, more) => less == more,
    }
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the number of cases is the tester's choice")]
    let asked = std::env::var("DRIFTLINE_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn less_knowledge_never_contradicts_more(
        sort in 0..grow::SORTS.len(),
        bytes in proptest::collection::vec(any::<u8>(), 1..160),
        unknown in 1_u8..128,
        whole in any::<bool>(),
    ) {
        let source = grow::grow(sort, &bytes);
        let mut values = KNOWN;
        for (place, value) in values.iter_mut().enumerate() {
            if unknown & (1 << place) != 0 {
                *value = if whole { Val::Unknown } else { LESS[place] };
            }
        }
        if let Ok(more) = evaluate(&source, &KNOWN) {
            let less = evaluate(&source, &values);
            let fine = less.as_ref().is_ok_and(|less| allows(less, &more));
            prop_assert!(fine, "`{}`: {:?} with less, {:?} with more", source, less, more);
        }
    }

    #[test]
    fn any_text_compiles_or_is_refused_at_a_place_within_it(
        text in prop_oneof![
            "\\PC{0,40}",
            proptest::collection::vec(proptest::sample::select(TOKENS), 0..24)
                .prop_map(|tokens| tokens.concat()),
            (0..grow::SORTS.len(), proptest::collection::vec(any::<u8>(), 1..60), 0_usize..80)
                .prop_map(|(sort, bytes, cut)| {
                    let mut text = grow::grow(sort, &bytes);
                    while !text.is_char_boundary(cut.min(text.len())) {
                        text.pop();
                    }
                    text.truncate(cut.min(text.len()));
                    text
                }),
        ],
    ) {
        let schema = Schema::default();
        let vars = vec![Var { name: "a".into(), ty: Type::Dyn }];
        let scope = Scope { schema: &schema, vars, kind: None, expect: None };
        if let Err(issues) = Program::compile(&text, &scope, &Functions::default()) {
            prop_assert!(!issues.is_empty());
            for issue in issues {
                prop_assert!(text.get(issue.range.clone()).is_some(), "{:?}", issue);
            }
        }
    }
}

/// Pieces that make almost-expressions.
const TOKENS: &[&str] = &[
    "a",
    ".",
    "b",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "+",
    "-",
    "!",
    "&&",
    "||",
    "==",
    "<",
    " in ",
    "1",
    "1u",
    "0x",
    "1e",
    "\'",
    "\"",
    "'x'",
    "r'",
    "b'x'",
    "'\\u12'",
    "//",
    "\n",
    " ",
    ".map(",
    ".exists(x, ",
    "has(",
    "size(",
    "null",
    "true",
    "`",
    "é",
    "\u{0}",
    "@",
    "_",
    ".?",
    "[?",
    "all(x, x)",
    ".all(",
    "first(",
    "matches('('",
    "%",
    "*",
    ";",
    "\\",
    "for",
    "if",
    "T{",
    "x.y{",
];
