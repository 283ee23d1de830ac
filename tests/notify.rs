//! Deliveries over real connections: to a receiver that misbehaves, and to a real Alertmanager.

#[path = "notify/alertmanager.rs"]
mod alertmanager;
#[path = "notify/command.rs"]
mod command;
#[path = "notify/http.rs"]
mod http;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "notify/secrets.rs"]
mod secrets;
#[path = "notify/service.rs"]
mod service;
