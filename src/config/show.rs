//! The configuration that is in force, and where each value of it comes from.
//!
//! What enters is what [`super::load`] reads; what leaves is YAML that means the same, but for what is
//! or may be a secret: it shows as `[redacted]`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use granit_parser::{Event, Parser};
use serde_json::{Map, Value};

use super::{ConfigError, LogFormat, files, overlay, raw, yaml};

/// The file that states every default.
const DEFAULTS: &str = include_str!("../../config/driftline.yaml");
/// What is shown in the place of a secret.
const REDACTED: &str = "[redacted]";

/// How configuration is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether each value tells where it comes from.
    pub origin: bool,
    /// What the command line says in the place of `telemetry.log_format`.
    pub log_format: Option<LogFormat>,
}

/// Keys from the root; an item of a list by its number.
type At = Vec<String>;

/// The configuration that is in force: defaults, below the file, below the environment, below the
/// command line.
///
/// # Errors
/// As [`super::load`]; what the values themselves come to is not checked here.
pub fn show(file: Option<&Path>, style: Style) -> Result<String, ConfigError> {
    show_with(file, &overlay::environment(), style)
}

fn show_with(
    file: Option<&Path>,
    overrides: &[(String, String)],
    style: Style,
) -> Result<String, ConfigError> {
    let text = file.map(files::read_text).transpose()?.unwrap_or_default();
    let name = file.map_or_else(String::new, |path| path.display().to_string());
    let tree = yaml::read::<raw::Raw>(&name, &text).and_then(|_| yaml::tree(&name, &text))?;
    let mut said = overlay::merged(tree, overrides)?;
    let mut over: BTreeMap<At, String> =
        overrides.iter().map(|(name, _)| (overlay::path(name), name.clone())).collect();
    if let Some(format) = style.log_format {
        let word = if format == LogFormat::Json { "json" } else { "text" };
        if let Value::Object(members) = &mut said {
            let telemetry = members.entry("telemetry").or_insert_with(|| Map::new().into());
            if telemetry.is_null() {
                *telemetry = Map::new().into();
            }
            telemetry["log_format"] = word.into();
        }
        let at = ["telemetry", "log_format"].map(str::to_owned).to_vec();
        over.insert(at, "--log-format".to_owned());
    }
    let mut all = yaml::tree("config/driftline.yaml", DEFAULTS)?;
    lay(&mut all, said.clone());
    redact(&mut all);
    let origins = Origins { said, lines: lines(&name, &text), over };
    let mut page = Page { out: String::new(), origins: style.origin.then_some(origins) };
    page.members(&all, &mut Vec::new());
    Ok(page.out)
}

/// What is said over what holds where nothing is.
fn lay(base: &mut Value, said: Value) {
    match (base, said) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(said)) => {
            for (key, value) in said {
                lay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, said) => *base = said,
    }
}

/// Takes out what is or may be a secret: values of client properties, and of a destination's URL all
/// but scheme and host.
fn redact(all: &mut Value) {
    let sources = all["sources"].as_array_mut().into_iter().flatten();
    for source in sources {
        if source["kafka"].is_object() {
            hide_properties(&mut source["kafka"]);
        }
    }
    hide_properties(&mut all["kafka"]);
    let destinations = all["notify"]["destinations"].as_object_mut();
    for target in destinations.into_iter().flatten().map(|(_, target)| target) {
        for (key, value) in target.as_object_mut().into_iter().flatten() {
            match (key.as_str(), value) {
                ("url" | "proxy", value) => hide_path(value),
                ("urls", Value::Array(urls)) => urls.iter_mut().for_each(hide_path),
                _ => {}
            }
        }
    }
}

fn hide_properties(kafka: &mut Value) {
    let properties = kafka["properties"].as_object_mut().into_iter().flatten();
    properties.for_each(|(_, value)| *value = REDACTED.into());
}

fn hide_path(url: &mut Value) {
    let Some(text) = url.as_str() else { return };
    let Some((scheme, rest)) = text.split_once("://") else {
        *url = REDACTED.into();
        return;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.rsplit_once('@').map_or(host.to_owned(), |(_, h)| format!("{REDACTED}@{h}"));
    let path = if path.len() > 1 { format!("/{REDACTED}") } else { path.to_owned() };
    *url = format!("{scheme}://{host}{path}").into();
}

/// Where values come from.
struct Origins {
    /// What is said at all.
    said: Value,
    /// `file:line` of each value in the file.
    lines: BTreeMap<At, String>,
    /// What is set over the file: which variable or option.
    over: BTreeMap<At, String>,
}

impl Origins {
    /// Where the value at a place comes from; `default` where nothing says it.
    fn of(&self, at: &[String]) -> String {
        let said = at.iter().try_fold(&self.said, |value, key| value.get(key));
        if said.is_none_or(Value::is_null) {
            return "default".to_owned();
        }
        // A variable may set a whole section.
        let over = (1..=at.len()).rev().find_map(|length| self.over.get(&at[..length]));
        over.or_else(|| self.lines.get(at)).cloned().unwrap_or_else(|| "default".to_owned())
    }
}

/// YAML as it is written.
struct Page {
    out: String,
    origins: Option<Origins>,
}

impl Page {
    fn members(&mut self, value: &Value, at: &mut At) {
        let indent = "  ".repeat(at.len());
        for (key, value) in value.as_object().into_iter().flatten() {
            at.push(key.clone());
            let _ = write!(self.out, "{indent}{}:", scalar(&Value::from(key.as_str())));
            match value {
                Value::Object(members) if !members.is_empty() => {
                    self.out.push('\n');
                    self.members(value, at);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.end_line(at);
                    for item in items {
                        let _ = writeln!(self.out, "{indent}  - {}", scalar(item));
                    }
                }
                _ => {
                    let _ = write!(self.out, " {}", scalar(value));
                    self.end_line(at);
                }
            }
            at.pop();
        }
    }

    fn end_line(&mut self, at: &[String]) {
        if let Some(origins) = &self.origins {
            let _ = write!(self.out, "  # {}", origins.of(at));
        }
        self.out.push('\n');
    }
}

/// A value on one line: a word as it is where it is read as that word, else as JSON, which is YAML.
fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) if yaml::parse::<Value>(text).is_ok_and(|read| read == *value) => {
            text.to_owned()
        }
        _ => value.to_string(),
    }
}

/// Where each value stands in a file that was read before.
fn lines(name: &str, text: &str) -> BTreeMap<At, String> {
    /// What comes next in a mapping or list.
    enum Due {
        Key,
        Value(String),
        Item(usize),
    }
    let mut found = BTreeMap::new();
    // What is open: where it is itself, and what is due in it.
    let mut open: Vec<(At, Due)> = Vec::new();
    let options = granit_parser::options! { emit_comments: false };
    let mut events = Parser::new_from_str_with_options(text, options);
    while let Some(Ok((event, span))) = events.next_event() {
        let opens = match &event {
            Event::Scalar(..) => None,
            Event::MappingStart(..) => Some(Due::Key),
            Event::SequenceStart(..) => Some(Due::Item(0)),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                continue;
            }
            _ => continue,
        };
        let mut at = At::new();
        if let Some((parent, due)) = open.last_mut() {
            at.clone_from(parent);
            match (&*due, event) {
                (Due::Key, Event::Scalar(word, ..)) => {
                    *due = Due::Value(word.into_owned());
                    continue;
                }
                (Due::Key, _) => {}
                (Due::Value(key), _) => {
                    at.push(key.clone());
                    *due = Due::Key;
                }
                (Due::Item(number), _) => {
                    at.push(number.to_string());
                    *due = Due::Item(number + 1);
                }
            }
            found.insert(at.clone(), format!("{name}:{}", span.start.line()));
        }
        if let Some(due) = opens {
            open.push((at, due));
        }
    }
    found
}

#[cfg(test)]
mod tests;
