//! The environment over the file: `DRIFTLINE__SECTION__KEY=value`.

use serde_json::Value;

use super::raw::Raw;
use super::{ConfigError, yaml};

const PREFIX: &str = "DRIFTLINE__";

/// The environment's variables that override a key, in name order.
pub(super) fn environment() -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with(PREFIX))
        .collect();
    pairs.sort();
    pairs
}

/// Sets each override in `tree` and reads the whole.
///
/// A value is read as YAML would read it, and as text where only text fits there.
pub(super) fn apply(tree: Value, overrides: &[(String, String)]) -> Result<Raw, ConfigError> {
    serde_json::from_value(merged(tree, overrides)?)
        .map_err(|error| ConfigError::Invalid { faults: vec![error.to_string()] })
}

/// The keys that a variable names.
pub(super) fn path(variable: &str) -> Vec<String> {
    variable[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect()
}

/// `tree` with each override set.
pub(super) fn merged(
    mut tree: Value,
    overrides: &[(String, String)],
) -> Result<Value, ConfigError> {
    let mut faults = Vec::new();
    for (name, text) in overrides {
        let path = path(name);
        let typed = yaml::parse::<Value>(text).unwrap_or_else(|_| text.clone().into());
        match placed(&tree, &path, typed).or_else(|_| placed(&tree, &path, text.clone().into())) {
            Ok(next) => tree = next,
            Err(fault) => faults.push(format!("`{name}`: {fault}")),
        }
    }
    if !faults.is_empty() {
        return Err(ConfigError::Invalid { faults });
    }
    Ok(tree)
}

fn placed(tree: &Value, path: &[String], value: Value) -> Result<Value, String> {
    let mut next = tree.clone();
    let mut place = &mut next;
    for key in path {
        if place.is_null() {
            *place = Value::Object(serde_json::Map::new());
        }
        let Some(members) = place.as_object_mut() else {
            return Err(format!("`{key}` has nothing to stand in"));
        };
        place = members.entry(key.clone()).or_insert(Value::Null);
    }
    *place = value;
    serde_json::from_value::<Raw>(next.clone()).map(|_| next).map_err(|error| told(&error))
}

/// Rewrites serde's words for an unknown key into ours.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let mut quoted = text.split('`').skip(1).step_by(2);
    match quoted.next() {
        Some(key) if text.starts_with("unknown field") => {
            yaml::unknown(key, &quoted.collect::<Vec<_>>())
        }
        Some(_) | None => text,
    }
}
