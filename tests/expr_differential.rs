//! Random well-typed expressions give the same in our evaluator and in the `cel` crate's.
//!
//! Without unknowns and absences ours is plain CEL, so the crate is an oracle: where it gives a
//! value, ours gives that value; where it fails, ours fails. `DRIFTLINE_CASES` raises the number
//! of cases; a failure prints the shrunk expression.

use std::cell::Cell;
use std::fmt::Write as _;

use bumpalo::Bump;
use driftline::expr::{Call, Functions, Program, Scope, Var, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Type, Val, Value};
use proptest::prelude::*;

/// Cases of an ordinary run.
const CASES: u32 = 2_500;

/// Levels an expression is grown to.
const DEPTH: usize = 5;

/// Choices that steer the growth; once they are used up everything becomes a literal.
struct Choices<'c> {
    bytes: std::slice::Iter<'c, u8>,
    /// Macro variables in scope, with their type.
    locals: Vec<(String, Sort)>,
    made: usize,
}

/// The types that are grown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Int,
    Bool,
    Text,
    Ints,
    Texts,
    Map,
}

impl Choices<'_> {
    fn pick(&mut self, among: usize) -> usize {
        self.bytes.next().map_or(0, |byte| usize::from(*byte) % among)
    }

    fn of(&mut self, sort: Sort, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(sort);
        }
        match sort {
            Sort::Int => self.int(depth - 1),
            Sort::Bool => self.truth(depth - 1),
            Sort::Text => self.text(depth - 1),
            Sort::Ints => self.list(Sort::Ints, Sort::Int, depth - 1),
            Sort::Texts => self.list(Sort::Texts, Sort::Text, depth - 1),
            Sort::Map => self.map(depth - 1),
        }
    }

    fn leaf(&mut self, sort: Sort) -> String {
        let known: Vec<_> = self
            .locals
            .iter()
            .filter(|(_, own)| *own == sort)
            .map(|(name, _)| name.clone())
            .collect();
        if !known.is_empty() && self.pick(3) > 0 {
            let place = self.pick(known.len());
            return known[place].clone();
        }
        let choices: &[&str] = match sort {
            Sort::Int => {
                &["0", "1", "2", "-1", "7", "9223372036854775807", "-9223372036854775808", "n"]
            }
            Sort::Bool => &["true", "false", "flag"],
            Sort::Text => &["''", "'a'", "'b'", "'ab'", "'né'", "text"],
            Sort::Ints => &["[]", "[1, 2]", "[0]", "numbers"],
            Sort::Texts => &["[]", "['a']", "['b', 'ab', 'a']", "texts"],
            Sort::Map => &["{'a': 1, 'b': 2}", "{'a': 0, 'b': 0}", "counts"],
        };
        choices[self.pick(choices.len())].into()
    }

    /// What every sort may be: a leaf, or one of two.
    fn common(&mut self, sort: Sort, depth: usize) -> String {
        if self.pick(2) == 0 {
            return self.leaf(sort);
        }
        let condition = self.of(Sort::Bool, depth);
        let (yes, no) = (self.of(sort, depth), self.of(sort, depth));
        format!("({condition} ? {yes} : {no})")
    }

    fn int(&mut self, depth: usize) -> String {
        match self.pick(9) {
            0 | 1 => self.common(Sort::Int, depth),
            2 => {
                let sort = [Sort::Text, Sort::Ints, Sort::Texts, Sort::Map][self.pick(4)];
                format!("{}.size()", self.of(sort, depth))
            }
            3 => format!("(-({}))", self.of(Sort::Int, depth)),
            4 => format!("{}[{}]", self.of(Sort::Ints, depth), self.of(Sort::Int, depth)),
            5 => format!("{}['{}']", self.of(Sort::Map, depth), ["a", "b"][self.pick(2)]),
            6 => format!("{}.{}", self.of(Sort::Map, depth), ["a", "b"][self.pick(2)]),
            _ => {
                let sign = ["+", "-", "*", "/", "%"][self.pick(5)];
                format!("({} {sign} {})", self.of(Sort::Int, depth), self.of(Sort::Int, depth))
            }
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        let all = [Sort::Int, Sort::Bool, Sort::Text, Sort::Ints, Sort::Texts, Sort::Map];
        match self.pick(10) {
            0 => self.common(Sort::Bool, depth),
            1 => format!("!({})", self.of(Sort::Bool, depth)),
            2 | 3 => {
                let sign = ["&&", "||"][self.pick(2)];
                format!("({} {sign} {})", self.of(Sort::Bool, depth), self.of(Sort::Bool, depth))
            }
            4 => {
                let sort = all[self.pick(all.len())];
                let sign = ["==", "!="][self.pick(2)];
                format!("({} {sign} {})", self.of(sort, depth), self.of(sort, depth))
            }
            5 => {
                let sort = all[self.pick(3)];
                let sign = ["<", "<=", ">", ">="][self.pick(4)];
                format!("({} {sign} {})", self.of(sort, depth), self.of(sort, depth))
            }
            6 => {
                let pairs =
                    [(Sort::Int, Sort::Ints), (Sort::Text, Sort::Texts), (Sort::Text, Sort::Map)];
                let (item, among) = pairs[self.pick(3)];
                format!("({} in {})", self.of(item, depth), self.of(among, depth))
            }
            7 => {
                let function = ["contains", "startsWith", "endsWith"][self.pick(3)];
                format!("{}.{function}({})", self.of(Sort::Text, depth), self.of(Sort::Text, depth))
            }
            _ => {
                let (list, item) = self.list_sort();
                let list = self.of(list, depth);
                let function = ["exists", "all", "exists_one"][self.pick(3)];
                let (name, body) = self.within(item, Sort::Bool, depth);
                format!("{list}.{function}({name}, {body})")
            }
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.pick(5) {
            0 | 1 => self.common(Sort::Text, depth),
            2 => format!("string({})", self.of(Sort::Int, depth)),
            3 => format!("{}[{}]", self.of(Sort::Texts, depth), self.of(Sort::Int, depth)),
            _ => format!("({} + {})", self.of(Sort::Text, depth), self.of(Sort::Text, depth)),
        }
    }

    fn list(&mut self, sort: Sort, item: Sort, depth: usize) -> String {
        match self.pick(7) {
            0 | 1 => self.common(sort, depth),
            2 => {
                let items: Vec<_> = (0..self.pick(4)).map(|_| self.of(item, depth)).collect();
                format!("[{}]", items.join(", "))
            }
            3 => format!("({} + {})", self.of(sort, depth), self.of(sort, depth)),
            4 => {
                let list = self.of(sort, depth);
                let (name, body) = self.within(item, Sort::Bool, depth);
                format!("{list}.filter({name}, {body})")
            }
            5 => {
                let (from, element) = self.list_sort();
                let list = self.of(from, depth);
                let (name, body) = self.within(element, item, depth);
                format!("{list}.map({name}, {body})")
            }
            _ => {
                let (from, element) = self.list_sort();
                let list = self.of(from, depth);
                let name = self.fresh(element);
                let (test, body) = (self.of(Sort::Bool, depth), self.of(item, depth));
                self.locals.pop();
                format!("{list}.map({name}, {test}, {body})")
            }
        }
    }

    fn map(&mut self, depth: usize) -> String {
        match self.pick(3) {
            0 => self.common(Sort::Map, depth),
            _ => format!(
                "{{'a': {}, 'b': {}}}",
                self.of(Sort::Int, depth),
                self.of(Sort::Int, depth)
            ),
        }
    }

    fn list_sort(&mut self) -> (Sort, Sort) {
        [(Sort::Ints, Sort::Int), (Sort::Texts, Sort::Text)][self.pick(2)]
    }

    fn fresh(&mut self, sort: Sort) -> String {
        self.made += 1;
        let name = format!("x{}", self.made);
        self.locals.push((name.clone(), sort));
        name
    }

    fn within(&mut self, element: Sort, body: Sort, depth: usize) -> (String, String) {
        let name = self.fresh(element);
        let body = self.of(body, depth);
        self.locals.pop();
        (name, body)
    }
}

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
    let types = [
        ("n", Type::Int),
        ("flag", Type::Bool),
        ("text", Type::String),
        ("numbers", Type::List(Type::Int.into())),
        ("texts", Type::List(Type::String.into())),
        ("counts", Type::Map(Type::Int.into())),
    ];
    // Lists keep their type: an index out of range is unsaid in a body, and an error in CEL.
    let kept = |ty: Type| if typed || matches!(ty, Type::List(_)) { ty } else { Type::Dyn };
    let vars = types.map(|(name, ty)| Var { name: name.into(), ty: kept(ty) });
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
    let sorts = [Sort::Int, Sort::Bool, Sort::Text, Sort::Ints, Sort::Texts, Sort::Map];
    let result = proptest::test_runner::TestRunner::new(config).run(
        &(0..sorts.len(), bytes),
        |(sort, bytes)| {
            let mut choices = Choices { bytes: bytes.iter(), locals: Vec::new(), made: 0 };
            let source = choices.of(sorts[sort], DEPTH);
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
