//! How a cluster is reached: the `kafka` block into a connection. Secrets come from files.

use std::path::{Path, PathBuf};

use crate::log::kafka::{Connection, Properties, Sasl, Secret, Security, Transport};

use super::files;
use super::raw::Kafka;

/// The keys of `security`.
const KEYS: [&str; 7] =
    ["protocol", "mechanism", "username", "password_file", "ca_file", "cert_file", "key_file"];

/// The connection that a block describes; every fault is added.
pub(super) fn connection(
    place: &str,
    kafka: &Kafka,
    beside: &dyn Fn(&str) -> PathBuf,
    faults: &mut Vec<String>,
) -> Connection {
    let base = Connection::default();
    let security = &kafka.security;
    for key in security.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let hint =
            if key == "password" { "; write `password_file`, secrets come from files" } else { "" };
        faults.push(format!("{place}.security: unknown key `{key}`{hint}"));
    }
    let said = |key: &str| security.get(key).map(String::as_str);
    let (transport, logs_in) = match said("protocol") {
        None | Some("plaintext") => (Transport::Plain, false),
        Some("ssl") => (Transport::Tls, false),
        Some("sasl_plaintext") => (Transport::Plain, true),
        Some("sasl_ssl") => (Transport::Tls, true),
        Some(other) => {
            faults.push(format!(
                "{place}.security.protocol: `{other}` is none of `plaintext`, `ssl`, \
                 `sasl_plaintext`, `sasl_ssl`"
            ));
            (Transport::Plain, false)
        }
    };
    let mut sasl = None;
    if logs_in {
        let mut needed = |key: &str| {
            if said(key).is_none() {
                faults.push(format!("{place}.security.{key}: `sasl` protocols need it"));
            }
            said(key).unwrap_or_default().to_owned()
        };
        let (mechanism, username) = (needed("mechanism"), needed("username"));
        let file = needed("password_file");
        let password = secret(&beside(&file), place, faults);
        sasl = Some(Sasl { mechanism, username, password });
    }
    let path = |key: &str| said(key).map(beside);
    let connection = Connection {
        brokers: kafka.brokers.clone().unwrap_or(base.brokers),
        client_id: base.client_id,
        reader_group: base.reader_group,
        security: Security {
            transport,
            sasl,
            ca_file: path("ca_file"),
            cert_file: path("cert_file"),
            key_file: path("key_file"),
        },
        properties: Properties(kafka.properties.clone()),
    };
    // What only the log-in needs was told above.
    if let Err(error) = connection.check() {
        faults.push(format!("{place}: {error}"));
    }
    connection
}

/// A secret's first line.
fn secret(file: &Path, place: &str, faults: &mut Vec<String>) -> Secret {
    match files::read_text(file) {
        Ok(text) => Secret(text.lines().next().unwrap_or_default().to_owned()),
        Err(error) => {
            faults.push(format!("{place}.security.password_file: {}", error.whole()));
            Secret(String::new())
        }
    }
}
