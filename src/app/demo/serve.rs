//! What `demo --serve` shows of itself: metrics, health, and the findings in its log.

use std::sync::Arc;

use crate::app::clock::Wall;
use crate::config::Config;
use crate::log::memory::Memory;
use crate::telemetry::{self, Pipeline, Series};
use crate::web::health::{Health, SILENCE};
use crate::web::view::{Following, Settings, View, follow};
use crate::web::{Bounds, Sources, Web};
use crate::worker::Role;

use super::{ALERTS, FINDINGS};

/// A listener, and what follows the log for it. Dropped, both end.
pub(super) struct Server {
    health: Arc<Health>,
    web: Web,
    _following: Following,
}

impl Server {
    /// Records metrics, follows the log, and listens.
    ///
    /// # Errors
    /// Where it can't be listened.
    pub(super) fn start(config: &Config, log: &Memory) -> anyhow::Result<Self> {
        let metrics = telemetry::install()?;
        let health = Health::new(Arc::new(Wall), SILENCE);
        let view = Arc::new(View::default());
        let observer = health.watch(Role::Web, Arc::new(Pipeline::of(Role::Web, &Series::new())));
        let sources = Sources {
            health: Arc::clone(&health),
            metrics: Box::new(move || metrics.render()),
            view: Some(Arc::clone(&view)),
            reload: None,
        };
        let web = Web::start(config.listen, sources, Bounds::default())?;
        let decode = Arc::new(|value: &[u8]| serde_json::from_slice(value).ok());
        let settings = Settings::of(FINDINGS, ALERTS);
        let following = follow(log.clone(), settings, view, decode, observer)?;
        Ok(Self { health, web, _following: following })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> std::net::SocketAddr {
        self.web.address()
    }
}

impl Drop for Server {
    /// Tells whoever asks while it ends.
    fn drop(&mut self) {
        self.health.end();
    }
}
