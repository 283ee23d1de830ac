//! Apache Kafka through librdkafka: the traits of [`super`] over its blocking clients.
//!
//! Each client is used from the thread that owns it; librdkafka's own threads do the sending and
//! fetching. What its documentation leaves open was measured on real brokers, and is named where
//! it matters.
//!
//! **Invariant:** no type of the library leaves this room, and no secret is ever written out.

use std::sync::Arc;

use super::{Isolation, Log, LogError, Membership, Promise};

mod admin;
mod block;
mod connection;
mod consumer;
mod context;
mod errors;
mod producer;
mod reader;

pub use admin::KafkaAdmin;
pub use connection::{Connection, OWNED, Properties, Sasl, Secret, Security, Transport};
pub use consumer::{KafkaConsumer, KafkaMember};
pub use producer::KafkaProducer;
pub use reader::KafkaReader;

/// A Kafka cluster.
#[derive(Clone, Debug)]
pub struct Kafka {
    connection: Arc<Connection>,
}

impl Kafka {
    /// The cluster that a connection leads to. Nothing is sent yet.
    ///
    /// # Errors
    /// Where a property is set that Driftline must own, or that librdkafka does not know.
    pub fn new(connection: Connection) -> Result<Self, LogError> {
        connection.check()?;
        Ok(Self { connection: Arc::new(connection) })
    }
}

impl Log for Kafka {
    type Member = KafkaMember;
    type Reader = KafkaReader;
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;
    type Admin = KafkaAdmin;

    fn reader(&self, isolation: Isolation) -> Result<KafkaReader, LogError> {
        KafkaReader::new(&self.connection, isolation)
    }

    fn consumer(&self, membership: &Membership) -> Result<KafkaConsumer, LogError> {
        KafkaConsumer::new(&self.connection, membership)
    }

    fn producer(&self, promise: &Promise) -> Result<KafkaProducer, LogError> {
        KafkaProducer::new(&self.connection, promise)
    }

    fn admin(&self) -> Result<KafkaAdmin, LogError> {
        Ok(KafkaAdmin::new(Arc::clone(&self.connection)))
    }
}
