//! Destinations that take and refuse as they are told, and remember what came.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::super::{Answer, Endpoint, Failure, Reply, Request, Ticket, Transport};
use crate::log::memory::Dice;

/// How a destination answers, in requests of 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moods {
    /// With 500, having taken nothing.
    pub fail: u64,
    /// With 429 and a time to wait.
    pub busy: u64,
    /// Not at all, having taken it.
    pub lose: u64,
    /// Not at all, having taken nothing.
    pub silent: u64,
    /// With 400.
    pub refuse: u64,
}

impl Moods {
    /// Everything goes wrong now and then.
    pub const ROUGH: Self = Self { fail: 12, busy: 5, lose: 8, silent: 8, refuse: 4 };
    /// It takes nothing.
    pub const DEAD: Self = Self { fail: 100, busy: 0, lose: 0, silent: 0, refuse: 0 };
}

/// What is there outside, whoever of us lives.
#[derive(Default)]
pub struct Outside {
    /// What each destination took, in order: the ids of one request.
    pub took: BTreeMap<usize, Vec<Vec<String>>>,
    /// Bodies of what each destination was sent, taken or not.
    pub sent: BTreeMap<usize, Vec<Value>>,
    pub moods: BTreeMap<usize, Moods>,
    /// Ids that a destination answers with 500 for ever.
    pub poison: Vec<String>,
    dice: Option<Dice>,
}

impl Outside {
    pub fn seeded(seed: u64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { dice: Some(Dice::new(seed)), ..Self::default() }))
    }

    /// The ids that a destination took, in order, repetitions included.
    pub fn ids(&self, lane: usize) -> Vec<String> {
        self.took.get(&lane).into_iter().flatten().flatten().cloned().collect()
    }

    fn answer(&mut self, lane: usize, body: &Value) -> Answer {
        let mood = self.moods.get(&lane).copied().unwrap_or_default();
        let mut roll = self.dice.as_mut().map_or(100, |dice| dice.below(100));
        let ids = ids(body);
        let mut below = |share: u64| {
            let hit = roll < share;
            roll = roll.saturating_sub(share);
            hit
        };
        let reply = |status: u16| Reply { status, ..Reply::default() };
        if ids.iter().any(|id| self.poison.contains(id)) || below(mood.fail) {
            return Ok(reply(500));
        }
        if below(mood.busy) {
            return Ok(Reply { retry_after: Some("2".to_owned()), ..reply(429) });
        }
        if below(mood.silent) {
            return Err(Failure::TimedOut);
        }
        if below(mood.refuse) {
            return Ok(reply(400));
        }
        self.took.entry(lane).or_default().push(ids);
        if below(mood.lose) {
            return Err(Failure::Broken);
        }
        Ok(reply(200))
    }
}

/// The ids of alerts in a request of any of our destinations.
fn ids(body: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    if let Some(alerts) = body.as_array() {
        return alerts.iter().filter_map(|one| text(&one["annotations"]["alert"])).collect();
    }
    if let Some(all) = body["data"]["alerts"].as_array() {
        return all.iter().filter_map(text).collect();
    }
    text(&body["data"]["metadata"]["uid"]).into_iter().collect()
}

/// Carries requests of one process to what is outside.
pub struct Fake {
    outside: Arc<Mutex<Outside>>,
    /// Answers on their way.
    coming: VecDeque<(Ticket, Answer)>,
    dice: Dice,
}

impl Fake {
    pub fn to(outside: &Arc<Mutex<Outside>>, seed: u64) -> Self {
        let coming = VecDeque::new();
        Self { outside: Arc::clone(outside), coming, dice: Dice::new(seed) }
    }
}

impl Transport for Fake {
    fn send(&mut self, ticket: Ticket, lane: usize, _: &Endpoint, request: Request) {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = outside.answer(lane, &body);
        outside.sent.entry(lane).or_default().push(body);
        self.coming.push_back((ticket, answer));
    }

    /// Some answers, in any order; others take longer.
    fn wait(&mut self, _: Duration, answers: &mut Vec<(Ticket, Answer)>) {
        let mut left = VecDeque::new();
        while let Some(one) = self.coming.pop_front() {
            match self.dice.below(4) {
                0 => left.push_back(one),
                1 => answers.insert(0, one),
                _ => answers.push(one),
            }
        }
        self.coming = left;
    }
}
