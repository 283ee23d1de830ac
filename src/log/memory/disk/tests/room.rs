//! A disk without room, a disk that fails, and a journal that stays as small as what it keeps.

use super::*;

/// A file that takes so many bytes more, and a disk that may fail.
#[derive(Debug)]
struct Small {
    file: File,
    room: Arc<AtomicU64>,
    fails: Arc<AtomicBool>,
}

impl Medium for Small {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed);
        let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        // As a full disk does it: what fits is written.
        self.file.append(&bytes[..fits])?;
        self.room.fetch_sub(fits as u64, Ordering::Relaxed);
        if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.cut(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.sync()
    }
}

/// A log whose disk has no bound yet and does not fail, and what changes that.
fn small(folder: &Path) -> (Memory, Arc<AtomicU64>, Arc<AtomicBool>) {
    let log = opened(folder);
    let room = Arc::new(AtomicU64::new(u64::MAX));
    let fails = Arc::new(AtomicBool::new(false));
    let file = File::options().append(true).open(journal(folder)).expect("it opens");
    let medium = Small { file, room: Arc::clone(&room), fails: Arc::clone(&fails) };
    if let Some(journal) = &mut log.broker().journal {
        journal.medium = Box::new(medium);
    }
    (log, room, fails)
}

fn is_full<T: std::fmt::Debug>(done: &Result<T, LogError>) {
    let Err(LogError::Retry(trouble)) = done else { panic!("{done:?}") };
    assert_eq!(trouble.cause, Cause::Storage);
    assert!(trouble.detail.contains("journal` cannot be written"), "{trouble}");
}

#[test]
fn without_room_nothing_is_done_and_every_call_says_so() {
    let folder = folder();
    let (log, room, _) = small(folder.path());
    make(&log, "t", 1, &[]);
    let mut consumer = member(&log, "t");
    let before = whole(&log);
    room.store(3, Ordering::Relaxed);
    is_full(&try_make(&log, "u", 1, &[]));
    let mut admin = log.admin().expect("an admin");
    is_full(&admin.grow("t", 2, NOW));
    is_full(&admin.trim(&place("t", 0), Offset(0), NOW));
    is_full(&consumer.commit(&[commit(place("t", 0), 1, "")]));
    is_full(&log.pour(&[record("t", 0, "a")], "g", &commit(place("f", 0), 1, "")));
    let mut producer = plain(&log);
    producer.send(&record("t", 0, "b")).expect("it is taken");
    assert_eq!(producer.drain(NOW), 0);
    is_full(&Err::<(), _>(producer.failures().remove(0).error));
    assert_eq!(whole(&log), before);
    room.store(u64::MAX, Ordering::Relaxed);
    send(&mut producer, "t", 0, &["b"]);
    consumer.commit(&[commit(place("t", 0), 1, "")]).expect("it is made");
    let after = whole(&log);
    drop((producer, consumer, admin, log));
    assert_eq!(whole(&opened(folder.path())), after);
}

/// A transaction with a record and an offset, up to its decision.
fn begun(log: &Memory, consumer: &MemoryConsumer) -> MemoryProducer {
    let mut producer = transactional(log, "id");
    producer.begin().expect("it begins");
    send(&mut producer, "t", 0, &["within"]);
    let member = consumer.member().expect("it is one");
    let offset = commit(place("t", 0), 7, "ours");
    producer.send_offsets(&[offset], &member, NOW).expect("it is taken");
    producer
}

#[test]
fn a_commit_without_room_is_unknown_and_made_once_there_is_room() {
    let folder = folder();
    let (log, room, _) = small(folder.path());
    make(&log, "t", 1, &[]);
    let consumer = member(&log, "t");
    let mut producer = begun(&log, &consumer);
    room.store(10, Ordering::Relaxed);
    let unknown = producer.commit().expect_err("there is no room");
    assert!(matches!(unknown, LogError::Unknown(_)), "{unknown:?}");
    assert!(unknown.to_string().contains("cannot be written"), "{unknown}");
    assert_eq!(values(&log, &place("t", 0)), [""; 0]);
    let promise = Promise::Transactional { id: "id".to_owned(), timeout: Duration::from_secs(10) };
    let mut next = log.producer(&promise).expect("a producer");
    is_full(&next.init(NOW));
    let mut admin = log.admin().expect("an admin");
    let asked = admin.committed("g", &[place("t", 0)], NOW);
    assert!(matches!(asked, Err(LogError::Retry(_))), "undecided: {asked:?}");
    // Whoever opens the folder now finds it aborted.
    let crashed = left(&fs::read(journal(folder.path())).expect("it reads"));
    assert_eq!(committed(&opened(crashed.path()), &place("t", 0)), None);
    room.store(u64::MAX, Ordering::Relaxed);
    next.init(NOW).expect("what was before is decided");
    for log in [&log, &opened(left(&fs::read(journal(folder.path())).expect("it")).path())] {
        assert_eq!(committed(log, &place("t", 0)).expect("committed").receipt, "ours");
        assert_eq!(values(log, &place("t", 0)), ["within"]);
    }
}

#[test]
fn an_abort_needs_no_room() {
    let folder = folder();
    let (log, room, _) = small(folder.path());
    make(&log, "t", 1, &[]);
    let consumer = member(&log, "t");
    let mut producer = begun(&log, &consumer);
    room.store(0, Ordering::Relaxed);
    producer.abort(NOW).expect("it is aborted");
    transactional(&log, "id");
    assert_eq!(values(&log, &place("t", 0)), [""; 0]);
    room.store(u64::MAX, Ordering::Relaxed);
    send(&mut plain(&log), "t", 0, &["behind"]);
    let before = whole(&log);
    drop((producer, consumer, log));
    assert_eq!(whole(&opened(folder.path())), before);
}

#[test]
fn a_transaction_that_does_not_fit_is_to_be_aborted_and_takes_no_more_memory() {
    let folder = folder();
    let (log, room, _) = small(folder.path());
    make(&log, "t", 1, &[]);
    room.store(0, Ordering::Relaxed);
    let large = "x".repeat(900_000);
    let mut producer = transactional(&log, "id");
    for round in 0..20 {
        producer.begin().expect("it begins");
        producer.send(&record("t", 0, &large)).expect("it is taken");
        producer.drain(NOW);
        if round > 5 {
            let failure = producer.failures().remove(0).error;
            assert!(matches!(failure, LogError::Abort(_)), "{failure:?}");
        }
        producer.abort(NOW).expect("it is aborted");
    }
    let waits = log.broker().journal.as_ref().map_or(0, |journal| journal.waiting.len());
    assert!(waits < 2 * WAITING, "{waits}");
}

#[test]
fn a_disk_that_fails_is_an_end_with_a_sentence_and_what_was_told_is_there() {
    let folder = folder();
    let (log, _, fails) = small(folder.path());
    make(&log, "t", 1, &[]);
    let mut consumer = member(&log, "t");
    send(&mut plain(&log), "t", 0, &["before"]);
    consumer.commit(&[commit(place("t", 0), 1, "")]).expect("it is made");
    let mut producer = begun(&log, &consumer);
    fails.store(true, Ordering::Relaxed);
    let told = producer.commit().expect_err("the disk fails");
    assert!(matches!(told, LogError::Stop(_)), "{told:?}");
    assert!(told.to_string().contains("see to the disk, then start again"), "{told}");
    fails.store(false, Ordering::Relaxed);
    // A disk that failed once is not believed again.
    let later = consumer.commit(&[commit(place("t", 0), 2, "")]);
    assert!(matches!(later, Err(LogError::Stop(_))), "{later:?}");
    drop((producer, consumer, log));
    let log = opened(folder.path());
    let receipt = committed(&log, &place("t", 0)).expect("committed").receipt;
    let seen = values(&log, &place("t", 0));
    assert!(seen == ["before"] && receipt.is_empty() || seen.len() == 2 && receipt == "ours");
}

#[test]
fn a_write_that_cannot_be_taken_back_is_an_end_too() {
    let folder = folder();
    let (log, room, fails) = small(folder.path());
    make(&log, "t", 1, &[]);
    room.store(9, Ordering::Relaxed);
    fails.store(true, Ordering::Relaxed);
    let told = try_make(&log, "u", 1, &[]);
    assert!(matches!(told, Err(LogError::Stop(_))), "{told:?}");
    drop(log);
    assert!(opened(folder.path()).broker().topic("u").is_none(), "half a write is cut off");
}

/// Bytes of the journal.
fn length(folder: &Path) -> u64 {
    fs::metadata(journal(folder)).expect("it is there").len()
}

/// Has a journal written anew from few bytes on.
fn often(log: &Memory, least: u64) {
    if let Some(journal) = &mut log.broker().journal {
        (journal.least, journal.look_at) = (least, least);
    }
}

#[test]
fn a_journal_is_written_anew_from_what_is_live_and_stays_bounded() {
    const LEAST: u64 = 40_000;
    let folder = folder();
    let log = opened(folder.path());
    often(&log, LEAST);
    make(&log, "rows", 1, &[("cleanup.policy", "compact")]);
    make(&log, "week", 1, &[("retention.ms", "1000")]);
    let consumer = member(&log, "week");
    let mut producer = transactional(&log, "id");
    let mut largest = 0;
    for round in 1..=200_u64 {
        log.tick(Timestamp::from_seconds(i64::try_from(round).expect("few")));
        producer.begin().expect("it begins");
        for number in 0..10 {
            let value = format!("{number}{round:>0200}");
            let time = log.now();
            for topic in ["rows", "week"] {
                let record = Outgoing { time, ..record(topic, 0, &value) };
                producer.send(&record).expect("it is taken");
            }
        }
        producer.drain(NOW);
        let member = consumer.member().expect("it is one");
        let offset = commit(place("week", 0), round, "");
        producer.send_offsets(&[offset], &member, NOW).expect("it is taken");
        producer.commit().expect("it is made");
        log.clean("rows");
        largest = largest.max(length(folder.path()));
    }
    assert!(largest < 3 * LEAST, "{largest}");
    let before = whole(&log);
    drop((consumer, producer, log));
    let log = opened(folder.path());
    assert_eq!(whole(&log), before);
    assert_eq!(values(&log, &place("rows", 0)).len(), 10);
    assert_eq!(committed(&log, &place("week", 0)).expect("committed").next.0, 200);
}

#[test]
fn what_is_open_while_the_journal_is_written_anew_is_decided_afterwards() {
    let folder = folder();
    let log = opened(folder.path());
    make(&log, "t", 1, &[("cleanup.policy", "compact")]);
    let consumer = member(&log, "t");
    for _ in 0..50 {
        send(&mut plain(&log), "t", 0, &["a", "b"]);
    }
    log.clean("t");
    let mut producer = begun(&log, &consumer);
    let before = length(folder.path());
    often(&log, 100);
    log.admin().expect("an admin").describe("t", NOW).expect("any call does it");
    assert!(length(folder.path()) < before, "it was written anew");
    producer.commit().expect("it is made");
    let expected = whole(&log);
    assert_eq!(values(&log, &place("t", 0)).last().map(String::as_str), Some("within"));
    drop((producer, consumer, log));
    let log = opened(folder.path());
    assert_eq!(whole(&log), expected);
    drop(log);
    // Of what was written anew nothing is taken for a write cut short.
    let mut bytes = fs::read(journal(folder.path())).expect("it reads");
    bytes[frame::BEGIN + frame::HEAD + 3] ^= 1;
    let refused = try_open(left(&bytes).path()).err();
    assert!(matches!(refused, Some(DiskError::Damaged { offset: 16, .. })), "{refused:?}");
}

#[test]
fn a_journal_that_is_too_large_for_what_it_keeps_is_written_anew_at_the_start() {
    let folder = folder();
    let log = opened(folder.path());
    make(&log, "t", 1, &[("cleanup.policy", "compact")]);
    let large = "x".repeat(900_000);
    for _ in 0..20 {
        send(&mut plain(&log), "t", 0, &[&large]);
    }
    log.clean("t");
    if let Some(journal) = &mut log.broker().journal {
        journal.look_at = u64::MAX;
    }
    let before = whole(&log);
    drop(log);
    assert!(length(folder.path()) > LEAST);
    let log = opened(folder.path());
    assert!(length(folder.path()) < 2_000_000, "{}", length(folder.path()));
    assert_eq!(whole(&log), before);
}
