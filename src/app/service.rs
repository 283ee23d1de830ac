//! The workers as threads of one process: started, given new content, ended in order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;

use crate::content::Content;
use crate::engine::Setup;
use crate::log::{Log, LogError};
use crate::notify::{self, Lane, Notify, Routes, Transport};
use crate::tenant::Registry;
use crate::worker::{Clock, Detect, Ingest, IngestSettings, Observer, Settings};

use super::clock::Wall;

/// How long a turn waits for something to happen: so long content and the end wait at most.
const TURN: Duration = Duration::from_millis(100);

/// What workers share while they run.
pub(super) struct Shared {
    stop: AtomicBool,
    /// Which content is the newest.
    number: AtomicU64,
    content: Mutex<Arc<Content>>,
    /// Why the service can't go on, as the first worker that found out said.
    fault: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(content: Arc<Content>) -> Arc<Self> {
        Arc::new(Self {
            stop: AtomicBool::new(false),
            number: AtomicU64::new(0),
            content: Mutex::new(content),
            fault: Mutex::new(None),
        })
    }

    /// Has every worker go by other content.
    pub(super) fn adopt(&self, content: Arc<Content>) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = content;
        self.number.fetch_add(1, Ordering::Release);
    }

    /// Asks every worker to end.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether workers are asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Why the service ended, where a worker could not go on.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the service, as it can't go on.
    pub(super) fn fail(&self, why: String) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stop();
    }

    fn newer(&self, seen: &mut u64) -> Option<Arc<Content>> {
        let number = self.number.load(Ordering::Acquire);
        if number == *seen {
            return None;
        }
        *seen = number;
        Some(Arc::clone(&self.content.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A worker of some role.
trait Turning {
    fn turn(&mut self, wait: Duration) -> Result<(), LogError>;
    fn adopt(&mut self, content: &Arc<Content>);
    fn stop(self: Box<Self>, wait: Duration) -> Result<(), LogError>;
}

impl<L: Log> Turning for Detect<L> {
    fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        Self::turn(self, wait)
    }

    fn adopt(&mut self, content: &Arc<Content>) {
        Self::adopt(self, content);
    }

    fn stop(self: Box<Self>, wait: Duration) -> Result<(), LogError> {
        Self::stop(*self, wait)
    }
}

impl<L: Log> Turning for Ingest<L> {
    fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        Self::turn(self, wait)
    }

    fn adopt(&mut self, content: &Arc<Content>) {
        Self::adopt(self, content);
    }

    fn stop(self: Box<Self>, wait: Duration) -> Result<(), LogError> {
        Self::stop(*self, wait)
    }
}

impl<L: Log, T: Transport> Turning for Notify<L, T> {
    fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        Self::turn(self, wait)
    }

    fn adopt(&mut self, content: &Arc<Content>) {
        Self::adopt(self, content);
    }

    fn stop(self: Box<Self>, wait: Duration) -> Result<(), LogError> {
        Self::stop(*self, wait)
    }
}

/// What every worker is made with.
#[derive(Clone)]
pub(super) struct Tools {
    pub content: Arc<Content>,
    pub registry: Arc<Registry>,
    pub setup: Setup,
    pub shared: Arc<Shared>,
    /// How long an orderly end may take.
    pub patience: Duration,
}

impl Tools {
    /// Starts a worker that detects.
    pub(super) fn detect<L: Log>(
        &self,
        log: L,
        settings: Settings,
        observer: Arc<dyn Observer>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let Self { content, registry, setup, .. } = self.clone();
        let name = settings.name.clone();
        self.spawn(name, move || {
            Box::new(Detect::new(
                log,
                settings,
                (content, registry, setup),
                Arc::new(Wall),
                observer,
            ))
        })
    }

    /// Starts a worker that takes in.
    pub(super) fn ingest<L: Log>(
        &self,
        (from, to): (L, L),
        settings: IngestSettings,
        name: &str,
        observer: Arc<dyn Observer>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let Self { content, registry, setup, .. } = self.clone();
        self.spawn(name.to_owned(), move || {
            let content = (content, &registry, &setup);
            Box::new(Ingest::new((from, to), settings, content, Arc::new(Wall), observer))
        })
    }

    /// Starts a worker that notifies.
    pub(super) fn notify<L: Log, T: Transport + Send + 'static>(
        &self,
        log: L,
        settings: notify::Settings,
        told: (Vec<Lane>, Routes),
        transport: T,
        (name, observer): (&str, Arc<dyn Observer>),
    ) -> anyhow::Result<JoinHandle<()>> {
        let content = Arc::clone(&self.content);
        self.spawn(name.to_owned(), move || {
            let heard: (Arc<dyn Clock>, _) = (Arc::new(Wall), observer);
            Box::new(Notify::new(log, settings, told, transport, &content, heard))
        })
    }

    fn spawn<W: Turning + 'static>(
        &self,
        name: String,
        make: impl FnOnce() -> Box<W> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<()>> {
        let (shared, patience) = (Arc::clone(&self.shared), self.patience);
        let builder = thread::Builder::new().name(name.clone());
        builder
            .spawn(move || {
                let run = || work(make(), &shared, patience);
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => shared.fail(error.to_string()),
                    Err(_) => shared.fail(format!("worker {name} broke; its message is above")),
                }
            })
            .context("a worker cannot be started")
    }
}

fn work<W: Turning + ?Sized>(
    mut worker: Box<W>,
    shared: &Shared,
    patience: Duration,
) -> Result<(), LogError> {
    let mut seen = 0;
    while !shared.is_stopped() {
        if let Some(content) = shared.newer(&mut seen) {
            worker.adopt(&content);
        }
        worker.turn(TURN)?;
    }
    worker.stop(patience)
}
