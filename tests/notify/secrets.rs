//! No secret is in a log, an error or a `Debug`, not even where a destination sends it back.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driftline::log::Log as _;
use driftline::log::{Isolation, Offset, Reader as _, TopicPartition};
use driftline::notify::{Allow, Endpoint, Secret};

use crate::receiver::{Manner, Receiver};
use crate::service::{SECRET, alert, log, worker};

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_is_told_whatever_a_destination_answers() {
    let logs = Logs::default();
    let writer = logs.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let receiver = Receiver::plain();
    let url = format!("http://127.0.0.1:{}/services/canary-path", receiver.port());
    let echo = format!("wrong: {SECRET} at {url}, /services/canary-path");
    for manner in [Manner::Body(500, echo.clone()), Manner::Close, Manner::Body(400, echo)] {
        receiver.next(manner);
    }
    let log = log(&[alert("a1", "f1")]);
    tracing::subscriber::with_default(subscriber, || {
        let mut worker = worker(&log, &url);
        for _ in 0..60 {
            log.tick(log.now().plus(1_000_000));
            worker.turn(Duration::from_millis(20)).expect("it turns");
        }
    });
    assert_eq!(receiver.came().len(), 3);
    let mut letters = Vec::new();
    let mut reader = log.reader(Isolation::Committed).expect("a reader");
    reader.start(&[(TopicPartition::new("letters", 0), Offset(0))]).expect("it starts");
    for _ in 0..5 {
        let polled = reader.poll(Duration::ZERO, &mut |record| {
            letters.push(format!("{:?}", record.headers));
            for (_, value) in record.headers {
                letters.push(String::from_utf8_lossy(value).into_owned());
            }
        });
        polled.expect("it reads");
    }
    let text = String::from_utf8(logs.0.lock().expect("nobody panicked").clone()).expect("text");
    for told in [text, letters.join("\n")] {
        assert!(told.contains("it answered 400: wrong: [secret] at [secret], [secret]"), "{told}");
        assert!(!told.contains("canary") && !told.contains(&SECRET[6..]), "{told}");
    }
    let allow = Allow { http: true, private: true };
    let endpoint = Endpoint::new(&url, allow).expect("a URL");
    let shown = format!("{endpoint:?} {endpoint} {:?}", Secret::new("canary"));
    assert!(!shown.contains("canary"), "{shown}");
}
