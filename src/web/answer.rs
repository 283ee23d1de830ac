//! A request into its answer: pure, and bounded in time and bytes by what it asks.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::health::{Health, WorkerReport};
use super::query::{self, Query};
use super::view::{MAX_PAGE_BYTES, ToldAlert, View, ViewStatus};

/// Where answers come from.
pub struct Sources {
    /// What workers told.
    pub health: Arc<Health>,
    /// What was recorded, in Prometheus' text format.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// What was read from the log; `None` where this process does not follow it.
    pub view: Option<Arc<View>>,
    /// Has content loaded anew, or tells why the old stays; `None` where that can't be asked.
    pub reload: Option<Reload>,
}

/// Loads content anew; may take a second.
pub type Reload = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What a request asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The HTTP method.
    pub method: &'r str,
    /// The path, as it came.
    pub path: &'r str,
    /// The part behind the question mark, as it came.
    pub query: &'r str,
    /// What it takes this host's name to be.
    pub host: Option<&'r str>,
    /// Whether only this machine can ask.
    pub loopback: bool,
    /// Whether this machine asks.
    pub near: bool,
    /// Whether a page in a browser asks.
    pub page: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// What the body is.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The methods that the page takes, where another one was used.
    pub allow: Option<&'static str>,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "Driftline\n
/metrics               metrics, for Prometheus
/healthz               whether every worker turns
/readyz                whether every role works
/api/status            workers, and how fresh the findings are
/api/findings          findings as they stand: tenant, severity, detector, limit, after
/api/findings/{uid}    one of them
/api/alerts            the last alerts: tenant, severity, limit
/-/reload              loads content anew; POST, from this machine
";

/// The answer of `/api/status`.
#[derive(Serialize)]
struct Status {
    version: &'static str,
    alive: bool,
    ready: bool,
    workers: Vec<WorkerReport>,
    /// `null` where this process does not follow the log.
    view: Option<ViewStatus>,
}

/// The answer of `/api/alerts`.
#[derive(Serialize)]
struct Alerts {
    /// Newest first.
    alerts: Vec<Arc<ToldAlert>>,
}

/// Answers.
#[must_use]
pub fn answer(sources: &Sources, asked: &Asked<'_>) -> Answer {
    if asked.loopback && !asked.host.is_none_or(is_this_machine) {
        return refused(StatusCode::FORBIDDEN, "this listener is for this machine alone");
    }
    if asked.path == "/-/reload" {
        return reload(sources, asked);
    }
    if asked.method != "GET" && asked.method != "HEAD" {
        return unfit("GET, HEAD", "only GET and HEAD are answered");
    }
    match asked.path {
        "/" => {
            Answer { status: StatusCode::OK, content_type: TEXT, body: INDEX.into(), allow: None }
        }
        "/metrics" => {
            let body = (sources.metrics)().into_bytes();
            Answer { status: StatusCode::OK, content_type: METRICS, body, allow: None }
        }
        "/healthz" => {
            let liveness = sources.health.liveness();
            told(well(liveness.alive), &liveness)
        }
        "/readyz" => {
            let readiness = sources.health.readiness();
            told(well(readiness.ready), &readiness)
        }
        "/api/status" => told(StatusCode::OK, &status(sources)),
        path => from_view(sources, path, asked.query),
    }
}

/// Only this machine may ask, as nobody logs in here; and none of its browsers on behalf of a page.
fn reload(sources: &Sources, asked: &Asked<'_>) -> Answer {
    let Some(reload) = &sources.reload else {
        let why = "this process loads its content anew on SIGHUP alone";
        return refused(StatusCode::NOT_FOUND, why);
    };
    if asked.method != "POST" {
        return unfit("POST", "only POST is answered here");
    }
    if !asked.near || asked.page {
        let why = "content is loaded anew for this machine alone, and for no page in a browser";
        return refused(StatusCode::FORBIDDEN, why);
    }
    match reload() {
        Ok(()) => told(StatusCode::OK, &json!({ "reload": "taken" })),
        Err(why) => {
            let why = format!("the old content stays in use: {why}");
            refused(StatusCode::UNPROCESSABLE_ENTITY, &why)
        }
    }
}

/// A page of another site that gave its own name this machine's address gets no answer from a
/// listener that is for this machine alone (DNS rebinding).
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn from_view(sources: &Sources, path: &str, query: &str) -> Answer {
    let unknown = || refused(StatusCode::NOT_FOUND, "no such page; `/` lists them");
    let Some(path) = path.strip_prefix("/api/") else { return unknown() };
    let Some(view) = &sources.view else {
        let why = "this process does not follow the log: it runs without the role `web`";
        return refused(StatusCode::NOT_FOUND, why);
    };
    match path.split_once('/') {
        None if path == "findings" => page(view, query),
        None if path == "alerts" => alerts(view, query),
        Some(("findings", uid)) => {
            let found = query::decoded(uid).ok().and_then(|uid| view.finding(&uid));
            match found {
                Some(standing) => told(StatusCode::OK, &standing),
                None => refused(StatusCode::NOT_FOUND, "no such finding stands"),
            }
        }
        _ => unknown(),
    }
}

fn page(view: &View, query: &str) -> Answer {
    let known = &["tenant", "severity", "detector", "limit", "after"];
    let Query { wanted, after, limit } = match query::read(query, known) {
        Ok(query) => query,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    let mut page = view.page(&wanted, after.as_deref(), limit);
    let fits = fitting(page.findings.iter());
    if fits < page.findings.len() {
        page.findings.truncate(fits);
        page.next = page.findings.last().map(|last| last.uid.to_string());
    }
    told(StatusCode::OK, &page)
}

fn alerts(view: &View, query: &str) -> Answer {
    let Query { wanted, limit, .. } = match query::read(query, &["tenant", "severity", "limit"]) {
        Ok(query) => query,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
    };
    let mut alerts = view.alerts(&wanted, limit);
    alerts.truncate(fitting(alerts.iter()));
    told(StatusCode::OK, &Alerts { alerts })
}

/// How many of these fit on a page; at least one, so that the next page goes on.
fn fitting<'a, T: Serialize + 'a>(items: impl Iterator<Item = &'a T>) -> usize {
    let mut bytes = 0;
    let within = |item: &&T| {
        bytes += serde_json::to_vec(item).map_or(0, |text| text.len() + 1);
        bytes <= MAX_PAGE_BYTES
    };
    items.take_while(within).count().max(1)
}

fn status(sources: &Sources) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION"),
        alive: sources.health.liveness().alive,
        ready: sources.health.readiness().ready,
        workers: sources.health.workers(),
        view: sources.view.as_ref().map(|view| view.status()),
    }
}

fn well(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn told<T: Serialize>(status: StatusCode, what: &T) -> Answer {
    // Every member is text, a number, a list or a map by text: there is nothing that could fail.
    let mut body = serde_json::to_vec(what).unwrap_or_default();
    body.push(b'\n');
    Answer { status, content_type: JSON, body, allow: None }
}

fn unfit(allow: &'static str, why: &str) -> Answer {
    Answer { allow: Some(allow), ..refused(StatusCode::METHOD_NOT_ALLOWED, why) }
}

fn refused(status: StatusCode, why: &str) -> Answer {
    told(status, &json!({ "error": why }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_its_bytes_do_and_is_never_empty() {
        let third = "x".repeat(MAX_PAGE_BYTES / 3 - 10);
        let large = "x".repeat(MAX_PAGE_BYTES + 1);
        for (items, fit) in [(vec![&third; 5], 3), (vec![&large; 2], 1), (vec![&third; 2], 2)] {
            assert_eq!(fitting(items.iter()), fit);
        }
    }

    #[test]
    fn an_alert_is_passed_on_as_it_is_however_deep() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let alert = ToldAlert {
            id: "a".to_owned(),
            kind: String::new(),
            tenant: String::new(),
            severity: String::new(),
            resource: String::new(),
            time: String::new(),
            alert: serde_json::from_str(&deep).ok(),
        };
        let answer = told(StatusCode::OK, &Alerts { alerts: vec![Arc::new(alert)] });
        assert!(String::from_utf8(answer.body).expect("text").contains(&deep));
    }
}
