//! Deliveries over real connections: to a receiver that misbehaves, to a real Alertmanager,
//! and from a real Kafka.

#[path = "notify/alertmanager.rs"]
mod alertmanager;
#[path = "notify/command.rs"]
mod command;
#[path = "notify/http.rs"]
mod http;
#[cfg(feature = "kafka")]
#[path = "notify/kafka.rs"]
mod kafka;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "notify/secrets.rs"]
mod secrets;
#[path = "notify/service.rs"]
mod service;
#[cfg(test)]
#[cfg(feature = "kafka")]
#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "only what finds a broker is used of it"
)]
#[path = "log_contract/stage.rs"]
mod stage;
