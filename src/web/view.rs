//! Findings as they stand and the last alerts, as followed from the log: one writer, many readers.
//!
//! What enters are records of the findings and alerts topics ([`follow`]); what leaves are pages
//! of them. A worker's state is never read.
//!
//! **Invariant:** what is kept has a maximum; findings beyond it are counted and nothing else.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::Timestamp;

mod follow;

pub use follow::{Decode, Follow, Following, Settings, Turn, follow};

/// Findings that are kept, about 1 KiB each. Those beyond are counted.
pub const MAX_FINDINGS: usize = 100_000;
/// Alerts that are kept: the last ones.
pub const MAX_ALERTS: usize = 1_000;
/// Names that are remembered in order to be shared; then they are gathered anew.
const MAX_NAMES: usize = 65_536;
/// Bytes of an alert that is kept whole; of a larger one only the headers are.
pub const MAX_ALERT_BYTES: usize = 64 * 1_024;
/// Items on a page.
pub const MAX_PAGE: usize = 1_000;
/// Bytes of a page; a page that is full earlier says where the next begins.
pub const MAX_PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// A finding as it stands, by names alone. There are many: names that many share are there once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Stable over the finding's life.
    pub uid: Arc<str>,
    /// Whose.
    pub tenant: Arc<str>,
    /// The cloud.
    pub provider: Arc<str>,
    /// The cloud account.
    pub account: Arc<str>,
    /// The resource's region; empty where never seen.
    pub region: Arc<str>,
    /// The resource's kind.
    pub kind: Arc<str>,
    /// The resource's id.
    pub resource: Box<str>,
    /// The element or aspect it is about.
    pub subject: Box<str>,
    /// The element for people; empty where the subject is the resource.
    pub element: Box<str>,
    /// The name of its severity: the most severe reason's.
    pub severity: Arc<str>,
    /// The detectors that hold, most severe first.
    pub reasons: Box<[StandingReason]>,
    /// When it was opened, in event time, RFC 3339.
    #[serde(with = "rfc3339")]
    pub opened: Timestamp,
    /// The last evidence for it, in event time, RFC 3339.
    #[serde(with = "rfc3339")]
    pub seen: Timestamp,
    /// The opening event's id.
    pub episode: Box<str>,
    /// How many alerts this episode has told.
    pub steps: u32,
    /// Whether it was so already when first seen.
    pub discovered: bool,
    /// Whether people were told of it one by one.
    pub told: bool,
}

/// One detector's verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingReason {
    /// The detector's id.
    pub detector: Arc<str>,
    /// The name of its severity.
    pub severity: Arc<str>,
    /// Since when it holds, in event time, RFC 3339.
    #[serde(with = "rfc3339")]
    pub since: Timestamp,
    /// Whether it rests on an assumption or a contested element.
    pub provisional: bool,
    /// What was assumed, as `path = value`.
    pub assumptions: Box<[Box<str>]>,
}

/// An alert that was told.
#[derive(Clone, Debug, Serialize)]
pub struct ToldAlert {
    /// Its id.
    pub id: String,
    /// Its CloudEvents type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose.
    pub tenant: String,
    /// The name of its severity.
    pub severity: String,
    /// The resource's id.
    pub resource: String,
    /// When, in event time, RFC 3339.
    pub time: String,
    /// The alert itself; `null` where it is no JSON, or larger than [`MAX_ALERT_BYTES`].
    pub alert: Option<Box<RawValue>>,
}

/// Which findings, or alerts, are asked for. `None` asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this severity.
    pub severity: Option<String>,
    /// For which this detector holds; heeded for findings.
    pub detector: Option<String>,
}

/// A part of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// In order of their uids.
    pub findings: Vec<Arc<Standing>>,
    /// What to ask `after` for the next page; `None` on the last.
    pub next: Option<String>,
}

/// How much is in the view, and how fresh it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ViewStatus {
    /// Whether everything was read that stood in the topics when it was last looked.
    pub current: bool,
    /// Findings that are kept.
    pub findings: usize,
    /// Findings beyond [`MAX_FINDINGS`].
    pub beyond: usize,
    /// Alerts that are kept.
    pub alerts: usize,
    /// Records that could not be read, and are not shown.
    pub unreadable: usize,
}

/// The view. [`follow`] writes it.
#[derive(Default)]
pub struct View {
    findings: DashMap<Arc<str>, Kept>,
    alerts: Mutex<BTreeMap<AlertPlace, Arc<ToldAlert>>>,
    beyond: AtomicUsize,
    unreadable: AtomicUsize,
    current: AtomicBool,
}

/// When an alert was sent, in microseconds, and its partition and offset: reading it again
/// changes nothing.
type AlertPlace = (i64, u32, u64);

/// A finding, and the reading of the topic it was last met in.
struct Kept {
    reading: u64,
    standing: Arc<Standing>,
}

impl View {
    /// The finding of that uid.
    #[must_use]
    pub fn finding(&self, uid: &str) -> Option<Arc<Standing>> {
        self.findings.get(uid).map(|kept| Arc::clone(&kept.standing))
    }

    /// The first `limit` findings behind `after`, in order of uids. Every finding that stands
    /// while all pages are read is on one of them.
    #[must_use]
    pub fn page(&self, wanted: &Wanted, after: Option<&str>, limit: usize) -> Page {
        let limit = limit.clamp(1, MAX_PAGE);
        // One more than the page holds, to know whether there is another.
        let mut first: BinaryHeap<ByUid> = BinaryHeap::with_capacity(limit + 2);
        for entry in &self.findings {
            let standing = &entry.value().standing;
            let behind = after.is_none_or(|after| *standing.uid > *after);
            let full = first.len() > limit;
            let near = !full || first.peek().is_some_and(|last| standing.uid < last.0.uid);
            if behind && near && wanted.is_met_by(standing) {
                first.push(ByUid(Arc::clone(standing)));
                if full {
                    first.pop();
                }
            }
        }
        let found = first.into_sorted_vec();
        let more = found.len() > limit;
        let findings: Vec<_> = found.into_iter().take(limit).map(|by| by.0).collect();
        let next = findings.last().filter(|_| more).map(|last| last.uid.to_string());
        Page { findings, next }
    }

    /// The last `limit` alerts, newest first.
    #[must_use]
    pub fn alerts(&self, wanted: &Wanted, limit: usize) -> Vec<Arc<ToldAlert>> {
        let met = |alert: &&Arc<ToldAlert>| {
            wanted.tenant.as_ref().is_none_or(|tenant| *tenant == alert.tenant)
                && wanted.severity.as_ref().is_none_or(|severity| *severity == alert.severity)
        };
        self.told().values().rev().filter(met).take(limit.clamp(1, MAX_PAGE)).cloned().collect()
    }

    /// How much is kept, and how fresh it is.
    #[must_use]
    pub fn status(&self) -> ViewStatus {
        ViewStatus {
            current: self.current.load(Ordering::Acquire),
            findings: self.findings.len(),
            beyond: self.beyond.load(Ordering::Relaxed),
            alerts: self.told().len(),
            unreadable: self.unreadable.load(Ordering::Relaxed),
        }
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<AlertPlace, Arc<ToldAlert>>> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn is_met_by(&self, standing: &Standing) -> bool {
        let holds = |detector: &String| {
            standing.reasons.iter().any(|reason| *reason.detector == **detector)
        };
        self.tenant.as_ref().is_none_or(|tenant| **tenant == *standing.tenant)
            && self.severity.as_ref().is_none_or(|severity| **severity == *standing.severity)
            && self.detector.as_ref().is_none_or(holds)
    }
}

/// Names that many findings share.
#[derive(Default)]
struct Names(FxHashSet<Arc<str>>);

impl Names {
    fn share(&mut self, standing: &mut Standing) {
        if self.0.len() >= MAX_NAMES {
            self.0.clear();
        }
        let Standing { tenant, provider, account, region, kind, severity, reasons, .. } = standing;
        for name in [tenant, provider, account, region, kind, severity] {
            self.one(name);
        }
        for StandingReason { detector, severity, .. } in reasons {
            self.one(detector);
            self.one(severity);
        }
    }

    fn one(&mut self, name: &mut Arc<str>) {
        match self.0.get(&**name) {
            Some(known) => *name = Arc::clone(known),
            None => drop(self.0.insert(Arc::clone(name))),
        }
    }
}

/// Instants as people and machines read them.
mod rfc3339 {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::model::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::parse_rfc3339(&text).ok_or_else(|| D::Error::custom("no instant of RFC 3339"))
    }
}

/// Ordered by uid.
struct ByUid(Arc<Standing>);

impl PartialEq for ByUid {
    fn eq(&self, other: &Self) -> bool {
        self.0.uid == other.0.uid
    }
}

impl Eq for ByUid {}

impl PartialOrd for ByUid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByUid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.uid.cmp(&other.0.uid)
    }
}

#[cfg(test)]
mod tests;
