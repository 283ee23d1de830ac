//! Requests over real connections: what is answered, what is not followed, what is not reached.

use std::time::Duration;

use driftline::notify::{
    Allow, Answer, Endpoint, Failure, Http, Reach, Reply, Request, Ticket, Transport as _,
};

use crate::receiver::{Manner, Receiver};

const ALL: Allow = Allow { http: true, private: true };

fn reach() -> Reach {
    Reach { allow: ALL, timeout: Some(Duration::from_millis(400)), ..Reach::default() }
}

/// Posts to a URL, and waits for the answer.
fn post(url: &str, reach: Reach) -> Answer {
    let endpoint = Endpoint::new(url, reach.allow).expect("a URL");
    let mut http = Http::new(&[reach]).expect("it starts");
    let mut request = Request::json("", b"{\"a\":1}".to_vec());
    request.headers.push(("webhook-id", "a1".to_owned()));
    http.send(Ticket(7), 0, &endpoint, request);
    let mut answers = Vec::new();
    for _ in 0..100 {
        http.wait(Duration::from_millis(100), &mut answers);
        if !answers.is_empty() {
            break;
        }
    }
    assert_eq!(answers.len(), 1, "one answer, within ten seconds");
    let (ticket, answer) = answers.remove(0);
    assert_eq!(ticket, Ticket(7));
    answer
}

fn plain(receiver: &Receiver) -> Answer {
    post(&format!("http://127.0.0.1:{}/hook?x=1", receiver.port()), reach())
}

fn status(answer: &Answer) -> u16 {
    answer.as_ref().map_or(0, |reply| reply.status)
}

#[test]
fn a_request_arrives_as_it_was_made() {
    let receiver = Receiver::plain();
    receiver.next(Manner::Body(202, "accepted".to_owned()));
    let reply = plain(&receiver).expect("an answer");
    assert_eq!(reply, Reply { status: 202, retry_after: None, body: "accepted".to_owned() });
    let came = receiver.came();
    assert_eq!(came.len(), 1);
    assert_eq!((came[0].path.as_str(), came[0].body.as_str()), ("/hook?x=1", "{\"a\":1}"));
    assert_eq!(came[0].header("content-type"), "application/json");
    assert_eq!(came[0].header("webhook-id"), "a1");
    assert!(came[0].header("user-agent").starts_with("driftline/"));
}

#[test]
fn every_status_comes_back_with_the_time_to_wait() {
    let receiver = Receiver::plain();
    for known in [200, 400, 410, 500] {
        receiver.next(Manner::Status(known, Vec::new()));
        assert_eq!(status(&plain(&receiver)), known);
    }
    receiver.next(Manner::Status(429, vec![("retry-after", "17".to_owned())]));
    let reply = plain(&receiver).expect("an answer");
    assert_eq!(reply.retry_after.as_deref(), Some("17"));
}

#[test]
fn nothing_is_followed() {
    let (receiver, elsewhere) = (Receiver::plain(), Receiver::plain());
    for code in [301, 302, 307, 308] {
        let to = format!("http://127.0.0.1:{}/", elsewhere.port());
        receiver.next(Manner::Status(code, vec![("location", to)]));
        assert_eq!(status(&plain(&receiver)), code);
    }
    assert_eq!(elsewhere.came().len(), 0);
}

#[test]
fn who_never_answers_is_not_waited_for() {
    let receiver = Receiver::plain();
    receiver.next(Manner::Never);
    assert_eq!(plain(&receiver), Err(Failure::TimedOut));
    // Half open: the system takes the connection, and nobody ever reads it.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = deaf.local_addr().expect("an address").port();
    for scheme in ["http", "https"] {
        let answer = post(&format!("{scheme}://127.0.0.1:{port}/"), reach());
        assert_eq!(answer, Err(Failure::TimedOut), "{scheme}");
    }
}

#[test]
fn an_answer_without_an_end_is_read_up_to_its_bound() {
    let receiver = Receiver::plain();
    receiver.next(Manner::Endless);
    let reply = plain(&receiver).expect("an answer");
    assert_eq!((reply.status, reply.body.len()), (200, 64 << 10));
}

#[test]
fn what_breaks_off_or_is_not_there_is_told_apart() {
    let receiver = Receiver::plain();
    receiver.next(Manner::Close);
    assert_eq!(plain(&receiver), Err(Failure::Broken));
    let port = receiver.port();
    drop(receiver);
    let answer = post(&format!("http://127.0.0.1:{port}/"), reach());
    assert_eq!(answer, Err(Failure::Unreachable));
    let answer = post("https://no-such-host.invalid/", reach());
    assert_eq!(answer, Err(Failure::Unresolved));
}

#[test]
fn a_certificate_must_be_trusted() {
    let receiver = Receiver::tls();
    let url = format!("https://localhost:{}/", receiver.port());
    assert_eq!(post(&url, reach()), Err(Failure::Untrusted));
    let roots = receiver.certificate.clone().map(String::into_bytes);
    let trusting = Reach { roots: roots.clone(), ..reach() };
    assert_eq!(status(&post(&url, trusting)), 200, "it is the certificate that was refused");
    // It is for another name.
    let other = format!("https://127.0.0.1:{}/", receiver.port());
    assert_eq!(post(&other, Reach { roots, ..reach() }), Err(Failure::Untrusted));
    assert_eq!(receiver.came().len(), 1);
}

#[test]
fn a_name_that_leads_to_a_private_address_is_not_reached() {
    let receiver = Receiver::plain();
    let url = format!("http://localhost:{}/", receiver.port());
    let public = Reach { allow: Allow { http: true, private: false }, ..reach() };
    assert_eq!(post(&url, public), Err(Failure::Forbidden));
    assert_eq!(receiver.came().len(), 0);
    assert_eq!(status(&post(&url, reach())), 200, "it is the address that was refused");
}

#[test]
fn no_proxy_is_asked_unless_it_is_named() {
    let (receiver, proxy) = (Receiver::plain(), Receiver::plain());
    let through = Endpoint::new(&format!("http://127.0.0.1:{}", proxy.port()), ALL).expect("URL");
    let url = format!("http://127.0.0.1:{}/hook", receiver.port());
    assert_eq!(status(&post(&url, Reach { proxy: Some(through), ..reach() })), 200);
    assert_eq!((receiver.came().len(), proxy.came().len()), (0, 1));
    assert_eq!(proxy.came()[0].path, url);
}
