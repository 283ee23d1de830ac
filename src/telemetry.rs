//! Logs and metrics: how they are written, every metric by name, once, and what workers tell
//! into metrics.
//!
//! **Invariant:** labels come from closed lists; no tenant, resource or actor is ever one.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

pub mod declared;
mod page;
mod pipeline;
mod recorder;

pub use declared::*;
pub use page::page;
pub use pipeline::{Pipeline, Series};
pub use recorder::{Exposition, Recorder, TelemetryError, describe, install, recorder};

/// Starts logging to stderr. `RUST_LOG` wins over `verbose`; a second call changes nothing.
pub fn start_logs(format: LogFormat, verbose: u8, colour: bool) {
    let level = match verbose {
        0 => "warn",
        1 => "driftline=info,warn",
        2 => "driftline=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour);
    // The error says that logging was started before, as in tests.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
