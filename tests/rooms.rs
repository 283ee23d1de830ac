//! The direction of dependencies: each room uses only rooms before it, and the core knows
//! nothing of brokers, metrics, files, environment or clocks.

use std::fs;
use std::path::Path;

/// The rooms in order: a room may use those before it.
const ROOMS: [&str; 21] = [
    "model",
    "decode",
    "expr",
    "cloud",
    "content",
    "tenant",
    "map",
    "state",
    "detect",
    "alert",
    "engine",
    "wire",
    "log",
    "worker",
    "notify",
    "web",
    "config",
    "telemetry",
    "app",
    "cli",
    "main",
];

/// Rooms later in the order that a room may use all the same, and why.
const EXCEPTIONS: [(&str, &str); 1] = [
    // The commands read the command line they were given; `cli` itself only declares it.
    ("app", "cli"),
];

/// The last room of the core.
const CORE_ENDS: &str = "wire";

/// What the core never names.
const BANNED: [&str; 10] = [
    "tokio",
    "rdkafka",
    "metrics::",
    "std::fs",
    "std::env",
    "SystemTime",
    "Instant",
    "std::net",
    "std::thread",
    "Timestamp::now",
];

/// What a source text of a room does that it must not.
fn faults(room: &str, text: &str) -> Vec<String> {
    let place = |name: &str| ROOMS.iter().position(|room| *room == name);
    let Some(own) = place(room) else {
        return vec![format!("`{room}` is not a room: name it in `ROOMS`")];
    };
    let core = Some(own) <= place(CORE_ENDS);
    let mut faults = Vec::new();
    let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    for (number, line) in production.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for used in used_rooms(code) {
            let allowed =
                place(&used).is_some_and(|at| at <= own) || EXCEPTIONS.contains(&(room, &used));
            if !allowed {
                faults.push(format!("line {}: `{room}` uses `{used}`", number + 1));
            }
        }
        for word in BANNED.iter().filter(|word| core && code.contains(**word)) {
            if *word == "std::net" && (code.contains("IpAddr") || code.contains("Ipv")) {
                continue; // Addresses are data; sockets are not.
            }
            faults.push(format!("line {}: `{room}` is core and names `{word}`", number + 1));
        }
    }
    faults
}

/// The rooms named behind `crate::` (or `driftline::`, in the binary), braces opened.
fn used_rooms(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "driftline::"] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => {
                    let list = list.split('}').next().unwrap_or_default();
                    found.extend(list.split(',').map(first_word));
                }
                None => found.push(first_word(rest)),
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn first_word(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder reads");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_room_uses_only_rooms_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(paths.len() > 50, "the sources are found");
    let mut all = Vec::new();
    for path in paths {
        let inside = path.strip_prefix(&root).expect("it lies inside").to_path_buf();
        // Test modules in files of their own may use what they like.
        let name = inside.display().to_string();
        if name == "lib.rs" || name.contains("tests") || name.ends_with("samples.rs") {
            continue;
        }
        let room = inside.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        let text = fs::read_to_string(&path).expect("a source reads");
        let told = faults(room.trim_end_matches(".rs"), &text);
        all.extend(told.into_iter().map(|fault| format!("src/{name}: {fault}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_use_of_a_later_room_is_found() {
    for (room, text, found) in [
        ("model", "use crate::state::Row;", true),
        ("decode", "use crate::{model::Event, engine};", true),
        ("decode", "use crate::{model::Event};", false),
        ("map", "fn f(x: crate::app::Ended) {}", true),
        ("engine", "use crate::detect::Told;", false),
        ("app", "use crate::cli::Cli;", false),
        ("cli", "use crate::app;", false),
        ("config", "use crate::cli::Cli;", true),
        ("nowhere", "", true),
        ("state", "// use crate::engine;", false),
        ("state", "let now = SystemTime::now();", true),
        ("detect", "use std::fs::File;", true),
        ("decode", "use std::net::IpAddr;", false),
        ("decode", "use std::net::TcpStream;", true),
        ("alert", "metrics::counter!(\"x\");", true),
        ("app", "use std::fs::File;", false),
    ] {
        assert_eq!(!faults(room, text).is_empty(), found, "{room}: {text}");
    }
}
