//! Requests over a real socket, and what each page answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream as Socket};

use super::health::{Health, SILENCE};
use super::view::View;
use super::*;
use crate::model::Timestamp;
use crate::worker::{Clock, Condition, Happening, Observer, Role};

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

struct Nobody;

impl Observer for Nobody {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

fn sources(view: bool) -> (Sources, Arc<dyn Observer>) {
    let health = Health::new(Arc::new(Epoch), SILENCE);
    let worker = health.watch(Role::Detect, Arc::new(Nobody));
    let view = view.then(|| Arc::new(View::default()));
    (Sources { health, metrics: Box::new(|| "up 1\n".to_owned()), view, reload: None }, worker)
}

fn start(bounds: Bounds) -> (Web, Arc<dyn Observer>) {
    let (sources, worker) = sources(true);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    (Web::start(any, sources, bounds).expect("it listens"), worker)
}

fn open(web: &Web) -> Socket {
    Socket::connect(web.address()).expect("it is listened")
}

/// Sends these bytes and reads until the other side closes.
fn exchange(web: &Web, request: &str) -> String {
    let mut socket = open(web);
    socket.write_all(request.as_bytes()).expect("sent");
    rest(&mut socket)
}

fn rest(socket: &mut Socket) -> String {
    let mut text = Vec::new();
    // A server that refuses may close before all was read: what came counts.
    let _ = socket.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn get(web: &Web, path: &str) -> String {
    exchange(web, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

fn ask(sources: &Sources, method: &str, path: &str) -> (u16, String) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = Asked { method, path, query, host: None, loopback: true, near: true, page: false };
    let answer = answer::answer(sources, &asked);
    (answer.status.as_u16(), String::from_utf8(answer.body).expect("text"))
}

#[test]
fn pages_are_served_with_what_they_are() {
    let (web, worker) = start(Bounds::default());
    let told = get(&web, "/readyz");
    assert!(told.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{told}");
    assert!(told.contains("\"condition\":\"joining\""), "{told}");
    worker.happened(Role::Detect, &Happening::Condition(Condition::Working));
    for (path, start, holds) in [
        ("/readyz", "HTTP/1.1 200", "\"ready\":true"),
        ("/healthz", "HTTP/1.1 200", "{\"alive\":true,\"silent\":[]}\n"),
        ("/metrics", "HTTP/1.1 200", "content-type: text/plain; version=0.0.4"),
        ("/api/findings", "HTTP/1.1 200", "{\"findings\":[],\"next\":null}\n"),
        ("/api/findings?limit=0", "HTTP/1.1 400", "{\"error\":\"`limit` is a number"),
        ("/nowhere", "HTTP/1.1 404", "x-content-type-options: nosniff\r\n"),
    ] {
        let told = get(&web, path);
        assert!(told.starts_with(start) && told.contains(holds), "{path}: {told}");
    }
}

#[test]
fn each_page_answers_what_it_is_asked() {
    let (sources, worker) = sources(true);
    worker.happened(Role::Detect, &Happening::Condition(Condition::Working));
    for (method, path, status, holds) in [
        ("GET", "/", 200, "/api/findings/{uid}"),
        ("HEAD", "/metrics", 200, "up 1\n"),
        ("POST", "/metrics", 405, "only GET and HEAD"),
        ("GET", "/api/status", 200, "\"version\":\""),
        ("GET", "/api/status", 200, "\"view\":{\"current\":false,\"findings\":0"),
        ("GET", "/api/status", 200, "\"workers\":[{\"role\":\"detect\",\"worker\":0"),
        ("GET", "/api/findings/none", 404, "no such finding stands"),
        ("GET", "/api/findings/%ff", 404, "no such finding stands"),
        ("GET", "/api/findings?tennant=a", 400, "unknown parameter `tennant`"),
        ("GET", "/api/alerts?limit=5", 200, "{\"alerts\":[]}"),
        ("GET", "/api/alerts?detector=x", 400, "unknown parameter `detector`"),
        ("GET", "/api/", 404, "no such page"),
        ("GET", "/metrics/", 404, "no such page"),
    ] {
        let (own, body) = ask(&sources, method, path);
        assert_eq!(own, status, "{path}: {body}");
        assert!(body.contains(holds), "{path}: {body}");
    }
}

#[test]
fn without_a_view_there_are_no_findings_and_the_reason_is_told() {
    let (sources, _worker) = sources(false);
    let (status, body) = ask(&sources, "GET", "/api/findings");
    assert_eq!(status, 404);
    assert!(body.contains("without the role `web`"), "{body}");
    assert!(ask(&sources, "GET", "/api/status").1.contains("\"view\":null"));
}

#[test]
fn on_the_loopback_address_only_this_machine_is_answered() {
    let (sources, _worker) = sources(true);
    for (host, loopback, status) in [
        (None, true, 200),
        (Some("localhost"), true, 200),
        (Some("LOCALHOST:9464"), true, 200),
        (Some("127.0.0.1:9464"), true, 200),
        (Some("[::1]:9464"), true, 200),
        (Some("[::1]"), true, 200),
        (Some("evil.example:9464"), true, 403),
        (Some("localhost.evil.example"), true, 403),
        (Some("10.0.0.1"), true, 403),
        (Some(""), true, 403),
        (Some("driftline.internal"), false, 200),
    ] {
        let asked = Asked {
            method: "GET",
            path: "/metrics",
            query: "",
            host,
            loopback,
            near: true,
            page: false,
        };
        assert_eq!(answer::answer(&sources, &asked).status.as_u16(), status, "{host:?}");
    }
}

#[test]
fn content_is_loaded_anew_for_this_machine_alone_and_for_no_page() {
    let (mut sources, _worker) = sources(false);
    let ask = |sources: &Sources, method, near, page| {
        let path = "/-/reload";
        let asked = Asked { method, path, query: "", host: None, loopback: false, near, page };
        let answer = answer::answer(sources, &asked);
        (answer.status.as_u16(), String::from_utf8(answer.body).expect("text"))
    };
    let (status, told) = ask(&sources, "POST", true, false);
    assert!(status == 404 && told.contains("SIGHUP"), "{told}");
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let times = Arc::clone(&asked);
    sources.reload = Some(Box::new(move || {
        times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }));
    for (method, near, page, status) in [
        ("GET", true, false, 405),
        ("HEAD", true, false, 405),
        ("POST", false, false, 403),
        ("POST", true, true, 403),
    ] {
        assert_eq!(ask(&sources, method, near, page).0, status, "{method} {near} {page}");
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(ask(&sources, "POST", true, false), (200, "{\"reload\":\"taken\"}\n".to_owned()));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let (web, _worker) = start(Bounds::default());
    let at = web.address();
    let error = Web::start(at, sources(true).0, Bounds::default()).err().expect("in use");
    assert_eq!(
        error.to_string(),
        format!(
            "`{at}` is in use by another program: end it, or set `web.listen` to another address"
        )
    );
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let (web, _worker) = start(Bounds::default());
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(exchange(&web, &long).starts_with("HTTP/1.1 431 "));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert!(exchange(&web, &many).starts_with("HTTP/1.1 431 "));
}

#[test]
fn a_connection_that_says_nothing_is_closed_and_makes_room() {
    let head_time = Duration::from_millis(20);
    let (web, _worker) = start(Bounds { connections: 2, head_time, ..Bounds::default() });
    let mut silent = [open(&web), open(&web)];
    silent[1].write_all(b"GET /metr").expect("sent");
    // Answered once one of the two is closed, which nobody but the listener does.
    assert!(get(&web, "/metrics").starts_with("HTTP/1.1 200"));
    for socket in &mut silent {
        assert!(!rest(socket).contains("200"));
    }
}

#[test]
fn a_connection_ends_after_its_time_however_busy() {
    let connection_time = Duration::from_millis(50);
    let (web, _worker) = start(Bounds { connection_time, ..Bounds::default() });
    let mut socket = open(&web);
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answers = 0;
    // It goes on asking, without a pause, until the listener closes.
    while socket.write_all(request).is_ok() {
        let mut part = [0; 4_096];
        match socket.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(_) => answers += 1,
        }
    }
    assert!(answers > 0);
}

#[test]
fn an_end_waits_for_nobody_who_only_listens() {
    let (web, _worker) = start(Bounds::default());
    let mut socket = open(&web);
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut part = [0; 4_096];
    assert!(socket.read(&mut part).expect("answered") > 0);
    let at = web.address();
    drop(web);
    assert_eq!(rest(&mut socket), "");
    assert!(Socket::connect(at).is_err(), "nobody listens");
    let _ = socket.shutdown(Shutdown::Both);
}

#[test]
fn what_is_no_http_is_refused_and_hurts_nobody() {
    let (web, _worker) = start(Bounds::default());
    for bytes in ["\r\n\r\n\r\n", "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{1}\u{2}\n\n"] {
        assert!(!exchange_half(&web, bytes).contains("200 OK"), "{bytes:?}");
    }
    assert!(get(&web, "/healthz").starts_with("HTTP/1.1 200"));
}

/// Sends these bytes, says that no more come, and reads the rest.
fn exchange_half(web: &Web, bytes: &str) -> String {
    let mut socket = open(web);
    socket.write_all(bytes.as_bytes()).expect("sent");
    let _ = socket.shutdown(Shutdown::Write);
    rest(&mut socket)
}
