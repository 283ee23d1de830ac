//! The `notify` block as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Destinations and routes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// By name.
    pub destinations: BTreeMap<String, Destination>,
    /// In order.
    pub routes: Vec<Route>,
    /// A span.
    pub give_up_after: Option<String>,
    /// Alerts told one by one.
    pub burst: Option<usize>,
    /// A span.
    pub window: Option<String>,
    /// Alerts in memory for each destination.
    pub queue: Option<usize>,
}

/// A destination.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Destination {
    /// `alertmanager`, `pagerduty`, `webhook`, `slack`.
    #[serde(rename = "type")]
    pub sort: Option<String>,
    /// Where it listens.
    pub url: Option<String>,
    /// In its place several that are one.
    pub urls: Option<Vec<String>>,
    /// In its place a file that holds it.
    pub url_file: Option<String>,
    /// In its place a variable that holds it.
    pub url_env: Option<String>,
    /// A file with an integration key.
    pub key_file: Option<String>,
    /// A variable with an integration key.
    pub key_env: Option<String>,
    /// A file with signing secrets.
    pub secret_file: Option<String>,
    /// A variable with signing secrets.
    pub secret_env: Option<String>,
    /// A file with a bearer token.
    pub token_file: Option<String>,
    /// A variable with a bearer token.
    pub token_env: Option<String>,
    /// Requests in a time.
    pub rate: Option<String>,
    /// A span.
    pub resend: Option<String>,
    /// A span.
    pub timeout: Option<String>,
    /// As in the whole block.
    pub burst: Option<usize>,
    /// As in the whole block.
    pub window: Option<String>,
    /// As in the whole block.
    pub queue: Option<usize>,
    /// As in the whole block.
    pub give_up_after: Option<String>,
    /// A file with trusted certificates.
    pub ca_file: Option<String>,
    /// A proxy's URL.
    pub proxy: Option<String>,
    /// HTTP without TLS.
    pub allow_http: bool,
    /// Private addresses.
    pub allow_private: bool,
}

/// A route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// Which alerts.
    #[serde(rename = "match")]
    pub matcher: Match,
    /// Names of destinations.
    pub to: Vec<String>,
    /// Whether later routes are looked at as well.
    #[serde(rename = "continue")]
    pub goes_on: bool,
}

/// What an alert must be like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Whose; patterns.
    pub tenant: Words,
    /// At least as bad.
    pub severity: Option<String>,
    /// Parts of the shared-responsibility model.
    pub area: Words,
    /// Detectors; patterns.
    pub detector: Words,
    /// Steps.
    pub step: Words,
    /// Keys and patterns of tags.
    pub tag: BTreeMap<String, String>,
    /// Clouds.
    pub provider: Words,
}

/// One word, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for Words {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Words {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }
}
