//! Short forms of test events: a [`CaseEvent`] enters, the cloud's own JSON leaves, in the shape
//! in which it reaches a topic (formats.md sections 3 to 9).

mod aws;
mod azure;
mod gcp;
mod huawei;

use serde_json::{Map, Value as Json};

use super::cases::{CaseEvent, EventForm};
use crate::model::{Provider, Timestamp};

/// Who acts where a test does not say.
const ACTOR: &str = "alice";

/// 2026-03-02T00:00:00Z, the day on which tests take place.
const DAY: Timestamp = Timestamp(1_772_409_600_000_000);

const SECOND: i64 = 1_000_000;

/// The time of a test: events are a minute apart unless it says otherwise.
#[derive(Clone, Debug)]
pub struct Clock {
    now: Timestamp,
    number: u32,
    waited: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: DAY.plus(12 * 3_600 * SECOND), number: 0, waited: true }
    }
}

impl Clock {
    /// Noon of the tests' day.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time reached: that of the last event, or the end of the last wait.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub const fn wait(&mut self, micros: i64) {
        self.now = self.now.plus(micros);
        self.waited = true;
    }

    /// The next event's time: as it says, or right after a wait, or a minute after the last one.
    fn step(&mut self, at: Option<u32>) -> Tick {
        if let Some(seconds) = at {
            self.now = DAY.plus(i64::from(seconds) * SECOND);
        } else if !self.waited {
            self.now = self.now.plus(60 * SECOND);
        }
        self.waited = false;
        self.number += 1;
        Tick { time: self.now, number: self.number }
    }
}

/// An event's time and its number within the test.
#[derive(Clone, Copy, Debug)]
struct Tick {
    time: Timestamp,
    number: u32,
}

impl Tick {
    /// RFC 3339 with as many decimals as the instant has.
    fn text(self) -> String {
        self.time.to_string()
    }

    /// An id in the form of a UUID, its number telling which event of the test it is.
    fn uuid(self, mark: u16) -> String {
        format!("{mark:08x}-0000-4000-8000-{:012x}", self.number)
    }
}

/// The account in which a test's events take place, as its registry must name it. Azure's
/// subscription and Google's project are where the event's own resource path says otherwise.
#[must_use]
pub const fn account(provider: Provider) -> &'static str {
    match provider {
        Provider::Huawei => "d0c5000000000000000000000000a11c",
        Provider::Aws => "111122223333",
        Provider::Azure => "00000000-1111-4222-8333-444455556666",
        Provider::Gcp => "p",
        Provider::Kubernetes | Provider::Other => "test",
    }
}

/// Makes the cloud's own JSON of a short form and moves the clock.
#[must_use]
pub fn expand(event: &CaseEvent, clock: &mut Clock) -> Vec<u8> {
    let tick = clock.step(event.at);
    let body = Body(&event.body);
    let json = match event.form {
        EventForm::Huawei => huawei::trace(body, tick),
        EventForm::HuaweiConfig => huawei::config(body, tick),
        EventForm::Aws => aws::trail(body, tick),
        EventForm::AwsConfig => aws::config(body, tick),
        EventForm::Azure => azure::activity(body, tick),
        EventForm::AzureResource => azure::resource(body, tick),
        EventForm::Gcp => gcp::audit(body, tick),
        EventForm::GcpAsset => gcp::asset(body, tick),
    };
    json.to_string().into_bytes()
}

/// A fixture's bytes with members overwritten; `None` where the fixture is not JSON or a path
/// leads through something that is neither an object nor a list.
///
/// A path's steps stand between dots; a number is a place in a list. Missing objects are made.
#[must_use]
pub fn fixture(text: &str, set: &[(Box<str>, Json)]) -> Option<Vec<u8>> {
    if set.is_empty() {
        return Some(text.as_bytes().to_vec());
    }
    let mut json: Json = serde_json::from_str(text).ok()?;
    for (path, value) in set {
        *member(&mut json, path)? = value.clone();
    }
    Some(json.to_string().into_bytes())
}

fn member<'j>(json: &'j mut Json, path: &str) -> Option<&'j mut Json> {
    path.split('.').try_fold(json, |json, step| match json {
        Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Json::Object(map) => Some(map.entry(step).or_insert(Json::Null)),
        Json::Null => {
            *json = Json::Object(Map::new());
            json.as_object_mut().map(|map| map.entry(step).or_insert(Json::Null))
        }
        _ => None,
    })
}

/// The keys of a short form.
#[derive(Clone, Copy)]
struct Body<'b>(&'b Map<String, Json>);

impl<'b> Body<'b> {
    fn get(self, key: &str) -> Option<&'b Json> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// The text of a scalar; numbers are written out.
    fn text(self, key: &str) -> String {
        match self.get(key) {
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    fn text_or(self, key: &str, default: &str) -> String {
        if self.get(key).is_some() { self.text(key) } else { default.to_owned() }
    }

    fn json(self, key: &str) -> Json {
        self.get(key).cloned().unwrap_or(Json::Null)
    }

    fn object(self, key: &str) -> Json {
        self.get(key).cloned().unwrap_or_else(|| Json::Object(Map::new()))
    }

    fn flag(self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value != &Json::Bool(false))
    }

    /// The actor's name.
    fn actor(self) -> String {
        match self.get("user") {
            Some(Json::String(name)) => name.clone(),
            _ => self.text_or("by", ACTOR),
        }
    }

    /// Members of an object the test gives for a part, laid over the default one.
    fn over(self, key: &str, mut default: Json) -> Json {
        if let (Some(Json::Object(given)), Some(target)) = (self.get(key), default.as_object_mut())
        {
            target.extend(given.clone());
        }
        default
    }
}

/// Seconds of `12:00:30`.
pub(super) fn time_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().map_or(Some(0), Result::ok)?;
    (hour < 24 && minute < 60 && second < 60 && parts.next().is_none())
        .then_some(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests;
