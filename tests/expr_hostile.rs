//! Expressions meant to do harm are refused, or end with their budget, in bounded time and memory.
//!
//! Time is not measured here: what has no bound shows as a test that does not end.

use std::cell::Cell;
use std::fmt::Write as _;

use bumpalo::Bump;
use driftline::expr::{Call, Functions, Issue, Level, Program, Scope, Var, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Type, Val};

/// What an evaluation's arena may grow to with the shipped budget: a few bytes for each unit.
const ARENA_BYTES: usize = 32 << 20;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

fn compile(source: &str, schema: &Schema) -> Result<Program, Vec<Issue>> {
    let vars =
        [("text", Type::String), ("numbers", Type::List(Type::Int.into())), ("body", Type::Dyn)];
    let vars = vars.map(|(name, ty)| Var { name: name.into(), ty }).to_vec();
    let scope = Scope { schema, vars, kind: None, expect: None };
    Program::compile(source, &scope, &Functions::default()).map(|(program, _)| program)
}

/// As many elements as a set may have.
const MANY: &[Val<'static>] = &[Val::Int(7); 2_000];

/// Compiles and, where it compiles, evaluates with the budget of an ordinary evaluation.
fn run(source: &str, body: Val<'static>) -> Result<String, String> {
    let schema = Schema::default();
    let program = compile(source, &schema).map_err(|issues| issues[0].message.clone())?;
    let (arena, fuel) = (Bump::new(), Cell::new(100_000));
    let call =
        Call { arena: &arena, schema: &schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    let values = [Val::Str("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), Val::list(MANY), body];
    let result = program.eval(&values, &call);
    let used = arena.allocated_bytes();
    assert!(used <= ARENA_BYTES, "{used} bytes for {}", &source[..source.len().min(60)]);
    match result {
        Ok(value) => Ok(format!("{value:?}").chars().take(40).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_text_without_end_is_refused_before_it_is_parsed() {
    let schema = Schema::default();
    let megabyte = |piece: &str| piece.repeat((1 << 20) / piece.len());
    for piece in [
        "a", "(", "[", "{", "1+", "a.", "a && ", "'", "\"\"\"", "\\", "\u{0}", "é", "// x\n", "?:",
        "{a:",
    ] {
        let issues = compile(&megabyte(piece), &schema).expect_err(piece);
        assert_eq!(issues.len(), 1, "{piece}: {issues:?}");
        assert_eq!(issues[0].message, "longer than 16384 bytes", "{piece}");
    }
}

#[test]
fn texts_of_the_greatest_length_compile_or_are_refused_at_a_place() {
    let schema = Schema::default();
    let full = |piece: &str| piece.repeat(16_300 / piece.len());
    let sources = [
        full("("),
        full("["),
        full("{"),
        full("{'a':"),
        full("[?"),
        full("-"),
        full("!"),
        full("a."),
        full("a["),
        full("a("),
        full("a{"),
        full("a?a:"),
        full("a?"),
        full("'"),
        full("r'"),
        full("\\"),
        full("x in "),
        full("has("),
        full(".map("),
        full("text.map(x,"),
        full("text.matches('"),
        full("text||"),
        full("text&&"),
        full("1,"),
        full("'a'+"),
        full("`"),
        full("@"),
        full("\u{1F431}"),
        format!("[{}]", full("1,")),
        format!("[{}]", full("[],")),
        format!("{{{}}}", full("'a':1,")),
        format!("{}true", full("true||")),
        format!("{}true", full("text=='a'&&")),
        format!("{}true", full("!text.contains('a')||")),
        format!("[{}]", full("[1].map(x,x),")),
        format!("[{}]", full("'a'.split(''),")),
        format!("'{}'", full("a")),
        full("9"),
        format!("1.{}", full("9")),
        format!("1e{}", full("9")),
        format!("0x{}", full("f")),
    ];
    for source in sources {
        if let Err(issues) = compile(&source, &schema) {
            assert!(issues.iter().any(|issue| issue.level == Level::Error));
            let within = issues.iter().all(|issue| source.get(issue.range.clone()).is_some());
            assert!(within, "{}: {issues:?}", &source.chars().take(30).collect::<String>());
        }
    }
}

#[test]
fn a_number_beyond_its_type_is_refused() {
    let schema = Schema::default();
    for source in
        ["9223372036854775808", "-9223372036854775809", "0x10000000000000000", &"9".repeat(400)]
    {
        assert!(compile(source, &schema).is_err(), "{source}");
    }
}

#[test]
fn a_regex_that_grows_is_refused_and_one_that_backtracks_elsewhere_is_linear() {
    for (pattern, refused) in [
        ("(a*)*c", false),
        ("(a+)+$", false),
        ("(a|a)*c", false),
        ("(a|aa)+c", false),
        ("(.*)(.*)(.*)(.*)(.*)c", false),
        ("([a-zA-Z]+)*c", false),
        ("a{1000}{1000}", true),
        ("((a{100}){100}){100}", true),
        ("\\\\pL{20000}", true),
        ("(a?){5000}a{5000}", false),
    ] {
        let source = format!("text.matches('{pattern}') || !text.matches('{pattern}')");
        let result = run(&source, Val::None);
        assert_eq!(result.is_err(), refused, "{pattern}: {result:?}");
    }
    let nested = format!("text.matches('{}a{}')", "(".repeat(5_000), ")".repeat(5_000));
    assert!(run(&nested, Val::None).is_err());
}

#[test]
fn loops_and_growth_end_with_the_budget() {
    const OUT: &str = "expression budget used up";
    let doubled = |first: &str, step: &str| {
        let names: Vec<String> = (0..40).map(|n| format!("v{n}")).collect();
        let mut source = format!("cel.bind(v0, {first}, ");
        for pair in names.windows(2) {
            let _ = write!(source, "cel.bind({}, {}, ", pair[1], step.replace('v', &pair[0]));
        }
        source + "size(v39) > 0" + &")".repeat(40)
    };
    for source in [
        doubled("text", "v + v"),
        doubled("numbers", "v + v"),
        doubled("text", "v.replace('a', v)"),
        doubled("text", "[v, v].join('a')"),
        doubled("text", "'%s%s'.format([v, v])"),
        doubled("[numbers]", "[v.flatten(), v.flatten()]"),
        "numbers.all(x, numbers.all(y, numbers.all(z, x + y + z > 0)))".into(),
        "numbers.map(x, numbers.map(y, text)).size() > 0".into(),
        "numbers.map(x, '%.100f %.100f'.format([x * 1e300, x * 1e300])).size() > 0".into(),
        "numbers.map(x, numbers + numbers).size() > 0".into(),
        "numbers.map(x, text.split('')).flatten().distinct().size() > numbers.distinct().sort().size()".into(),
    ] {
        let result = run(&source, Val::None);
        assert_eq!(result, Err(OUT.to_owned()), "{source}");
    }
    let refused = run("body.exists(x, body.exists(y, x == y))", Val::None);
    assert!(refused.is_err_and(|why| why.contains("loops over sets")));
}

#[test]
fn functions_that_call_functions_twice_each_are_weighed_in_bounded_time() {
    let schema = Schema::default();
    let vars = vec![Var { name: "body".into(), ty: Type::Dyn }];
    let scope = Scope { schema: &schema, vars, kind: None, expect: None };
    let mut functions = Functions::default();
    functions.define("f0", &["x"], "list(x).map(y, y)", &scope).expect("defines");
    let mut last = 0;
    loop {
        let name = format!("f{}", last + 1);
        let body = format!("f{last}(f{last}(x)).map(y, f{last}(y))");
        if functions.define(&name, &["x"], &body, &scope).is_err() {
            break;
        }
        last += 1;
    }
    assert!(last > 10, "{last}");
    let source = format!("f{last}(body)");
    assert!(Program::compile(&source, &scope, &functions).is_ok());
}
