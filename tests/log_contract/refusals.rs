//! What only a real cluster refuses: log-ins, and being there at all.

use std::time::Duration;

use driftline::log::kafka::{Connection, Kafka, Sasl, Secret, Security, Transport};
use driftline::log::{Admin as _, Cause, Log as _, LogError, Producer as _, Promise};

use crate::stage::{WAIT, broker, insist, unused};

fn kafka(brokers: String, password: &str) -> Kafka {
    let sasl = Sasl {
        mechanism: "PLAIN".to_owned(),
        username: "driftline".to_owned(),
        password: Secret(password.to_owned()),
    };
    let security =
        Security { transport: Transport::Plain, sasl: Some(sasl), ..Security::default() };
    Kafka::new(Connection { brokers, security, ..Connection::default() }).expect("a connection")
}

fn is_told(error: &LogError) {
    let text = error.to_string();
    let cause = error.trouble().map(|trouble| trouble.cause);
    assert_eq!(cause, Some(Cause::Authentication), "{error:?}");
    assert!(text.contains("`kafka.security`") && !text.contains("canary"), "{text}");
}

#[test]
fn a_refused_log_in_is_told_in_one_sentence_by_every_client() {
    let Some(brokers) = broker("DRIFTLINE_KAFKA_SASL") else { return };
    let log = kafka(brokers, "canary");
    let short = Duration::from_secs(3);
    let mut admin = log.admin().expect("an admin");
    is_told(&admin.describe("any", short).expect_err("it is refused"));
    let promise = Promise::Transactional { id: unused("id"), timeout: WAIT };
    let mut producer = log.producer(&promise).expect("a producer");
    is_told(&producer.init(short).expect_err("it is refused"));
}

#[test]
fn a_right_log_in_is_let_in() {
    let Some(brokers) = broker("DRIFTLINE_KAFKA_SASL") else { return };
    let mut admin = kafka(brokers, "for-tests-only").admin().expect("an admin");
    assert_eq!(insist(|| admin.describe(&unused("missing"), WAIT)), None);
}

#[test]
fn a_broker_that_is_not_there_may_be_asked_again() {
    // Port 1 of this machine: nobody listens there.
    let connection = Connection { brokers: "127.0.0.1:1".to_owned(), ..Connection::default() };
    let log = Kafka::new(connection).expect("a connection");
    let short = Duration::from_millis(500);
    let error = log.admin().expect("an admin").describe("any", short).expect_err("nobody answers");
    assert!(matches!(error, LogError::Retry(_)), "{error:?}");
}
