//! How brokers are reached, and the settings every client of ours shares.
//!
//! **Invariant:** a secret shows in no `Debug`, error or log; a property that the guarantees hang
//! on cannot be set from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::super::{Call, Cause, Isolation, LogError, Membership, Promise, Protocol, Trouble};

/// Properties that only Driftline sets: what is promised hangs on them, or they have a key of
/// their own in the configuration.
pub const OWNED: [&str; 34] = [
    "acks",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "log.queue",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "retries",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "transaction.timeout.ms",
    "transactional.id",
];

/// How brokers are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// What brokers call this client in their logs and quotas.
    pub client_id: String,
    /// A group's name for clients that read outside any group; nothing is ever committed for it.
    pub reader_group: String,
    /// Transport and log-in.
    pub security: Security,
    /// Further properties of librdkafka, which win over ours where they are not [`OWNED`].
    pub properties: Properties,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            client_id: "driftline".to_owned(),
            reader_group: "driftline.reader".to_owned(),
            security: Security::default(),
            properties: Properties::default(),
        }
    }
}

/// Further properties; their values are never shown, as any may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Transport and log-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// Whether the connection is encrypted.
    pub transport: Transport,
    /// How to log in.
    pub sasl: Option<Sasl>,
    /// Certificates to trust, PEM; the system's where `None`.
    pub ca_file: Option<PathBuf>,
    /// This client's certificate, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// No.
    #[default]
    Plain,
    /// By TLS; the broker's name is checked.
    Tls,
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`.
    pub mechanism: String,
    /// Who.
    pub username: String,
    /// By what.
    pub password: Secret,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Connection {
    /// Whether every property may be set and is known.
    ///
    /// # Errors
    /// The first that may not, or is not.
    pub fn check(&self) -> Result<(), LogError> {
        for name in self.properties.0.keys() {
            if OWNED.contains(&name.as_str()) {
                return Err(unfit(
                    format!("`{name}` is set by Driftline alone"),
                    "remove it from `kafka.properties`",
                ));
            }
        }
        self.base().create_native_config().map(|_| ()).map_err(|error| refused(&error))
    }

    /// What all clients share.
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(level());
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", &self.client_id);
        // Growth of a topic and moves of leaders are seen after so long at most; 300 s by default.
        config.set("topic.metadata.refresh.interval.ms", "15000");
        config.set("security.protocol", self.security.protocol());
        let Security { sasl, ca_file, cert_file, key_file, .. } = &self.security;
        if let Some(Sasl { mechanism, username, password }) = sasl {
            config.set("sasl.mechanism", mechanism);
            config.set("sasl.username", username);
            config.set("sasl.password", &password.0);
        }
        let files = [
            ("ssl.ca.location", ca_file),
            ("ssl.certificate.location", cert_file),
            ("ssl.key.location", key_file),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                config.set(name, file.display().to_string());
            }
        }
        config.extend(self.properties.0.clone());
        config
    }

    /// Ours first, then what the user set beside it.
    fn with(&self, ours: &[(&str, String)]) -> ClientConfig {
        let mut config = self.base();
        for (name, value) in ours {
            if !self.properties.0.contains_key(*name) {
                config.set(*name, value);
            }
        }
        config
    }

    fn reading(group: &str, isolation: Isolation) -> Vec<(&'static str, String)> {
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        vec![
            ("group.id", group.to_owned()),
            ("isolation.level", isolation.to_owned()),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("enable.partition.eof", "true".to_owned()),
            // A place that is not there is told, not skipped.
            ("auto.offset.reset", "error".to_owned()),
            // A full queue parks a partition for so long; 1,000 by default.
            ("fetch.queue.backoff.ms", "5".to_owned()),
            // What is read ahead is memory of this process, and no faster where it is more.
            ("queued.max.messages.kbytes", "4096".to_owned()),
        ]
    }

    /// For clients that read outside any group.
    pub(super) fn for_reader(&self, isolation: Isolation) -> ClientConfig {
        let mut ours = Self::reading(&self.reader_group, isolation);
        ours.push(("fetch.wait.max.ms", "10".to_owned()));
        self.with(&ours)
    }

    /// For a client that asks what a group committed, and does not join it. A committed reader's
    /// question waits until what would change the answer is decided.
    pub(super) fn for_offsets(&self, group: &str) -> ClientConfig {
        self.with(&Self::reading(group, Isolation::Committed))
    }

    /// For the client that arranges. Nobody serves its log.
    pub(super) fn for_admin(&self) -> ClientConfig {
        let mut config = self.base();
        config.set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    /// For members of a group.
    pub(super) fn for_member(&self, membership: &Membership) -> ClientConfig {
        let mut ours = Self::reading(&membership.group, Isolation::Committed);
        ours.push(("max.poll.interval.ms", millis(membership.silence.max(membership.session))));
        match membership.protocol {
            Protocol::Broker => ours.push(("group.protocol", "consumer".to_owned())),
            Protocol::Classic => {
                let heartbeat = (membership.session / 6).min(Duration::from_secs(1));
                ours.push(("group.protocol", "classic".to_owned()));
                ours.push(("partition.assignment.strategy", "cooperative-sticky".to_owned()));
                ours.push(("session.timeout.ms", millis(membership.session)));
                ours.push(("heartbeat.interval.ms", millis(heartbeat)));
                if let Some(instance) = &membership.instance {
                    ours.push(("group.instance.id", instance.clone()));
                }
            }
        }
        self.with(&ours)
    }

    /// For producers.
    pub(super) fn for_producer(&self, promise: &Promise) -> ClientConfig {
        let mut ours = vec![
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            // As Kafka's own clients spread keys; librdkafka's default is another.
            ("partitioner", "murmur2_random".to_owned()),
            ("linger.ms", "0".to_owned()),
            ("queue.buffering.max.kbytes", "65536".to_owned()),
        ];
        if let Promise::Transactional { id, timeout } = promise {
            ours.push(("transactional.id", id.clone()));
            ours.push(("transaction.timeout.ms", millis(*timeout)));
        }
        self.with(&ours)
    }
}

impl Security {
    fn protocol(&self) -> &'static str {
        match (self.transport, self.sasl.is_some()) {
            (Transport::Plain, false) => "plaintext",
            (Transport::Plain, true) => "sasl_plaintext",
            (Transport::Tls, false) => "ssl",
            (Transport::Tls, true) => "sasl_ssl",
        }
    }
}

fn millis(span: Duration) -> String {
    span.as_millis().to_string()
}

/// As much of librdkafka's log as ours would show.
fn level() -> RDKafkaLogLevel {
    if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else if tracing::enabled!(target: "librdkafka", tracing::Level::INFO) {
        RDKafkaLogLevel::Info
    } else {
        RDKafkaLogLevel::Warning
    }
}

fn unfit(detail: String, fix: &str) -> LogError {
    LogError::Configuration {
        trouble: Trouble::new(Call::Connect, Cause::Unfit, detail),
        fix: fix.to_owned(),
    }
}

/// A client that could not be made. The library's own text may hold a property's value.
pub(super) fn refused(error: &KafkaError) -> LogError {
    match error {
        KafkaError::ClientConfig(_, _, name, _) => {
            let detail = format!("librdkafka does not take `{name}` as it is set");
            unfit(detail, "correct it in `kafka`, or remove it")
        }
        KafkaError::ClientCreation(text) if text.contains("OpenSSL not available") => unfit(
            "this build has no TLS".to_owned(),
            "build it with the feature `tls` or `tls-system`",
        ),
        KafkaError::ClientCreation(text) => unfit(
            format!("a client cannot be made: {text}"),
            "correct `kafka` in the configuration",
        ),
        other => unfit(
            format!("a client cannot be made: {other}"),
            "correct `kafka` in the configuration",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Connection {
        let properties = Properties(BTreeMap::from([(name.to_owned(), value.to_owned())]));
        Connection { properties, ..Connection::default() }
    }

    #[test]
    fn secrets_are_not_shown_whatever_they_are_called() {
        let security = Security {
            sasl: Some(Sasl {
                mechanism: "PLAIN".to_owned(),
                username: "driftline".to_owned(),
                password: Secret("canary-1".to_owned()),
            }),
            ..Security::default()
        };
        let connection = Connection { security, ..with("ssl.key.pem", "canary-2") };
        let shown = format!("{connection:?}");
        assert!(shown.contains("driftline") && shown.contains("ssl.key.pem"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
        let wrong = with("ssl.key.pemm", "canary-3").check().expect_err("it is unknown");
        assert!(!wrong.to_string().contains("canary"), "{wrong}");
    }

    #[test]
    fn properties_the_guarantees_hang_on_are_refused_by_name() {
        for name in OWNED {
            let error = with(name, "1").check().expect_err(name);
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
        with("socket.keepalive.enable", "true").check().expect("it may be set");
    }

    #[test]
    fn a_property_librdkafka_does_not_know_is_refused_with_its_name() {
        let error = with("linger.mss", "5").check().expect_err("it is unknown").to_string();
        assert!(error.contains("`linger.mss`"), "{error}");
    }

    #[test]
    fn what_a_user_sets_wins_where_it_may() {
        let config = with("linger.ms", "5").for_producer(&Promise::Idempotent);
        assert_eq!(config.get("linger.ms"), Some("5"));
        assert_eq!(config.get("enable.idempotence"), Some("true"));
    }

    #[test]
    fn every_client_of_ours_is_one_librdkafka_can_make() {
        let connection = Connection::default();
        let timeout = Duration::from_secs(10);
        let promise = Promise::Transactional { id: "x".to_owned(), timeout };
        let member = |protocol| Membership {
            group: "g".to_owned(),
            topics: vec!["t".to_owned()],
            instance: None,
            protocol,
            session: Duration::from_secs(6),
            silence: Duration::from_secs(60),
        };
        for config in [
            connection.for_reader(Isolation::Committed),
            connection.for_offsets("g"),
            connection.for_member(&member(Protocol::Classic)),
            connection.for_member(&member(Protocol::Broker)),
        ] {
            config.create::<rdkafka::consumer::BaseConsumer>().expect("a consumer");
        }
        for promise in [promise, Promise::Idempotent] {
            let config = connection.for_producer(&promise);
            config.create::<rdkafka::producer::BaseProducer>().expect("a producer");
        }
    }

    #[cfg(any(feature = "tls", feature = "tls-system"))]
    #[test]
    fn tls_and_scram_are_built_in() {
        let security = Security {
            transport: Transport::Tls,
            sasl: Some(Sasl {
                mechanism: "SCRAM-SHA-512".to_owned(),
                username: "driftline".to_owned(),
                password: Secret("x".to_owned()),
            }),
            ..Security::default()
        };
        let connection = Connection { security, ..with("compression.type", "zstd") };
        let config = connection.for_producer(&Promise::Idempotent);
        config.create::<rdkafka::producer::BaseProducer>().expect("a producer");
    }
}
