//! `notify`: the alerts topic in; requests to destinations out, and dead letters; at least once.
//!
//! One consumer reads for all destinations, each of which has a place of its own in every
//! partition. What a destination with a full queue did not take, it is read again for once there
//! is room, so that the others need not wait; where all are full, nothing is read. What is
//! committed is how far the last of them got, and beside it how far each did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use crate::content::{Content, Maturity};
use crate::log::{Cause, Consumer as _, Hole, Log, LogError, Membership, Promise, TopicPartition};
use crate::model::Timestamp;
use crate::worker::{Clock, Condition, Delivery, Happening, Observer, Role};

use super::lane::{Fate, Lane};
use super::place::Place;
use super::{Request, Routes, Settings, Ticket, Transport};

mod read;
mod settle;

use read::Unread;

/// What a request that is on its way is about.
#[derive(Clone, Copy, Debug)]
enum Aim {
    /// A message of a lane.
    Message(u64),
    /// What stands there, again: the request of that number.
    Again(u64),
}

/// A worker that notifies.
pub struct Notify<L: Log, T: Transport> {
    log: L,
    settings: Settings,
    lanes: Vec<Lane>,
    routes: Routes,
    transport: T,
    /// Detectors that never page.
    experimental: BTreeSet<Arc<str>>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    consumer: Option<L::Consumer>,
    producer: Option<L::Producer>,
    admin: Option<L::Admin>,
    places: BTreeMap<TopicPartition, Place>,
    leaving: BTreeSet<TopicPartition>,
    tickets: BTreeMap<Ticket, (usize, Aim)>,
    /// Records that are no alerts and not yet written down.
    unread: Vec<Unread>,
    /// What was no longer there when it was to be read.
    holes: Vec<Hole>,
    last: u64,
    committed: Timestamp,
    stranded: bool,
}

impl<L: Log, T: Transport> Notify<L, T> {
    /// A worker that tells these destinations, numbered as the routes name them.
    pub fn new(
        log: L,
        settings: Settings,
        (mut lanes, routes): (Vec<Lane>, Routes),
        transport: T,
        content: &Content,
        (clock, observer): (Arc<dyn Clock>, Arc<dyn Observer>),
    ) -> Self {
        for lane in &mut lanes {
            lane.mutant = settings.mutant;
        }
        Self {
            log,
            settings,
            lanes,
            routes,
            transport,
            experimental: experimental(content),
            clock,
            observer,
            consumer: None,
            producer: None,
            admin: None,
            places: BTreeMap::new(),
            leaving: BTreeSet::new(),
            tickets: BTreeMap::new(),
            unread: Vec::new(),
            holes: Vec::new(),
            last: 0,
            committed: Timestamp(i64::MIN),
            stranded: false,
        }
    }

    /// One turn of the loop, which waits no longer than `wait` for something to happen.
    ///
    /// # Errors
    /// What a person must see to: the worker is to be ended.
    pub fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        self.stranded = false;
        self.join()?;
        self.begin_places()?;
        self.look_ahead()?;
        self.steer()?;
        let raws = self.gather(self.idle(wait))?;
        self.take_in(raws)?;
        self.dispatch();
        self.hear(wait);
        self.bury()?;
        self.commit()?;
        for of in std::mem::take(&mut self.leaving) {
            self.forget(&of);
        }
        for lane in &self.lanes {
            self.tell(&Happening::Outbox(&lane.spec().name, lane.held()));
        }
        self.tell(&Happening::Condition(self.condition()));
        Ok(())
    }

    /// Ends in order: waits for requests that are on their way, no longer than half of `wait`, and
    /// commits.
    ///
    /// # Errors
    /// Where that takes longer than `wait`.
    pub fn stop(mut self, wait: Duration) -> Result<(), LogError> {
        let until = self.clock.now().plus(micros(wait / 2));
        while !self.tickets.is_empty() && self.clock.now() < until {
            let before = self.tickets.len();
            self.hear(wait / 20);
            if before == self.tickets.len() && wait.is_zero() {
                break;
            }
        }
        self.committed = Timestamp(i64::MIN);
        // What can't be written down or committed now is delivered again.
        let _ = self.bury().and_then(|()| self.commit());
        self.tell(&Happening::Condition(Condition::Stopped));
        match self.consumer.take() {
            Some(consumer) => consumer.close(wait / 2),
            None => Ok(()),
        }
    }

    /// Goes by other content from now on, between two turns.
    pub fn adopt(&mut self, content: &Content) {
        self.experimental = experimental(content);
    }

    /// Where its partitions stand.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let waiting = self.places.values().filter(|place| place.waits).count();
        if self.stranded {
            Condition::Stranded
        } else if self.places.is_empty() {
            Condition::Joining
        } else if waiting > 0 {
            Condition::Restoring(waiting)
        } else {
            Condition::Working
        }
    }

    /// Notices in memory, over all destinations.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lanes.iter().map(Lane::held).sum()
    }

    fn tell(&self, what: &Happening<'_>) {
        self.observer.happened(Role::Notify, what);
    }

    fn failed(&mut self, trouble: &LogError) {
        self.stranded |=
            trouble.trouble().is_some_and(|trouble| trouble.cause == Cause::Unreachable);
        self.tell(&Happening::Failed(trouble.reason()));
    }

    fn join(&mut self) -> Result<(), LogError> {
        if self.producer.is_none() {
            self.producer = Some(self.log.producer(&Promise::Idempotent)?);
        }
        if self.consumer.is_some() {
            return Ok(());
        }
        let settings = &self.settings;
        let membership = Membership {
            group: settings.group.clone(),
            topics: vec![settings.alerts.to_string()],
            instance: settings.name.clone(),
            protocol: settings.protocol,
            session: settings.session,
            silence: settings.silence,
        };
        self.consumer = Some(self.log.consumer(&membership)?);
        self.admin = Some(self.log.admin()?);
        info!(group = %settings.group, "joining");
        Ok(())
    }

    /// How long to wait for alerts: not at all while requests are on their way, else until
    /// something is due.
    fn idle(&self, wait: Duration) -> Duration {
        if !self.tickets.is_empty() {
            return Duration::ZERO;
        }
        let now = self.clock.now();
        let wakes = self.lanes.iter().filter_map(Lane::wakes).min();
        let left = wakes.map(|at| u64::try_from(at.since(now)).unwrap_or(0));
        left.map_or(wait, |left| wait.min(Duration::from_micros(left)))
    }

    /// Hands over every request that may go now.
    fn dispatch(&mut self) {
        let now = self.clock.now();
        for number in 0..self.lanes.len() {
            let lane = &mut self.lanes[number];
            if let Some((again, request)) = lane.again(now) {
                self.send(number, Aim::Again(again), &request);
            }
            while let Some(message) = self.lanes[number].due(now) {
                if let Some(request) = self.lanes[number].launch(message, now) {
                    self.send(number, Aim::Message(message), &request);
                }
            }
        }
    }

    /// Sends a request to every endpoint of a lane.
    fn send(&mut self, number: usize, aim: Aim, request: &Request) {
        for endpoint in &self.lanes[number].spec().endpoints {
            self.last += 1;
            let ticket = Ticket(self.last);
            self.tickets.insert(ticket, (number, aim));
            self.transport.send(ticket, number, endpoint, request.clone());
        }
    }

    /// Takes in what was answered, waiting where something is on its way.
    fn hear(&mut self, wait: Duration) {
        if self.tickets.is_empty() {
            return;
        }
        let mut answers = Vec::new();
        self.transport.wait(wait, &mut answers);
        let now = self.clock.now();
        for (ticket, answer) in answers {
            let Some((number, aim)) = self.tickets.remove(&ticket) else { continue };
            let lane = &mut self.lanes[number];
            let fate = match aim {
                Aim::Message(message) => lane.heard(message, &answer, now),
                Aim::Again(again) => {
                    lane.heard_again(again, &answer, now);
                    None
                }
            };
            let destination = Arc::clone(&self.lanes[number].spec().name);
            match fate {
                Some(Fate::Delivered(entries)) => {
                    for entry in entries {
                        let took = u64::try_from(now.since(entry.arrived)).unwrap_or(0);
                        self.tell(&Happening::Delivery {
                            destination: &destination,
                            how: Delivery::Delivered,
                            latency: Some(Duration::from_micros(took)),
                        });
                    }
                }
                Some(Fate::Retried) => {
                    let how = Delivery::Retried;
                    let destination = &*destination;
                    self.tell(&Happening::Delivery { destination, how, latency: None });
                }
                // What is given up is told once it is written down.
                Some(Fate::GivenUp) | None => {}
            }
        }
    }
}

/// The detectors that never page.
fn experimental(content: &Content) -> BTreeSet<Arc<str>> {
    let tried = content.detectors.iter();
    tried
        .filter(|detector| detector.maturity == Maturity::Experimental)
        .map(|detector| Arc::clone(&detector.id))
        .collect()
}

/// Microseconds of a span; the longest where it does not fit.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
