//! One destination's queue: notices enter, and leave once they were taken or given up.
//!
//! Steps of one finding go one after the other; different findings do not wait for each other, so
//! that a message the destination can't digest holds back its own finding alone. After a failure
//! the destination is left in peace for a while, and then tried with one message. Many notices of
//! one tenant at once are gathered in a summary, and what never pages always is.
//!
//! **Invariant:** an offset counts as settled only when its notice was delivered or buried. No
//! more than [`Spec::queue`] notices and [`BYTES`] bytes are held, one notice beyond it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::log::{Offset, TopicPartition};
use crate::model::{DeadReason, Timestamp};

use super::message::{Message, Summary};
use super::notice::Notice;
use super::pace::{Bucket, Rate, backoff};
use super::request::told;
use super::settings::Mutant;
use super::{Answer, Destination, Endpoint, Manner, Request, Secret, Verdict};

mod repeat;

use repeat::Repeat;

/// Bytes of alerts in one queue; one alert may be more.
const BYTES: usize = 32 << 20;
/// So many different messages failed in a row: it is the destination that fails, and no message.
const DEAD: usize = 3;
/// Requests on their way to one destination at once.
const PARALLEL: usize = 4;

/// A destination with how it is to be told.
pub struct Spec {
    /// Its name in the configuration and in metrics.
    pub name: Arc<str>,
    /// What it makes of messages.
    pub destination: Box<dyn Destination>,
    /// Where it listens: every request goes to all of them, and one that takes it is enough. Never
    /// empty.
    pub endpoints: Vec<Endpoint>,
    /// How many requests in how long.
    pub rate: Rate,
    /// Notices held in memory; those behind them stay in the topic until there is room.
    pub queue: usize,
    /// Notices of one tenant within [`Spec::window`] that are told one by one; 0 tells all so.
    pub burst: usize,
    /// See [`Spec::burst`].
    pub window: Duration,
    /// An alert that is older is given up when its delivery fails.
    pub give_up_after: Duration,
}

/// A notice on its way, and where it stands in the topic.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub of: TopicPartition,
    pub offset: Offset,
    /// When it was committed.
    pub arrived: Timestamp,
    pub notice: Arc<Notice>,
    /// Whether it never pages.
    pub quiet: bool,
}

/// One message to be.
struct Item {
    entries: Vec<Entry>,
    /// Whether it is a summary.
    many: bool,
    /// Not before this. A summary that was not tried yet is added to until then.
    ready: Timestamp,
    attempts: u32,
    flight: Option<Flight>,
    /// Why it is given up; it is settled once that is written down.
    letter: Option<(DeadReason, String)>,
}

impl Item {
    fn waits(&self) -> bool {
        self.flight.is_none() && self.letter.is_none()
    }
}

/// A request that went to every endpoint.
struct Flight {
    left: usize,
    verdict: Option<Verdict>,
    why: String,
}

impl Flight {
    fn new(endpoints: usize) -> Self {
        Self { left: endpoints, verdict: None, why: String::new() }
    }

    /// Takes an answer in; the verdict once one took it, or all have answered.
    fn heard(&mut self, verdict: Verdict, why: String) -> Option<Verdict> {
        let whole = match self.verdict.take() {
            None => verdict,
            Some(before) => before.or(verdict),
        };
        if !why.is_empty() {
            self.why = why;
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || whole == Verdict::Delivered {
            return Some(whole);
        }
        self.verdict = Some(whole);
        None
    }
}

/// Notices of one tenant that came close together.
struct Gather {
    until: Timestamp,
    /// How many of them may page.
    count: usize,
    /// The summary that they go into.
    item: Option<u64>,
}

/// What became of a message.
pub(super) enum Fate {
    /// It was taken: these are settled.
    Delivered(Vec<Entry>),
    /// It is tried again.
    Retried,
    /// It is given up: see [`Lane::letters`].
    GivenUp,
}

/// One destination's queue.
pub struct Lane {
    spec: Spec,
    items: BTreeMap<u64, Item>,
    last: u64,
    held: usize,
    bytes: usize,
    full: bool,
    gathers: BTreeMap<String, Gather>,
    bucket: Bucket,
    /// Failures since something was last taken.
    failures: u32,
    /// The first few messages that failed since then, by an alert in them.
    failing: BTreeSet<String>,
    /// Nothing is tried before this.
    paused: Timestamp,
    /// Why it takes nothing any more.
    ended: Option<String>,
    /// The next record of each partition that this destination has not looked at.
    cursors: BTreeMap<TopicPartition, Offset>,
    repeat: Repeat,
    pub(super) mutant: Option<Mutant>,
}

impl Lane {
    /// An empty queue.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self {
            bucket: Bucket::new(spec.rate),
            repeat: Repeat::every(spec.destination.resend()),
            spec,
            items: BTreeMap::new(),
            last: 0,
            held: 0,
            bytes: 0,
            full: false,
            gathers: BTreeMap::new(),
            failures: 0,
            failing: BTreeSet::new(),
            paused: Timestamp(i64::MIN),
            ended: None,
            cursors: BTreeMap::new(),
            mutant: None,
        }
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Notices that it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether it takes more. Once full, it does again when half of it is gone.
    pub(super) fn has_room(&self) -> bool {
        !self.full || Mutant::NoBound.is(self.mutant)
    }

    pub(super) fn closes(&self) -> bool {
        self.spec.destination.manner().closes()
    }

    /// The next record of a partition that it has not looked at.
    pub(super) fn cursor(&self, of: &TopicPartition) -> Offset {
        self.cursors.get(of).copied().unwrap_or_default()
    }

    pub(super) fn set_cursor(&mut self, of: &TopicPartition, at: Offset) {
        self.cursors.insert(of.clone(), at);
    }

    /// The first record of a partition that is not settled.
    pub(super) fn settled(&self, of: &TopicPartition) -> Offset {
        let entries = self.items.values().flat_map(|item| &item.entries);
        let open = entries.filter(|entry| entry.of == *of).map(|entry| entry.offset).min();
        open.unwrap_or_else(|| self.cursor(of))
    }

    /// Takes a notice in. Whether it went into a summary.
    pub(super) fn take(&mut self, entry: Entry, now: Timestamp) -> bool {
        self.held += 1;
        self.bytes += entry.notice.raw.len();
        self.full |= self.held >= self.spec.queue || self.bytes >= BYTES;
        if let Some(why) = &self.ended {
            let letter = Some((DeadReason::DestinationRefused, why.clone()));
            self.push(vec![entry], false, now, letter);
            return false;
        }
        let Some(until) = self.gathered(&entry, now) else {
            self.push(vec![entry], false, now, None);
            return false;
        };
        let tenant = entry.notice.tenant.clone();
        let open = self.gathers.get(&tenant).and_then(|gather| gather.item);
        let open = open.and_then(|number| self.items.get_mut(&number));
        if let Some(item) = open.filter(|item| item.waits() && item.attempts == 0) {
            item.entries.push(entry);
        } else {
            let number = self.push(vec![entry], true, until, None);
            if let Some(gather) = self.gathers.get_mut(&tenant) {
                gather.item = Some(number);
            }
        }
        true
    }

    /// Until when a notice is gathered, where it is not told by itself.
    fn gathered(&mut self, entry: &Entry, now: Timestamp) -> Option<Timestamp> {
        if !self.spec.destination.manner().gathers(&entry.notice) {
            return None;
        }
        let window = i64::try_from(self.spec.window.as_micros()).unwrap_or(i64::MAX);
        if self.gathers.get(&entry.notice.tenant).is_none_or(|gather| gather.until <= now) {
            self.gathers.retain(|_, gather| gather.until > now);
            let gather = Gather { until: now.plus(window), count: 0, item: None };
            self.gathers.insert(entry.notice.tenant.clone(), gather);
        }
        let gather = self.gathers.get_mut(&entry.notice.tenant)?;
        gather.count += usize::from(!entry.quiet);
        let many = self.spec.burst > 0 && gather.count > self.spec.burst;
        (entry.quiet || many).then_some(gather.until)
    }

    fn push(
        &mut self,
        entries: Vec<Entry>,
        many: bool,
        ready: Timestamp,
        letter: Option<(DeadReason, String)>,
    ) -> u64 {
        self.last += 1;
        let item = Item { entries, many, ready, attempts: 0, flight: None, letter };
        self.items.insert(self.last, item);
        self.last
    }

    /// The message to be sent next, if one may go now.
    pub(super) fn due(&self, now: Timestamp) -> Option<u64> {
        let flying = self.flying();
        if self.paused > now || self.bucket.next() > now || flying >= self.parallel() {
            return None;
        }
        // A full queue lets a summary go before its time.
        let early = |item: &Item| self.full && item.many && item.attempts == 0;
        let ready = self.unblocked().filter(|(_, item)| item.ready <= now || early(item));
        if self.failures == 0 {
            return ready.map(|(number, _)| number).next();
        }
        // One that nobody digests must not be the only one that is tried.
        ready.min_by_key(|(number, item)| (item.attempts, *number)).map(|(number, _)| number)
    }

    /// When something may be due that is not now.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        let ready = self.unblocked().map(|(_, item)| item.ready).min();
        let next = [ready, self.repeat.wakes()].into_iter().flatten().min();
        next.map(|at| at.max(self.paused).max(self.bucket.next()))
    }

    /// Messages that wait for nothing but their time: no earlier one is about a finding of theirs.
    fn unblocked(&self) -> impl Iterator<Item = (u64, &Item)> {
        let mut seen: HashSet<&str> = HashSet::new();
        let any_order = Mutant::AnyOrder.is(self.mutant);
        self.items.iter().filter_map(move |(number, item)| {
            let mut free = item.waits();
            for entry in &item.entries {
                free &= any_order || !seen.contains(&*entry.notice.finding);
            }
            seen.extend(item.entries.iter().map(|entry| &*entry.notice.finding));
            free.then_some((*number, item))
        })
    }

    fn flying(&self) -> usize {
        let items = self.items.values().filter(|item| item.flight.is_some()).count();
        items + usize::from(self.repeat.flies())
    }

    fn parallel(&self) -> usize {
        // What Alertmanager is told again must not overtake an end.
        let one = self.failures > 0 || self.spec.destination.manner() == Manner::Alerts;
        if one { 1 } else { PARALLEL }
    }

    /// The request of a message that is due; none where it can't be told, which gives it up.
    pub(super) fn launch(&mut self, number: u64, now: Timestamp) -> Option<Request> {
        let item = self.items.get_mut(&number)?;
        let message = if item.many {
            let all: Vec<(Arc<Notice>, bool)> =
                item.entries.iter().map(|e| (Arc::clone(&e.notice), e.quiet)).collect();
            Message::Many(Summary::of(&all))
        } else {
            Message::One(Arc::clone(&item.entries.first()?.notice))
        };
        let entry = item.entries.first()?;
        let before = self.repeat.of(&entry.of, &entry.notice.finding);
        match self.spec.destination.request(&message, before, now) {
            Ok(request) => {
                item.flight = Some(Flight::new(self.spec.endpoints.len()));
                self.bucket.take(now);
                Some(request)
            }
            Err(unfit) => {
                item.letter = Some((DeadReason::DestinationRefused, unfit.0));
                None
            }
        }
    }

    fn judged(&self, answer: &Answer, now: Timestamp) -> (Verdict, String) {
        let verdict = match answer {
            Ok(reply) => self.spec.destination.judge(reply, now),
            Err(_) => Verdict::Retry(None),
        };
        if verdict == Verdict::Delivered {
            return (verdict, String::new());
        }
        let mut secrets: Vec<&Secret> = self.spec.destination.secrets();
        secrets.extend(self.spec.endpoints.iter().flat_map(Endpoint::secrets));
        (verdict, told(answer, &secrets))
    }

    /// Takes an answer in; what became of the message once all endpoints have answered.
    pub(super) fn heard(&mut self, number: u64, answer: &Answer, now: Timestamp) -> Option<Fate> {
        let (verdict, why) = self.judged(answer, now);
        let flight = self.items.get_mut(&number)?.flight.as_mut()?;
        let verdict = flight.heard(verdict, why)?;
        let why = std::mem::take(&mut flight.why);
        let item = self.items.get_mut(&number)?;
        item.flight = None;
        match verdict {
            Verdict::Delivered => {
                self.answers();
                let item = self.items.remove(&number)?;
                self.freed(&item.entries);
                for entry in &item.entries {
                    let standing = self.spec.destination.standing(&entry.notice);
                    self.repeat.note(&entry.of, &entry.notice, standing, now);
                }
                Some(Fate::Delivered(item.entries))
            }
            Verdict::Retry(after) => {
                item.attempts += 1;
                let key = item.entries.first().map_or("", |entry| &entry.notice.id);
                let own = backoff(item.attempts, key);
                item.ready = now.plus(own);
                if self.failing.len() < DEAD {
                    self.failing.insert(key.to_owned());
                }
                self.failed(after, now);
                tracing::warn!(
                    destination = %self.spec.name, why, failures = self.failures,
                    "delivery failed and is tried again"
                );
                Some(if self.expire(number, &why, now) { Fate::GivenUp } else { Fate::Retried })
            }
            Verdict::Refused => {
                item.letter = Some((DeadReason::DestinationRefused, why));
                self.answers();
                Some(Fate::GivenUp)
            }
            Verdict::Ended => {
                for item in self.items.values_mut().filter(|item| item.waits()) {
                    item.letter = Some((DeadReason::DestinationRefused, why.clone()));
                }
                tracing::error!(
                    destination = %self.spec.name, why,
                    "the destination is gone and takes nothing any more: take it out of the \
                     configuration, or correct it and start anew"
                );
                self.ended = Some(why);
                Some(Fate::GivenUp)
            }
        }
    }

    /// Notes that the destination is well.
    fn answers(&mut self) {
        self.failures = 0;
        self.failing.clear();
    }

    /// Leaves the destination in peace for a while.
    fn failed(&mut self, after: Option<Duration>, now: Timestamp) {
        self.failures += 1;
        let wait = match after.and_then(|after| i64::try_from(after.as_micros()).ok()) {
            Some(named) => named.max(1_000_000),
            None => backoff(self.failures, &self.spec.name),
        };
        self.paused = self.paused.max(now.plus(wait));
    }

    /// Gives up the message that was just tried in vain, where it is too old; and everything that
    /// is, once the destination took none of several. Whether the one that was tried is given up.
    fn expire(&mut self, tried: u64, why: &str, now: Timestamp) -> bool {
        let span = i64::try_from(self.spec.give_up_after.as_micros()).unwrap_or(i64::MAX);
        let old = |item: &Item| item.entries.iter().all(|e| now.since(e.arrived) >= span);
        let all = self.failing.len() >= DEAD;
        for (number, item) in &mut self.items {
            if !item.waits() || !old(item) || !(all || *number == tried) {
                continue;
            }
            item.letter = Some((DeadReason::DestinationFailed, why.to_owned()));
        }
        self.items.get(&tried).is_some_and(|item| item.letter.is_some())
    }

    /// What is given up and not yet written down: message, reason, why, notices.
    pub(super) fn letters(&self) -> impl Iterator<Item = (u64, DeadReason, &str, &[Entry])> {
        self.items.iter().filter_map(|(number, item)| {
            let (reason, why) = item.letter.as_ref()?;
            Some((*number, *reason, why.as_str(), item.entries.as_slice()))
        })
    }

    /// Settles what was written down.
    pub(super) fn bury(&mut self, number: u64) {
        let Some(item) = self.items.remove(&number) else { return };
        self.freed(&item.entries);
        for entry in item.entries.iter().filter(|entry| entry.notice.is_end()) {
            // It is told of no more, and so ends by its time.
            self.repeat.drop(&entry.of, &entry.notice.finding);
        }
    }

    fn freed(&mut self, entries: &[Entry]) {
        self.held -= entries.len();
        self.bytes -= entries.iter().map(|entry| entry.notice.raw.len()).sum::<usize>();
        if self.held <= self.spec.queue / 2 && self.bytes <= BYTES / 2 {
            self.full = false;
        }
    }

    /// Forgets a partition that is another's.
    pub(super) fn forget(&mut self, of: &TopicPartition) {
        let mut gone = Vec::new();
        for item in self.items.values_mut() {
            gone.extend(item.entries.extract_if(.., |entry| entry.of == *of));
        }
        self.items.retain(|_, item| !item.entries.is_empty());
        self.freed(&gone);
        self.cursors.remove(of);
        self.repeat.forget(of);
    }
}

#[cfg(test)]
mod tests;
