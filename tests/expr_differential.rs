//! Random well-typed expressions over random values give the same in our evaluator and in the
//! `cel` crate's.
//!
//! Without unknowns and absences ours is plain CEL, so the crate is an oracle: where it gives a
//! value, ours gives that value; where it fails, ours fails. A case is one expression over one
//! set of values. `DRIFTLINE_CASES` sets their number, `DRIFTLINE_SEED` repeats a run; a failure
//! prints the seed and the shrunk expression.

#![allow(clippy::panic, reason = "what is grown is well typed, or the test has nothing to say")]

#[path = "support/grow.rs"]
mod grow;

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;

use bumpalo::Bump;
use driftline::expr::{Call, Functions, Issue, Level, Program, Scope, Var, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Type, Val, Value};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

/// The seed of an ordinary run: what passed once passes again. `DRIFTLINE_SEED` looks elsewhere.
const SEED: u64 = 20_261_125;

/// Cases of an ordinary run.
const CASES: u32 = 100_000;

/// Sets of values that every expression is evaluated over.
const ROUNDS: usize = 10;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// One set of values for the variables.
struct Round {
    n: i64,
    flag: bool,
    text: &'static str,
    numbers: &'static [i64],
    texts: &'static [&'static str],
    counts: (i64, i64),
    ratio: f64,
}

const fn round(
    (n, flag, text): (i64, bool, &'static str),
    (numbers, texts): (&'static [i64], &'static [&'static str]),
    (a, b, ratio): (i64, i64, f64),
) -> Round {
    Round { n, flag, text, numbers, texts, counts: (a, b), ratio }
}

const VALUES: [Round; ROUNDS] = [
    round((3, true, "ab"), (&[1, 2, 3], &["a", "né"]), (1, 5, 2.5)),
    round((0, false, ""), (&[], &[]), (0, 0, 0.0)),
    round((-1, true, "né"), (&[0], &["", "ab"]), (-1, 2, -0.5)),
    round((i64::MAX, false, "a"), (&[i64::MAX, 1], &["b", "a", "b"]), (i64::MIN, 1, 1e300)),
    round((i64::MIN, true, "🐱b"), (&[i64::MIN], &["🐱"]), (7, i64::MAX, -1e300)),
    round((2, false, " a "), (&[2, 2, 1], &[" ", "a "]), (2, 2, 0.1)),
    round((1, true, "aaa"), (&[3, 2, 1, 0], &["aaa", "aa", "a"]), (0, 1, 1.5)),
    round((7, false, "A,b"), (&[-7, 7], &["A", ","]), (7, -7, 1e-9)),
    round((10, true, "ba"), (&[1, 0, 1], &["ba", "ab", "ba"]), (10, 3, 9e18)),
    round((4, false, "b"), (&[5, 4], &["é"]), (4, 9, -2.0)),
];

/// The types of the variables, by name.
fn declared() -> [(&'static str, Type); 7] {
    [
        ("n", Type::Int),
        ("flag", Type::Bool),
        ("text", Type::String),
        ("numbers", Type::List(Type::Int.into())),
        ("texts", Type::List(Type::String.into())),
        ("counts", Type::Map(Type::Int.into())),
        ("ratio", Type::Double),
    ]
}

/// Whether an issue is a warning, or refuses an expression for its cost alone.
fn is_cost(issue: &Issue) -> bool {
    issue.level == Level::Warning || issue.message.contains("loops over sets")
}

/// Ours: one expression, to be evaluated over every round.
struct Ours {
    typed: Program,
    /// Without types; `None` where a loop inside a loop over what nobody knows the size of is
    /// refused.
    untyped: Option<Program>,
}

impl Ours {
    fn of(source: &str, schema: &Schema, functions: &Functions) -> Self {
        let compile = |typed: bool| {
            let kept = |ty: Type| if typed { ty } else { Type::Dyn };
            let vars = declared().map(|(name, ty)| Var { name: name.into(), ty: kept(ty) });
            let scope = Scope { schema, vars: vars.to_vec(), kind: None, expect: None };
            match Program::compile(source, &scope, functions) {
                Ok((program, _)) => Some(program),
                Err(issues) if !typed && issues.iter().all(is_cost) => None,
                Err(issues) => panic!("`{source}` is well typed: {issues:?}"),
            }
        };
        Self { typed: compile(true).expect("typed ones are not refused"), untyped: compile(false) }
    }

    /// What it gives; `Err` with the reason where it fails.
    fn eval(&self, round: &Round, typed: bool, schema: &Schema) -> Result<String, String> {
        let (arena, fuel) = (Bump::new(), Cell::new(u32::MAX));
        let call = Call { arena: &arena, schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
        let numbers = arena.alloc_slice_fill_iter(round.numbers.iter().map(|n| Val::Int(*n)));
        let texts = arena.alloc_slice_fill_iter(round.texts.iter().map(|text| Val::Str(text)));
        let (a, b) = round.counts;
        let counts = arena.alloc_slice_copy(&[("a", Val::Int(a)), ("b", Val::Int(b))]);
        let values = [
            Val::Int(round.n),
            Val::Bool(round.flag),
            Val::Str(round.text),
            Val::list(numbers),
            Val::list(texts),
            Val::Map(counts),
            Val::Double(round.ratio),
        ];
        let program = match &self.untyped {
            Some(untyped) if !typed => untyped,
            _ => &self.typed,
        };
        let result = program.eval(&values, &call).map_err(|error| error.to_string())?;
        Ok(written(&result.to_value()))
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
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

/// The crate, with its values bound once.
struct Oracle {
    env: Arc<cel::Env>,
    rounds: Vec<cel::Context<'static, 'static>>,
}

impl Oracle {
    fn new() -> Self {
        let mut env = cel::Env::stdlib();
        cel::extensions::strings(&mut env).expect("declares");
        cel::extensions::lists(&mut env).expect("declares");
        cel::extensions::math(&mut env).expect("declares");
        let env = Arc::new(env);
        let bound = |round: &Round| {
            let mut context = cel::Context::with_env(Arc::clone(&env));
            context.add_variable_from_value("n", round.n);
            context.add_variable_from_value("flag", round.flag);
            context.add_variable_from_value("text", round.text);
            context.add_variable_from_value("numbers", round.numbers.to_vec());
            context.add_variable_from_value("texts", round.texts.to_vec());
            let (a, b) = round.counts;
            let counts = std::collections::HashMap::from([("a", a), ("b", b)]);
            context.add_variable_from_value("counts", counts);
            context.add_variable_from_value("ratio", round.ratio);
            context
        };
        Self { rounds: VALUES.iter().map(bound).collect(), env }
    }

    /// What the crate gives over every round.
    fn eval(&self, source: &str) -> Vec<Result<String, String>> {
        let program = match self.env.compile(source) {
            Ok(program) => program,
            Err(errors) => panic!("`{source}` parses: {errors}"),
        };
        let run = |context| match program.execute(context) {
            Ok(value) => Ok(spelled(&value)),
            Err(error) => Err(error.to_string()),
        };
        self.rounds.iter().map(run).collect()
    }
}

fn spelled(value: &cel::Value) -> String {
    match value {
        cel::Value::Bool(truth) => truth.to_string(),
        cel::Value::Int(number) => number.to_string(),
        cel::Value::Float(number) => format!("{number:?}"),
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

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "the size of the run is the tester's choice")]
    let text = std::env::var(name).ok()?;
    text.parse().ok()
}

/// Numbers of a seed, spread over the thirty-two bytes a generator wants.
fn generator(seed: u64) -> TestRng {
    let bytes: Vec<u8> =
        (1..=4_u64).flat_map(|n| seed.wrapping_mul(2 * n + 1).to_le_bytes()).collect();
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

#[test]
fn random_expressions_give_what_the_cel_crate_gives() {
    let seed = asked("DRIFTLINE_SEED").unwrap_or(SEED);
    let cases = asked("DRIFTLINE_CASES").and_then(|n| u32::try_from(n).ok()).unwrap_or(CASES);
    println!("DRIFTLINE_SEED={seed} DRIFTLINE_CASES={cases}");
    let rounds = u32::try_from(ROUNDS).expect("few");
    let config = ProptestConfig {
        cases: cases.div_ceil(rounds),
        failure_persistence: None,
        ..Default::default()
    };
    let counts = Cell::new((0_u32, 0_u32));
    let (oracle, schema, functions) = (Oracle::new(), Schema::default(), Functions::default());
    let bytes = proptest::collection::vec(any::<u8>(), 1..80);
    let inputs = (0..grow::SORTS.len(), bytes);
    let mut runner = TestRunner::new_with_rng(config, generator(seed));
    let result = runner.run(&inputs, |(sort, bytes)| {
        let source = grow::grow(sort, &bytes);
        let ours = Ours::of(&source, &schema, &functions);
        for (place, (round, theirs)) in VALUES.iter().zip(oracle.eval(&source)).enumerate() {
            // The crate fails to order what is not a number; CEL says that it has no order.
            if theirs.as_ref().is_err_and(|error| error.contains("(double, double)")) {
                continue;
            }
            // A place that is not there is unsaid in an event's body, and an error in CEL. What is
            // made of an empty list is of no type, and so as an event's body is.
            let beyond = |error: &String| error.contains("out of bounds") && source.contains("[]");
            let modes: &[bool] = match &theirs {
                Ok(_) => &[true, false],
                Err(error) if beyond(error) => &[],
                Err(_) => &[true],
            };
            for typed in modes {
                let ours = ours.eval(round, *typed, &schema);
                let same = ours.as_ref().ok() == theirs.as_ref().ok();
                prop_assert!(
                    same,
                    "round {}: `{}`: ours {:?}, theirs {:?}",
                    place,
                    source,
                    ours,
                    theirs
                );
            }
            let (values, failures) = counts.get();
            let fine = u32::from(theirs.is_ok());
            counts.set((values + fine, failures + 1 - fine));
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("DRIFTLINE_SEED={seed}: {reason}"),
        Err(failure) => panic!("DRIFTLINE_SEED={seed}: {failure}"),
    }
    let (values, failures) = counts.get();
    println!("{values} values and {failures} failures agree");
    // All but the few that the crate can't judge.
    assert!(values + failures > cases - cases / 50, "{values} values, {failures} failures");
    assert!(values > failures && failures > 0, "{values} values, {failures} failures");
}

#[test]
fn expressions_that_once_differed_agree() {
    let (oracle, schema, functions) = (Oracle::new(), Schema::default(), Functions::default());
    for source in ["[1, 2].exists(x, x / 0 == 1 || x == 2)", "true || 1 / 0 == 1"] {
        let ours = Ours::of(source, &schema, &functions).eval(&VALUES[0], true, &schema);
        assert_eq!(ours.ok(), oracle.eval(source)[0].clone().ok(), "{source}");
    }
}
