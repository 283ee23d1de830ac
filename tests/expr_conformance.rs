//! What an expression gives, case by case, in the sections of CEL's own conformance suite; and
//! the page that tells users of the language is whole.
//!
//! The cases are in `tests/expressions/conformance.txt`. Where a case is no deviation and the
//! `cel` crate gives a value, ours is the same: so the table can't claim for CEL what CEL isn't.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use bumpalo::Bump;
use driftline::cloud;
use driftline::expr::{Call, Functions, Program, Scope, Var, World, net};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Val, Value};

const TABLE: &str = include_str!("expressions/conformance.txt");
const PAGE: &str = include_str!("../docs/expressions.md");

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// A line of the table.
struct Case<'t> {
    section: &'t str,
    source: &'t str,
    expected: &'t str,
    deviation: Option<&'t str>,
}

fn cases() -> Vec<Case<'static>> {
    let mut section = "";
    let mut cases = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = header.filter(|_| !line.contains("=>")) {
            section = name;
            continue;
        }
        let (source, expected) = line.rsplit_once(" => ").expect("an expression and its value");
        let (expected, deviation) = match expected.rsplit_once(" | ") {
            Some((expected, word)) => (expected, Some(word)),
            None => (expected, None),
        };
        cases.push(Case { section, source, expected, deviation });
    }
    cases
}

const VARS: [(&str, &str); 7] = [
    ("n", "int"),
    ("flag", "bool"),
    ("text", "string"),
    ("numbers", "list<int>"),
    ("texts", "list<string>"),
    ("counts", "map<int>"),
    ("body", "json"),
];

const VALUES: [Val<'static>; 7] = [
    Val::Int(3),
    Val::Bool(true),
    Val::Str("ab"),
    Val::list(&[Val::Int(1), Val::Int(2), Val::Int(3)]),
    Val::list(&[Val::Str("a"), Val::Str("né")]),
    Val::Map(&[("a", Val::Int(1)), ("b", Val::Int(5))]),
    Val::Map(&[
        ("list", Val::list(&[Val::Int(1), Val::Str("x"), Val::None])),
        ("map", Val::Map(&[("k", Val::Map(&[("l", Val::Int(2))]))])),
        ("nil", Val::None),
    ]),
];

fn ours(source: &str) -> String {
    let schema = Schema::default();
    let typed = |(name, ty): (&str, &str)| Var {
        name: name.into(),
        ty: driftline::expr::parse_type(ty, &schema).expect("a type"),
    };
    let vars = VARS.map(typed).to_vec();
    let scope = Scope { schema: &schema, vars, kind: None, expect: None };
    let Ok((program, _)) = Program::compile(source, &scope, &Functions::default()) else {
        return "refused".into();
    };
    let (arena, fuel) = (Bump::new(), Cell::new(100_000));
    let call =
        Call { arena: &arena, schema: &schema, world: &Nowhere, now: Timestamp(0), fuel: &fuel };
    match program.eval(&VALUES, &call) {
        Ok(value) => written(&value.to_value()),
        Err(_) => "error".into(),
    }
}

fn written(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(written).collect::<Vec<_>>().join(", ");
    match value {
        Value::Unsaid => "unsaid".into(),
        Value::None => "none".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::Str(text) => quoted(text),
        Value::List(items, true) => format!("[{}]", list(items)),
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let pair =
                |(key, value): &(Box<str>, Value)| format!("{}: {}", quoted(key), written(value));
            format!("{{{}}}", entries.into_iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.escape_debug().to_string().replace("\\\"", "\""))
}

#[test]
fn expressions_give_what_the_table_says() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter(|case| ours(case.source) != case.expected)
        .map(|case| {
            let Case { section, source, expected, .. } = case;
            format!("[{section}] {source}: {}, not {expected}", ours(source))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases().len() > 400, "{}", cases().len());
}

#[test]
fn what_is_no_deviation_is_what_the_cel_crate_gives() {
    let mut env = cel::Env::stdlib();
    cel::extensions::strings(&mut env).expect("declares");
    cel::extensions::lists(&mut env).expect("declares");
    cel::extensions::math(&mut env).expect("declares");
    let env = Arc::new(env);
    let mut agreed = 0;
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.deviation.is_none()) {
        let Ok(program) = env.compile(case.source) else { continue };
        let mut context = cel::Context::with_env(Arc::clone(&env));
        context.add_variable_from_value("n", 3_i64);
        context.add_variable_from_value("flag", true);
        context.add_variable_from_value("text", "ab");
        context.add_variable_from_value("numbers", vec![1_i64, 2, 3]);
        context.add_variable_from_value("texts", vec!["a", "né"]);
        let counts = std::collections::HashMap::from([("a", 1_i64), ("b", 5)]);
        context.add_variable_from_value("counts", counts);
        let Ok(value) = program.execute(&context) else { continue };
        let Some(theirs) = spelled(&value) else { continue };
        // A type error that CEL's checker would find too is found at run time by the crate.
        if case.expected == "refused" {
            continue;
        }
        if theirs == case.expected {
            agreed += 1;
        } else {
            wrong.push(format!(
                "{}: the table has {}, the crate {theirs}",
                case.source, case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed > 150, "{agreed}");
}

/// A value of the crate's as the table writes it; `None` for what the table cannot.
fn spelled(value: &cel::Value) -> Option<String> {
    Some(match value {
        cel::Value::Null => "none".into(),
        cel::Value::Bool(truth) => truth.to_string(),
        cel::Value::Int(number) => number.to_string(),
        cel::Value::Float(number) => format!("{number:?}"),
        cel::Value::String(text) => quoted(text),
        cel::Value::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(spelled).collect();
            format!("[{}]", items?.join(", "))
        }
        _ => return None,
    })
}

#[test]
fn every_deviation_is_explained_on_the_page_and_shown_by_a_case() {
    let shown: BTreeSet<&str> = cases().iter().filter_map(|case| case.deviation).collect();
    let (_, section) = PAGE.split_once("\n## Where it differs from CEL\n").expect("the section");
    let section = section.split("\n## ").next().unwrap_or("");
    let explained: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("- **"))
        .filter_map(|line| line.split_once("**"))
        .map(|(word, _)| word)
        .collect();
    assert_eq!(shown, explained);
}

#[test]
fn the_page_lists_the_functions_that_there_are() {
    let tables: Vec<_> = cloud::tables().into_iter().chain([net::HOSTS]).collect();
    let functions = Functions::new(&tables);
    let mut rows: Vec<String> = Vec::new();
    for host in functions.hosts() {
        // Functions of networks and clouds have a page of their own.
        let standard = !host.name.contains('.')
            || ["math.", "strings.", "optional."].iter().any(|space| host.name.starts_with(space));
        let theirs = tables.iter().any(|table| table.iter().any(|other| other.name == host.name));
        if !standard || theirs {
            continue;
        }
        let params: Vec<String> = host
            .params
            .iter()
            .map(|param| {
                let mark = if param.optional { "?" } else { "" };
                format!("{}{mark}: {}", param.name, param.ty)
            })
            .collect();
        let (name, returns) = (host.name, host.returns);
        rows.push(format!(
            "| `{name}({}) -> {returns}` | {} | `{}` |",
            params.join(", "),
            host.doc,
            host.example
        ));
    }
    let missing: Vec<&String> = rows.iter().filter(|row| !PAGE.contains(&***row)).collect();
    let listed = PAGE.lines().filter(|line| line.contains(") -> ")).count();
    let list = rows.join("\n");
    assert!(missing.is_empty() && listed == rows.len(), "the table should be\n{list}");
}

#[test]
fn the_page_names_every_form() {
    for form in driftline::expr::FORMS {
        let name = form.rsplit('.').next().unwrap_or(form);
        assert!(PAGE.contains(&format!("{name}(")), "`{form}` is not on the page");
    }
}
