//! Pages that are printed from code or content and committed: one way to hold them fresh, and one
//! way to refresh them.

use std::path::Path;
use std::{env, fs};

/// Whether committed files may be written anew.
pub fn blessing() -> bool {
    env::var_os("DRIFTLINE_BLESS").is_some_and(|value| value == "1")
}

/// Holds a committed file to what it should be; with `DRIFTLINE_BLESS=1` it is written instead.
pub fn fresh(path: &str, expected: &str) {
    let committed = fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    if committed == expected {
        return;
    }
    if blessing() {
        let folder = Path::new(path).parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(path, expected).expect("the page can be written");
        return;
    }
    let line = committed.lines().zip(expected.lines()).take_while(|(left, right)| left == right);
    panic!(
        "`{path}` is stale from line {}; refresh all such pages: DRIFTLINE_BLESS=1 cargo test",
        line.count() + 1
    );
}
