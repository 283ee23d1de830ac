//! What every log promises, proved over each back end: the one in memory, the same kept in a
//! folder, and a real Kafka where `DRIFTLINE_KAFKA` says where one is
//! (`scripts/kafka run cargo test --test log_contract`).

#![expect(clippy::panic, reason = "a test that cannot go on ends")]

#[path = "log_contract/groups.rs"]
mod groups;
#[path = "log_contract/reading.rs"]
mod reading;
#[cfg(feature = "kafka")]
#[path = "log_contract/refusals.rs"]
mod refusals;
#[path = "log_contract/stage.rs"]
mod stage;
#[path = "log_contract/topics.rs"]
mod topics;
#[path = "log_contract/transactions.rs"]
mod transactions;
