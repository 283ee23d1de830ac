//! Content taken up anew while the service runs, asked for by a signal or over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Config;

use super::pack;
use super::service::Shared;

/// What loads content anew and hands it to the workers.
pub(super) struct Reload {
    config: Config,
    shared: Arc<Shared>,
    /// Two at once would hand over in any order.
    turn: Mutex<()>,
}

impl Reload {
    pub(super) fn new(config: &Config, shared: &Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { config: config.clone(), shared: Arc::clone(shared), turn: Mutex::new(()) })
    }

    /// Loads and hands over.
    ///
    /// # Errors
    /// Why the old content stays, for whoever asked; every fault is in the log.
    pub(super) fn run(&self) -> Result<(), String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.adopt(pack::reload(&self.config, &[])?);
        Ok(())
    }
}
