//! Groups: who reads what, who may commit, how partitions change hands.

use driftline::log::{
    Admin as _, Consumer as _, Isolation, Log, LogError, Offset, Polled, Producer as _,
    Reader as _, TopicPartition,
};

use crate::stage::{
    POLL, Stage, WAIT, await_change, commit, insist, read_to_end, scenes, send, unused,
};

scenes! {
    offsets_of_a_member_that_the_group_went_on_without_demand_an_abort,
    what_is_revoked_can_be_committed_until_the_next_poll_and_then_goes_to_the_other,
    a_member_that_closes_hands_its_partitions_over,
    before_its_first_assignment_a_member_may_not_commit,
    nothing_is_read_from_a_partition_until_it_is_started,
    offsets_are_committed_outside_transactions_too,
    a_member_learns_of_new_partitions,
}

fn places(topic: &str) -> [TopicPartition; 2] {
    [TopicPartition::new(topic, 0), TopicPartition::new(topic, 1)]
}

/// Lets two members poll in turn until the first was asked for partitions and the second has
/// some; the first commits what it is asked for, by `before`.
fn hand_over<C: driftline::log::Consumer>(
    first: &mut C,
    second: &mut C,
    mut before: impl FnMut(&C, &[TopicPartition]),
) -> Vec<TopicPartition> {
    for _ in 0..200 {
        match first.poll(POLL, &mut |_| {}) {
            Ok(Polled::Revoked(places)) => before(first, &places),
            Ok(_) | Err(LogError::Retry(_)) => {}
            Err(error) => panic!("{error}"),
        }
        match second.poll(POLL, &mut |_| {}) {
            Ok(Polled::Assigned(places)) if !places.is_empty() => return places,
            Ok(_) | Err(LogError::Retry(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("nothing was handed over");
}

fn offsets_of_a_member_that_the_group_went_on_without_demand_an_abort<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(2), unused("group"));
    let mut first = stage.member(&topic, &group, 2);
    let stale = first.member().expect("it is one");
    let mut second =
        stage.other.consumer(&Stage::<L>::membership(&topic, &group)).expect("another");
    hand_over(&mut first, &mut second, |_, _| {});
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    let offsets = [commit(&places(&topic)[0], 1, "w:1")];
    let refused = loop {
        match producer.send_offsets(&offsets, &stale, WAIT) {
            Err(LogError::Retry(_)) => {}
            done => break done.expect_err("it is refused"),
        }
    };
    assert!(matches!(refused, LogError::Abort(_)) && refused.is_routine(), "{refused:?}");
    producer.abort(WAIT).expect("it is aborted");
    // It is still a member, and as one of now it may.
    producer.begin().expect("it begins");
    let fresh = first.member().expect("it is one");
    insist(|| producer.send_offsets(&offsets, &fresh, WAIT));
    producer.commit().expect("it is made");
}

fn what_is_revoked_can_be_committed_until_the_next_poll_and_then_goes_to_the_other<L: Log>(
    stage: &Stage<L>,
) {
    let (topic, out, group) = (stage.topic(2), stage.topic(1), unused("group"));
    let mut first = stage.member(&topic, &group, 2);
    let start = places(&topic).map(|place| (place, Offset(0)));
    insist(|| first.start(&start));
    let mut second =
        stage.other.consumer(&Stage::<L>::membership(&topic, &group)).expect("another");
    let mut producer = stage.transactional(&unused("id"));
    let mut given = Vec::new();
    let taken = hand_over(&mut first, &mut second, |first, revoked| {
        producer.begin().expect("it begins");
        send(&mut producer, &out, &["last"]);
        let offsets: Vec<_> = revoked.iter().map(|place| commit(place, 9, "w:1")).collect();
        let member = first.member().expect("it is one still");
        insist(|| producer.send_offsets(&offsets, &member, WAIT));
        producer.commit().expect("it is made");
        given.extend(revoked.to_vec());
    });
    assert_eq!(taken, given);
    let mut admin = stage.log.admin().expect("an admin");
    let found = insist(|| admin.committed(&group, &given, WAIT)).remove(0);
    assert_eq!(found.expect("it is there").next, Offset(9));
    assert_eq!(stage.values(&TopicPartition::new(&out, 0), Isolation::Committed), ["last"]);
}

fn a_member_that_closes_hands_its_partitions_over<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(2), unused("group"));
    let first = stage.member(&topic, &group, 2);
    let mut second =
        stage.other.consumer(&Stage::<L>::membership(&topic, &group)).expect("another");
    first.close(WAIT).expect("it leaves");
    let mut has = 0;
    await_change(&mut second, |change| {
        if let Polled::Assigned(places) = change {
            has += places.len();
        }
        has == 2
    });
}

fn before_its_first_assignment_a_member_may_not_commit<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(2), unused("group"));
    let mut consumer =
        stage.log.consumer(&Stage::<L>::membership(&topic, &group)).expect("a consumer");
    assert!(matches!(consumer.member(), Err(LogError::Abort(_))));
    let refused = consumer.commit(&[commit(&places(&topic)[0], 1, "")]);
    assert!(matches!(refused, Err(LogError::Abort(_))), "{refused:?}");
    assert!(!consumer.lost());
}

fn nothing_is_read_from_a_partition_until_it_is_started<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(1), unused("group"));
    let place = TopicPartition::new(&topic, 0);
    send(&mut stage.idempotent(), &topic, &["a", "b"]);
    let mut consumer = stage.member(&topic, &group, 1);
    assert_eq!(consumer.position(&place), None);
    for _ in 0..5 {
        let mut shown = 0;
        let polled = consumer.poll(POLL, &mut |_| shown += 1);
        assert!(matches!(polled, Ok(Polled::Idle)), "{polled:?}");
        assert_eq!(shown, 0);
    }
    insist(|| consumer.start(&[(place.clone(), Offset(1))]));
    assert_eq!(read_to_end(&mut consumer, &place), ["b"]);
    assert_eq!(consumer.position(&place), Some(Offset(2)));
    consumer.stop(std::slice::from_ref(&place)).expect("it stops");
    assert_eq!(consumer.position(&place), None);
    insist(|| consumer.start(&[(place.clone(), Offset(0))]));
    assert_eq!(read_to_end(&mut consumer, &place), ["a", "b"]);
}

fn offsets_are_committed_outside_transactions_too<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(2), unused("group"));
    let mut consumer = stage.member(&topic, &group, 2);
    let [first, second] = places(&topic);
    insist(|| consumer.commit(&[commit(&first, 3, "r"), commit(&second, 4, "")]));
    let mut admin = stage.other.admin().expect("an admin");
    let found = insist(|| admin.committed(&group, &[second.clone(), first.clone()], WAIT));
    let told: Vec<_> = found
        .iter()
        .flatten()
        .map(|committed| (committed.next.0, committed.receipt.as_str()))
        .collect();
    assert_eq!(told, [(4, ""), (3, "r")]);
    let nobody = insist(|| admin.committed(&unused("group"), std::slice::from_ref(&first), WAIT));
    assert_eq!(nobody, [None]);
}

fn a_member_learns_of_new_partitions<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(1), unused("group"));
    let mut consumer = stage.member(&topic, &group, 1);
    stage.other.admin().expect("an admin").grow(&topic, 2, WAIT).expect("it grows");
    await_change(&mut consumer, |change| match change {
        Polled::Assigned(places) => *places == [TopicPartition::new(&topic, 1)],
        _ => false,
    });
}
