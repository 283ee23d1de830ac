//! Destinations and routes: the `notify` block into what a worker is made of, or every fault.
//!
//! **Invariant:** secrets come from files and variables alone, and no fault says one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::notify::{
    Alertmanager, Allow, Destination, Endpoint, Lane, PagerDuty, Rate, Reach, Routes, Secret,
    Slack, Spec, Webhook,
};

use super::check::span;
use super::raw::notify::{Destination as Raw, Notify as RawNotify};

mod keys;
mod routes;

/// Destinations that there may be.
pub const MOST: usize = 32;

/// Destinations and routes in which everything was checked.
#[derive(Clone, Debug, Default)]
pub struct Notify {
    /// In name order: routes name them by number.
    pub destinations: Vec<Target>,
    /// Where alerts go.
    pub routes: Routes,
}

/// A destination in which everything was checked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: Arc<str>,
    /// What it makes of messages.
    pub sort: Sort,
    /// Where it listens.
    pub endpoints: Vec<Endpoint>,
    /// How it may be reached.
    pub reach: Reach,
    rate: Rate,
    bounds: Bounds,
}

/// A destination's sort, with what it needs.
#[derive(Clone, Debug)]
pub enum Sort {
    /// Alertmanager v2.
    Alertmanager(Alertmanager),
    /// `PagerDuty` Events v2.
    PagerDuty(PagerDuty),
    /// Standard Webhooks.
    Webhook(Webhook),
    /// Slack's incoming webhooks.
    Slack(Slack),
}

impl Sort {
    /// What makes requests.
    #[must_use]
    pub fn destination(&self) -> Box<dyn Destination> {
        match self {
            Self::Alertmanager(own) => Box::new(own.clone()),
            Self::PagerDuty(own) => Box::new(own.clone()),
            Self::Webhook(own) => Box::new(own.clone()),
            Self::Slack(own) => Box::new(*own),
        }
    }
}

impl Target {
    /// An empty queue for it.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane::new(Spec {
            name: Arc::clone(&self.name),
            destination: self.sort.destination(),
            endpoints: self.endpoints.clone(),
            rate: self.rate,
            queue: self.bounds.queue,
            burst: self.bounds.burst,
            window: self.bounds.window,
            give_up_after: self.bounds.give_up_after,
        })
    }
}

/// Bounds that may be set for all and for each.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    give_up_after: Duration,
    burst: usize,
    window: Duration,
    queue: usize,
}

const BOUNDS: Bounds = Bounds {
    give_up_after: Duration::from_secs(86_400),
    burst: 20,
    window: Duration::from_secs(60),
    queue: 1_000,
};
/// How often Alertmanager is told of what is open.
const RESEND: Duration = Duration::from_secs(60);

/// What faults are noted with.
struct Desk<'d> {
    beside: &'d dyn Fn(&str) -> PathBuf,
    faults: &'d mut Vec<String>,
}

impl Desk<'_> {
    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{place}: {what}"));
    }

    /// A span above 0.
    fn span(&mut self, place: &str, text: Option<&str>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        let micros = span(text).and_then(|micros| u64::try_from(micros).ok());
        if let Some(micros) = micros.filter(|micros| *micros > 0) {
            return Duration::from_micros(micros);
        }
        self.fault(place, format_args!("`{text}` is not a span such as `10s`, `1m`, `24h`"));
        default
    }

    fn bounds(
        &mut self,
        place: &str,
        (give_up_after, burst, window, queue): (
            Option<&str>,
            Option<usize>,
            Option<&str>,
            Option<usize>,
        ),
        base: Bounds,
    ) -> Bounds {
        if queue == Some(0) {
            self.fault(&format!("{place}.queue"), "must be at least 1");
        }
        let at = |key: &str| format!("{place}.{key}");
        Bounds {
            give_up_after: self.span(&at("give_up_after"), give_up_after, base.give_up_after),
            burst: burst.unwrap_or(base.burst),
            window: self.span(&at("window"), window, base.window),
            queue: queue.unwrap_or(base.queue),
        }
    }
}

/// Checks the block; every fault is added.
pub(super) fn check(
    raw: &RawNotify,
    beside: &dyn Fn(&str) -> PathBuf,
    faults: &mut Vec<String>,
) -> Notify {
    let mut desk = Desk { beside, faults };
    let own = (raw.give_up_after.as_deref(), raw.burst, raw.window.as_deref(), raw.queue);
    let bounds = desk.bounds("notify", own, BOUNDS);
    if raw.destinations.len() > MOST {
        desk.fault("notify.destinations", format_args!("at most {MOST}"));
    }
    let mut destinations = Vec::with_capacity(raw.destinations.len());
    for (name, destination) in &raw.destinations {
        let place = format!("notify.destinations.{name}");
        if !is_name(name) {
            desk.fault(&place, "not a name: write at most 32 of `a` to `z`, `0` to `9`, `-`, `_`");
        }
        if let Some(target) = target(name, destination, &place, bounds, &mut desk) {
            destinations.push(target);
        }
    }
    let numbers: BTreeMap<&str, usize> =
        raw.destinations.keys().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let routes = routes::check(&raw.routes, &numbers, &mut desk);
    Notify { destinations, routes }
}

/// Whether a name can stand in a metric's label and beside an offset.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(fits)
}

fn target(
    name: &str,
    raw: &Raw,
    place: &str,
    bounds: Bounds,
    desk: &mut Desk<'_>,
) -> Option<Target> {
    const SORTS: [&str; 4] = ["alertmanager", "pagerduty", "webhook", "slack"];
    let told = "write `alertmanager`, `pagerduty`, `webhook` or `slack`";
    let Some(word) = raw.sort.as_deref() else {
        desk.fault(&format!("{place}.type"), format_args!("missing; {told}"));
        return None;
    };
    if !SORTS.contains(&word) {
        desk.fault(&format!("{place}.type"), format_args!("`{word}` is no sort; {told}"));
        return None;
    }
    let before = desk.faults.len();
    keys::of_another(raw, word, place, desk);
    let allow = Allow { http: raw.allow_http, private: raw.allow_private };
    let endpoints = keys::endpoints(raw, word, place, allow, desk);
    let sort = sort(raw, word, place, desk);
    let rate = rate(raw, word, place, desk);
    let own = (raw.give_up_after.as_deref(), raw.burst, raw.window.as_deref(), raw.queue);
    let bounds = desk.bounds(place, own, bounds);
    let timeout = Duration::from_secs(10);
    let timeout = desk.span(&format!("{place}.timeout"), raw.timeout.as_deref(), timeout);
    let reach = Reach {
        allow,
        roots: keys::roots(raw, place, desk),
        proxy: keys::proxy(raw, place, desk),
        timeout: Some(timeout),
    };
    let sort = sort.filter(|_| desk.faults.len() == before)?;
    Some(Target { name: name.into(), sort, endpoints, reach, rate, bounds })
}

fn sort(raw: &Raw, word: &str, place: &str, desk: &mut Desk<'_>) -> Option<Sort> {
    let token =
        keys::optional((raw.token_file.as_deref(), raw.token_env.as_deref()), "token", place, desk);
    if token.as_ref().is_some_and(|t| !t.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
        desk.fault(&format!("{place}.token"), "a token is one word without spaces");
    }
    match word {
        "alertmanager" => {
            let at = format!("{place}.resend");
            let resend = desk.span(&at, raw.resend.as_deref(), RESEND);
            Some(Sort::Alertmanager(Alertmanager::new(resend, token)))
        }
        "pagerduty" => {
            let key = keys::needed(
                (raw.key_file.as_deref(), raw.key_env.as_deref()),
                "key",
                place,
                desk,
            )?;
            match PagerDuty::new(key) {
                Ok(own) => Some(Sort::PagerDuty(own)),
                Err(what) => {
                    desk.fault(&format!("{place}.key"), what);
                    None
                }
            }
        }
        "webhook" => {
            let all = keys::needed(
                (raw.secret_file.as_deref(), raw.secret_env.as_deref()),
                "secret",
                place,
                desk,
            )?;
            let all: Vec<Secret> = all.expose().split_whitespace().map(Secret::new).collect();
            match Webhook::new(&all, token) {
                Ok(own) => Some(Sort::Webhook(own)),
                Err(what) => {
                    desk.fault(
                        &format!("{place}.secret"),
                        format_args!(
                            "{what}; make one with `echo whsec_$(openssl rand -base64 32)`"
                        ),
                    );
                    None
                }
            }
        }
        _ => Some(Sort::Slack(Slack)),
    }
}

/// What each sort takes by its own documentation, with some room.
fn rate(raw: &Raw, word: &str, place: &str, desk: &mut Desk<'_>) -> Rate {
    let default = match word {
        "slack" => Rate::per_second(1),
        "pagerduty" => Rate::per_second(2),
        _ => Rate::per_second(20),
    };
    let Some(text) = &raw.rate else { return default };
    Rate::parse(text).unwrap_or_else(|| {
        let what = format_args!("`{text}` is not a rate such as `1/s`, `120/m`").to_string();
        desk.fault(&format!("{place}.rate"), what);
        default
    })
}

#[cfg(test)]
mod tests;
