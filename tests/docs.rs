//! Pages for people: what they show of configuration holds, and their links lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages: those at the top, and all in `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "BENCHMARKS.md", "CHANGELOG.md"]
        .map(|n| root().join(n))
        .into();
    let docs = std::fs::read_dir(root().join("docs")).expect("a folder");
    pages.extend(docs.map(|entry| entry.expect("a file").path()));
    pages.sort();
    pages
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is readable")
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(word)) => open = Some((word == language, String::new())),
            (Some(_), Some(_)) => {
                if let Some((true, block)) = open.take() {
                    blocks.push(block);
                }
            }
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A heading's name in a link, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// Where the links of a page lead; blocks of code have none.
fn links(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let parts = prose.split("](").skip(1);
    parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned())).collect()
}

#[test]
fn configuration_on_the_pages_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("event-hubs-connection-string"), "x\n").expect("written");
    std::fs::write(folder.path().join("slack-url"), "https://hooks.slack.com/services/x\n")
        .expect("written");
    let file = folder.path().join("driftline.yaml");
    let mut tried = 0;
    for page in ["docs/sources.md", "docs/operations.md", "docs/notify.md"] {
        for block in blocks(&read(&root().join(page)), "yaml") {
            std::fs::write(&file, &block).expect("it is written");
            let out = Command::new(env!("CARGO_BIN_EXE_driftline"))
                .arg("--config")
                .arg(&file)
                .arg("check")
                .env("PAGERDUTY_KEY", "0123456789abcdef0123456789abcdef")
                .output()
                .expect("it runs");
            assert!(
                out.status.success(),
                "{page}: {block}{}",
                String::from_utf8_lossy(&out.stderr)
            );
            tried += 1;
        }
    }
    assert!(tried >= 6, "{tried}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            if link.starts_with("http") {
                continue;
            }
            let (path, place) = link.split_once('#').unwrap_or((&link, ""));
            let to = if path.is_empty() {
                page.clone()
            } else {
                page.parent().expect("a folder").join(path)
            };
            assert!(to.exists(), "{}: {link}", page.display());
            if !place.is_empty() {
                let known = anchors(&read(&to)).contains(place);
                assert!(known, "{}: no heading of {link}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn pages_are_taken_apart_as_they_are_meant() {
    let text = "# A `b` c\n[x](y.md#z)\n```yaml\na: [b](c)\n```\n```console\nx\n```\n";
    assert_eq!(blocks(text, "yaml"), ["a: [b](c)\n"]);
    assert_eq!(links(text), ["y.md#z"]);
    assert!(anchors(text).contains("a-b-c"));
    assert_eq!(anchor(" Is it well?"), "is-it-well");
}
