//! Topics: made, described, missing; records that no topic takes.

use driftline::log::{
    Admin as _, Created, Isolation, Log, LogError, Offset, Producer as _, Reader as _,
    TopicPartition,
};

use crate::stage::{POLL, Stage, WAIT, insist, new_topic, record, scenes, unused};

scenes! {
    a_topic_is_made_once_and_described_as_it_was_asked_for,
    a_topic_that_is_not_there_is_told_with_the_fix,
    a_partition_that_is_not_there_is_told_with_the_fix,
    a_member_of_a_group_for_a_topic_that_is_not_there_is_told_so,
    a_record_that_is_too_large_is_refused_alone,
}

fn a_topic_is_made_once_and_described_as_it_was_asked_for<L: Log>(stage: &Stage<L>) {
    let name = unused("topic");
    let mut admin = stage.log.admin().expect("an admin");
    assert_eq!(insist(|| admin.describe(&name, WAIT)), None);
    let topic = new_topic(&name, 3, &[("cleanup.policy", "compact"), ("retention.ms", "5000")]);
    assert_eq!(insist(|| admin.create(&topic, WAIT)), Created::New);
    let found = (0..100).find_map(|_| insist(|| admin.describe(&name, WAIT)));
    let found = found.expect("it is there");
    assert_eq!((found.partitions, found.replicas), (3, 1));
    let setting = |name: &str| found.settings.get(name).map(String::as_str);
    assert_eq!(setting("cleanup.policy"), Some("compact"));
    assert_eq!(setting("retention.ms"), Some("5000"));
    assert_eq!(setting("delete.retention.ms"), Some("86400000"), "the default is told too");
    assert_eq!(insist(|| admin.create(&topic, WAIT)), Created::Already);
}

/// That an error names what is missing, and the command that helps.
fn names_the_fix(error: &LogError, what: &str) {
    let text = error.to_string();
    assert!(matches!(error, LogError::Configuration { .. }), "{error:?}");
    assert!(text.contains(what) && text.contains("driftline topics --create"), "{text}");
}

fn a_topic_that_is_not_there_is_told_with_the_fix<L: Log>(stage: &Stage<L>) {
    let name = unused("missing");
    let mut admin = stage.log.admin().expect("an admin");
    let place = TopicPartition::new(&name, 0);
    let asked = admin.bounds(&place, Isolation::Committed, WAIT).expect_err("it is not there");
    names_the_fix(&asked, &name);
    let mut reader = stage.log.reader(Isolation::Committed).expect("a reader");
    let started = reader.start(&[(place, Offset(0))]).expect_err("it is not there");
    names_the_fix(&started, &name);
}

fn a_partition_that_is_not_there_is_told_with_the_fix<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut producer = stage.idempotent();
    // The library learns how many there are with the first record.
    insist(|| producer.send(&record(&topic, 0, "there")));
    producer.drain(WAIT);
    let told = producer.send(&record(&topic, 7, "not there")).err().or_else(|| {
        producer.drain(WAIT);
        producer.failures().pop().map(|failure| failure.error)
    });
    names_the_fix(&told.expect("it is told"), &topic);
}

fn a_member_of_a_group_for_a_topic_that_is_not_there_is_told_so<L: Log>(stage: &Stage<L>) {
    let name = unused("missing");
    let mut consumer =
        stage.log.consumer(&Stage::<L>::membership(&name, &unused("group"))).expect("a consumer");
    let told = (0..100).find_map(|_| match consumer.poll(POLL, &mut |_| {}) {
        Ok(_) | Err(LogError::Retry(_)) => None,
        Err(error) => Some(error),
    });
    names_the_fix(&told.expect("it is told"), &name);
}

fn a_record_that_is_too_large_is_refused_alone<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut producer = stage.idempotent();
    let large = "x".repeat(2_000_000);
    let refused = producer.send(&record(&topic, 0, &large)).expect_err("it is refused");
    assert!(matches!(refused, LogError::Refused(_)), "{refused:?}");
    crate::stage::send(&mut producer, &topic, &["small"]);
    let place = TopicPartition::new(&topic, 0);
    assert_eq!(stage.values(&place, Isolation::Committed), ["small"]);
}
