//! What watched expressions tell, and that watching changes nothing.

use super::*;

use crate::expr::Watch;
use crate::expr::watch::{ELEMENTS, PARTS};
use crate::model::Seq;
use crate::model::trace::{Got, Part, Sort};

/// A world without resources that is watched, or not.
struct Bare(Option<Watch>);

impl<'a> World<'a> for Bare {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }

    fn watch(&self) -> Option<&Watch> {
        self.0.as_ref()
    }
}

const FUNCTIONS: [(&str, &[&str], &str); 2] =
    [("twice", &["a"], "a + a"), ("four", &["b"], "twice(b) + twice(b)")];

fn scope(schema: &Schema) -> Scope<'_> {
    let list = [
        ("x", Type::Int),
        ("l", list_of(Type::Int)),
        ("u", Type::Bool),
        ("j", Type::Dyn),
        ("s", Type::String),
    ];
    Scope { schema, vars: vars(&list), kind: None, expect: None }
}

/// Its result and the fuel left, and what its parts came to.
fn run(source: &str, watched: bool, fuel: u32, items: &[Val<'_>]) -> (String, u32, Part) {
    let schema = schema();
    let scope = scope(&schema);
    let mut functions = Functions::default();
    if watched {
        functions = functions.watched();
    }
    for (name, params, body) in FUNCTIONS {
        functions.define(name, params, body, &scope).expect("it compiles");
    }
    let program = compiled(source, &scope, &functions);
    let arena = Bump::new();
    let left = Cell::new(fuel);
    let world = Bare(watched.then(|| Watch::new(|text| text.into())));
    let call = call_with(&arena, &schema, &world, &left);
    let inner = [("k", Val::Int(7))];
    let vars = [
        Val::Int(3),
        Val::List(Seq { items: arena.alloc_slice_copy(items), whole: true }),
        Val::Unknown,
        Val::Map(&inner),
        Val::Str("abc"),
    ];
    let result = written(program.eval(&vars, &call));
    let spent = left.get();
    left.set(fuel);
    world.0.as_ref().and_then(Watch::take);
    (result, spent, program.watch(&vars, &call))
}

/// The parts as lines, the deeper the more they are indented.
fn lines(part: &Part, depth: usize, out: &mut Vec<String>) {
    let got = match &part.got {
        Got::Value(value) => brief(value, false),
        Got::Failed(why) => format!("! {why}"),
        Got::Skipped => "-".into(),
    };
    let sign = if part.sort == Sort::Element { ':' } else { '=' };
    out.push(format!("{}{} {sign} {got}", "  ".repeat(depth), part.text));
    for below in &part.parts {
        lines(below, depth + 1, out);
    }
    if part.more > 0 {
        out.push(format!("{}+{}", "  ".repeat(depth + 1), part.more));
    }
}

const SOURCES: [&str; 17] = [
    "x > 2 || s == 'b'",
    "(x > 2) && (s.startsWith('a') || u)",
    "u ? x : 1",
    "l.exists(e, e > x)",
    "l.all(e, e < 10)",
    "l.filter(e, e > 1).map(e, e * 2)",
    "l.map(e, e > 1, e + 1)",
    "l.exists_one(e, e == 2)",
    "j.k == 7 && !has(j.m.n)",
    "first(j.m, j.k, x)",
    "four(x) > 1",
    "[x, 1, x][0] == 3",
    "l.exists(a, l.exists(b, a + b == 5))",
    "x / 0 == 1 || u",
    "s.matches('^a') && s.split('')[0] == 'a'",
    "s3_block{block_acls: x > 1, ignore_acls: u}.block_acls",
    "{'a': x, 'b': s}['a'] in l",
];

#[test]
fn watching_changes_neither_a_result_nor_the_fuel_that_is_used() {
    let items = [Val::Int(1), Val::Int(2), Val::Int(3), Val::Unknown];
    for source in SOURCES {
        for fuel in (0..40).chain([1_000]) {
            let (plain, spent, _) = run(source, false, fuel, &items);
            let (watched, left, _) = run(source, true, fuel, &items);
            assert_eq!((&plain, spent), (&watched, left), "{source} with {fuel}");
        }
    }
}

#[test]
fn every_part_says_its_own_text_and_what_it_came_to() {
    let items = [Val::Int(1), Val::Int(4)];
    for (source, expected) in [
        (
            "(x > 2) && (s.startsWith('b') || u)",
            "(x > 2) && (s.startsWith('b') || u) = unknown|  x > 2 = true|    x = 3|  \
             s.startsWith('b') || u = unknown|    s.startsWith('b') = false|      s = 'abc'|    \
             u = unknown",
        ),
        ("x > 2 || s == 'b'", "x > 2 || s == 'b' = true|  x > 2 = true|    x = 3|  s == 'b' = -"),
        (
            "l.exists(e, e > x)",
            "l.exists(e, e > x) = true|  l = [1, 4]|  e : 1|    e > x = false|      x = 3|  e : \
             4|    e > x = true|      x = 3",
        ),
        (
            "l.map(e, e > 1, e + 1)",
            "l.map(e, e > 1, e + 1) = [5]|  l = [1, 4]|  e : 1|    e > 1 = false|  e : 4|    \
             e > 1 = true|    e + 1 = 5",
        ),
        ("j.k == 7", "j.k == 7 = true|  j.k = 7"),
        ("has(j.m.n)", "has(j.m.n) = false|  j.m = unsaid"),
        ("x / 0 == 1", "x / 0 == 1 = ! division by zero|  x / 0 = ! division by zero|    x = 3"),
        // The body of a function is opened, and what it calls is not.
        (
            "four(x)",
            "four(x) = 12|  x = 3|  twice(b) + twice(b) = 12|    twice(b) = 6|    twice(b) = 6",
        ),
    ] {
        let (_, _, part) = run(source, true, 1_000, &items);
        let mut told = Vec::new();
        lines(&part, 0, &mut told);
        assert_eq!(told.join("|"), expected, "{source}");
    }
}

#[test]
fn of_many_elements_those_that_decide_are_kept_and_the_rest_counted() {
    let items: Vec<Val<'_>> = (0..5_000).map(Val::Int).collect();
    let (_, _, part) = run("l.exists(e, e == 4000)", true, 100_000, &items);
    let elements: Vec<&Part> = part.parts.iter().filter(|p| p.sort == Sort::Element).collect();
    assert_eq!((elements.len(), part.more), (ELEMENTS, 4_001 - ELEMENTS));
    assert_eq!(elements.last().expect("some").got, Got::Value(Value::Int(4_000)));
}

#[test]
fn a_tree_has_a_bound_however_much_is_evaluated() {
    fn count(part: &Part) -> usize {
        1 + part.parts.iter().map(count).sum::<usize>()
    }
    let items: Vec<Val<'_>> = (0..60).map(Val::Int).collect();
    let source = "l.exists(a, l.exists(b, l.exists(c, a + b + c + x == -1)))";
    let (_, _, part) = run(source, true, 4_000_000, &items);
    assert!(count(&part) <= 2 * PARTS, "{}", count(&part));
}

#[test]
fn the_deepest_expression_that_compiles_can_be_watched() {
    let deep = (0..50).fold("x".to_owned(), |inner, _| format!("(x + {inner})"));
    let (plain, ..) = run(&deep, false, 100_000, &[]);
    let (watched, _, part) = run(&deep, true, 100_000, &[]);
    assert_eq!((&*plain, &plain), ("153", &watched));
    assert_eq!(part.got, Got::Value(Value::Int(153)));
}

#[test]
fn a_program_that_is_not_watched_tells_its_whole_result() {
    let (_, _, part) = run("x > 2", false, 1_000, &[]);
    assert_eq!((&*part.text, &part.got), ("x > 2", &Got::Value(Value::Bool(true))));
    assert!(part.parts.is_empty());
}
