//! Files and folders of content from disk, in an order that is the same everywhere.

use std::fs;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// How deep folders may nest.
const DEPTH: usize = 16;

/// Bytes of one file of content or configuration; nobody writes more by hand.
pub const FILE_BYTES: u64 = 4 << 20;

/// Reads one file as text, of at most [`FILE_BYTES`].
///
/// # Errors
/// When it cannot be read, is no plain file, is too large, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(invalid(path, "", "this is no plain file, and nothing else is read"));
    }
    if about.len() > FILE_BYTES {
        let message = format!("the file has {} bytes; at most {FILE_BYTES} are read", about.len());
        return Err(invalid(path, "", &message));
    }
    String::from_utf8(fs::read(path).map_err(unreadable)?).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        invalid(path, &format!(":{line}:{column}"), "not UTF-8: save the file in that encoding")
    })
}

fn invalid(path: &Path, place: &str, message: &str) -> ConfigError {
    ConfigError::Invalid { faults: vec![format!("{}{place}: error: {message}", path.display())] }
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
    walk_below(path, depth, &mut Vec::new(), visit)
}

/// `above` are the folders that lead here, by their true places.
fn walk_below(
    path: &Path,
    depth: usize,
    above: &mut Vec<PathBuf>,
    visit: &mut dyn FnMut(&Path) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return visit(path);
    }
    if depth == 0 {
        return Err(invalid(path, "", "folders nest too deep"));
    }
    let place = fs::canonicalize(path).map_err(unreadable)?;
    if above.contains(&place) {
        let message = format!("a link back to `{}`, which it is in", place.display());
        return Err(invalid(path, "", &message));
    }
    above.push(place);
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    let hidden = |entry: &Path| {
        entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    for entry in entries.iter().filter(|entry| !hidden(entry)) {
        walk_below(entry, depth - 1, above, visit)?;
    }
    above.pop();
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
