//! The one writer of a [`View`]: reads the findings and alerts topics from their beginning and
//! follows them.
//!
//! **Invariant:** whatever goes wrong, what is shown goes stale at worst, which the status says;
//! once everything was read again, nothing is left that no longer stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64;

use crate::log::{
    Admin, Incoming, Isolation, Log, LogError, Offset, Polled, Reader as _, TopicPartition,
};
use crate::worker::{Condition, Happening, Observer, Role};

use super::{Kept, MAX_ALERT_BYTES, MAX_ALERTS, MAX_FINDINGS, Names, Standing, ToldAlert, View};

/// Findings beyond [`MAX_FINDINGS`] that are told apart, to be counted.
const MAX_BEYOND: usize = 1_000_000;

/// Reads a finding's record; `None` where it can't be read.
pub type Decode = dyn Fn(&[u8]) -> Option<Standing> + Send + Sync;

/// What is followed, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The findings topic.
    pub findings: String,
    /// The alerts topic.
    pub alerts: String,
    /// How long a poll waits.
    pub wait: Duration,
    /// How long the broker has to answer.
    pub patience: Duration,
    /// How long to pause after something went wrong.
    pub pause: Duration,
}

impl Settings {
    /// These topics, in steps of a tenth of a second, and of one where something is wrong.
    #[must_use]
    pub fn of(findings: &str, alerts: &str) -> Self {
        Self {
            findings: findings.to_owned(),
            alerts: alerts.to_owned(),
            wait: Duration::from_millis(100),
            patience: Duration::from_secs(5),
            pause: Duration::from_secs(1),
        }
    }
}

/// What to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The next one.
    On,
    /// Pause before it.
    Pause,
}

/// Writes a view, turn by turn.
pub struct Follow<L: Log> {
    log: L,
    settings: Settings,
    view: Arc<View>,
    decode: Arc<Decode>,
    observer: Arc<dyn Observer>,
    clients: Option<(L::Reader, L::Admin)>,
    /// Up to where partitions are to be read before what is shown is current.
    behind: BTreeMap<TopicPartition, Offset>,
    /// Findings that found no room, by hashes of their uids.
    beyond: FxHashSet<u64>,
    names: Names,
    /// How many times the topics were begun.
    reading: u64,
    /// Whether this reading was through to the end yet.
    swept: bool,
    condition: Condition,
    warned: bool,
}

impl<L: Log> Follow<L> {
    /// Writes this view, and tells how it goes as a worker of the role `web`.
    #[must_use]
    pub fn new(
        log: L,
        settings: Settings,
        view: Arc<View>,
        decode: Arc<Decode>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            log,
            settings,
            view,
            decode,
            observer,
            clients: None,
            behind: BTreeMap::new(),
            names: Names::default(),
            beyond: FxHashSet::default(),
            reading: 0,
            swept: false,
            condition: Condition::Joining,
            warned: false,
        }
    }

    /// Reads one record, or sees to it that records can be read.
    pub fn turn(&mut self) -> Turn {
        let turn = self.step().unwrap_or_else(|error| {
            self.went_wrong(&error);
            Turn::Pause
        });
        let current = self.condition == Condition::Working;
        self.view.current.store(current, Ordering::Release);
        self.observer.happened(Role::Web, &Happening::Condition(self.condition));
        turn
    }

    fn step(&mut self) -> Result<Turn, LogError> {
        let Some((reader, admin)) = &mut self.clients else { return self.begin() };
        if self.condition == Condition::Stranded {
            // A poll without a record proves no broker.
            admin.describe(&self.settings.findings, self.settings.patience)?;
            self.warned = false;
        }
        let mut next = None;
        let (view, decode) = (&*self.view, &*self.decode);
        let (names, beyond) = (&mut self.names, &mut self.beyond);
        let (settings, reading) = (&self.settings, self.reading);
        let polled = reader.poll(settings.wait, &mut |incoming| {
            if incoming.topic == settings.findings {
                keep_finding(view, decode, names, beyond, reading, incoming);
            } else {
                keep_alert(view, incoming);
            }
            let place = TopicPartition::new(incoming.topic, incoming.partition.0);
            next = Some((place, Offset(incoming.offset.0 + 1)));
        })?;
        match (polled, next) {
            (_, Some((place, next))) => {
                self.behind.retain(|of, end| *of != place || *end > next);
            }
            (Polled::End(place), None) => {
                self.behind.remove(&place);
            }
            (_, None) => {
                let read = |of: &TopicPartition| reader.position(of).unwrap_or_default();
                self.behind.retain(|of, end| *end > read(of));
            }
        }
        self.settle();
        Ok(Turn::On)
    }

    /// Begins to read, from the beginning: whoever was away for long may have missed that a
    /// finding went, as tombstones do not stay for ever.
    fn begin(&mut self) -> Result<Turn, LogError> {
        let mut admin = self.log.admin()?;
        let mut at = Vec::new();
        self.behind.clear();
        for (topic, last) in
            [(&self.settings.findings, None), (&self.settings.alerts, Some(MAX_ALERTS as u64))]
        {
            let patience = self.settings.patience;
            let Some(info) = admin.describe(topic, patience)? else {
                self.condition = Condition::Joining;
                if !std::mem::replace(&mut self.warned, true) {
                    tracing::warn!(%topic, "the topic does not exist yet; findings are not shown");
                }
                return Ok(Turn::Pause);
            };
            for partition in 0..info.partitions {
                let of = TopicPartition::new(topic, partition);
                let bounds = admin.bounds(&of, Isolation::Committed, patience)?;
                let from = last.map_or(0, |last| bounds.end.0.saturating_sub(last));
                let from = Offset(from.max(bounds.first.0));
                if from < bounds.end {
                    self.behind.insert(of.clone(), bounds.end);
                }
                at.push((of, from));
            }
        }
        let mut reader = self.log.reader(Isolation::Committed)?;
        reader.start(&at)?;
        self.clients = Some((reader, admin));
        self.reading += 1;
        self.swept = false;
        self.warned = false;
        self.beyond.clear();
        self.settle();
        Ok(Turn::On)
    }

    /// Sees whether everything was read, and lets go of what was not met again.
    fn settle(&mut self) {
        self.view.beyond.store(self.beyond.len(), Ordering::Relaxed);
        if !self.behind.is_empty() {
            self.condition = Condition::Restoring(self.behind.len());
            return;
        }
        self.condition = Condition::Working;
        if !std::mem::replace(&mut self.swept, true) {
            self.view.findings.retain(|_, kept| kept.reading == self.reading);
        }
    }

    fn went_wrong(&mut self, error: &LogError) {
        self.observer.happened(Role::Web, &Happening::Failed(error.reason()));
        if !std::mem::replace(&mut self.warned, true) {
            tracing::warn!(%error, "findings cannot be followed; trying again");
        }
        self.condition = Condition::Stranded;
        if !matches!(error, LogError::Retry(_)) {
            self.clients = None;
        }
    }
}

fn keep_finding(
    view: &View,
    decode: &Decode,
    names: &mut Names,
    beyond: &mut FxHashSet<u64>,
    reading: u64,
    incoming: &Incoming<'_>,
) {
    let Some(uid) = incoming.key.and_then(|key| std::str::from_utf8(key).ok()) else {
        view.unreadable.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let hash = xxh3_64(uid.as_bytes());
    let Some(value) = incoming.value else {
        view.findings.remove(uid);
        beyond.remove(&hash);
        return;
    };
    let Some(mut standing) = decode(value).filter(|standing| *standing.uid == *uid) else {
        // What it was stands no more; what it is nobody knows.
        view.findings.remove(uid);
        view.unreadable.fetch_add(1, Ordering::Relaxed);
        return;
    };
    if view.findings.len() >= MAX_FINDINGS && !view.findings.contains_key(uid) {
        if beyond.len() < MAX_BEYOND {
            beyond.insert(hash);
        }
        return;
    }
    beyond.remove(&hash);
    names.share(&mut standing);
    let uid = Arc::clone(&standing.uid);
    view.findings.insert(uid, Kept { reading, standing: Arc::new(standing) });
}

fn keep_alert(view: &View, incoming: &Incoming<'_>) {
    let header = |name: &str| {
        let found = incoming.headers.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    };
    // One without a value says nothing, see `worker`.
    let Some(value) = incoming.value else { return };
    let json = header("content-type").starts_with("application/json");
    let whole = json && value.len() <= MAX_ALERT_BYTES;
    let alert = ToldAlert {
        id: header("ce_id"),
        kind: header("ce_type"),
        tenant: header("ce_tenant"),
        severity: header("ce_severity"),
        resource: header("ce_subject"),
        time: header("ce_time"),
        alert: whole.then(|| serde_json::from_slice(value).ok()).flatten(),
    };
    let sent = incoming.time.unwrap_or_default().0;
    let mut told = view.told();
    told.insert((sent, incoming.partition.0, incoming.offset.0), Arc::new(alert));
    if told.len() > MAX_ALERTS {
        told.pop_first();
    }
}

/// A thread that writes a view.
pub struct Following {
    /// Dropped to stop it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Writes a view from a thread of its own; see [`Follow::new`].
///
/// # Errors
/// Where the system gives no thread.
pub fn follow<L: Log>(
    log: L,
    settings: Settings,
    view: Arc<View>,
    decode: Arc<Decode>,
    observer: Arc<dyn Observer>,
) -> std::io::Result<Following> {
    let (stop, stopped) = channel::<()>();
    let run = move || {
        let mut follow = Follow::new(log, settings, view, decode, observer);
        let mut pause = Duration::ZERO;
        // Nothing is ever sent: the other end is dropped.
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            pause = match follow.turn() {
                Turn::On => Duration::ZERO,
                Turn::Pause => follow.settings.pause,
            };
        }
        follow.observer.happened(Role::Web, &Happening::Condition(Condition::Stopped));
    };
    let thread = thread::Builder::new().name("view".to_owned()).spawn(run)?;
    Ok(Following { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Following {
    /// Stops it, and waits for the poll or question it is at.
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by the panic itself.
            let _ = thread.join();
        }
    }
}
