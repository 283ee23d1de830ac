//! The pages of `explain --functions`: every example gives what its page says, and the committed
//! page is the one the program prints.

mod common;

use std::cell::Cell;
use std::process::{Command, Output};

use bumpalo::Bump;
use common::fresh::fresh;
use driftline::cloud::tables;
use driftline::content::{Content, Files, load};
use driftline::expr::{Call, Functions, Host, Program, Scope, World, net};
use driftline::model::{FacetId, Handle, Limits, Timestamp, Val};

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(["explain", "--functions"])
        .args(arguments)
        .output()
        .expect("the command starts")
}

fn printed(arguments: &[&str]) -> String {
    let run = explain(arguments);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

fn pages(arguments: &[&str]) -> Vec<serde_json::Value> {
    let printed = printed(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&printed).expect("a list")
}

fn shipped() -> Content {
    let faults = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<String>();
    load(&Files::shipped(), &tables()).map_err(faults).expect("it loads").0
}

#[test]
fn every_example_gives_what_its_page_says() {
    let content = shipped();
    let hosts: Vec<&[Host]> = [net::HOSTS].into_iter().chain(tables()).collect();
    let functions = Functions::new(&hosts);
    let scope = Scope { schema: &content.schema, vars: Vec::new(), kind: None, expect: None };
    let pages = pages(&[]);
    assert!(pages.len() > 100, "{} pages", pages.len());
    let mut wrong = Vec::new();
    for page in &pages {
        let text = |key: &str| page[key].as_str().expect("text").to_owned();
        let source = format!("{} == {}", text("example"), text("result"));
        let program = match Program::compile(&source, &scope, &functions) {
            Ok((program, _)) => program,
            Err(issues) => {
                wrong.push(format!("`{source}`: {issues:?}"));
                continue;
            }
        };
        let (arena, fuel) = (Bump::new(), Cell::new(Limits::default().fuel));
        let call = Call {
            arena: &arena,
            schema: &content.schema,
            world: &Nowhere,
            now: Timestamp(0),
            fuel: &fuel,
        };
        let result = program.eval(&[], &call);
        if !matches!(result, Ok(Val::Bool(true))) {
            wrong.push(format!("`{source}` is {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_committed_page_is_the_printed_one() {
    fresh("docs/functions.md", &printed(&["--format", "markdown"]));
}

#[test]
fn a_name_is_one_page_and_its_beginning_several() {
    let names = |arguments: &[&str]| -> Vec<String> {
        let pages = pages(arguments);
        pages.iter().map(|page| page["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&["net.open"]), ["net.open"]);
    assert_eq!(names(&["net.open()"]), ["net.open"]);
    assert!(names(&["size"]).len() > 1, "one page for each overload");
    let nets = names(&["net."]);
    assert!(nets.len() > 10 && nets.iter().all(|name| name.starts_with("net.")), "{nets:?}");
    let text = printed(&["iam.public_actions"]);
    for part in
        ["iam.public_actions(statements: list<statement>) -> list<string>", "example", "https://"]
    {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn of_a_name_that_does_not_exist_the_nearest_is_told() {
    for (name, nearest) in [
        ("net.opne", "net.open"),
        ("public_space", "net.public_space"),
        ("iam.extrenal_to", "iam.external_to"),
    ] {
        let run = explain(&[name]);
        assert_eq!(run.status.code(), Some(1), "{name}");
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        let expected = format!("there is no function `{name}`; did you mean `{nearest}`?");
        assert!(told.contains(&expected), "{told}");
    }
}
