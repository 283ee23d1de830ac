//! What stands at a destination that must be told of it again and again.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use crate::log::TopicPartition;
use crate::model::Timestamp;

use super::super::notice::Notice;
use super::super::{Answer, Request, Standing, Verdict};
use super::{Flight, Lane};

/// Alerts that are told again, of one destination; those beyond are told once, and end there by
/// their time.
const MOST: usize = 20_000;
/// Alerts in one request.
const CHUNK: usize = 100;

type Key = (TopicPartition, String);

/// What stands, and how far a round of telling it again has got.
pub(super) struct Repeat {
    /// In microseconds; `None` where nothing is told again.
    every: Option<i64>,
    all: BTreeMap<Key, Standing>,
    /// When the next request is due.
    at: Timestamp,
    /// Behind this in the round.
    behind: Option<Key>,
    /// The number of the last request.
    request: u64,
    /// The last one of the request that is on its way, and its answers.
    flight: Option<(Key, Flight)>,
    /// Whether it was told that there are too many.
    overflowed: bool,
}

impl Repeat {
    pub(super) fn every(every: Option<Duration>) -> Self {
        Self {
            every: every.map(|every| i64::try_from(every.as_micros()).unwrap_or(i64::MAX)),
            all: BTreeMap::new(),
            at: Timestamp(i64::MIN),
            behind: None,
            request: 0,
            flight: None,
            overflowed: false,
        }
    }

    pub(super) fn flies(&self) -> bool {
        self.flight.is_some()
    }

    pub(super) fn wakes(&self) -> Option<Timestamp> {
        (!self.all.is_empty() && self.flight.is_none()).then_some(self.at)
    }

    pub(super) fn of(&self, of: &TopicPartition, finding: &str) -> Option<&Standing> {
        if self.all.is_empty() {
            return None;
        }
        self.all.get(&(of.clone(), finding.to_owned()))
    }

    /// Notes what stands of a finding now.
    pub(super) fn note(
        &mut self,
        of: &TopicPartition,
        notice: &Notice,
        standing: Option<Standing>,
        now: Timestamp,
    ) {
        let Some(every) = self.every else { return };
        let key = (of.clone(), notice.finding.clone());
        match standing {
            None => {
                self.all.remove(&key);
            }
            Some(_) if self.all.len() >= MOST && !self.all.contains_key(&key) => {
                if !std::mem::replace(&mut self.overflowed, true) {
                    tracing::error!(
                        most = MOST,
                        "more alerts are open than are told again; Alertmanager ends those beyond \
                         by their time"
                    );
                }
            }
            Some(standing) => {
                if self.all.is_empty() {
                    self.at = now.plus(every);
                }
                self.all.insert(key, standing);
            }
        }
    }

    pub(super) fn drop(&mut self, of: &TopicPartition, finding: &str) {
        if !self.all.is_empty() {
            self.all.remove(&(of.clone(), finding.to_owned()));
        }
    }

    pub(super) fn forget(&mut self, of: &TopicPartition) {
        self.all.retain(|(known, _), _| known != of);
    }
}

impl Lane {
    /// Notes what an alert that was delivered by an earlier run left standing.
    pub(in super::super) fn recall(&mut self, of: &TopicPartition, notice: &Notice) {
        let standing = self.spec.destination.standing(notice);
        // It is told again at once.
        let long_ago = Timestamp(i64::MIN);
        self.repeat.note(of, notice, standing, long_ago);
    }

    /// Whether the finding stands there.
    pub(in super::super) fn stands(&self, of: &TopicPartition, finding: &str) -> bool {
        self.repeat.of(of, finding).is_some()
    }

    /// Whether it must be told what stands.
    pub(in super::super) fn recalls(&self) -> bool {
        self.repeat.every.is_some()
    }

    /// The next request that tells again of what stands, if one is due, and its number.
    pub(in super::super) fn again(&mut self, now: Timestamp) -> Option<(u64, Request)> {
        let every = self.repeat.every?;
        let free = self.flying() == 0 && self.paused <= now && self.bucket.next() <= now;
        if self.repeat.all.is_empty() || self.repeat.at > now || !free || self.ended.is_some() {
            return None;
        }
        // What a message on its way says anew is not told as it was.
        let entries = self.items.values().flat_map(|item| &item.entries);
        let queued: HashSet<&str> = entries.map(|entry| &*entry.notice.finding).collect();
        let from = self.repeat.behind.as_ref().map_or(Unbounded, Excluded);
        let chunk: Vec<(&Key, &Standing)> = self
            .repeat
            .all
            .range((from, Unbounded))
            .filter(|((_, finding), _)| !queued.contains(finding.as_str()))
            .take(CHUNK)
            .collect();
        let Some((last, _)) = chunk.last() else {
            self.repeat.behind = None;
            self.repeat.at = now.plus(every);
            return None;
        };
        let last = (*last).clone();
        let standing: Vec<&Standing> = chunk.into_iter().map(|(_, standing)| standing).collect();
        let request = self.spec.destination.repeat(&standing, now)?;
        self.repeat.flight = Some((last, Flight::new(self.spec.endpoints.len())));
        self.repeat.request += 1;
        self.bucket.take(now);
        Some((self.repeat.request, request))
    }

    /// Takes in an answer to the request of [`Lane::again`] of that number.
    pub(in super::super) fn heard_again(&mut self, number: u64, answer: &Answer, now: Timestamp) {
        // One of several endpoints may answer long after another took it.
        if number != self.repeat.request {
            return;
        }
        let (verdict, why) = self.judged(answer, now);
        let Some((_, flight)) = &mut self.repeat.flight else { return };
        let Some(verdict) = flight.heard(verdict, why) else { return };
        let Some((last, flight)) = self.repeat.flight.take() else { return };
        match verdict {
            Verdict::Delivered => self.answers(),
            Verdict::Retry(after) => {
                self.failed(after, now);
                // Messages have their turn before it is tried again.
                self.repeat.at = self.paused.plus(self.paused.since(now));
                tracing::warn!(
                    destination = %self.spec.name, why = flight.why,
                    "what is open could not be told again"
                );
                return;
            }
            Verdict::Refused | Verdict::Ended => {
                tracing::warn!(
                    destination = %self.spec.name, why = flight.why,
                    "what is open was refused when it was told again"
                );
            }
        }
        self.repeat.behind = Some(last);
    }
}
