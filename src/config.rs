//! The configuration file and everything read from disk beside it.
//!
//! What enters is YAML and environment; what leaves is a [`Config`] in which every value holds,
//! or every fault at once. **Invariant:** raw and validated configuration are separate types,
//! and this is the one room that reads the environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Limits;
use crate::tenant::{Registry, Unmapped};

mod check;
#[cfg(feature = "kafka")]
mod cluster;
pub mod files;
pub mod notify;
mod overlay;
pub mod raw;
pub mod schema;
pub mod service;
pub mod show;
mod tenants;
mod yaml;

pub use files::read_folder;
pub use notify::Notify;
pub use service::Service;
pub use tenants::read_registry;

/// Configuration in which every value was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Content folders beside the shipped pack.
    pub content: Vec<PathBuf>,
    /// Whose the accounts are; `None` where no file was named.
    pub tenants: Option<Arc<Registry>>,
    /// Where metrics are served.
    pub listen: std::net::SocketAddr,
    /// Bounds of the core.
    pub limits: Limits,
    /// How logs are written.
    pub log_format: LogFormat,
    /// The service's part.
    pub service: Service,
    /// Who is told.
    pub notify: Notify,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            content: Vec::new(),
            tenants: None,
            listen: check::LISTEN,
            limits: Limits::default(),
            log_format: LogFormat::Text,
            service: Service::default(),
            notify: Notify::default(),
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why configuration was refused, or a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or folder cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file holds what it must not; each fault names its place.
    #[error("{}", faults.join("\n"))]
    Invalid {
        /// Every fault, as `file:line:column: what`.
        faults: Vec<String>,
    },
}

impl ConfigError {
    /// The error with its cause, on one line for each fault.
    #[must_use]
    pub fn whole(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => format!("{self}: {source}"),
            Self::Invalid { .. } => self.to_string(),
        }
    }
}

/// Reads the configuration: the file, where one is named, below the environment's
/// `DRIFTLINE__SECTION__KEY`.
///
/// # Errors
/// Every fault of the file, of the environment, and of the registry it names.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    load_with(file, &overlay::environment())
}

/// Whether the environment asks for no colours (<https://no-color.org>: set and not empty).
#[must_use]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn load_with(file: Option<&Path>, overrides: &[(String, String)]) -> Result<Config, ConfigError> {
    let text = file.map(files::read_text).transpose()?.unwrap_or_default();
    let name = file.map_or_else(String::new, |path| path.display().to_string());
    let tree = yaml::read::<raw::Raw>(&name, &text).and_then(|_| yaml::tree(&name, &text))?;
    let raw = overlay::apply(tree, overrides)?;
    check::check(&raw, file)
}

impl From<raw::OnUnmapped> for Unmapped {
    fn from(raw: raw::OnUnmapped) -> Self {
        match raw {
            raw::OnUnmapped::Quarantine => Self::Quarantine,
            raw::OnUnmapped::OwnTenant => Self::OwnTenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, overrides: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("driftline.yaml");
        std::fs::write(&path, text).expect("a file can be written");
        let pairs: Vec<(String, String)> =
            overrides.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let shown = folder.path().display().to_string() + "/";
        load_with(Some(&path), &pairs).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        for text in ["", "# nothing\n", "{}"] {
            let config = load_text(text, &[]).expect("it holds");
            assert_eq!(config.limits, Limits::default());
            assert_eq!(config.listen.to_string(), "127.0.0.1:9464");
        }
    }

    #[test]
    fn values_are_read_and_the_environment_wins() {
        let text = "web: {listen: '127.0.0.1:1'}\nlimits: {settle: 3m, elements: 7}\n\
                    telemetry: {log_format: json}\n";
        let config = load_text(text, &[]).expect("it holds");
        assert_eq!(config.limits.settle, 180_000_000);
        assert_eq!(config.limits.elements, 7);
        assert_eq!(config.log_format, LogFormat::Json);
        let over = [
            ("DRIFTLINE__WEB__LISTEN", "127.0.0.1:2"),
            ("DRIFTLINE__LIMITS__ELEMENTS", "8"),
            ("DRIFTLINE__TELEMETRY__LOG_FORMAT", "text"),
        ];
        let config = load_text(text, &over).expect("it holds");
        assert_eq!(config.listen.to_string(), "127.0.0.1:2");
        assert_eq!(config.limits.elements, 8);
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn the_embedded_log_s_folder_is_beside_the_file() {
        use service::Carrier;

        let config = load_text("embedded: {folder: log}", &[]).expect("it holds");
        let Carrier::Embedded(Some(folder)) = &config.service.log else { panic!("no folder") };
        assert!(folder.is_absolute() && folder.ends_with("log"), "{}", folder.display());
        let config = load_text("", &[]).expect("it holds");
        assert!(matches!(config.service.log, Carrier::Embedded(None)));
        for (text, expected) in [
            (
                "log: kafka\nembedded: {folder: log}",
                "driftline.yaml: embedded.folder: only `log: embedded` is kept in a folder",
            ),
            (
                "embedded: {folder: ''}",
                "driftline.yaml: embedded.folder: name a folder, or leave the key out",
            ),
            (
                "embedded: {folder: x/log}\nsources: [{path: y}, {path: x}]",
                "sources[1].path: `x` holds `embedded.folder`, and the log would be read as",
            ),
            (
                "sources: [{path: y}, {path: x}, {path: y}]",
                "driftline.yaml: sources[2].path: `y` is there twice",
            ),
        ] {
            let error = load_text(text, &[]).expect_err(text);
            assert!(error.contains(expected), "{text:?}:\n{error}\nwithout\n{expected}");
        }
    }

    #[test]
    fn a_fault_names_its_place_and_what_to_write_instead() {
        for (text, over, expected) in [
            (
                "\ntelemtry: {}\n",
                None,
                "driftline.yaml:2:1: unknown key `telemtry`; did you mean `telemetry`?",
            ),
            (
                "limits:\n  elemnts: 3\n",
                None,
                "driftline.yaml:2:3: unknown key `elemnts`; did you mean `elements`?",
            ),
            (
                "limits: {settle: soon}",
                None,
                "driftline.yaml: limits.settle: `soon` is not a span such as `30s`, `15m`, `4h`, `7d`",
            ),
            ("limits: {depth: 0}", None, "driftline.yaml: limits.depth: must be at least 1"),
            (
                "web: {listen: nowhere}",
                None,
                "driftline.yaml: web.listen: `nowhere` is not an address such as `127.0.0.1:9464`",
            ),
            (
                "log: kafka\nkafka: {security: {protocol: tls}}",
                None,
                "driftline.yaml: kafka.security.protocol: `tls` is none of `plaintext`, `ssl`,",
            ),
            (
                "log: kafka\nkafka: {security: {protocol: ssl, password: hunter2}}",
                None,
                "kafka.security: unknown key `password`; write `password_file`, secrets come from",
            ),
            (
                "sources: [{path: x, topic: y}]",
                None,
                "driftline.yaml: sources[0]: write one of `topic`, `path`",
            ),
            (
                "alerts: {format: proto}\nnotify: {destinations: {am: {type: alertmanager, \
                 urls: ['https://example.com']}}}",
                None,
                "driftline.yaml: alerts.format: `notify.destinations` are told of alerts as `ocsf`",
            ),
            (
                "workers: {fixed: true, session: soon}",
                None,
                "driftline.yaml: workers.session: `soon` is not a span such as `10s`, `1m`",
            ),
            (
                "",
                Some(("DRIFTLINE__LIMIT__DEPTH", "3")),
                "`DRIFTLINE__LIMIT__DEPTH`: unknown key `limit`; did you mean `limits`?",
            ),
        ] {
            let error = load_text(text, over.as_slice()).expect_err(text);
            assert!(error.contains(expected), "{text:?}:\n{error}\nwithout\n{expected}");
        }
    }

    #[test]
    fn every_fault_of_the_values_is_told_at_once() {
        let error = load_text("limits: {depth: 0, settle: x}\nweb: {listen: x}\n", &[]);
        assert_eq!(error.expect_err("three faults").lines().count(), 3);
    }

    #[test]
    fn the_example_files_hold_and_say_the_defaults() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let config = load_with(Some(&root.join("driftline.yaml")), &[]).expect("it holds");
        assert_eq!(config.limits, Limits::default(), "the example states every default");
        let text = files::read_text(&root.join("driftline.yaml")).expect("it is there");
        for key in raw::LIMITS {
            assert!(text.contains(&format!("  {key}: ")), "`limits.{key}` is not documented");
        }
        read_registry(&root.join("tenants.yaml")).expect("it holds");
    }

    #[test]
    fn a_missing_file_is_told_by_its_name() {
        let error = load_with(Some(Path::new("/nowhere/driftline.yaml")), &[]).expect_err("none");
        assert!(matches!(error, ConfigError::Unreadable { .. }));
        assert!(error.to_string().starts_with("`/nowhere/driftline.yaml` cannot be read"));
    }
}
