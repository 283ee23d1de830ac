//! A crash within any write, and damage at any byte.

use super::*;

/// Transactions of the small run.
const RUN: u64 = 4;

/// A small run: transactions of two partitions and an offset each, records of none between them,
/// one transaction that is aborted and one that is left open. Its journal.
fn run() -> Vec<u8> {
    let folder = folder();
    let log = opened(folder.path());
    make(&log, "t", 2, &[]);
    make(&log, "plain", 1, &[]);
    let consumer = member(&log, "plain");
    let mut producer = transactional(&log, "id");
    for number in 1..=RUN {
        let value = number.to_string();
        for made in [false, true] {
            producer.begin().expect("it begins");
            let value = if made { value.clone() } else { format!("aborted {value}") };
            send(&mut producer, "t", 0, &[&value, &value]);
            send(&mut producer, "t", 1, &[&value]);
            let member = consumer.member().expect("it is one");
            let offset = commit(place("plain", 0), number, &value);
            producer.send_offsets(&[offset], &member, NOW).expect("it is taken");
            if made {
                producer.commit().expect("it is made");
            } else if number == 2 {
                producer.abort(NOW).expect("it is aborted");
            } else {
                // A crash of its owner alone: another takes its place.
                producer = transactional(&log, "id");
            }
        }
        send(&mut plain(&log), "plain", 0, &[&value]);
    }
    producer.begin().expect("it begins");
    send(&mut producer, "t", 0, &["left open"]);
    send(&mut plain(&log), "plain", 0, &["last"]);
    fs::read(journal(folder.path())).expect("it reads")
}

/// How many of the run's transactions, and of its other records, a log shows. Each transaction is
/// shown as a whole or not at all, and what is shown is the beginning of the run.
fn progress(log: &Memory) -> (u64, usize) {
    let made = committed(log, &place("plain", 0)).map_or(0, |committed| {
        assert_eq!(committed.next.0.to_string(), committed.receipt);
        committed.next.0
    });
    let twice = (1..=made).flat_map(|number| [number.to_string(), number.to_string()]);
    assert_eq!(values(log, &place("t", 0)), twice.collect::<Vec<_>>());
    let once = (1..=made).map(|number| number.to_string());
    assert_eq!(values(log, &place("t", 1)), once.collect::<Vec<_>>());
    let plain = values(log, &place("plain", 0));
    let all = (1..=RUN).map(|number| number.to_string()).chain(["last".to_owned()]);
    assert_eq!(plain, all.take(plain.len()).collect::<Vec<_>>());
    (made, plain.len())
}

#[test]
fn cut_at_any_byte_it_opens_and_shows_a_beginning_of_what_was() {
    let bytes = run();
    let mut last = (0, 0);
    for length in 0..=bytes.len() {
        let folder = left(&bytes[..length]);
        let log = opened(folder.path());
        let now = progress(&log);
        assert!(now >= last, "{length} bytes show {now:?}, fewer showed {last:?}");
        assert!(now.1 as u64 <= now.0 + 1, "a record is there before what stands before it");
        let before = whole(&log);
        drop(log);
        // What was cut off is gone for good: writing goes on behind what is whole.
        let log = opened(folder.path());
        assert_eq!(whole(&log), before);
        make(&log, "new", 1, &[]);
        send(&mut plain(&log), "new", 0, &["new"]);
        drop(log);
        assert_eq!(values(&opened(folder.path()), &place("new", 0)), ["new"]);
        last = now;
    }
    assert_eq!(last, (RUN, 5), "all of it shows all");
}

/// Where each frame begins.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut frames) = (frame::BEGIN, Vec::new());
    while at < bytes.len() {
        frames.push(at);
        let length = bytes[at..at + 4].try_into().map(u32::from_le_bytes).expect("four");
        at += frame::HEAD + length as usize;
    }
    frames
}

#[test]
fn a_byte_that_was_flipped_is_refused_with_its_frame_s_place() {
    let bytes = run();
    let frames = frames(&bytes);
    let mut refused = 0;
    for place in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[place] ^= 0x10;
        let folder = left(&broken);
        match try_open(folder.path()) {
            Err(DiskError::Damaged { file, offset, .. }) => {
                let begins = frames.iter().rev().find(|begins| **begins <= place);
                assert_eq!(offset, begins.map_or(0, |begins| *begins as u64), "byte {place}");
                assert_eq!(file, journal(folder.path()));
                assert_eq!(fs::read(file).expect("it reads"), broken, "nothing is lost");
                refused += 1;
            }
            // Within what was written last it cannot be told from a write that was cut short.
            Ok(log) => {
                progress(&log);
                assert!(place > bytes.len() / 2, "byte {place} of {}", bytes.len());
            }
            Err(other) => panic!("byte {place}: {other}"),
        }
    }
    assert!(refused > bytes.len() * 4 / 5, "{refused} of {}", bytes.len());
}

#[test]
fn once_it_was_opened_again_no_damage_is_taken_for_a_write_cut_short() {
    let folder = left(&run());
    drop(opened(folder.path()));
    drop(opened(folder.path()));
    let bytes = fs::read(journal(folder.path())).expect("it reads");
    let last = *frames(&bytes).last().expect("some");
    for place in frame::BEGIN..last {
        let mut broken = bytes.clone();
        broken[place] = !broken[place];
        let refused = try_open(left(&broken).path()).err();
        assert!(matches!(refused, Some(DiskError::Damaged { .. })), "byte {place}: {refused:?}");
    }
}

#[test]
fn what_a_power_cut_leaves_behind_the_end_is_taken_away() {
    let bytes = run();
    for rest in [vec![0; 5_000], vec![0xff; 40], b"\x10\0\0\0 words of another file".to_vec()] {
        let folder = left(&[bytes.as_slice(), &rest].concat());
        assert_eq!(progress(&opened(folder.path())), (RUN, 5));
    }
}
