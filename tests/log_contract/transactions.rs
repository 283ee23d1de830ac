//! Transactions: all or nothing, receipts, fencing, what is held back.

use driftline::log::{
    Admin as _, Cause, Consumer as _, Isolation, Log, LogError, Producer as _, Reader as _,
    TopicPartition,
};

use crate::stage::{
    Stage, WAIT, commit, deliver, insist, read_to_end, record, scenes, send, unused,
};

scenes! {
    what_a_transaction_wrote_is_seen_once_it_is_committed_and_not_before,
    an_aborted_transaction_leaves_nothing_that_committed_readers_see,
    a_receipt_is_read_back_with_its_offset_and_an_abort_leaves_the_one_before,
    a_question_for_offsets_waits_for_the_transaction_that_may_change_them,
    a_second_producer_of_an_id_fences_the_first_and_aborts_what_it_left,
    an_open_transaction_holds_back_what_others_write_behind_it,
    after_an_abort_the_same_records_are_read_again,
    a_transaction_without_offsets_is_refused_them,
    a_producer_that_aborted_goes_on,
    state_alerts_and_offsets_of_several_topics_are_one_transaction,
}

fn place(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

fn what_a_transaction_wrote_is_seen_once_it_is_committed_and_not_before<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    send(&mut producer, &topic, &["one", "two"]);
    assert_eq!(stage.values(&place(&topic), Isolation::Committed), [""; 0]);
    assert_eq!(stage.values(&place(&topic), Isolation::Uncommitted), ["one", "two"]);
    producer.commit().expect("it is made");
    assert_eq!(stage.values(&place(&topic), Isolation::Committed), ["one", "two"]);
}

fn an_aborted_transaction_leaves_nothing_that_committed_readers_see<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    send(&mut producer, &topic, &["one"]);
    // Still on its way when the abort comes.
    producer.send(&record(&topic, 0, "two")).expect("it is taken");
    producer.abort(WAIT).expect("it is aborted");
    assert_eq!(stage.values(&place(&topic), Isolation::Committed), [""; 0]);
}

fn a_receipt_is_read_back_with_its_offset_and_an_abort_leaves_the_one_before<L: Log>(
    stage: &Stage<L>,
) {
    let (topic, group) = (stage.topic(1), unused("group"));
    let at = place(&topic);
    let consumer = stage.member(&topic, &group, 1);
    let mut producer = stage.transactional(&unused("id"));
    let mut admin = stage.other.admin().expect("an admin");
    let mut committed =
        || insist(|| admin.committed(&group, std::slice::from_ref(&at), WAIT)).remove(0);
    assert_eq!(committed(), None);
    for (receipt, made) in [("w:1", true), ("w:2", false), ("w:3", true)] {
        producer.begin().expect("it begins");
        let member = consumer.member().expect("it is one");
        // One offset throughout: the receipt alone tells them apart.
        insist(|| producer.send_offsets(&[commit(&at, 7, receipt)], &member, WAIT));
        if made {
            producer.commit().expect("it is made");
        } else {
            producer.abort(WAIT).expect("it is aborted");
        }
        let found = committed().expect("it is there");
        let expected = if made { receipt } else { "w:1" };
        assert_eq!((found.next.0, found.receipt.as_str()), (7, expected));
    }
}

fn a_question_for_offsets_waits_for_the_transaction_that_may_change_them<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(1), unused("group"));
    let at = [place(&topic)];
    let consumer = stage.member(&topic, &group, 1);
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    let member = consumer.member().expect("it is one");
    insist(|| producer.send_offsets(&[commit(&at[0], 3, "w:1")], &member, WAIT));
    let mut admin = stage.other.admin().expect("an admin");
    let short = std::time::Duration::from_millis(500);
    let asked = admin.committed(&group, &at, short);
    assert!(matches!(asked, Err(LogError::Retry(_))), "{asked:?}");
    producer.commit().expect("it is made");
    let found = insist(|| admin.committed(&group, &at, WAIT)).remove(0);
    assert_eq!(found.expect("it is there").next.0, 3);
}

fn a_second_producer_of_an_id_fences_the_first_and_aborts_what_it_left<L: Log>(stage: &Stage<L>) {
    let (topic, id) = (stage.topic(1), unused("id"));
    let mut first = stage.transactional(&id);
    first.begin().expect("it begins");
    send(&mut first, &topic, &["first"]);
    let mut second = stage.transactional(&id);
    let fenced = first.commit().expect_err("it is fenced");
    assert!(matches!(fenced, LogError::Fenced(_)), "{fenced:?}");
    second.begin().expect("it begins");
    send(&mut second, &topic, &["second"]);
    second.commit().expect("it is made");
    assert_eq!(stage.values(&place(&topic), Isolation::Committed), ["second"]);
}

fn an_open_transaction_holds_back_what_others_write_behind_it<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let at = place(&topic);
    let mut open = stage.transactional(&unused("id"));
    open.begin().expect("it begins");
    send(&mut open, &topic, &["open"]);
    send(&mut stage.idempotent(), &topic, &["behind"]);
    let mut admin = stage.log.admin().expect("an admin");
    let mut end = |isolation| insist(|| admin.bounds(&at, isolation, WAIT)).end.0;
    assert_eq!((end(Isolation::Committed), end(Isolation::Uncommitted)), (0, 2));
    assert_eq!(stage.values(&at, Isolation::Committed), [""; 0]);
    open.commit().expect("it is made");
    let (values, position) = stage.seen(&at, Isolation::Committed);
    assert_eq!(values, ["open", "behind"]);
    assert_eq!(position.0, 3, "behind the marker");
    assert_eq!(end(Isolation::Committed), 3);
}

fn after_an_abort_the_same_records_are_read_again<L: Log>(stage: &Stage<L>) {
    let (topic, out, group) = (stage.topic(1), stage.topic(1), unused("group"));
    let at = place(&topic);
    send(&mut stage.idempotent(), &topic, &["a", "b", "c"]);
    let mut consumer = stage.member(&topic, &group, 1);
    let start = [(at.clone(), driftline::log::Offset(0))];
    insist(|| consumer.start(&start));
    assert_eq!(read_to_end(&mut consumer, &at), ["a", "b", "c"]);
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    send(&mut producer, &out, &["x"]);
    producer.abort(WAIT).expect("it is aborted");
    insist(|| consumer.start(&[(at.clone(), driftline::log::Offset(1))]));
    assert_eq!(read_to_end(&mut consumer, &at), ["b", "c"]);
    insist(|| consumer.start(&start));
    assert_eq!(read_to_end(&mut consumer, &at), ["a", "b", "c"]);
}

fn a_transaction_without_offsets_is_refused_them<L: Log>(stage: &Stage<L>) {
    let (topic, group) = (stage.topic(1), unused("group"));
    let consumer = stage.member(&topic, &group, 1);
    let mut producer = stage.transactional(&unused("id"));
    producer.begin().expect("it begins");
    let member = consumer.member().expect("it is one");
    let refused = producer.send_offsets(&[], &member, WAIT).expect_err("it is refused");
    assert_eq!(refused.trouble().map(|trouble| trouble.cause), Some(Cause::State));
}

fn a_producer_that_aborted_goes_on<L: Log>(stage: &Stage<L>) {
    let topic = stage.topic(1);
    let mut producer = stage.transactional(&unused("id"));
    for round in 0..5 {
        producer.begin().expect("it begins");
        let value = round.to_string();
        for _ in 0..100 {
            insist(|| producer.send(&record(&topic, 0, &value)));
        }
        if round % 2 == 0 {
            producer.abort(WAIT).expect("it is aborted");
        } else {
            deliver(&mut producer);
            producer.commit().expect("it is made");
        }
    }
    let values = stage.values(&place(&topic), Isolation::Committed);
    let ones = values.iter().filter(|value| *value == "1").count();
    let threes = values.iter().filter(|value| *value == "3").count();
    assert_eq!((ones, threes, values.len()), (100, 100, 200));
}

fn state_alerts_and_offsets_of_several_topics_are_one_transaction<L: Log>(stage: &Stage<L>) {
    let (changes, state, alerts) = (stage.topic(2), stage.topic(2), stage.topic(1));
    let group = unused("group");
    let consumer = stage.member(&changes, &group, 2);
    let mut producer = stage.transactional(&unused("id"));
    let offsets = [0, 1].map(|number| commit(&TopicPartition::new(&changes, number), 5, "w:1"));
    for made in [false, true] {
        producer.begin().expect("it begins");
        send(&mut producer, &state, &["row"]);
        send(&mut producer, &alerts, &["alert"]);
        let member = consumer.member().expect("it is one");
        insist(|| producer.send_offsets(&offsets, &member, WAIT));
        if made {
            producer.commit().expect("it is made");
        } else {
            producer.abort(WAIT).expect("it is aborted");
        }
        let expected = usize::from(made);
        for topic in [&state, &alerts] {
            assert_eq!(stage.values(&place(topic), Isolation::Committed).len(), expected);
        }
        let mut admin = stage.other.admin().expect("an admin");
        let places = offsets.clone().map(|offset| offset.of);
        let found = insist(|| admin.committed(&group, &places, WAIT));
        assert_eq!(found.iter().flatten().count(), 2 * expected);
    }
}
