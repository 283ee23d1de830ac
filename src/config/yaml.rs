//! YAML text into shapes; a fault tells file, line, column and what was probably meant.

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::ConfigError;

/// Reads one document. Text without any is the default.
pub(super) fn read<T: DeserializeOwned + Default>(
    file: &str,
    text: &str,
) -> Result<T, ConfigError> {
    if is_blank(text) {
        return Ok(T::default());
    }
    parse(text).map_err(|error| ConfigError::Invalid { faults: vec![fault(file, &error)] })
}

/// YAML 1.2's booleans alone (`off` is a word), and `012` keeps its zero (accounts do).
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// Reads one document as a tree, for overlaying; text without any is an empty mapping.
pub(super) fn tree(file: &str, text: &str) -> Result<serde_json::Value, ConfigError> {
    let value: serde_json::Value = read(file, text)?;
    Ok(if value.is_null() { serde_json::json!({}) } else { value })
}

fn is_blank(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    })
}

fn fault(file: &str, error: &Error) -> String {
    let error = error.without_snippet();
    let place = error.location().map_or_else(
        || file.to_owned(),
        |place| format!("{file}:{}:{}", place.line(), place.column()),
    );
    if let Error::SerdeUnknownField { field, expected, .. } = error {
        return format!("{place}: {}", unknown(field, expected));
    }
    // The library ends its first line with the place, which stands in front already.
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("not readable").to_owned();
    format!("{place}: {line}")
}

/// What is told about a key that nothing knows.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    let close = |word: &&&str| strsim::damerau_levenshtein(word, key) <= 2.max(key.len() / 3);
    let nearest =
        known.iter().filter(close).min_by_key(|word| strsim::damerau_levenshtein(word, key));
    match nearest {
        Some(word) => format!("unknown key `{key}`; did you mean `{word}`?"),
        None => format!("unknown key `{key}`; known are `{}`", known.join("`, `")),
    }
}
