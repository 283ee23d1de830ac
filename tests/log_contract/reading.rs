//! Reading: what a record carries, ends, holes, pauses, where keys go.

use driftline::log::spread::partition_of;
use driftline::log::{
    Admin as _, Incoming, Isolation, Log, LogError, Offset, Outgoing, Polled, Producer as _,
    Reader as _, To, TopicPartition,
};
use driftline::model::Timestamp;

use crate::stage::{
    POLL, Stage, WAIT, deliver, insist, read_to_end, record, scenes, send, value_of,
};

scenes! {
    a_record_comes_back_with_its_key_headers_time_and_place,
    a_key_goes_to_the_partition_that_the_rule_says,
    the_end_of_a_partition_is_told_and_told_again_after_more,
    a_hole_is_told_once_and_the_partition_is_silent_until_started_elsewhere,
    a_place_behind_the_end_is_a_hole_too,
    a_paused_partition_is_silent_and_keeps_its_place,
    several_partitions_are_read_by_one_reader_each_in_order,
    what_is_stopped_can_be_started_again,
}

fn place(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

fn a_record_comes_back_with_its_key_headers_time_and_place<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(3);
    let mut producer = stage.idempotent();
    let time = Timestamp::from_millis(1_767_225_600_123);
    let headers: [(&str, &[u8]); 2] = [("ce_id", b"7"), ("binary", &[0, 255])];
    let whole = Outgoing {
        topic: &topic,
        to: To::Partition(driftline::log::Partition(2)),
        key: Some(b"key"),
        value: Some(b"value"),
        headers: &headers,
        time,
        tag: 0,
    };
    let tombstone = Outgoing { value: None, headers: &[], ..whole };
    let empty = Outgoing { key: None, value: Some(b""), headers: &[], ..whole };
    for record in [whole, tombstone, empty] {
        insist(|| producer.send(&record));
    }
    deliver(&mut producer);
    let at = TopicPartition::new(&topic, 2);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    insist(|| reader.start(&[(at.clone(), Offset(0))]));
    let mut shown = Vec::new();
    while shown.len() < 3 {
        let mut keep = |got: &Incoming<'_>| {
            let headers: Vec<_> = got
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect();
            shown.push((
                got.topic.to_owned(),
                (got.partition.0, got.offset.0),
                got.key.map(<[u8]>::to_vec),
                got.value.map(<[u8]>::to_vec),
                headers,
                got.time,
            ));
        };
        insist(|| reader.poll(POLL, &mut keep));
    }
    let both = vec![("ce_id".to_owned(), b"7".to_vec()), ("binary".to_owned(), vec![0, 255])];
    let key = Some(b"key".to_vec());
    let value = Some(b"value".to_vec());
    assert_eq!(
        shown,
        [
            (topic.clone(), (2, 0), key.clone(), value, both, Some(time)),
            (topic.clone(), (2, 1), key, None, vec![], Some(time)),
            (topic.clone(), (2, 2), None, Some(vec![]), vec![], Some(time)),
        ]
    );
}

fn a_key_goes_to_the_partition_that_the_rule_says<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(5);
    let mut producer = stage.idempotent();
    let keys: Vec<String> = (0..50).map(|number| format!("tenant/{number}")).collect();
    for key in &keys {
        let by_key = Outgoing { to: To::Key, key: Some(key.as_bytes()), ..record(&topic, 0, key) };
        insist(|| producer.send(&by_key));
    }
    deliver(&mut producer);
    for number in 0..5 {
        let expected: Vec<&String> =
            keys.iter().filter(|key| partition_of(key.as_bytes(), 5).0 == number).collect();
        let found = stage.values(&TopicPartition::new(&topic, number), Isolation::Committed);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "partition {number}");
    }
}

fn the_end_of_a_partition_is_told_and_told_again_after_more<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    insist(|| reader.start(&[(place(&topic), Offset(0))]));
    assert_eq!(read_to_end(&mut reader, &place(&topic)), [""; 0]);
    let mut producer = stage.idempotent();
    send(&mut producer, &topic, &["a", "b"]);
    assert_eq!(read_to_end(&mut reader, &place(&topic)), ["a", "b"]);
    assert_eq!(reader.position(&place(&topic)), Some(Offset(2)));
    send(&mut producer, &topic, &["c"]);
    assert_eq!(read_to_end(&mut reader, &place(&topic)), ["c"]);
}

/// Polls until a hole is told.
fn hole(reader: &mut impl driftline::log::Reader) -> driftline::log::Hole {
    for _ in 0..100 {
        match reader.poll(POLL, &mut |record| panic!("{record:?} was shown")) {
            Err(LogError::Hole(hole)) => return hole,
            Ok(_) | Err(LogError::Retry(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no hole was told");
}

fn a_hole_is_told_once_and_the_partition_is_silent_until_started_elsewhere<L: Log>(
    stage: &Stage<L>,
) {
    let (topic, group) = (stage.topic(2), crate::stage::unused("group"));
    let (first, second) = (place(&topic), TopicPartition::new(&topic, 1));
    let mut producer = stage.idempotent();
    send(&mut producer, &topic, &["0", "1", "2", "3"]);
    insist(|| producer.send(&record(&topic, 1, "other")));
    deliver(&mut producer);
    let mut admin = stage.log.admin().expect("an admin");
    insist(|| admin.trim(&first, Offset(2), WAIT));
    assert_eq!(insist(|| admin.bounds(&first, Isolation::Committed, WAIT)).first, Offset(2));
    let mut consumer = stage.member(&topic, &group, 2);
    insist(|| consumer.start(&[(first.clone(), Offset(0))]));
    let told = hole(&mut consumer);
    assert_eq!((&told.partition, told.wanted, told.first), (&first, Offset(0), Offset(2)));
    assert_eq!(told.end, Offset(4));
    // The other partition goes on, and of this one nothing is heard.
    insist(|| consumer.start(&[(second.clone(), Offset(0))]));
    assert_eq!(read_to_end(&mut consumer, &second), ["other"]);
    for _ in 0..5 {
        let polled = consumer.poll(POLL, &mut |record| panic!("{record:?} was shown"));
        assert!(matches!(polled, Ok(Polled::Idle)), "{polled:?}");
    }
    insist(|| consumer.start(&[(first.clone(), told.first)]));
    assert_eq!(read_to_end(&mut consumer, &first), ["2", "3"]);
}

fn a_place_behind_the_end_is_a_hole_too<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    send(&mut stage.idempotent(), &topic, &["0"]);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    insist(|| reader.start(&[(place(&topic), Offset(9))]));
    let told = hole(&mut reader);
    assert_eq!((told.wanted, told.first, told.end), (Offset(9), Offset(0), Offset(1)));
    insist(|| reader.start(&[(place(&topic), Offset(0))]));
    assert_eq!(read_to_end(&mut reader, &place(&topic)), ["0"]);
}

fn a_paused_partition_is_silent_and_keeps_its_place<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let at = [place(&topic)];
    let mut producer = stage.idempotent();
    send(&mut producer, &topic, &["a", "b", "c"]);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    insist(|| reader.start(&[(at[0].clone(), Offset(0))]));
    let mut shown = Vec::new();
    while shown.is_empty() {
        insist(|| reader.poll(POLL, &mut |record| shown.push(value_of(record))));
    }
    reader.pause(&at).expect("it pauses");
    send(&mut producer, &topic, &["d"]);
    for _ in 0..5 {
        insist(|| reader.poll(POLL, &mut |record| panic!("{record:?} was shown")));
    }
    assert_eq!(reader.position(&at[0]), Some(Offset(1)));
    // Starting elsewhere does not end the pause.
    insist(|| reader.start(&[(at[0].clone(), Offset(2))]));
    for _ in 0..5 {
        insist(|| reader.poll(POLL, &mut |record| panic!("{record:?} was shown")));
    }
    reader.resume(&at).expect("it goes on");
    assert_eq!(read_to_end(&mut reader, &at[0]), ["c", "d"]);
}

fn several_partitions_are_read_by_one_reader_each_in_order<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(4);
    let mut producer = stage.idempotent();
    for round in 0..100 {
        for partition in 0..4 {
            let value = round.to_string();
            insist(|| producer.send(&record(&topic, partition, &value)));
        }
    }
    deliver(&mut producer);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    let all: Vec<_> = (0..4).map(|n| (TopicPartition::new(&topic, n), Offset(0))).collect();
    insist(|| reader.start(&all));
    let mut next = [0_usize; 4];
    while next.iter().sum::<usize>() < 400 {
        let mut check = |got: &Incoming<'_>| {
            let of = got.partition.0 as usize;
            assert_eq!(value_of(got), next[of].to_string());
            next[of] += 1;
        };
        insist(|| reader.poll(POLL, &mut check));
    }
}

fn what_is_stopped_can_be_started_again<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let at = place(&topic);
    send(&mut stage.idempotent(), &topic, &["a", "b"]);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    for _ in 0..3 {
        insist(|| reader.start(&[(at.clone(), Offset(0))]));
        assert_eq!(read_to_end(&mut reader, &at), ["a", "b"]);
        reader.stop(std::slice::from_ref(&at)).expect("it stops");
        assert_eq!(reader.position(&at), None);
        let polled = insist(|| reader.poll(POLL, &mut |record| panic!("{record:?} was shown")));
        assert_eq!(polled, Polled::Idle);
    }
}
