//! Files and folders of content from disk, in an order that is the same everywhere.

use std::fs;
use std::path::Path;

use super::ConfigError;

/// How deep folders may nest; deeper ones are most likely a loop of links.
const DEPTH: usize = 16;

/// Reads one file as text.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

/// Reads every `.yaml`, `.yml` and `.json` file under `path` (or `path` itself, a file) in name
/// order: its name, with `/` between folders and beginning with `path`, and its text. Names that
/// begin with a dot are passed over.
///
/// # Errors
/// When anything among them cannot be read.
pub fn read_folder(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let mut found = Vec::new();
    walk(path, DEPTH, &mut |file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        if file == path || matches!(extension, Some("yaml" | "yml" | "json")) {
            found.push((slashed(file), read_text(file)?));
        }
        Ok(())
    })?;
    Ok(found)
}

fn slashed(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

/// Calls `visit` for every file under `path` in name order, or for `path` itself when it is a
/// file. Names that begin with a dot are passed over, except `path` itself.
///
/// # Errors
/// When a folder cannot be read, or `visit` says so.
pub fn walk(
    path: &Path,
    depth: usize,
    visit: &mut dyn FnMut(&Path) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return visit(path);
    }
    if depth == 0 {
        return Err(unreadable(std::io::Error::other("folders nest too deep")));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    let hidden = |entry: &Path| {
        entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    for entry in entries.iter().filter(|entry| !hidden(entry)) {
        walk(entry, depth - 1, visit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_in_name_order_and_only_for_content() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::create_dir(folder.path().join("b")).expect("made");
        for name in ["b/2.yaml", "b/1.yml", "a.json", "c.txt", ".hidden.yaml"] {
            fs::write(folder.path().join(name), name).expect("written");
        }
        let read = read_folder(folder.path()).expect("it reads");
        let texts: Vec<&str> = read.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a.json", "b/1.yml", "b/2.yaml"]);
        assert!(read[1].0.ends_with("/b/1.yml"), "{}", read[1].0);
        assert!(read_folder(&folder.path().join("none")).is_err());
    }
}
