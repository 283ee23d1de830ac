//! `explain --functions`: what expressions may call. The tables of host functions enter; pages in
//! text, Markdown or JSON leave.
//!
//! `docs/functions.md` is printed here; `tests/functions.rs` holds it to the code, and evaluates
//! every example.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::cli::TableFormat;
use crate::expr::{Functions, Host, net};

use super::Ended;
use super::output::results;

/// Groups in the order of the page: title, what the names in it begin with.
const GROUPS: [(&str, &str); 10] = [
    (FORMS_TITLE, ""),
    ("Values, texts and times", ""),
    ("Sets", "sets."),
    ("Time windows", "time."),
    ("Networks", "net."),
    ("Policies", "iam."),
    ("AWS", "aws."),
    ("Huawei Cloud", "huawei."),
    ("Azure", "azure."),
    ("Google Cloud", "gcp."),
];

const FORMS_TITLE: &str = "Forms";
const CEL: &str = "https://github.com/google/cel-spec/blob/master/doc/langdef.md";

/// What the language itself evaluates in a way of its own: name, signature, meaning, example,
/// source.
const FORMS: [[&str; 5]; 10] = [
    [
        "first",
        "first(a, b, ...) -> T",
        "The first that is there; the rest is not looked at. `a.orValue(b)` is the same of two.",
        "first(unsaid, none, 'b') == 'b'",
        "",
    ],
    [
        "has",
        "has(a.b) -> bool",
        "Whether the member is there. Of a value nobody knows it is unknown: nothing tests for unknown.",
        "has({'a': 1}.b) == false",
        CEL,
    ],
    [
        "matches",
        "matches(text: string, pattern: string) -> bool",
        "Whether a part of the text is of the pattern, a literal regular expression (RE2's syntax).",
        "'igw-1a'.matches('^igw-[0-9a-f]+$') == true",
        "https://github.com/google/re2/wiki/Syntax",
    ],
    [
        "exists",
        "list.exists(x, condition) -> bool",
        "Whether the condition holds for an element. Of a partial list a known element decides, else it is unknown.",
        "[22, 80].exists(p, p == 22) == true",
        CEL,
    ],
    [
        "all",
        "list.all(x, condition) -> bool",
        "Whether the condition holds for every element.",
        "[22, 80].all(p, p < 1024) == true",
        CEL,
    ],
    [
        "exists_one",
        "list.exists_one(x, condition) -> bool",
        "Whether the condition holds for exactly one element.",
        "[22, 80].exists_one(p, p > 22) == true",
        CEL,
    ],
    [
        "map",
        "list.map(x, value) -> list<T>",
        "The value for each element; with three arguments, for each that the second holds for.",
        "[1, 2].map(n, n * 2) == [2, 4]",
        CEL,
    ],
    [
        "filter",
        "list.filter(x, condition) -> list<T>",
        "The elements that the condition holds for.",
        "[22, 80].filter(p, p > 22) == [80]",
        CEL,
    ],
    [
        "hasValue",
        "a.?b.hasValue() -> bool",
        "As `has(a.b)`, in the notation of optional members.",
        "{'a': 1}.?a.hasValue() == true",
        "https://github.com/google/cel-spec/wiki/proposal-246",
    ],
    [
        "orValue",
        "a.?b.orValue(c) -> T",
        "As `first(a.b, c)`, in the notation of optional members.",
        "{'a': 1}.?b.orValue(2) == 2",
        "https://github.com/google/cel-spec/wiki/proposal-246",
    ],
];

/// The page of one function, or of one of its overloads.
struct Page {
    group: &'static str,
    name: &'static str,
    signature: String,
    doc: &'static str,
    example: &'static str,
    source: &'static str,
}

impl Page {
    fn of_host(host: &Host) -> Self {
        let params: Vec<String> = host
            .params
            .iter()
            .map(|param| {
                let mark = if param.optional { "?" } else { "" };
                format!("{}{mark}: {}", param.name, param.ty)
            })
            .collect();
        let signature = format!("{}({}) -> {}", host.name, params.join(", "), host.returns);
        let dotted =
            |(_, prefix): &&(&str, &str)| !prefix.is_empty() && host.name.starts_with(prefix);
        let group = GROUPS.iter().find(dotted).map_or(GROUPS[1].0, |(title, _)| title);
        let Host { name, doc, example, source, .. } = *host;
        Self { group, name, signature, doc, example, source }
    }

    fn of_form([name, signature, doc, example, source]: [&'static str; 5]) -> Self {
        Self { group: FORMS_TITLE, name, signature: signature.into(), doc, example, source }
    }

    fn sources(&self) -> impl Iterator<Item = &'static str> {
        self.source.split_whitespace()
    }

    fn to_json(&self) -> Json {
        let (expression, result) = example(self.example);
        json!({
            "name": self.name,
            "group": self.group,
            "signature": self.signature,
            "meaning": self.doc,
            "example": expression,
            "result": result,
            "sources": self.sources().collect::<Vec<_>>(),
        })
    }
}

/// Prints every page, or those whose name is, or else begins with, `name`.
pub(super) fn run(name: &str, format: TableFormat) -> anyhow::Result<Ended> {
    let pages = chosen(name)?;
    let text = match format {
        TableFormat::Text => to_text(&pages),
        TableFormat::Markdown => to_markdown(&pages),
        TableFormat::Json => {
            let list: Vec<Json> = pages.iter().map(Page::to_json).collect();
            format!("{:#}\n", Json::from(list))
        }
    };
    let mut out = results(Path::new("-"))?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Ended::Well)
}

/// Every page, in the groups' order.
fn pages() -> Vec<Page> {
    let tables: Vec<&[Host]> = [net::HOSTS].into_iter().chain(crate::cloud::tables()).collect();
    let functions = Functions::new(&tables);
    let hosts = functions.hosts().iter().map(Page::of_host);
    let mut pages: Vec<Page> = FORMS.into_iter().map(Page::of_form).chain(hosts).collect();
    let place = |page: &Page| GROUPS.iter().position(|(title, _)| *title == page.group);
    pages.sort_by_key(place);
    pages
}

fn chosen(name: &str) -> anyhow::Result<Vec<Page>> {
    let name = name.trim_end_matches("()");
    let all = pages();
    if all.iter().any(|page| page.name == name) {
        return Ok(all.into_iter().filter(|page| page.name == name).collect());
    }
    if all.iter().any(|page| page.name.starts_with(name)) {
        return Ok(all.into_iter().filter(|page| page.name.starts_with(name)).collect());
    }
    // Who forgets `net.` is nearer to it than to a short name of another group.
    let last = |full: &'static str| full.rsplit('.').next().unwrap_or(full);
    let far = |page: &&Page| {
        strsim::damerau_levenshtein(page.name, name)
            .min(strsim::damerau_levenshtein(last(page.name), name) + 1)
    };
    match all.iter().min_by_key(far) {
        Some(page) => {
            anyhow::bail!("there is no function `{name}`; did you mean `{}`?", page.name)
        }
        None => anyhow::bail!("there is no function `{name}`"),
    }
}

fn to_text(pages: &[Page]) -> String {
    let mut text = String::new();
    let mut group = "";
    for page in pages {
        if !text.is_empty() {
            text.push('\n');
        }
        if page.group != group {
            group = page.group;
            let _ = writeln!(text, "{group}\n");
        }
        let _ = writeln!(text, "  {}\n    {}", page.signature, page.doc);
        let (expression, result) = example(page.example);
        let _ = writeln!(text, "    example  {expression}\n          =  {result}");
        for source in page.sources() {
            let _ = writeln!(text, "    source   {source}");
        }
    }
    text
}

fn to_markdown(pages: &[Page]) -> String {
    let mut text = String::from(
        "# Functions\n\nWhat expressions in kinds, mappings and detectors may call. Printed by \
         `driftline explain --functions --format markdown`;\n`driftline explain --functions NAME` \
         prints one page. Parameters marked `?` may be left out.\n\n\
         An argument that is unknown makes the answer unknown. Where the first argument is not \
         there at all, neither is the\nanswer. Of a partial list what is known decides; what \
         nobody has seen is taken to add and not to forbid.\n",
    );
    let mut group = "";
    for page in pages {
        if page.group != group {
            group = page.group;
            let _ = write!(text, "\n## {group}\n");
        }
        let (expression, result) = example(page.example);
        let _ = write!(text, "\n### `{}`\n\n{}\n", page.signature, page.doc);
        let _ = write!(text, "\n```cel\n{expression}\n// {result}\n```\n");
        let sources: Vec<String> = page.sources().map(|source| format!("<{source}>")).collect();
        if !sources.is_empty() {
            let _ = write!(text, "\nSource: {}\n", sources.join(", "));
        }
    }
    text
}

/// An example is an expression that is true; one that compares is shown as what it computes and
/// what comes out.
fn example(text: &str) -> (&str, &str) {
    const EQUALS: &str = " == ";
    let mut quote = None;
    let mut depth = 0_usize;
    let mut split = None;
    for (place, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b' ') if depth == 0 && text[place..].starts_with(EQUALS) => split = Some(place),
            (Some(_) | None, _) => {}
        }
    }
    split.map_or((text, "true"), |place| (&text[..place], &text[place + EQUALS.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_split_where_it_compares_on_the_outside() {
        for (text, expected) in [
            ("a(1) == 2", ("a(1)", "2")),
            ("a(x, x == 1)", ("a(x, x == 1)", "true")),
            ("[' == '].b(c, c == 1) == ['=']", ("[' == '].b(c, c == 1)", "['=']")),
            ("a['é == '] == 1", ("a['é == ']", "1")),
        ] {
            assert_eq!(example(text), expected, "{text}");
        }
    }

    #[test]
    fn every_group_has_a_page_and_every_page_is_whole() {
        let pages = pages();
        for (title, _) in GROUPS {
            assert!(pages.iter().any(|page| page.group == title), "{title} has no page");
        }
        for page in &pages {
            assert!(page.doc.ends_with('.') && !page.example.is_empty(), "{}", page.signature);
            assert!(page.sources().all(|source| source.starts_with("https://")), "{}", page.name);
        }
    }
}
